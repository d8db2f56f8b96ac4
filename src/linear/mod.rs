//! Algorithms that need nothing of a matrix but products with it, on workers that may lie (paper 002, section 6.3): the
//! power method and PageRank, conjugate gradients and Jacobi's iteration.
//!
//! Each takes [`Products`] of one square matrix A: a product is one round, certified before it is used. What comes back
//! is an [`Answer`]: the value, and a [`Report`] with how it ended, the residual that the products vouch for, who lied
//! and who was late.
//!
//! | function | finds | needs of A |
//! | --- | --- | --- |
//! | [`dominant`] | the eigenpair largest in modulus | a single real eigenvalue of that modulus |
//! | [`leading`] | the k eigenpairs largest in modulus | symmetric |
//! | [`pagerank`] | scores of a graph's nodes | [`Transition`], made of the graph |
//! | [`conjugate_gradient`] | x with A x = b | symmetric, positive definite |
//! | [`jacobi`] | x with A x = b | [`Dominant`]: weakly chained diagonally dominant |

mod conjugate_gradient;
mod jacobi;
mod leading;
mod pagerank;
mod power;
mod products;
mod structure;
mod vector;

pub use conjugate_gradient::conjugate_gradient;
pub use jacobi::{Dominant, JacobiOptions, jacobi};
pub use leading::leading;
pub use pagerank::{PageRankOptions, Scores, Transition, pagerank};
pub use power::{Eigenpair, dominant};
pub use products::Products;
pub use structure::{asymmetry, diagonal};

use crate::error::{Error, Result};
use crate::oracle::Certainty;
use crate::seed::Seed;

/// When an algorithm ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Iterations allowed, one round each (and a few more where a solution is checked).
    pub iterations: usize,
    /// The relative residual to reach; what it is relative to, each algorithm says.
    pub tolerance: f64,
    /// Of random starting vectors.
    pub seed: Seed,
}

impl Default for Options {
    fn default() -> Self {
        Options { iterations: 10_000, tolerance: 1e-10, seed: Seed(0) }
    }
}

impl Options {
    fn check(&self) -> Result<()> {
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(Error::usage("tolerance", self.tolerance, "a finite number, at least 0"));
        }
        Ok(())
    }
}

/// How an algorithm ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The tolerance was met.
    Converged,
    /// The tolerance was not met, but the residual can't be told from the products' errors any more.
    Rounding,
    /// The allowed number of iterations passed first.
    IterationLimit,
}

impl Status {
    /// The kebab-case name in records.
    pub fn name(self) -> &'static str {
        match self {
            Status::Converged => "converged",
            Status::Rounding => "rounding",
            Status::IterationLimit => "iteration-limit",
        }
    }

    /// The command line's exit status: 0 solved, 4 stopped by the limit.
    pub fn exit_status(self) -> u8 {
        match self {
            Status::Converged | Status::Rounding => 0,
            Status::IterationLimit => 4,
        }
    }
}

/// What an algorithm did, as far as the master can know.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// Rounds it took: one a product.
    pub rounds: u64,
    /// Norm of the residual of the value, from the last decoded product.
    pub residual: f64,
    /// The true residual's norm is at most this: the residual, the certificate's bound, the master's round-off. It
    /// speaks of the matrix as the workers store it; infinite where lies can't be detected.
    pub residual_bound: f64,
    /// Largest bound on the error of any product; infinite where there is none.
    pub bound: f64,
    /// The worst certainty of its rounds.
    pub certainty: Certainty,
    /// Every worker named as a liar, ascending.
    pub liars: Vec<usize>,
    /// Every worker that was late or silent, ascending.
    pub late: Vec<usize>,
    /// The carrier's seconds: virtual in a simulated fleet.
    pub seconds: f64,
}

/// A value with the report on how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<V> {
    /// What was asked for.
    pub value: V,
    /// How it was found, and how good it is.
    pub report: Report,
}
