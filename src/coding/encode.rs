//! Encoding: shards in one pass over the data, dense or sparse as the data is. Only the shards themselves are allocated.

use super::{encode_csr, encode_dense};
use crate::data::{Csr, Dense, Matrix, Operand, ShardStats};
use crate::error::{Error, Result};
use crate::scalar::Element;

/// Shape of an encoded matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// n, rows of the matrix that is encoded.
    pub rows: usize,
    /// c, its columns.
    pub cols: usize,
    /// q, data blocks.
    pub blocks: usize,
    /// p = ceil(n / q), rows of a shard.
    pub shard_rows: usize,
}

impl Layout {
    /// The layout of an n x c matrix in q blocks.
    pub fn new(rows: usize, cols: usize, blocks: usize) -> Self {
        Layout { rows, cols, blocks, shard_rows: rows.div_ceil(blocks) }
    }

    /// The layout of the encoding of X (`rows` x `cols`) that `operand` names, in q blocks.
    ///
    /// # Errors
    /// [`Error::Usage`] for an operand that is not an encoding of X, and for q = 0.
    pub fn of_operand(rows: usize, cols: usize, operand: Operand, blocks: usize) -> Result<Self> {
        if blocks == 0 {
            return Err(Error::usage("data blocks", 0, "at least 1"));
        }
        match operand {
            Operand::ROWS => Ok(Layout::new(rows, cols, blocks)),
            Operand::COLUMNS => Ok(Layout::new(cols, rows, blocks)),
            Operand(id) => Err(Error::usage("operand to encode", id, "0 (rows) or 1 (columns)")),
        }
    }
}

/// Worker's shard of `operand` for the data matrix X (n x d): `S X` (p1 x d) for [`Operand::ROWS`], `S X'` (p2 x n) for
/// [`Operand::COLUMNS`], where row b of S combines rows `b q + j` with `combination[j]` (paper 002, eq. (11)).
///
/// Coefficients that are zero are skipped: what they would multiply is not read into the sum, and a combination that is
/// one 1 among zeros gives an exact copy. Sums are carried in f64 (with a compensated sum where T is f64), so the stored
/// number has one rounding to T, whatever q is: a shard's round-off must not grow with q, for the decoder takes it for the
/// noise of an honest reply. The same bits for any number of threads.
///
/// A sparse matrix stays sparse. Its pattern depends on the data's pattern alone: an entry is stored where the data store
/// any of the entries that are combined there, also when their values cancel to exactly 0.
///
/// ```
/// use steadfast::coding::encode_shard;
/// use steadfast::data::{Dense, Matrix, Operand};
/// let x = Matrix::Dense(Dense::new(3, 2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
/// let (shard, stats) = encode_shard(&x, Operand::ROWS, &[2.0, -1.0])?;
/// // Row 0 is 2 x_0 - x_1; the last block is short, so row 1 is 2 x_2.
/// assert_eq!(shard, Matrix::Dense(Dense::new(2, 2, vec![-1.0, 0.0, 10.0, 12.0])?));
/// assert_eq!(stats.max_abs, 12.0);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for an operand that is not an encoding of X, an empty combination, and entries that T can't hold.
pub fn encode_shard<T: Element>(
    data: &Matrix<T>,
    operand: Operand,
    combination: &[f64],
) -> Result<(Matrix<T>, ShardStats)> {
    let mut shards = encode_shards(data, operand, &[combination])?;
    shards.pop().ok_or_else(|| Error::usage("workers to encode for", 0, "at least 1"))
}

