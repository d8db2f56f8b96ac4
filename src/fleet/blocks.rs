//! Work on a matrix that every worker can read, in blocks that need no code: any N of N + e will do, or the stragglers' are
//! given to others. This file says who is in time and when the round ends; what the blocks are is the caller's.
//!
//! Blocks that [`BlockFleet::run`] counts are not protected against liars: what is made of them may only steer a direction, never a
//! value that is certified. Numbers that the master makes a value of come through [`BlockFleet::collect`], where liars lie.

mod collect;

pub use collect::{Labels, RowWork};

use super::Counters;
use super::clock::Clock;
use super::fault::Faults;
use crate::error::{Error, Result};
use crate::scalar::Precision;

/// When a round of blocks has enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Enough {
    /// Every worker's block.
    All,
    /// The first `needed` of each group of workers: worker w belongs to group `w % groups`, and all blocks of a group stand
    /// for each other. A group in which fewer are left alive makes do with those.
    FirstOfGroup {
        /// Groups.
        groups: usize,
        /// Blocks of a group that are waited for.
        needed: usize,
    },
    /// Every worker's block; when this share of them is there, what is missing is started again on fresh workers, and
    /// whichever copy comes first counts (paper 001, "speculative execution").
    Speculative {
        /// Share waited for, in (0, 1).
        share: f64,
    },
}

/// What one worker has to do, for counts and virtual time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockWork {
    /// Multiply-adds.
    pub multiply_adds: u64,
    /// Numbers sent to it.
    pub down: usize,
    /// Numbers that it sends back.
    pub up: usize,
}

/// Who was in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Whose block counts.
    pub present: Vec<bool>,
    /// Virtual seconds of the round.
    pub seconds: f64,
    /// With [`Enough::FirstOfGroup`], when block `b`, one worker of each group (`b groups` and the following), is there as a whole:
    /// what waiting on would bring. Infinite where a part of it will never come; empty otherwise.
    pub whole: Vec<f64>,
}

/// Simulated workers beside those that hold encoded shards.
///
/// ```
/// use steadfast::fleet::{BlockFleet, BlockWork, Clock, Enough, Faults};
/// use steadfast::scalar::Precision;
/// let mut fleet = BlockFleet::new(Faults::none(12), Clock::default());
/// let work = BlockWork { multiply_adds: 1_000_000, down: 100, up: 50 };
/// let arrived = fleet.run(Enough::FirstOfGroup { groups: 1, needed: 10 }, Precision::F64, &|_| work)?;
/// assert_eq!(arrived.present.iter().filter(|p| **p).count(), 10);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct BlockFleet {
    faults: Faults,
    clock: Clock,
    counters: Counters,
}

impl BlockFleet {
    /// As many workers as `faults` was planned for, in the time of `clock`.
    pub fn new(faults: Faults, clock: Clock) -> Self {
        BlockFleet { faults, clock, counters: Counters::default() }
    }

    /// How many workers.
    pub fn workers(&self) -> usize {
        self.faults.workers()
    }

    /// The counts so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// One round: `work(worker)` says what each has to do.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when blocks that are needed will never come: a dead worker where all are waited for, a group
    /// without any worker alive.
    pub fn run(&mut self, enough: Enough, precision: Precision, work: &dyn Fn(usize) -> BlockWork) -> Result<Arrived> {
        let round = self.counters.rounds;
        let mut arrivals = self.schedule(precision, work);
        match enough {
            Enough::All => self.all(arrivals),
            Enough::FirstOfGroup { groups, needed } => self.first_of_group(&arrivals, groups, needed),
            Enough::Speculative { share } => {
                self.restart(&mut arrivals, share, round, precision, work);
                self.all(arrivals)
            }
        }
    }

    /// Work on a worker's block by the master, which holds it too: counted as that worker's, with no message. Its virtual seconds.
    pub fn at_master(&mut self, multiply_adds: u64) -> f64 {
        self.counters.multiply_adds += multiply_adds;
        self.clock.cost.work(multiply_adds)
    }

