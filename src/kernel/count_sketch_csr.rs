//! Twin of `shaders/count_sketch_csr.wgsl`: the sketch `S'A` of one block of sparse data.

use std::ops::Range;

use super::count_sketch::coefficient;
use super::{BucketIndex, Curvature, Kernel};
use crate::scalar::{Accumulator, Element};

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "count_sketch_csr",
    f32: concat!(
        include_str!("../../shaders/shared/csr_f32.wgsl"),
        include_str!("../../shaders/shared/sketch.wgsl"),
        include_str!("../../shaders/count_sketch_csr.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/csr_f16.wgsl"),
        include_str!("../../shaders/shared/sketch.wgsl"),
        include_str!("../../shaders/count_sketch_csr.wgsl")
    ),
    workgroup_bytes: 16_384,
};

/// Columns of a workgroup's tile.
pub const COLUMNS: usize = 1024;
/// Invocations that share a row.
pub const LANES: usize = 64;

/// `out` (buckets x dK, row-major) `+= S'A` for the rows (i, r) of A that `index` lists, by bucket, and whose example i is
/// among `examples`, those of one dispatch: `arrays` are offsets, columns and values of an n x `cols` matrix. An entry is
/// summed in four parts, of every fourth row of its bucket, which are added in pairs.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin<T: Element>(
    (offsets, columns, values): (&[usize], &[u32], &[T]),
    cols: usize,
    curvature: &Curvature<'_, T::Acc>,
    index: &BucketIndex,
    examples: Range<usize>,
    out: &mut [T::Acc],
) {
    let classes = curvature.classes();
    let scale = T::Acc::from_f64(index.scale());
    let mut sums = vec![T::Acc::ZERO; 4 * cols];
    for (b, out) in out.chunks_exact_mut(cols * classes).enumerate() {
        let entries = index.bucket_within(b, examples.start * classes..examples.end * classes);
        for (k, out) in out.chunks_exact_mut(cols).enumerate() {
            sums.fill(T::Acc::ZERO);
            for (e, &entry) in entries.iter().enumerate() {
                let factor = coefficient(curvature, scale, entry, k);
                let row = entry.row() / classes;
                for position in offsets[row]..offsets[row + 1] {
                    sums[e % 4 * cols + columns[position] as usize] += values[position].widen() * factor;
                }
            }
            for (j, o) in out.iter_mut().enumerate() {
                *o += (sums[j] + sums[cols + j]) + (sums[2 * cols + j] + sums[3 * cols + j]);
            }
        }
    }
}
