//! # L-BFGS on encoded rows
//!
//! **Algorithm.** The direction `d = -B g` comes by the two-loop recursion from pairs `u = w - w_before` and
//!
//! ```text
//! r = m/(n beta |O|) sum over i in O of (g_i(w) - g_i(w_before)) + l2 u,     O: the workers in both rounds,
//! ```
//!
//! so that both gradients of a pair are of the same rows. The step is exact for a quadratic, from a second first-k round D with
//! back-off rho (Karakus et al. 2017):
//!
//! ```text
//! a = -rho d'g / ( m/(n beta |D|) sum over i in D of |S_i X d|^2 + l2 |d|^2 ).
//! ```
//!
//! A pair is skipped where nobody is in both rounds or `r'u <= 0`; overlaps with fewer rows than the data are counted in the record.
//!
//! **Requires** the squared loss, no regularizer. `encoded-lbfgs:memory=10,backoff=0.9`.
//!
//! **Cost.** Two rounds an iteration.

use super::plateau::Plateau;
use super::require_squared;
use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::method::lbfgs::{Lbfgs, Pair};
use crate::method::problem::Problem;
use crate::method::vector::{add_scaled, dot, norm};
use crate::method::{Method, Step, require_smooth};
use crate::objective::Objective;
use crate::params::Params;

/// Pairs kept, and rho.
const MEMORY: usize = 10;
const BACK_OFF: f64 = 0.9;

/// Encoded L-BFGS with overlap pairs and exact line search.
///
/// ```
/// use steadfast::method::{EncodedLbfgs, Method, by_name};
/// assert_eq!(by_name("encoded-lbfgs:memory=5,backoff=0.8")?.name(), "encoded-lbfgs");
/// assert!(by_name("encoded-lbfgs:backoff=1").is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct EncodedLbfgs {
    memory: usize,
    back_off: f64,
    pairs: Lbfgs,
    estimate: f64,
    plateau: Plateau,
}

impl EncodedLbfgs {
    /// Of the parsed name.
    pub(in crate::method) fn parse(options: &mut Params) -> Result<Self> {
        let memory = options.count("memory")?.unwrap_or(MEMORY);
        let fine = |rho: &f64| *rho > 0.0 && *rho < 1.0;
        let back_off = options.take_within("backoff", "a number above 0 and below 1", fine)?.unwrap_or(BACK_OFF);
        let pairs = Lbfgs::with_memory(memory)?;
        Ok(EncodedLbfgs { memory, back_off, pairs, estimate: 0.0, plateau: Plateau::default() })
    }
}

impl Method for EncodedLbfgs {
    fn name(&self) -> &'static str {
        "encoded-lbfgs"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)?;
        require_squared(self.name(), objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.pairs = Lbfgs::with_memory(self.memory)?;
        self.pairs.direction.resize(problem.dimension(), 0.0);
        self.plateau = Plateau::default();
        self.estimate = problem.encoded_gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if self.plateau.reached(self.estimate, iterate.stationarity) {
            return Ok(Step::Plateau);
        }
        self.pairs.find_direction(&iterate.gradient);
        let slope = dot(&self.pairs.direction, &iterate.gradient);
        let curvature = problem.encoded_curvature(&self.pairs.direction)?;
        let length = -self.back_off * slope / curvature;
        if !length.is_finite() {
            return Err(Error::Numerical(format!(
                "the encoded data have no curvature along the direction (slope {slope:e}, curvature {curvature:e}); raise l2"
            )));
        }
        let mut pair = Pair::default();
        pair.s.extend(self.pairs.direction.iter().map(|d| length * d));
        add_scaled(&mut iterate.weights, 1.0, &pair.s);
        self.estimate = problem.encoded_gradient(iterate)?;
        problem.observe(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);

        pair.y.resize(pair.s.len(), 0.0);
        let overlap = problem.encoded_change(&mut pair.y)?;
        problem.objective().add_l2_gradient(&pair.s, &mut pair.y);
        if overlap.workers > 0 {
            self.pairs.keep(pair, 0.0);
        }
        Ok(Step::Moved { length })
    }

    fn restart(&mut self) {
        self.pairs.restart();
    }
}
