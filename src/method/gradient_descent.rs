//! # Gradient descent
//!
//! **Algorithm.** `w+ = w - a grad F(w)`, with a found by backtracking on the Armijo condition (Nocedal and Wright,
//! *Numerical Optimization*, 2nd ed., algorithm 3.1). The first candidate of an iteration is the step of Barzilai and Borwein
//! (*IMA J. Numer. Anal.* 8, 1988), `s.s / s.y`, kept within a factor 1e3 of the last step, so that a step can grow again; at
//! the start it is the minimizer of the second-order model along the gradient. F never rises.
//!
//! **Requires** a smooth objective; convex or not. No step size is asked for.
//!
//! **Cost.** Two rounds an iteration: `X g` for the whole line search, `X' r` for the new gradient. The margins are computed
//! in full every 30 iterations, when a line search fails and before convergence is accepted: one more round.

use super::iterate::Iterate;
use super::line_search::LineSearch;
use super::problem::Problem;
use super::ray::Ray;
use super::vector::dot;
use super::{Method, Step, require_smooth};
use crate::error::Result;
use crate::objective::Objective;

/// How far the next candidate may be from the last step.
const SAFEGUARD: f64 = 1e3;

/// Gradient descent with Armijo backtracking from Barzilai-Borwein steps.
///
/// ```
/// use steadfast::method::{GradientDescent, Method};
/// assert_eq!(GradientDescent::default().name(), "gradient-descent");
/// ```
#[derive(Debug, Default)]
pub struct GradientDescent {
    /// `-g`.
    direction: Vec<f64>,
    ray: Ray,
    candidate: Option<f64>,
}

impl GradientDescent {
    fn search(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Option<f64>> {
        self.direction.iter_mut().zip(&iterate.gradient).for_each(|(p, g)| *p = -g);
        let found = self.ray.search(problem, iterate, &self.direction, LineSearch::ARMIJO, self.candidate)?;
        Ok(found.map(|(sample, _)| sample.step))
    }
}

impl Method for GradientDescent {
    fn name(&self) -> &'static str {
        "gradient-descent"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.restart();
        self.direction.resize(problem.dimension(), 0.0);
        self.ray.start(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let mut length = self.search(problem, iterate)?;
        if length.is_none() {
            // The margins may have drifted, or the candidate be far off.
            self.restart();
            self.ray.refresh(problem, iterate)?;
            length = self.search(problem, iterate)?;
        }
        let Some(length) = length else { return Ok(Step::Stuck) };
        self.ray.follow(problem, iterate)?;

        // s.s / s.y with s = a p and y = g+ + p.
        let square = dot(&self.direction, &self.direction);
        let curvature = square + dot(&self.direction, &iterate.gradient);
        let longest = SAFEGUARD * length;
        let candidate = length * square / curvature;
        self.candidate = Some(if candidate > 0.0 { candidate.clamp(length / SAFEGUARD, longest) } else { longest });
        Ok(Step::Moved { length })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.ray.verify(problem, iterate)
    }

    fn restart(&mut self) {
        self.candidate = None;
    }
}
