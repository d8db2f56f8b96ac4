//! One product: fill in the workers and the vectors, record, submit once, read back once.

use super::context::Context;
use super::plan::{ALIGN, Group, Plan, grid};
use crate::error::Result;
use crate::kernel::{Bounds, INVOCATIONS, SumParams};

impl Plan {
    /// Multiplies for the workers of an ascending list, all of them known to the plan; `replies` is one after the other,
    /// in their order. The seconds are those of the kernels on the device, where timestamps are on.
    pub fn run(
        &mut self,
        context: &Context,
        bounds: &Bounds,
        workers: &[usize],
        broadcast: &[f32],
        replies: &mut [f32],
    ) -> Result<Option<f64>> {
        let r = broadcast.len() / self.length;
        let changed = self.prepared.as_deref() != Some(workers);
        if changed {
            self.prepare(workers, r);
        }
        let submission = context.guarded("product", || {
            self.fill(context, changed, broadcast)?;
            let commands = self.record(context, bounds, changed, r)?;
            let submission = context.queue.submit(commands);
            self.staging.map_async(wgpu::MapMode::Read, .., |_| ());
            // Ready for the next product's inputs by the time that this one's outputs are.
            self.upload.map_async(wgpu::MapMode::Write, .., |_| ());
            Ok(submission)
        })?;
        context.guarded("product", || {
            context.wait(submission)?;
            let seconds = self.collect(context, r, replies)?;
            self.staging.unmap();
            Ok(seconds)
        })
    }

    /// Parameters and list for the workers that compute.
    fn prepare(&mut self, workers: &[usize], r: usize) {
        for (group, active) in self.groups.iter().zip(&mut self.active) {
            active.clear();
            for &(slot, worker) in &group.workers {
                if let Ok(place) = workers.binary_search(&worker) {
                    let at = self.list_at + 4 * (group.list_at + active.len());
                    self.head[at..at + 4].copy_from_slice(&slot.to_le_bytes());
                    active.push(place);
                }
            }
            let count = u32::try_from(active.len()).unwrap_or(u32::MAX);
            for step in &group.steps {
                let mut params = step.params;
                params.worker_count = count;
                put(&mut self.head, step.params_at, bytemuck::bytes_of(&params));
            }
            if let Some(join) = &group.join {
                let fit = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                let params = SumParams { length: fit(active.len() * group.rows * r), segments: fit(join.segments) };
                put(&mut self.head, join.params_at, bytemuck::bytes_of(&params));
            }
        }
        self.prepared = Some(workers.to_vec());
    }

    /// Copies the inputs into the mapped buffer, padding between vectors left as the zeros it was made with.
    fn fill(&self, context: &Context, changed: bool, broadcast: &[f32]) -> Result<()> {
        let mut view = self.upload.get_mapped_range_mut(..).map_err(|e| context.error(e.to_string()))?;
        if changed {
            view.slice(..self.x_at).copy_from_slice(&self.head);
        }
        for (v, vector) in broadcast.chunks_exact(self.length).enumerate() {
            let at = self.x_at + v * self.x_stride * 4;
            view.slice(at..at + self.length * 4).copy_from_slice(bytemuck::cast_slice(vector));
        }
        drop(view);
        self.upload.unmap();
        Ok(())
    }

    fn record(&self, context: &Context, bounds: &Bounds, changed: bool, r: usize) -> Result<Vec<wgpu::CommandBuffer>> {
        // The streams in which some worker computes.
        let size = self.groups_per_stream;
        let streams: Vec<usize> = (0..self.groups.len().div_ceil(size))
            .filter(|&s| self.active.iter().skip(s * size).take(size).any(|active| !active.is_empty()))
            .collect();
        let mut commands = Vec::with_capacity(streams.len());
        for (i, &stream) in streams.iter().enumerate() {
            let (first, last) = (i == 0, i + 1 == streams.len());
            let members = || self.groups.iter().zip(&self.active).skip(stream * size).take(size);
            let mut encoder = context.device.create_command_encoder(&Default::default());
            if first {
                let from = if changed { 0 } else { self.x_at } as u64;
                encoder.copy_buffer_to_buffer(&self.upload, from, &self.inputs, from, self.upload.size() - from);
            }
            let timestamp_writes =
                self.queries.as_ref().filter(|_| first || last).map(|(set, _)| wgpu::ComputePassTimestampWrites {
                    query_set: set,
                    beginning_of_pass_write_index: first.then_some(0),
                    end_of_pass_write_index: last.then_some(1),
                });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            for (group, active) in members().filter(|(_, active)| !active.is_empty()) {
                self.dispatch(context, bounds, &mut pass, group, active.len(), r)?;
            }
            drop(pass);
            for (group, active) in members().filter(|(_, active)| !active.is_empty()) {
                let (at, bytes) = (group.results_at as u64, (active.len() * group.rows * r * 4) as u64);
                encoder.copy_buffer_to_buffer(&self.results, at, &self.staging, at, bytes);
            }
            if let Some((set, resolved)) = self.queries.as_ref().filter(|_| last) {
                encoder.resolve_query_set(set, 0..2, resolved, 0);
                encoder.copy_buffer_to_buffer(resolved, 0, &self.staging, self.staging.size() - 16, 16);
            }
            commands.push(encoder.finish());
        }
        Ok(commands)
    }

    fn dispatch(
        &self,
        context: &Context,
        bounds: &Bounds,
        pass: &mut wgpu::ComputePass<'_>,
        group: &Group,
        active: usize,
        r: usize,
    ) -> Result<()> {
        pass.set_pipeline(&self.matvec);
        for step in &group.steps {
            pass.set_bind_group(0, &step.bind_group, &[]);
            let (x, y) = grid(context, step.params.blocks as usize * step.params.segments as usize * active, bounds)?;
            pass.dispatch_workgroups(x, y, 1);
        }
        if let (Some(join), Some(pipeline)) = (&group.join, &self.join) {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &join.bind_group, &[]);
            let (x, y) = grid(context, (active * group.rows * r).div_ceil(INVOCATIONS), bounds)?;
            pass.dispatch_workgroups(x, y, 1);
        }
        Ok(())
    }

    /// Takes the replies, and the time, out of the mapped buffer.
    fn collect(&self, context: &Context, r: usize, replies: &mut [f32]) -> Result<Option<f64>> {
        let view = self.staging.get_mapped_range(..).map_err(|e| context.error(e.to_string()))?;
        for (group, active) in self.groups.iter().zip(&self.active) {
            let length = group.rows * r;
            for (i, &place) in active.iter().enumerate() {
                let from = group.results_at + i * length * 4;
                let to = (place * self.out_rows + group.first_row) * r;
                let to = &mut replies[to..to + length];
                bytemuck::cast_slice_mut::<f32, u8>(to).copy_from_slice(&view[from..from + length * 4]);
            }
        }
        Ok(self.queries.as_ref().and_then(|_| elapsed(context, &view[view.len() - 16..])))
    }
}

/// The seconds between two timestamps.
pub(super) fn elapsed(context: &Context, stamps: &[u8]) -> Option<f64> {
    let stamps: Vec<u64> = bytemuck::pod_collect_to_vec(stamps);
    #[allow(clippy::cast_precision_loss, reason = "a duration, not an identity")]
    context.tick.zip(stamps[1].checked_sub(stamps[0])).map(|(tick, ticks)| ticks as f64 * tick)
}

fn put(head: &mut [u8], at: usize, bytes: &[u8]) {
    debug_assert!(at.is_multiple_of(ALIGN), "parameters start where bindings may");
    head[at..at + bytes.len()].copy_from_slice(bytes);
}
