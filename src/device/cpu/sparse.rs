//! Products with rows of a compressed-sparse-row matrix.
//!
//! Order of summation of one entry, the same for every SIMD level, number of threads and number of vectors: the stored
//! values of a row are cut into blocks of [`BLOCK`]; in a block, value k is multiplied, rounded and added to partial sum
//! `k mod 4`, `(0 + 1) + (2 + 3)` joins them; blocks are added pairwise. The chain is `1 + 64 + 2 + ceil(log2(blocks))`
//! roundings deep. Transposed products are products with the compressed columns, so they have the same order.

use bytemuck::{cast_slice, cast_slice_mut};
use half::f16;

use super::simd::{Lanes, Load, SimdLevel, Work, pack_len};
use super::tree::{LEVELS, Tree};
use crate::data::Csr;
use crate::error::Result;
use crate::scalar::{Accumulator, Element, Precision};

/// Partial sums of a row.
const PARTS: usize = 4;
/// Stored values of a block: 64 for each partial sum.
const BLOCK: usize = 64 * PARTS;
/// Vectors that share one walk along a row.
const VECTORS: usize = 8;

/// Rows `start..` of `A V'`, as many as `out` has.
pub(super) struct SparseProduct<'a, T: Element> {
    pub offsets: &'a [usize],
    pub indices: &'a [u32],
    pub values: &'a [T],
    pub cols: usize,
    pub start: usize,
    /// One vector of `cols` numbers when r is 1, else the vectors as [`interleave`] lays them.
    pub vectors: &'a [T::Acc],
    pub r: usize,
    /// (rows x r), row-major.
    pub out: &'a mut [T::Acc],
}

/// Numbers that [`interleave`] needs for r vectors of `cols` numbers; none for a single vector.
pub(super) fn interleaved_len(cols: usize, r: usize) -> usize {
    if r <= 1 { 0 } else { r.div_ceil(VECTORS) * VECTORS * cols }
}

/// Lays r vectors of `cols` numbers out so that a column's numbers of [`VECTORS`] vectors lie side by side (zeros where there
/// are no more vectors): one stored value then meets one cache line, not r.
pub(super) fn interleave<A: Accumulator>(vectors: &[A], cols: usize, r: usize, out: &mut [A]) {
    out.fill(A::ZERO);
    for v in 0..r {
        let (chunk, lane) = (v / VECTORS, v % VECTORS);
        let chunk = &mut out[chunk * VECTORS * cols..(chunk + 1) * VECTORS * cols];
        for (to, &x) in chunk.chunks_exact_mut(VECTORS).zip(&vectors[v * cols..(v + 1) * cols]) {
            to[lane] = x;
        }
    }
}

/// The compressed columns of `a`: its transpose by rows, made once when a transposed product is first asked for.
///
/// # Errors
/// [`crate::error::Error::Usage`] for 2^32 rows and more.
pub(super) fn transpose<T: Element>(a: &Csr<T>) -> Result<Csr<T>> {
    let mut offsets = vec![0; a.cols() + 1];
    for &j in a.indices() {
        offsets[j as usize + 1] += 1;
    }
    for j in 0..a.cols() {
        offsets[j + 1] += offsets[j];
    }
    let mut next = offsets.clone();
    let mut indices = vec![0; a.values().len()];
    let mut values = vec![<T as bytemuck::Zeroable>::zeroed(); a.values().len()];
    for i in 0..a.rows() {
        let (columns, row) = a.row(i);
        for (&j, &x) in columns.iter().zip(row) {
            let at = &mut next[j as usize];
            // Csr::new refuses matrices in which this would be cut short.
            indices[*at] = u32::try_from(i).unwrap_or(u32::MAX);
            values[*at] = x;
            *at += 1;
        }
    }
    Csr::new(a.cols(), a.rows(), offsets, indices, values)
}

macro_rules! sparse_work {
    ($t:ty) => {
        impl Work for SparseProduct<'_, $t> {
            type Output = ();
            #[inline(always)]
            fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) {
                sparse::<L, $t>(lanes, self);
            }
        }
    };
}
sparse_work!(f64);
sparse_work!(f32);
sparse_work!(f16);

