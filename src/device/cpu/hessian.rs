//! Hessian blocks on the CPU: what a worker of a second-order method computes. All runs in the caller's rayon pool (the global
//! one outside of any), over fixed tiles, so that the number of threads changes no bit.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::gram::{GramRows, Tiles};
use super::pages::enlarge;
use super::simd::SimdLevel;
use super::sketch::{Buckets, Stored, Tasks};
use crate::data::Matrix;
use crate::device::hessian::{check_blocks, check_examples, check_square};
use crate::device::{DeviceInfo, HessianDevice};
use crate::error::{Error, Result};
use crate::kernel::{BucketIndex, Curvature, SketchBlock};
use crate::scalar::{Accumulator, Element};

/// Work space of the functions here, which grow it to what they need and then reuse it: nothing is allocated from the second
/// call of the same shape on (but for what faer and rayon allocate themselves).
#[derive(Debug)]
pub struct HessianScratch<A> {
    index: BucketIndex,
    tiles: Vec<f64>,
    /// One for each thread of the pool.
    threads: Vec<Mutex<Vec<A>>>,
}

impl<A> Default for HessianScratch<A> {
    fn default() -> Self {
        HessianScratch { index: BucketIndex::default(), tiles: Vec::new(), threads: Vec::new() }
    }
}

impl<A: Accumulator> HessianScratch<A> {
    /// Makes room for `len` numbers in every thread.
    fn grow(threads: &mut Vec<Mutex<Vec<A>>>, len: usize) {
        threads.resize_with(threads.len().max(rayon::current_num_threads()), Mutex::default);
        for scratch in threads {
            let scratch = scratch.get_mut().unwrap_or_else(PoisonError::into_inner);
            if scratch.len() < len {
                scratch.resize(len, A::ZERO);
            }
        }
    }
}

/// The scratch of this thread, which no other thread locks.
fn own<A>(threads: &[Mutex<Vec<A>>]) -> MutexGuard<'_, Vec<A>> {
    let own = rayon::current_thread_index().unwrap_or(0) % threads.len();
    threads[own].lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sketch `out = S'A` of one block (paper 001, eq. (4)), (buckets x dK) row-major, of the A that `curvature` and `data`
/// make. The rows of a bucket are added in a fixed order, by bucket, so dense data are read once, row by row.
///
/// # Errors
/// [`Error::Usage`] when a length does not fit, and what [`SketchBlock::index`] refuses.
pub fn sketch_rows<T: Element>(
    data: &Matrix<T>,
    curvature: &Curvature<'_, T::Acc>,
    block: &SketchBlock,
    scratch: &mut HessianScratch<T::Acc>,
    out: &mut [T::Acc],
) -> Result<()> {
    curvature.check(data.rows())?;
    let (cols, classes) = (data.cols(), curvature.classes());
    let width = cols * classes;
    if block.buckets.checked_mul(width) != Some(out.len()) {
        let allowed = format!("{} x {width} numbers", block.buckets);
        return Err(Error::usage("sketch", format!("room for {} numbers", out.len()), allowed));
    }
    block.index(data.rows() * classes, &mut scratch.index)?;
    if out.is_empty() {
        return Ok(());
    }
    let index = &scratch.index;
    let tasks = Tasks::of(&Stored::of(data), cols, classes, index, rayon::current_num_threads());
    HessianScratch::grow(&mut scratch.threads, tasks.scratch_len);
    let threads = &scratch.threads;
    let level = SimdLevel::detect();
    out.par_chunks_mut(tasks.buckets * width).enumerate().for_each(|(t, out)| {
        let scratch = &mut *own(threads);
        let (data, first) = (Stored::of(data), t * tasks.buckets);
        Buckets { data, cols, curvature: *curvature, index, first, far: tasks.far, out, scratch }.run(level);
    });
    Ok(())
}

/// The Gram block `out = B'B` of a row-major B with rows of `cols` numbers: (cols x cols) row-major, both halves filled. The
/// order of the sums is that of [`CpuHessian`]'s exact block.
///
/// # Errors
/// [`Error::Usage`] when a length does not fit.
pub fn gram<A: Accumulator>(rows: &[A], cols: usize, scratch: &mut HessianScratch<A>, out: &mut [A]) -> Result<()> {
    check_square(out.len(), cols)?;
    if cols == 0 || !rows.len().is_multiple_of(cols) {
        return Err(Error::usage(
            "Gram rows",
            format!("{} numbers", rows.len()),
            format!("whole rows of {cols} numbers, 1 or more"),
        ));
    }
    let count = rows.len() / cols;
    let tiles = Tiles::new(cols, 1, count);
    let rows = GramRows { data: Stored::Dense(rows), curvature: None, examples: 0..count, tiles };
    fill(&rows, cols, scratch, out);
    Ok(())
}

