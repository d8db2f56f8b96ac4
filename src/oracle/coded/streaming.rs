//! Data that keep coming (paper 002, section 6.2 and remark 11): rows, and features, joined to what the workers hold.
//!
//! A row is a new column of every worker's shard of X', and changes one row of its shard of X; a new feature the other way
//! round. The rest of the shards stays as it is.

use std::borrow::Cow;
use std::sync::Arc;

use super::encode::{EncodedMatrix, rekey};
use super::{CodedOracle, OracleOptions, RowSquare, add_row, row_norm};
use crate::coding::{DataCode, KeyedCheck, Layout, OpenBlock, encode_shards};
use crate::data::{Growth, Matrix, Operand, ShardGrowth, ShardStats};
use crate::error::{Error, Result};
use crate::fleet::Fleet;
use crate::scalar::Element;

/// Shard parts, one a worker, with their facts.
type Parts<T> = Vec<(Matrix<T>, ShardStats)>;

/// A [`CodedOracle`] whose data can grow.
///
/// What the workers hold after any appends has the same bits as what they would hold had all data been there at once: every
/// stored number is the same sum in the same order, rounded once. The master's facts about shards agree to rounding
/// ([`ShardStats::max_abs`] is the largest that was ever stored).
///
/// **Cost.** With c workers that combine (2t + s of a systematic code) a row costs c d multiply-adds for its column of X' (and
/// below c d for what the master keeps of it), and c d to 4 c d for X ([`StreamingOracle::multiply_adds`]); the other workers get
/// copies. A shard of X' is row-major, so that new columns move
/// it once an append in memory: where there are many rows, append many at a time. The master keeps the unfinished blocks:
/// fewer than q rows of X, fewer than q features of all rows, two numbers a column for each worker that combines, and four a
/// row.
///
/// **Keys** are made anew in each append, from all data, which the master holds while there are any: as much work as encoding
/// everything.
///
/// The device must be one whose shards can grow (the CPU).
///
/// ```
/// use std::{borrow::Cow, sync::Arc};
/// use steadfast::coding::{RealParity, Tolerance};
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::CpuDevice;
/// use steadfast::fleet::{Clock, Faults, Gather, SimulatedFleet};
/// use steadfast::oracle::{OracleOptions, ProductOracle, StreamingOracle};
/// use steadfast::seed::Seed;
///
/// let x = Matrix::Dense(Dense::new(10, 2, (0..20).map(f64::from).collect())?);
/// let code = Arc::new(RealParity::new(5, Tolerance { liars: 1, stragglers: 0 })?);
/// let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(Some(1))?), Faults::none(5), Clock::default());
/// let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
/// let mut stream = StreamingOracle::new(Cow::Borrowed(&x), code, fleet, &options)?;
/// stream.append_rows(&Matrix::Dense(Dense::new(1, 2, vec![5.0, 7.0])?))?;
/// let mut margins = [0.0; 11];
/// stream.oracle_mut().margins(&[1.0, -1.0], &mut margins)?;
/// assert!((margins[10] + 2.0).abs() < 1e-12);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct StreamingOracle<'a, T: Element, F> {
    oracle: CodedOracle<'a, F>,
    options: OracleOptions,
    sparse: bool,
    /// While there are keys.
    data: Option<Arc<Cow<'a, Matrix<T>>>>,
    rows: Unfinished<T>,
    columns: Unfinished<T>,
    squares: Vec<RowSquare>,
    /// Of parts that need no unfinished block.
    multiply_adds: u64,
}

/// The unfinished block of one encoded matrix, and what of each worker's facts belongs to it.
struct Unfinished<T> {
    block: OpenBlock<T>,
    /// Square and stored values of the block's shard row, a worker.
    shares: Vec<(f64, usize)>,
}

/// Square and stored values of the last row.
fn last_row<T: Element>(part: &Matrix<T>) -> (f64, usize) {
    let (mut sums, mut count) = ([0.0; 4], 0);
    if part.rows() > 0 {
        part.for_each_in_row(part.rows() - 1, |_, x| {
            sums[count & 3] += x.to_f64() * x.to_f64();
            count += 1;
        });
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3]), count)
}

/// Replaces the facts about a shard whose square changed by so much and that stores so many values now.
fn update(facts: &mut ShardStats, frobenius: &mut f64, rows: usize, square: f64, stored: usize, max_abs: f64) {
    facts.rows = rows;
    facts.stored = stored;
    facts.rms_row_norm = if rows == 0 { 0.0 } else { (square.max(0.0) / rows as f64).sqrt() };
    facts.max_abs = facts.max_abs.max(max_abs);
    *frobenius = facts.frobenius();
}

impl<T: Element> Unfinished<T> {
    fn new(data: &Matrix<T>, combinations: &[&[f64]]) -> Result<Self> {
        let block = OpenBlock::new(data, combinations)?;
        let none = vec![(0.0, 0); combinations.len()];
        let shares = if block.is_empty() { none } else { block.shard_rows()?.iter().map(last_row).collect() };
        Ok(Unfinished { block, shares })
    }

