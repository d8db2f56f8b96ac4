//! Twin of `shaders/matvec_dense.wgsl`: `out = A V'` for a dense row-major shard.

use super::tree::tree_sum;
use super::{Kernel, Launch, sum_segments};
use crate::scalar::Element;

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "matvec_dense",
    f32: concat!(
        include_str!("../../shaders/shared/params.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/dense_f32.wgsl"),
        include_str!("../../shaders/matvec_dense.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/params.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/dense_f16.wgsl"),
        include_str!("../../shaders/matvec_dense.wgsl")
    ),
    workgroup_bytes: 4096,
};

/// Rows that a group of lanes shares.
pub const ROWS: usize = 4;

/// `out` (rows x r, row-major) `= A V'`: `matrix` is rows x cols, `vectors` holds r vectors of cols numbers.
pub fn twin<T: Element<Acc = f32>>(matrix: &[T], cols: usize, vectors: &[f32], launch: &Launch, out: &mut [f32]) {
    let r = vectors.len() / cols;
    let width = 16 / size_of::<T>();
    let units = cols.div_ceil(width);
    let segments = launch.segments(units);
    let mut pieces = vec![0.0; segments * out.len()];
    for (row, a) in matrix.chunks_exact(cols).enumerate() {
        for v in 0..r {
            let x = &vectors[v * cols..(v + 1) * cols];
            for segment in 0..segments {
                let begin = segment * launch.segment_length;
                let end = units.min(begin + launch.segment_length);
                let mut lanes = vec![0.0; launch.lanes];
                for (lane, sum) in lanes.iter_mut().enumerate() {
                    let mut s = [0.0; 4];
                    for unit in (begin + lane..end).step_by(launch.lanes) {
                        for j in unit * width..cols.min((unit + 1) * width) {
                            s[j % 4] += a[j].widen() * x[j];
                        }
                    }
                    *sum = (s[0] + s[1]) + (s[2] + s[3]);
                }
                pieces[segment * out.len() + row * r + v] = tree_sum(&mut lanes);
            }
        }
    }
    sum_segments::join(&pieces, segments, out);
}
