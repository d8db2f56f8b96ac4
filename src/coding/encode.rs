//! Encoding: one worker's shard at a time, in one pass over the data, dense or sparse as the data is.

use crate::data::{Matrix, Operand, ShardStats};
use crate::error::Result;
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
/// [`Operand::COLUMNS`], where row b of S combines rows `b q + j` with `combination[j]`. Products and sums are in the
/// arithmetic type of T; the result is rounded to T once. The same bits for any number of threads.
///
/// # Errors
/// [`crate::error::Error::Usage`] for an operand that is not an encoding of X.
pub fn encode_shard<T: Element>(
    data: &Matrix<T>,
    operand: Operand,
    combination: &[f64],
) -> Result<(Matrix<T>, ShardStats)> {
    let _ = (data, operand, combination);
    Err(crate::error::Error::usage("encode", "not built yet", ""))
}
