//! Twin of `shaders/scaled_sum.wgsl`: sums of scaled vectors.

use super::Kernel;

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "scaled_sum", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str = include_str!("../../shaders/scaled_sum.wgsl");

/// Terms of a sum, at most.
pub const TERMS: usize = 6;

/// `out = sum of scale * vector` over one to [`TERMS`] terms, in their order.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin(terms: &[(f32, &[f32])], out: &mut [f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        let products = terms.iter().map(|(scale, vector)| scale * vector[at]);
        *out = products.reduce(|sum, product| sum + product).unwrap_or(0.0);
    }
}
