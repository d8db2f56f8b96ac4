//! The fleet: workers that hold shards, the requests they get, the replies that come back, and when.

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
        // Taken apart, so that no count can be left out.
        let Counters { rounds, floats_down, floats_down_unicast, floats_up, multiply_adds, stored, restarted } = *other;
        self.rounds += rounds;
        self.floats_down += floats_down;
        self.floats_down_unicast += floats_down_unicast;
        self.floats_up += floats_up;
        self.multiply_adds += multiply_adds;
        self.stored += stored;
        self.restarted += restarted;
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

    #[test]
    fn every_count_is_added() {
        let once = Counters {
            rounds: 1,
            floats_down: 2,
            floats_down_unicast: 3,
            floats_up: 4,
            multiply_adds: 5,
            stored: 6,
            restarted: 7,
        };
        let twice = Counters {
            rounds: 2,
            floats_down: 4,
            floats_down_unicast: 6,
            floats_up: 8,
            multiply_adds: 10,
            stored: 12,
            restarted: 14,
        };
        let mut sum = once;
        sum.add(&once);
        assert_eq!(sum, twice);
    }
}
