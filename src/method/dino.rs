//! # DINO
//!
//! **Algorithm** (paper 003, algorithm 1). Every worker i solves `min |H_i v - g|^2 + phi^2 |v|^2` with the Hessian H_i of its own rows
//! and the gradient g of all, by LSMR; where `<v, g> < theta |g|^2` it adds the multiple of `(H_i^2 + phi^2 I)^-1 g` that makes
//! this an equation. The master steps along `p = -mean v_i`, so that `<p, g> <= -theta |g|^2` whatever the Hessians are, and takes the
//! largest of the steps 1, 1/2, .. 2^-50 with sufficient decrease.
//!
//! **Requires** a smooth objective with second derivatives; nothing of convexity, nothing of the Hessians' rank. theta and phi
//! only steer speed: 1e-4 and 1e-6 are the paper's, theta = 1 is better where the start lies in a concave region.
//!
//! **Cost.** Six communications an iteration, one less at the start. A worker takes up to 101 products with H_i, and 100 more where
//! it corrects; no Hessian is formed.

use super::candidates::descend;
use super::iterate::Iterate;
use super::problem::Problem;
use super::{Method, Step, require_smooth};
use crate::error::Result;
use crate::objective::Objective;
use crate::oracle::{Conjugate, Inner, LocalTask, Safeguard};
use crate::params::Params;

/// Takes `inner=N` and `tolerance=X`: when inner solves end.
pub(super) fn inner(options: &mut Params) -> Result<Inner> {
    let paper = Inner::default();
    let fine = |x: &f64| (0.0..1.0).contains(x);
    Ok(Inner {
        iterations: options.count("inner")?.unwrap_or(paper.iterations),
        tolerance: options.take_within("tolerance", "at least 0 and below 1", fine)?.unwrap_or(paper.tolerance),
    })
}

/// Takes `theta=X`, `phi=X`, `conjugate=residuals|gradients` and what [`inner`] does.
pub(super) fn safeguard(options: &mut Params) -> Result<Safeguard> {
    let conjugate: String = options.take("conjugate", "residuals".into())?;
    Ok(Safeguard {
        theta: options.positive("theta", 1e-4)?,
        phi: options.positive("phi", 1e-6)?,
        inner: inner(options)?,
        conjugate: match conjugate.as_str() {
            "residuals" => Conjugate::Residuals,
            "gradients" => Conjugate::Gradients,
            other => return Err(options.refuse("conjugate", other, "residuals or gradients")),
        },
    })
}

/// DINO: distributed Newton-type directions that always descend.
///
/// ```
/// use steadfast::method::{Method, by_name};
/// assert_eq!(by_name("dino:theta=1,phi=0.01")?.name(), "dino");
/// assert!(by_name("dino:theta=0").is_err() && by_name("dino:phi=-1").is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Dino {
    safeguard: Safeguard,
    direction: Vec<f64>,
}

impl Dino {
    /// Of the parsed name.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Ok(Dino { safeguard: safeguard(options)?, direction: Vec::new() })
    }
}

impl Method for Dino {
    fn name(&self) -> &'static str {
        "dino"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.direction.resize(problem.dimension(), 0.0);
        problem.local_gradient(iterate, 0)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let task = LocalTask::Dino { weights: None, gradient: &iterate.gradient, safeguard: self.safeguard };
        problem.local_mean(&task, &mut self.direction)?;
        descend(problem, iterate, &self.direction)
    }

    fn restart(&mut self) {}
}
