//! Twin of `shaders/add_ridge.wgsl`: the end of a product with a worker's Hessian.

use super::Kernel;

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "add_ridge", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str = include_str!("../../shaders/add_ridge.wgsl");

/// `out` (K x `stride`) of one worker from what it `pulled` back (cols x K), plus `l2` times its `vector` (K x `stride`) in the first
/// `penalized` columns; 0 after its columns.
pub fn twin(pulled: &[f32], vector: &[f32], classes: usize, stride: usize, penalized: usize, l2: f32, out: &mut [f32]) {
    out.fill(0.0);
    for (column, own) in pulled.chunks_exact(classes).enumerate() {
        for (k, sum) in own.iter().enumerate() {
            let at = k * stride + column;
            out[at] = if column < penalized { sum + l2 * vector[at] } else { *sum };
        }
    }
}
