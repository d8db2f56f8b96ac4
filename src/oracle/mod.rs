//! The only place where replies meet codes. A method asks an oracle and never sees a worker.

use crate::coding::Report;
use crate::error::Result;

// Part of what an oracle returns; its callers need not know the modules these come from.
mod coded;

pub use crate::coding::Certainty;
pub use crate::fleet::Counters;
pub use coded::{CodedOracle, OracleOptions};

/// What happened in one round, as far as the master can know.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundReport {
    /// The decoder's certificate.
    pub report: Report,
    /// Workers whose reply was not used because it came too late or never.
    pub late: Vec<usize>,
    /// The carrier's seconds: virtual in a simulated fleet.
    pub seconds: f64,
}

/// Sums over the rounds since the last call of [`ProductOracle::drain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rounds {
    /// Late or silent workers, ascending.
    pub late: Vec<usize>,
    /// Named liars, ascending.
    pub liars: Vec<usize>,
    /// Largest residual.
    pub residual: f64,
    /// Largest bound.
    pub bound: f64,
    /// The worst certainty.
    pub certainty: Certainty,
    /// The carrier's seconds, added up.
    pub seconds: f64,
}

/// Certified products with the data matrix X (n x d), K vectors at a time: all that a first-order method needs of a fleet.
pub trait ProductOracle {
    /// n.
    fn rows(&self) -> usize;

    /// d.
    fn cols(&self) -> usize;

    /// `X W'` for W (r x d, row-major) into `out` (n x r, row-major): one round.
    ///
    /// # Errors
    /// [`crate::error::Error::TooManyFaults`] when the round can't be certified; failures of the fleet.
    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()>;

    /// `U' X` for U (n x r, row-major) into `out` (r x d, row-major): one round.
    ///
    /// # Errors
    /// As [`ProductOracle::margins`].
    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()>;

    /// What happened in the rounds since the last call.
    fn drain(&mut self) -> Rounds;

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;

    /// Relative error of one entry of a product that honest round-off alone explains (unit round-off of the workers'
    /// arithmetic, storage rounding not included).
    fn unit_roundoff(&self) -> f64;
}