/// The shards of several workers at once: the same bits as [`encode_shard`] gives for each, but dense data is read once for
/// all of them instead of once for each. The caller chooses how many shards it can afford beside the data.
///
/// # Errors
/// As [`encode_shard`]; also for combinations of unequal length.
pub fn encode_shards<T: Element>(
    data: &Matrix<T>,
    operand: Operand,
    combinations: &[&[f64]],
) -> Result<Vec<(Matrix<T>, ShardStats)>> {
    let Some(first) = combinations.first() else { return Ok(Vec::new()) };
    let layout = Layout::of_operand(data.rows(), data.cols(), operand, first.len())?;
    if let Some(odd) = combinations.iter().find(|c| c.len() != first.len()) {
        return Err(Error::usage(
            "combination",
            format!("{} coefficients", odd.len()),
            format!("{}, as the others", first.len()),
        ));
    }
    let terms: Vec<Vec<Term>> = combinations.iter().map(|c| terms_of(c)).collect();
    let shards: Vec<(Matrix<T>, Sums)> = match data {
        Matrix::Dense(x) => {
            let mut shards: Vec<Dense<T>> =
                terms.iter().map(|_| Dense::zeros(layout.shard_rows, layout.cols)).collect();
            let sums = if operand == Operand::ROWS {
                encode_dense::rows(x, layout, &terms, &mut shards)
            } else {
                encode_dense::columns(x, layout, &terms, &mut shards)
            };
            shards.into_iter().map(Matrix::Dense).zip(sums).collect()
        }
        Matrix::Csr(x) => terms
            .iter()
            .map(|terms| {
                let shard: Csr<T> = if operand == Operand::ROWS {
                    encode_csr::rows(x, layout, terms)?
                } else {
                    encode_csr::columns(x, layout, terms)?
                };
                let sums = Sums::of_long(shard.values());
                Ok((Matrix::Csr(shard), sums))
            })
            .collect::<Result<_>>()?,
    };
    let with_stats = |(shard, sums): (Matrix<T>, Sums)| sums.stats(&shard).map(|stats| (shard, stats));
    shards.into_iter().map(with_stats).collect()
}

/// One non-zero coefficient of a combination: data block `block` times `factor`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub block: usize,
    pub factor: f64,
}

pub(super) fn terms_of(combination: &[f64]) -> Vec<Term> {
    let all = combination.iter().enumerate();
    all.filter(|&(_, &factor)| factor != 0.0).map(|(block, &factor)| Term { block, factor }).collect()
}

/// The terms whose row exists in a block of `len` rows (the last block may be short); `terms` ascend.
pub(super) fn present(terms: &[Term], len: usize) -> &[Term] {
    &terms[..terms.partition_point(|t| t.block < len)]
}

/// Sum of squares and largest magnitude of stored numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    square: f64,
    max_abs: f64,
}

impl Sums {
    /// Of one run of numbers, in eight partial sums.
    #[inline(always)]
    pub fn of<T: Element>(values: &[T]) -> Self {
        let (mut squares, mut largest) = ([0.0f64; 8], [0.0f64; 8]);
        let mut runs = values.chunks_exact(8);
        for run in runs.by_ref() {
            for (l, v) in run.iter().enumerate() {
                let x = v.to_f64();
                squares[l] += x * x;
                largest[l] = if x.abs() > largest[l] { x.abs() } else { largest[l] };
            }
        }
        for (l, v) in runs.remainder().iter().enumerate() {
            let x = v.to_f64();
            squares[l] += x * x;
            largest[l] = if x.abs() > largest[l] { x.abs() } else { largest[l] };
        }
        let s = squares;
        Sums {
            square: ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])),
            max_abs: largest.into_iter().fold(0.0, f64::max),
        }
    }

    /// Of a long slice, in fixed runs taken in parallel.
    pub fn of_long<T: Element>(values: &[T]) -> Self {
        use rayon::prelude::*;
        let runs: Vec<Sums> = values.par_chunks(1 << 14).map(Sums::of).collect();
        runs.into_iter().fold(Sums::default(), Sums::and)
    }

    /// Of two sets of numbers together.
    pub fn and(self, other: Sums) -> Sums {
        Sums { square: self.square + other.square, max_abs: self.max_abs.max(other.max_abs) }
    }

    pub(super) fn stats<T: Element>(self, shard: &Matrix<T>) -> Result<ShardStats> {
        // A NaN leaves max_abs alone but not the sum; an overflow to infinity shows in both.
        if !self.square.is_finite() {
            return Err(Error::usage(
                "entries of the data, encoded",
                format!("one that is not finite or above {:e} in magnitude", self.max_abs.min(f64::MAX)),
                format!("finite numbers that {} can hold (and whose squares add up in f64)", T::PRECISION),
            ));
        }
        let rows = shard.rows();
        let rms_row_norm = if rows == 0 { 0.0 } else { (self.square / rows as f64).sqrt() };
        Ok(ShardStats { rows, stored: shard.stored(), rms_row_norm, max_abs: self.max_abs })
    }
}
