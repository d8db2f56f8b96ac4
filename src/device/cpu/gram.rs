//! Gram blocks `B'B` and `A_I'A_I`: one symmetric half, in fixed tiles, each product by faer in one thread.
//!
//! Order of summation of one entry: rows are cut into panels of [`PANEL`]; a panel is multiplied by faer in the arithmetic
//! type (whose own order depends on the processor but not on threads, since tiles and panels do not); the panels of a stretch of
//! rows are added in `f64`, in ascending order, then the stretches, and the sum is rounded once at the end. So with `f32` the
//! chain is at most `512 + 1` roundings of 2^-24 deep however many rows there are, beside those of a term itself, for the price of
//! one conversion and addition in 512; an `f32` sum over 20,000 rows would lose two digits that Newton's step needs where
//! columns are nearly dependent. faer may allocate buffers of its own.

use std::ops::Range;

use bytemuck::{cast_slice, cast_slice_mut};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use half::f16;

use super::simd::{Lanes, Load, SimdLevel, Work};
use super::sketch::Stored;
use crate::kernel::Curvature;
use crate::scalar::{Accumulator, Element, Precision};

/// Rows of a panel: the longest chain of additions that faer may make.
const PANEL: usize = 512;
/// The most columns of a tile. faer multiplies large tiles faster than small ones; what is lost to adding up its products in a
/// third-level cache is less.
const TILE: usize = 512;
/// Where there are fewer tiles, rows are cut into stretches until there are about as many tasks.
const TASKS: usize = 8;
/// Rows of a stretch at least, or adding up the stretches would cost as much as they do.
const STRETCH: usize = 4 * PANEL;

/// How the lower half of a (dK x dK) block is cut into tiles: for classes k >= l, the lower tiles of the d x d block
/// `X' W_kl X`, which is symmetric too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    cols: usize,
    /// Columns of a tile.
    width: usize,
    /// Tiles along the columns of one class.
    across: usize,
    classes: usize,
    /// Stretches of rows, each with tiles of its own.
    stretches: usize,
}

impl Tiles {
    /// For d `cols`, at least 1, K `classes` and sums over so many `rows`.
    pub(super) fn new(cols: usize, classes: usize, rows: usize) -> Self {
        let width = cols.div_ceil(cols.div_ceil(TILE)).next_multiple_of(16);
        let mut tiles = Tiles { cols, width, across: cols.div_ceil(width), classes, stretches: 1 };
        tiles.stretches = TASKS.div_ceil(tiles.of_a_stretch()).min(rows / STRETCH).max(1);
        tiles
    }

    /// Number of tiles of one stretch of rows.
    fn of_a_stretch(&self) -> usize {
        half_square(self.classes) * half_square(self.across)
    }

    /// Number of tiles.
    pub(super) fn count(&self) -> usize {
        self.stretches * self.of_a_stretch()
    }

    /// The rows of stretch `i`: whole panels, but for the last.
    fn stretch(&self, i: usize, rows: &Range<usize>) -> Range<usize> {
        let each = rows.len().div_ceil(self.stretches).next_multiple_of(PANEL);
        (rows.start + i * each).min(rows.end)..(rows.start + (i + 1) * each).min(rows.end)
    }

    /// Numbers of a tile's sums.
    pub(super) fn area(&self) -> usize {
        self.width * self.width
    }

    /// Numbers of scratch for one tile: two panels and their product.
    pub(super) fn scratch_len(&self) -> usize {
        self.width * (2 * PANEL + self.width)
    }

    /// Columns of tile `i`.
    fn span(&self, i: usize) -> Range<usize> {
        i * self.width..self.cols.min((i + 1) * self.width)
    }
}

/// Pairs (i, j) with j <= i < n.
fn half_square(n: usize) -> usize {
    n * (n + 1) / 2
}

/// The pair of rank `p`, row by row.
fn pair(p: usize) -> (usize, usize) {
    let i = ((8 * p + 1).isqrt() - 1) / 2;
    (i, p - half_square(i))
}

/// Rows of B or of A.
pub(super) struct GramRows<'a, T: Element> {
    pub data: Stored<'a, T>,
    /// None for the plain `B'B`.
    pub curvature: Option<Curvature<'a, T::Acc>>,
    /// Which rows of the data.
    pub examples: Range<usize>,
    pub tiles: Tiles,
}

