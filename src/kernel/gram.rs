//! Twin of `shaders/gram.wgsl`, and the exact block by definition, as plain code to hold the fast kernels against.

use std::ops::Range;

use super::{Curvature, Kernel};
use crate::scalar::{Accumulator, Element};

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "gram", f32: SOURCE, f16: SOURCE, workgroup_bytes: 8192 };

const SOURCE: &str = include_str!("../../shaders/gram.wgsl");

/// Rows of a panel.
pub const PANEL: usize = 16;
/// Columns of a tile, which a workgroup computes against those of another.
pub const TILE: usize = 64;

/// `out` (cols x cols, row-major, both halves filled) `= B'B` for a row-major B. The products of an entry are added up in
/// panels of [`PANEL`] rows, and the panels one after the other.
pub fn twin<T: Element>(rows: &[T], cols: usize, out: &mut [T::Acc]) {
    for a in 0..cols {
        for b in 0..=a {
            let mut sum = T::Acc::ZERO;
            for panel in rows.chunks(PANEL * cols) {
                let mut part = T::Acc::ZERO;
                for row in panel.chunks_exact(cols) {
                    part += row[a].widen() * row[b].widen();
                }
                sum += part;
            }
            out[a * cols + b] = sum;
            out[b * cols + a] = sum;
        }
    }
}

/// `out` (dK x dK) `= A_I' A_I` for the rows of A that belong to the examples I, row (i, r) after row (i, r), by definition:
/// `matrix` is n x `cols`, row-major.
pub fn weighted_twin<T: Element>(
    matrix: &[T],
    cols: usize,
    curvature: &Curvature<'_, T::Acc>,
    examples: Range<usize>,
    out: &mut [T::Acc],
) {
    let classes = curvature.classes();
    let width = classes * cols;
    for (at, o) in out.iter_mut().enumerate() {
        let (a, b) = (at / width, at % width);
        let mut s = [T::Acc::ZERO; 4];
        for i in examples.clone() {
            let row = &matrix[i * cols..(i + 1) * cols];
            for r in 0..classes {
                let left = curvature.coefficient(i, r, a / cols) * row[a % cols].widen();
                let right = curvature.coefficient(i, r, b / cols) * row[b % cols].widen();
                s[(i * classes + r) % 4] += left * right;
            }
        }
        *o = (s[0] + s[1]) + (s[2] + s[3]);
    }
}
