//! Twin of `shaders/count_sketch.wgsl`: the sketch `S'A` of one block of dense data.

use std::ops::Range;

use super::{Bounds, BucketIndex, Curvature, Entry, Kernel};
use crate::scalar::{Accumulator, Element};

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "count_sketch",
    f32: concat!(
        include_str!("../../shaders/shared/dense_f32.wgsl"),
        include_str!("../../shaders/shared/sketch.wgsl"),
        include_str!("../../shaders/count_sketch.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/dense_f16.wgsl"),
        include_str!("../../shaders/shared/sketch.wgsl"),
        include_str!("../../shaders/count_sketch.wgsl")
    ),
    workgroup_bytes: 0,
};

/// What row r of an example's factor is multiplied by in class k, with the sign of the row and the scale of the block.
pub(super) fn coefficient<A: Accumulator>(curvature: &Curvature<'_, A>, scale: A, entry: Entry, k: usize) -> A {
    let classes = curvature.classes();
    let (example, r) = (entry.row() / classes, entry.row() % classes);
    let factor = curvature.root(example, r) * scale * curvature.shifted(example, r, k);
    if entry.minus() { -factor } else { factor }
}

/// Rows of the data that one dispatch adds up, when an entry takes an invocation so many `iterations`: of a count-sketch a bucket
/// then has half as many entries, on average, as four sums can take.
pub fn rows_of_dispatch(buckets: usize, classes: usize, iterations: usize, bounds: &Bounds) -> usize {
    (buckets * (2 * bounds.iterations / iterations) / classes).max(1)
}

/// `out` (buckets x dK, row-major) `+= S'A` for the rows (i, r) of A that `index` lists, by bucket, and whose example i is
/// among `examples`, those of one dispatch: `matrix` is n x `cols`, row-major. An entry is summed in four parts, of every
/// fourth row of its bucket, which are added in pairs.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin<T: Element>(
    matrix: &[T],
    cols: usize,
    curvature: &Curvature<'_, T::Acc>,
    index: &BucketIndex,
    examples: Range<usize>,
    out: &mut [T::Acc],
) {
    let classes = curvature.classes();
    let scale = T::Acc::from_f64(index.scale());
    for (b, out) in out.chunks_exact_mut(cols * classes).enumerate() {
        let entries = index.bucket_within(b, examples.start * classes..examples.end * classes);
        for (at, o) in out.iter_mut().enumerate() {
            let (k, j) = (at / cols, at % cols);
            let mut s = [T::Acc::ZERO; 4];
            for (e, &entry) in entries.iter().enumerate() {
                let row = entry.row() / classes;
                s[e % 4] += matrix[row * cols + j].widen() * coefficient(curvature, scale, entry, k);
            }
            *o += (s[0] + s[1]) + (s[2] + s[3]);
        }
    }
}
