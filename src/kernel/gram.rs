//! Twin of `shaders/gram.wgsl`.

use super::{Bounds, Kernel};
use crate::scalar::{Accumulator, Element};

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "gram", f32: SOURCE, f16: SOURCE, workgroup_bytes: 8192 };

const SOURCE: &str = concat!(include_str!("../../shaders/shared/tile.wgsl"), include_str!("../../shaders/gram.wgsl"));

/// Rows of a panel.
pub const PANEL: usize = 16;
/// Columns of a tile, which a workgroup computes against those of another.
pub const TILE: usize = 64;

/// Tiles of a workgroup on and below the diagonal of a block of so many columns.
pub fn tiles(cols: usize) -> usize {
    let along = cols.div_ceil(TILE);
    along * (along + 1) / 2
}

/// Rows of B that one dispatch adds up, of `rows` rows of `stride` numbers: all, or as many whole panels as a binding holds and
/// an invocation may walk. 0 where it is not even one.
pub fn rows_of_dispatch(rows: usize, stride: usize, bounds: &Bounds) -> usize {
    // Panels are counted by a loop, too.
    let fitting = (bounds.binding_bytes / (stride * 4).max(1)).min(bounds.iterations / 2);
    if rows <= fitting { rows } else { fitting / PANEL * PANEL }
}

/// `out` (cols x cols, row-major, both halves) `+= B'B` for a row-major B. The products of an entry are added up in panels of
/// [`PANEL`] rows, and the panels one after the other.
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
            out[a * cols + b] += sum;
            if a != b {
                out[b * cols + a] += sum;
            }
        }
    }
}
