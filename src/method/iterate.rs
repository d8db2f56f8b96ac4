//! The point that a method moves, with all that is known there.

use super::problem::Problem;
use crate::error::{Error, Result};

/// The current point. A method that keeps it up to date needs no product twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Iterate {
    /// w, K x d, row-major.
    pub weights: Vec<f64>,
    /// `X w`, n x K.
    pub margins: Vec<f64>,
    /// The mean loss's derivatives (n x K) at the point where `gradient` is or will be taken.
    pub residuals: Vec<f64>,
    /// The gradient of the smooth part, K x d: at w, or for an accelerated method at its extrapolated point.
    pub gradient: Vec<f64>,
    /// F(w).
    pub value: f64,
    /// The norm of the gradient, or of the proximal-gradient step.
    pub stationarity: f64,
    /// F(w) minus the best lower bound of the optimum that a dual point gave, where there is one; a run that ends by it ends by
    /// the bound of w's own dual point.
    pub duality_gap: Option<f64>,
    /// Steps since the margins were last computed in full: 0 when they are a product and not a sum of products.
    pub age: usize,
    /// Largest relative change of the margins that a full product has shown.
    pub drift: f64,
}

impl Iterate {
    /// The point `weights` (projected onto the constraint where it is outside), with margins, value and residuals: one
    /// round. The gradient is left at 0.
    ///
    /// # Errors
    /// [`Error::Usage`] for weights of the wrong length or not finite; [`Error::Numerical`] when F is not finite there.
    pub fn new(problem: &mut Problem<'_>, mut weights: Vec<f64>) -> Result<Self> {
        if weights.len() != problem.dimension() {
            let allowed = format!("{} numbers", problem.dimension());
            return Err(Error::usage("start weights", weights.len(), allowed));
        }
        if let Some(bad) = weights.iter().find(|w| !w.is_finite()) {
            return Err(Error::usage("start weights", bad, "finite numbers"));
        }
        if problem.nonsmooth_value(&weights) == f64::INFINITY {
            problem.prox(1.0, &mut weights);
        }
        let mut margins = vec![0.0; problem.margin_count()];
        problem.margins(&weights, &mut margins)?;
        let mut residuals = vec![0.0; margins.len()];
        problem.residuals(&margins, &mut residuals);
        let value = problem.smooth_value(&weights, &margins) + problem.nonsmooth_value(&weights);
        if !value.is_finite() {
            return Err(Error::Numerical(format!("the objective at the start is {value}")));
        }
        let gradient = vec![0.0; weights.len()];
        Ok(Iterate {
            weights,
            margins,
            residuals,
            gradient,
            value,
            stationarity: f64::INFINITY,
            duality_gap: None,
            age: 0,
            drift: 0.0,
        })
    }
}
