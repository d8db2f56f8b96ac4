//! Twin of `shaders/weighted_gram.wgsl`: what some rows contribute to the exact Hessian.

use std::ops::Range;

use super::gram::PANEL;
use super::{Bounds, Curvature, Kernel};
use crate::scalar::{Accumulator, Element};

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "weighted_gram",
    f32: concat!(
        include_str!("../../shaders/shared/dense_f32.wgsl"),
        include_str!("../../shaders/shared/tile.wgsl"),
        include_str!("../../shaders/weighted_gram.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/dense_f16.wgsl"),
        include_str!("../../shaders/shared/tile.wgsl"),
        include_str!("../../shaders/weighted_gram.wgsl")
    ),
    workgroup_bytes: 8192,
};

/// Rows of a segment that are worth a workgroup of their own.
const SEGMENT: usize = 256;

/// How the rows are cut into segments, each with a sum of its own. Where memory holds fewer sums than there are segments,
/// later ones are added to the sums of earlier ones: segment s to sum s modulo their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Rows of a segment, a whole number of panels.
    pub length: usize,
    /// Sums.
    pub sums: usize,
}

impl Split {
    /// For `rows` rows, each sum a block of `block` bytes for every pair of classes together; they share one storage binding, and
    /// no more memory than every adapter's binding has.
    pub fn new(rows: usize, block: usize, bounds: &Bounds) -> Split {
        let room = bounds.binding_bytes.min(Bounds::default().binding_bytes);
        let sums = rows.div_ceil(SEGMENT).min(room / block.max(1)).max(1);
        // An invocation walks the rows of a segment and its panels.
        let longest = (bounds.iterations / 2 / PANEL * PANEL).max(PANEL);
        Split { length: rows.div_ceil(sums).max(SEGMENT).next_multiple_of(PANEL).min(longest), sums }
    }

    /// The rows of a piece, of one binding, in waves of as many segments as there are sums.
    pub fn waves(&self, piece: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let wave = self.length * self.sums;
        let end = piece.end;
        piece.step_by(wave).map(move |begin| begin..end.min(begin + wave))
    }
}

/// `sums` (one (cols x cols) block a sum, row-major, both halves) `+= X'WX`, W holding entry (k, l) of the second derivatives
/// at the rows of `wave`, of which each segment goes to its own sum: `matrix` is n x `cols`, row-major. The left factor is
/// weighted. An entry's products are added up in panels of [`PANEL`] rows, and the panels one after the other.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin<T: Element>(
    matrix: &[T],
    cols: usize,
    curvature: &Curvature<'_, T::Acc>,
    (k, l): (usize, usize),
    wave: Range<usize>,
    split: &Split,
    sums: &mut [T::Acc],
) {
    for (segment, out) in wave.clone().step_by(split.length).zip(sums.chunks_exact_mut(cols * cols)) {
        let rows = segment..wave.end.min(segment + split.length);
        for a in 0..cols {
            for b in 0..=a {
                let mut sum = T::Acc::ZERO;
                for panel in rows.clone().step_by(PANEL) {
                    let mut part = T::Acc::ZERO;
                    for i in panel..rows.end.min(panel + PANEL) {
                        let left = matrix[i * cols + a].widen() * curvature.weight(i, k, l);
                        part += left * matrix[i * cols + b].widen();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_every_row_and_keep_the_bounds() {
        let tight = Bounds { iterations: 300, binding_bytes: 4096, ..Bounds::default() };
        for bounds in [Bounds::default(), tight] {
            for rows in [1, 16, 255, 257, 5000, 300_000] {
                for block in [4, 1000, 1 << 20] {
                    let split = Split::new(rows, block, &bounds);
                    assert!(
                        split.length.is_multiple_of(PANEL) && split.length + split.length / PANEL <= bounds.iterations
                    );
                    assert!(split.sums == 1 || split.sums * block <= bounds.binding_bytes, "{split:?}");
                    let waves: Vec<Range<usize>> = split.waves(3..3 + rows).collect();
                    assert!(waves.iter().all(|wave| wave.len().div_ceil(split.length) <= split.sums));
                    assert!(waves.windows(2).all(|pair| pair[0].end == pair[1].start));
                    assert_eq!((waves[0].start, waves[waves.len() - 1].end), (3, 3 + rows));
                }
            }
        }
    }
}
