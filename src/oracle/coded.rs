//! Products with an encoded data matrix: encode both X and X' once, then one round a product, decoded and certified.
//!
//! What the master keeps of the data is m small facts ([`ShardStats`]) an operand, and with keys a few vectors a worker.
//! It broadcasts what the workers' arithmetic can hold, so that all of them multiply the same vector, and it takes its
//! bound for that vector.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::block::{BlockFacts, BlockOracle, coordinates};
use super::payload::{largest, norm, scale, transpose};
use super::{ProductOracle, RoundReport, Rounds};
use crate::coding::{
    Certainty, DataCode, KeyedCheck, Keys, Layout, Replies, ReplyCheck, Workspace, encode_shard, encode_shards,
};
use crate::data::{Matrix, Operand, ShardSink, ShardStats};
use crate::error::{Error, Result};
use crate::fleet::{Counters, Fleet, Gather, Opcode, Request, Round};
use crate::scalar::{Element, Precision};
use crate::seed::{Seed, mix};

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
    keyed: Option<(KeyedCheck, Rekey<'a>)>,
    /// What is known of the parts that coordinate blocks touch, where such products were announced.
    blocks: Option<BlockFacts>,
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
    block_stats: Vec<ShardStats>,
    caps: Vec<f64>,
    rounds: u64,
    log: Vec<RoundReport>,
}

/// Encodes one direction of `data`, a few shards at a time, straight into the fleet.
fn encode<'a, T: Element, S: ShardSink<T>>(
    data: &Arc<Cow<'a, Matrix<T>>>,
    operand: Operand,
    code: &Arc<dyn DataCode>,
    options: &OracleOptions,
    in_blocks: bool,
    sink: &mut S,
) -> Result<EncodedMatrix<'a>> {
    let (rows, cols) = if operand == Operand::ROWS { (data.rows(), data.cols()) } else { (data.cols(), data.rows()) };
    let mut blocks = in_blocks.then(|| BlockFacts::new(data.cols().div_ceil(code.blocks())));
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
            match &mut blocks {
                Some(blocks) if operand == Operand::COLUMNS => blocks.push_rows(&shard),
                Some(blocks) => blocks.push_columns(&shard, code.blocks()),
                None => {}
            }
            sink.accept(worker, operand, shard)?;
        }
    }
    let keyed = (options.keys > 0).then(|| {
        let (data, code, options) = (data.clone(), code.clone(), *options);
        let rekey: Rekey<'a> = Box::new(move |worker, generation| {
            let (shard, _) = encode_shard(&data, operand, code.combination(worker))?;
            let seed = Seed(mix(options.seed.0 ^ mix(generation)));
            Ok(Keys::make(seed, options.keys, worker, operand, &shard))
        });
        (check, rekey)
    });
    Ok(EncodedMatrix { operand, layout: Layout::new(rows, cols, code.blocks()), stats, keyed, blocks })
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
        Self::load(data, code, fleet, options, false)
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
        Self::load(data, code, fleet, options, true)
    }

    fn load<T: Element>(
        data: Cow<'a, Matrix<T>>,
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
        let data = Arc::new(data);
        let rows = encode(&data, Operand::ROWS, &code, options, in_blocks, &mut fleet)?;
        let columns = encode(&data, Operand::COLUMNS, &code, options, in_blocks, &mut fleet)?;
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
            block_stats: Vec::new(),
            caps: vec![0.0; workers],
            rounds: 0,
            log: Vec::new(),
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
        let request = Request { round: self.rounds, opcode, operand: encoded.operand, vectors };
        self.rounds += 1;
        self.round.begin(&request, layout.shard_rows * vectors, self.gather, &self.caps)?;
        let code = &self.code;
        self.fleet.run(&request, &self.payload, &mut self.round, &|present, implausible| {
            code.decodable(present, implausible)
        })?;
        let replies = Replies {
            values: self.round.arena(),
            present: self.round.present(),
            implausible: self.round.implausible(),
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
                check.set(worker, rekey(worker, self.rounds)?)?;
            }
        }
        self.log.push(RoundReport { report, late: self.round.missing(), seconds: self.round.seconds() });
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

    fn counters(&self) -> Counters {
        self.fleet.counters()
    }

    fn unit_roundoff(&self) -> f64 {
        self.fleet.precision().unit_roundoff()
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
