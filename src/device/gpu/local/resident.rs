//! What stays on the device between chains.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::{Csr, Dense, Matrix};
use crate::device::gpu::GpuOptions;
use crate::device::gpu::context::Context;
use crate::device::gpu::element::GpuElement;
use crate::device::gpu::plan::{number, too_large};
use crate::device::gpu::store::{Body, Store};
use crate::device::{LocalCurvature, LocalForm, VECTORS};
use crate::error::Result;
use crate::kernel::{
    Bounds, INVOCATIONS, Kernel, Launch, MatvecParams, matvec_csr, matvec_dense, matvec_transposed_dense,
};

/// Vectors start at multiples of so many numbers.
const VECTOR_ALIGN: usize = 64;

/// One half of a product with a Hessian.
pub(super) struct Half {
    pub kernel: Kernel,
    pub launch: Launch,
    pub segments: usize,
    /// Units or stored values of the longest row.
    pub length: usize,
    /// Numbers that one worker's result has a class.
    pub out_rows: usize,
    /// The workers' rows, or their columns, by binding.
    pub matrix: Vec<(u32, wgpu::Buffer)>,
    /// All but the workers.
    pub params: MatvecParams,
    /// Where it leaves the pieces of its sums, and their joining the sums; the same without pieces.
    pub pieces: wgpu::Buffer,
    pub results: wgpu::Buffer,
}

/// The data and vectors of all workers.
pub(super) struct Resident {
    pub context: Arc<Context>,
    pub options: GpuOptions,
    pub bounds: Bounds,
    pub form: LocalForm,
    pub cols: usize,
    /// Rows of each worker, and of the largest, which the others are filled up to with empty rows.
    pub own_rows: Vec<usize>,
    pub rows: usize,
    /// Numbers from a class of a vector to the next, and the same of `D_i X_i v`.
    pub stride: usize,
    pub bent_stride: usize,
    pub images: Half,
    pub pull: Half,
    pub bent: wgpu::Buffer,
    pub vectors: Vec<wgpu::Buffer>,
    /// The workers that compute.
    pub list: wgpu::Buffer,
    /// Second derivatives, once there are some, and whether they are softmax's.
    pub numbers: Option<wgpu::Buffer>,
    pub softmax: bool,
}

/// `part` with empty rows after its own.
fn filled<T: GpuElement>(part: &Matrix<T>, rows: usize) -> Result<Cow<'_, Matrix<T>>> {
    if part.rows() == rows {
        return Ok(Cow::Borrowed(part));
    }
    Ok(Cow::Owned(match part {
        Matrix::Dense(a) => {
            let mut values = a.values().to_vec();
            values.resize(rows * a.cols(), T::from_f64(0.0));
            Matrix::Dense(Dense::new(rows, a.cols(), values)?)
        }
        Matrix::Csr(a) => {
            let mut offsets = a.offsets().to_vec();
            offsets.resize(rows + 1, a.values().len());
            Matrix::Csr(Csr::new(rows, a.cols(), offsets, a.indices().to_vec(), a.values().to_vec())?)
        }
    }))
}

/// The shards side by side, which must fit one binding: a dispatch then serves them all.
fn gathered<T: GpuElement>(
    context: &Context,
    bounds: &Bounds,
    shards: impl Iterator<Item = Result<Matrix<T>>>,
) -> Result<(Store, usize)> {
    let mut store = Store::default();
    let mut bytes = 0;
    for (worker, shard) in shards.enumerate() {
        let shard = shard?;
        bytes += match &shard {
            Matrix::Dense(a) => a.rows() * a.cols().div_ceil(T::WIDTH) * 16,
            Matrix::Csr(a) => (a.values().len() * 4).max((a.rows() + 1) * 4),
        };
        store.upload(context, bounds, worker, &shard)?;
    }
    store.gather::<T>(context, bounds)?;
    Ok((store, bytes))
}

impl Half {
    #[allow(clippy::too_many_arguments, reason = "the shape of one product, used once")]
    fn new<T: GpuElement>(
        context: &Context,
        bounds: &Bounds,
        (store, bytes): &(Store, usize),
        classes: usize,
        transposed: bool,
        strides: (usize, usize),
        workers: usize,
    ) -> Result<Half> {
        let shape = store.shape()?;
        let units = shape.cols.div_ceil(T::WIDTH);
        let across = transposed && !shape.sparse;
        let (kernel, launch, length) = if shape.sparse {
            let launch = Launch::csr(shape.stored / shape.rows.max(1), shape.longest, classes, bounds);
            (matvec_csr::KERNEL, launch, shape.longest)
        } else if across {
            let launch = Launch::transposed_dense(shape.rows, units, T::WIDTH, classes, bounds);
            (matvec_transposed_dense::KERNEL, launch, shape.rows)
        } else {
            (matvec_dense::KERNEL, Launch::dense(units, classes, bounds), units)
        };
        let segments = launch.segments(length);
        let out_rows = if across { shape.cols } else { shape.rows };
        let out_bytes = workers * out_rows * classes * 4;
        let matrix = match &store.chunks[..] {
            [chunk] if chunk.rows.len() == shape.rows => match &chunk.body {
                Body::Dense { matrix } => vec![(4, matrix.clone())],
                Body::Sparse { offsets, columns, values, .. } => {
                    vec![(4, values.clone()), (5, offsets.clone()), (6, columns.clone())]
                }
            },
            _ => return Err(too_large(context, "the rows of all workers", *bytes, bounds)),
        };
        if out_bytes * segments > bounds.binding_bytes {
            return Err(too_large(context, "the products of all workers", out_bytes * segments, bounds));
        }
        if launch.pass < classes || launch.iterations() > bounds.iterations || segments > bounds.iterations {
            let message = format!("{launch:?} passes {} loop iterations an invocation", bounds.iterations);
            return Err(context.error(message));
        }
        let number = |n: usize| number(context, n);
        let params = MatvecParams {
            blocks: number(out_rows.div_ceil(launch.block))?,
            segments: number(segments)?,
            segment_length: number(launch.segment_length)?,
            rows: number(shape.rows)?,
            units: number(units)?,
            out_rows: number(out_rows)?,
            x_stride: number(strides.0)?,
            vectors: number(classes)?,
            vector_count: number(classes)?,
            x_worker: number(strides.1)?,
            ..MatvecParams::default()
        };
        let usage = wgpu::BufferUsages::STORAGE;
        let results = context.buffer("products", out_bytes, usage, false)?;
        let pieces = match segments {
            1 => results.clone(),
            _ => context.buffer("pieces", out_bytes * segments, usage, false)?,
        };
        Ok(Half { kernel, launch, segments, length, out_rows, matrix, params, pieces, results })
    }
}

