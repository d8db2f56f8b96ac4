//! Dense rows dot vectors.
//!
//! Order of summation of one entry, the same for every SIMD level, number of threads, alignment and number of vectors. The
//! columns are cut into blocks of [`CHAIN`] steps of two packs (2,048 columns of `f32` or `f16`, 1,024 of `f64`). In a
//! block, column `j` is added by a fused multiply-add to accumulator `j mod 32` (`f64`: 16); the two halves of the
//! accumulators are added; blocks are added pairwise, lane by lane; then the lanes by halving. An entry's chain is
//! `64 + 1 + ceil(log2(blocks)) + 4` roundings deep, which bounds its error by that number times u times `|a|·|v|`.

use super::simd::{Lanes, Load, SimdLevel, Work, pack_len};
use super::tree::{LEVELS, Tree};
use crate::scalar::{Accumulator, Element, Precision};
use bytemuck::{cast_slice, cast_slice_mut};
use half::f16;

/// Steps of two packs in a block of columns: the longest chain of additions to one accumulator.
pub(super) const CHAIN: usize = 64;

/// Lane sums of the most rows and vectors that a level works on at a time.
type Group<P> = [[P; 2]; 4];

/// `out = A V'`: `rows` holds rows of `cols` numbers, `vectors` r vectors of `cols` numbers, `out` is (rows x r).
pub(super) struct Product<'a, T: Element> {
    pub rows: &'a [T],
    pub cols: usize,
    pub vectors: &'a [T::Acc],
    pub r: usize,
    pub out: &'a mut [T::Acc],
}

macro_rules! product_work {
    ($t:ty, $step:literal) => {
        impl Work for Product<'_, $t> {
            type Output = ();
            #[inline(always)]
            fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) {
                product::<L, $t, $step>(lanes, self);
            }
        }
    };
}
product_work!(f64, 16);
product_work!(f32, 32);
product_work!(f16, 32);

impl<'a, T: Element> Product<'a, T> {
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
    fn cast<U: Element>(self) -> Product<'a, U> {
        Product {
            rows: cast_slice(self.rows),
            cols: self.cols,
            vectors: cast_slice(self.vectors),
            r: self.r,
            out: cast_slice_mut(self.out),
        }
    }
}

/// `STEP` is the length of two packs.
#[inline(always)]
fn product<L, T, const STEP: usize>(lanes: L, work: Product<'_, T>)
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    // Made once for all groups, and not at all for short rows: filling it would cost as much as a short row.
    if work.cols <= CHAIN * STEP {
        row_groups::<L, T, STEP>(lanes, work, &mut []);
    } else {
        row_groups::<L, T, STEP>(lanes, work, &mut [[[Lanes::<T::Acc>::zero(lanes); 2]; 4]; LEVELS]);
    }
}

/// Walks groups of rows.
#[inline(always)]
fn row_groups<L, T, const STEP: usize>(lanes: L, work: Product<'_, T>, sums: &mut [Group<<L as Lanes<T::Acc>>::Pack>])
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let Product { rows, cols, vectors, r, out } = work;
    let mut rest = rows;
    let mut out = out;
    while !rest.is_empty() {
        let left = rest.len() / cols;
        // A last group of one row would run at the latency of its two chains: 4 + 1 rows are walked as 3 + 2.
        let count =
            if left == <L as Lanes<T::Acc>>::ROWS + 1 { left - 2 } else { left.min(<L as Lanes<T::Acc>>::ROWS) };
        let (group, after) = rest.split_at(count * cols);
        let (to, out_after) = out.split_at_mut(count * r);
        match count {
            4 => row_group::<L, T, 4, STEP>(lanes, group, vectors, r, to, sums),
            3 => row_group::<L, T, 3, STEP>(lanes, group, vectors, r, to, sums),
            2 => row_group::<L, T, 2, STEP>(lanes, group, vectors, r, to, sums),
            _ => row_group::<L, T, 1, STEP>(lanes, group, vectors, r, to, sums),
        }
        rest = after;
        out = out_after;
    }
}

/// `R` rows against all vectors, which find the rows in the cache after the first.
#[inline(always)]
fn row_group<L, T, const R: usize, const STEP: usize>(
    lanes: L,
    group: &[T],
    vectors: &[T::Acc],
    r: usize,
    out: &mut [T::Acc],
    sums: &mut [Group<<L as Lanes<T::Acc>>::Pack>],
) where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let cols = group.len() / R;
    let mut rows = [group; R];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = &group[i * cols..(i + 1) * cols];
    }
    let mut v = 0;
    if <L as Lanes<T::Acc>>::VECTORS == 2 {
        while v + 2 <= r {
            let pair = [&vectors[v * cols..(v + 1) * cols], &vectors[(v + 1) * cols..(v + 2) * cols]];
            let pair = dot::<L, T, R, 2, STEP>(lanes, rows, pair, sums);
            for i in 0..R {
                out[i * r + v] = lanes.sum(pair[i][0]);
                out[i * r + v + 1] = lanes.sum(pair[i][1]);
            }
            v += 2;
        }
    }
    while v < r {
        let one = dot::<L, T, R, 1, STEP>(lanes, rows, [&vectors[v * cols..(v + 1) * cols]], sums);
        for i in 0..R {
            out[i * r + v] = lanes.sum(one[i][0]);
        }
        v += 1;
    }
}

