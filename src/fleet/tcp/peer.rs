//! What the master knows of one worker: its connection, and what it has not answered.

use std::collections::VecDeque;

use super::link::Link;

/// Rounds that a worker may leave unanswered before it gets no further request.
pub(super) const WINDOW: usize = 2;

/// A request that a worker has not answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unanswered {
    pub(super) round: u64,
    pub(super) multiply_adds: u64,
}

/// What the master knows of one worker.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) link: Link,
    /// Why it is gone.
    pub(super) lost: Option<String>,
    /// Oldest first, at most [`WINDOW`].
    pub(super) unanswered: VecDeque<Unanswered>,
    /// Shards on their way.
    pub(super) loading: usize,
}

impl Peer {
    pub(super) fn owes(&self, round: u64) -> bool {
        self.lost.is_none() && self.unanswered.iter().any(|u| u.round == round)
    }

    /// Takes note that `round` was answered; a worker answers in order, so older answers won't come any more. `None` for
    /// an answer that nobody asked for, or a second one.
    pub(super) fn answered(&mut self, round: u64) -> Option<Unanswered> {
        let at = self.unanswered.iter().position(|u| u.round == round)?;
        self.unanswered.drain(..=at).next_back()
    }
}
