//! Products with an encoded data matrix: encode both X and X' once, then one round a product, decoded and certified.
//!
//! What the master keeps of the data is m small facts ([`ShardStats`]) an operand, and with keys a few vectors a worker.
//! It broadcasts what the workers' arithmetic can hold, so that all of them multiply the same vector, and it takes its
//! bound for that vector.

mod sample;
mod streaming;

pub use streaming::StreamingOracle;

use std::borrow::Cow;
use std::sync::Arc;

use super::{ProductOracle, RoundReport, Rounds, SampleOracle};
use crate::coding::{
    Certainty, DataCode, KeyedCheck, Keys, Layout, Replies, ReplyCheck, Workspace, encode_shard, encode_shards,
};
use crate::data::{Matrix, Operand, ShardSink, ShardStats};
use crate::error::{Error, Result};
use crate::fleet::{Counters, Fleet, Gather, Opcode, Request, Round};
use crate::scalar::{Element, Precision};
use crate::seed::{Seed, mix};
use rayon::prelude::*;

/// An honest reply's norm never passes `|S_i A|_F |V|_F` by more than its rounding; this is far above any rounding.
const CAP_SLACK: f64 = 1.001;

/// Shards encoded in one pass over the data: what is not yet at its worker is beside the data, and each pass reads all of it.
const TOGETHER: usize = 4;

/// Makes new keys of one operand: for a worker, in the given generation.
type Rekey<'a> = Box<dyn Fn(usize, u64) -> Result<Keys> + Send + 'a>;

/// One encoded matrix: its layout and what the master keeps of each worker's shard.
struct EncodedMatrix<'a> {
    operand: Operand,
    layout: Layout,
    stats: Vec<ShardStats>,
    frobenius: Vec<f64>,
    keyed: Option<(KeyedCheck, Rekey<'a>)>,
}

/// What the oracle asks of code and fleet beyond the code itself.
#[derive(Debug, Clone, Copy)]
pub struct OracleOptions {
    /// When a round has heard enough.
    pub gather: Gather,
    /// Secret check vectors a worker (0: none).
    pub keys: usize,
    /// Of the keys.
    pub seed: Seed,
}

/// The two-round coded gradient's oracle (paper 002, section 4): `X w` and `X' u`, each one round.
pub struct CodedOracle<'a, F> {
    fleet: F,
    code: Arc<dyn DataCode>,
    rows: EncodedMatrix<'a>,
    columns: EncodedMatrix<'a>,
    gather: Gather,
    round: Round,
    workspace: Workspace,
    payload: Vec<f64>,
    transposed: Vec<f64>,
    caps: Vec<f64>,
    rounds: u64,
    log: Vec<RoundReport>,
    /// Its norm, of X as stored.
    longest_row: f64,
}

/// Encodes one direction of `data`, a few shards at a time, straight into the fleet.
fn encode<'a, T: Element, S: ShardSink<T>>(
    data: &Arc<Cow<'a, Matrix<T>>>,
    operand: Operand,
    code: &Arc<dyn DataCode>,
    options: &OracleOptions,
    sink: &mut S,
) -> Result<EncodedMatrix<'a>> {
    let (rows, cols) = if operand == Operand::ROWS { (data.rows(), data.cols()) } else { (data.cols(), data.rows()) };
    let workers = code.workers();
    let mut stats = Vec::with_capacity(workers);
    let mut check = KeyedCheck::new(workers);
    for first in (0..workers).step_by(TOGETHER) {
        let batch: Vec<&[f64]> = (first..workers.min(first + TOGETHER)).map(|i| code.combination(i)).collect();
        for (worker, (shard, facts)) in (first..).zip(encode_shards(data, operand, &batch)?) {
            if options.keys > 0 {
                check.set(worker, Keys::make(options.seed, options.keys, worker, operand, &shard))?;
            }
            stats.push(facts);
            sink.accept(worker, operand, shard)?;
        }
    }
    let keyed = (options.keys > 0).then(|| (check, rekey(data.clone(), operand, code.clone(), *options)));
    let frobenius = stats.iter().map(ShardStats::frobenius).collect();
    Ok(EncodedMatrix { operand, layout: Layout::new(rows, cols, code.blocks()), stats, frobenius, keyed })
}

