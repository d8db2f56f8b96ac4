//! Single rows for a problem: what a stochastic gradient asks for.

use super::Problem;
use crate::error::{Error, Result};
use crate::oracle::SampleOracle;

impl Problem<'_> {
    fn sampler(&mut self) -> Result<&mut dyn SampleOracle> {
        self.oracle.0.sampler().ok_or_else(|| {
            Error::usage("oracle for single rows", "one that gives products only", "one with a ProductOracle::sampler")
        })
    }

    /// The rows numbered `rows` of X into `out` (rows x d, row-major): one round.
    ///
    /// # Errors
    /// As [`SampleOracle::samples`]; [`Error::Usage`] from an oracle without rows.
    pub fn samples(&mut self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        self.sampler()?.samples(rows, out)?;
        self.count_round();
        Ok(())
    }

    /// A number that no row's norm passes: no round.
    ///
    /// # Errors
    /// [`Error::Usage`] from an oracle without rows.
    pub fn longest_row(&mut self) -> Result<f64> {
        Ok(self.sampler()?.longest_row())
    }
}
