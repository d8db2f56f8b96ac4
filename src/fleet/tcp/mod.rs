//! Real worker processes on this machine, over the loopback interface: the carrier that shows that a round's master does
//! no I/O of its own, and the one to try a program on before it goes to a cluster.
//!
//! * [`TcpFleet::start`] listens on a port of 127.0.0.1 that the system picks, starts the workers, gives each an
//!   [`Invitation`], and takes only connections that know its token.
//! * Shards go over the wire piece by piece; then every round sends one frame to each worker and feeds what comes back to
//!   the same [`super::Round`] as the simulated fleet.
//! * A worker that closes its connection (killed, crashed), stays silent until the round's deadline (stopped), or sends a
//!   frame that does not check is an erasure. A worker that has left two rounds unanswered gets no further request until it
//!   answers; what it answers late is read, counted, and not used.
//! * Every wait has an end: starting, loading, each round, and stopping. Dropping the fleet stops its workers, and kills
//!   those of its own children that do not end.
//!
//! All processes are of one trust domain as far as the wire goes: lying *values* are what codes are for, a process that
//! attacks the protocol itself can only make itself an erasure.
//!
//! Injected faults act in the worker's process: it gets the plan, changes its own replies, sleeps when it is slow, and ends
//! when it is dead. Delay models are virtual time and have no meaning here.

mod invitation;
mod link;
mod master;
mod options;
mod peer;
mod serve;
mod shards;
mod start;

pub use invitation::Invitation;
pub use master::TcpFleet;
pub use options::TcpOptions;
pub use serve::{DeviceFactory, Served, serve_worker};

use super::fault::FaultPlan;
use crate::scalar::Precision;

/// The body of a welcome, as JSON.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Welcome {
    precision: Precision,
    idle_seconds: f64,
    faults: FaultPlan,
}

/// Longest body of a frame that holds text or JSON: a plan carries the parity check of the code, m x m numbers at most.
const TEXT_LIMIT: u64 = 256 << 20;

/// Longest body that a worker takes from its master: one broadcast of 2^28 numbers.
const BROADCAST_LIMIT: u64 = 2 << 30;
