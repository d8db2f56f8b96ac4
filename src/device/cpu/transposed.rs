//! Dense transposed products: columns of a shard dot vectors, walking the rows as they lie.
//!
//! Order of summation of one entry, the same for every SIMD level, number of threads, alignment and number of vectors: rows
//! are cut into blocks of [`CHAIN`]; in a block, rows are added in ascending order by fused multiply-adds from zero; blocks
//! are added pairwise. The chain is `64 + ceil(log2(blocks))` roundings deep.

use super::dense::CHAIN;
use super::simd::{Lanes, Load, SimdLevel, Work, pack_len};
use super::tree::{Tree, levels};
use crate::scalar::{Accumulator, Element, Precision};
use bytemuck::{cast_slice, cast_slice_mut};
use half::f16;

/// Vectors that share one walk down a tile of columns.
const VECTORS: usize = 8;
/// Bytes of a tile's sums in the arithmetic type, over all vectors of a walk: a quarter of a first-level cache.
const TILE_BYTES: usize = 8192;

/// Columns `start..` of `A' V'`, as many as `out` has rows.
pub(super) struct Transposed<'a, T: Element> {
    /// The whole shard, row-major.
    pub values: &'a [T],
    pub rows: usize,
    pub cols: usize,
    pub start: usize,
    /// r vectors of `rows` numbers.
    pub vectors: &'a [T::Acc],
    pub r: usize,
    /// (columns x r), row-major.
    pub out: &'a mut [T::Acc],
    /// At least [`scratch_len`] numbers, of any value.
    pub scratch: &'a mut [T::Acc],
}

/// Columns of a tile: any choice gives the same bits.
pub(super) fn tile_columns<A>(r: usize) -> usize {
    (TILE_BYTES / size_of::<A>() / r.clamp(1, VECTORS)).next_multiple_of(pack_len::<A>())
}

/// Numbers of scratch for a shard of `rows` rows and r vectors.
pub(super) fn scratch_len<A>(rows: usize, r: usize) -> usize {
    levels(rows.div_ceil(CHAIN)) * r.min(VECTORS) * tile_columns::<A>(r)
}

macro_rules! transposed_work {
    ($t:ty, $pack:literal) => {
        impl Work for Transposed<'_, $t> {
            type Output = ();
            #[inline(always)]
            fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) {
                transposed::<L, $t, $pack>(lanes, self);
            }
        }
    };
}
transposed_work!(f64, 8);
transposed_work!(f32, 16);
transposed_work!(f16, 16);

impl<'a, T: Element> Transposed<'a, T> {
    /// Computes it.
    pub(super) fn run(self, level: SimdLevel) {
        if self.rows == 0 {
            self.out.fill(T::Acc::ZERO);
        } else if self.r > 0 {
            match T::PRECISION {
                Precision::F64 => level.run(self.cast::<f64>()),
                Precision::F32 => level.run(self.cast::<f32>()),
                Precision::F16 => level.run(self.cast::<f16>()),
            }
        }
    }

    /// The same work, for the type that `T` is.
    fn cast<U: Element>(self) -> Transposed<'a, U> {
        Transposed {
            values: cast_slice(self.values),
            rows: self.rows,
            cols: self.cols,
            start: self.start,
            vectors: cast_slice(self.vectors),
            r: self.r,
            out: cast_slice_mut(self.out),
            scratch: cast_slice_mut(self.scratch),
        }
    }
}

/// `PACK` is the length of a pack.
#[inline(always)]
fn transposed<L, T, const PACK: usize>(lanes: L, work: Transposed<'_, T>)
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let Transposed { values, rows, cols, start, vectors, r, out, scratch } = work;
    let tile = tile_columns::<T::Acc>(r);
    let group = r.min(VECTORS);
    // One set of sums for each level of the tree over the blocks of rows.
    let set = group * tile;
    for (k, out) in out.chunks_mut(tile * r).enumerate() {
        let width = out.len() / r;
        let first = start + k * tile;
        let mut v = 0;
        while v < r {
            let count = group.min(r - v);
            let mut tree = Tree::default();
            for block in (0..rows).step_by(CHAIN) {
                let end = (block + CHAIN).min(rows);
                let keep = tree.push();
                let (below, sums) = scratch.split_at_mut(keep * set);
                let sums = &mut sums[..count * tile];
                sums.fill(T::Acc::ZERO);
                for (s, sums) in sums.chunks_exact_mut(tile).enumerate() {
                    let scale = &vectors[(v + s) * rows..(v + s + 1) * rows];
                    let mut i = block;
                    while i < end {
                        let from = &values[i * cols..];
                        let scale = &scale[i..end];
                        i += if scale.len() >= 8 {
                            add_rows::<L, T, 8, PACK>(lanes, from, cols, first, width, scale, sums)
                        } else if scale.len() >= 2 {
                            add_rows::<L, T, 2, PACK>(lanes, from, cols, first, width, scale, sums)
                        } else {
                            add_rows::<L, T, 1, PACK>(lanes, from, cols, first, width, scale, sums)
                        };
                    }
                }
                for left in below.chunks_exact(set) {
                    add_left(left, sums);
                }
            }
            let (latest, remaining) = tree.finish();
            let (_, sums) = scratch.split_at_mut(latest * set);
            let (sums, above) = sums.split_at_mut(set);
            for level in remaining {
                let at = (level - latest - 1) * set;
                add_left(&above[at..at + set], &mut sums[..count * tile]);
            }
            for (s, sums) in sums[..count * tile].chunks_exact(tile).enumerate() {
                for (o, &sum) in out.chunks_exact_mut(r).zip(sums) {
                    o[v + s] = sum;
                }
            }
            v += count;
        }
    }
}

/// `right = left + right`.
#[inline(always)]
fn add_left<A: Accumulator>(left: &[A], right: &mut [A]) {
    for (b, &a) in right.iter_mut().zip(left) {
        *b = a + *b;
    }
}

/// Adds `R` rows, each times its number of `scale`, to the sums of `width` columns from `first`. Returns `R`.
#[inline(always)]
fn add_rows<L, T, const R: usize, const PACK: usize>(
    lanes: L,
    from: &[T],
    cols: usize,
    first: usize,
    width: usize,
    scale: &[T::Acc],
    sums: &mut [T::Acc],
) -> usize
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let full = width / PACK;
    let mut rows: [&[T]; R] = [&[]; R];
    let mut packs: [&[[T; PACK]]; R] = [&[]; R];
    let mut factors = [Lanes::<T::Acc>::zero(lanes); R];
    for i in 0..R {
        rows[i] = &from[i * cols + first..i * cols + first + width];
        packs[i] = &rows[i].as_chunks::<PACK>().0[..full];
        factors[i] = lanes.splat(scale[i]);
    }
    let sums = &mut sums.as_chunks_mut::<PACK>().0[..width.div_ceil(PACK)];
    for k in 0..full {
        let mut sum = Load::<T::Acc>::load(lanes, &sums[k]);
        for i in 0..R {
            sum = lanes.mul_add(Load::<T>::load(lanes, &packs[i][k]), factors[i], sum);
        }
        lanes.store(sum, &mut sums[k]);
    }
    if full < sums.len() {
        let mut sum = Load::<T::Acc>::load(lanes, &sums[full]);
        for i in 0..R {
            sum = lanes.mul_add(Load::<T>::load_partial(lanes, &rows[i][full * PACK..]), factors[i], sum);
        }
        lanes.store(sum, &mut sums[full]);
    }
    R
}