impl<T: Element> GramRows<'_, T> {
    /// The sums of tile `number` into `sums` (columns as long as a tile is wide; only the lower half on the diagonal).
    pub(super) fn tile(&self, level: SimdLevel, number: usize, sums: &mut [f64], scratch: &mut [T::Acc]) {
        let Tiles { cols, width, across, .. } = self.tiles;
        let rows = self.tiles.stretch(number / self.tiles.of_a_stretch(), &self.examples);
        let number = number % self.tiles.of_a_stretch();
        let (classes, tile) = (pair(number / half_square(across)), pair(number % half_square(across)));
        let (left, right) = (self.tiles.span(tile.0), self.tiles.span(tile.1));
        let (panels, product) = scratch.split_at_mut(2 * PANEL * width);
        let (left_panel, right_panel) = panels.split_at_mut(PANEL * width);
        sums.fill(0.0);
        for start in rows.clone().step_by(PANEL) {
            let examples = start..rows.end.min(start + PANEL);
            let fill = |columns: &Range<usize>, classes, to: &mut [T::Acc]| {
                for (example, to) in examples.clone().zip(to.chunks_exact_mut(columns.len())) {
                    let weight = match (classes, &self.curvature) {
                        (Some((k, l)), Some(curvature)) => curvature.weight(example, k, l),
                        _ => T::Acc::from_f64(1.0),
                    };
                    self.data.row(level, cols, example, columns.clone(), weight, to);
                }
            };
            let weighted = self.curvature.map(|_| classes);
            let a = match (weighted, self.data.panel(cols, &examples, &left)) {
                (None, Some(panel)) => panel,
                _ => {
                    fill(&left, weighted, left_panel);
                    (&*left_panel, left.len())
                }
            };
            let b = match self.data.panel(cols, &examples, &right) {
                Some(panel) => panel,
                None => {
                    fill(&right, None, right_panel);
                    (&*right_panel, right.len())
                }
            };
            let shape = Shape { rows: examples.len(), left: left.len(), right: right.len(), lower: tile.0 == tile.1 };
            shape.multiply(a, b, width, product);
            level.run(AddWide { from: product, to: sums, stride: width, shape });
        }
    }
}

impl<'a, T: Element> Stored<'a, T> {
    /// Columns of some rows as they are stored, and the stride of a row, where they can be multiplied in place.
    fn panel(&self, cols: usize, rows: &Range<usize>, columns: &Range<usize>) -> Option<(&'a [T::Acc], usize)> {
        match self {
            Stored::Dense(values) if T::PRECISION != Precision::F16 => {
                let end = (rows.end - 1) * cols + columns.end;
                Some((cast_slice(&values[rows.start * cols + columns.start..end]), cols))
            }
            _ => None,
        }
    }

    /// `to` becomes `weight` times some columns of a row.
    fn row(&self, level: SimdLevel, cols: usize, row: usize, columns: Range<usize>, weight: T::Acc, to: &mut [T::Acc]) {
        match self {
            Stored::Dense(values) => {
                let from = &values[row * cols + columns.start..row * cols + columns.end];
                match T::PRECISION {
                    Precision::F64 => level.run(Scaled::<f64>::new(from, weight, to)),
                    Precision::F32 => level.run(Scaled::<f32>::new(from, weight, to)),
                    Precision::F16 => level.run(Scaled::<f16>::new(from, weight, to)),
                }
            }
            Stored::Sparse(offsets, indices, values) => {
                to.fill(T::Acc::ZERO);
                let span = offsets[row]..offsets[row + 1];
                let begin = indices[span.clone()].partition_point(|&j| (j as usize) < columns.start);
                for at in span.start + begin..span.end {
                    let j = indices[at] as usize;
                    if j >= columns.end {
                        break;
                    }
                    to[j - columns.start] = values[at].widen() * weight;
                }
            }
        }
    }
}

/// A row, widened and scaled.
struct Scaled<'a, T: Element> {
    from: &'a [T],
    weight: T::Acc,
    to: &'a mut [T::Acc],
}

impl<'a, T: Element> Scaled<'a, T> {
    /// For the type that `U` is.
    fn new<U: Element>(from: &'a [U], weight: U::Acc, to: &'a mut [U::Acc]) -> Self {
        Scaled { from: cast_slice(from), weight: T::Acc::from_f64(weight.to_f64()), to: cast_slice_mut(to) }
    }
}

macro_rules! scaled_work {
    ($t:ty, $pack:literal) => {
        impl Work for Scaled<'_, $t> {
            type Output = ();
            #[inline(always)]
            fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, lanes: L) {
                scaled::<L, $t, $pack>(lanes, self);
            }
        }
    };
}
scaled_work!(f64, 8);
scaled_work!(f32, 16);
scaled_work!(f16, 16);

