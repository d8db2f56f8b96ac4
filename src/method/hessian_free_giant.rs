//! # GIANT without Hessians
//!
//! **Algorithm** (Wang, Roosta-Khorasani, Xu and Mahoney, 2018, as paper 003 runs it). Every worker solves `H_i p_i = -g` by at most 50
//! conjugate gradients with products of its own Hessian; the master averages and takes the largest of the steps 1, 1/2, .. 2^-50
//! with sufficient decrease. One worker that meets negative curvature ends the run: DINO is for such problems.
//!
//! **Requires** a smooth objective, and every H_i positive definite along its directions.
//!
//! **Cost.** Six communications an iteration, one less at the start.

use super::candidates::descend;
use super::dino::inner;
use super::iterate::Iterate;
use super::problem::Problem;
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::oracle::{Inner, LocalTask};
use crate::params::Params;

/// GIANT by local conjugate gradients: the variant for losses that are not convex or whose Hessians are too large to factor.
#[derive(Debug)]
pub struct HessianFreeGiant {
    inner: Inner,
    /// The direction, and the share of workers that failed.
    sent: Vec<f64>,
}

impl HessianFreeGiant {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Ok(HessianFreeGiant { inner: inner(options)?, sent: Vec::new() })
    }
}

impl Method for HessianFreeGiant {
    fn name(&self) -> &'static str {
        "hessian-free-giant"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.sent.resize(problem.dimension() + 1, 0.0);
        problem.local_gradient(iterate, 0)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let task = LocalTask::Newton { weights: None, gradient: &iterate.gradient, inner: self.inner };
        problem.local_mean(&task, &mut self.sent)?;
        let width = iterate.weights.len();
        let (direction, failed) = (&self.sent[..width], self.sent[width]);
        if failed > 0.0 {
            let workers = problem.local_workers();
            return Err(Error::Numerical(format!(
                "conjugate gradients met negative curvature at {:.0} of {workers} workers, where GIANT has no direction; \
                 dino has one whatever the curvature",
                failed * workers as f64
            )));
        }
        descend(problem, iterate, direction)
    }

    fn restart(&mut self) {}
}
