//! Workers' own rows on the device, for inner solves: rows, second derivatives and vectors of all workers stay there, a chain of
//! operations is one submission, and each of its dispatches serves all workers.

mod chain;
mod resident;
mod svrg;

use std::marker::PhantomData;
use std::sync::Arc;

use super::element::GpuElement;
use super::{Adapter, GpuOptions, open};
use crate::data::Matrix;
use crate::device::local::{check_chain, check_parts, check_vector};
use crate::device::{DeviceInfo, LocalCurvature, LocalDevice, LocalForm, Op, SCALARS, Scalars, Svrg, Vector};
use crate::error::Result;
use crate::kernel::Launch;
use chain::Chain;
use resident::Resident;

/// [`LocalDevice`] on a GPU, with rows stored in `T` (`f32` or `f16`) and arithmetic in `f32`. Sums are those of the kernels' twins: a
/// product with `H_i` is [`crate::kernel::matvec_dense`], [`crate::kernel::bend_margins`],
/// [`crate::kernel::matvec_transposed_dense`] and [`crate::kernel::add_ridge`] ([`crate::kernel::matvec_csr`] twice where rows are
/// sparse); the others are [`crate::kernel::combine_vectors`] and [`crate::kernel::dot_vectors`]; steps of SVRG are
/// [`crate::kernel::svrg_steps`] or [`crate::kernel::svrg_steps_csr`].
///
/// ```no_run
/// use std::sync::Arc;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::gpu::{Adapter, GpuLocal, GpuOptions};
/// use steadfast::device::{LocalCurvature, LocalDevice, LocalForm, Op, Vector};
///
/// let rows = Arc::new(Matrix::Dense(Dense::new(1, 1, vec![2.0f32])?));
/// let form = LocalForm { classes: 1, scale: 1.0, l2: 0.5, penalized: 1 };
/// let mut device = GpuLocal::open(&Adapter::Auto, GpuOptions::default(), &[rows], form)?;
/// device.curve(&LocalCurvature::Full(vec![vec![1.0]]))?;
/// device.write(Vector(0), &[2.0])?;
/// device.run(&[Op::Product { from: Vector(0), to: Vector(1) }], &[0], &mut [[0.0; 8]])?;
/// assert_eq!(device.read(Vector(1))?, [vec![9.0]]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct GpuLocal<T> {
    data: Resident,
    /// What has been asked for so far, with its dispatches.
    chains: Vec<(Vec<Op>, Chain)>,
    svrg: Option<svrg::Plan>,
    /// The workers that the list on the device names.
    listed: Vec<usize>,
    seconds: Option<f64>,
    element: PhantomData<T>,
}

impl<T> std::fmt::Debug for GpuLocal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuLocal").field("device", &self.data.context.info).finish_non_exhaustive()
    }
}

impl<T: GpuElement> GpuLocal<T> {
    /// Uploads the rows of each worker (n_i x d) to the chosen adapter.
    ///
    /// # Errors
    /// As [`super::GpuDevice::open`]; [`crate::Error::Usage`] for a worker without rows, or with another d;
    /// [`crate::Error::Device`] where memory is short, or the rows of all workers or a vector of each pass a storage binding.
    pub fn open(choice: &Adapter, options: GpuOptions, parts: &[Arc<Matrix<T>>], form: LocalForm) -> Result<Self> {
        let shapes: Vec<_> = parts.iter().map(|rows| (rows.rows(), rows.cols())).collect();
        check_parts(&shapes, &form)?;
        let (context, bounds) = open(choice, &options)?;
        let data = Resident::new(context, options, bounds, parts, form)?;
        Ok(GpuLocal { data, chains: Vec::new(), svrg: None, listed: Vec::new(), seconds: None, element: PhantomData })
    }

    /// How products are laid over workgroups, which fixes the order of their sums: with the rows, and back.
    pub fn launches(&self) -> [Launch; 2] {
        [self.data.images.launch, self.data.pull.launch]
    }

    /// Pieces that each sum of these products is cut into.
    pub fn segments(&self) -> [usize; 2] {
        [self.data.images.segments, self.data.pull.segments]
    }

