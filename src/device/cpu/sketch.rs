//! The sketch `S'A` of one block: the rows of A that fall into a bucket are added up, bucket by bucket.
//!
//! Order of summation of one entry, the same for every SIMD level, number of threads and alignment, and for dense and sparse
//! data alike: the entries of a bucket ascend; they are cut into blocks of [`CHAIN`]; in a block they are added by fused
//! multiply-adds from zero; blocks are added pairwise. The chain is `64 + ceil(log2(blocks))` roundings deep.

use super::dense::CHAIN;
use super::simd::{Lanes, Load, SimdLevel, Work, pack_len, prefetch};
use super::transposed::tile_columns;
use super::tree::{Tree, levels};
use crate::data::Matrix;
use crate::kernel::{BucketIndex, Curvature, Entry};
use crate::scalar::{Accumulator, Arithmetic, Element, Precision};
use bytemuck::{cast_slice, cast_slice_mut};
use half::f16;

/// The stored rows of a matrix.
#[derive(Clone, Copy)]
pub(super) enum Stored<'a, T> {
    /// Row-major.
    Dense(&'a [T]),
    /// Offsets, columns and values.
    Sparse(&'a [usize], &'a [u32], &'a [T]),
}

impl<'a, T: Element> Stored<'a, T> {
    pub(super) fn of(matrix: &'a Matrix<T>) -> Self {
        match matrix {
            Matrix::Dense(a) => Stored::Dense(a.values()),
            Matrix::Csr(a) => Stored::Sparse(a.offsets(), a.indices(), a.values()),
        }
    }

    /// The same, for the type that `T` is.
    fn cast<U: Element>(self) -> Stored<'a, U> {
        match self {
            Stored::Dense(values) => Stored::Dense(cast_slice(values)),
            Stored::Sparse(offsets, indices, values) => Stored::Sparse(offsets, indices, cast_slice(values)),
        }
    }
}

/// The rows of `S'A` for buckets `first..`, as many as `out` has; there is at least one column.
pub(super) struct Buckets<'a, T: Element> {
    pub data: Stored<'a, T>,
    pub cols: usize,
    pub curvature: Curvature<'a, T::Acc>,
    pub index: &'a BucketIndex,
    pub first: usize,
    /// Whether to ask for rows ahead of time: what [`Tasks::of`] says.
    pub far: bool,
    /// (buckets x dK), row-major.
    pub out: &'a mut [T::Acc],
    /// At least as many numbers as [`Tasks::scratch_len`] says, of any value.
    pub scratch: &'a mut [T::Acc],
}

/// How the buckets are shared out, which changes no bit.
pub(super) struct Tasks {
    /// Buckets of one task.
    pub buckets: usize,
    /// Whether the rows lie in memory, and are asked for ahead of time.
    pub far: bool,
    /// Numbers of scratch that a task needs.
    pub scratch_len: usize,
}

impl Tasks {
    /// For `threads` threads.
    pub(super) fn of<T: Element>(
        data: &Stored<'_, T>,
        cols: usize,
        classes: usize,
        index: &BucketIndex,
        threads: usize,
    ) -> Self {
        let (sparse, far) = match data {
            Stored::Dense(values) => (false, size_of_val(*values) > NEAR_BYTES),
            Stored::Sparse(..) => (true, false),
        };
        // Several tasks a thread, so that none waits long for the last one.
        let buckets = index.buckets().div_ceil(4 * threads);
        Tasks { buckets, far, scratch_len: scratch_len::<T::Acc>(sparse, cols, classes, index.longest()) }
    }
}

/// Numbers of scratch for data of `cols` columns and K `classes`, when the fullest bucket has `longest` entries.
fn scratch_len<A>(sparse: bool, cols: usize, classes: usize, longest: usize) -> usize {
    let width = if sparse { cols } else { tile_width::<A>(cols, classes) };
    classes * (CHAIN + levels(longest.div_ceil(CHAIN)) * width)
}

/// Data of no more bytes are in a cache after the first walk, where asking for rows ahead of time costs more than it saves.
const NEAR_BYTES: usize = 4 << 20;

/// How far ahead rows are asked for: what a memory delivers while it is asked, some thousand bytes, and at least [`MOST_ROWS`].
const AHEAD_BYTES: usize = 8 << 10;
/// Rows added in one pass over the sums.
const MOST_ROWS: usize = 8;

/// Columns of a tile, a whole number of packs: any choice gives the same bits.
fn tile_width<A>(cols: usize, classes: usize) -> usize {
    tile_columns::<A>(classes).min(cols.next_multiple_of(pack_len::<A>()))
}

