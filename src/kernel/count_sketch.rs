//! Twin of `shaders/count_sketch.wgsl`: the sketch `S'A` of one block. It also knows several classes, which the shader does
//! not.

use super::{BucketIndex, Curvature, Kernel};
use crate::scalar::{Accumulator, Element};

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "count_sketch",
    f32: concat!(include_str!("../../shaders/shared/dense_f32.wgsl"), include_str!("../../shaders/count_sketch.wgsl")),
    f16: concat!(include_str!("../../shaders/shared/dense_f16.wgsl"), include_str!("../../shaders/count_sketch.wgsl")),
    workgroup_bytes: 0,
};

/// `out` (buckets x dK, row-major) `= S'A` for the rows (i, r) of A that `index` lists, by bucket: `matrix` is n x `cols`,
/// row-major. An entry is summed in four parts, of every fourth row of its bucket, which are added in pairs.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin<T: Element>(
    matrix: &[T],
    cols: usize,
    curvature: &Curvature<'_, T::Acc>,
    index: &BucketIndex,
    out: &mut [T::Acc],
) {
    let classes = curvature.classes();
    let scale = T::Acc::from_f64(index.scale());
    for (b, out) in out.chunks_exact_mut(cols * classes).enumerate() {
        for (at, o) in out.iter_mut().enumerate() {
            let (k, j) = (at / cols, at % cols);
            let mut s = [T::Acc::ZERO; 4];
            for (e, entry) in index.bucket(b).iter().enumerate() {
                let (example, r) = (entry.row() / classes, entry.row() % classes);
                let factor = curvature.coefficient(example, r, k) * scale;
                let signed = if entry.minus() { -factor } else { factor };
                s[e % 4] += matrix[example * cols + j].widen() * signed;
            }
            *o = (s[0] + s[1]) + (s[2] + s[3]);
        }
    }
}
