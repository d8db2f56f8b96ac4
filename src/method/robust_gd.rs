//! # Gradient descent with a fixed step
//!
//! **Algorithm.** `w+ = w - a g` with `a = 1 / L`, as the papers on robust aggregation run it (Yin, Chen, Ramchandran and Bartlett, 2018,
//! algorithm 1): no line search, for values and slopes of workers that lie can't be compared. `L = c |X|_2^2 / n + l2` with the
//! loss's curvature bound c and |X|_2 from 20 steps of the power method, or the step is given: `robust-gd:step=X`.
//!
//! **Requires** a smooth objective whose loss has a curvature bound, or a step. Where gradients are estimates of an aggregator, it
//! ends where these vanish, which is not the minimizer; the values F of its record are the master's own and steer nothing.
//!
//! **Cost.** One round an iteration where workers send gradients; with a data code two, and 40 for L.

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, norm};
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::params::Params;

/// Steps of the power method: its estimate is then low by ln(d) / 40 at most on average (Kuczynski and Wozniakowski, 1992), and any
/// step below 2 / L converges.
const POWER_STEPS: usize = 20;

/// Gradient descent with the step 1 / L.
///
/// ```
/// use steadfast::method::{Method, RobustGd, by_name};
/// assert_eq!(by_name("robust-gd:step=0.5")?.name(), RobustGd::default().name());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct RobustGd {
    given: Option<f64>,
    step: f64,
}

impl RobustGd {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let fine = |x: &f64| x.is_finite() && *x > 0.0;
        Ok(RobustGd { given: options.take_within("step", "a finite number above 0", fine)?, step: 0.0 })
    }

    /// 1 / L.
    pub(super) fn measured_step(problem: &mut Problem<'_>, margins: &[f64]) -> Result<f64> {
        let k = problem.objective().loss.outputs();
        let d = problem.dimension() / k;
        // The singular vectors of X are the same for all K outputs; a start without structure meets every one of them.
        let mut vector = vec![0.0; problem.dimension()];
        vector[..d].iter_mut().enumerate().for_each(|(j, v)| *v = 1.0 + (1.0 + j as f64).sin() / 2.0);
        let mut products = vec![0.0; problem.margin_count()];
        for _ in 0..POWER_STEPS {
            let length = norm(&vector);
            if length == 0.0 {
                break;
            }
            vector.iter_mut().for_each(|v| *v /= length);
            problem.margins(&vector, &mut products)?;
            problem.pullback(&products, &mut vector)?;
        }
        let lipschitz = problem.rounding().lipschitz(problem.curvature_bound(margins), problem.objective().l2);
        Ok(1.0 / lipschitz)
    }
}

impl Method for RobustGd {
    fn name(&self) -> &'static str {
        "robust-gd"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)?;
        if self.given.is_some() || objective.loss.curvature_bound().is_some() {
            return Ok(());
        }
        Err(Error::usage(
            format!("method robust-gd with loss {}", objective.loss.id().name),
            "a loss without a bound on its curvature",
            "robust-gd:step=X",
        ))
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.step = match self.given {
            Some(step) => step,
            None => Self::measured_step(problem, &iterate.margins)?,
        };
        problem.gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        add_scaled(&mut iterate.weights, -self.step, &iterate.gradient);
        problem.observe(iterate)?;
        problem.gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(Step::Moved { length: self.step })
    }

    fn restart(&mut self) {}
}
