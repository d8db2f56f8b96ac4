//! # Coordinate descent on encoded columns
//!
//! **Algorithm.** With `w = S'v` worker i steps on its block, `v_i <- v_i - a (S_i X' r + beta l2 v_i)`, and of the first k the
//! updates stand (Karakus et al. 2019, model parallelism; [`LiftedBlocks`](crate::oracle::LiftedBlocks) has the formulas). The step
//! `a = 1/(beta L)`, with L the largest curvature of F from 20 steps of the power method on the master's data, decreases F for any set
//! of blocks; or it is given: `encoded-coordinate-descent:step=X`.
//!
//! **Requires** a smooth objective with one output and a tight frame; convex, for the limit to be the optimum. That limit is exact.
//!
//! **Cost.** One round an iteration: the residuals (n numbers) down, the block's margins (n numbers) up. Before convergence is accepted
//! the gradient is computed in full.

use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::robust_gd::RobustGd;
use crate::method::vector::norm;
use crate::method::{Method, Step, require_smooth};
use crate::objective::Objective;
use crate::params::Params;

/// Encoded block coordinate descent with a fixed step.
///
/// ```
/// use steadfast::method::{EncodedCoordinateDescent, Method};
/// assert_eq!(EncodedCoordinateDescent::default().name(), "encoded-coordinate-descent");
/// ```
#[derive(Debug, Default)]
pub struct EncodedCoordinateDescent {
    given: Option<f64>,
    step: f64,
}

impl EncodedCoordinateDescent {
    /// Of the parsed name.
    pub(in crate::method) fn parse(options: &mut Params) -> Result<Self> {
        let fine = |x: &f64| x.is_finite() && *x > 0.0;
        Ok(EncodedCoordinateDescent { given: options.take_within("step", "a finite number above 0", fine)?, step: 0.0 })
    }

    /// Weights, margins and F of what the workers hold.
    fn read(problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let blocks = problem.lifted()?;
        blocks.weights(&mut iterate.weights);
        iterate.margins.copy_from_slice(blocks.margins());
        iterate.value = problem.smooth_value(&iterate.weights, &iterate.margins);
        problem.residuals(&iterate.margins, &mut iterate.residuals);
        Ok(())
    }
}

impl Method for EncodedCoordinateDescent {
    fn name(&self) -> &'static str {
        "encoded-coordinate-descent"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)?;
        let loss = &objective.loss;
        if loss.outputs() > 1 || objective.intercept {
            let got = if objective.intercept { "an intercept, which l2 leaves out" } else { "several outputs" };
            let allowed = "a loss with one output, and no intercept: l2 is put on the encoded weights";
            return Err(Error::usage(format!("method {} with loss {}", self.name(), loss.id().name), got, allowed));
        }
        if self.given.is_some() || loss.curvature_bound().is_some() {
            return Ok(());
        }
        let what = format!("method {} with loss {}", self.name(), loss.id().name);
        Err(Error::usage(what, "a loss without a bound on its curvature", format!("{}:step=X", self.name())))
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let beta = problem.lifted()?.redundancy();
        self.step = match self.given {
            Some(step) => step,
            None => RobustGd::measured_step(problem, &iterate.margins)? / beta,
        };
        problem.lifted()?.start(&iterate.weights);
        Self::read(problem, iterate)?;
        self.verify(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let (step, l2) = (self.step, problem.objective().l2);
        let round = problem.lifted()?.step(&iterate.residuals, step, l2)?;
        problem.count_encoded(&round);
        Self::read(problem, iterate)?;
        // Until every worker has been heard nothing is known of it; the last value stands.
        let reported = problem.lifted()?.gradient_norm();
        iterate.stationarity = if reported.is_finite() { reported } else { iterate.stationarity };
        Ok(Step::Moved { length: step })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        problem.observe(iterate)?;
        problem.pullback(&iterate.residuals, &mut iterate.gradient)?;
        problem.objective().add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        iterate.stationarity = norm(&iterate.gradient);
        Ok(())
    }

    fn restart(&mut self) {}
}
