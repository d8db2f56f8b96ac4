//! # DINGO
//!
//! **Algorithm** (Crane and Roosta, 2019, as paper 003 compares it). Lowers `|g|^2` instead of F, along a p with
//! `<p, H g> <= -theta |g|^2`: the mean of `-H_i^+ g` if that has it, else of `-(H_i; phi I)^+ (g; 0)`, else these corrected
//! worker by worker. The step is the largest of 1, 1/2, .. 2^-50 with `|g(w + a p)|^2 <= |g|^2 + 2 a rho <p, H g>`.
//!
//! **Requires** a smooth objective. It goes to a stationary point, which need not be a minimizer: F may rise on the way.
//!
//! **Cost.** Four communications an iteration, six in the third case, one more at the start. They hide that the line search sends
//! 51 gradients a worker.

use super::candidates::SHARE;
use super::dino::safeguard;
use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, dot};
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::oracle::{LocalTask, STEPS, Safeguard, candidate};
use crate::params::Params;

/// DINGO: distributed Newton-type optimization of the gradient's norm.
#[derive(Debug)]
pub struct Dingo {
    safeguard: Safeguard,
}

impl Dingo {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Ok(Dingo { safeguard: safeguard(options)? })
    }

    /// The direction, by the first of the three cases that has the slope, and that slope `<p, H g>`.
    fn direction(&self, problem: &mut Problem<'_>, iterate: &Iterate) -> Result<(Vec<f64>, f64)> {
        let (safeguard, gradient) = (self.safeguard, iterate.gradient.as_slice());
        let width = gradient.len();
        let mut sent = vec![0.0; 3 * width];
        let task = LocalTask::Dingo { weights: &iterate.weights, gradient, safeguard };
        problem.local_mean(&task, &mut sent)?;
        let (image, solutions) = sent.split_at(width);
        let enough = -safeguard.theta * dot(gradient, gradient);
        for solution in solutions.chunks_exact(width) {
            let direction: Vec<f64> = solution.iter().map(|x| -x).collect();
            let slope = dot(&direction, image);
            if slope <= enough {
                return Ok((direction, slope));
            }
        }
        let mut direction = vec![0.0; width];
        problem.local_mean(&LocalTask::DingoCorrected { gradient, image, safeguard }, &mut direction)?;
        let slope = dot(&direction, image);
        Ok((direction, slope))
    }
}

impl Method for Dingo {
    fn name(&self) -> &'static str {
        "dingo"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        problem.local_gradient(iterate, 0)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let (direction, slope) = self.direction(problem, iterate)?;
        let width = direction.len();
        let mut sent = vec![0.0; STEPS * (width + 1)];
        let task = LocalTask::Gradients { weights: &iterate.weights, direction: &direction };
        problem.local_mean(&task, &mut sent)?;
        let square = dot(&iterate.gradient, &iterate.gradient);
        let passes = |&(k, there): &(usize, &[f64])| {
            dot(&there[..width], &there[..width]) <= square + 2.0 * candidate(k) * SHARE * slope
        };
        let Some((k, there)) = sent.chunks_exact(width + 1).enumerate().find(passes) else {
            return Err(Error::Numerical(format!(
                "no step lowers the gradient's norm {:e} along DINGO's direction: rounding, or curvature that changes too fast",
                iterate.stationarity
            )));
        };
        add_scaled(&mut iterate.weights, candidate(k), &direction);
        problem.stand(iterate, &there[..width], there[width])?;
        Ok(Step::Moved { length: candidate(k) })
    }

    fn restart(&mut self) {}
}
