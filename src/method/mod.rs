//! Methods and the solve loop. A method asks an oracle for certified products and never sees a worker; the loop in
//! [`solve`] does all that the methods share: records, observers, limits, and the tests that end a run.

mod auto;
mod coordinate_descent;
mod dual_barrier;
mod fista;
mod forward_backward;
mod giant;
mod gradient_descent;
mod iterate;
mod lbfgs;
mod line_search;
mod newton;
mod problem;
mod proximal_gradient;
mod ray;
mod robust_gd;
mod rounding;
mod sgd;
mod solve;
mod status;
mod vector;

pub use auto::{NAMES, by_name, for_objective};
pub use coordinate_descent::{CoordinateDescent, Order};
pub use dual_barrier::DualBarrier;
pub use fista::Fista;
pub use giant::{Giant, Stragglers};
pub use gradient_descent::GradientDescent;
pub use iterate::Iterate;
pub use lbfgs::Lbfgs;
pub use line_search::{Accepted, LineSearch, Sample};
pub use newton::{Newton, NewtonOptions};
pub use problem::Problem;
pub use proximal_gradient::ProximalGradient;
pub use robust_gd::RobustGd;
pub use rounding::Rounding;
pub use sgd::{Schedule, Sgd, SgdOptions};
pub use solve::{Outcome, SolveOptions, solve};
pub use status::{Criterion, Status};

use crate::error::{Error, Result};
use crate::objective::Objective;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The iterate moved.
    Moved {
        /// The step length taken.
        length: f64,
    },
    /// The method itself can tell that what is left is rounding: the iterate stands, with its duality gap.
    Rounding,
    /// No step decreases F measurably, from margins computed in full and along the plainest direction the method has.
    Stuck,
}

/// An iterative method for a [`Problem`]. To add one, write `start` and `step`; [`solve`] does the rest.
///
/// After `start` and after each `step` that moved, the iterate's `weights`, `margins`, `value`,
/// `stationarity` and (where there is one) `duality_gap` must be up to date; `residuals` and `gradient` may be those of a
/// point nearby (an accelerated method's extrapolated one).
pub trait Method: Send + std::fmt::Debug {
    /// The kebab-case name, as on the command line and in records.
    fn name(&self) -> &'static str;

    /// Whether the method can solve this kind of objective.
    ///
    /// # Errors
    /// [`Error::Usage`] that says which methods can.
    fn check(&self, objective: &Objective) -> Result<()>;

    /// Prepares for a run from `iterate`, whose margins, residuals and value are known: gives it a gradient and a
    /// stationarity, and forgets any earlier run.
    ///
    /// # Errors
    /// Those of the rounds it asks for.
    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()>;

    /// One iteration.
    ///
    /// # Errors
    /// Those of the rounds it asks for; [`Error::Numerical`] when it can't go on.
    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step>;

    /// Makes sure that the iterate stands on margins computed in full, and its duality gap on its own dual point, before
    /// convergence is accepted. Methods whose margins are always products and that know no gap have nothing to do.
    ///
    /// # Errors
    /// Those of the rounds it asks for.
    fn verify(&mut self, _problem: &mut Problem<'_>, _iterate: &mut Iterate) -> Result<()> {
        Ok(())
    }

    /// Forgets what was learnt about the objective (pairs, momentum), after a run without measurable progress.
    fn restart(&mut self);
}

/// The error of a smooth-only method that was given a regularizer; nothing for a smooth objective.
fn require_smooth(name: &'static str, objective: &Objective) -> Result<()> {
    match &objective.regularizer {
        None => Ok(()),
        Some(h) => Err(Error::usage(
            format!("method {name} with {}", h.name()),
            "an objective with a non-smooth part or a constraint",
            "fista or proximal-gradient for it; gradient-descent and lbfgs for smooth objectives",
        )),
    }
}
