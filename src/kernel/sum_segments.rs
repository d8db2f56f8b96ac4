//! Twin of `shaders/sum_segments.wgsl`: joins the pieces that long sums were cut into.

use super::Kernel;

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "sum_segments", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str = include_str!("../../shaders/sum_segments.wgsl");

/// `out[k] = sum over s of pieces[s * out.len() + k]`, in four sums an element that are added in pairs.
pub fn twin(pieces: &[f32], segments: usize, out: &mut [f32]) {
    let length = out.len();
    for (k, o) in out.iter_mut().enumerate() {
        let mut s = [0.0; 4];
        for segment in 0..segments {
            s[segment % 4] += pieces[segment * length + k];
        }
        *o = (s[0] + s[1]) + (s[2] + s[3]);
    }
}

/// What the device does with the pieces: a single one is the result itself, more are summed by the kernel.
pub(super) fn join(pieces: &[f32], segments: usize, out: &mut [f32]) {
    if segments == 1 {
        out.copy_from_slice(pieces);
    } else {
        twin(pieces, segments, out);
    }
}
