//! The CPU device: the project's own kernels for dense and sparse shards, at the best SIMD level of the processor, over
//! workers and tiles in parallel.
//!
//! # Order of summation
//! Every entry of a result is summed in one fixed order, whatever the number of threads and the alignment. With n the length
//! of the sum, arithmetic in `f32` for `f16` and `f32` storage (`f64` for `f64`):
//!
//! | shard, r | order | depth k |
//! |---|---|---|
//! | dense `A V'`, r <= 8 | blocks of 2,048 columns (`f64`: 1,024); in a block 32 (16) partial sums; blocks pairwise | `69 + ceil(log2(n / 2048))` |
//! | dense `A V'`, r > 8 | blocks of 256 columns by faer; blocks pairwise | `256 + ceil(log2(n / 256))` |
//! | dense `A' V'` | blocks of 64 rows; blocks pairwise | `64 + ceil(log2(n / 64))` |
//! | sparse, both | blocks of 256 stored values; in a block 4 partial sums; blocks pairwise | `67 + ceil(log2(n / 256))` |
//!
//! The round-off of an entry is at most `k u / (1 - k u)` times the sum of the magnitudes of its products, u the unit
//! round-off; a single accumulator has k = n. But for dense products with r > 8, entries are also the same bits for every
//! SIMD level and every r.

mod columns;
mod dense;
mod gemm;
mod gram;
mod hessian;
mod local;
mod pages;
mod part;
mod processor;
mod run;
mod simd;
#[cfg(target_arch = "x86_64")]
mod simd_x86;
mod sketch;
mod sparse;
mod transposed;
mod tree;

use std::collections::BTreeMap;
use std::sync::Mutex;

pub use hessian::{CpuHessian, HessianScratch, gram, sketch_rows};
pub use local::CpuLocal;
pub use simd::SimdLevel;

use super::{Batch, Device, DeviceInfo, Part};
use crate::data::{Csr, Growth, Matrix, Operand};
use crate::error::{Error, Result};
use crate::scalar::{Accumulator, Element};

/// The CPU as a device that holds the shards of simulated workers.
///
/// ```
/// use steadfast::data::{Dense, Matrix, Operand};
/// use steadfast::device::{Batch, CpuDevice, Device};
///
/// let mut device = CpuDevice::<f32>::new(Some(1))?;
/// let shard = Dense::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// device.upload(0, Operand::ROWS, Matrix::Dense(shard))?;
/// let batch = Batch { operand: Operand::ROWS, transposed: false, vectors: 1, workers: &[0] };
/// let mut replies = [0.0; 2];
/// device.run(&batch, &[1.0, 0.0, -1.0], &mut replies)?;
/// assert_eq!(replies, [-2.0, -2.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct CpuDevice<T: Element> {
    level: SimdLevel,
    threads: usize,
    /// None for one thread: work then runs in the caller's.
    pool: Option<rayon::ThreadPool>,
    shards: BTreeMap<(Operand, usize), Resident<T>>,
    /// The broadcast vectors as sparse kernels want them.
    interleaved: Vec<T::Acc>,
    /// One for each thread of the pool.
    scratch: Vec<Mutex<Vec<T::Acc>>>,
}

/// A shard and, once a transposed product was asked for, its compressed columns.
struct Resident<T> {
    matrix: Matrix<T>,
    columns: Option<Csr<T>>,
}

impl<T: Element> std::fmt::Debug for CpuDevice<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuDevice")
            .field("precision", &T::PRECISION)
            .field("level", &self.level)
            .field("threads", &self.threads)
            .field("shards", &self.shards.len())
            .finish()
    }
}

