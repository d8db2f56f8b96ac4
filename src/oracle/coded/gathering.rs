//! The rounds of an oracle: their numbers, what each has heard, and whose replies it went without.

use crate::coding::DataCode;
use crate::error::{Error, Result};
use crate::fleet::{Arrivals, Fleet, Gather, Request, Round};

/// What stays from round to round.
pub(super) struct Gathering {
    gather: Gather,
    round: Round,
    arrivals: Arrivals,
    /// Of an earlier run, whose replies are taken again.
    pub(super) replayed: Arrivals,
}

impl Gathering {
    /// Of no rounds yet.
    pub(super) fn new(workers: usize, gather: Gather) -> Self {
        Gathering { gather, round: Round::new(workers), arrivals: Arrivals::default(), replayed: Arrivals::default() }
    }

    /// The number of the next round.
    pub(super) fn next(&self) -> u64 {
        self.arrivals.rounds()
    }

    /// The rounds so far.
    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// One round, whose replies have `numbers` numbers each, under the policy or as it was recorded.
    ///
    /// # Errors
    /// Failures of the fleet; [`Error::Fleet`] where a reply that an earlier run took does not come.
    pub(super) fn run<F: Fleet>(
        &mut self,
        fleet: &mut F,
        code: &dyn DataCode,
        request: &Request,
        payload: &[f64],
        numbers: usize,
        caps: &[f64],
    ) -> Result<&Round> {
        self.round.begin(request, numbers, self.gather, caps)?;
        let recorded = self.replayed.missing_of(request.round);
        if let Some(missing) = recorded {
            self.round.replay(missing)?;
        }
        let decodable = |present: &[bool], implausible: &[bool]| code.decodable(present, implausible);
        let ran = fleet.run(request, payload, &mut self.round, &decodable);
        let missing = self.round.missing();
        let lacking = recorded.map_or(vec![], |known| missing.iter().copied().filter(|w| !known.contains(w)).collect());
        self.arrivals.push(missing);
        ran?;
        if !lacking.is_empty() {
            return Err(Error::Fleet(format!(
                "replayed round {} lacks the replies of workers {lacking:?}; allowed: a fleet in which they come, as they did",
                request.round
            )));
        }
        Ok(&self.round)
    }
}