#[inline(always)]
fn scaled<L: Load<T>, T: Element, const PACK: usize>(lanes: L, work: Scaled<'_, T>) {
    let Scaled { from, weight, to } = work;
    let (weight, zero) = (lanes.splat(weight), lanes.zero());
    let (packs, rest) = from.as_chunks::<PACK>();
    let (to_packs, to_rest) = to.as_chunks_mut::<PACK>();
    for (from, to) in packs.iter().zip(to_packs) {
        lanes.store(lanes.mul_add(lanes.load(from), weight, zero), to);
    }
    if !rest.is_empty() {
        let mut last = [T::Acc::ZERO; PACK];
        lanes.store(lanes.mul_add(lanes.load_partial(rest), weight, zero), &mut last);
        to_rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// `to += from`, in `f64`, of the part of a tile that a product fills.
struct AddWide<'a, A> {
    from: &'a [A],
    to: &'a mut [f64],
    /// From one column to the next.
    stride: usize,
    shape: Shape,
}

impl<A: Accumulator> Work for AddWide<'_, A> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<f32> + Lanes<f64> + Load<f64> + Load<f32> + Load<f16>>(self, _: L) {
        let columns = self.to.chunks_exact_mut(self.stride).zip(self.from.chunks_exact(self.stride));
        for (j, (to, from)) in columns.enumerate().take(self.shape.right) {
            let filled = if self.shape.lower { j } else { 0 }..self.shape.left;
            for (to, from) in to[filled.clone()].iter_mut().zip(&from[filled]) {
                *to += from.to_f64();
            }
        }
    }
}

/// One product of panels.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    left: usize,
    right: usize,
    /// Only the lower half is wanted.
    lower: bool,
}

impl Shape {
    /// `to` (left x right, columns `stride` apart) `= a' b`; each of `a` and `b` with the stride of its rows.
    fn multiply<A: Accumulator>(&self, a: (&[A], usize), b: (&[A], usize), stride: usize, to: &mut [A]) {
        match A::PRECISION {
            Precision::F64 => self.multiply_as::<f64, A>(a, b, stride, to),
            Precision::F32 | Precision::F16 => self.multiply_as::<f32, A>(a, b, stride, to),
        }
    }

    /// The same, for the type `U` that `A` is.
    fn multiply_as<U: Accumulator + ComplexField, A: Accumulator>(
        &self,
        a: (&[A], usize),
        b: (&[A], usize),
        stride: usize,
        to: &mut [A],
    ) {
        let a = MatRef::from_row_major_slice_with_stride(cast_slice::<A, U>(a.0), self.rows, self.left, a.1);
        let b = MatRef::from_row_major_slice_with_stride(cast_slice::<A, U>(b.0), self.rows, self.right, b.1);
        // By columns: of a product laid out by rows, faer 0.24 fills the other half.
        let to = cast_slice_mut::<A, U>(to);
        let to = MatMut::from_column_major_slice_with_stride_mut(to, self.left, self.right, stride);
        let half = if self.lower { BlockStructure::TriangularLower } else { BlockStructure::Rectangular };
        let full = BlockStructure::Rectangular;
        triangular::matmul(to, half, Accum::Replace, a.transpose(), full, b, full, U::from_f64(1.0), Par::Seq);
    }
}

impl Tiles {
    /// Row `row` of the (dK x dK) block, both halves, from the sums of all tiles.
    pub(super) fn assemble<A: Accumulator>(&self, sums: &[f64], row: usize, out: &mut [A]) {
        let (k, a) = (row / self.cols, row % self.cols);
        let (width, i) = (self.width, a / self.width);
        // From one stretch's sums to the next's.
        let stretch = self.of_a_stretch() * self.area();
        for (l, out) in out.chunks_exact_mut(self.cols).enumerate() {
            let classes = half_square(k.max(l)) + k.min(l);
            for (j, out) in out.chunks_mut(width).enumerate() {
                let tile = classes * half_square(self.across) + half_square(i.max(j)) + i.min(j);
                let sums = &sums[tile * self.area()..];
                let own = a - i * width;
                // Up to here they lie in a row of the tile, from here on in a column.
                let stored = match i.cmp(&j) {
                    std::cmp::Ordering::Less => 0,
                    std::cmp::Ordering::Equal => own + 1,
                    std::cmp::Ordering::Greater => out.len(),
                };
                for (b, out) in out.iter_mut().enumerate() {
                    let at = if b < stored { b * width + own } else { own * width + b };
                    // Ascending, as the stretches do.
                    let sum = (1..self.stretches).fold(sums[at], |sum, s| sum + sums[s * stretch + at]);
                    *out = A::from_f64(sum);
                }
            }
        }
    }
}
