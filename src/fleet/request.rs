//! What the master asks of the workers: a small header; the vectors travel beside it.

use crate::data::Operand;
use crate::error::{Error, Result};

/// What to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opcode {
    /// `A_i V'`: shard times the broadcast vectors.
    Product,
    /// `A_i' V'`: the shard's transpose times the broadcast vectors.
    TransposedProduct,
    /// `A_i[first..first + count, :] V'`: some of the shard's rows times the broadcast vectors.
    RowsProduct {
        /// The first of the rows.
        first: usize,
        /// How many.
        count: usize,
    },
    /// `A_i[:, first..first + count] V'`: some of the shard's columns, for vectors that are zero elsewhere; only the `count`
    /// numbers that are not travel.
    ColumnsProduct {
        /// The first of the columns.
        first: usize,
        /// How many.
        count: usize,
    },
    /// Columns of the shard, copied: the payload holds their numbers, r of them.
    Columns,
}

/// One request of one round, the same for all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// Number of the round, from 0; a reply of another round is late.
    pub round: u64,
    /// What to compute.
    pub opcode: Opcode,
    /// On which resident matrix.
    pub operand: Operand,
    /// r, the number of vectors in the payload, each contiguous; of columns, for [`Opcode::Columns`].
    pub vectors: usize,
}

impl Request {
    /// Numbers in the payload for shards of `rows x cols`: r vectors of the shard's columns (rows when transposed), or r
    /// numbers of columns.
    pub fn payload_len(&self, rows: usize, cols: usize) -> usize {
        self.vectors
            * match self.opcode {
                Opcode::Product | Opcode::RowsProduct { .. } => cols,
                Opcode::TransposedProduct => rows,
                Opcode::ColumnsProduct { count, .. } => count,
                Opcode::Columns => 1,
            }
    }

    /// Numbers in a reply from a shard of `rows x cols`: shard rows (columns when transposed) by r, row-major.
    pub fn reply_len(&self, rows: usize, cols: usize) -> usize {
        self.vectors
            * match self.opcode {
                Opcode::Product | Opcode::ColumnsProduct { .. } | Opcode::Columns => rows,
                Opcode::TransposedProduct => cols,
                Opcode::RowsProduct { count, .. } => count,
            }
    }

    /// # Errors
    /// [`Error::Usage`] for a part that does not lie within shards of `rows x cols`.
    pub(super) fn check_part(&self, rows: usize, cols: usize) -> Result<()> {
        let (what, first, count, most) = match self.opcode {
            Opcode::Product | Opcode::TransposedProduct | Opcode::Columns => return Ok(()),
            Opcode::RowsProduct { first, count } => ("rows of a shard", first, count, rows),
            Opcode::ColumnsProduct { first, count } => ("columns of a shard", first, count, cols),
        };
        if first.checked_add(count).is_some_and(|end| end <= most) {
            return Ok(());
        }
        Err(Error::usage(what, format!("{count} from {first} on"), format!("within 0..{most}")))
    }
}
