//! Gradients of workers for a problem: what a method gets beside an assignment code in place of two products.

use super::{Problem, merge};
use crate::error::Result;
use crate::oracle::GradientOracle;

pub(super) struct GradientRef<'a>(pub(super) &'a mut dyn GradientOracle);

impl std::fmt::Debug for GradientRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GradientOracle")
    }
}

impl<'a> Problem<'a> {
    /// With an oracle of whole gradients: [`Problem::gradient`] then asks it. The products of the problem are the master's own.
    pub fn with_gradients(mut self, oracle: Option<&'a mut dyn GradientOracle>) -> Self {
        self.gradients = oracle.map(GradientRef);
        self
    }

    /// False where gradients are estimates, of which nothing follows about the distance to the optimum.
    pub(in crate::method) fn knows_gradients(&self) -> bool {
        self.encoded.is_none() && self.gradients.as_ref().is_none_or(|oracle| oracle.0.is_exact())
    }

    /// Asks the workers for the mean loss's gradient at `weights`: one round. False without such workers.
    pub(super) fn worker_gradient(&mut self, weights: &[f64], out: &mut [f64]) -> Result<bool> {
        let Some(oracle) = &mut self.gradients else { return Ok(false) };
        let round = oracle.0.gradient(weights, out)?;
        merge(&mut self.tally.late, &round.late);
        merge(&mut self.tally.liars, &round.report.liars);
        self.tally.residual = self.tally.residual.max(round.report.residual);
        self.tally.bound = self.tally.bound.max(round.report.bound);
        self.tally.certainty = self.tally.certainty.worst(round.report.certainty);
        self.tally.seconds += round.seconds;
        Ok(true)
    }
}