    /// Seconds that the kernels of the last chain took on the device; `None` unless [`GpuOptions::timestamps`] is set and the adapter
    /// has them.
    pub fn last_kernel_seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// Destroys the wgpu device beneath: see [`super::GpuDevice::lose`].
    pub fn lose(&self) {
        self.data.context.device.destroy();
    }
}

impl<T: GpuElement> LocalDevice for GpuLocal<T> {
    fn info(&self) -> DeviceInfo {
        self.data.context.info.clone()
    }

    fn workers(&self) -> usize {
        self.data.own_rows.len()
    }

    fn width(&self) -> usize {
        self.data.form.classes * self.data.cols
    }

    fn roundoff(&self) -> f64 {
        f64::from(f32::EPSILON) / 2.0
    }

    fn curve(&mut self, curvature: &LocalCurvature) -> Result<()> {
        curvature.check(self.data.form.classes, &self.data.own_rows)?;
        if self.data.curve(curvature)? {
            // They are bound to what was there.
            self.chains.clear();
        }
        Ok(())
    }

    fn write(&mut self, vector: Vector, numbers: &[f64]) -> Result<()> {
        check_vector(vector, numbers.len(), self.width())?;
        let all = self.data.padded(numbers).repeat(self.data.own_rows.len());
        self.data.context.write(&self.data.vectors[vector.0], 0, bytemuck::cast_slice(&all))
    }

    fn read(&mut self, vector: Vector) -> Result<Vec<Vec<f64>>> {
        check_vector(vector, self.width(), self.width())?;
        let Resident { cols, stride, own_rows, form, .. } = &self.data;
        let bytes =
            self.data.context.read(&self.data.vectors[vector.0], 0, own_rows.len() * form.classes * stride * 4)?;
        let numbers: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
        let own = |own: &[f32]| {
            own.chunks_exact(*stride).flat_map(|class| class[..*cols].iter().map(|&x| f64::from(x))).collect()
        };
        Ok(numbers.chunks_exact(form.classes * stride).map(own).collect())
    }

    fn run(&mut self, chain: &[Op], workers: &[usize], scalars: &mut [Scalars]) -> Result<()> {
        self.seconds = None;
        check_chain(chain, workers, scalars, self.workers(), self.data.numbers.is_some())?;
        if workers.is_empty() || chain.is_empty() {
            return Ok(());
        }
        if self.listed != workers {
            #[allow(clippy::cast_possible_truncation, reason = "workers whose rows share a binding of 32-bit words")]
            let list: Vec<u32> = workers.iter().map(|&worker| worker as u32).collect();
            self.data.context.write(&self.data.list, 0, bytemuck::cast_slice(&list))?;
            self.listed = workers.to_vec();
        }
        #[allow(clippy::cast_possible_truncation, reason = "rounded once to what the device computes in")]
        let sent: Vec<f32> = scalars.as_flattened().iter().map(|&x| x as f32).collect();
        // A chain that fails is not kept: its buffers may be mapped or lost.
        let found = self.chains.iter().position(|(ops, _)| ops == chain);
        let (ops, mut own) = match found {
            Some(at) => self.chains.swap_remove(at),
            None => (chain.to_vec(), Chain::new::<T>(&self.data, chain)?),
        };
        self.seconds = own.run(&self.data, workers.len(), &sent, &mut |back| {
            for &worker in workers {
                let back = &back[worker * SCALARS..][..SCALARS];
                scalars[worker].iter_mut().zip(back).for_each(|(to, from)| *to = f64::from(*from));
            }
        })?;
        self.chains.push((ops, own));
        Ok(())
    }

    fn svrg(&mut self, round: &Svrg<'_>) -> Result<Vec<Vec<f64>>> {
        self.seconds = None;
        round.check(&self.data.own_rows, self.data.form.classes, self.width())?;
        self.write(Vector(0), round.start)?;
        if round.samples() > 0 {
            let mut plan = match self.svrg.take() {
                Some(plan) if plan.serves(round.samples()) => plan,
                _ => svrg::Plan::new::<T>(&self.data, round.samples())?,
            };
            self.seconds = plan.run(&self.data, round)?;
            self.svrg = Some(plan);
        }
        self.read(Vector(0))
    }
}
