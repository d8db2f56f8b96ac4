//! Columns of shards, copied as they are stored: what a worker does for a stochastic gradient.

use super::CpuDevice;
use super::run::check_lengths;
use crate::data::{Matrix, Operand};
use crate::error::{Error, Result};
use crate::scalar::{Accumulator, Element};

impl<T: Element> CpuDevice<T> {
    /// [`crate::device::Device::columns`].
    pub(super) fn copy_columns(
        &self,
        operand: Operand,
        workers: &[usize],
        columns: &[usize],
        replies: &mut [T::Acc],
    ) -> Result<()> {
        let mut rest = replies;
        for &worker in workers {
            let Some(shard) = self.shards.get(&(operand, worker)).map(|shard| &shard.matrix) else {
                return Err(Error::usage(
                    "columns of a shard",
                    format!("worker {worker}, which has no shard of operand {}", operand.0),
                    "workers whose shards were uploaded",
                ));
            };
            if let Some(&beyond) = columns.iter().find(|&&column| column >= shard.cols()) {
                return Err(Error::usage("column of a shard", beyond, format!("below {}", shard.cols())));
            }
            let len = shard.rows() * columns.len();
            let (reply, others) = rest
                .split_at_mut_checked(len)
                .ok_or_else(|| Error::usage("replies", "room for fewer numbers", format!("{len} numbers a worker")))?;
            rest = others;
            if !columns.is_empty() {
                copy(shard, columns, reply);
            }
        }
        check_lengths(0, 0, rest.len(), 0)
    }
}

/// `columns` of a shard into `out` (rows x columns, row-major).
fn copy<T: Element>(shard: &Matrix<T>, columns: &[usize], out: &mut [T::Acc]) {
    for (b, out) in out.chunks_exact_mut(columns.len()).enumerate() {
        match shard {
            Matrix::Dense(a) => {
                let row = a.row(b);
                out.iter_mut().zip(columns).for_each(|(to, &column)| *to = row[column].widen());
            }
            Matrix::Csr(a) => {
                let (indices, values) = a.row(b);
                for (to, &column) in out.iter_mut().zip(columns) {
                    let found = indices.binary_search_by(|&c| (c as usize).cmp(&column));
                    *to = found.map_or(T::Acc::ZERO, |at| values[at].widen());
                }
            }
        }
    }
}