macro_rules! buckets_work {
    ($t:ty, $pack:literal) => {
        impl Work for Buckets<'_, $t> {
            type Output = ();
            #[inline(always)]
            fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) {
                match self.data {
                    Stored::Dense(values) if self.far => dense::<L, $t, $pack, true>(lanes, values, self),
                    Stored::Dense(values) => dense::<L, $t, $pack, false>(lanes, values, self),
                    Stored::Sparse(offsets, indices, values) => sparse::<$t>(offsets, indices, values, self),
                }
            }
        }
    };
}
buckets_work!(f64, 8);
buckets_work!(f32, 16);
buckets_work!(f16, 16);

impl<'a, T: Element> Buckets<'a, T> {
    /// Computes them.
    pub(super) fn run(self, level: SimdLevel) {
        match T::PRECISION {
            Precision::F64 => level.run(self.cast::<f64>()),
            Precision::F32 => level.run(self.cast::<f32>()),
            Precision::F16 => level.run(self.cast::<f16>()),
        }
    }

    /// The same work, for the type that `T` is.
    fn cast<U: Element>(self) -> Buckets<'a, U> {
        let curvature = match self.curvature {
            Curvature::Scalar(roots) => Curvature::Scalar(cast_slice(roots)),
            Curvature::Softmax { probabilities, classes, scale } => Curvature::Softmax {
                probabilities: cast_slice(probabilities),
                classes,
                scale: U::Acc::from_f64(scale.to_f64()),
            },
        };
        Buckets {
            data: self.data.cast(),
            cols: self.cols,
            curvature,
            index: self.index,
            first: self.first,
            far: self.far,
            out: cast_slice_mut(self.out),
            scratch: cast_slice_mut(self.scratch),
        }
    }
}

/// What the rows of some entries are multiplied by: class k's factor of entry e is `factors[k * CHAIN + e]`.
#[inline(always)]
fn fill_factors<A: Accumulator>(curvature: &Curvature<'_, A>, scale: A, entries: &[Entry], factors: &mut [A]) {
    let classes = curvature.classes();
    for (e, entry) in entries.iter().enumerate() {
        let (example, r) = (entry.row() / classes, entry.row() % classes);
        let signed = if entry.minus() { -scale } else { scale };
        // One root for all classes.
        let root = curvature.root(example, r);
        for (k, factors) in factors.chunks_exact_mut(CHAIN).enumerate() {
            factors[e] = root * curvature.shifted(example, r, k) * signed;
        }
    }
}

/// `PACK` is the length of a pack; `FAR` says whether to ask for rows ahead of time.
#[inline(always)]
fn dense<L, T, const PACK: usize, const FAR: bool>(lanes: L, values: &[T], work: Buckets<'_, T>)
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let Buckets { cols, curvature, index, first, out, scratch, .. } = work;
    let classes = curvature.classes();
    let scale = T::Acc::from_f64(index.scale());
    let tile = tile_width::<T::Acc>(cols, classes);
    let set = classes * tile;
    let (factors, sums) = scratch.split_at_mut(classes * CHAIN);
    let ahead = AHEAD_BYTES.div_ceil(cols * size_of::<T>()).max(MOST_ROWS);
    for (b, out) in out.chunks_exact_mut(cols * classes).enumerate() {
        let bucket = index.bucket(first + b);
        if bucket.is_empty() {
            out.fill(T::Acc::ZERO);
            continue;
        }
        for column in (0..cols).step_by(tile) {
            let width = tile.min(cols - column);
            let mut tree = Tree::default();
            let mut walk = index.from_bucket(first + b);
            for entries in bucket.chunks(CHAIN) {
                fill_factors(&curvature, scale, entries, factors);
                let keep = tree.push();
                let (below, sums) = sums.split_at_mut(keep * set);
                let sums = &mut sums[..set];
                sums.fill(T::Acc::ZERO);
                let mut e = 0;
                while e < entries.len() {
                    let from = Gathered { values, cols, classes, entries: &walk[e..], column, width, ahead };
                    let left = entries.len() - e;
                    let factors = &factors[e..];
                    e += if left >= MOST_ROWS {
                        add_rows::<L, T, MOST_ROWS, PACK, FAR>(lanes, &from, factors, tile, sums)
                    } else if left >= 2 {
                        add_rows::<L, T, 2, PACK, FAR>(lanes, &from, factors, tile, sums)
                    } else {
                        add_rows::<L, T, 1, PACK, FAR>(lanes, &from, factors, tile, sums)
                    };
                }
                for left in below.chunks_exact(set) {
                    add_left(left, sums);
                }
                walk = &walk[entries.len()..];
            }
            let total = finish(tree, set, sums);
            for (out, total) in out.chunks_exact_mut(cols).zip(total.chunks_exact(tile)) {
                out[column..column + width].copy_from_slice(&total[..width]);
            }
        }
    }
}

/// Some columns of the data rows behind the entries to come.
struct Gathered<'a, T> {
    values: &'a [T],
    cols: usize,
    classes: usize,
    entries: &'a [Entry],
    column: usize,
    width: usize,
    /// From an entry to the one whose row is asked for meanwhile.
    ahead: usize,
}

