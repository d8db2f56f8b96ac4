//! Twin of `shaders/combine_vectors.wgsl`: the vector arithmetic of inner solves.

use super::Kernel;

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "combine_vectors", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str = include_str!("../../shaders/combine_vectors.wgsl");

/// Code for a factor that is 1 in numerator or denominator.
const NONE: u32 = 15;
/// Bit of a factor that is negative.
const NEGATIVE: u32 = 1 << 8;
/// Code for what is not kept.
pub const OVERWRITE: u32 = 1 << 9;

/// The code of `over / under` or minus that, both numbers of scalars, below 15; 1 for those that are not there.
pub fn factor_code(negative: bool, over: Option<u32>, under: Option<u32>) -> u32 {
    over.unwrap_or(NONE) | under.unwrap_or(NONE) << 4 | if negative { NEGATIVE } else { 0 }
}

/// What a code stands for, by the scalars of one worker.
fn factor(code: u32, scalars: &[f32]) -> f32 {
    let number = |at: u32| if at == NONE { 1.0 } else { scalars[at as usize] };
    let (over, under) = (number(code & NONE), number(code >> 4 & NONE));
    let value = if under == 0.0 { 0.0 } else { over / under };
    if code & NEGATIVE == 0 { value } else { -value }
}

/// `out = keep out + times vector` of one worker, the codes of both factors given; `out = times vector` for [`OVERWRITE`].
pub fn twin(vector: &[f32], scalars: &[f32], keep: u32, times: u32, out: &mut [f32]) {
    let times = factor(times, scalars);
    let keep = (keep != OVERWRITE).then(|| factor(keep, scalars));
    for (out, v) in out.iter_mut().zip(vector) {
        let added = times * v;
        *out = keep.map_or(added, |keep| keep * *out + added);
    }
}