    /// The facts of an encoding that these rows of shards were appended to.
    fn extended(&mut self, encoded: &mut EncodedMatrix<'_>, layout: Layout, bottom: &Parts<T>) {
        encoded.layout = layout;
        let facts = encoded.stats.iter_mut().zip(&mut encoded.frobenius);
        for (((facts, frobenius), share), (part, more)) in facts.zip(&mut self.shares).zip(bottom) {
            let square = frobenius.powi(2) - share.0 + more.frobenius().powi(2);
            let stored = facts.stored - share.1 + more.stored;
            update(facts, frobenius, layout.shard_rows, square, stored, more.max_abs);
            *share = if self.block.is_empty() { (0.0, 0) } else { last_row(part) };
        }
    }

    /// The facts of an encoding that these columns of shards were appended to; `tail` is what the unfinished block's rows got.
    fn widened(
        &mut self,
        encoded: &mut EncodedMatrix<'_>,
        layout: Layout,
        right: &Parts<T>,
        tail: &Matrix<T>,
    ) -> Result<()> {
        self.block.widen(tail)?;
        encoded.layout = layout;
        let facts = encoded.stats.iter_mut().zip(&mut encoded.frobenius);
        for (((facts, frobenius), share), (part, more)) in facts.zip(&mut self.shares).zip(right) {
            let square = frobenius.powi(2) + more.frobenius().powi(2);
            let stored = facts.stored + more.stored;
            update(facts, frobenius, layout.shard_rows, square, stored, more.max_abs);
            if !self.block.is_empty() {
                let (square, stored) = last_row(part);
                *share = (share.0 + square, share.1 + stored);
            }
        }
        Ok(())
    }
}

impl<'a, T: Element, F: Fleet + ShardGrowth<T>> StreamingOracle<'a, T, F> {
    /// As [`CodedOracle::new`].
    ///
    /// # Errors
    /// As [`CodedOracle::new`]; also for a code whose columns are not all combined alike.
    pub fn new(data: Cow<'a, Matrix<T>>, code: Arc<dyn DataCode>, fleet: F, options: &OracleOptions) -> Result<Self> {
        if code.column_groups() > 1 {
            let allowed = "a code that combines all columns alike (real-parity, mds, product, replication, uncoded)";
            return Err(Error::usage("data that grow", code.name(), allowed));
        }
        let data = Arc::new(data);
        let combinations: Vec<&[f64]> = (0..code.workers()).map(|i| code.combination(i)).collect();
        let rows = Unfinished::new(&data, &combinations)?;
        let features = data.select_columns(unfinished(data.cols(), code.blocks())).transposed()?;
        let columns = Unfinished::new(&features, &combinations)?;
        let oracle = CodedOracle::load(data.clone(), code.clone(), fleet, options, false)?;
        let sparse = data.is_sparse();
        let mut squares = vec![RowSquare::default(); data.rows()];
        squares.iter_mut().enumerate().for_each(|(i, square)| add_row(&data, i, 0, square));
        let data = (options.keys > 0).then_some(data);
        Ok(StreamingOracle { oracle, options: *options, sparse, data, rows, columns, squares, multiply_adds: 0 })
    }

