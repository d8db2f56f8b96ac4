//! One batch: checks, what has to be prepared once, and the parallel walk over workers and tiles.

use std::sync::{MutexGuard, PoisonError};

use rayon::prelude::*;

use super::dense::Product;
use super::gemm::{self, FEW_VECTORS};
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
/// A batch of no more bytes (counted once a vector) runs in the caller's thread: waking the others would cost more.
const SMALL_BYTES: usize = 64 * 1024;
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

/// Numbers of scratch that [`multiply_rows`] needs for a dense shard.
pub(super) fn product_scratch_len<T: Element>(cols: usize, r: usize) -> usize {
    if r > FEW_VECTORS { gemm::scratch_len(T::PRECISION, cols, r) } else { 0 }
}

/// Rows `start..` of `A V'`, as many as `out` has. With more than [`FEW_VECTORS`] vectors `start` is a multiple of
/// [`gemm::TILE_ROWS`].
#[allow(clippy::too_many_arguments, reason = "a kernel's operands and its two work spaces")]
pub(super) fn multiply_rows<T: Element>(
    level: SimdLevel,
    matrix: &Matrix<T>,
    start: usize,
    broadcast: &[T::Acc],
    interleaved: &[T::Acc],
    r: usize,
    out: &mut [T::Acc],
    scratch: &mut [T::Acc],
) {
    match matrix {
        Matrix::Dense(a) => {
            let cols = a.cols();
            let rows = out.len() / r.max(1);
            let rows = &a.values()[start * cols..(start + rows) * cols];
            if r > FEW_VECTORS {
                gemm::multiply(rows, cols, broadcast, r, out, scratch);
            } else {
                Product { rows, cols, vectors: broadcast, r, out }.run(level);
            }
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
        let bytes = self.prepare(batch, broadcast, rows, inner)?;

        let this = &*self;
        match &this.pool {
            Some(pool) if bytes * r > SMALL_BYTES => pool.install(|| {
                replies.par_chunks_exact_mut(outer * r).zip(batch.workers).try_for_each(|(reply, &worker)| {
                    let shard = this.resident(worker, batch)?;
                    let tile = this.task_len(shard, batch, outer);
                    reply
                        .par_chunks_mut(tile * r)
                        .enumerate()
                        .for_each(|(k, part)| this.reply(shard, batch, broadcast, k * tile, part));
                    Ok(())
                })
            }),
            _ => {
                for (reply, &worker) in replies.chunks_exact_mut(outer * r).zip(batch.workers) {
                    this.reply(this.resident(worker, batch)?, batch, broadcast, 0, reply);
                }
                Ok(())
            }
        }
    }

    /// The shape of all shards of a batch; `None` without workers.
    pub(super) fn common_shape(&self, batch: &Batch<'_>) -> Result<Option<(usize, usize)>> {
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

    pub(super) fn resident(&self, worker: usize, batch: &Batch<'_>) -> Result<&Resident<T>> {
        self.shards.get(&(batch.operand, worker)).ok_or_else(|| {
            Error::usage(
                "batch",
                format!("worker {worker}, which has no shard of operand {}", batch.operand.0),
                "workers whose shards were uploaded",
            )
        })
    }

    /// Grows buffers to what the batch needs (nothing from its second run on), compresses columns, and lays the vectors out.
    /// Returns the bytes of the batch's stored values.
    fn prepare(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], rows: usize, inner: usize) -> Result<usize> {
        let mut sparse = false;
        let mut dense = false;
        let mut stored = 0;
        for &worker in batch.workers {
            if let Some(shard) = self.shards.get_mut(&(batch.operand, worker)) {
                stored += shard.matrix.stored();
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
        if dense {
            let len = if batch.transposed {
                scratch_len::<T::Acc>(rows, batch.vectors)
            } else {
                product_scratch_len::<T>(inner, batch.vectors)
            };
            for scratch in &mut self.scratch {
                let scratch = scratch.get_mut().unwrap_or_else(PoisonError::into_inner);
                if scratch.len() < len {
                    scratch.resize(len, T::Acc::ZERO);
                }
            }
        }
        Ok(stored * size_of::<T>())
    }

    /// Rows of a worker's reply in one parallel task.
    fn task_len(&self, shard: &Resident<T>, batch: &Batch<'_>, outer: usize) -> usize {
        if !shard.matrix.is_sparse() {
            if batch.transposed {
                return tile_columns::<T::Acc>(batch.vectors);
            }
            if batch.vectors > FEW_VECTORS {
                return gemm::TILE_ROWS;
            }
        }
        let bytes = shard.matrix.stored() * size_of::<T>();
        (TASK_BYTES * outer / bytes.max(1)).clamp(1, outer).next_multiple_of(TASK_ROWS)
    }

    /// The part of a worker's reply that begins at row `start`.
    fn reply(&self, shard: &Resident<T>, batch: &Batch<'_>, broadcast: &[T::Acc], start: usize, out: &mut [T::Acc]) {
        let r = batch.vectors;
        match (&shard.matrix, &shard.columns) {
            (Matrix::Dense(a), _) if batch.transposed => {
                let scratch = &mut *self.own_scratch();
                let (values, rows, cols) = (a.values(), a.rows(), a.cols());
                Transposed { values, rows, cols, start, vectors: broadcast, r, out, scratch }.run(self.level);
            }
            (Matrix::Csr(_), Some(columns)) if batch.transposed => {
                multiply_sparse(self.level, columns, start, broadcast, &self.interleaved, r, out);
            }
            (matrix, _) => {
                let scratch = &mut *self.own_scratch();
                multiply_rows(self.level, matrix, start, broadcast, &self.interleaved, r, out, scratch);
            }
        }
    }

    /// The scratch of this thread, which no other thread locks.
    fn own_scratch(&self) -> MutexGuard<'_, Vec<T::Acc>> {
        let own = rayon::current_thread_index().unwrap_or(0) % self.scratch.len();
        self.scratch[own].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
