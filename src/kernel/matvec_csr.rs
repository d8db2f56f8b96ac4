//! Twin of `shaders/matvec_csr.wgsl`: `out = A V'` for a shard of compressed sparse rows. The transposed product is the
//! same kernel on the compressed columns.

use super::tree::tree_sum;
use super::{Kernel, Launch, sum_segments};
use crate::scalar::Element;

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "matvec_csr",
    f32: concat!(
        include_str!("../../shaders/shared/params.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/csr_f32.wgsl"),
        include_str!("../../shaders/matvec_csr.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/params.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/csr_f16.wgsl"),
        include_str!("../../shaders/matvec_csr.wgsl")
    ),
    workgroup_bytes: 4096,
};

/// `out` (rows x r, row-major) `= A V'`: row i of A holds `values[offsets[i]..offsets[i + 1]]` in the columns of the same
/// positions; `vectors` holds r vectors of `cols` numbers. `segments` is the number of pieces that the longest row of
/// all workers is cut into (the device cuts every row alike).
pub fn twin<T: Element<Acc = f32>>(
    (offsets, columns, values): (&[usize], &[u32], &[T]),
    cols: usize,
    vectors: &[f32],
    launch: &Launch,
    segments: usize,
    out: &mut [f32],
) {
    let r = vectors.len() / cols;
    let mut pieces = vec![0.0; segments * out.len()];
    for row in 0..offsets.len() - 1 {
        for v in 0..r {
            let x = &vectors[v * cols..(v + 1) * cols];
            for segment in 0..segments {
                let begin = offsets[row] + segment * launch.segment_length;
                let end = offsets[row + 1].min(begin + launch.segment_length);
                let mut lanes = vec![0.0; launch.lanes];
                for (lane, sum) in lanes.iter_mut().enumerate() {
                    for position in (begin + lane..end).step_by(launch.lanes) {
                        *sum += values[position].widen() * x[columns[position] as usize];
                    }
                }
                pieces[segment * out.len() + row * r + v] = tree_sum(&mut lanes);
            }
        }
    }
    sum_segments::join(&pieces, segments, out);
}
