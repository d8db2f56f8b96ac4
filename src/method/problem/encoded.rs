//! Encoded data for a problem: what a method of encoded optimization gets in place of certified products.

use super::{Problem, merge};
use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::oracle::{Counters, EncodedOracle, EncodedRound, LiftedBlocks, Overlap, RoundReport};

/// Rows of the data are encoded, or its columns.
pub(super) enum EncodedRef<'a> {
    Rows(&'a mut dyn EncodedOracle),
    Columns(&'a mut LiftedBlocks),
}

impl std::fmt::Debug for EncodedRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EncodedRef::Rows(_) => write!(f, "EncodedOracle"),
            EncodedRef::Columns(_) => write!(f, "LiftedBlocks"),
        }
    }
}

impl EncodedRef<'_> {
    pub fn counters(&self) -> Counters {
        match self {
            EncodedRef::Rows(oracle) => oracle.counters(),
            EncodedRef::Columns(blocks) => blocks.counters(),
        }
    }
}

fn missing(what: &str) -> Error {
    Error::usage("encoded method", format!("a problem without {what}"), format!("a problem with {what}"))
}

impl<'a> Problem<'a> {
    /// With workers that hold encoded rows, for the encoded methods. The products of the problem are then the master's own, for the
    /// values in the record alone: no step depends on them.
    pub fn with_encoded(mut self, oracle: &'a mut dyn EncodedOracle) -> Self {
        self.encoded = Some(EncodedRef::Rows(oracle));
        self
    }

    /// With workers that hold encoded columns, for encoded coordinate descent.
    pub fn with_lifted(mut self, blocks: &'a mut LiftedBlocks) -> Self {
        self.encoded = Some(EncodedRef::Columns(blocks));
        self
    }

    fn encoded_rows(&mut self) -> Result<&mut (dyn EncodedOracle + 'a)> {
        match &mut self.encoded {
            Some(EncodedRef::Rows(oracle)) => Ok(&mut **oracle),
            _ => Err(missing("encoded rows (a frame's --code)")),
        }
    }

    /// The workers that hold encoded columns.
    pub(in crate::method) fn lifted(&mut self) -> Result<&mut LiftedBlocks> {
        match &mut self.encoded {
            Some(EncodedRef::Columns(blocks)) => Ok(blocks),
            _ => Err(missing("encoded columns (a frame's --code)")),
        }
    }

    /// Adds a round of workers with encoded data to the tally.
    pub(in crate::method) fn count_encoded(&mut self, round: &RoundReport) {
        merge(&mut self.tally.late, &round.late);
        self.tally.bound = self.tally.bound.max(round.report.bound);
        self.tally.certainty = self.tally.certainty.worst(round.report.certainty);
        self.tally.seconds += round.seconds;
    }

    /// Writes the encoded gradient at the iterate, l2 included, into it, and returns the encoded value of F's smooth part: one round.
    pub(in crate::method) fn encoded_gradient(&mut self, iterate: &mut Iterate) -> Result<f64> {
        let found = self.encoded_rows()?.gradient(&iterate.weights, &mut iterate.gradient)?;
        self.count_encoded(&found.round);
        self.objective.add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        Ok(found.value + self.objective.l2_value(&iterate.weights))
    }

    /// The encoded curvature along `direction`, l2 included: one round.
    pub(in crate::method) fn encoded_curvature(&mut self, direction: &[f64]) -> Result<f64> {
        let EncodedRound { value, round } = self.encoded_rows()?.curvature(direction)?;
        self.count_encoded(&round);
        Ok(value + self.objective.l2 * self.penalized_dot(direction, direction))
    }

    /// The change of the last two encoded gradients over the workers in both, without l2: no round.
    pub(in crate::method) fn encoded_change(&mut self, out: &mut [f64]) -> Result<Overlap> {
        Ok(self.encoded_rows()?.change(out))
    }

    /// How much larger than 1 subsets make an eigenvalue, as far as it was measured: `1 + eps`.
    pub(in crate::method) fn encoded_largest(&mut self) -> Result<f64> {
        Ok(self.encoded_rows()?.spectrum()?.largest)
    }
}
