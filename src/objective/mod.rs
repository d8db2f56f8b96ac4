//! What is minimized: `F(w) = (1/n) sum_i loss(x_i . w, y_i) + (l2/2)|w|^2 + l1 |w|_1`, optionally over a convex set.
//!
//! A [`Loss`] knows one row; an [`Objective`] joins it with l2 and a [`Regularizer`] and evaluates the whole from margins
//! that the caller has, with no pass over the data. Losses and regularizers are made from names by [`loss_by_name`] and
//! [`Penalty::parse`]; a loss of your own needs no registration to be used in this process.

mod batch;
mod duality;
mod evaluate;
mod losses;
mod math;
mod registry;
mod regularizers;

pub use evaluate::LineValue;
pub use losses::{Huber, LeastSquares, Logistic, NonlinearLeastSquares, Poisson, Softmax, SquaredHinge};
pub use registry::{LOSS_NAMES, loss_by_id, loss_by_name};
pub use regularizers::{
    BoxConstraint, HingeDual, L1, L2Ball, LinearCost, Penalized, Penalty, REGULARIZER_NAMES, Simplex,
};

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
///
/// The methods over many rows have loops of their own for each loss: a loss of yours gets them from the three formulas
/// for one row, without a virtual call a row.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::objective::{Loss, LossId, Objective};
///
/// /// `log cosh(z - y)`: quadratic near the label, linear far from it.
/// #[derive(Debug)]
/// struct LogCosh;
///
/// impl Loss for LogCosh {
///     fn id(&self) -> LossId {
///         LossId { name: "log-cosh".into(), parameters: vec![] }
///     }
///     fn value(&self, margins: &[f64], label: f64) -> f64 {
///         let r = (margins[0] - label).abs();
///         r + (-2.0 * r).exp().ln_1p() - std::f64::consts::LN_2
///     }
///     fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
///         out[0] = (margins[0] - label).tanh();
///     }
///     fn second_derivative(&self, margins: &[f64], label: f64, direction: &[f64], out: &mut [f64]) {
///         let t = (margins[0] - label).tanh();
///         out[0] = (1.0 - t * t) * direction[0];
///     }
///     fn curvature_bound(&self) -> Option<f64> {
///         Some(1.0)
///     }
///     fn is_convex(&self) -> bool {
///         true
///     }
/// }
///
/// let objective = Objective { loss: Arc::new(LogCosh), l2: 0.1, regularizer: None, intercept: false };
/// let mut residuals = [0.0; 2];
/// objective.residuals(&[1.0, -3.0], &[1.0, 3.0], &mut residuals);
/// assert_eq!(residuals[0], 0.0);
/// assert!((residuals[1] + 0.5).abs() < 1e-4);
/// ```
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

    /// [`Loss::value`], with [`Loss::derivative`] into `out`, for losses that share work between the two.
    #[inline(always)]
    fn value_and_derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) -> f64 {
        self.derivative(margins, label, out);
        self.value(margins, label)
    }

    /// What labels it takes, or `None` when `label` is fine.
    fn reject_label(&self, label: f64) -> Option<String> {
        (!label.is_finite()).then(|| "finite numbers".into())
    }

    /// An upper bound of the second derivative (largest eigenvalue over all margins and labels), if there is one.
    fn curvature_bound(&self) -> Option<f64> {
        None
    }

    /// True only when the loss is convex in the margins for every label: bounds on the distance to the optimum rest on it.
    fn is_convex(&self) -> bool {
        false
    }

    /// The convex conjugate `sup_z <dual, z> - loss(z, label)` at K numbers: infinite outside its domain, `None` when it is
    /// not known (duality gaps that need it are then `None`).
    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        let _ = (dual, label);
        None
    }

    /// How its second derivatives factor, for Hessians that are formed or sketched; `None` where they are only multiplied with.
    fn curvature_form(&self) -> Option<CurvatureForm> {
        (self.outputs() == 1 && self.is_convex()).then_some(CurvatureForm::Scalar)
    }

    /// The sum of [`Loss::value`] over rows; `margins` is rows x K, row-major.
    fn sum_values(&self, margins: &[f64], labels: &[f64]) -> f64 {
        batch::sum_values(self, margins, labels)
    }

    /// `scale` times [`Loss::derivative`] of every row, into `out` (rows x K, row-major).
    fn derivatives(&self, margins: &[f64], labels: &[f64], scale: f64, out: &mut [f64]) {
        batch::derivatives(self, margins, labels, scale, out);
    }

    /// `scale` times [`Loss::second_derivative`] of every row in its own direction; `directions` and `out` are rows x K,
    /// row-major.
    fn second_derivatives(&self, margins: &[f64], labels: &[f64], directions: &[f64], scale: f64, out: &mut [f64]) {
        batch::second_derivatives(self, margins, labels, directions, scale, out);
    }

    /// Sums over rows of the value at `margins + step * directions` and of its derivative in `step`.
    fn line(&self, margins: &[f64], directions: &[f64], labels: &[f64], step: f64) -> (f64, f64) {
        batch::line(self, margins, directions, labels, step)
    }

    /// The sum over rows of `f(z) + f*(t) - <t, z>` at the dual points `t = scale (f'(z) - centre)` (`centre`: K numbers): the
    /// loss's part of a duality gap, each term at least 0. `None` without a [`Loss::conjugate`].
    fn sum_fenchel_gaps(&self, margins: &[f64], labels: &[f64], scale: f64, centre: &[f64]) -> Option<f64> {
        batch::sum_fenchel_gaps(self, margins, labels, scale, centre)
    }
}

