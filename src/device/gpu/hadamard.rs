//! Walsh-Hadamard transforms on the device: columns go there, every pass is a dispatch, and the transform is read back.

use std::sync::Arc;

use super::context::Context;
use super::plan::{number, too_large};
use super::steps::Steps;
use super::{Adapter, GpuOptions, open};
use crate::error::Result;
use crate::kernel::walsh_hadamard::{COLUMNS, KERNEL, Pass, ROWS, check_lengths, passes};
use crate::kernel::{Bounds, HadamardDevice, HadamardParams};
use crate::scalar::Precision;

/// [`HadamardDevice`] on a GPU. The transform is the bits of [`crate::kernel::walsh_hadamard::twin`] on every adapter that keeps
/// subnormal numbers.
///
/// ```no_run
/// use steadfast::device::gpu::{Adapter, GpuHadamard, GpuOptions};
/// use steadfast::kernel::HadamardDevice;
///
/// let mut device = GpuHadamard::open(&Adapter::Auto, GpuOptions::default())?;
/// let mut out = [0.0; 4];
/// // Rows 1 and 2 of four are given; the others are zeros.
/// device.transform(&[9, 0, 1, 9], 1, &[1.0, 2.0], &mut out)?;
/// assert_eq!(out, [3.0, 1.0, -1.0, -3.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct GpuHadamard {
    context: Arc<Context>,
    options: GpuOptions,
    bounds: Bounds,
    plan: Option<Plan>,
    seconds: Option<f64>,
}

/// What transforms of one height need, made once.
struct Plan {
    rows: usize,
    /// Numbers that fit: of what is given, and of the transform.
    given_len: usize,
    len: usize,
    passes: Vec<Pass>,
    places: wgpu::Buffer,
    given: wgpu::Buffer,
    steps: Steps,
}

impl GpuHadamard {
    /// On the chosen adapter.
    ///
    /// # Errors
    /// As [`super::GpuDevice::open`].
    pub fn open(choice: &Adapter, options: GpuOptions) -> Result<Self> {
        let (context, bounds) = open(choice, &options)?;
        Ok(GpuHadamard { context, options, bounds, plan: None, seconds: None })
    }

    /// Seconds that the kernels of the last transform took on the device; `None` unless [`GpuOptions::timestamps`] is set and the
    /// adapter has them.
    pub fn last_kernel_seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// Destroys the wgpu device beneath: see [`super::GpuDevice::lose`].
    pub fn lose(&self) {
        self.context.device.destroy();
    }
}

impl HadamardDevice for GpuHadamard {
    fn name(&self) -> String {
        self.context.info.name.clone()
    }

    fn most_columns(&self, rows: usize) -> usize {
        (self.bounds.binding_bytes / (4 * rows.max(1))).max(1)
    }

    fn transform(&mut self, places: &[u32], cols: usize, given: &[f32], out: &mut [f32]) -> Result<()> {
        self.seconds = None;
        check_lengths(places, cols, given, out)?;
        // A plan that fails is not kept: its buffers may be mapped or lost.
        let mut plan = match self.plan.take() {
            Some(plan) if plan.serves(places.len(), given.len(), out.len()) => plan,
            _ => Plan::new(&self.context, &self.options, &self.bounds, places.len(), given.len(), out.len())?,
        };
        self.seconds = plan.run(&self.context, &self.bounds, places, cols, given, out)?;
        self.plan = Some(plan);
        Ok(())
    }
}

impl Plan {
    fn serves(&self, rows: usize, given_len: usize, len: usize) -> bool {
        self.rows == rows && given_len <= self.given_len && len <= self.len
    }

    fn new(
        context: &Context,
        options: &GpuOptions,
        bounds: &Bounds,
        rows: usize,
        given_len: usize,
        len: usize,
    ) -> Result<Plan> {
        for (what, bytes) in [("a transform", 4 * len), ("what is to be transformed", 4 * given_len)] {
            if bytes > bounds.binding_bytes {
                return Err(too_large(context, what, bytes, bounds));
            }
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let places = context.buffer("places of rows", 4 * rows, usage, false)?;
        let given = context.buffer("rows to transform", 4 * given_len, usage, false)?;
        let passes = passes(rows);
        let pipeline = context.pipeline(KERNEL.name, &options.source(&KERNEL, Precision::F32), None)?;
        let mut steps = Steps::new(context, options, "transform", passes.len(), 4 * len)?;
        let values = steps.results();
        for _ in &passes {
            steps.add(context, &pipeline, &[(1, &places), (2, &given), (3, &values)])?;
        }
        Ok(Plan { rows, given_len, len, passes, places, given, steps })
    }

    fn run(
        &mut self,
        context: &Context,
        bounds: &Bounds,
        places: &[u32],
        cols: usize,
        given: &[f32],
        out: &mut [f32],
    ) -> Result<Option<f64>> {
        context.write(&self.places, 0, bytemuck::cast_slice(places))?;
        context.write(&self.given, 0, bytemuck::cast_slice(given))?;
        let across = cols.div_ceil(COLUMNS);
        for (at, pass) in self.passes.iter().enumerate() {
            let params = HadamardParams {
                rows: number(context, self.rows)?,
                cols: number(context, cols)?,
                across: number(context, across)?,
                shift: pass.shift,
                levels: pass.levels,
                given: if at == 0 { number(context, given.len() / cols)? } else { 0 },
            };
            let groups = (self.rows / ROWS).max(1) * across;
            self.steps.set(context, bounds, at, bytemuck::bytes_of(&params), groups)?;
        }
        let bytes = 4 * out.len();
        self.steps.submit(context, bytes, &mut |values| out.copy_from_slice(values))
    }
}
