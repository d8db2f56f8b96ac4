//! Hessian blocks on the CPU: what a worker of a second-order method computes. Each function runs in the caller's rayon pool
//! (the global one outside of any), over fixed tiles, so that the number of threads changes no bit.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::gram::{GramRows, Tiles};
use super::simd::SimdLevel;
use super::sketch::{Buckets, Stored, Walk};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::kernel::{BucketIndex, Curvature, SketchBlock};
use crate::scalar::{Accumulator, Element};

/// Work space of the functions here, which grow it to what they need and then reuse it: nothing is allocated from the second
/// call of the same shape on (but for what faer and rayon allocate themselves).
#[derive(Debug)]
pub struct HessianScratch<A> {
    index: BucketIndex,
    sketch: Vec<A>,
    tiles: Vec<f64>,
    /// One for each thread of the pool.
    threads: Vec<Mutex<Vec<A>>>,
}

impl<A> Default for HessianScratch<A> {
    fn default() -> Self {
        HessianScratch { index: BucketIndex::default(), sketch: Vec::new(), tiles: Vec::new(), threads: Vec::new() }
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

/// Numbers of a (side x side) block.
fn check_square(len: usize, side: usize) -> Result<()> {
    if side.checked_mul(side) != Some(len) {
        return Err(Error::usage(
            "Hessian block",
            format!("room for {len} numbers"),
            format!("{side} x {side} numbers"),
        ));
    }
    Ok(())
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
    let walk = Walk::of(&Stored::of(data), cols, classes, index, rayon::current_num_threads());
    HessianScratch::grow(&mut scratch.threads, walk.scratch_len);
    let threads = &scratch.threads;
    let level = SimdLevel::detect();
    out.par_chunks_mut(walk.buckets * width).enumerate().for_each(|(t, out)| {
        let scratch = &mut *own(threads);
        let (data, first) = (Stored::of(data), t * walk.buckets);
        Buckets { data, cols, curvature: *curvature, index, first, stream: walk.stream, out, scratch }.run(level);
    });
    Ok(())
}

/// The Gram block `out = B'B` of a row-major B with rows of `cols` numbers: (cols x cols) row-major, both halves filled. The
/// order of the sums is that of [`exact_gram`].
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

/// `out = A_I'A_I`, the part of the exact Hessian that the examples I contribute: (dK x dK) row-major, both halves filled,
/// index `k d + j`. Sums over parts of the data add up to the Hessian without its `l2` term. Entries are summed in the
/// arithmetic type over panels of 512 rows, and in `f64` over the panels. Sparse rows are written out panel by panel: it costs
/// what dense data cost.
///
/// ```
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::{HessianScratch, exact_gram};
/// use steadfast::kernel::Curvature;
/// let data = Matrix::Dense(Dense::new(2, 2, vec![1.0, 2.0, 0.0, 1.0])?);
/// let mut out = [0.0; 4];
/// exact_gram(&data, &Curvature::Scalar(&[1.0, 3.0]), 0..2, &mut HessianScratch::default(), &mut out)?;
/// assert_eq!(out, [1.0, 2.0, 2.0, 13.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] when a length does not fit or I reaches beyond the rows.
pub fn exact_gram<T: Element>(
    data: &Matrix<T>,
    curvature: &Curvature<'_, T::Acc>,
    examples: Range<usize>,
    scratch: &mut HessianScratch<T::Acc>,
    out: &mut [T::Acc],
) -> Result<()> {
    curvature.check(data.rows())?;
    let (cols, classes) = (data.cols(), curvature.classes());
    check_square(out.len(), cols * classes)?;
    if examples.start > examples.end || examples.end > data.rows() {
        return Err(Error::usage("examples", format!("{examples:?}"), format!("a range within 0..{}", data.rows())));
    }
    if !out.is_empty() {
        let tiles = Tiles::new(cols, classes, examples.len());
        let rows = GramRows { data: Stored::of(data), curvature: Some(*curvature), examples, tiles };
        fill(&rows, cols * classes, scratch, out);
    }
    Ok(())
}

/// `out = (S'A)'(S'A)` for one block S: what a worker of OverSketched Newton replies (paper 001, Algorithm 2), (dK x dK)
/// row-major, both halves filled. The mean over blocks estimates the Hessian without its `l2` term.
///
/// ```
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::{HessianScratch, sketched_gram};
/// use steadfast::kernel::{Curvature, SketchBlock, SketchKind};
/// let data = Matrix::Dense(Dense::new(3, 1, vec![1.0f32, 2.0, -1.0])?);
/// let block = SketchBlock { kind: SketchKind::CountSketch, seed: 2, iteration: 0, block: 0, buckets: 64 };
/// let mut out = [0.0];
/// sketched_gram(&data, &Curvature::Scalar(&[1.0; 3]), &block, &mut HessianScratch::default(), &mut out)?;
/// // No two of the three rows share one of the 64 buckets here, so the sketch loses nothing.
/// assert_eq!(out, [6.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// As [`sketch_rows`].
pub fn sketched_gram<T: Element>(
    data: &Matrix<T>,
    curvature: &Curvature<'_, T::Acc>,
    block: &SketchBlock,
    scratch: &mut HessianScratch<T::Acc>,
    out: &mut [T::Acc],
) -> Result<()> {
    let width = data.cols() * curvature.classes();
    check_square(out.len(), width)?;
    let len = block.buckets.checked_mul(width).ok_or_else(|| {
        Error::usage("sketch buckets", block.buckets, format!("what memory holds with {width} columns"))
    })?;
    let mut rows = std::mem::take(&mut scratch.sketch);
    rows.resize(len, T::Acc::ZERO);
    let mut done = sketch_rows(data, curvature, block, scratch, &mut rows);
    if done.is_ok() && width > 0 {
        done = gram(&rows, width, scratch, out);
    }
    scratch.sketch = rows;
    done
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
