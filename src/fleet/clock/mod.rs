//! Virtual time. A simulated round takes no wall time of its own: every worker's answer gets an arrival time from a
//! seeded [`Delay`] and from a [`CostModel`] of its work, and answers are offered in that order. The same seed gives the same
//! times on every machine, whatever it really took; measured times are kept beside them and never mixed in.
//!
//! ```text
//! arrival = latency + bytes down / rate + delay(worker, round) + 2 multiply-adds / rate + bytes up / rate + latency
//! ```
//!
//! A slow worker arrives at `factor * max(its own arrival, the latest of the others) + floor`: after everybody who is not
//! slow, so it is late whenever fewer than all are waited for.

mod cost;
mod delay;

pub use cost::CostModel;
pub use delay::Delay;

use crate::seed::Seed;

/// What virtual time is made of.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Random delays of the workers.
    pub delay: Delay,
    /// Seconds of work and of transfer.
    pub cost: CostModel,
    /// The seed of the delays.
    pub seed: Seed,
}
