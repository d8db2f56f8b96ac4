//! The GPU device: WGSL kernels on any Vulkan, Metal or DX12 adapter. The only folder that names wgpu.
//!
//! All workers' shards of an operand lie side by side, and one dispatch multiplies them all (the worker is a dimension of
//! the grid); a product is one submission and one read-back. A failure of any kind is an [`Error`], never a panic.

mod adapter;
mod context;
mod element;
mod hadamard;
mod hessian;
mod local;
mod nodes;
mod plan;
mod run;
mod steps;
mod store;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

pub use adapter::{Adapter, adapters};
pub use element::GpuElement;
pub use hadamard::GpuHadamard;
pub use hessian::GpuHessian;
pub use local::GpuLocal;
pub use nodes::GpuNodes;

use adapter::choose;
use context::Context;
use plan::Plan;
use store::Store;

use crate::data::{Matrix, Operand};
use crate::device::{Batch, Device, DeviceInfo};
use crate::error::{Error, Result};
use crate::kernel::{Bounds, Kernel, Launch};
use crate::scalar::Precision;

/// How workers' streams become command buffers. The replies are the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streams {
    /// The same stage of all workers' streams is one batched dispatch.
    #[default]
    Fused,
    /// A command buffer a worker, in one submission.
    Separate,
}

/// Replaces the source of a kernel before it is compiled.
pub type Rewrite = Arc<dyn Fn(&Kernel, &str) -> String + Send + Sync>;

/// Options of a [`GpuDevice`].
#[derive(Clone, Default)]
pub struct GpuOptions {
    /// How workers' streams become command buffers.
    pub streams: Streams,
    /// Measure the kernels by timestamps on the device, where it has them.
    pub timestamps: bool,
    /// Bounds below the adapter's own: small ones make small shards take the path of large ones.
    pub bounds: Option<Bounds>,
    /// A wgpu device of its own instead of the one that the process shares: its loss is nobody else's.
    pub own_device: bool,
    /// For tests that a broken kernel is noticed, and for trying out another kernel.
    pub rewrite: Option<Rewrite>,
}

impl GpuOptions {
    /// What is compiled for a kernel.
    fn source(&self, kernel: &Kernel, precision: Precision) -> String {
        let text = kernel.source(precision).unwrap_or(kernel.f32);
        self.rewrite.as_ref().map_or_else(|| text.to_string(), |rewrite| rewrite(kernel, text))
    }
}

/// The shards of one operand, and for sparse ones their compressed columns once a transposed product has asked for them.
#[derive(Default)]
struct Resident {
    rows: Store,
    columns: Option<Store>,
}

/// A GPU, with shards stored in `T` (`f32` or `f16`) and arithmetic in `f32`.
///
/// ```no_run
/// use steadfast::data::{Dense, Matrix, Operand};
/// use steadfast::device::gpu::{Adapter, GpuDevice, GpuOptions};
/// use steadfast::device::{Batch, Device};
///
/// let mut device = GpuDevice::<f32>::open(&Adapter::Auto, GpuOptions::default())?;
/// let shard = Dense::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// device.upload(0, Operand::ROWS, Matrix::Dense(shard))?;
/// let batch = Batch { operand: Operand::ROWS, transposed: false, vectors: 1, workers: &[0] };
/// let mut reply = [0.0; 2];
/// device.run(&batch, &[1.0, 1.0, 1.0], &mut reply)?;
/// assert_eq!(reply, [6.0, 15.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct GpuDevice<T> {
    context: Arc<Context>,
    options: GpuOptions,
    bounds: Bounds,
    operands: BTreeMap<Operand, Resident>,
    /// By operand, direction and number of vectors.
    plans: BTreeMap<(Operand, bool, usize), Plan>,
    seconds: Option<f64>,
    element: PhantomData<T>,
}

impl<T: GpuElement> GpuDevice<T> {
    /// A device on the chosen adapter. Devices of one process on one adapter share its memory and its compiled kernels.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no such adapter or a bound is too small to work with; [`Error::Device`] when the
    /// adapter can't be opened.
    pub fn open(choice: &Adapter, options: GpuOptions) -> Result<Self> {
        let (context, bounds) = open(choice, &options)?;
        Ok(GpuDevice {
            context,
            options,
            bounds,
            operands: BTreeMap::new(),
            plans: BTreeMap::new(),
            seconds: None,
            element: PhantomData,
        })
    }

    /// Seconds that the kernels of the last product took on the device; `None` unless [`GpuOptions::timestamps`] is set and
    /// the adapter has them.
    pub fn last_kernel_seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// What the kernels keep to: the adapter's limits, or the smaller ones of [`GpuOptions::bounds`].
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How the last product of this operand, direction and number of vectors was laid over workgroups; this fixes the
    /// order of its sums.
    pub fn launch(&self, operand: Operand, transposed: bool, vectors: usize) -> Option<Launch> {
        self.plans.get(&(operand, transposed, vectors)).map(|plan| plan.launch)
    }

