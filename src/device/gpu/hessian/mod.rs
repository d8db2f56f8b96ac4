//! Hessian blocks on the device: the data stay there, the curvature goes there once a call, and the blocks of a call are
//! computed together, with one submission and one read-back.

mod exact;
mod sketched;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::context::Context;
use super::element::GpuElement;
use super::store::{Chunk, dense_pieces, sparse_pieces};
use super::{Adapter, GpuOptions, open};
use crate::data::Matrix;
use crate::device::hessian::{check_blocks, check_examples, check_square};
use crate::device::{DeviceInfo, HessianDevice};
use crate::error::Result;
use crate::kernel::{Bounds, Curvature, SketchBlock};

/// [`HessianDevice`] on a GPU, with the data stored in `T` (`f32` or `f16`) and arithmetic in `f32`. Sums are those of the
/// kernels' twins: [`crate::kernel::count_sketch`] or [`crate::kernel::count_sketch_csr`] and [`crate::kernel::gram`] for
/// sketches; [`crate::kernel::expand_rows`] where the data are sparse, [`crate::kernel::weighted_gram`] and
/// [`crate::kernel::sum_segments`] for exact blocks.
///
/// ```no_run
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::HessianDevice;
/// use steadfast::device::gpu::{Adapter, GpuHessian, GpuOptions};
/// use steadfast::kernel::Curvature;
///
/// let data = Matrix::Dense(Dense::new(3, 1, vec![1.0f32, 2.0, -1.0])?);
/// let mut device = GpuHessian::open(&Adapter::Auto, GpuOptions::default(), &data)?;
/// let mut out = [0.0];
/// device.exact_gram(&Curvature::Scalar(&[1.0; 3]), 0..3, &mut out)?;
/// assert_eq!(out, [6.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct GpuHessian<T> {
    data: Resident,
    sketched: Option<sketched::Plan>,
    exact: Option<exact::Plan>,
    seconds: Option<f64>,
    element: PhantomData<T>,
}

/// The data and where they are.
struct Resident {
    context: Arc<Context>,
    options: GpuOptions,
    bounds: Bounds,
    rows: usize,
    cols: usize,
    stored: usize,
    /// Stored values of the longest row, of sparse data.
    longest: Option<usize>,
    /// Ascending; each fits a binding.
    chunks: Vec<Chunk>,
    /// 16-byte storage units of a dense row.
    units: usize,
}

impl<T: GpuElement> GpuHessian<T> {
    /// Uploads an n x d matrix to the chosen adapter.
    ///
    /// # Errors
    /// As [`super::GpuDevice::open`], and [`crate::Error::Device`] where memory is short or a row does not fit a binding.
    pub fn open(choice: &Adapter, options: GpuOptions, data: &Matrix<T>) -> Result<Self> {
        let (context, bounds) = open(choice, &options)?;
        let (rows, cols) = (data.rows(), data.cols());
        let (longest, chunks) = match data {
            _ if rows == 0 || cols == 0 => (data.is_sparse().then_some(0), Vec::new()),
            Matrix::Dense(a) => (None, dense_pieces(&context, &bounds, 0, a.values(), rows, cols)?),
            Matrix::Csr(a) => {
                // Written out, the rows of a piece fit a binding, too, be it the smallest that adapters have.
                let room = bounds.binding_bytes.min(Bounds::default().binding_bytes);
                let most = (room / (cols.div_ceil(4) * 16)).max(1);
                let longest = a.offsets().windows(2).map(|w| w[1] - w[0]).max();
                (longest, sparse_pieces(&context, &bounds, 0, a, most)?)
            }
        };
        let stored = data.stored();
        let units = cols.div_ceil(T::WIDTH);
        let data = Resident { context, options, bounds, rows, cols, stored, longest, chunks, units };
        Ok(GpuHessian { data, sketched: None, exact: None, seconds: None, element: PhantomData })
    }

    /// What the kernels keep to: the adapter's limits, or the smaller ones of [`GpuOptions::bounds`].
    pub fn bounds(&self) -> Bounds {
        self.data.bounds
    }

    /// The rows of each binding, which the order of the sums depends on.
    pub fn bindings(&self) -> Vec<Range<usize>> {
        self.data.chunks.iter().map(|chunk| chunk.rows.clone()).collect()
    }

    /// Seconds that the kernels of the last submission took on the device; `None` unless [`GpuOptions::timestamps`] is set and
    /// the adapter has them.
    pub fn last_kernel_seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// Destroys the wgpu device beneath: see [`super::GpuDevice::lose`].
    pub fn lose(&self) {
        self.data.context.device.destroy();
    }
}

impl<T: GpuElement> HessianDevice<T> for GpuHessian<T> {
    fn info(&self) -> DeviceInfo {
        self.data.context.info.clone()
    }

    fn shape(&self) -> (usize, usize) {
        (self.data.rows, self.data.cols)
    }

    fn stored(&self) -> usize {
        self.data.stored
    }

    fn sketched_gram(
        &mut self,
        curvature: &Curvature<'_, f32>,
        blocks: &[SketchBlock],
        take: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()> {
        self.seconds = None;
        curvature.check(self.data.rows)?;
        check_blocks(blocks, self.data.rows * curvature.classes())?;
        let Some(first) = blocks.first() else { return Ok(()) };
        let form = sketched::Form::new(&self.data, curvature, first, blocks.len());
        if self.data.chunks.is_empty() {
            let zeros = vec![0.0; form.side() * form.side()];
            (0..blocks.len()).for_each(|number| take(number, &zeros));
            return Ok(());
        }
        // A plan that fails is not kept: its buffers may be mapped or lost.
        let mut plan = match self.sketched.take() {
            Some(plan) if plan.serves(&form) => plan,
            _ => sketched::Plan::new::<T>(&self.data, form)?,
        };
        self.seconds = plan.run(&self.data, curvature, blocks, take)?;
        self.sketched = Some(plan);
        Ok(())
    }

    fn exact_gram(&mut self, curvature: &Curvature<'_, f32>, examples: Range<usize>, out: &mut [f32]) -> Result<()> {
        self.seconds = None;
        curvature.check(self.data.rows)?;
        check_square(out.len(), self.data.cols * curvature.classes())?;
        check_examples(&examples, self.data.rows)?;
        if out.is_empty() || examples.is_empty() {
            out.fill(0.0);
            return Ok(());
        }
        let form = exact::Form::new(&self.data, curvature, examples);
        let mut plan = match self.exact.take() {
            Some(plan) if plan.serves(&form) => plan,
            _ => exact::Plan::new::<T>(&self.data, form)?,
        };
        self.seconds = plan.run(&self.data, curvature, out)?;
        self.exact = Some(plan);
        Ok(())
    }
}
