//! Dense rows dot vectors.
//!
//! Order of summation of one entry, the same for every SIMD level, number of threads, alignment and number of vectors. The
//! columns are cut into blocks of [`CHAIN`] steps of two packs (2,048 columns of `f32` or `f16`, 1,024 of `f64`). In a
//! block, column `j` is added by a fused multiply-add to accumulator `j mod 32` (`f64`: 16); the two halves of the
//! accumulators are added; blocks are added pairwise, lane by lane; then the lanes by halving. An entry's chain is
//! `64 + 1 + ceil(log2(blocks)) + 4` roundings deep, which bounds its error by that number times u times `|a|·|v|`.

use super::simd::{Lanes, Load, SimdLevel, Work};
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

/// The same work with what decides its inner loops known to the compiler: one function each, or the registers of the
/// commonest (short rows, one vector) would be spilled for the sake of the others.
struct Walk<'a, T: Element, const LONG: bool, const MANY: bool>(Product<'a, T>);

macro_rules! walk_work {
    ($t:ty, $step:literal) => {
        impl<const LONG: bool, const MANY: bool> Work for Walk<'_, $t, LONG, MANY> {
            type Output = ();
            #[inline(always)]
            fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) {
                walk::<L, $t, LONG, MANY, $step>(lanes, self.0);
            }
        }

        impl Product<'_, $t> {
            fn walk(self, level: SimdLevel) {
                match (self.cols > CHAIN * $step, self.r > 1) {
                    (false, false) => level.run(Walk::<$t, false, false>(self)),
                    (false, true) => level.run(Walk::<$t, false, true>(self)),
                    (true, false) => level.run(Walk::<$t, true, false>(self)),
                    (true, true) => level.run(Walk::<$t, true, true>(self)),
                }
            }
        }
    };
}
walk_work!(f64, 16);
walk_work!(f32, 32);
walk_work!(f16, 32);

