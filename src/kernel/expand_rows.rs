//! Twin of `shaders/expand_rows.wgsl`: sparse rows written out.

use super::Kernel;
use crate::scalar::Element;

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "expand_rows",
    f32: concat!(include_str!("../../shaders/shared/csr_f32.wgsl"), include_str!("../../shaders/expand_rows.wgsl")),
    f16: concat!(include_str!("../../shaders/shared/csr_f16.wgsl"), include_str!("../../shaders/expand_rows.wgsl")),
    workgroup_bytes: 0,
};

/// Rows of a workgroup.
pub const ROWS: usize = 4;
/// Invocations that share a row.
pub const LANES: usize = 64;

/// `out` (rows x `stride`, row-major) becomes the matrix with zeros where nothing is stored: `arrays` are its offsets, columns
/// and values.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin<T: Element>((offsets, columns, values): (&[usize], &[u32], &[T]), stride: usize, out: &mut [T::Acc]) {
    for (out, span) in out.chunks_exact_mut(stride).zip(offsets.windows(2)) {
        out.fill(T::Acc::from_f64(0.0));
        for position in span[0]..span[1] {
            out[columns[position] as usize] = values[position].widen();
        }
    }
}