/// The lane sums of `R` rows with `V` vectors, all of the same length.
#[inline(always)]
fn dot<L, T, const R: usize, const V: usize, const STEP: usize>(
    lanes: L,
    rows: [&[T]; R],
    vectors: [&[T::Acc]; V],
    sums: &mut [Group<<L as Lanes<T::Acc>>::Pack>],
) -> [[<L as Lanes<T::Acc>>::Pack; V]; R]
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let cols = rows[0].len();
    let block = CHAIN * STEP;
    if cols <= block {
        return dot_block::<L, T, R, V, STEP>(lanes, rows, vectors);
    }
    let mut tree = Tree::default();
    let mut start = 0;
    while start < cols {
        let end = (start + block).min(cols);
        let mut r = rows;
        for row in &mut r {
            *row = &row[start..end];
        }
        let mut v = vectors;
        for vector in &mut v {
            *vector = &vector[start..end];
        }
        let mut part = dot_block::<L, T, R, V, STEP>(lanes, r, v);
        let keep = tree.push();
        for level in &sums[..keep] {
            part = add_left(lanes, level, part);
        }
        for i in 0..R {
            sums[keep][i][..V].copy_from_slice(&part[i]);
        }
        start = end;
    }
    let (first, remaining) = tree.finish();
    let mut total = [[lanes.zero(); V]; R];
    for i in 0..R {
        total[i].copy_from_slice(&sums[first][i][..V]);
    }
    for level in remaining {
        total = add_left(lanes, &sums[level], total);
    }
    total
}

#[inline(always)]
fn add_left<A, L: Lanes<A>, const R: usize, const V: usize>(
    lanes: L,
    left: &Group<L::Pack>,
    right: [[L::Pack; V]; R],
) -> [[L::Pack; V]; R] {
    let mut out = right;
    for i in 0..R {
        for v in 0..V {
            out[i][v] = lanes.add(left[i][v], right[i][v]);
        }
    }
    out
}

/// One block of columns.
#[inline(always)]
fn dot_block<L, T, const R: usize, const V: usize, const STEP: usize>(
    lanes: L,
    rows: [&[T]; R],
    vectors: [&[T::Acc]; V],
) -> [[<L as Lanes<T::Acc>>::Pack; V]; R]
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let half = pack_len::<T::Acc>();
    let steps = rows[0].len() / STEP;
    let mut full_rows: [&[[T; STEP]]; R] = [&[]; R];
    for i in 0..R {
        full_rows[i] = &rows[i].as_chunks::<STEP>().0[..steps];
    }
    let mut full_vectors: [&[[T::Acc; STEP]]; V] = [&[]; V];
    for v in 0..V {
        full_vectors[v] = &vectors[v].as_chunks::<STEP>().0[..steps];
    }
    let mut sums = [[[lanes.zero(); 2]; V]; R];
    for k in 0..steps {
        let mut right = [[lanes.zero(); 2]; V];
        for v in 0..V {
            let (low, high) = full_vectors[v][k].split_at(half);
            right[v] = [Load::<T::Acc>::load(lanes, low), Load::<T::Acc>::load(lanes, high)];
        }
        for i in 0..R {
            let (low, high) = full_rows[i][k].split_at(half);
            let left = [Load::<T>::load(lanes, low), Load::<T>::load(lanes, high)];
            for v in 0..V {
                sums[i][v][0] = lanes.mul_add(left[0], right[v][0], sums[i][v][0]);
                sums[i][v][1] = lanes.mul_add(left[1], right[v][1], sums[i][v][1]);
            }
        }
    }
    // The last, partial step: what lies beyond the end counts as 0 * 0.
    let mut start = steps * STEP;
    let end = rows[0].len();
    for u in 0..2 {
        if start < end {
            let stop = (start + half).min(end);
            let mut right = [lanes.zero(); V];
            for v in 0..V {
                right[v] = load_upto::<L, T::Acc>(lanes, &vectors[v][start..stop]);
            }
            for i in 0..R {
                let left = load_upto::<L, T>(lanes, &rows[i][start..stop]);
                for v in 0..V {
                    sums[i][v][u] = lanes.mul_add(left, right[v], sums[i][v][u]);
                }
            }
            start = stop;
        }
    }
    let mut out = [[lanes.zero(); V]; R];
    for i in 0..R {
        for v in 0..V {
            out[i][v] = lanes.add(sums[i][v][0], sums[i][v][1]);
        }
    }
    out
}

/// A pack of at most a pack's numbers.
#[inline(always)]
pub(super) fn load_upto<L, T>(lanes: L, from: &[T]) -> L::Pack
where
    T: Element,
    L: Load<T>,
{
    if from.len() == pack_len::<T::Acc>() { lanes.load(from) } else { lanes.load_partial(from) }
}