impl Resident {
    /// Uploads the rows and makes room for the vectors.
    pub fn new<T: GpuElement>(
        context: Arc<Context>,
        options: GpuOptions,
        bounds: Bounds,
        parts: &[Arc<Matrix<T>>],
        form: LocalForm,
    ) -> Result<Resident> {
        let own_rows: Vec<usize> = parts.iter().map(|part| part.rows()).collect();
        let rows = own_rows.iter().copied().max().unwrap_or(0);
        let cols = parts.first().map_or(0, |part| part.cols());
        let (stride, bent_stride) = (cols.next_multiple_of(VECTOR_ALIGN), rows.next_multiple_of(VECTOR_ALIGN));
        let (workers, classes) = (parts.len(), form.classes);
        // The loops of `bend_margins` and `dot_vectors`, the steps of its tree included.
        let longest = (classes * (1 + classes.div_ceil(4))).max((classes * stride / 4).div_ceil(INVOCATIONS) + 8);
        if longest > bounds.iterations {
            let message = format!("{cols} columns and {classes} classes pass {} loop iterations", bounds.iterations);
            return Err(context.error(message));
        }
        for (what, bytes) in [
            ("a vector of every worker", workers * classes * stride * 4),
            ("the images of every worker", workers * classes * bent_stride * 4),
        ] {
            if bytes > bounds.binding_bytes {
                return Err(too_large(&context, what, bytes, &bounds));
            }
        }
        let all = || parts.iter().map(|part| filled(part, rows).map(Cow::into_owned));
        let by_rows = gathered::<T>(&context, &bounds, all())?;
        // The dense kernel that pulls back reads rows, too; the sparse one columns.
        let by_columns = match parts.iter().any(|part| part.is_sparse()) {
            true => Some(gathered::<T>(&context, &bounds, all().map(|part| part?.transposed()))?),
            false => None,
        };
        let strides = (stride, classes * stride);
        let images = Half::new::<T>(&context, &bounds, &by_rows, classes, false, strides, workers)?;
        let strides = (bent_stride, classes * bent_stride);
        let back = by_columns.as_ref().unwrap_or(&by_rows);
        let pull = Half::new::<T>(&context, &bounds, back, classes, true, strides, workers)?;
        use wgpu::BufferUsages as Usage;
        let buffer = |label, bytes, usage| context.buffer(label, bytes, usage, false);
        let transfer = Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC;
        let vectors = (0..VECTORS)
            .map(|_| buffer("vectors", workers * classes * stride * 4, transfer))
            .collect::<Result<Vec<_>>>()?;
        let bent = buffer("images", workers * classes * bent_stride * 4, Usage::STORAGE)?;
        let list = buffer("workers", workers * 4, Usage::STORAGE | Usage::COPY_DST)?;
        Ok(Resident {
            context: context.clone(),
            options,
            bounds,
            form,
            cols,
            own_rows,
            rows,
            stride,
            bent_stride,
            images,
            pull,
            bent,
            vectors,
            list,
            numbers: None,
            softmax: false,
        })
    }

    /// K d numbers as the device lays them out.
    pub fn padded(&self, numbers: &[f64]) -> Vec<f32> {
        let mut own = vec![0.0f32; self.form.classes * self.stride];
        for (to, from) in own.chunks_exact_mut(self.stride).zip(numbers.chunks_exact(self.cols)) {
            #[allow(clippy::cast_possible_truncation, reason = "rounded once to what the device computes in")]
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
        }
        own
    }

    /// Writes second derivatives. True where they are in another place than those before.
    pub fn curve(&mut self, curvature: &LocalCurvature) -> Result<bool> {
        let width = self.rows * curvature.width(self.form.classes);
        let bytes = self.own_rows.len() * width * 4;
        let softmax = matches!(curvature, LocalCurvature::Softmax(_));
        let moved = self.numbers.is_none() || softmax != self.softmax;
        if moved {
            if bytes > self.bounds.binding_bytes {
                return Err(too_large(&self.context, "the second derivatives", bytes, &self.bounds));
            }
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
            self.numbers = Some(self.context.buffer("second derivatives", bytes, usage, false)?);
            self.softmax = softmax;
        }
        // Rows that fill a worker up have none.
        let mut all = vec![0.0f32; self.own_rows.len() * width];
        for (to, from) in all.chunks_exact_mut(width).zip(curvature.numbers()) {
            #[allow(clippy::cast_possible_truncation, reason = "rounded once to what the device computes in")]
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
        }
        if let Some(numbers) = &self.numbers {
            self.context.write(numbers, 0, bytemuck::cast_slice(&all))?;
        }
        Ok(moved)
    }
}