impl<'a, T: Element> SparseProduct<'a, T> {
    /// Computes it.
    pub(super) fn run(self, level: SimdLevel) {
        if self.cols == 0 {
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
    fn cast<U: Element>(self) -> SparseProduct<'a, U> {
        SparseProduct {
            offsets: self.offsets,
            indices: self.indices,
            values: cast_slice(self.values),
            cols: self.cols,
            start: self.start,
            vectors: cast_slice(self.vectors),
            r: self.r,
            out: cast_slice_mut(self.out),
        }
    }
}

#[inline(always)]
fn sparse<L, T>(lanes: L, work: SparseProduct<'_, T>)
where
    T: Element,
    L: Load<T>,
{
    let SparseProduct { offsets, indices, values, cols, start, vectors, r, out } = work;
    let mut levels_of_one = [[T::Acc::ZERO; 1]; LEVELS];
    let mut levels = [[T::Acc::ZERO; VECTORS]; LEVELS];
    for (i, out) in out.chunks_exact_mut(r).enumerate() {
        let span = offsets[start + i]..offsets[start + i + 1];
        let (columns, row) = (&indices[span.clone()], &values[span]);
        if r == 1 {
            out[0] = row_sum::<L, T, 1>(lanes, columns, row, vectors, &mut levels_of_one)[0];
            continue;
        }
        for (out, vectors) in out.chunks_mut(VECTORS).zip(vectors.chunks_exact(VECTORS * cols)) {
            let sums = row_sum::<L, T, VECTORS>(lanes, columns, row, vectors, &mut levels);
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}

/// One row with `V` interleaved vectors.
#[inline(always)]
fn row_sum<L, T, const V: usize>(
    lanes: L,
    columns: &[u32],
    row: &[T],
    vectors: &[T::Acc],
    levels: &mut [[T::Acc; V]; LEVELS],
) -> [T::Acc; V]
where
    T: Element,
    L: Load<T>,
{
    let vectors = vectors.as_chunks::<V>().0;
    if row.len() <= BLOCK {
        return block_sum::<L, T, V>(lanes, columns, row, vectors);
    }
    let mut tree = Tree::default();
    for (columns, row) in columns.chunks(BLOCK).zip(row.chunks(BLOCK)) {
        let mut part = block_sum::<L, T, V>(lanes, columns, row, vectors);
        let keep = tree.push();
        for left in &levels[..keep] {
            part = add(*left, part);
        }
        levels[keep] = part;
    }
    let (first, remaining) = tree.finish();
    let mut total = levels[first];
    for level in remaining {
        total = add(levels[level], total);
    }
    total
}

#[inline(always)]
fn block_sum<L, T, const V: usize>(lanes: L, columns: &[u32], row: &[T], vectors: &[[T::Acc; V]]) -> [T::Acc; V]
where
    T: Element,
    L: Load<T>,
{
    let mut wide = [T::Acc::ZERO; BLOCK];
    let row = widened::<L, T>(lanes, row, &mut wide);
    let mut sums = [[T::Acc::ZERO; V]; PARTS];
    let (fours, last) = row.as_chunks::<PARTS>();
    let (column_fours, last_columns) = columns.as_chunks::<PARTS>();
    for (x, j) in fours.iter().zip(column_fours) {
        for p in 0..PARTS {
            sums[p] = add_product(sums[p], x[p], vectors[j[p] as usize]);
        }
    }
    for (p, (&x, &j)) in last.iter().zip(last_columns).enumerate() {
        sums[p] = add_product(sums[p], x, vectors[j as usize]);
    }
    add(add(sums[0], sums[1]), add(sums[2], sums[3]))
}

/// At most a block of values in the arithmetic type: themselves, or converted into `wide`.
#[inline(always)]
fn widened<'b, L, T>(lanes: L, values: &'b [T], wide: &'b mut [T::Acc; BLOCK]) -> &'b [T::Acc]
where
    T: Element,
    L: Load<T>,
{
    if T::PRECISION != Precision::F16 {
        return cast_slice(values);
    }
    let pack = pack_len::<T::Acc>();
    for (from, to) in values.chunks(pack).zip(wide.chunks_exact_mut(pack)) {
        lanes.store(lanes.load_partial(from), to);
    }
    &wide[..values.len()]
}

#[inline(always)]
fn add_product<A: Accumulator, const V: usize>(sums: [A; V], x: A, vectors: [A; V]) -> [A; V] {
    let mut out = sums;
    for v in 0..V {
        out[v] += x * vectors[v];
    }
    out
}

#[inline(always)]
fn add<A: Accumulator, const V: usize>(a: [A; V], b: [A; V]) -> [A; V] {
    let mut out = a;
    for v in 0..V {
        out[v] += b[v];
    }
    out
}