impl<'a, T> Gathered<'a, T> {
    /// Of the data row behind entry `i`.
    #[inline(always)]
    fn row(&self, i: usize) -> &'a [T] {
        let start = self.entries[i].row() / self.classes * self.cols + self.column;
        &self.values[start..start + self.width]
    }
}

/// Adds the rows of the first `R` entries, times their factors, to the sums of every class. Returns `R`.
#[inline(always)]
fn add_rows<L, T, const R: usize, const PACK: usize, const FAR: bool>(
    lanes: L,
    from: &Gathered<'_, T>,
    factors: &[T::Acc],
    tile: usize,
    sums: &mut [T::Acc],
) -> usize
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let width = from.width;
    let full = width / PACK;
    let mut rows: [&[T]; R] = [&[]; R];
    let mut packs: [&[[T; PACK]]; R] = [&[]; R];
    // Rows of a bucket lie all over the data, and the processor can't guess which comes next.
    let mut ahead: [&[T]; R] = [&[]; R];
    for i in 0..R {
        rows[i] = from.row(i);
        packs[i] = &rows[i].as_chunks::<PACK>().0[..full];
        ahead[i] = if FAR && from.ahead + i < from.entries.len() { from.row(from.ahead + i) } else { rows[i] };
    }
    for (k, sums) in sums.chunks_exact_mut(tile).enumerate() {
        let mut scale = [Lanes::<T::Acc>::zero(lanes); R];
        for i in 0..R {
            scale[i] = lanes.splat(factors[k * CHAIN + i]);
        }
        let sums = &mut sums.as_chunks_mut::<PACK>().0[..width.div_ceil(PACK)];
        for p in 0..full {
            let mut sum = Load::<T::Acc>::load(lanes, &sums[p]);
            for i in 0..R {
                if FAR && k == 0 {
                    prefetch(&ahead[i][p * PACK..]);
                }
                sum = lanes.mul_add(Load::<T>::load(lanes, &packs[i][p]), scale[i], sum);
            }
            lanes.store(sum, &mut sums[p]);
        }
        if full < sums.len() {
            let mut sum = Load::<T::Acc>::load(lanes, &sums[full]);
            for i in 0..R {
                if FAR && k == 0 {
                    prefetch(&ahead[i][full * PACK..]);
                    // Rows need not begin with a line of the cache, and then end in one more.
                    prefetch(&ahead[i][width - 1..]);
                }
                sum = lanes.mul_add(Load::<T>::load_partial(lanes, &rows[i][full * PACK..]), scale[i], sum);
            }
            lanes.store(sum, &mut sums[full]);
        }
    }
    R
}

#[inline(always)]
fn sparse<T: Element>(offsets: &[usize], indices: &[u32], values: &[T], work: Buckets<'_, T>) {
    let Buckets { cols, curvature, index, first, out, scratch, .. } = work;
    let classes = curvature.classes();
    let scale = T::Acc::from_f64(index.scale());
    let set = cols * classes;
    let (factors, sums) = scratch.split_at_mut(classes * CHAIN);
    for (b, out) in out.chunks_exact_mut(set).enumerate() {
        let bucket = index.bucket(first + b);
        if bucket.is_empty() {
            out.fill(T::Acc::ZERO);
            continue;
        }
        let mut tree = Tree::default();
        for entries in bucket.chunks(CHAIN) {
            fill_factors(&curvature, scale, entries, factors);
            let keep = tree.push();
            let (below, sums) = sums.split_at_mut(keep * set);
            let sums = &mut sums[..set];
            sums.fill(T::Acc::ZERO);
            for (e, entry) in entries.iter().enumerate() {
                let example = entry.row() / classes;
                let span = offsets[example]..offsets[example + 1];
                for (k, sums) in sums.chunks_exact_mut(cols).enumerate() {
                    let factor = factors[k * CHAIN + e];
                    for (&j, x) in indices[span.clone()].iter().zip(&values[span.clone()]) {
                        let sum = &mut sums[j as usize];
                        *sum = x.widen().mul_add(factor, *sum);
                    }
                }
            }
            for left in below.chunks_exact(set) {
                add_left(left, sums);
            }
        }
        out.copy_from_slice(finish(tree, set, sums));
    }
}

/// Adds what the levels of the tree still hold; the total lies in the level of the latest sum.
#[inline(always)]
fn finish<A: Accumulator>(tree: Tree, set: usize, sums: &mut [A]) -> &[A] {
    let (latest, remaining) = tree.finish();
    let (_, sums) = sums.split_at_mut(latest * set);
    let (total, above) = sums.split_at_mut(set);
    for level in remaining {
        let at = (level - latest - 1) * set;
        add_left(&above[at..at + set], total);
    }
    total
}

/// `right = left + right`.
#[inline(always)]
fn add_left<A: Accumulator>(left: &[A], right: &mut [A]) {
    for (b, &a) in right.iter_mut().zip(left) {
        *b = a + *b;
    }
}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
