//! # Proximal gradient
//!
//! **Algorithm.** `w+ = prox_s(w - s grad f(w))`, with s found by backtracking on the quadratic upper bound of the smooth
//! part f and grown again where the bound is slack (Beck and Teboulle, *SIAM J. Imaging Sci.* 2, 2009, ISTA with
//! backtracking; paper 002 gives its coded form). F never rises.
//!
//! **Requires** a convex smooth part; any regularizer with a proximal operator, or none. No step size is asked for.
//!
//! **Cost.** Two rounds an iteration (`X w+`, `X' r`), and one more for each step that was too long; one extra at the
//! start, for the first step.

use super::forward_backward::ForwardBackward;
use super::iterate::Iterate;
use super::problem::Problem;
use super::{Method, Step};
use crate::error::Result;
use crate::objective::Objective;

/// Proximal gradient with backtracking.
///
/// ```
/// use steadfast::method::{Method, ProximalGradient};
/// assert_eq!(ProximalGradient::default().name(), "proximal-gradient");
/// ```
#[derive(Debug, Default)]
pub struct ProximalGradient {
    engine: ForwardBackward,
}

impl Method for ProximalGradient {
    fn name(&self) -> &'static str {
        "proximal-gradient"
    }

    fn check(&self, _: &Objective) -> Result<()> {
        Ok(())
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.engine.start(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        // w+ = prox(w - s g), backtracking on s.
        self.engine.take(problem, iterate)?;
        // The gradient at w+.
        self.engine.move_point(problem, iterate, 0.0)?;
        Ok(Step::Moved { length: self.engine.step })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.engine.verify(problem, iterate)
    }

    fn restart(&mut self) {}
}
