//! Twin of `shaders/matvec_transposed_dense.wgsl`: `out = A' V'` for a dense row-major shard.

use super::tree::tree_sum;
use super::{Kernel, Launch, sum_segments};
use crate::scalar::Element;

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "matvec_transposed_dense",
    f32: concat!(
        include_str!("../../shaders/shared/params.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/dense_f32.wgsl"),
        include_str!("../../shaders/matvec_transposed_dense.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/params.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/dense_f16.wgsl"),
        include_str!("../../shaders/matvec_transposed_dense.wgsl")
    ),
    workgroup_bytes: 4096,
};

/// `out` (cols x r, row-major) `= A' V'`: `matrix` is rows x cols, `vectors` holds r vectors of `rows` numbers.
pub fn twin<T: Element<Acc = f32>>(matrix: &[T], cols: usize, vectors: &[f32], launch: &Launch, out: &mut [f32]) {
    let rows = matrix.len() / cols;
    let r = vectors.len() / rows;
    let segments = launch.segments(rows);
    let mut pieces = vec![0.0; segments * out.len()];
    for column in 0..cols {
        for v in 0..r {
            let x = &vectors[v * rows..(v + 1) * rows];
            for segment in 0..segments {
                let begin = segment * launch.segment_length;
                let end = rows.min(begin + launch.segment_length);
                let mut lanes = vec![0.0; launch.lanes];
                for (lane, sum) in lanes.iter_mut().enumerate() {
                    for row in (begin + lane..end).step_by(launch.lanes) {
                        *sum += matrix[row * cols + column].widen() * x[row];
                    }
                }
                pieces[segment * out.len() + column * r + v] = tree_sum(&mut lanes);
            }
        }
    }
    sum_segments::join(&pieces, segments, out);
}
