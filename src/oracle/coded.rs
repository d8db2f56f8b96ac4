//! Products with an encoded data matrix: encode both X and X' once, then one round a product, decoded and certified.
//!
//! What the master keeps of the data is m small facts ([`ShardStats`]) an operand, and with keys a few vectors a worker.
//! It broadcasts what the workers' arithmetic can hold, so that all of them multiply the same vector, and it takes its
//! bound for that vector.

mod encode;
mod gathering;
mod sample;
mod streaming;

pub use streaming::StreamingOracle;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::block::{BlockOracle, coordinates};
use super::payload::{largest, norm, scale, transpose};
use super::{ProductOracle, RoundReport, Rounds, SampleOracle};
use crate::coding::{Certainty, DataCode, Layout, Replies, ReplyCheck, Workspace};
use crate::data::{Matrix, Operand, ShardSink, ShardStats};
use crate::error::{Error, Result};
use crate::fleet::{Arrivals, Counters, Fleet, Gather, Opcode, Request};
use crate::scalar::{Element, Precision};
use crate::seed::Seed;
use encode::{EncodedMatrix, encode};
use gathering::Gathering;
use rayon::prelude::*;

/// An honest reply's norm never passes `|S_i A|_F |V|_F` by more than its rounding; this is far above any rounding.
const CAP_SLACK: f64 = 1.001;

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
    gathering: Gathering,
    workspace: Workspace,
    payload: Vec<f64>,
    transposed: Vec<f64>,
    block_stats: Vec<ShardStats>,
    caps: Vec<f64>,
    log: Vec<RoundReport>,
    /// Its norm, of X as stored.
    longest_row: f64,
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
        Self::load(Arc::new(data), code, fleet, options, false)
    }

    /// As [`CodedOracle::new`], for products with blocks of columns ([`BlockOracle`]) too: the same shards, and the master
    /// keeps a few numbers for every block row of every worker.
    ///
    /// # Errors
    /// As [`CodedOracle::new`]; [`Error::Usage`] with keys, which belong to whole shards.
    pub fn with_blocks<T: Element>(
        data: Cow<'a, Matrix<T>>,
        code: Arc<dyn DataCode>,
        fleet: F,
        options: &OracleOptions,
    ) -> Result<Self>
    where
        F: ShardSink<T>,
    {
        if options.keys > 0 {
            return Err(Error::usage(
                "keys with coordinate blocks",
                options.keys,
                "0: keys judge products with whole shards",
            ));
        }
        Self::load(Arc::new(data), code, fleet, options, true)
    }

    /// [`CodedOracle::new`] of data that somebody else holds, too.
    fn load<T: Element>(
        data: Arc<Cow<'a, Matrix<T>>>,
        code: Arc<dyn DataCode>,
        mut fleet: F,
        options: &OracleOptions,
        in_blocks: bool,
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
        let rows = encode(&data, Operand::ROWS, &code, options, in_blocks, &mut fleet)?;
        let columns = encode(&data, Operand::COLUMNS, &code, options, in_blocks, &mut fleet)?;
        Ok(CodedOracle {
            fleet,
            code,
            rows,
            columns,
            gathering: Gathering::new(workers, options.gather),
            workspace: Workspace::default(),
            payload: Vec::new(),
            transposed: Vec::new(),
            block_stats: Vec::new(),
            caps: vec![0.0; workers],
            log: Vec::new(),
            longest_row,
        })
    }

    /// Has each round take the replies that it took in an earlier run of the same payloads, in place of the gather policy. Rounds
    /// beyond those recorded gather as usual.
    #[must_use]
    pub fn replay(mut self, arrivals: Arrivals) -> Self {
        self.gathering.replayed = arrivals;
        self
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

    /// One round: broadcasts `payload` (r vectors), gathers, decodes into `out` (n x r); with the whole encoded matrix, or with
    /// the part of it that block rows touch.
    fn product(&mut self, columns: bool, block: Option<Range<usize>>, vectors: usize, out: &mut [f64]) -> Result<()> {
        let cols = self.rows.layout.cols;
        let encoded = if columns { &mut self.columns } else { &mut self.rows };
        let (mut opcode, mut layout, mut stats) = (Opcode::Product, encoded.layout, &encoded.stats);
        if let Some(block) = block {
            let Some(facts) = &encoded.blocks else {
                return Err(Error::usage("oracle for blocks", "CodedOracle::new", "CodedOracle::with_blocks"));
            };
            facts.check(&block)?;
            let touched = coordinates(&block, layout.blocks, cols);
            (opcode, layout) = if columns {
                let part = Layout::new(touched.len(), layout.cols, layout.blocks);
                (Opcode::RowsProduct { first: block.start, count: block.len() }, part)
            } else {
                let part = Layout { cols: touched.len(), ..layout };
                (Opcode::ColumnsProduct { first: touched.start, count: touched.len() }, part)
            };
            facts.stats(&block, layout.shard_rows, &mut self.block_stats);
            stats = &self.block_stats;
        }
        let largest = largest(&self.payload);
        if !largest.is_finite() {
            return Err(Error::Numerical(format!(
                "a vector to broadcast holds {largest}; only finite numbers can be sent"
            )));
        }
        let scale = scale(largest, self.fleet.precision());
        if scale != 1.0 {
            self.payload.iter_mut().for_each(|x| *x /= scale);
        }
        if self.fleet.precision() != Precision::F64 {
            for x in &mut self.payload {
                *x = f32::from_f64(*x).to_f64();
            }
        }
        let norm = norm(&self.payload);
        self.caps.iter_mut().zip(stats).for_each(|(cap, s)| *cap = CAP_SLACK * s.frobenius() * norm);
        let request = Request { round: self.gathering.next(), opcode, operand: encoded.operand, vectors };
        let numbers = layout.shard_rows * vectors;
        let round = self.gathering.run(&mut self.fleet, &*self.code, &request, &self.payload, numbers, &self.caps)?;
        let (late, seconds) = (round.missing(), round.seconds());
        let replies = Replies {
            values: round.arena(),
            present: round.present(),
            implausible: round.implausible(),
            layout,
            vectors,
            precision: self.fleet.precision(),
            broadcast: &self.payload,
            stats,
            check: encoded.keyed.as_ref().map(|(check, _)| check as &dyn ReplyCheck),
            round: request.round,
        };
        let mut report = self.code.decode(&replies, &mut self.workspace, out)?;
        if scale != 1.0 {
            out.iter_mut().for_each(|x| *x *= scale);
            [&mut report.residual, &mut report.noise, &mut report.bound].into_iter().for_each(|x| *x *= scale);
        }
        if let Some((check, rekey)) = &mut encoded.keyed {
            for &worker in &report.liars {
                check.set(worker, rekey(worker, self.gathering.next())?)?;
            }
        }
        self.log.push(RoundReport { report, late, seconds });
        Ok(())
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
        self.product(false, None, vectors, out)
    }

    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        let vectors = residuals.len() / self.rows();
        self.payload.resize(residuals.len(), 0.0);
        if vectors == 1 {
            self.payload.copy_from_slice(residuals);
            return self.product(true, None, 1, out);
        }
        transpose(residuals, vectors, &mut self.payload);
        let mut value = std::mem::take(&mut self.transposed);
        value.resize(out.len(), 0.0);
        let done = self.product(true, None, vectors, &mut value);
        transpose(&value, vectors, out);
        self.transposed = value;
        done
    }

    fn blocks(&mut self) -> Option<&mut dyn BlockOracle> {
        if self.rows.blocks.is_some() { Some(self) } else { None }
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

    fn arrivals(&self) -> Option<&Arrivals> {
        Some(self.gathering.arrivals())
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

impl<F: Fleet> BlockOracle for CodedOracle<'_, F> {
    fn width(&self) -> usize {
        self.rows.layout.blocks
    }

    fn block_rows(&self) -> usize {
        self.columns.layout.shard_rows
    }

    fn block_pullback(&mut self, rows: Range<usize>, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        self.payload.clear();
        self.payload.extend_from_slice(residuals);
        self.product(true, Some(rows), 1, out)
    }

    fn block_margins(&mut self, rows: Range<usize>, delta: &[f64], out: &mut [f64]) -> Result<()> {
        self.payload.clear();
        self.payload.extend_from_slice(delta);
        self.product(false, Some(rows), 1, out)
    }
}
