//! Products with a part of each shard. Entries are summed as those of whole products are ([`super`]): a range of rows gives
//! the same bits as the whole product does, a range of columns those of a shard that has no others.

use rayon::prelude::*;

use super::dense::Product;
use super::run::{check_lengths, multiply_rows};
use super::simd::SimdLevel;
use super::sparse::SparseProduct;
use super::{CpuDevice, Resident};
use crate::data::Matrix;
use crate::device::{Batch, Part};
use crate::error::{Error, Result};
use crate::scalar::{Accumulator, Element};

/// Rows of one parallel task.
const ROWS: usize = 256;
/// A batch of no more stored values than this runs in the caller's thread: waking the others would cost more.
const SMALL: usize = 16 * 1024;

impl<T: Element> CpuDevice<T> {
    /// [`crate::device::Device::run_part`].
    pub(super) fn run_batch_part(
        &mut self,
        batch: &Batch<'_>,
        part: &Part,
        broadcast: &[T::Acc],
        replies: &mut [T::Acc],
    ) -> Result<()> {
        let Some((rows, cols)) = self.common_shape(batch)? else {
            return check_lengths(0, 0, replies.len(), 0);
        };
        let (span, outer, inner, most) = match part {
            Part::Rows(range) => (range, range.len(), cols, rows),
            Part::Columns(columns) => (columns, rows, columns.len(), cols),
        };
        if batch.transposed || batch.vectors != 1 || span.end > most || span.start > span.end {
            let got = format!("{span:?}, {} vectors, transposed: {}", batch.vectors, batch.transposed);
            return Err(Error::usage("part of a shard", got, format!("within 0..{most}, 1 vector, not transposed")));
        }
        check_lengths(broadcast.len(), inner, replies.len(), batch.workers.len() * outer)?;
        if outer == 0 {
            return Ok(());
        }
        // Rows of a sparse shard meet a vector of all columns.
        let sparse = batch.workers.iter().any(|&w| self.resident(w, batch).is_ok_and(|s| s.matrix.is_sparse()));
        if let (Part::Columns(columns), true) = (part, sparse) {
            self.interleaved.clear();
            self.interleaved.resize(cols, T::Acc::ZERO);
            self.interleaved[columns.clone()].copy_from_slice(broadcast);
        }
        let this = &*self;
        match &this.pool {
            Some(pool) if outer * inner * batch.workers.len() > SMALL => pool.install(|| {
                replies.par_chunks_exact_mut(outer).zip(batch.workers).try_for_each(|(reply, &worker)| {
                    let shard = this.resident(worker, batch)?;
                    reply
                        .par_chunks_mut(ROWS)
                        .enumerate()
                        .for_each(|(k, out)| this.part(shard, part, broadcast, k * ROWS, out));
                    Ok(())
                })
            }),
            _ => {
                for (reply, &worker) in replies.chunks_exact_mut(outer).zip(batch.workers) {
                    this.part(this.resident(worker, batch)?, part, broadcast, 0, reply);
                }
                Ok(())
            }
        }
    }

    /// Entries `start..` of a worker's reply, as many as `out` has.
    fn part(&self, shard: &Resident<T>, part: &Part, broadcast: &[T::Acc], start: usize, out: &mut [T::Acc]) {
        match part {
            Part::Rows(rows) => {
                multiply_rows(self.level, &shard.matrix, rows.start + start, broadcast, &[], 1, out, &mut []);
            }
            Part::Columns(columns) => {
                let padded = &self.interleaved;
                columns_product(self.level, &shard.matrix, columns.clone(), broadcast, padded, start, out);
            }
        }
    }
}

/// Rows `start..` of `A[:, columns] v`; `padded` is v among the zeros of all columns, for a sparse A.
fn columns_product<T: Element>(
    level: SimdLevel,
    matrix: &Matrix<T>,
    columns: std::ops::Range<usize>,
    vector: &[T::Acc],
    padded: &[T::Acc],
    start: usize,
    out: &mut [T::Acc],
) {
    match matrix {
        Matrix::Dense(a) => {
            for (i, entry) in (start..).zip(out.chunks_exact_mut(1)) {
                let rows = &a.values()[i * a.cols()..][columns.clone()];
                Product { rows, cols: rows.len(), vectors: vector, r: 1, out: entry }.run(level);
            }
        }
        Matrix::Csr(a) => {
            for (i, entry) in (start..).zip(out.chunks_exact_mut(1)) {
                let row = &a.indices()[a.offsets()[i]..a.offsets()[i + 1]];
                let before = |column: usize| a.offsets()[i] + row.partition_point(|&j| (j as usize) < column);
                let offsets = [before(columns.start), before(columns.end)];
                let (indices, values, cols) = (a.indices(), a.values(), a.cols());
                SparseProduct { offsets: &offsets, indices, values, cols, start: 0, vectors: padded, r: 1, out: entry }
                    .run(level);
            }
        }
    }
}
