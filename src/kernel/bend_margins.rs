//! Twin of `shaders/bend_margins.wgsl`: second derivatives times a vector's images, the middle of a product with a worker's Hessian.

use super::Kernel;

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "bend_margins", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str = include_str!("../../shaders/bend_margins.wgsl");

/// The product of K numbers, in four sums that are added in pairs.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut s = [0.0; 4];
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        s[k % 4] += a * b;
    }
    (s[0] + s[1]) + (s[2] + s[3])
}

/// `out` (K x `stride`) of one worker from its `margins` (rows x K): row i of them times `scale` times `diag(p) - p p'`, with the K
/// probabilities p of the row in `numbers`, or times the K x K `numbers` of the row where `softmax` is false.
pub fn twin(
    margins: &[f32],
    numbers: &[f32],
    classes: usize,
    softmax: bool,
    scale: f32,
    stride: usize,
    out: &mut [f32],
) {
    let width = if softmax { classes } else { classes * classes };
    for (row, (z, own)) in margins.chunks_exact(classes).zip(numbers.chunks_exact(width)).enumerate() {
        if softmax {
            let mean = product(own, z);
            (0..classes).for_each(|k| out[k * stride + row] = scale * (own[k] * (z[k] - mean)));
        } else {
            let rows = own.chunks_exact(classes).enumerate();
            rows.for_each(|(k, second)| out[k * stride + row] = scale * product(second, z));
        }
    }
}