    /// Begins a round: counts its work and says when each worker's block arrives, never for the dead.
    fn schedule(&mut self, precision: Precision, work: &dyn Fn(usize) -> BlockWork) -> Vec<f64> {
        let (workers, round) = (self.workers(), self.counters.rounds);
        self.faults.begin(round);
        self.counters.rounds += 1;
        self.counters.unsent += u64::from(work(0).down == 0);
        let mut arrivals = vec![f64::INFINITY; workers];
        let mut latest = 0.0f64;
        for (worker, arrival) in arrivals.iter_mut().enumerate().filter(|(worker, _)| !self.faults.is_dead(*worker)) {
            *arrival = self.seconds(worker, round, precision, work(worker));
            if !self.faults.is_slow(worker) {
                latest = latest.max(*arrival);
            }
        }
        for (worker, arrival) in arrivals.iter_mut().enumerate() {
            if self.faults.is_slow(worker) && arrival.is_finite() {
                *arrival = self.faults.slowed(*arrival, latest);
            }
        }
        for worker in (0..workers).filter(|&worker| arrivals[worker].is_finite()) {
            self.count(work(worker));
        }
        self.counters.floats_down += work(0).down as u64;
        arrivals
    }

    /// When a worker's block arrives that begins at 0.
    fn seconds(&self, worker: usize, round: u64, precision: Precision, work: BlockWork) -> f64 {
        let Clock { delay, cost, seed } = &self.clock;
        cost.seconds(work.multiply_adds, work.down as u64, work.up as u64, precision)
            + delay.seconds(*seed, worker, round)
    }

    fn count(&mut self, work: BlockWork) {
        self.counters.multiply_adds += work.multiply_adds;
        self.counters.floats_down_unicast += work.down as u64;
        self.counters.floats_up += work.up as u64;
    }

    /// Starts what is missing again once the given share has arrived.
    fn restart(
        &mut self,
        arrivals: &mut [f64],
        share: f64,
        round: u64,
        precision: Precision,
        work: &dyn Fn(usize) -> BlockWork,
    ) {
        let mut order = arrivals.to_vec();
        order.sort_unstable_by(f64::total_cmp);
        // A share is at most 1, so the product is a number of workers.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of workers"
        )]
        let waited = ((share * arrivals.len() as f64).ceil() as usize).clamp(1, arrivals.len());
        let again = order[waited - 1];
        if !again.is_finite() {
            return;
        }
        let workers = arrivals.len();
        for (worker, arrival) in arrivals.iter_mut().enumerate().filter(|(_, arrival)| **arrival > again) {
            // The fresh worker's delay is drawn for a number that no other worker has.
            let copy = again + self.seconds(workers + worker, round, precision, work(worker));
            self.count(work(worker));
            *arrival = arrival.min(copy);
        }
    }

    fn all(&self, arrivals: Vec<f64>) -> Result<Arrived> {
        let dead: Vec<usize> = (0..arrivals.len()).filter(|&i| arrivals[i].is_infinite()).collect();
        if !dead.is_empty() {
            return Err(refusal(dead, "a block that is waited for will never come", "every worker alive"));
        }
        let seconds = arrivals.iter().copied().fold(0.0, f64::max);
        Ok(Arrived { present: vec![true; arrivals.len()], seconds, whole: Vec::new() })
    }

    fn first_of_group(&self, arrivals: &[f64], groups: usize, needed: usize) -> Result<Arrived> {
        let workers = arrivals.len();
        if groups == 0 || needed == 0 || !workers.is_multiple_of(groups) || workers / groups < needed {
            return Err(Error::usage(
                "blocks",
                format!("{needed} of each of {groups} groups of {workers} workers"),
                "at least 1, and at most as many as a group has workers",
            ));
        }
        let latest = |parts: &[f64]| parts.iter().copied().fold(0.0, f64::max);
        let whole = arrivals.chunks_exact(groups).map(latest).collect();
        let mut arrived = Arrived { present: vec![false; workers], seconds: 0.0, whole };
        for group in 0..groups {
            let mut order: Vec<usize> = (group..workers).step_by(groups).filter(|&i| arrivals[i].is_finite()).collect();
            order.sort_unstable_by(|&a, &b| arrivals[a].total_cmp(&arrivals[b]).then(a.cmp(&b)));
            order.truncate(needed);
            let Some(&last) = order.last() else {
                let dead = (group..workers).step_by(groups).collect();
                return Err(refusal(dead, "no worker is left that could send a part of the Hessian", "one a part"));
            };
            arrived.seconds = arrived.seconds.max(arrivals[last]);
            order.iter().for_each(|&i| arrived.present[i] = true);
        }
        Ok(arrived)
    }
}

