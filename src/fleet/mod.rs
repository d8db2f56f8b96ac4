//! The fleet: workers that hold shards, the requests they get, the replies that come back, and when.

mod arrivals;
mod blocks;
pub mod clock;
pub mod fault;
mod frames;
mod gather;
mod request;
mod round;
mod simulated;
pub mod tcp;
mod worker;

pub use arrivals::Arrivals;
pub use blocks::{Arrived, BlockFleet, BlockWork, Enough, Labels, RowWork};
pub use clock::{Clock, CostModel, Delay};
pub use fault::{ATTACKS, Attack, FaultPlan, Faults, Injected, PRODUCT_ATTACKS, Witness};
pub use gather::Gather;
pub use request::{Opcode, Request};
pub use round::{Progress, Round};
pub use simulated::SimulatedFleet;
pub use tcp::{TcpFleet, TcpOptions, serve_worker};

use crate::error::Result;
use crate::scalar::Precision;

/// What a fleet did since it was made: the exact counts of the Accounting section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Rounds begun.
    pub rounds: u64,
    /// Those of them that broadcast nothing: what the workers need they knew already.
    #[serde(default)]
    pub unsent: u64,
    /// Numbers broadcast, each counted once however many workers get it.
    pub floats_down: u64,
    /// Numbers broadcast, counted once a worker.
    pub floats_down_unicast: u64,
    /// Numbers sent back by the workers (late replies included).
    pub floats_up: u64,
    /// Multiply-adds of the workers that computed, all together.
    pub multiply_adds: u64,
    /// Values stored at the workers, all together.
    pub stored: u64,
    /// Tasks started once more on fresh workers ([`Gather::Speculative`]); what they were sent, computed and sent back is in
    /// the other counts too.
    pub restarted: u64,
}

impl Counters {
    /// Adds what another fleet of the same run did.
    pub fn add(&mut self, other: &Counters) {
        self.rounds += other.rounds;
        self.unsent += other.unsent;
        self.floats_down += other.floats_down;
        self.floats_down_unicast += other.floats_down_unicast;
        self.floats_up += other.floats_up;
        self.multiply_adds += other.multiply_adds;
        self.stored += other.stored;
        self.restarted += other.restarted;
    }
}

/// Workers behind a carrier: simulated in this process, or real processes. The master of a round is [`Round`], which does
/// no I/O; a fleet only moves frames.
pub trait Fleet: Send {
    /// m.
    fn workers(&self) -> usize;

    /// How shards are stored and computed.
    fn precision(&self) -> Precision;

    /// Device and carrier, for records.
    fn describe(&self) -> String;

    /// Sends `request` with `payload` (its vectors, already representable in the workers' arithmetic) to all workers and
    /// offers replies to `round`, which must have begun, until it is done or nothing more can come; then closes it.
    /// `decodable(present, implausible)` is the oracle's test for [`Gather::Decodable`].
    ///
    /// # Errors
    /// Failures of the device or the connection as a whole; a worker that fails is an erasure, not an error.
    fn run(
        &mut self,
        request: &Request,
        payload: &[f64],
        round: &mut Round,
        decodable: &dyn Fn(&[bool], &[bool]) -> bool,
    ) -> Result<()>;

    /// The counts so far.
    fn counters(&self) -> Counters;

    /// Wall seconds spent computing replies so far, as far as this process can tell: beside virtual time, never in it.
    fn worker_seconds(&self) -> f64 {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    /// As a record has them, so that a count of a later day is in it, too.
    #[test]
    fn every_count_is_added() {
        let mut counts = serde_json::to_value(Counters::default()).unwrap();
        let fields = counts.as_object_mut().unwrap();
        (1u64..).zip(fields.values_mut()).for_each(|(i, count)| *count = i.into());
        let once: Counters = serde_json::from_value(counts.clone()).unwrap();
        let mut sum = once;
        sum.add(&once);
        for (name, count) in serde_json::to_value(sum).unwrap().as_object().unwrap() {
            assert_eq!(count.as_u64(), counts[name].as_u64().map(|c| 2 * c), "{name}");
        }
    }
}
