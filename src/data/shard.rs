//! What a worker is given: a shard of an encoded matrix, and where shards go.

use super::matrix::Matrix;
use crate::error::Result;

/// Which encoded matrix a shard or a request belongs to: the id of a resident buffer at every worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Operand(pub u32);

impl Operand {
    /// The encoded data matrix: worker i holds `S_i X`.
    pub const ROWS: Operand = Operand(0);
    /// The encoded transpose: worker i holds `S_i X'`.
    pub const COLUMNS: Operand = Operand(1);
}

/// Facts about one shard that the master keeps for its checks (taken from the stored, rounded values).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ShardStats {
    /// Rows of the shard.
    pub rows: usize,
    /// Stored values.
    pub stored: usize,
    /// Root mean square of the rows' Euclidean norms: `|S_i A|_F / sqrt(rows)`.
    pub rms_row_norm: f64,
    /// Largest magnitude of an entry.
    pub max_abs: f64,
}

impl ShardStats {
    /// `|S_i A|_F`.
    pub fn frobenius(&self) -> f64 {
        self.rms_row_norm * (self.rows as f64).sqrt()
    }
}

/// How a resident shard grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growth {
    /// The new rows take the place of the shard's rows from this one on, at most as many as there are: the first new row may
    /// replace the last one, which was of an unfinished block.
    Rows {
        /// Rows that stay.
        from: usize,
    },
    /// The new columns follow the last one.
    Columns,
}

/// Where encoded shards go, one at a time: a device, or the wire to a worker.
pub trait ShardSink<T> {
    /// Makes `shard` resident at `worker` as its part of `operand`, replacing what was there.
    ///
    /// # Errors
    /// Any failure of the device or the connection.
    fn accept(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()>;
}

/// A [`ShardSink`] whose resident shards can grow where they are.
pub trait ShardGrowth<T>: ShardSink<T> {
    /// Joins `part` to the shard of `operand` at `worker`.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] without such a shard, for a part that does not fit it, and from a device that has no way to do
    /// it; failures of the device or the connection.
    fn grow(&mut self, worker: usize, operand: Operand, part: Matrix<T>, growth: Growth) -> Result<()>;
}
