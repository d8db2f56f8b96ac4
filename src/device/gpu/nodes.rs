//! The nodes of a network on the device: vectors stay there, and what is asked of them is recorded and submitted together when
//! numbers are read.

mod resident;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::plan::{ALIGN, bind, grid, number, region, too_large};
use super::{Adapter, GpuOptions, open};
use crate::device::{DeviceInfo, NodeDevice, NodeVector};
use crate::error::{Error, Result};
use crate::kernel::scaled_sum::TERMS;
use crate::kernel::{AffineParams, Bounds, INVOCATIONS, MixParams, NodeWork, ScaledSumParams, SlopeParams};
use resident::{Resident, Task};

/// Dispatches recorded before they are submitted, at most.
const PENDING: usize = 256;
/// Different dispatches that are kept: an iteration repeats those of the one before.
const KEPT: usize = 1024;
/// Vectors that there is room for at first.
const VECTORS: usize = 8;

/// One dispatch.
#[derive(Clone)]
struct Step {
    task: Task,
    bind_group: wgpu::BindGroup,
    grid: (u32, u32),
}

/// [`NodeDevice`] on a GPU, in f32, with the sums of the kernels' twins: [`crate::kernel::node_affine`],
/// [`crate::kernel::row_slopes`], [`crate::kernel::mix_copies`] and [`crate::kernel::scaled_sum`].
///
/// ```no_run
/// use steadfast::device::NodeDevice;
/// use steadfast::device::gpu::{Adapter, GpuNodes, GpuOptions};
/// use steadfast::kernel::{NodeMap, NodeMaps, NodeWork};
///
/// // One node with the gradient 2 x - 6.
/// let map = NodeMap { width: 1, terms: 1, ..NodeMap::default() };
/// let gradients = NodeMaps {
///     owners: vec![[0, 0]],
///     lines: vec![[0.0, -6.0]],
///     maps: vec![map],
///     values: vec![2.0],
///     places: vec![0],
/// };
/// let mut nodes = GpuNodes::open(&Adapter::Auto, GpuOptions::default(), &NodeWork { gradients, ..NodeWork::default() })?;
/// let (x, slope) = (nodes.vector()?, nodes.vector()?);
/// nodes.gradient(x, slope)?;
/// let mut found = [0.0];
/// nodes.read(slope, &mut found)?;
/// assert_eq!(found, [-6.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct GpuNodes {
    context: Arc<Context>,
    bounds: Bounds,
    data: Resident,
    /// Numbers of a vector, and from one vector to the next.
    length: usize,
    stride: usize,
    rows: usize,
    /// Edges of the network that the matrix has entries for, and those before them.
    edges: usize,
    vectors: usize,
    room: usize,
    arena: wgpu::Buffer,
    /// A region for each kept dispatch.
    params: wgpu::Buffer,
    kept: BTreeMap<(Task, Vec<u8>), Step>,
    pending: Vec<Step>,
    submitted: Option<wgpu::SubmissionIndex>,
}

impl std::fmt::Debug for GpuNodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let GpuNodes { context, length, vectors, .. } = self;
        f.debug_struct("GpuNodes")
            .field("info", &context.info)
            .field("length", length)
            .field("vectors", vectors)
            .finish()
    }
}

impl GpuNodes {
    /// Uploads what the nodes compute with to the chosen adapter.
    ///
    /// # Errors
    /// As [`super::GpuDevice::open`], and [`Error::Device`] where memory is short or a part does not fit a binding.
    pub fn open(choice: &Adapter, options: GpuOptions, work: &NodeWork) -> Result<Self> {
        let (context, bounds) = open(choice, &options)?;
        let length = work.gradients.owners.len();
        let data = Resident::new(&context, &options, &bounds, work)?;
        let stride = length.next_multiple_of(ALIGN / 4);
        let arena = arena(&context, &bounds, VECTORS.min(most(stride, &bounds)), stride)?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let params = context.buffer("parameters", KEPT * ALIGN, usage, false)?;
        Ok(GpuNodes {
            bounds,
            data,
            length,
            stride,
            rows: work.rows.owners.len(),
            edges: work.matrix.edges,
            vectors: 0,
            room: VECTORS.min(most(stride, &bounds)),
            arena,
            params,
            kept: BTreeMap::new(),
            pending: Vec::new(),
            submitted: None,
            context,
        })
    }

    /// Destroys the wgpu device beneath: see [`super::GpuDevice::lose`].
    pub fn lose(&self) {
        self.context.device.destroy();
    }

    /// Where a vector begins in the arena.
    fn place(&self, x: NodeVector) -> Result<u32> {
        number(&self.context, x.0 * self.stride)
    }

    /// Records one dispatch over `items` invocations.
    fn record(&mut self, task: Task, params: &[u8], items: usize) -> Result<()> {
        if items == 0 {
            return Ok(());
        }
        if self.pending.len() >= PENDING {
            self.submit()?;
        }
        let key = (task, params.to_vec());
        if let Some(step) = self.kept.get(&key) {
            self.pending.push(step.clone());
            return Ok(());
        }
        if self.kept.len() >= KEPT {
            // The regions are written anew, so what reads them must have been submitted.
            self.submit()?;
            self.kept.clear();
        }
        let at = self.kept.len() * ALIGN;
        self.context.write(&self.params, at, params)?;
        let own = [(0, region(&self.params, at, params.len())), (1, self.arena.as_entire_binding())];
        let bound = own.into_iter().chain(self.data.bound(task));
        let bind_group = bind(&self.context, self.data.pipeline(task), bound)?;
        let step = Step { task, bind_group, grid: grid(&self.context, items.div_ceil(INVOCATIONS), &self.bounds)? };
        self.pending.push(step.clone());
        self.kept.insert(key, step);
        Ok(())
    }

