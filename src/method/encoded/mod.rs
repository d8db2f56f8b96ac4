//! Methods on encoded data (paper 000; Karakus, Sun, Diggavi and Yin, NeurIPS 2017 and JMLR 20, 2019). Every round takes the first
//! k replies, whose set changes from round to round, and nothing is decoded: values and gradients are estimates, and on rows
//! a method ends near the optimum, not at it. What the record has as the objective is F itself, which the master computes from the data
//! aside; no step depends on it.

mod coordinate_descent;
mod gradient_descent;
mod lbfgs;
mod plateau;
mod proximal_gradient;

pub use coordinate_descent::EncodedCoordinateDescent;
pub use gradient_descent::EncodedGradientDescent;
pub use lbfgs::EncodedLbfgs;
pub use proximal_gradient::EncodedProximalGradient;

use super::problem::Problem;
use super::robust_gd::RobustGd;
use crate::error::{Error, Result};
use crate::objective::Objective;

/// Least squares are all that encoding the rows leaves as they are.
fn require_squared(name: &'static str, objective: &Objective) -> Result<()> {
    match objective.loss.id().name.as_str() {
        "squared" => Ok(()),
        other => Err(Error::usage(
            format!("method {name} with loss {other}"),
            "a loss that encoded rows would change",
            "the squared loss; encoded-coordinate-descent, which encodes columns, for any with one output",
        )),
    }
}

/// `2 zeta/(M (1 + eps))` with zeta = 1/2, the step for which the convergence bound is best: M is the curvature of F, 1 + eps what
/// subsets of workers make of it.
fn bounded_step(problem: &mut Problem<'_>, margins: &[f64]) -> Result<f64> {
    let largest = problem.encoded_largest()?;
    Ok(RobustGd::measured_step(problem, margins)? / largest.max(1.0))
}