impl<T: Element> CpuDevice<T> {
    /// A device with no shards, at the best SIMD level of this processor. With `threads` of `None` it uses as many threads as
    /// the system offers; with `Some(1)` it runs in the caller's thread.
    ///
    /// # Errors
    /// [`Error::Usage`] for no threads; [`Error::Device`] when the system gives no threads.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        Self::with_level(threads, SimdLevel::detect())
    }

    /// The same at a given SIMD level, which changes the speed and not one bit of the results.
    ///
    /// # Errors
    /// As [`CpuDevice::new`], and [`Error::Usage`] for a level that this processor lacks.
    pub fn with_level(threads: Option<usize>, level: SimdLevel) -> Result<Self> {
        let level = level.require()?;
        let threads = match threads {
            Some(0) => return Err(Error::usage("threads", 0, "at least 1")),
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let pool = (threads > 1)
            .then(|| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|i| format!("steadfast-cpu-{i}"))
                    .build()
                    .map_err(|e| Error::Device {
                        device: "cpu".into(),
                        message: format!("can't start {threads} threads: {e}"),
                    })
            })
            .transpose()?;
        Ok(CpuDevice {
            level,
            threads,
            pool,
            shards: BTreeMap::new(),
            interleaved: Vec::new(),
            scratch: (0..threads).map(|_| Mutex::new(Vec::new())).collect(),
        })
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The SIMD level in use.
    pub fn level(&self) -> SimdLevel {
        self.level
    }
}

impl<T: Element> Device<T> for CpuDevice<T> {
    fn info(&self) -> DeviceInfo {
        describe(self.level, self.threads)
    }

    fn upload(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        if let Matrix::Dense(a) = &shard {
            pages::enlarge(a.values());
        }
        self.shards.insert((operand, worker), Resident { matrix: shard, columns: None });
        Ok(())
    }

    fn shape(&self, worker: usize, operand: Operand) -> Option<(usize, usize)> {
        self.shards.get(&(operand, worker)).map(|s| (s.matrix.rows(), s.matrix.cols()))
    }

    fn run(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()> {
        self.run_batch(batch, broadcast, replies)
    }

    fn run_part(&mut self, batch: &Batch<'_>, part: &Part, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()> {
        self.run_batch_part(batch, part, broadcast, replies)
    }

    fn columns(
        &mut self,
        operand: Operand,
        workers: &[usize],
        columns: &[usize],
        replies: &mut [T::Acc],
    ) -> Result<()> {
        self.copy_columns(operand, workers, columns, replies)
    }

    fn grow(&mut self, worker: usize, operand: Operand, part: &Matrix<T>, growth: Growth) -> Result<()> {
        let Some(shard) = self.shards.get_mut(&(operand, worker)) else {
            return Err(Error::usage(
                "shard to grow",
                format!("worker {worker}, which has none of operand {}", operand.0),
                "workers whose shards were uploaded",
            ));
        };
        shard.matrix.grow(part, growth)?;
        // Compressed again by the next transposed product.
        shard.columns = None;
        Ok(())
    }
}

/// This processor at a level with so many threads.
fn describe(level: SimdLevel, threads: usize) -> DeviceInfo {
    let plural = if threads == 1 { "" } else { "s" };
    DeviceInfo {
        kind: "cpu".into(),
        name: processor::name(),
        detail: format!("{}, {threads} thread{plural}", level.name()),
        software: false,
    }
}

/// One worker's product `out = A V'` in the caller's thread: the kernel of [`CpuDevice`], which gives the same bits.
/// `broadcast` holds r contiguous vectors of `shard.cols()` numbers; `out` becomes (rows x r), row-major. Nothing is allocated
/// for a single vector, nor for up to 8 with a dense shard.
///
/// # Errors
/// [`Error::Usage`] when a length does not fit.
pub fn multiply_one<T: Element>(shard: &Matrix<T>, broadcast: &[T::Acc], r: usize, out: &mut [T::Acc]) -> Result<()> {
    run::check_lengths(broadcast.len(), r * shard.cols(), out.len(), r * shard.rows())?;
    let level = SimdLevel::detect();
    let mut interleaved = Vec::new();
    if shard.is_sparse() {
        run::interleave_into(&mut interleaved, broadcast, shard.cols(), r);
    }
    let mut scratch = Vec::new();
    if !shard.is_sparse() {
        scratch.resize(run::product_scratch_len::<T>(shard.cols(), r), T::Acc::ZERO);
    }
    run::multiply_rows(level, shard, 0, broadcast, &interleaved, r, out, &mut scratch);
    Ok(())
}
