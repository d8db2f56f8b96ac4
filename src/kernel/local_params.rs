//! What dispatches of the kernels of inner solves are told, field by field as in the shaders.

use bytemuck::{Pod, Zeroable};

/// What one dispatch of `bend_margins` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, Pod, Zeroable)]
pub struct BendParams {
    /// Rows of each worker.
    pub rows: u32,
    /// K.
    pub classes: u32,
    /// Numbers from a class of the output to the next.
    pub stride: u32,
    /// Workgroups that cover one worker's rows.
    pub blocks: u32,
    /// Workers that compute.
    pub worker_count: u32,
    /// 1 where a row has K probabilities, 0 where it has K x K numbers.
    pub softmax: u32,
    /// What the second derivatives are multiplied by.
    pub scale: f32,
}

impl BendParams {
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 7] = ["rows", "classes", "stride", "blocks", "worker_count", "softmax", "scale"];
}

/// What one dispatch of `add_ridge` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, Pod, Zeroable)]
pub struct RidgeParams {
    /// d.
    pub cols: u32,
    /// K.
    pub classes: u32,
    /// Numbers from a class of a vector to the next.
    pub stride: u32,
    /// Workgroups that cover one worker's numbers.
    pub blocks: u32,
    /// Workers that compute.
    pub worker_count: u32,
    /// The first columns so many.
    pub penalized: u32,
    /// l2.
    pub scale: f32,
}

impl RidgeParams {
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 7] = ["cols", "classes", "stride", "blocks", "worker_count", "penalized", "scale"];
}

/// What one dispatch of `combine_vectors` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct CombineParams {
    /// 16-byte units of a worker's vector.
    pub units: u32,
    /// Workgroups that cover them.
    pub blocks: u32,
    /// Workers that compute.
    pub worker_count: u32,
    /// The code of a factor.
    pub keep: u32,
    /// The code of a factor.
    pub times: u32,
}

impl CombineParams {
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 5] = ["units", "blocks", "worker_count", "keep", "times"];
}

/// What one dispatch of `dot_vectors` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct DotParams {
    /// 16-byte units of a worker's vector.
    pub units: u32,
    /// Workers that compute.
    pub worker_count: u32,
    /// The number of the scalar.
    pub to: u32,
    /// 1 where its root is meant.
    pub root: u32,
}

impl DotParams {
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 4] = ["units", "worker_count", "to", "root"];
}

/// What one dispatch of `svrg_steps` or `svrg_steps_csr` is told (`shaders/shared/svrg.wgsl`).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, Pod, Zeroable)]
pub struct SvrgParams {
    /// Rows of each worker.
    pub rows: u32,
    /// 16-byte storage units that a dense row takes.
    pub units: u32,
    /// K.
    pub classes: u32,
    /// Numbers from a class of a vector to the next.
    pub stride: u32,
    /// Samples of each worker.
    pub samples: u32,
    /// The first sample of this dispatch.
    pub begin: u32,
    /// The sample after its last.
    pub end: u32,
    /// m.
    pub workers: u32,
    /// The number of a loss.
    pub loss: u32,
    /// The first columns so many.
    pub penalized: u32,
    /// Length of a step.
    pub step: f32,
    /// mu.
    pub pull: f32,
    /// Weight of the penalty.
    pub l2: f32,
}

impl SvrgParams {
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 13] = [
        "rows",
        "units",
        "classes",
        "stride",
        "samples",
        "begin",
        "end",
        "workers",
        "loss",
        "penalized",
        "step",
        "pull",
        "l2",
    ];
}
