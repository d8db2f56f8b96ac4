//! The simulated fleet: all workers on one device of this process, in virtual time.
//!
//! The work of live workers is really done, in one batch of the device; what is simulated is when their replies arrive
//! (see [`super::clock`]) and what faulty workers do to them (see [`super::fault`]). Replies are offered to the round in the
//! order of their virtual arrival, workers of the same instant by number, so a run is the same on every machine.
//!
//! A round that asks for a restart gets it from fresh workers: the one that takes worker i's task is number m + i of the delay
//! model, is neither slow nor dead and does not lie, and begins when the round asks. As for everybody, loading its shard is
//! not part of the round.

use std::time::Instant;

use super::clock::Clock;
use super::fault::Faults;
use super::request::Request;
use super::round::{Progress, Round, norm};
use super::worker::{ShardTable, check_round, compute};
use super::{Counters, Fleet};
use crate::data::{Growth, Matrix, Operand, ShardGrowth, ShardSink};
use crate::device::Device;
use crate::error::Result;
use crate::scalar::{Element, Precision};

/// Simulated workers on one [`Device`].
///
/// Load it through [`ShardSink`], then run rounds through [`Fleet`]. Once every kind of request was run, a round allocates
/// nothing.
pub struct SimulatedFleet<T: Element> {
    device: Box<dyn Device<T>>,
    faults: Faults,
    clock: Clock,
    shards: ShardTable,
    counters: Counters,
    worker_seconds: f64,
    live: Vec<usize>,
    broadcast: Vec<T::Acc>,
    replies: Vec<T::Acc>,
    /// What fresh workers reply, for the workers of `restarted`.
    copies: Vec<T::Acc>,
    restarted: Vec<usize>,
    reply: Vec<f64>,
    arrivals: Vec<Arrival>,
}

/// A reply under way.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    seconds: f64,
    /// Whose task it is.
    worker: usize,
    /// Its place among the replies, or among the copies.
    at: usize,
    /// From a fresh worker.
    fresh: bool,
}

/// The order in which replies arrive.
fn sort(arrivals: &mut [Arrival]) {
    arrivals.sort_unstable_by(|a, b| {
        a.seconds.total_cmp(&b.seconds).then(a.worker.cmp(&b.worker)).then(a.fresh.cmp(&b.fresh))
    });
}