/// Makes keys from the data.
fn rekey<'a, T: Element>(
    data: Arc<Cow<'a, Matrix<T>>>,
    operand: Operand,
    code: Arc<dyn DataCode>,
    options: OracleOptions,
) -> Rekey<'a> {
    Box::new(move |worker, generation| {
        let (shard, _) = encode_shard(&data, operand, code.combination(worker))?;
        let seed = Seed(mix(options.seed.0 ^ mix(generation)));
        Ok(Keys::make(seed, options.keys, worker, operand, &shard))
    })
}

/// Squares of a row's entries, in four partial sums by column: those of more columns can be added later.
type RowSquare = [f64; 4];

/// Adds the squares of row `i`, whose first column is number `first`.
fn add_row<T: Element>(data: &Matrix<T>, i: usize, first: usize, square: &mut RowSquare) {
    data.for_each_in_row(i, |j, x| square[(first + j) & 3] += x.to_f64() * x.to_f64());
}

/// The Euclidean norm.
fn row_norm(square: &RowSquare) -> f64 {
    ((square[0] + square[1]) + (square[2] + square[3])).sqrt()
}

/// The largest Euclidean norm of a row.
fn longest_row<T: Element>(data: &Matrix<T>) -> f64 {
    let norm = |i: usize| {
        let mut square = RowSquare::default();
        add_row(data, i, 0, &mut square);
        row_norm(&square)
    };
    (0..data.rows()).into_par_iter().map(norm).reduce(|| 0.0, f64::max)
}

impl<'a, F: Fleet> CodedOracle<'a, F> {
    /// Encodes `data` with `code` and loads the shards into `fleet`. The data is needed no longer, unless there are keys: a
    /// worker caught lying gets new ones, which takes its shard once more (an accepted or refused lie tells a little of the
    /// keys it was judged by).
    ///
    /// # Errors
    /// [`Error::Usage`] when code and fleet disagree on the number of workers, or the gather policy waits for fewer replies
    /// than the code needs; failures of the fleet.
    pub fn new<T: Element>(
        data: Cow<'a, Matrix<T>>,
        code: Arc<dyn DataCode>,
        fleet: F,
        options: &OracleOptions,
    ) -> Result<Self>
    where
        F: ShardSink<T>,
    {
        Self::load(Arc::new(data), code, fleet, options)
    }

    /// [`CodedOracle::new`] of data that somebody else holds, too.
    fn load<T: Element>(
        data: Arc<Cow<'a, Matrix<T>>>,
        code: Arc<dyn DataCode>,
        mut fleet: F,
        options: &OracleOptions,
    ) -> Result<Self>
    where
        F: ShardSink<T>,
    {
        let workers = code.workers();
        if fleet.workers() != workers {
            return Err(Error::usage("workers of the fleet", fleet.workers(), format!("{workers}, as the code has")));
        }
        if let Gather::First(k) = options.gather {
            let mut present = vec![false; workers];
            present[..k.min(workers)].fill(true);
            if k == 0 || k > workers || !code.decodable(&present, &vec![false; workers]) {
                return Err(Error::usage(
                    "gather",
                    format!("first:k={k}"),
                    format!("a k from which {} can decode with {}, at most {workers}", code.name(), code.tolerance()),
                ));
            }
        }
        let longest_row = longest_row(&data);
        let rows = encode(&data, Operand::ROWS, &code, options, &mut fleet)?;
        let columns = encode(&data, Operand::COLUMNS, &code, options, &mut fleet)?;
        Ok(CodedOracle {
            fleet,
            code,
            rows,
            columns,
            gather: options.gather,
            round: Round::new(workers),
            workspace: Workspace::default(),
            payload: Vec::new(),
            transposed: Vec::new(),
            caps: vec![0.0; workers],
            rounds: 0,
            log: Vec::new(),
            longest_row,
        })
    }

    /// The code.
    pub fn code(&self) -> &dyn DataCode {
        &*self.code
    }

    /// Carrier and device, for records.
    pub fn describe(&self) -> String {
        self.fleet.describe()
    }

    /// The fleet.
    pub fn fleet(&self) -> &F {
        &self.fleet
    }

