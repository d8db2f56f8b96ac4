//! Replies of workers that hold rows and labels: computed, changed by liars, and taken in the order in which they arrive.

use super::{Arrived, BlockFleet, BlockWork};
use crate::data::Operand;
use crate::error::{Error, Result};
use crate::fleet::request::{Opcode, Request};
use crate::fleet::round::norm;
use crate::scalar::Precision;

/// Which labels a worker computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// Those of its rows.
    Own,
    /// Poisoned ones.
    Flipped,
}

/// What workers that hold rows do in a round: their code, which a carrier runs for them.
pub trait RowWork {
    /// What it costs `worker`.
    fn cost(&self, worker: usize) -> BlockWork;

    /// Writes the reply of `worker`.
    ///
    /// # Errors
    /// What the computation can't do.
    fn reply(&self, worker: usize, labels: Labels, out: &mut [f64]) -> Result<()>;
}

impl BlockFleet {
    /// One round in f64 of which the replies are wanted: `broadcast` (of `vectors` vectors) goes to all, and what arrives until
    /// `decodable(present)` holds is written to `replies`, a row of equal length a worker. Where it never holds, everything that
    /// the living send is taken.
    ///
    /// # Errors
    /// [`Error::Usage`] for replies that are not of equal length; those of the work.
    pub fn collect(
        &mut self,
        work: &dyn RowWork,
        broadcast: &[f64],
        vectors: usize,
        decodable: &dyn Fn(&[bool]) -> bool,
        replies: &mut [f64],
    ) -> Result<Arrived> {
        let workers = self.workers();
        if !replies.len().is_multiple_of(workers) {
            let allowed = format!("a multiple of the {workers} workers");
            return Err(Error::usage("replies of a round", format!("{} numbers", replies.len()), allowed));
        }
        let length = replies.len() / workers;
        let round = self.counters.rounds;
        let arrivals = self.schedule(Precision::F64, &|worker| work.cost(worker));
        let live: Vec<usize> = (0..workers).filter(|&worker| arrivals[worker].is_finite()).collect();
        let row = |worker: usize| worker * length..(worker + 1) * length;
        for &worker in &live {
            work.reply(worker, Labels::Own, &mut replies[row(worker)])?;
        }
        if self.faults.eavesdrops() {
            let told: &[f64] = replies;
            self.faults.overhear(&live, |at| &told[row(live[at])]);
        }
        // What the attacks know of a request: its number, its kind, its vectors.
        let request = Request { round, opcode: Opcode::Product, operand: Operand::ROWS, vectors };
        let unit = norm(broadcast);
        let mut poisoned = vec![0.0; length];
        for &worker in &live {
            let reply = &mut replies[row(worker)];
            let lie = if self.faults.poisons(worker) {
                work.reply(worker, Labels::Flipped, &mut poisoned)?;
                let lie = self.faults.answer_poisoned::<f64>(reply, &mut poisoned);
                reply.copy_from_slice(&poisoned);
                lie
            } else {
                self.faults.answer::<f64>(worker, &request, unit, reply)
            };
            if let Some(distance) = lie {
                self.faults.witness().lied(worker, round, distance);
            }
        }
        let mut order = live;
        order.sort_by(|&a, &b| arrivals[a].total_cmp(&arrivals[b]));
        let mut arrived = Arrived { present: vec![false; workers], seconds: 0.0, whole: Vec::new() };
        for (at, &worker) in order.iter().enumerate() {
            arrived.present[worker] = true;
            arrived.seconds = arrivals[worker];
            // Replies of the same instant are all in time.
            let more_now = order.get(at + 1).is_some_and(|&next| arrivals[next] <= arrived.seconds);
            if !more_now && decodable(&arrived.present) {
                break;
            }
        }
        self.faults.testify_of(round, &arrived.present);
        Ok(arrived)
    }
}
