//! A chain of operations as dispatches.

use super::resident::{Half, Resident};
use crate::device::gpu::element::GpuElement;
use crate::device::gpu::plan::number;
use crate::device::gpu::steps::Steps;
use crate::device::{Factor, Op, SCALARS};
use crate::error::Result;
use crate::kernel::combine_vectors::{OVERWRITE, factor_code};
use crate::kernel::{
    BendParams, CombineParams, DotParams, INVOCATIONS, Kernel, MatvecParams, RidgeParams, SumParams, add_ridge,
    bend_margins, combine_vectors, dot_vectors, sum_segments,
};
use crate::scalar::Precision;

/// What differs between the dispatches of a chain, but for the workers.
#[derive(Clone, Copy)]
enum Stage {
    /// The product with the rows, or back.
    Multiply { back: bool },
    /// Joins the pieces of its sums.
    Join { back: bool },
    /// Takes the second derivatives in.
    Bend,
    /// Takes l2 in.
    Ridge,
    /// Codes of the two factors.
    Combine { keep: u32, times: u32 },
    /// The number of the scalar, and whether its root is meant.
    Dot { to: usize, root: bool },
}

/// The dispatches, made once.
pub(super) struct Chain {
    stages: Vec<Stage>,
    steps: Steps,
}

fn code(factor: Factor) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "numbers of scalars, below 8")]
    let number = |scalar: Option<crate::device::Scalar>| scalar.map(|scalar| scalar.0 as u32);
    factor_code(factor.negative, number(factor.over), number(factor.under))
}

/// The stages of an operation.
fn stages(data: &Resident, op: &Op) -> Vec<Stage> {
    match *op {
        Op::Product { .. } => {
            let half = |back, half: &Half| {
                let join = (half.segments > 1).then_some(Stage::Join { back });
                [Some(Stage::Multiply { back }), join].into_iter().flatten().collect::<Vec<_>>()
            };
            let (images, pull) = (half(false, &data.images), half(true, &data.pull));
            [images, vec![Stage::Bend], pull, vec![Stage::Ridge]].concat()
        }
        Op::Combine { keep, times, .. } => {
            vec![Stage::Combine { keep: keep.map_or(OVERWRITE, code), times: code(times) }]
        }
        Op::Dot { to, .. } => vec![Stage::Dot { to: to.0, root: false }],
        Op::Norm { to, .. } => vec![Stage::Dot { to: to.0, root: true }],
    }
}

impl Chain {
    /// For these operations on `data`, which has curvature where one of them is a product.
    pub fn new<T: GpuElement>(data: &Resident, ops: &[Op]) -> Result<Chain> {
        let Resident { context, options, list, vectors, bent, images, pull, .. } = data;
        let all: Vec<(Op, Stage)> =
            ops.iter().flat_map(|op| stages(data, op).into_iter().map(|stage| (*op, stage))).collect();
        let mut steps = Steps::new(context, options, "inner solves", all.len(), data.own_rows.len() * SCALARS * 4)?;
        let scalars = steps.results();
        let plain = |kernel: &Kernel| context.pipeline(kernel.name, &options.source(kernel, Precision::F32), None);
        for (op, stage) in &all {
            let (from, to) = match *op {
                Op::Product { from, to } | Op::Combine { from, to, .. } => (&vectors[from.0], &vectors[to.0]),
                Op::Dot { a, b, .. } => (&vectors[a.0], &vectors[b.0]),
                Op::Norm { a, .. } => (&vectors[a.0], &vectors[a.0]),
            };
            match (*stage, &data.numbers) {
                (Stage::Multiply { back }, _) => {
                    let (half, x) = if back { (pull, bent) } else { (images, from) };
                    let source = options.source(&half.kernel, T::PRECISION);
                    let pipeline = context.pipeline(half.kernel.name, &source, Some(&half.launch))?;
                    let mut bound = vec![(1, list), (2, x), (3, &half.pieces)];
                    bound.extend(half.matrix.iter().map(|(binding, buffer)| (*binding, buffer)));
                    steps.add(context, &pipeline, &bound)?;
                }
                (Stage::Join { back }, _) => {
                    let half = if back { pull } else { images };
                    let bound = [(1, &half.pieces), (2, &half.results)];
                    steps.add(context, &plain(&sum_segments::KERNEL)?, &bound)?;
                }
                (Stage::Bend, Some(numbers)) => {
                    let bound = [(1, list), (2, &images.results), (3, bent), (4, numbers)];
                    steps.add(context, &plain(&bend_margins::KERNEL)?, &bound)?;
                }
                (Stage::Bend, None) => return Err(context.error("a product without curvature")),
                (Stage::Ridge, _) => {
                    let bound = [(1, list), (2, &pull.results), (3, to), (4, from)];
                    steps.add(context, &plain(&add_ridge::KERNEL)?, &bound)?;
                }
                (Stage::Combine { .. }, _) => {
                    let bound = [(1, list), (2, from), (3, to), (4, &scalars)];
                    steps.add(context, &plain(&combine_vectors::KERNEL)?, &bound)?;
                }
                (Stage::Dot { .. }, _) => {
                    let bound = [(1, list), (2, from), (3, &scalars), (4, to)];
                    steps.add(context, &plain(&dot_vectors::KERNEL)?, &bound)?;
                }
            }
        }
        Ok(Chain { stages: all.into_iter().map(|(_, stage)| stage).collect(), steps })
    }

