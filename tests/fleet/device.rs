//! A device of plain loops, and what the tests beside it share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand_distr::{Distribution, StandardNormal};
use steadfast::data::{Csr, Dense, Matrix, Operand, ShardSink};
use steadfast::device::{Batch, Device, DeviceInfo};
use steadfast::fleet::{Clock, Faults, Fleet, Gather, Opcode, Request, Round, SimulatedFleet};
use steadfast::scalar::Element;
use steadfast::seed::{Purpose, Seed};
use steadfast::{Error, Result};

/// What a [`PlainDevice`] was asked to do.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Workers of each batch.
    pub batches: Arc<Mutex<Vec<Vec<usize>>>>,
    /// Multiply-adds done, one by one.
    pub multiply_adds: Arc<AtomicU64>,
}

/// Multiplies with plain loops, in the arithmetic type of T.
#[derive(Debug)]
pub struct PlainDevice<T> {
    shards: BTreeMap<(usize, Operand), Matrix<T>>,
    log: Log,
}

impl<T> PlainDevice<T> {
    pub fn new(log: Log) -> Self {
        PlainDevice { shards: BTreeMap::new(), log }
    }
}

impl<T: Element> Device<T> for PlainDevice<T> {
    fn info(&self) -> DeviceInfo {
        DeviceInfo { kind: "cpu".into(), name: "plain".into(), detail: "loops".into(), software: false }
    }

    fn upload(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        self.shards.insert((worker, operand), shard);
        Ok(())
    }

    fn shape(&self, worker: usize, operand: Operand) -> Option<(usize, usize)> {
        self.shards.get(&(worker, operand)).map(|a| (a.rows(), a.cols()))
    }

    fn run(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()> {
        self.log.batches.lock().unwrap().push(batch.workers.to_vec());
        let r = batch.vectors;
        let len = replies.len() / batch.workers.len().max(1);
        for (&worker, reply) in batch.workers.iter().zip(replies.chunks_exact_mut(len)) {
            let Some(a) = self.shards.get(&(worker, batch.operand)) else {
                return Err(Error::usage("request", "no shard", "a shard"));
            };
            let inner = if batch.transposed { a.rows() } else { a.cols() };
            reply.fill(T::from_f64(0.0).widen());
            for i in 0..a.rows() {
                a.for_each_in_row(i, |j, x| {
                    let (out, at) = if batch.transposed { (j, i) } else { (i, j) };
                    for v in 0..r {
                        let product = x.widen() * broadcast[v * inner + at];
                        reply[out * r + v] += product;
                        self.log.multiply_adds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
        Ok(())
    }
}

/// Dense shards (p x c) of standard normal numbers; the last `sparse` operands' shards keep every third entry as CSR.
pub fn shard<T: Element>(worker: usize, operand: Operand, rows: usize, cols: usize, sparse: bool) -> Matrix<T> {
    let mut stream = Seed(77).stream(Purpose::Experiment, worker as u64, u64::from(operand.0));
    let mut number = || -> f64 { StandardNormal.sample(&mut stream) };
    if !sparse {
        let values = (0..rows * cols).map(|_| T::from_f64(number())).collect();
        return Matrix::Dense(Dense::new(rows, cols, values).unwrap());
    }
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        for j in (0..cols).filter(|j| (i + j + worker).is_multiple_of(3)) {
            indices.push(j as u32);
            values.push(T::from_f64(number()));
        }
        offsets.push(values.len());
    }
    Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).unwrap())
}

/// Rows and columns of the shards of `Operand::ROWS` and `Operand::COLUMNS` in these tests.
pub const ROWS_SHAPE: (usize, usize) = (6, 9);
pub const COLUMNS_SHAPE: (usize, usize) = (4, 12);

/// Loads both operands, the second one sparse.
pub fn load<T: Element>(sink: &mut impl ShardSink<T>, workers: usize) {
    for worker in 0..workers {
        let (p, c) = ROWS_SHAPE;
        sink.accept(worker, Operand::ROWS, shard(worker, Operand::ROWS, p, c, false)).unwrap();
        let (p, c) = COLUMNS_SHAPE;
        sink.accept(worker, Operand::COLUMNS, shard(worker, Operand::COLUMNS, p, c, true)).unwrap();
    }
}

/// A loaded fleet on a [`PlainDevice`].
pub fn simulated<T: Element>(faults: Faults, clock: Clock) -> (SimulatedFleet<T>, Log) {
    let (log, workers) = (Log::default(), faults.workers());
    let mut fleet = SimulatedFleet::new(Box::new(PlainDevice::<T>::new(log.clone())), faults, clock);
    load(&mut fleet, workers);
    (fleet, log)
}

/// A product with `Operand::ROWS`, r = 2.
pub fn product(number: u64) -> Request {
    Request { round: number, opcode: Opcode::Product, operand: Operand::ROWS, vectors: 2 }
}

/// Payload for [`product`]: numbers that f16's arithmetic (f32) holds exactly.
pub fn payload(number: u64) -> Vec<f64> {
    (0..2 * ROWS_SHAPE.1).map(|j| ((j as u64 * 7 + number * 3) % 101) as f64 / 16.0 - 3.0).collect()
}

/// Runs one product round.
pub fn run_product(fleet: &mut dyn Fleet, round: &mut Round, number: u64, gather: Gather) -> Result<()> {
    let caps = vec![f64::INFINITY; fleet.workers()];
    round.begin(&product(number), 2 * ROWS_SHAPE.0, gather, &caps)?;
    fleet.run(&product(number), &payload(number), round, &|_, _| false)
}

/// The reply of `worker` in the arena.
pub fn reply(round: &Round, worker: usize) -> &[f64] {
    &round.arena()[worker * round.reply_len()..(worker + 1) * round.reply_len()]
}
