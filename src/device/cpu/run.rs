//! One batch: checks, what has to be prepared once, and the parallel walk over workers and tiles.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::dense::Product;
use super::simd::SimdLevel;
use super::sparse::{SparseProduct, interleave, interleaved_len, transpose};
use super::transposed::{Transposed, scratch_len, tile_columns};
use super::{CpuDevice, Resident};
use crate::data::{Csr, Matrix};
use crate::device::Batch;
use crate::error::{Error, Result};
use crate::scalar::{Accumulator, Element};

/// Bytes of stored values that a parallel task walks: several microseconds of work, so that handing it over costs little.
const TASK_BYTES: usize = 256 * 1024;
/// Rows of a task are a multiple of this, so that groups of 3 and of 4 rows come out even.
const TASK_ROWS: usize = 12;

/// # Errors
/// [`Error::Usage`] unless both lengths fit.
pub(super) fn check_lengths(broadcast: usize, broadcast_fits: usize, out: usize, out_fits: usize) -> Result<()> {
    if broadcast != broadcast_fits {
        return Err(Error::usage("broadcast", format!("{broadcast} numbers"), format!("{broadcast_fits} numbers")));
    }
    if out != out_fits {
        return Err(Error::usage("replies", format!("room for {out} numbers"), format!("{out_fits} numbers")));
    }
    Ok(())
}

/// Fills `interleaved` for sparse shards of `cols` columns; nothing for a single vector.
pub(super) fn interleave_into<A: Accumulator>(interleaved: &mut Vec<A>, broadcast: &[A], cols: usize, r: usize) {
    let len = interleaved_len(cols, r);
    if interleaved.len() < len {
        interleaved.resize(len, A::ZERO);
    }
    if len > 0 {
        interleave(broadcast, cols, r, &mut interleaved[..len]);
    }
}

/// Rows `start..` of `A V'`, as many as `out` has.
pub(super) fn multiply_rows<T: Element>(
    level: SimdLevel,
    matrix: &Matrix<T>,
    start: usize,
    broadcast: &[T::Acc],
    interleaved: &[T::Acc],
    r: usize,
    out: &mut [T::Acc],
) {
    match matrix {
        Matrix::Dense(a) => {
            let cols = a.cols();
            let rows = out.len() / r.max(1);
            let rows = &a.values()[start * cols..(start + rows) * cols];
            Product { rows, cols, vectors: broadcast, r, out }.run(level);
        }
        Matrix::Csr(a) => multiply_sparse(level, a, start, broadcast, interleaved, r, out),
    }
}

fn multiply_sparse<T: Element>(
    level: SimdLevel,
    a: &Csr<T>,
    start: usize,
    broadcast: &[T::Acc],
    interleaved: &[T::Acc],
    r: usize,
    out: &mut [T::Acc],
) {
    let vectors = if r == 1 { broadcast } else { &interleaved[..interleaved_len(a.cols(), r)] };
    let (offsets, indices, values) = (a.offsets(), a.indices(), a.values());
    SparseProduct { offsets, indices, values, cols: a.cols(), start, vectors, r, out }.run(level);
}

