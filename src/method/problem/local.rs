//! Local work for a problem: the rounds of the methods of paper 003.

use super::Problem;
use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::method::vector::norm;
use crate::oracle::{LocalOracle, LocalTask};

pub(super) struct LocalRef<'a>(pub(super) &'a mut dyn LocalOracle);

impl std::fmt::Debug for LocalRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalOracle({} workers)", self.0.workers())
    }
}

impl<'a> Problem<'a> {
    /// With workers that hold rows of their own, for the methods that ask nothing else. The products of the problem are then the
    /// master's own, and tell what rounding can explain; no step depends on them.
    pub fn with_local(mut self, oracle: Option<&'a mut dyn LocalOracle>) -> Self {
        self.local = oracle.map(LocalRef);
        self
    }

    /// The mean of what the workers send for `task`, into `out`: one round.
    ///
    /// # Errors
    /// As [`LocalOracle::mean`]; [`Error::Usage`] without such workers.
    pub fn local_mean(&mut self, task: &LocalTask<'_>, out: &mut [f64]) -> Result<()> {
        let Some(oracle) = &mut self.local else {
            return Err(Error::usage("a method of local work", "no workers with rows of their own", "such workers"));
        };
        self.tally.seconds += oracle.0.mean(task, out)?;
        Ok(())
    }

    /// How many workers hold rows of their own.
    pub(in crate::method) fn local_workers(&self) -> usize {
        self.local.as_ref().map_or(0, |oracle| oracle.0.workers())
    }

    /// Takes value and gradient at the iterate's weights from the workers, for a broadcast of `sent` numbers: one round.
    pub(in crate::method) fn local_gradient(&mut self, iterate: &mut Iterate, sent: usize) -> Result<()> {
        let width = iterate.weights.len();
        let mut out = vec![0.0; width + 1];
        self.local_mean(&LocalTask::Gradient { weights: &iterate.weights, sent }, &mut out)?;
        self.stand(iterate, &out[..width], out[width])
    }

    /// The iterate's weights with this gradient and value, and the master's own margins: no round.
    pub(in crate::method) fn stand(&mut self, iterate: &mut Iterate, gradient: &[f64], value: f64) -> Result<()> {
        iterate.gradient.copy_from_slice(gradient);
        iterate.stationarity = norm(gradient);
        iterate.value = value;
        self.margins(&iterate.weights, &mut iterate.margins)?;
        self.residuals(&iterate.margins, &mut iterate.residuals);
        Ok(())
    }
}
