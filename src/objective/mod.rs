//! What is minimized: `F(w) = (1/n) sum_i loss(x_i . w, y_i) + (l2/2)|w|^2 + l1 |w|_1`, optionally over a convex set.

mod evaluate;

use std::sync::Arc;

/// Names a loss on the wire: every rank has the same registry.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LossId {
    /// Kebab-case name, as on the command line.
    pub name: String,
    /// Its parameters, in the order its constructor takes them.
    pub parameters: Vec<f64>,
}

/// A differentiable loss of K margins and a label. With weights W (K x d, row-major) a row x has the margins `W x`.
pub trait Loss: Send + Sync + std::fmt::Debug {
    /// Name and parameters.
    fn id(&self) -> LossId;

    /// K, the margins a row has: 1, or the number of classes.
    fn outputs(&self) -> usize {
        1
    }

    /// The loss at K margins.
    fn value(&self, margins: &[f64], label: f64) -> f64;

    /// Its K first derivatives, into `out`.
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]);

    /// Its K x K second derivative at the margins times `direction` (K numbers), into `out`.
    fn second_derivative(&self, margins: &[f64], label: f64, direction: &[f64], out: &mut [f64]);

    /// What labels it takes, or `None` when `label` is fine.
    fn reject_label(&self, label: f64) -> Option<String> {
        (!label.is_finite()).then(|| "finite numbers".into())
    }

    /// An upper bound of the second derivative (largest eigenvalue over all margins), if there is one.
    fn curvature_bound(&self) -> Option<f64> {
        None
    }
}

/// The convex part that is handled by its proximal operator.
pub trait Regularizer: Send + Sync + std::fmt::Debug {
    /// Name with parameters, for records.
    fn name(&self) -> String;

    /// Its value; infinite outside the set of a constraint (up to rounding).
    fn value(&self, weights: &[f64]) -> f64;

    /// `argmin_u step * h(u) + |u - w|^2 / 2`, in place.
    fn prox(&self, step: f64, weights: &mut [f64]);
}

/// Loss, l2 and an optional non-smooth part.
#[derive(Debug, Clone)]
pub struct Objective {
    /// The loss.
    pub loss: Arc<dyn Loss>,
    /// Weight of `|w|^2 / 2`.
    pub l2: f64,
    /// l1, elastic net's l1 part, or a constraint; `None` for a smooth problem.
    pub regularizer: Option<Arc<dyn Regularizer>>,
    /// True when the last feature column is the constant 1, whose weights are not penalized.
    pub intercept: bool,
}