impl<T: Element> CpuDevice<T> {
    /// [`crate::device::Device::run`].
    pub(super) fn run_batch(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()> {
        let Some((rows, cols)) = self.common_shape(batch)? else {
            return check_lengths(0, 0, replies.len(), 0);
        };
        let r = batch.vectors;
        let (inner, outer) = if batch.transposed { (rows, cols) } else { (cols, rows) };
        check_lengths(broadcast.len(), r * inner, replies.len(), batch.workers.len() * outer * r)?;
        if outer * r == 0 {
            return Ok(());
        }
        self.prepare(batch, broadcast, rows, inner)?;

        let this = &*self;
        let scale = |worker: usize| -> Result<&Resident<T>> { this.resident(worker, batch) };
        match &this.pool {
            None => {
                for (reply, &worker) in replies.chunks_exact_mut(outer * r).zip(batch.workers) {
                    this.reply(scale(worker)?, batch, broadcast, 0, reply);
                }
                Ok(())
            }
            Some(pool) => pool.install(|| {
                replies.par_chunks_exact_mut(outer * r).zip(batch.workers).try_for_each(|(reply, &worker)| {
                    let shard = scale(worker)?;
                    let tile = this.task_len(shard, batch, outer);
                    reply
                        .par_chunks_mut(tile * r)
                        .enumerate()
                        .for_each(|(k, part)| this.reply(shard, batch, broadcast, k * tile, part));
                    Ok(())
                })
            }),
        }
    }

    /// The shape of all shards of a batch; `None` without workers.
    fn common_shape(&self, batch: &Batch<'_>) -> Result<Option<(usize, usize)>> {
        let mut common = None;
        for &worker in batch.workers {
            let matrix = &self.resident(worker, batch)?.matrix;
            let shape = (matrix.rows(), matrix.cols());
            let (rows, cols) = *common.get_or_insert(shape);
            if shape != (rows, cols) {
                return Err(Error::usage(
                    format!("shard of worker {worker} in a batch"),
                    format!("{} x {}", shape.0, shape.1),
                    format!("{rows} x {cols}, the shape of the others"),
                ));
            }
        }
        Ok(common)
    }

    fn resident(&self, worker: usize, batch: &Batch<'_>) -> Result<&Resident<T>> {
        self.shards.get(&(batch.operand, worker)).ok_or_else(|| {
            Error::usage(
                "batch",
                format!("worker {worker}, which has no shard of operand {}", batch.operand.0),
                "workers whose shards were uploaded",
            )
        })
    }

    /// Grows buffers to what the batch needs (nothing from its second run on), compresses columns, and lays the vectors out.
    fn prepare(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], rows: usize, inner: usize) -> Result<()> {
        let mut sparse = false;
        let mut dense = false;
        for &worker in batch.workers {
            if let Some(shard) = self.shards.get_mut(&(batch.operand, worker)) {
                match &shard.matrix {
                    Matrix::Dense(_) => dense = true,
                    Matrix::Csr(a) => {
                        sparse = true;
                        if batch.transposed && shard.columns.is_none() {
                            shard.columns = Some(transpose(a)?);
                        }
                    }
                }
            }
        }
        if sparse {
            interleave_into(&mut self.interleaved, broadcast, inner, batch.vectors);
        }
        if dense && batch.transposed {
            let len = scratch_len::<T::Acc>(rows, batch.vectors);
            for scratch in &mut self.scratch {
                let scratch = scratch.get_mut().unwrap_or_else(PoisonError::into_inner);
                if scratch.len() < len {
                    scratch.resize(len, T::Acc::ZERO);
                }
            }
        }
        Ok(())
    }

    /// Rows of a worker's reply in one parallel task.
    fn task_len(&self, shard: &Resident<T>, batch: &Batch<'_>, outer: usize) -> usize {
        if batch.transposed && !shard.matrix.is_sparse() {
            return tile_columns::<T::Acc>(batch.vectors);
        }
        let bytes = shard.matrix.stored() * size_of::<T>();
        (TASK_BYTES * outer / bytes.max(1)).clamp(1, outer).next_multiple_of(TASK_ROWS)
    }

    /// The part of a worker's reply that begins at row `start`.
    fn reply(&self, shard: &Resident<T>, batch: &Batch<'_>, broadcast: &[T::Acc], start: usize, out: &mut [T::Acc]) {
        let r = batch.vectors;
        match (&shard.matrix, &shard.columns) {
            (Matrix::Dense(a), _) if batch.transposed => {
                let mut scratch = self.own_scratch().lock().unwrap_or_else(PoisonError::into_inner);
                let (rows, cols) = (a.rows(), a.cols());
                let work = Transposed {
                    values: a.values(),
                    rows,
                    cols,
                    start,
                    vectors: broadcast,
                    r,
                    out,
                    scratch: &mut scratch,
                };
                work.run(self.level);
            }
            (Matrix::Csr(_), Some(columns)) if batch.transposed => {
                multiply_sparse(self.level, columns, start, broadcast, &self.interleaved, r, out);
            }
            (matrix, _) => multiply_rows(self.level, matrix, start, broadcast, &self.interleaved, r, out),
        }
    }

    /// The scratch of this thread, which no other thread locks.
    fn own_scratch(&self) -> &Mutex<Vec<T::Acc>> {
        &self.scratch[rayon::current_thread_index().unwrap_or(0) % self.scratch.len()]
    }
}
