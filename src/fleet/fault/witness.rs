//! The truth about injected faults, for observers. Nothing on the master's path reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::roles::Roles;

/// What was injected in some rounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Injected {
    /// Workers that sent something else than their honest reply, ascending. (A liar whose lie happened to equal its honest
    /// reply, zero for zero say, is not among them.)
    pub liars: Vec<usize>,
    /// Those of them of whom at least one lie came in time to be used.
    pub heard: Vec<usize>,
    /// For each of `liars`: the largest Euclidean distance of a lie from the honest reply; infinite for NaN and infinities.
    pub distance: Vec<f64>,
    /// Workers that were made slow, ascending.
    pub slow: Vec<usize>,
    /// Workers that were dead, ascending.
    pub dead: Vec<usize>,
}

/// What an observer keeps of a fault plan.
#[derive(Debug, Clone)]
pub struct Witness(Arc<Mutex<Ledger>>);

/// Bounded by the number of workers, however long nobody asks.
#[derive(Debug)]
struct Ledger {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    lied: bool,
    heard: bool,
    slow: bool,
    dead: bool,
    distance: f64,
    /// The latest round in which it lied, and one more; 0 before.
    lied_in: u64,
}

impl Witness {
    pub(super) fn new(workers: usize) -> Self {
        Witness(Arc::new(Mutex::new(Ledger { entries: vec![Entry::default(); workers] })))
    }

    /// What was injected in the rounds since the last call.
    pub fn take(&self) -> Injected {
        let mut injected = Injected::default();
        for (worker, entry) in self.ledger().entries.iter_mut().enumerate() {
            for (flag, list) in [
                (entry.lied, &mut injected.liars),
                (entry.heard, &mut injected.heard),
                (entry.slow, &mut injected.slow),
                (entry.dead, &mut injected.dead),
            ] {
                if flag {
                    list.push(worker);
                }
            }
            if entry.lied {
                injected.distance.push(entry.distance);
            }
            *entry = Entry { lied_in: entry.lied_in, ..Entry::default() };
        }
        injected
    }

    /// `worker` lied in `round`, so far from the truth.
    pub(in crate::fleet) fn lied(&self, worker: usize, round: u64, distance: f64) {
        if let Some(entry) = self.ledger().entries.get_mut(worker) {
            entry.lied = true;
            entry.lied_in = round + 1;
            entry.distance = entry.distance.max(distance);
        }
    }

    /// `round` ended, with the replies of those `present` in time.
    pub(super) fn round_ended(&self, round: u64, present: &[bool], roles: &Roles) {
        let mut ledger = self.ledger();
        for (worker, entry) in ledger.entries.iter_mut().enumerate() {
            entry.heard |= entry.lied_in == round + 1 && present[worker];
            entry.slow |= roles.slow[worker];
            entry.dead |= roles.dead[worker];
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Plain flags: whoever panicked while holding them left nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
