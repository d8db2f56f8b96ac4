//! The list of kernels: name, WGSL source, workgroup geometry and CPU twin. A twin is plain code that sums in the shader's
//! order, readable beside the shader of the same stem in `shaders/`. The fast CPU kernels are in [`crate::device`].

pub mod add_ridge;
pub mod bend_margins;
pub mod combine_vectors;
pub mod count_sketch;
pub mod count_sketch_csr;
mod curvature;
pub mod dot_vectors;
pub mod expand_rows;
pub mod gram;
mod launch;
mod local_params;
pub mod matvec_csr;
pub mod matvec_dense;
pub mod matvec_transposed_dense;
pub mod mix_copies;
pub mod node_affine;
mod node_maps;
mod params;
pub mod row_slopes;
pub mod scaled_sum;
mod sketch_block;
pub mod sum_segments;
pub mod svrg_steps;
pub mod svrg_steps_csr;
#[cfg(test)]
mod tests;
mod tree;
pub mod walsh_hadamard;
pub mod weighted_gram;

pub use curvature::Curvature;
pub use launch::{Bounds, Launch};
pub use local_params::{BendParams, CombineParams, DotParams, RidgeParams, SvrgParams};
pub use node_maps::{MixRows, NodeMap, NodeMaps, NodeRows, NodeWork};
pub use params::{
    AffineParams, ExpandParams, GramParams, HadamardParams, MatvecParams, MixParams, ScaledSumParams, SketchParams,
    SlopeParams, SumParams, WeightedGramParams,
};
pub use sketch_block::{BucketIndex, Entry, SketchBlock, SketchKind};
pub use walsh_hadamard::{HadamardDevice, walsh_hadamard};

use crate::scalar::Precision;

/// Invocations of a workgroup, the same in every kernel: what every adapter allows.
pub const INVOCATIONS: usize = 256;

/// One WGSL kernel. Its stem names the shader in `shaders/` and the module here that holds its CPU twin.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// The stem.
    pub name: &'static str,
    /// The source for shards stored in f32.
    pub f32: &'static str,
    /// The source for shards stored in f16 (the same text where no shard is read).
    pub f16: &'static str,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
}

impl Kernel {
    /// The WGSL source for a storage precision; `None` where the kernel has none (f64).
    pub fn source(&self, precision: Precision) -> Option<&'static str> {
        match precision {
            Precision::F64 => None,
            Precision::F32 => Some(self.f32),
            Precision::F16 => Some(self.f16),
        }
    }
}

/// Every kernel.
pub const KERNELS: &[Kernel] = &[
    matvec_dense::KERNEL,
    matvec_transposed_dense::KERNEL,
    matvec_csr::KERNEL,
    sum_segments::KERNEL,
    count_sketch::KERNEL,
    count_sketch_csr::KERNEL,
    gram::KERNEL,
    weighted_gram::KERNEL,
    expand_rows::KERNEL,
    node_affine::KERNEL,
    row_slopes::KERNEL,
    mix_copies::KERNEL,
    scaled_sum::KERNEL,
    walsh_hadamard::KERNEL,
    bend_margins::KERNEL,
    add_ridge::KERNEL,
    combine_vectors::KERNEL,
    dot_vectors::KERNEL,
    svrg_steps::KERNEL,
    svrg_steps_csr::KERNEL,
];
