//! Dense products with more vectors than the dot kernel is good for: faer's matrix product, one thread inside fixed tiles.
//!
//! Order of summation: columns are cut into blocks of [`BLOCK`], each multiplied by faer (whose own order depends on the
//! processor but not on threads, since the tiles do not); blocks are added pairwise. The chain is at most
//! `256 + ceil(log2(blocks))` roundings deep. faer may allocate buffers of its own.

use bytemuck::{cast_slice, cast_slice_mut};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::tree::{Tree, levels};
use crate::scalar::{Accumulator, Element, Precision};

/// The most vectors for which the dot kernel is the faster.
pub(super) const FEW_VECTORS: usize = 8;
/// Columns of a block: the longest chain of additions that faer may make.
const BLOCK: usize = 256;
/// Rows of a tile: fixed, so that faer computes the same tiles whatever the number of threads.
pub(super) const TILE_ROWS: usize = 192;

/// Numbers of scratch that a tile needs for shards of `cols` columns stored as `precision`.
pub(super) fn scratch_len(precision: Precision, cols: usize, r: usize) -> usize {
    let converted = if precision == Precision::F16 { TILE_ROWS * BLOCK } else { 0 };
    levels(cols.div_ceil(BLOCK)) * TILE_ROWS * r + converted
}

/// `out = A V'` for whole tiles of rows (the last may be short); `scratch` has at least [`scratch_len`] numbers.
pub(super) fn multiply<T: Element>(
    rows: &[T],
    cols: usize,
    vectors: &[T::Acc],
    r: usize,
    out: &mut [T::Acc],
    scratch: &mut [T::Acc],
) {
    if cols == 0 || r == 0 {
        out.fill(T::Acc::ZERO);
        return;
    }
    match T::PRECISION {
        Precision::F64 => {
            tiles::<f64>(cast_slice(rows), cols, cast_slice(vectors), r, cast_slice_mut(out), cast_slice_mut(scratch))
        }
        Precision::F32 => {
            tiles::<f32>(cast_slice(rows), cols, cast_slice(vectors), r, cast_slice_mut(out), cast_slice_mut(scratch))
        }
        Precision::F16 => {
            tiles::<f16>(cast_slice(rows), cols, cast_slice(vectors), r, cast_slice_mut(out), cast_slice_mut(scratch))
        }
    }
}

fn tiles<T: Element>(rows: &[T], cols: usize, vectors: &[T::Acc], r: usize, out: &mut [T::Acc], scratch: &mut [T::Acc])
where
    T::Acc: ComplexField,
{
    for (rows, out) in rows.chunks(TILE_ROWS * cols).zip(out.chunks_mut(TILE_ROWS * r)) {
        tile(rows, cols, vectors, r, out, scratch);
    }
}

fn tile<T: Element>(rows: &[T], cols: usize, vectors: &[T::Acc], r: usize, out: &mut [T::Acc], scratch: &mut [T::Acc])
where
    T::Acc: ComplexField,
{
    let height = rows.len() / cols;
    let part = height * r;
    let (sums, converted) = scratch.split_at_mut(levels(cols.div_ceil(BLOCK)) * part);
    let vectors = MatRef::from_column_major_slice(vectors, cols, r);
    let mut tree = Tree::default();
    for start in (0..cols).step_by(BLOCK) {
        let width = BLOCK.min(cols - start);
        let keep = tree.push();
        let (below, sums) = sums.split_at_mut(keep * part);
        let sums = &mut sums[..part];
        let left = if T::PRECISION == Precision::F16 {
            let converted = &mut converted[..height * width];
            for (to, row) in converted.chunks_exact_mut(width).zip(rows.chunks_exact(cols)) {
                let row: &[f16] = cast_slice(&row[start..start + width]);
                row.convert_to_f32_slice(cast_slice_mut(to));
            }
            MatRef::from_row_major_slice(&*converted, height, width)
        } else {
            MatRef::from_row_major_slice(cast_slice::<T, T::Acc>(rows), height, cols).subcols(start, width)
        };
        let to = MatMut::from_row_major_slice_mut(&mut *sums, height, r);
        matmul(to, Accum::Replace, left, vectors.subrows(start, width), T::Acc::from_f64(1.0), Par::Seq);
        for left in below.chunks_exact(part) {
            add_left(left, sums);
        }
    }
    let (latest, remaining) = tree.finish();
    out.copy_from_slice(&sums[latest * part..(latest + 1) * part]);
    for level in remaining {
        add_left(&sums[level * part..(level + 1) * part], out);
    }
}

/// `right = left + right`.
fn add_left<A: Accumulator>(left: &[A], right: &mut [A]) {
    for (b, &a) in right.iter_mut().zip(left) {
        *b = a + *b;
    }
}