/// [`HessianDevice`] on the CPU, over a matrix of the caller's or its own.
///
/// Entries of an exact block are summed in the arithmetic type over panels of 512 rows, and in `f64` over the panels. Sparse
/// rows are written out panel by panel: it costs what dense data cost.
#[derive(Debug)]
pub struct CpuHessian<'a, T: Element> {
    data: Cow<'a, Matrix<T>>,
    scratch: HessianScratch<T::Acc>,
    sketch: Vec<T::Acc>,
    block: Vec<T::Acc>,
}

impl<'a, T: Element> CpuHessian<'a, T> {
    /// Of an n x d matrix.
    pub fn new(data: Cow<'a, Matrix<T>>) -> Self {
        match &*data {
            Matrix::Dense(a) => enlarge(a.values()),
            Matrix::Csr(a) => enlarge(a.values()),
        }
        CpuHessian { data, scratch: HessianScratch::default(), sketch: Vec::new(), block: Vec::new() }
    }

    /// The matrix.
    pub fn data(&self) -> &Matrix<T> {
        &self.data
    }
}

impl<T: Element> HessianDevice<T> for CpuHessian<'_, T> {
    fn info(&self) -> DeviceInfo {
        super::describe(SimdLevel::detect(), rayon::current_num_threads())
    }

    fn shape(&self) -> (usize, usize) {
        (self.data.rows(), self.data.cols())
    }

    fn stored(&self) -> usize {
        self.data.stored()
    }

    fn sketched_gram(
        &mut self,
        curvature: &Curvature<'_, T::Acc>,
        blocks: &[SketchBlock],
        take: &mut dyn FnMut(usize, &[T::Acc]),
    ) -> Result<()> {
        curvature.check(self.data.rows())?;
        check_blocks(blocks, self.data.rows() * curvature.classes())?;
        let width = self.data.cols() * curvature.classes();
        self.block.resize(width * width, T::Acc::ZERO);
        for (number, block) in blocks.iter().enumerate() {
            let len = block.buckets.checked_mul(width).ok_or_else(|| {
                Error::usage("sketch buckets", block.buckets, format!("what memory holds with {width} columns"))
            })?;
            self.sketch.resize(len, T::Acc::ZERO);
            sketch_rows(&self.data, curvature, block, &mut self.scratch, &mut self.sketch)?;
            if width > 0 {
                gram(&self.sketch, width, &mut self.scratch, &mut self.block)?;
            }
            take(number, &self.block);
        }
        Ok(())
    }

    fn exact_gram(
        &mut self,
        curvature: &Curvature<'_, T::Acc>,
        examples: Range<usize>,
        out: &mut [T::Acc],
    ) -> Result<()> {
        curvature.check(self.data.rows())?;
        let (cols, classes) = (self.data.cols(), curvature.classes());
        check_square(out.len(), cols * classes)?;
        check_examples(&examples, self.data.rows())?;
        if !out.is_empty() {
            let tiles = Tiles::new(cols, classes, examples.len());
            let rows = GramRows { data: Stored::of(&self.data), curvature: Some(*curvature), examples, tiles };
            fill(&rows, cols * classes, &mut self.scratch, out);
        }
        Ok(())
    }
}

/// All tiles, and from them both halves of `out`.
fn fill<T: Element>(rows: &GramRows<'_, T>, side: usize, scratch: &mut HessianScratch<T::Acc>, out: &mut [T::Acc]) {
    let tiles = rows.tiles;
    let area = tiles.area();
    HessianScratch::grow(&mut scratch.threads, tiles.scratch_len());
    let threads = &scratch.threads;
    scratch.tiles.resize(tiles.count() * area, 0.0);
    let level = SimdLevel::detect();
    scratch.tiles.par_chunks_exact_mut(area).enumerate().for_each(|(t, sums)| {
        rows.tile(level, t, sums, &mut own(threads)[..tiles.scratch_len()]);
    });
    let sums = &scratch.tiles[..];
    out.par_chunks_exact_mut(side).enumerate().for_each(|(row, out)| tiles.assemble(sums, row, out));
}