    /// Submits what is recorded, at most one submission ahead of the device.
    fn submit(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let context = &*self.context;
        let submission = context.guarded("nodes", || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for step in &self.pending {
                pass.set_pipeline(self.data.pipeline(step.task));
                pass.set_bind_group(0, &step.bind_group, &[]);
                pass.dispatch_workgroups(step.grid.0, step.grid.1, 1);
            }
            drop(pass);
            let submission = context.queue.submit([encoder.finish()]);
            match self.submitted.take() {
                Some(before) => context.wait(before).map(|()| submission),
                None => Ok(submission),
            }
        })?;
        self.submitted = Some(submission);
        self.pending.clear();
        Ok(())
    }

    /// Moves the vectors to an arena twice as large.
    fn grow(&mut self) -> Result<()> {
        self.submit()?;
        let room = (2 * self.room).min(most(self.stride, &self.bounds)).max(self.room + 1);
        let arena = arena(&self.context, &self.bounds, room, self.stride)?;
        self.context.copy(&[(&self.arena, 0, &arena, 0, self.room * self.stride * 4)])?;
        (self.arena, self.room) = (arena, room);
        self.kept.clear();
        Ok(())
    }
}

/// Vectors that a binding holds.
fn most(stride: usize, bounds: &Bounds) -> usize {
    bounds.binding_bytes / (stride * 4).max(1)
}

/// Room for vectors, all 0.
fn arena(context: &Context, bounds: &Bounds, vectors: usize, stride: usize) -> Result<wgpu::Buffer> {
    if vectors > most(stride, bounds) || vectors == 0 {
        return Err(too_large(context, "the vectors of all copies", vectors.max(1) * stride * 4, bounds));
    }
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    context.buffer("vectors", vectors * stride * 4, usage, false)
}

impl NodeDevice for GpuNodes {
    fn info(&self) -> DeviceInfo {
        self.context.info.clone()
    }

    fn vector(&mut self) -> Result<NodeVector> {
        if self.vectors == self.room {
            self.grow()?;
        }
        self.vectors += 1;
        Ok(NodeVector(self.vectors - 1))
    }

    fn combine(&mut self, terms: &[(f64, NodeVector)], out: NodeVector) -> Result<()> {
        if terms.is_empty() || terms.len() > TERMS {
            return Err(Error::usage("terms of a sum of vectors", terms.len(), format!("1 to {TERMS}")));
        }
        let (mut at, mut by) = ([0; TERMS], [0.0; TERMS]);
        for (k, &(scale, x)) in terms.iter().enumerate() {
            at[k] = self.place(x)?;
            #[allow(clippy::cast_possible_truncation, reason = "coefficients are rounded once")]
            let rounded = scale as f32;
            by[k] = rounded;
        }
        let (length, terms) = (number(&self.context, self.length)?, number(&self.context, terms.len())?);
        let params = ScaledSumParams { length, out_at: self.place(out)?, terms, at, by };
        self.record(Task::Combine, bytemuck::bytes_of(&params), self.length)
    }

    fn gradient(&mut self, x: NodeVector, out: NodeVector) -> Result<()> {
        let (x_at, out_at, length) = (self.place(x)?, self.place(out)?, number(&self.context, self.length)?);
        let slopes = SlopeParams { length: number(&self.context, self.rows)?, x_at };
        self.record(Task::Slopes, bytemuck::bytes_of(&slopes), self.rows)?;
        self.record(Task::Gradient, bytemuck::bytes_of(&AffineParams { length, x_at, out_at }), self.length)
    }

    fn minimize(&mut self, y: NodeVector, weight: Option<&[f64]>, x: NodeVector) -> Result<()> {
        if weight.is_some() || !self.data.has_minima() {
            let got = if weight.is_some() { "weights" } else { "functions that are not quadratic and strongly convex" };
            return Err(Error::usage(
                "minima of nodes on a GPU",
                got,
                "quadratics without weights; the CPU for others",
            ));
        }
        let (x_at, out_at, length) = (self.place(y)?, self.place(x)?, number(&self.context, self.length)?);
        self.record(Task::Minimum, bytemuck::bytes_of(&AffineParams { length, x_at, out_at }), self.length)
    }

    fn multiply(&mut self, x: NodeVector, down: Option<&[bool]>, out: NodeVector) -> Result<()> {
        if let Some(down) = down {
            // The list before must have been read.
            self.submit()?;
            let flags: Vec<u32> = down.iter().take(self.edges).map(|&down| u32::from(down)).collect();
            self.context.write(self.data.down(), 0, bytemuck::cast_slice(&flags))?;
        }
        let (x_at, out_at, length) = (self.place(x)?, self.place(out)?, number(&self.context, self.length)?);
        let params = MixParams { length, x_at, out_at, faulty: u32::from(down.is_some()) };
        self.record(Task::Mix, bytemuck::bytes_of(&params), self.length)
    }

    fn read(&mut self, x: NodeVector, out: &mut [f64]) -> Result<()> {
        self.submit()?;
        let bytes = self.context.read(&self.arena, x.0 * self.stride * 4, self.length * 4)?;
        let numbers: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
        out.iter_mut().zip(numbers).for_each(|(out, x)| *out = f64::from(x));
        Ok(())
    }
}
