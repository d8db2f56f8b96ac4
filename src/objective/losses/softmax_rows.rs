//! The softmax loss over many rows: the exponentials of a tile of rows are taken in one pass, so that few classes still
//! fill the vector unit. The sums are in the order of the methods for one row, and give the same bits.

use super::softmax::{Row, class, largest};
use crate::objective::math::{exp, sum_of};
use pulp::{Simd, WithSimd};

/// Numbers in a tile.
const TILE: usize = 1024;

/// Room for a tile of rows of `k` numbers.
struct Tile {
    stack: [f64; TILE],
    heap: Vec<f64>,
}

impl Tile {
    #[inline(always)]
    fn new(k: usize) -> Self {
        Tile { stack: [0.0; TILE], heap: if k > TILE { vec![0.0; k] } else { Vec::new() } }
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [f64] {
        if self.heap.is_empty() { &mut self.stack } else { &mut self.heap }
    }
}

/// Rows of `k` numbers that go into a tile.
#[inline(always)]
fn tile_rows(k: usize) -> usize {
    (TILE / k).max(1)
}

/// Margins to exponentials relative to each row's largest margin.
#[inline(always)]
fn exponentials(k: usize, rows: &mut [f64]) {
    for row in rows.chunks_exact_mut(k) {
        let largest = largest(row);
        for z in row {
            *z -= largest;
        }
    }
    for e in rows {
        *e = exp(*e);
    }
}

/// What a row's value is made of; its own class's exponential is taken out of `row`.
#[inline(always)]
fn split(row: &mut [f64], y: usize, largest: f64) -> Row {
    let own = std::mem::take(&mut row[y]);
    Row { largest, own, others: sum_of(row.len(), |k| row[k]) }
}

/// See [`crate::objective::Loss::sum_values`].
pub(super) struct Values<'a> {
    pub classes: usize,
    pub margins: &'a [f64],
    pub labels: &'a [f64],
}

impl WithSimd for Values<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let k = self.classes;
        let mut tile = Tile::new(k);
        let mut values = [0.0; TILE];
        let mut total = 0.0;
        for (labels, margins) in self.labels.chunks(tile_rows(k)).zip(self.margins.chunks(tile_rows(k) * k)) {
            let rows = &mut tile.numbers()[..margins.len()];
            rows.copy_from_slice(margins);
            exponentials(k, rows);
            for (((t, e), z), &y) in
                values.iter_mut().zip(rows.chunks_exact_mut(k)).zip(margins.chunks_exact(k)).zip(labels)
            {
                let y = class(y);
                *t = split(e, y, largest(z)).value(z[y]);
            }
            total += sum_of(labels.len(), |i| values[i]);
        }
        total
    }
}

/// See [`crate::objective::Loss::derivatives`].
pub(super) struct Derivatives<'a> {
    pub classes: usize,
    pub margins: &'a [f64],
    pub labels: &'a [f64],
    pub scale: f64,
    pub out: &'a mut [f64],
}

impl WithSimd for Derivatives<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let k = self.classes;
        let tiles = self.margins.chunks(tile_rows(k) * k).zip(self.out.chunks_mut(tile_rows(k) * k));
        for (labels, (margins, out)) in self.labels.chunks(tile_rows(k)).zip(tiles) {
            out.copy_from_slice(margins);
            exponentials(k, out);
            for (e, &y) in out.chunks_exact_mut(k).zip(labels) {
                split(e, class(y), 0.0).derivative(e, class(y));
                for x in e {
                    *x *= self.scale;
                }
            }
        }
    }
}

/// See [`crate::objective::Loss::second_derivatives`].
pub(super) struct SecondDerivatives<'a> {
    pub classes: usize,
    pub margins: &'a [f64],
    pub directions: &'a [f64],
    pub scale: f64,
    pub out: &'a mut [f64],
}

impl WithSimd for SecondDerivatives<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let k = self.classes;
        let size = tile_rows(k) * k;
        let tiles = self.margins.chunks(size).zip(self.directions.chunks(size)).zip(self.out.chunks_mut(size));
        for ((margins, directions), out) in tiles {
            out.copy_from_slice(margins);
            exponentials(k, out);
            for (e, v) in out.chunks_exact_mut(k).zip(directions.chunks_exact(k)) {
                curvature_product(e, v);
                for x in e {
                    *x *= self.scale;
                }
            }
        }
    }
}

/// Exponentials to `(diag(p) - p p') v`, where p are the exponentials over their sum.
#[inline(always)]
pub(super) fn curvature_product(e: &mut [f64], v: &[f64]) {
    let scale = 1.0 / sum_of(e.len(), |k| e[k]);
    let mean = scale * sum_of(e.len(), |k| e[k] * v[k]);
    for (e, v) in e.iter_mut().zip(v) {
        *e *= scale * (v - mean);
    }
}

/// See [`crate::objective::Loss::line`].
pub(super) struct Line<'a> {
    pub classes: usize,
    pub margins: &'a [f64],
    pub directions: &'a [f64],
    pub labels: &'a [f64],
    pub step: f64,
}

impl WithSimd for Line<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (f64, f64) {
        let k = self.classes;
        let size = tile_rows(k) * k;
        let (mut moved, mut tile) = (Tile::new(k), Tile::new(k));
        let (mut values, mut products) = ([0.0; TILE], [0.0; TILE]);
        let (mut value, mut product) = (0.0, 0.0);
        let tiles = self.margins.chunks(size).zip(self.directions.chunks(size));
        for (labels, (margins, directions)) in self.labels.chunks(tile_rows(k)).zip(tiles) {
            let moved = &mut moved.numbers()[..margins.len()];
            for ((m, z), v) in moved.iter_mut().zip(margins).zip(directions) {
                *m = z + self.step * v;
            }
            let rows = &mut tile.numbers()[..margins.len()];
            rows.copy_from_slice(moved);
            exponentials(k, rows);
            let terms = values.iter_mut().zip(&mut products).zip(labels);
            let rows = rows.chunks_exact_mut(k).zip(moved.chunks_exact(k)).zip(directions.chunks_exact(k));
            for (((t, p), &y), ((e, z), v)) in terms.zip(rows) {
                let y = class(y);
                let row = split(e, y, largest(z));
                *t = row.value(z[y]);
                row.derivative(e, y);
                *p = sum_of(k, |j| e[j] * v[j]);
            }
            value += sum_of(labels.len(), |i| values[i]);
            product += sum_of(labels.len(), |i| products[i]);
        }
        (value, product)
    }
}
