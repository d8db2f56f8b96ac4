//! # DiSCO
//!
//! **Algorithm** (Zhang and Lin, 2015). A damped Newton step: `H v = g` by preconditioned conjugate gradients whose every product
//! `H u = mean H_i u` is a round of the workers, then `w - v / (1 + sqrt(v'H v))`. No line search. The authors' preconditioner is
//! `H_1 + mu I`, the Hessian of rows that the master holds, too (`preconditioner=first`); paper 003 compares DiSCO without one, which
//! is the default.
//!
//! **Requires** a smooth objective whose Hessian, and H_1 + mu I, is positive definite along its directions: else the run ends, and
//! says so.
//!
//! **Cost.** Two communications an iteration and two a product, up to 50 products; the preconditioner is the master's work. Products
//! are fewer where the parts are alike (shuffled rows).

use super::dino::inner;
use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, dot, norm};
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::oracle::{Inner, LocalTask};
use crate::params::Params;

/// What comes between a residual and the next direction.
#[derive(Debug, Clone, Copy)]
enum Preconditioner {
    None,
    /// `H_1 + mu I`, mu the objective's l2 unless given.
    First {
        mu: Option<f64>,
    },
}

/// DiSCO: inexact damped Newton steps by distributed conjugate gradients.
///
/// ```
/// use steadfast::method::{Method, by_name};
/// assert_eq!(by_name("disco")?.name(), "disco");
/// assert!(by_name("disco:preconditioner=first,mu=0.01").is_ok() && by_name("disco:mu=0.01").is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Disco {
    inner: Inner,
    preconditioner: Preconditioner,
}

impl Disco {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let inner = inner(options)?;
        let name: String = options.take("preconditioner", "none".into())?;
        let preconditioner = match name.as_str() {
            "none" => Preconditioner::None,
            "first" => {
                let fine = |x: &f64| x.is_finite() && *x >= 0.0;
                Preconditioner::First { mu: options.take_within("mu", "a finite number, at least 0", fine)? }
            }
            other => return Err(options.refuse("preconditioner", other, "none or first")),
        };
        Ok(Disco { inner, preconditioner })
    }

    /// `P^-1 residual`.
    fn precondition(&self, problem: &mut Problem<'_>, residual: &[f64]) -> Result<Vec<f64>> {
        let Preconditioner::First { mu } = self.preconditioner else { return Ok(residual.to_vec()) };
        let mu = mu.unwrap_or(problem.objective().l2);
        problem.local_precondition(residual, mu)?.ok_or_else(|| {
            Error::Numerical(format!(
                "H_1 + mu I, DiSCO's preconditioner, is not positive definite for mu = {mu:e}; raise mu, or take preconditioner=none"
            ))
        })
    }

    /// An inexact solution v of `H v = gradient`, and `v'H v`.
    fn newton(&self, problem: &mut Problem<'_>, gradient: &[f64]) -> Result<(Vec<f64>, f64)> {
        let (mut solution, mut image) = (vec![0.0; gradient.len()], vec![0.0; gradient.len()]);
        let mut residual = gradient.to_vec();
        let (mut along, mut product) = (vec![0.0; gradient.len()], vec![0.0; gradient.len()]);
        let enough = self.inner.tolerance * norm(gradient);
        // Nothing is carried into the first direction.
        let mut square = 1.0;
        for _ in 0..self.inner.iterations {
            let turned = self.precondition(problem, &residual)?;
            let next = dot(&residual, &turned);
            along.iter_mut().zip(&turned).for_each(|(u, s)| *u = s + next / square * *u);
            square = next;
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
