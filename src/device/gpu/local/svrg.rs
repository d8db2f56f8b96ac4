//! Steps of SVRG: one dispatch for all samples of all workers, or as few as loops allow.

use super::resident::Resident;
use crate::device::Svrg;
use crate::device::gpu::element::GpuElement;
use crate::device::gpu::plan::number;
use crate::device::gpu::steps::Steps;
use crate::error::{Error, Result};
use crate::kernel::{INVOCATIONS, SvrgParams, svrg_steps, svrg_steps_csr};

/// What rounds of as many samples need, made once.
pub(super) struct Plan {
    samples: usize,
    /// Samples of a dispatch.
    each: usize,
    steps: Steps,
    drawn: wgpu::Buffer,
    known: wgpu::Buffer,
    fixed: wgpu::Buffer,
}

impl Plan {
    /// For rounds of `samples` a worker, whose points are the first vector.
    pub fn new<T: GpuElement>(data: &Resident, samples: usize) -> Result<Plan> {
        let Resident { context, options, bounds, form, stride, own_rows, images, .. } = data;
        let classes = form.classes;
        if classes > svrg_steps::CLASSES {
            let allowed = format!("at most {} on a GPU, or --device cpu", svrg_steps::CLASSES);
            return Err(Error::usage("classes for steps of SVRG", classes, allowed));
        }
        // Of a sample: a class's images, their tree and the row added; margins to changes; all weights.
        let row = images.length.div_ceil(INVOCATIONS);
        let one = 1 + classes * (2 * row + 14) + (classes * stride).div_ceil(INVOCATIONS);
        let each = bounds.iterations / one;
        if each == 0 {
            return Err(context.error(format!("a sample passes {} loop iterations an invocation", bounds.iterations)));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let buffer = |label, numbers: usize| context.buffer(label, numbers * 4, usage, false);
        let drawn = buffer("samples", own_rows.len() * samples)?;
        let known = buffer("derivatives", own_rows.len() * samples * (classes + 1))?;
        let fixed = buffer("start and gradient", 2 * classes * stride)?;
        let dispatches = samples.div_ceil(each);
        let mut steps = Steps::new(context, options, "SVRG", dispatches, 0)?;
        let kernel = if images.matrix.len() > 1 { svrg_steps_csr::KERNEL } else { svrg_steps::KERNEL };
        let pipeline = context.pipeline(kernel.name, &options.source(&kernel, T::PRECISION), None)?;
        let mut bound = vec![(1, &drawn), (2, &known), (3, &data.vectors[0]), (7, &fixed)];
        bound.extend(images.matrix.iter().map(|(binding, buffer)| (*binding, buffer)));
        for _ in 0..dispatches {
            steps.add(context, &pipeline, &bound)?;
        }
        Ok(Plan { samples, each, steps, drawn, known, fixed })
    }

    /// True where it serves rounds of so many samples.
    pub fn serves(&self, samples: usize) -> bool {
        self.samples == samples
    }

    /// Makes the steps; the first vector holds the points before and after. The seconds are those of the kernel.
    pub fn run(&mut self, data: &Resident, round: &Svrg<'_>) -> Result<Option<f64>> {
        let Resident { context, bounds, form, cols, rows, stride, own_rows, images, .. } = data;
        let Some(loss) = round.loss else {
            return Err(Error::usage(
                "a loss for steps of SVRG on a GPU",
                "another",
                "squared, logistic, nonlinear-least-squares or softmax; or --device cpu",
            ));
        };
        let fit = |n: usize| number(context, n);
        #[allow(clippy::cast_possible_truncation, reason = "rounded once to what the device computes in")]
        let narrow = |x: f64| x as f32;
        let drawn = round.rows.iter().flatten().map(|&row| fit(row)).collect::<Result<Vec<u32>>>()?;
        let known: Vec<f32> = round.known.iter().flatten().map(|&x| narrow(x)).collect();
        let mut fixed = data.padded(round.start);
        fixed.extend(data.padded(round.gradient));
        context.write(&self.drawn, 0, bytemuck::cast_slice(&drawn))?;
        context.write(&self.known, 0, bytemuck::cast_slice(&known))?;
        context.write(&self.fixed, 0, bytemuck::cast_slice(&fixed))?;
        for (step, begin) in (0..self.samples).step_by(self.each).enumerate() {
            let params = SvrgParams {
                rows: fit(*rows)?,
                units: images.params.units,
                classes: fit(form.classes)?,
                stride: fit(*stride)?,
                samples: fit(self.samples)?,
                begin: fit(begin)?,
                end: fit(self.samples.min(begin + self.each))?,
                workers: fit(own_rows.len())?,
                loss: loss as u32,
                penalized: fit(form.penalized.min(*cols))?,
                step: narrow(round.step),
                pull: narrow(round.pull),
                l2: narrow(form.l2),
            };
            self.steps.set(context, bounds, step, bytemuck::bytes_of(&params), own_rows.len())?;
        }
        self.steps.submit(context, 0, &mut |_| ())
    }
}
