//! # DiSCO
//!
//! **Algorithm** (Zhang and Lin, 2015, as paper 003 compares it). A damped Newton step: `H v = g` by conjugate gradients whose every
//! product `H u = mean H_i u` is a round of the workers, then `w - v / (1 + sqrt(v'H v))`. No line search, no preconditioner.
//!
//! **Requires** a smooth objective whose Hessian is positive definite along its directions: else the run ends, and says so.
//!
//! **Cost.** Two communications an iteration and two a product, up to 50 products.

use super::dino::inner;
use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, dot, norm};
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::oracle::{Inner, LocalTask};
use crate::params::Params;

/// DiSCO: inexact damped Newton steps by distributed conjugate gradients.
#[derive(Debug)]
pub struct Disco {
    inner: Inner,
}

impl Disco {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Ok(Disco { inner: inner(options)? })
    }

    /// An inexact solution v of `H v = gradient`, and `v'H v`.
    fn newton(&self, problem: &mut Problem<'_>, gradient: &[f64]) -> Result<(Vec<f64>, f64)> {
        let (mut solution, mut image) = (vec![0.0; gradient.len()], vec![0.0; gradient.len()]);
        let (mut residual, mut along) = (gradient.to_vec(), gradient.to_vec());
        let mut product = vec![0.0; gradient.len()];
        let enough = self.inner.tolerance * norm(gradient);
        let mut square = dot(&residual, &residual);
        for _ in 0..self.inner.iterations {
            problem.local_mean(&LocalTask::Hessian { vector: &along }, &mut product)?;
            let curvature = dot(&along, &product);
            if curvature.is_nan() || curvature <= 0.0 {
                return Err(Error::Numerical(format!(
                    "conjugate gradients met the curvature {curvature:.3e} of the whole objective, where DiSCO has no direction; \
                     dino has one whatever the curvature"
                )));
            }
            let step = square / curvature;
            add_scaled(&mut solution, step, &along);
            add_scaled(&mut image, step, &product);
            add_scaled(&mut residual, -step, &product);
            if norm(&residual) <= enough {
                break;
            }
            let next = dot(&residual, &residual);
            along.iter_mut().zip(&residual).for_each(|(u, r)| *u = r + next / square * *u);
            square = next;
        }
        let curvature = dot(&solution, &image);
        Ok((solution, curvature))
    }
}

impl Method for Disco {
    fn name(&self) -> &'static str {
        "disco"
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
        let (solution, curvature) = self.newton(problem, &iterate.gradient)?;
        let length = 1.0 / (1.0 + curvature.max(0.0).sqrt());
        add_scaled(&mut iterate.weights, -length, &solution);
        problem.local_gradient(iterate, solution.len())?;
        Ok(Step::Moved { length })
    }

    fn restart(&mut self) {}
}