    /// Runs it for the first `count` workers of the list, with these scalars of all, and hands those over that it leaves. The seconds
    /// are those of the kernels.
    pub fn run(
        &mut self,
        data: &Resident,
        count: usize,
        scalars: &[f32],
        take: &mut dyn FnMut(&[f32]),
    ) -> Result<Option<f64>> {
        for step in 0..self.stages.len() {
            self.direct(data, step, count)?;
        }
        data.context.write(&self.steps.results(), 0, bytemuck::cast_slice(scalars))?;
        self.steps.submit(&data.context, scalars.len() * 4, take)
    }

    /// Parameters and grid of a dispatch.
    fn direct(&mut self, data: &Resident, step: usize, count: usize) -> Result<()> {
        let Resident { context, bounds, form, cols, rows, stride, bent_stride, images, pull, .. } = data;
        let fit = |n: usize| number(context, n);
        let (worker_count, classes) = (fit(count)?, fit(form.classes)?);
        // The device's own arithmetic is in f32.
        #[allow(clippy::cast_possible_truncation, reason = "rounded once to what the device computes in")]
        let (scale, l2) = (form.scale as f32, form.l2 as f32);
        let mut set = |params: &[u8], groups: usize| self.steps.set(context, bounds, step, params, groups);
        match self.stages[step] {
            Stage::Multiply { back } => {
                let half = if back { pull } else { images };
                let params = MatvecParams { worker_count, ..half.params };
                let groups = params.blocks as usize * half.segments * count;
                set(bytemuck::bytes_of(&params), groups)
            }
            Stage::Join { back } => {
                let half = if back { pull } else { images };
                let length = count * half.out_rows * form.classes;
                let params = SumParams { length: fit(length)?, segments: fit(half.segments)? };
                set(bytemuck::bytes_of(&params), length.div_ceil(INVOCATIONS))
            }
            Stage::Bend => {
                let blocks = rows.div_ceil(INVOCATIONS);
                let params = BendParams {
                    rows: fit(*rows)?,
                    classes,
                    stride: fit(*bent_stride)?,
                    blocks: fit(blocks)?,
                    worker_count,
                    softmax: u32::from(data.softmax),
                    scale,
                };
                set(bytemuck::bytes_of(&params), blocks * count)
            }
            Stage::Ridge => {
                let blocks = (form.classes * stride).div_ceil(INVOCATIONS);
                let params = RidgeParams {
                    cols: fit(*cols)?,
                    classes,
                    stride: fit(*stride)?,
                    blocks: fit(blocks)?,
                    worker_count,
                    penalized: fit(form.penalized)?,
                    scale: l2,
                };
                set(bytemuck::bytes_of(&params), blocks * count)
            }
            Stage::Combine { keep, times } => {
                let units = form.classes * stride / 4;
                let blocks = units.div_ceil(INVOCATIONS);
                let params = CombineParams { units: fit(units)?, blocks: fit(blocks)?, worker_count, keep, times };
                set(bytemuck::bytes_of(&params), blocks * count)
            }
            Stage::Dot { to, root } => {
                let units = fit(form.classes * stride / 4)?;
                let params = DotParams { units, worker_count, to: fit(to)?, root: u32::from(root) };
                set(bytemuck::bytes_of(&params), count)
            }
        }
    }
}
