//! Twin of `shaders/mix_copies.wgsl`: the product with the communication matrix.

use super::node_maps::four_sums;
use super::{Kernel, MixRows};

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "mix_copies", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str = include_str!("../../shaders/mix_copies.wgsl");

/// `out = W x`, without the edges that are `down`.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin(matrix: &MixRows, down: Option<&[bool]>, x: &[f32], out: &mut [f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        let [row, place] = matrix.owners[at];
        let (begin, end) = (matrix.offsets[row as usize] as usize, matrix.offsets[row as usize + 1] as usize);
        *out = four_sums(end - begin, |k| {
            let [other, edge] = matrix.links[begin + k];
            if down.is_some_and(|down| down[edge as usize]) {
                return 0.0;
            }
            matrix.weights[begin + k] * (x[at] - x[(other + place) as usize])
        });
    }
}