/// The numbers that give a loss's K x K second derivative at one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurvatureForm {
    /// K = 1: the second derivative itself.
    Scalar,
    /// K probabilities p: `diag(p) - p p'`.
    Softmax,
}

/// The convex part that is handled by its proximal operator.
pub trait Regularizer: Send + Sync + std::fmt::Debug {
    /// Name with parameters, for records.
    fn name(&self) -> String;

    /// Its value; infinite outside the set of a constraint (up to rounding).
    fn value(&self, weights: &[f64]) -> f64;

    /// `argmin_u step * h(u) + |u - w|^2 / 2`, in place.
    fn prox(&self, step: f64, weights: &mut [f64]);

    /// True only when h is a sum of functions of one weight each, so that [`Regularizer::prox`] changes a weight by itself alone.
    fn is_separable(&self) -> bool {
        false
    }

    /// The largest s in \[0, 1\] at which the convex conjugate h* is finite at `s dual`: what a dual point is multiplied by
    /// to become feasible.
    fn dual_scale(&self, dual: &[f64]) -> f64 {
        let _ = dual;
        1.0
    }

    /// `h(weights) + h*(dual) - <dual, weights>`, the part of a duality gap that belongs to h: never negative but for
    /// rounding. `None` when it is not known; then there is a duality gap only where l2 > 0.
    fn fenchel_gap(&self, weights: &[f64], dual: &[f64]) -> Option<f64> {
        let _ = (weights, dual);
        None
    }
}

/// Loss, l2 and an optional non-smooth part.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::objective::{Logistic, Objective};
///
/// let objective = Objective { loss: Arc::new(Logistic), l2: 0.01, regularizer: None, intercept: false };
/// // Three rows with the margins X w at the weights w.
/// let (weights, margins, labels) = ([0.5, -1.0], [2.0, -0.5, 0.0], [1.0, 1.0, -1.0]);
/// objective.check(&labels)?;
/// let value = objective.value(&margins, &labels, &weights);
/// // The gradient is X' residuals + l2 w.
/// let mut residuals = [0.0; 3];
/// objective.residuals(&margins, &labels, &mut residuals);
/// assert!((value - 0.604_301).abs() < 1e-6);
/// assert!((residuals[2] - 0.5 / 3.0).abs() < 1e-15);
/// # Ok::<(), steadfast::Error>(())
/// ```
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
