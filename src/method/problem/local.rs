//! Local work for a problem: the rounds of the methods of paper 003.

use super::{Problem, merge};
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
    /// With workers that hold rows of their own. For the methods that ask nothing else ([`Method::is_local`](crate::method::Method::is_local))
    /// the products of the problem are the master's own, and tell what rounding can explain; no step depends on them.
    pub fn with_local(mut self, oracle: Option<&'a mut dyn LocalOracle>) -> Self {
        self.local = oracle.map(LocalRef);
        self
    }

    /// The mean of what the workers send for `task`, into `out`: one round.
    ///
    /// # Errors
    /// As [`LocalOracle::mean`]; [`Error::Usage`] without such workers.
    pub fn local_mean(&mut self, task: &LocalTask<'_>, out: &mut [f64]) -> Result<()> {
        let seconds = self.local_oracle()?.mean(task, out)?;
        self.tally.seconds += seconds;
        Ok(())
    }

    /// The solution of `(H_1 + shift I) x = b` with the first worker's Hessian, at the master: no round. `None` where that matrix is not
    /// positive definite.
    ///
    /// # Errors
    /// As [`LocalOracle::precondition`]; [`Error::Usage`] without such workers.
    pub fn local_precondition(&mut self, b: &[f64], shift: f64) -> Result<Option<Vec<f64>>> {
        let (solution, seconds) = self.local_oracle()?.precondition(b, shift)?;
        self.tally.seconds += seconds;
        Ok(solution)
    }

    /// The mean of the workers' directions that may be kept, into `out`: one round.
    ///
    /// # Errors
    /// As [`LocalOracle::kept_mean`]; [`Error::Usage`] without such workers.
    pub fn kept_mean(&mut self, task: &LocalTask<'_>, theta: f64, out: &mut [f64]) -> Result<()> {
        let round = self.local_oracle()?.kept_mean(task, theta, out)?;
        self.tally.seconds += round.seconds;
        merge(&mut self.tally.late, &round.late);
        Ok(())
    }

    fn local_oracle(&mut self) -> Result<&mut (dyn LocalOracle + 'a)> {
        match &mut self.local {
            Some(oracle) => Ok(&mut *oracle.0),
            None => Err(Error::usage("a method of local work", "no workers with rows of their own", "such workers")),
        }
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