impl<T: Element> SimulatedFleet<T> {
    /// A fleet of as many workers as `faults` was planned for ([`Faults::none`] for a fleet without faults), on `device`,
    /// in the time of `clock`.
    pub fn new(device: Box<dyn Device<T>>, faults: Faults, clock: Clock) -> Self {
        SimulatedFleet {
            device,
            shards: ShardTable::new(faults.workers()),
            faults,
            clock,
            counters: Counters::default(),
            worker_seconds: 0.0,
            live: Vec::new(),
            broadcast: Vec::new(),
            replies: Vec::new(),
            copies: Vec::new(),
            restarted: Vec::new(),
            reply: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    /// The device the workers compute on.
    pub fn device(&self) -> &dyn Device<T> {
        &*self.device
    }

    /// Computes the arrival of every live worker's reply, in order.
    fn schedule(&mut self, request: &Request, payload_len: usize, reply_len: usize) -> Result<()> {
        let shards = self.shards.shards_of(request, payload_len, reply_len)?;
        let Clock { delay, cost, seed } = &self.clock;
        self.arrivals.clear();
        let mut latest = 0.0f64;
        for (at, &worker) in self.live.iter().enumerate() {
            let work = shards.multiply_adds(worker, request);
            self.counters.multiply_adds += work;
            let seconds = cost.seconds(work, payload_len as u64, reply_len as u64, T::PRECISION)
                + delay.seconds(*seed, worker, request.round);
            if !self.faults.is_slow(worker) {
                latest = latest.max(seconds);
            }
            self.arrivals.push(Arrival { seconds, worker, at, fresh: false });
        }
        for Arrival { seconds, worker, .. } in &mut self.arrivals {
            if self.faults.is_slow(*worker) {
                *seconds = self.faults.slowed(*seconds, latest);
            }
        }
        sort(&mut self.arrivals);
        Ok(())
    }

    /// Starts the tasks of those that `round` has not heard again, at `now`: computes them and puts them among the arrivals
    /// from `next` on.
    fn restart(&mut self, request: &Request, payload_len: usize, round: &Round, now: f64, next: usize) -> Result<()> {
        let (workers, reply_len) = (round.workers(), round.reply_len());
        let shards = self.shards.shards_of(request, payload_len, reply_len)?;
        let Clock { delay, cost, seed } = &self.clock;
        self.restarted.clear();
        self.restarted.extend((0..workers).filter(|&worker| !round.present()[worker]));
        for (at, &worker) in self.restarted.iter().enumerate() {
            let work = shards.multiply_adds(worker, request);
            self.counters.multiply_adds += work;
            let seconds = now
                + cost.seconds(work, payload_len as u64, reply_len as u64, T::PRECISION)
                + delay.seconds(*seed, workers + worker, request.round);
            self.arrivals.push(Arrival { seconds, worker, at, fresh: true });
        }
        sort(&mut self.arrivals[next..]);
        let again = self.restarted.len();
        self.counters.restarted += again as u64;
        self.counters.floats_down_unicast += (payload_len * again) as u64;
        self.counters.floats_up += (again * reply_len) as u64;
        let start = Instant::now();
        compute(&mut *self.device, &self.restarted, request, &self.broadcast, &mut self.copies)?;
        self.worker_seconds += start.elapsed().as_secs_f64();
        Ok(())
    }
}

impl<T: Element> std::fmt::Debug for SimulatedFleet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The faults stay private.
        f.debug_struct("SimulatedFleet")
            .field("workers", &self.workers())
            .field("device", &self.device.info())
            .field("clock", &self.clock)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl<T: Element> ShardSink<T> for SimulatedFleet<T> {
    fn accept(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        self.shards.note(worker, operand, &shard)?;
        self.counters.stored = self.shards.stored();
        self.device.upload(worker, operand, shard)
    }
}

impl<T: Element> ShardGrowth<T> for SimulatedFleet<T> {
    fn grow(&mut self, worker: usize, operand: Operand, part: Matrix<T>, growth: Growth) -> Result<()> {
        self.device.grow(worker, operand, &part, growth)?;
        self.shards.note_growth(worker, operand, &part, growth)?;
        self.counters.stored = self.shards.stored();
        Ok(())
    }
}

impl<T: Element> Fleet for SimulatedFleet<T> {
    fn workers(&self) -> usize {
        self.faults.workers()
    }

    fn precision(&self) -> Precision {
        T::PRECISION
    }

    fn describe(&self) -> String {
        let info = self.device.info();
        format!("{} simulated workers on {} ({}, {})", self.workers(), info.name, info.kind, info.detail)
    }

    fn run(
        &mut self,
        request: &Request,
        payload: &[f64],
        round: &mut Round,
        decodable: &dyn Fn(&[bool], &[bool]) -> bool,
    ) -> Result<()> {
        let (workers, reply_len) = (self.workers(), round.reply_len());
        check_round(round, request, workers)?;
        self.faults.begin(request.round);
        self.faults.refuse_labels()?;
        self.live.clear();
        self.live.extend((0..workers).filter(|&worker| !self.faults.is_dead(worker)));
        self.schedule(request, payload.len(), reply_len)?;
        self.broadcast.clear();
        self.broadcast.extend(payload.iter().map(|&x| T::Acc::from_f64(x)));

        let start = Instant::now();
        compute(&mut *self.device, &self.live, request, &self.broadcast, &mut self.replies)?;
        self.worker_seconds += start.elapsed().as_secs_f64();

        self.counters.rounds += 1;
        self.counters.floats_down += payload.len() as u64;
        self.counters.floats_down_unicast += (payload.len() * workers) as u64;
        self.counters.floats_up += (self.live.len() * reply_len) as u64;

        // Of the numbers as the workers got them.
        self.reply.clear();
        self.reply.extend(self.broadcast.iter().map(|x| x.to_f64()));
        let payload_norm = norm(&self.reply);
        if self.faults.eavesdrops() {
            let told: Vec<f64> = self.replies.iter().map(|x| x.to_f64()).collect();
            self.faults.overhear(&self.live, |at| &told[at * reply_len..(at + 1) * reply_len]);
        }
        let (mut next, mut now) = (0, 0.0);
        loop {
            match self.arrivals.get(next) {
                None if round.idle(now) != Progress::Restart => break,
                None => {}
                Some(&Arrival { seconds, worker, at, fresh }) => {
                    (next, now) = (next + 1, seconds);
                    // The other copy of the task was faster.
                    if round.present()[worker] {
                        continue;
                    }
                    let honest = if fresh { &self.copies } else { &self.replies };
                    self.reply.clear();
                    self.reply.extend(honest[at * reply_len..(at + 1) * reply_len].iter().map(|x| x.to_f64()));
                    if !fresh
                        && let Some(distance) =
                            self.faults.answer::<T::Acc>(worker, request, payload_norm, &mut self.reply)
                    {
                        self.faults.witness().lied(worker, request.round, distance);
                    }
                    if round.offer(worker, request.round, &self.reply, seconds, decodable)? != Progress::Restart {
                        continue;
                    }
                }
            }
            self.restart(request, payload.len(), round, now, next)?;
        }
        // Only the dead are missing now, and nobody waits for them.
        round.close(now);
        self.faults.testify(round);
        Ok(())
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn worker_seconds(&self) -> f64 {
        self.worker_seconds
    }
}