    /// Bytes a second that the device copies within its memory, reads and writes both counted: the best of several copies
    /// of `bytes` bytes, waiting included. The roof that products of large shards are held against.
    ///
    /// # Errors
    /// [`Error::Device`] when the memory is short or the device failed.
    pub fn copy_bandwidth(&self, bytes: usize) -> Result<f64> {
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let from = self.context.buffer("copy source", bytes, usage, false)?;
        let to = self.context.buffer("copy target", bytes, usage, false)?;
        // Several copies a submission, so that the wait for it weighs little.
        let copies = [(&from, 0, &to, 0, bytes & !3); 8];
        let mut best = f64::INFINITY;
        for _ in 0..6 {
            let start = std::time::Instant::now();
            self.context.copy(&copies)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        #[allow(clippy::cast_precision_loss, reason = "a rate, not an identity")]
        Ok(2.0 * copies.len() as f64 * bytes as f64 / best)
    }

    /// Destroys the wgpu device beneath, as a driver's reset would: every later call is an [`Error::Device`], here and on
    /// the devices that share it; one that is opened later is whole. For tests and drills.
    pub fn lose(&self) {
        self.context.device.destroy();
    }

    /// The shards that a product reads, gathered.
    fn ready(&mut self, operand: Operand, transposed: bool) -> Result<()> {
        let Some(resident) = self.operands.get_mut(&operand) else {
            return Ok(());
        };
        if transposed && resident.rows.shape()?.sparse {
            if resident.columns.is_none() {
                let mut columns = Store::default();
                for &worker in resident.rows.shapes.keys() {
                    let shard = resident.rows.transposed::<T>(&self.context, worker)?;
                    columns.upload(&self.context, &self.bounds, worker, &shard)?;
                }
                resident.columns = Some(columns);
            }
            if let Some(columns) = &mut resident.columns {
                columns.gather::<T>(&self.context, &self.bounds)?;
            }
            return Ok(());
        }
        resident.rows.gather::<T>(&self.context, &self.bounds)
    }

    /// The same; a store that failed halfway is not whole any more, unless it was refused for what was asked of it.
    fn gathered(&mut self, operand: Operand, transposed: bool) -> Result<()> {
        self.ready(operand, transposed).inspect_err(|error| {
            if !matches!(error, Error::Usage { .. }) {
                self.forget(operand);
            }
        })
    }

    fn plan(&mut self, key: (Operand, bool, usize)) -> Result<Plan> {
        if let Some(plan) = self.plans.remove(&key) {
            return Ok(plan);
        }
        let (operand, transposed, r) = key;
        self.gathered(operand, transposed)?;
        let store = match self.operands.get(&operand) {
            Some(Resident { columns: Some(columns), .. }) if transposed => columns,
            Some(resident) => &resident.rows,
            None => return Err(Error::usage("product", format!("operand {}", operand.0), "an uploaded operand")),
        };
        Plan::new::<T>(&self.context, &self.options, &self.bounds, store, transposed, r)
    }

    fn forget(&mut self, operand: Operand) {
        self.operands.remove(&operand);
        self.unplan(operand);
    }

    /// Drops whatever binds the shards of an operand.
    fn unplan(&mut self, operand: Operand) {
        self.plans.retain(|key, _| key.0 != operand);
    }
}

/// The wgpu device that the options ask for, and what kernels keep to.
fn open(choice: &Adapter, options: &GpuOptions) -> Result<(Arc<Context>, Bounds)> {
    let context =
        if options.own_device { Arc::new(Context::open(&choose(choice)?)?) } else { Context::shared(choice)? };
    let own = context.bounds;
    let bounds = options.bounds.map_or(own, |b| Bounds {
        iterations: b.iterations.min(own.iterations),
        binding_bytes: b.binding_bytes.min(own.binding_bytes) & !255,
        groups: b.groups.min(own.groups),
    });
    if bounds.iterations < 256 || bounds.binding_bytes < 256 || bounds.groups == 0 {
        return Err(Error::usage(
            "gpu bounds",
            format!("{bounds:?}"),
            "at least 256 iterations, 256 bytes a binding and one workgroup a dimension",
        ));
    }
    Ok((context, bounds))
}

impl<T: GpuElement> Device<T> for GpuDevice<T> {
    fn info(&self) -> DeviceInfo {
        self.context.info.clone()
    }

    fn upload(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()> {
        let resident = self.operands.entry(operand).or_default();
        resident.columns = None;
        let in_place = resident.rows.upload(&self.context, &self.bounds, worker, &shard)?;
        if !in_place {
            self.unplan(operand);
        }
        Ok(())
    }

    fn shape(&self, worker: usize, operand: Operand) -> Option<(usize, usize)> {
        self.operands.get(&operand)?.rows.shapes.get(&worker).map(|shape| (shape.rows, shape.cols))
    }

    fn run(&mut self, batch: &Batch<'_>, broadcast: &[f32], replies: &mut [f32]) -> Result<()> {
        self.seconds = None;
        let Batch { operand, transposed, vectors, workers } = *batch;
        if !workers.is_sorted_by(|a, b| a < b) {
            return Err(Error::usage("product", format!("workers {workers:?}"), "ascending workers, each once"));
        }
        let Some(&first) = workers.first() else {
            return expect("replies", replies.len(), 0);
        };
        for &worker in workers {
            if self.shape(worker, operand).is_none() {
                let got = format!("worker {worker} without a shard of operand {}", operand.0);
                return Err(Error::usage("product", got, "workers with a resident shard"));
            }
        }
        let (rows, cols) = self.shape(first, operand).unwrap_or_default();
        let (out_rows, length) = if transposed { (cols, rows) } else { (rows, cols) };
        expect("broadcast", broadcast.len(), vectors * length)?;
        expect("replies", replies.len(), workers.len() * out_rows * vectors)?;
        if replies.is_empty() || length == 0 {
            replies.fill(0.0);
            return Ok(());
        }
        let key = (operand, transposed, vectors);
        // A plan that fails is not kept: its buffers may be mapped or lost.
        let mut plan = self.plan(key)?;
        self.seconds = plan.run(&self.context, &self.bounds, workers, broadcast, replies)?;
        self.plans.insert(key, plan);
        Ok(())
    }
}

fn expect(what: &str, got: usize, allowed: usize) -> Result<()> {
    if got == allowed {
        return Ok(());
    }
    Err(Error::usage(what, format!("{got} numbers"), format!("{allowed} numbers")))
}
