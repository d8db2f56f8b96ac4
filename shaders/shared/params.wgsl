// What one dispatch of a matrix-vector kernel is told; `MatvecParams` in src/kernel/params.rs has the same fields.
struct Params {
    blocks: u32,          // workgroups that cover one worker's output
    segments: u32,        // pieces that each sum of this dispatch is cut into
    segment_length: u32,  // length of a piece: storage units, rows or stored values, by kernel
    segment_base: u32,    // where this dispatch's pieces start among all of the sum's
    worker_begin: u32,    // this dispatch's part of the list of computing workers
    worker_count: u32,
    rows: u32,            // rows that each worker has in this binding
    row_begin: u32,       // the first of them, counted in the worker's shard
    units: u32,           // 16-byte storage units a dense row takes
    out_rows: u32,        // rows of a worker's output
    x_stride: u32,        // numbers from one vector to the next
    vectors: u32,         // r, the row length of the output
    vector_begin: u32,    // the vectors of this dispatch
    vector_count: u32,
    x_worker: u32,        // numbers from a worker's vectors to the next worker's; 0 where all multiply the same
}

@group(0) @binding(0) var<uniform> params: Params;
// The slots (in this binding) of the workers that compute; the others are skipped.
@group(0) @binding(1) var<storage, read> workers: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

// Invocations whose partial sums are added up by `tree_sum`, and vectors that are multiplied at a time (1 or 4).
override LANES: u32 = 64u;
override TILE: u32 = 1u;

// What a workgroup computes. The grid is folded, so it is found from the linear number of the workgroup.
struct Job {
    inside: bool,
    block: u32,
    segment: u32,
    position: u32,
}

fn job_of(group: vec3<u32>, grid: vec3<u32>) -> Job {
    let number = group.y * grid.x + group.x;
    let inside = number < params.blocks * params.segments * params.worker_count;
    let rest = number / params.blocks;
    return Job(inside, number % params.blocks, rest % params.segments, rest / params.segments);
}

// Where the output row `row` begins, for the given job.
fn out_begin(job: Job, row: u32) -> u32 {
    let piece = (params.segment_base + job.segment) * params.worker_count + job.position;
    return (piece * params.out_rows + row) * params.vectors + params.vector_begin;
}

// Where the vectors of a job's worker begin.
fn x_begin(job: Job) -> u32 {
    return workers[params.worker_begin + job.position] * params.x_worker;
}
