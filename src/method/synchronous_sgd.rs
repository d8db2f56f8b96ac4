//! # Synchronous stochastic gradient descent
//!
//! **Algorithm** (as paper 003 compares it). Every worker sends the mean gradient of a fifth of its rows, drawn with replacement; the
//! master averages and takes a fixed step.
//!
//! **Requires** a smooth objective and a step. It wanders about the minimizer at a distance that the step sets. Values and gradients
//! in its record are the master's own and steer nothing but the end of the run.
//!
//! Not [`Sgd`](super::Sgd): there the master recovers rows of all data from a code and differentiates them itself; here workers differentiate
//! samples of rows that only they have, a part of the estimate each, and nothing is certified.
//!
//! **Cost.** Two communications an iteration, one less at the start.

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, norm};
use super::{Method, Step, require_smooth};
use crate::error::Result;
use crate::objective::Objective;
use crate::oracle::LocalTask;
use crate::params::Params;

/// Stochastic gradient descent in lockstep.
#[derive(Debug)]
pub struct SynchronousSgd {
    step: f64,
    /// Whether the workers know the point.
    known: bool,
}

impl SynchronousSgd {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Ok(SynchronousSgd { step: options.positive("step", 1.0)?, known: true })
    }
}

impl Method for SynchronousSgd {
    fn name(&self) -> &'static str {
        "synchronous-sgd"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.known = true;
        problem.gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let mut mean = vec![0.0; iterate.weights.len()];
        let sent = if self.known { 0 } else { mean.len() };
        problem.local_mean(&LocalTask::Sample { weights: &iterate.weights, sent }, &mut mean)?;
        self.known = false;
        add_scaled(&mut iterate.weights, -self.step, &mean);
        problem.observe(iterate)?;
        problem.gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(Step::Moved { length: self.step })
    }

    fn restart(&mut self) {}
}