impl<'a, T: Element> Product<'a, T> {
    /// Computes it.
    pub(super) fn run(self, level: SimdLevel) {
        if self.cols == 0 {
            self.out.fill(T::Acc::ZERO);
        } else if self.r > 0 {
            match T::PRECISION {
                Precision::F64 => self.cast::<f64>().walk(level),
                Precision::F32 => self.cast::<f32>().walk(level),
                Precision::F16 => self.cast::<f16>().walk(level),
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

/// Walks groups of rows; `STEP` is the length of two packs.
#[inline(always)]
fn walk<L, T, const LONG: bool, const MANY: bool, const STEP: usize>(lanes: L, work: Product<'_, T>)
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let most = <L as Lanes<T::Acc>>::ROWS;
    let Product { rows, cols, vectors, r, out } = work;
    let mut sums = [[[Lanes::<T::Acc>::zero(lanes); 2]; 4]; LEVELS];
    let mut left = rows.len() / cols;
    let (mut rest, mut out) = (rows, out);
    while left > 0 {
        // A last group of one row would run at the latency of its two chains: 4 + 1 rows are walked as 3 + 2.
        let count = if left == most + 1 { most - 1 } else { left.min(most) };
        let (group, after) = rest.split_at(count * cols);
        let (to, out_after) = out.split_at_mut(count * r);
        match count {
            4 => row_group::<L, T, 4, LONG, MANY, STEP>(lanes, group, cols, vectors, r, to, &mut sums),
            3 => row_group::<L, T, 3, LONG, MANY, STEP>(lanes, group, cols, vectors, r, to, &mut sums),
            2 => row_group::<L, T, 2, LONG, MANY, STEP>(lanes, group, cols, vectors, r, to, &mut sums),
            _ => row_group::<L, T, 1, LONG, MANY, STEP>(lanes, group, cols, vectors, r, to, &mut sums),
        }
        left -= count;
        rest = after;
        out = out_after;
    }
}

/// `R` rows against all vectors, which find the rows in the cache after the first.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "all of a group's operands, inlined in one place")]
fn row_group<L, T, const R: usize, const LONG: bool, const MANY: bool, const STEP: usize>(
    lanes: L,
    group: &[T],
    cols: usize,
    vectors: &[T::Acc],
    r: usize,
    out: &mut [T::Acc],
    sums: &mut [Group<<L as Lanes<T::Acc>>::Pack>; LEVELS],
) where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let mut rows = [group; R];
    for (i, row) in rows.iter_mut().enumerate() {
        *row = &group[i * cols..][..cols];
    }
    let mut v = 0;
    if MANY && <L as Lanes<T::Acc>>::VECTORS == 2 {
        while v + 2 <= r {
            let pair = [&vectors[v * cols..][..cols], &vectors[(v + 1) * cols..][..cols]];
            let pair = dot::<L, T, R, 2, LONG, STEP>(lanes, rows, pair, cols, sums);
            for i in 0..R {
                out[i * r + v] = lanes.sum(pair[i][0]);
                out[i * r + v + 1] = lanes.sum(pair[i][1]);
            }
            v += 2;
        }
    }
    while v < r {
        let one = dot::<L, T, R, 1, LONG, STEP>(lanes, rows, [&vectors[v * cols..][..cols]], cols, sums);
        for i in 0..R {
            out[i * r + v] = lanes.sum(one[i][0]);
        }
        v += 1;
        if !MANY {
            break;
        }
    }
}

/// The lane sums of `R` rows with `V` vectors, all of the same length.
#[inline(always)]
fn dot<L, T, const R: usize, const V: usize, const LONG: bool, const STEP: usize>(
    lanes: L,
    rows: [&[T]; R],
    vectors: [&[T::Acc]; V],
    cols: usize,
    sums: &mut [Group<<L as Lanes<T::Acc>>::Pack>; LEVELS],
) -> [[<L as Lanes<T::Acc>>::Pack; V]; R]
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    if !LONG {
        return dot_block::<L, T, R, V, STEP>(lanes, rows, vectors, cols);
    }
    let block = CHAIN * STEP;
    let mut tree = Tree::default();
    let mut start = 0;
    while start < cols {
        let width = block.min(cols - start);
        let mut r = rows;
        for row in &mut r {
            *row = &row[start..][..width];
        }
        let mut v = vectors;
        for vector in &mut v {
            *vector = &vector[start..][..width];
        }
        let mut part = dot_block::<L, T, R, V, STEP>(lanes, r, v, width);
        let keep = tree.push();
        for level in &sums[..keep] {
            part = add_left(lanes, level, part);
        }
        for i in 0..R {
            sums[keep][i][..V].copy_from_slice(&part[i]);
        }
        start += width;
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
    width: usize,
) -> [[<L as Lanes<T::Acc>>::Pack; V]; R]
where
    T: Element,
    L: Load<T> + Load<T::Acc>,
{
    let half = STEP / 2;
    let steps = width / STEP;
    let mut full_rows: [&[[T; STEP]]; R] = [&[]; R];
    let mut row_tails = rows;
    for i in 0..R {
        let (full, tail) = rows[i][..width].as_chunks::<STEP>();
        full_rows[i] = &full[..steps];
        row_tails[i] = &tail[..width % STEP];
    }
    let mut full_vectors: [&[[T::Acc; STEP]]; V] = [&[]; V];
    let mut vector_tails = vectors;
    for v in 0..V {
        let (full, tail) = vectors[v][..width].as_chunks::<STEP>();
        full_vectors[v] = &full[..steps];
        vector_tails[v] = &tail[..width % STEP];
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
    let tail = width % STEP;
    if tail > 0 {
        // The last, partial step: what lies beyond the end counts as 0 * 0.
        let middle = half.min(tail);
        let mut right = [[lanes.zero(); 2]; V];
        for v in 0..V {
            let (low, high) = vector_tails[v].split_at(middle);
            right[v] = [Load::<T::Acc>::load_partial(lanes, low), Load::<T::Acc>::load_partial(lanes, high)];
        }
        for i in 0..R {
            let (low, high) = row_tails[i].split_at(middle);
            let left = [Load::<T>::load_partial(lanes, low), Load::<T>::load_partial(lanes, high)];
            for v in 0..V {
                sums[i][v][0] = lanes.mul_add(left[0], right[v][0], sums[i][v][0]);
                sums[i][v][1] = lanes.mul_add(left[1], right[v][1], sums[i][v][1]);
            }
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
