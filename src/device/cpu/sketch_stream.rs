//! The sketch of dense data in the order in which they are stored: each row is added to the sums of its bucket, which stay in a
//! cache. Data that come from memory are read at the rate of a plain walk, where rows gathered bucket by bucket leave half of
//! it unused. Order of summation and results are those of [`super::sketch`], bit for bit.

use super::dense::CHAIN;
use super::simd::{Load, pack_len};
use super::sketch::{add_left, finish};
use super::tree::{Tree, levels};
use crate::kernel::BucketIndex;
use crate::scalar::{Accumulator, Element};

/// Bytes that the sums of all buckets may take: what third-level caches hold beside the rows that pass through.
const SUMS_BYTES: usize = 4 << 20;
/// The most buckets of a group, which is one walk.
const GROUP: usize = 1024;

/// Numbers from the sums of one level to the next: a row, in whole packs.
fn set<A>(cols: usize) -> usize {
    cols.next_multiple_of(pack_len::<A>())
}

/// Numbers of scratch that the sums of one bucket take.
fn bucket_len<A>(cols: usize, longest: usize) -> usize {
    levels(longest.div_ceil(CHAIN)) * set::<A>(cols)
}

/// Numbers of scratch for groups of `buckets`.
pub(super) fn scratch_len<A>(cols: usize, longest: usize, buckets: usize) -> usize {
    buckets * bucket_len::<A>(cols, longest)
}

/// The most buckets of a group; `None` where rows are drawn instead of placed, and where the sums would not stay in a cache.
pub(super) fn group<A>(index: &BucketIndex, cols: usize) -> Option<usize> {
    let bytes = scratch_len::<A>(cols, index.longest(), index.buckets()) * size_of::<A>();
    (bytes <= SUMS_BYTES && !index.places().is_empty()).then_some(GROUP)
}

/// The sums of one bucket on their way.
#[derive(Clone, Copy, Default)]
struct Progress {
    tree: Tree,
    /// Rows so far.
    rows: usize,
    /// Where the sums of the latest block of rows are kept.
    level: usize,
}

impl Progress {
    /// True where the latest block of rows is complete, and where there is none yet.
    #[inline(always)]
    fn between_blocks(&self) -> bool {
        self.rows.is_multiple_of(CHAIN)
    }

    /// Adds what the levels below hold to the sums of the latest block.
    #[inline(always)]
    fn close<A: Accumulator>(&self, set: usize, sums: &mut [A]) {
        let (below, sums) = sums.split_at_mut(self.level * set);
        for left in below.chunks_exact(set) {
            add_left(left, &mut sums[..set]);
        }
    }
}

/// The rows of `S'A` for buckets `first..`, as many as `out` has, but at most those of a [`group`]; K is 1.
pub(super) struct Group<'a, T: Element> {
    pub values: &'a [T],
    pub cols: usize,
    pub roots: &'a [T::Acc],
    pub index: &'a BucketIndex,
    pub first: usize,
    pub out: &'a mut [T::Acc],
    /// At least [`scratch_len`] numbers, of any value.
    pub sums: &'a mut [T::Acc],
}

impl<T: Element> Group<'_, T> {
    /// Computes them; `PACK` is the length of a pack.
    #[inline(always)]
    pub(super) fn run<L, const PACK: usize>(self, lanes: L)
    where
        L: Load<T> + Load<T::Acc>,
    {
        let Group { values, cols, roots, index, first, out, sums } = self;
        let (set, bucket_len) = (set::<T::Acc>(cols), bucket_len::<T::Acc>(cols, index.longest()));
        let scale = T::Acc::from_f64(index.scale());
        let (places, count) = (index.places(), out.len() / cols);
        let mut progress = [Progress::default(); GROUP];
        for ((place, &root), row) in places.iter().zip(roots).zip(values.chunks_exact(cols)) {
            let bucket = place.row().wrapping_sub(first);
            if bucket >= count {
                continue;
            }
            let progress = &mut progress[bucket];
            let sums = &mut sums[bucket * bucket_len..(bucket + 1) * bucket_len];
            if progress.between_blocks() {
                progress.level = progress.tree.push();
                sums[progress.level * set..(progress.level + 1) * set].fill(T::Acc::ZERO);
            }
            let factor = root * if place.minus() { -scale } else { scale };
            let latest = &mut sums[progress.level * set..(progress.level + 1) * set];
            add_row::<L, T, PACK>(lanes, row, factor, latest);
            progress.rows += 1;
            if progress.between_blocks() {
                progress.close(set, sums);
            }
        }
        for ((progress, out), sums) in
            progress.iter().zip(out.chunks_exact_mut(cols)).zip(sums.chunks_exact_mut(bucket_len))
        {
            if progress.rows == 0 {
                out.fill(T::Acc::ZERO);
                continue;
            }
            if !progress.between_blocks() {
                progress.close(set, sums);
            }
            out.copy_from_slice(&finish(progress.tree, set, sums)[..cols]);
        }
    }
}

/// `sums += factor * row`.
#[inline(always)]
fn add_row<L, T, const PACK: usize>(lanes: L, row: &[T], factor: T::Acc, sums: &mut [T::Acc])
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let factor = lanes.splat(factor);
    let (packs, rest) = row.as_chunks::<PACK>();
    let (sums, _) = sums.as_chunks_mut::<PACK>();
    for (pack, sum) in packs.iter().zip(sums.iter_mut()) {
        let old = Load::<T::Acc>::load(lanes, &sum[..]);
        lanes.store(lanes.mul_add(Load::<T>::load(lanes, pack), factor, old), sum);
    }
    if let (false, Some(sum)) = (rest.is_empty(), sums.last_mut()) {
        let old = Load::<T::Acc>::load(lanes, &sum[..]);
        lanes.store(lanes.mul_add(lanes.load_partial(rest), factor, old), sum);
    }
}
