//! The uniform structs, field by field as in the shaders; a test compares the offsets.

use bytemuck::{Pod, Zeroable};

/// What one dispatch of a matrix-vector kernel is told (`shaders/shared/params.wgsl`).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct MatvecParams {
    /// Workgroups that cover one worker's output.
    pub blocks: u32,
    /// Pieces that each sum of this dispatch is cut into.
    pub segments: u32,
    /// Length of a piece: storage units, rows or stored values, by kernel.
    pub segment_length: u32,
    /// Where this dispatch's pieces start among all of the sum's.
    pub segment_base: u32,
    /// This dispatch's part of the list of computing workers.
    pub worker_begin: u32,
    /// Number of computing workers.
    pub worker_count: u32,
    /// Rows that each worker has in this binding.
    pub rows: u32,
    /// The first of them, counted in the worker's shard.
    pub row_begin: u32,
    /// 16-byte storage units that a dense row takes.
    pub units: u32,
    /// Rows of a worker's output.
    pub out_rows: u32,
    /// Numbers from one vector to the next.
    pub x_stride: u32,
    /// r, the row length of the output.
    pub vectors: u32,
    /// The first vector of this dispatch.
    pub vector_begin: u32,
    /// Number of vectors of this dispatch.
    pub vector_count: u32,
}

impl MatvecParams {
    /// The names of the fields, in order; each is a `u32`.
    pub const FIELDS: [&'static str; 14] = [
        "blocks",
        "segments",
        "segment_length",
        "segment_base",
        "worker_begin",
        "worker_count",
        "rows",
        "row_begin",
        "units",
        "out_rows",
        "x_stride",
        "vectors",
        "vector_begin",
        "vector_count",
    ];
}

/// What one dispatch of `sum_segments` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct SumParams {
    /// Numbers of the result.
    pub length: u32,
    /// Pieces of each.
    pub segments: u32,
}

/// What one dispatch of `count_sketch` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct SketchParams {
    /// Buckets of each block.
    pub buckets: u32,
    /// Number of blocks.
    pub blocks: u32,
    /// 16-byte storage units that a row takes.
    pub units: u32,
    /// Where the matrix begins in its binding, in rows.
    pub row_begin: u32,
}

/// What one dispatch of `gram` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct GramParams {
    /// Rows of each block.
    pub rows: u32,
    /// d.
    pub cols: u32,
    /// Units of four columns that a row takes.
    pub units: u32,
    /// Tiles along the columns.
    pub tiles: u32,
    /// Number of blocks.
    pub blocks: u32,
}
