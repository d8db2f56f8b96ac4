//! Devices: where shards live and kernels run. `cpu` is always there; `gpu` is the only folder that names wgpu.

mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod hessian;
mod local;
mod nodes;
mod svrg;

pub use cpu::{CpuDevice, CpuHessian, CpuLocal, HessianScratch, SimdLevel, gram, multiply_one, sketch_rows};
pub use hessian::HessianDevice;
pub use local::{Factor, LocalCurvature, LocalDevice, LocalForm, Op, SCALARS, Scalar, Scalars, VECTORS, Vector};
pub use nodes::{NodeDevice, NodeVector};
pub use svrg::{Derivative, Svrg};

use std::ops::Range;

use crate::data::{Growth, Matrix, Operand};
use crate::error::{Error, Result};
use crate::scalar::Element;

/// What a device is, for records and `steadfast devices`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DeviceInfo {
    /// `cpu` or `gpu`.
    pub kind: String,
    /// Adapter or processor name.
    pub name: String,
    /// Driver and backend, or the SIMD level in use.
    pub detail: String,
    /// True for a GPU emulated on the CPU.
    pub software: bool,
}

/// One batch: the same kernel on the shards of several workers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batch<'a> {
    /// Which resident matrix.
    pub operand: Operand,
    /// False: `A_i V'` (shard rows x r). True: `A_i' V'` (shard cols x r).
    pub transposed: bool,
    /// r, the number of vectors.
    pub vectors: usize,
    /// The workers that compute, ascending.
    pub workers: &'a [usize],
}

/// A part of every shard of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Some rows.
    Rows(Range<usize>),
    /// Some columns: the vectors are zero in the others.
    Columns(Range<usize>),
}

/// A device that holds the shards of simulated workers and multiplies them.
pub trait Device<T: Element>: Send {
    /// What it is.
    fn info(&self) -> DeviceInfo;

    /// Makes `shard` resident as worker's part of `operand`, replacing what was there.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] when it does not fit or the device failed.
    fn upload(&mut self, worker: usize, operand: Operand, shard: Matrix<T>) -> Result<()>;

    /// Rows and columns of a resident shard; `None` when there is none.
    fn shape(&self, worker: usize, operand: Operand) -> Option<(usize, usize)>;

    /// Multiplies. `broadcast` holds r contiguous vectors (of shard columns, or rows when transposed). `replies` receives
    /// the workers' results one after the other in the order of `batch.workers`, each (rows x r) row-major; all shards
    /// of an operand have the same shape. One submission and one read-back on a GPU.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] on a failure of the device, [`crate::error::Error::Usage`] when a shard is missing
    /// or a length does not fit.
    fn run(&mut self, batch: &Batch<'_>, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()>;

    /// Multiplies with a part of each shard, which lies within it, in work proportional to the part. `broadcast` holds r
    /// contiguous vectors of as many numbers as the part has columns; `batch` is not transposed. A device without it says so.
    ///
    /// # Errors
    /// As [`Device::run`]; [`Error::Usage`] on a device that only multiplies with whole shards.
    fn run_part(&mut self, batch: &Batch<'_>, part: &Part, broadcast: &[T::Acc], replies: &mut [T::Acc]) -> Result<()> {
        let _ = (batch, part, broadcast, replies);
        let device = format!("{}, which multiplies with whole shards only", self.info().kind);
        Err(Error::usage("device for coordinate blocks", device, "cpu"))
    }

    /// Copies the shards' `columns`, with no arithmetic: `replies` receives (shard rows x columns), row-major, a worker, in the
    /// order of `workers`.
    ///
    /// # Errors
    /// [`Error::Usage`] when a shard or column is missing, a length does not fit, or the device has no way to do it.
    fn columns(
        &mut self,
        operand: Operand,
        workers: &[usize],
        columns: &[usize],
        replies: &mut [T::Acc],
    ) -> Result<()> {
        let _ = (operand, workers, columns, replies);
        Err(Error::usage("device for single columns of shards (method sgd)", self.info().kind, "cpu"))
    }

    /// Joins `part` to worker's resident shard of `operand`.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no such shard, the part does not fit it, or the device has no way to do it;
    /// [`Error::Device`] when it failed.
    fn grow(&mut self, worker: usize, operand: Operand, part: &Matrix<T>, growth: Growth) -> Result<()> {
        let _ = (worker, operand, part, growth);
        Err(Error::usage("device for shards that grow (streaming)", self.info().kind, "cpu"))
    }
}
