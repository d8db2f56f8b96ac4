//! How long the loopback fleet waits for what.

use std::time::Duration;

/// How long a [`super::TcpFleet`] waits for what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TcpOptions {
    /// For all workers to join.
    pub start: Duration,
    /// For the replies of a round whose gather policy has no deadline of its own, and for a worker to take a piece of its
    /// shard.
    pub deadline: Duration,
    /// A worker that hears nothing for so long ends by itself.
    pub idle: Duration,
    /// For the workers to end by themselves when the fleet is dropped; children that have not are killed.
    pub grace: Duration,
}

impl Default for TcpOptions {
    /// 30 s to start, 60 s a round, 10 minutes idle, 2 s of grace.
    fn default() -> Self {
        TcpOptions {
            start: Duration::from_secs(30),
            deadline: Duration::from_secs(60),
            idle: Duration::from_secs(600),
            grace: Duration::from_secs(2),
        }
    }
}
