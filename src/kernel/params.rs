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
    /// Numbers from a worker's vectors to the next worker's; 0 where all multiply the same.
    pub x_worker: u32,
}

impl MatvecParams {
    /// The names of the fields, in order; each is a `u32`.
    pub const FIELDS: [&'static str; 15] = [
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
        "x_worker",
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

/// What one dispatch of `count_sketch` or `count_sketch_csr` is told (`shaders/shared/sketch.wgsl`).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct SketchParams {
    /// Buckets of each block in this dispatch.
    pub buckets: u32,
    /// The first of them.
    pub bucket_begin: u32,
    /// Buckets of each block.
    pub all_buckets: u32,
    /// Number of blocks.
    pub blocks: u32,
    /// 16-byte storage units that a dense row takes.
    pub units: u32,
    /// d.
    pub cols: u32,
    /// K.
    pub classes: u32,
    /// 1 for softmax's factors, 0 where K = 1 and they are the roots.
    pub softmax: u32,
    /// The first row of the data in this binding.
    pub row_begin: u32,
    /// Where the starts of this binding's rows begin.
    pub starts_begin: u32,
    /// Numbers from a row of the sketches to the next.
    pub stride: u32,
    /// 1 where the sums are added to what is there.
    pub add: u32,
}

impl SketchParams {
    /// The names of the fields, in order; each is a `u32`.
    pub const FIELDS: [&'static str; 12] = [
        "buckets",
        "bucket_begin",
        "all_buckets",
        "blocks",
        "units",
        "cols",
        "classes",
        "softmax",
        "row_begin",
        "starts_begin",
        "stride",
        "add",
    ];
}

/// What one dispatch of `gram` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct GramParams {
    /// Rows of each block.
    pub rows: u32,
    /// Columns of each block.
    pub cols: u32,
    /// Units of four columns that a row takes.
    pub units: u32,
    /// Tiles along the columns.
    pub tiles: u32,
    /// Number of blocks.
    pub blocks: u32,
    /// 1 where the sums are added to what is there.
    pub add: u32,
}

/// What one dispatch of `weighted_gram` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, Pod, Zeroable)]
pub struct WeightedGramParams {
    /// The first row of this dispatch, counted in the binding.
    pub row_begin: u32,
    /// The row after its last.
    pub row_end: u32,
    /// Rows of a segment.
    pub segment_length: u32,
    /// Segments of this dispatch.
    pub segments: u32,
    /// The number of the binding's first row.
    pub example_begin: u32,
    /// d.
    pub cols: u32,
    /// 16-byte storage units that a row takes.
    pub units: u32,
    /// Tiles along the columns.
    pub tiles: u32,
    /// K.
    pub classes: u32,
    /// 1 where the numbers are probabilities, 0 where K = 1 and they are roots.
    pub softmax: u32,
    /// What softmax's second derivatives are multiplied by.
    pub scale: f32,
    /// 1 where the sums are added to what is there.
    pub add: u32,
}

impl WeightedGramParams {
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 12] = [
        "row_begin",
        "row_end",
        "segment_length",
        "segments",
        "example_begin",
        "cols",
        "units",
        "tiles",
        "classes",
        "softmax",
        "scale",
        "add",
    ];
}

/// What one dispatch of `expand_rows` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct ExpandParams {
    /// Rows of the matrix.
    pub rows: u32,
    /// Numbers from a row of the output to the next.
    pub stride: u32,
}

/// What one dispatch of `node_affine` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct AffineParams {
    /// Numbers of a vector.
    pub length: u32,
    /// Where x begins.
    pub x_at: u32,
    /// Where the output begins.
    pub out_at: u32,
}

/// What one dispatch of `row_slopes` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct SlopeParams {
    /// Rows of all nodes.
    pub length: u32,
    /// Where x begins.
    pub x_at: u32,
}

/// What one dispatch of `mix_copies` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct MixParams {
    /// Numbers of a vector.
    pub length: u32,
    /// Where x begins.
    pub x_at: u32,
    /// Where the output begins.
    pub out_at: u32,
    /// 1 where the list of edges that are down counts.
    pub faulty: u32,
}

/// What one dispatch of `scaled_sum` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, Pod, Zeroable)]
pub struct ScaledSumParams {
    /// Numbers of a vector.
    pub length: u32,
    /// Where the output begins.
    pub out_at: u32,
    /// Terms of the sum, 1 to 6.
    pub terms: u32,
    /// Where the vectors begin.
    pub at: [u32; 6],
    /// What they are multiplied by.
    pub by: [f32; 6],
}

/// What one dispatch of `walsh_hadamard` is told.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct HadamardParams {
    /// Rows, a power of two.
    pub rows: u32,
    /// Columns.
    pub cols: u32,
    /// Workgroups that cover the columns.
    pub across: u32,
    /// The lowest of the eight bits in which the rows of a workgroup differ.
    pub shift: u32,
    /// The levels of this pass among them, a bit each.
    pub levels: u32,
    /// Rows given to a first pass; 0 in a later one.
    pub given: u32,
}

impl HadamardParams {
    /// The names of the fields, in order; each is a `u32`.
    pub const FIELDS: [&'static str; 6] = ["rows", "cols", "across", "shift", "levels", "given"];
}
