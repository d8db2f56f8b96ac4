//! The simulated fleet: all workers on one device of this process, in virtual time.
//!
//! The work of live workers is really done, in one batch of the device; what is simulated is when their replies arrive
//! (see [`super::clock`]) and what faulty workers do to them (see [`super::fault`]). Replies are offered to the round in the
//! order of their virtual arrival, workers of the same instant by number, so a run is the same on every machine.

use std::time::Instant;

use super::clock::Clock;
use super::fault::Faults;
use super::request::Request;
use super::round::{Round, norm};
use super::worker::{ShardTable, check_round, compute};
use super::{Counters, Fleet};
use crate::data::{Matrix, Operand, ShardSink};
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
    reply: Vec<f64>,
    /// Arrival, worker, and the worker's place among the live.
    arrivals: Vec<(f64, usize, usize)>,
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
            self.arrivals.push((seconds, worker, at));
        }
        for (seconds, worker, _) in &mut self.arrivals {
            if self.faults.is_slow(*worker) {
                *seconds = self.faults.slowed(*seconds, latest);
            }
        }
        self.arrivals.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
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
        for &(seconds, worker, at) in &self.arrivals {
            let honest = &self.replies[at * reply_len..(at + 1) * reply_len];
            self.reply.clear();
            self.reply.extend(honest.iter().map(|x| x.to_f64()));
            let lie = self.faults.answer::<T::Acc>(worker, request, payload_norm, &mut self.reply);
            if let Some(distance) = lie {
                self.faults.witness().lied(worker, request.round, distance);
            }
            round.offer(worker, request.round, &self.reply, seconds, decodable)?;
        }
        // Only the dead are missing now, and nobody waits for them.
        round.close(self.arrivals.last().map_or(0.0, |last| last.0));
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
