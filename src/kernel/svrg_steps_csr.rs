//! Twin of `shaders/svrg_steps_csr.wgsl`: a step of SVRG at one worker on a sparse row.

use super::svrg_steps::{SvrgForm, step};
use super::tree::tree_sum;
use super::{INVOCATIONS, Kernel};
use crate::scalar::Element;

/// The kernel.
pub const KERNEL: Kernel = Kernel {
    name: "svrg_steps_csr",
    f32: concat!(
        include_str!("../../shaders/shared/svrg.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/csr_f32.wgsl"),
        include_str!("../../shaders/svrg_steps_csr.wgsl")
    ),
    f16: concat!(
        include_str!("../../shaders/shared/svrg.wgsl"),
        include_str!("../../shaders/shared/tree_sum.wgsl"),
        include_str!("../../shaders/shared/csr_f16.wgsl"),
        include_str!("../../shaders/svrg_steps_csr.wgsl")
    ),
    workgroup_bytes: 4608,
};

/// `point` (K d) after a step with a row by its columns and values; `known` are the K derivatives at the start and the label.
pub fn twin<T: Element<Acc = f32>>(
    form: &SvrgForm<'_>,
    (columns, values): (&[u32], &[T]),
    known: &[f32],
    point: &mut [f32],
) {
    let d = point.len() / form.classes;
    let row: Vec<(usize, f32)> = columns.iter().map(|&c| c as usize).zip(values.iter().map(|x| x.widen())).collect();
    let image = |own: &[f32]| {
        let mut lanes = vec![0.0; INVOCATIONS];
        for (lane, sum) in lanes.iter_mut().enumerate() {
            row.iter().skip(lane).step_by(INVOCATIONS).for_each(|&(column, x)| *sum += x * own[column]);
        }
        tree_sum(&mut lanes)
    };
    let images: Vec<f32> = point.chunks_exact(d).map(image).collect();
    step(form, &images, &row, known, point);
}