    /// One round: broadcasts `payload` (r vectors), gathers, decodes into `out` (n x r).
    fn product(&mut self, columns: bool, vectors: usize, out: &mut [f64]) -> Result<()> {
        let encoded = if columns { &mut self.columns } else { &mut self.rows };
        if self.fleet.precision() != Precision::F64 {
            for x in &mut self.payload {
                *x = f32::from_f64(*x).to_f64();
            }
        }
        if let Some(bad) = self.payload.iter().find(|x| !x.is_finite()) {
            return Err(Error::Numerical(format!(
                "a vector to broadcast holds {bad}; only finite numbers can be sent"
            )));
        }
        let norm = norm(&self.payload);
        self.caps.iter_mut().zip(&encoded.frobenius).for_each(|(cap, f)| *cap = CAP_SLACK * f * norm);
        let request = Request { round: self.rounds, opcode: Opcode::Product, operand: encoded.operand, vectors };
        self.rounds += 1;
        self.round.begin(&request, encoded.layout.shard_rows * vectors, self.gather, &self.caps)?;
        let code = &self.code;
        self.fleet.run(&request, &self.payload, &mut self.round, &|present, implausible| {
            code.decodable(present, implausible)
        })?;
        let replies = Replies {
            values: self.round.arena(),
            present: self.round.present(),
            implausible: self.round.implausible(),
            layout: encoded.layout,
            vectors,
            precision: self.fleet.precision(),
            broadcast: &self.payload,
            stats: &encoded.stats,
            check: encoded.keyed.as_ref().map(|(check, _)| check as &dyn ReplyCheck),
            round: request.round,
        };
        let report = self.code.decode(&replies, &mut self.workspace, out)?;
        if let Some((check, rekey)) = &mut encoded.keyed {
            for &worker in &report.liars {
                check.set(worker, rekey(worker, self.rounds)?)?;
            }
        }
        self.log.push(RoundReport { report, late: self.round.missing(), seconds: self.round.seconds() });
        Ok(())
    }
}

/// Euclidean norm by blocks, so that long vectors lose no digits.
fn norm(values: &[f64]) -> f64 {
    let sums: f64 = values.chunks(256).map(|c| c.iter().map(|x| x * x).sum::<f64>()).sum();
    sums.sqrt()
}

/// `out = in'` for a row-major rows x cols `values`.
fn transpose(values: &[f64], cols: usize, out: &mut [f64]) {
    let rows = values.len() / cols.max(1);
    for (i, row) in values.chunks_exact(cols).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            out[j * rows + i] = x;
        }
    }
}

impl<F: Fleet> ProductOracle for CodedOracle<'_, F> {
    fn rows(&self) -> usize {
        self.rows.layout.rows
    }

    fn cols(&self) -> usize {
        self.rows.layout.cols
    }

    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
        let vectors = weights.len() / self.cols();
        self.payload.clear();
        self.payload.extend_from_slice(weights);
        self.product(false, vectors, out)
    }

    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        let vectors = residuals.len() / self.rows();
        self.payload.resize(residuals.len(), 0.0);
        if vectors == 1 {
            self.payload.copy_from_slice(residuals);
            return self.product(true, 1, out);
        }
        transpose(residuals, vectors, &mut self.payload);
        let mut value = std::mem::take(&mut self.transposed);
        value.resize(out.len(), 0.0);
        let done = self.product(true, vectors, &mut value);
        transpose(&value, vectors, out);
        self.transposed = value;
        done
    }

    fn drain(&mut self) -> Rounds {
        let mut sum = Rounds {
            late: Vec::new(),
            liars: Vec::new(),
            residual: 0.0,
            bound: 0.0,
            certainty: Certainty::Certified,
            seconds: 0.0,
        };
        for round in self.log.drain(..) {
            sum.late.extend(&round.late);
            sum.liars.extend(&round.report.liars);
            sum.residual = sum.residual.max(round.report.residual);
            sum.bound = sum.bound.max(round.report.bound);
            sum.seconds += round.seconds;
            sum.certainty = sum.certainty.worst(round.report.certainty);
        }
        for names in [&mut sum.late, &mut sum.liars] {
            names.sort_unstable();
            names.dedup();
        }
        sum
    }

    fn counters(&self) -> Counters {
        self.fleet.counters()
    }

    fn unit_roundoff(&self) -> f64 {
        self.fleet.precision().unit_roundoff()
    }

    fn sampler(&mut self) -> Option<&mut dyn SampleOracle> {
        Some(self)
    }
}