fn refusal(erased: Vec<usize>, reason: &str, tolerance: &str) -> Error {
    Error::TooManyFaults { reason: reason.into(), erased, suspected: Vec::new(), tolerance: tolerance.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Attack, Delay, FaultPlan};
    use crate::seed::Seed;

    fn fleet(workers: usize, slow: usize, dead: usize) -> BlockFleet {
        let plan = FaultPlan::new(workers, Seed(5)).liars(0, Attack::Zero).slow(slow).dead(dead);
        let delay = Delay::parse("exponential:shift=1,mean=1").expect("a delay model");
        BlockFleet::new(plan.split().expect("a fault plan").0, Clock { delay, seed: Seed(5), ..Clock::default() })
    }

    const WORK: BlockWork = BlockWork { multiply_adds: 10, down: 3, up: 2 };

    #[test]
    fn the_first_of_each_group_count_and_nobody_waits_for_the_rest() {
        let enough = Enough::FirstOfGroup { groups: 2, needed: 4 };
        let mut all = fleet(10, 0, 0);
        let some = all.run(enough, Precision::F64, &|_| WORK).expect("a round");
        for group in 0..2 {
            assert_eq!((group..10).step_by(2).filter(|&i| some.present[i]).count(), 4);
        }
        let whole = fleet(10, 0, 0).run(Enough::All, Precision::F64, &|_| WORK).expect("a round");
        assert!(some.seconds < whole.seconds);
        assert_eq!((all.counters().multiply_adds, all.counters().floats_up), (100, 20));
        // The slow one is not among them, and the dead are made do without.
        let mut faulty = fleet(10, 1, 2);
        let round = faulty.run(enough, Precision::F64, &|_| WORK).expect("a round");
        assert!(round.seconds < 10.0 * whole.seconds && round.present.iter().filter(|p| **p).count() >= 6);
    }

    #[test]
    fn what_is_missing_is_started_again() {
        let slow = fleet(10, 1, 0).run(Enough::All, Precision::F64, &|_| WORK).expect("a round").seconds;
        let mut again = fleet(10, 1, 1);
        let round = again.run(Enough::Speculative { share: 0.8 }, Precision::F64, &|_| WORK).expect("a round");
        assert!(round.seconds < slow && round.present.iter().all(|p| *p));
        // Nine did their own, two were done again.
        assert_eq!(again.counters().multiply_adds, 110);
    }

    #[test]
    fn what_will_never_come_is_an_error() {
        assert!(matches!(fleet(4, 0, 1).run(Enough::All, Precision::F64, &|_| WORK), Err(Error::TooManyFaults { .. })));
        let enough = Enough::FirstOfGroup { groups: 4, needed: 1 };
        assert!(matches!(fleet(4, 0, 1).run(enough, Precision::F64, &|_| WORK), Err(Error::TooManyFaults { .. })));
        let enough = Enough::FirstOfGroup { groups: 4, needed: 2 };
        assert!(matches!(fleet(4, 0, 0).run(enough, Precision::F64, &|_| WORK), Err(Error::Usage { .. })));
    }
}
