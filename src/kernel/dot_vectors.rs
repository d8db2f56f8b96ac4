//! Twin of `shaders/dot_vectors.wgsl`: products and lengths of a worker's vectors.

use super::tree::tree_sum;
use super::{INVOCATIONS, Kernel};

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "dot_vectors", f32: SOURCE, f16: SOURCE, workgroup_bytes: 4096 };

const SOURCE: &str =
    concat!(include_str!("../../shaders/shared/tree_sum.wgsl"), include_str!("../../shaders/dot_vectors.wgsl"));

/// `<a, b>` of vectors of whole 16-byte units, or its root.
pub fn twin(a: &[f32], b: &[f32], root: bool) -> f32 {
    let units: Vec<(&[f32], &[f32])> = a.chunks_exact(4).zip(b.chunks_exact(4)).collect();
    let component = |c: usize| {
        let mut lanes = vec![0.0; INVOCATIONS];
        for (lane, sum) in lanes.iter_mut().enumerate() {
            for (a, b) in units.iter().skip(lane).step_by(INVOCATIONS) {
                *sum += a[c] * b[c];
            }
        }
        tree_sum(&mut lanes)
    };
    let sum = (component(0) + component(1)) + (component(2) + component(3));
    if root { sum.sqrt() } else { sum }
}
