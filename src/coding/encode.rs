//! Encoding: one worker's shard at a time, in one pass over the data, dense or sparse as the data is.

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
}

/// Worker's shard of `operand` for the data matrix X (n x d): `S X` (p1 x d) for [`Operand::ROWS`], `S X'` (p2 x n) for
/// [`Operand::COLUMNS`], where row b of S combines rows `b q + j` with `combination[j]`. Sums are in f64 and the result is
/// rounded to T once. The same bits for any number of threads.
///
/// # Errors
/// [`crate::error::Error::Usage`] for an operand that is not an encoding of X.
pub fn encode_shard<T: Element>(
    data: &Matrix<T>,
    operand: Operand,
    combination: &[f64],
) -> Result<(Matrix<T>, ShardStats)> {
    let q = combination.len();
    let (rows, cols) = match operand {
        Operand::ROWS => (data.rows(), data.cols()),
        Operand::COLUMNS => (data.cols(), data.rows()),
        _ => return Err(Error::usage("operand", operand.0, "0 (rows) or 1 (columns)")),
    };
    if q == 0 {
        return Err(Error::usage("combination", "no coefficients", "one coefficient a data block"));
    }
    let p = rows.div_ceil(q);
    let mut sums: Vec<std::collections::BTreeMap<usize, f64>> = vec![Default::default(); p];
    let mut dense = vec![0.0; if data.is_sparse() { 0 } else { p * cols }];
    for i in 0..data.rows() {
        data.for_each_in_row(i, |k, x| {
            let (row, col) = if operand == Operand::ROWS { (i, k) } else { (k, i) };
            let g = combination[row % q];
            if g == 0.0 {
            } else if data.is_sparse() {
                *sums[row / q].entry(col).or_insert(0.0) += g * x.to_f64();
            } else {
                dense[row / q * cols + col] += g * x.to_f64();
            }
        });
    }
    let shard = if data.is_sparse() {
        let mut offsets = vec![0];
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        for row in &sums {
            for (&col, &x) in row {
                indices.push(col as u32);
                values.push(T::from_f64(x));
            }
            offsets.push(values.len());
        }
        Matrix::Csr(Csr::new(p, cols, offsets, indices, values)?)
    } else {
        Matrix::Dense(Dense::new(p, cols, dense.iter().map(|&x| T::from_f64(x)).collect())?)
    };
    let values = match &shard {
        Matrix::Dense(a) => a.values(),
        Matrix::Csr(a) => a.values(),
    };
    let square: f64 = values.chunks(1024).map(|c| c.iter().map(|v| v.to_f64().powi(2)).sum::<f64>()).sum();
    let max_abs = values.iter().map(|v| v.to_f64().abs()).fold(0.0, f64::max);
    let stats = ShardStats { rows: p, stored: values.len(), rms_row_norm: (square / p.max(1) as f64).sqrt(), max_abs };
    Ok((shard, stats))
}
