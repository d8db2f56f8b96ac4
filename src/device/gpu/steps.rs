//! Dispatches with parameters of their own one after the other, in one submission with one read-back: Hessian blocks, transforms, and
//! the steps of inner solves.

use super::GpuOptions;
use super::context::Context;
use super::plan::{ALIGN, bind, grid, region, timestamps};
use super::run::elapsed;
use crate::error::Result;
use crate::kernel::Bounds;

/// One dispatch.
pub(super) struct Step {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    params_at: usize,
}

/// Dispatches one after the other, their parameters, and the results that they leave.
pub(super) struct Steps {
    /// What they make, for messages.
    what: &'static str,
    steps: Vec<Step>,
    /// A region each.
    params: wgpu::Buffer,
    /// What goes there, and the grids: filled in for each submission.
    head: Vec<u8>,
    grids: Vec<(u32, u32)>,
    results: wgpu::Buffer,
    staging: wgpu::Buffer,
    queries: Option<(wgpu::QuerySet, wgpu::Buffer)>,
}

impl Steps {
    /// For at most `most` dispatches and `bytes` of results.
    pub fn new(
        context: &Context,
        options: &GpuOptions,
        what: &'static str,
        most: usize,
        bytes: usize,
    ) -> Result<Steps> {
        use wgpu::BufferUsages as Usage;
        let buffer = |label, bytes, usage| context.buffer(label, bytes, usage, false);
        Ok(Steps {
            what,
            steps: Vec::with_capacity(most),
            params: buffer("parameters", most * ALIGN, Usage::UNIFORM | Usage::COPY_DST)?,
            head: vec![0; most * ALIGN],
            grids: vec![(0, 0); most],
            results: buffer(what, bytes, Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST)?,
            // The timestamps follow the results.
            staging: buffer("results read", bytes + 16, Usage::MAP_READ | Usage::COPY_DST)?,
            queries: timestamps(context, options)?,
        })
    }

    /// Where the results go.
    pub fn results(&self) -> wgpu::Buffer {
        self.results.clone()
    }

    /// Adds a dispatch: its parameters at binding 0, and what else it is `bound` to.
    pub fn add(
        &mut self,
        context: &Context,
        pipeline: &wgpu::ComputePipeline,
        bound: &[(u32, &wgpu::Buffer)],
    ) -> Result<()> {
        let params_at = self.steps.len() * ALIGN;
        let params = std::iter::once((0, region(&self.params, params_at, ALIGN)));
        let others = bound.iter().map(|&(binding, buffer)| (binding, buffer.as_entire_binding()));
        let bind_group = bind(context, pipeline, params.chain(others))?;
        self.steps.push(Step { pipeline: pipeline.clone(), bind_group, params_at });
        Ok(())
    }

    /// What dispatch `number` is told and how many workgroups it has.
    pub fn set(
        &mut self,
        context: &Context,
        bounds: &Bounds,
        number: usize,
        params: &[u8],
        groups: usize,
    ) -> Result<()> {
        let at = self.steps[number].params_at;
        self.head[at..at + params.len()].copy_from_slice(params);
        self.grids[number] = grid(context, groups, bounds)?;
        Ok(())
    }

    /// Runs all dispatches and hands over the first `bytes` of the results. The seconds are those of the kernels.
    pub fn submit(&self, context: &Context, bytes: usize, take: &mut dyn FnMut(&[f32])) -> Result<Option<f64>> {
        context.write(&self.params, 0, &self.head)?;
        context.guarded(self.what, || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            let timestamp_writes = self.queries.as_ref().map(|(set, _)| wgpu::ComputePassTimestampWrites {
                query_set: set,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            for (step, &(x, y)) in self.steps.iter().zip(&self.grids) {
                pass.set_pipeline(&step.pipeline);
                pass.set_bind_group(0, &step.bind_group, &[]);
                pass.dispatch_workgroups(x, y, 1);
            }
            drop(pass);
            let end = bytes as u64;
            encoder.copy_buffer_to_buffer(&self.results, 0, &self.staging, 0, end);
            if let Some((set, resolved)) = &self.queries {
                encoder.resolve_query_set(set, 0..2, resolved, 0);
                encoder.copy_buffer_to_buffer(resolved, 0, &self.staging, end, 16);
            }
            let submission = context.queue.submit([encoder.finish()]);
            self.staging.map_async(wgpu::MapMode::Read, .., |_| ());
            context.wait(submission)?;
            let view = self.staging.get_mapped_range(..).map_err(|e| context.error(e.to_string()))?;
            let seconds = self.queries.as_ref().and_then(|_| elapsed(context, &view[bytes..bytes + 16]));
            take(bytemuck::try_cast_slice(&view[..bytes]).map_err(|e| context.error(e.to_string()))?);
            drop(view);
            self.staging.unmap();
            Ok(seconds)
        })
    }
}