    /// The oracle of the data as they are now.
    pub fn oracle(&self) -> &CodedOracle<'a, F> {
        &self.oracle
    }

    /// The oracle of the data as they are now, for rounds.
    pub fn oracle_mut(&mut self) -> &mut CodedOracle<'a, F> {
        &mut self.oracle
    }

    /// The oracle of the data as they are now, which grow no more.
    pub fn into_oracle(self) -> CodedOracle<'a, F> {
        self.oracle
    }

    /// Multiply-adds that encoding what was appended has cost, those of keys not included.
    pub fn multiply_adds(&self) -> u64 {
        self.multiply_adds + self.rows.block.multiply_adds() + self.columns.block.multiply_adds()
    }

    /// Appends `rows` (k x d).
    ///
    /// # Errors
    /// [`Error::Usage`] for rows of another width, sparse rows of dense data or the other way round, entries that are not
    /// finite or that T can't hold once combined, and a device whose shards can't grow: nothing has changed then. After a
    /// failure of the device or the fleet some workers have the rows and some not, and the oracle is of no use.
    pub fn append_rows(&mut self, rows: &Matrix<T>) -> Result<()> {
        let Layout { rows: n, cols: d, blocks, .. } = self.oracle.rows.layout;
        self.check("rows to append", rows, rows.cols() == d, &format!("rows of {d} columns"))?;
        // What can be refused comes before anything changes.
        let right = self.encode(rows, Operand::COLUMNS)?;
        let mut block = self.rows.block.clone();
        let bottom = block.push(rows)?;
        let tail = rows.select_columns(unfinished(d, blocks)).transposed()?;

        self.send(&bottom, Operand::ROWS, Growth::Rows { from: n / blocks })?;
        self.send(&right, Operand::COLUMNS, Growth::Columns)?;
        self.rows.block = block;
        let n = n + rows.rows();
        self.rows.extended(&mut self.oracle.rows, Layout::new(n, d, blocks), &bottom);
        self.columns.widened(&mut self.oracle.columns, Layout::new(d, n, blocks), &right, &tail)?;
        self.squares.resize(n, RowSquare::default());
        let new = self.squares[n - rows.rows()..].iter_mut().enumerate();
        for (i, square) in new {
            add_row(rows, i, 0, square);
            self.oracle.longest_row = self.oracle.longest_row.max(row_norm(square));
        }
        self.make_keys(rows, Growth::Rows { from: n - rows.rows() })
    }

    /// Appends new features of all rows (n x k), to the right of the others.
    ///
    /// # Errors
    /// As [`StreamingOracle::append_rows`], for features of another number of rows.
    pub fn append_features(&mut self, features: &Matrix<T>) -> Result<()> {
        let Layout { rows: n, cols: d, blocks, .. } = self.oracle.rows.layout;
        self.check("features to append", features, features.rows() == n, &format!("features of {n} rows"))?;
        let right = self.encode(features, Operand::ROWS)?;
        let mut block = self.columns.block.clone();
        let bottom = block.push(&features.transposed()?)?;
        let tail = features.select_rows(&unfinished(n, blocks).collect::<Vec<_>>());

        self.send(&bottom, Operand::COLUMNS, Growth::Rows { from: d / blocks })?;
        self.send(&right, Operand::ROWS, Growth::Columns)?;
        self.columns.block = block;
        for (i, square) in self.squares.iter_mut().enumerate() {
            add_row(features, i, d, square);
            self.oracle.longest_row = self.oracle.longest_row.max(row_norm(square));
        }
        let d = d + features.cols();
        self.columns.extended(&mut self.oracle.columns, Layout::new(d, n, blocks), &bottom);
        self.rows.widened(&mut self.oracle.rows, Layout::new(n, d, blocks), &right, &tail)?;
        self.make_keys(features, Growth::Columns)
    }

    fn check(&self, what: &str, part: &Matrix<T>, fits: bool, allowed: &str) -> Result<()> {
        if !fits {
            return Err(Error::usage(what, format!("{} x {}", part.rows(), part.cols()), allowed));
        }
        if part.is_sparse() != self.sparse {
            let form = |sparse| if sparse { "sparse" } else { "dense" };
            return Err(Error::usage(what, form(part.is_sparse()), format!("{}, as the others", form(self.sparse))));
        }
        let mut bad = None;
        (0..part.rows())
            .for_each(|i| part.for_each_in_row(i, |_, x| bad = bad.or((!x.to_f64().is_finite()).then_some(x))));
        bad.map_or(Ok(()), |x| Err(Error::usage(what, format!("an entry {}", x.to_f64()), "finite numbers")))
    }

    /// New columns of all shards of `operand`, whose work is counted.
    fn encode(&mut self, part: &Matrix<T>, operand: Operand) -> Result<Parts<T>> {
        let code = self.oracle.code.clone();
        let combinations: Vec<&[f64]> = (0..code.workers()).map(|i| code.combination(i)).collect();
        let parts = encode_shards(part, operand, &combinations)?;
        // Values that a coefficient of each block row meets.
        let q = code.blocks();
        let mut met = vec![0; q];
        for i in 0..part.rows() {
            part.for_each_in_row(i, |j, _| met[if operand == Operand::ROWS { i % q } else { j % q }] += 1);
        }
        for combination in combinations {
            let terms = || combination.iter().zip(&met).filter(|(factor, _)| **factor != 0.0);
            if terms().count() > 1 {
                self.multiply_adds += terms().map(|(_, met)| met).sum::<u64>();
            }
        }
        Ok(parts)
    }

    fn send(&mut self, parts: &Parts<T>, operand: Operand, growth: Growth) -> Result<()> {
        let mut workers = parts.iter().enumerate();
        workers.try_for_each(|(worker, (part, _))| self.oracle.fleet.grow(worker, operand, part.clone(), growth))
    }

    /// New keys of the data that grew by `part`, where there are keys.
    fn make_keys(&mut self, part: &Matrix<T>, growth: Growth) -> Result<()> {
        let Some(data) = self.data.take() else { return Ok(()) };
        // The old ones hold the data, too.
        (self.oracle.rows.keyed, self.oracle.columns.keyed) = (None, None);
        let mut whole = Arc::try_unwrap(data).unwrap_or_else(|shared| (*shared).clone()).into_owned();
        whole.grow(part, growth)?;
        let data: Arc<Cow<'a, Matrix<T>>> = Arc::new(Cow::Owned(whole));
        let (code, generation) = (self.oracle.code.clone(), self.oracle.gathering.next());
        for encoded in [&mut self.oracle.rows, &mut self.oracle.columns] {
            let make = rekey(data.clone(), encoded.operand, code.clone(), self.options);
            let mut check = KeyedCheck::new(code.workers());
            for worker in 0..code.workers() {
                check.set(worker, make(worker, generation)?)?;
            }
            encoded.keyed = Some((check, make));
        }
        self.data = Some(data);
        Ok(())
    }
}

/// The rows beyond the last whole block of q.
fn unfinished(rows: usize, blocks: usize) -> std::ops::Range<usize> {
    rows - rows % blocks..rows
}
