// What one dispatch of a count-sketch is told; `SketchParams` in src/kernel/params.rs has the same fields.
struct Params {
    buckets: u32,       // of each block in this dispatch
    bucket_begin: u32,  // the first of them
    all_buckets: u32,   // of each block
    blocks: u32,
    units: u32,         // 16-byte storage units that a dense row takes
    cols: u32,          // d
    classes: u32,       // K
    softmax: u32,       // 1 where row r of an example's factor is its root times e_r - p, 0 where K = 1 and it is the root
    row_begin: u32,     // the first row of the data in this binding
    starts_begin: u32,  // where the starts of this binding's rows begin
    stride: u32,        // numbers from a row of the sketches to the next
    add: u32,           // 1 where the sums are added to what is there
}

@group(0) @binding(0) var<uniform> params: Params;
// Where the entries of each bucket begin: all_buckets + 1 numbers a block.
@group(0) @binding(1) var<storage, read> starts: array<u32>;
// Twice the row of A, which is example * K + r, plus one where it is subtracted.
@group(0) @binding(2) var<storage, read> entries: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
// One for each row of A.
@group(0) @binding(5) var<storage, read> roots: array<f32>;
// K for each example.
@group(0) @binding(6) var<storage, read> probabilities: array<f32>;

// The row of the data, counted in this binding.
fn data_row(entry: u32) -> u32 {
    let row = entry >> 1u;
    if (params.classes == 1u) {
        return row - params.row_begin;
    }
    return row / params.classes - params.row_begin;
}

// What that row is multiplied by in the columns of class k.
fn coefficient(entry: u32, k: u32) -> f32 {
    let row = entry >> 1u;
    var factor = roots[row];
    if (params.softmax == 1u) {
        let r = row % params.classes;
        let p = probabilities[row - r + k];
        factor = factor * select(-p, 1.0 - p, r == k);
    }
    return select(factor, -factor, (entry & 1u) == 1u);
}

// Which sums of the sketches are formed: those of a bucket, counted through the blocks, and of a class.
struct Job {
    bucket: u32,
    k: u32,
    begin: u32,  // of its entries
    end: u32,
}

fn job_of(rest: u32) -> Job {
    let bucket = rest / params.classes;
    let block = bucket / params.buckets;
    let place =
        params.starts_begin + block * (params.all_buckets + 1u) + params.bucket_begin + bucket % params.buckets;
    return Job(bucket, rest % params.classes, starts[place], starts[place + 1u]);
}

fn put(job: Job, column: u32, sum: f32) {
    if (column >= params.cols) {
        return;
    }
    let at = job.bucket * params.stride + job.k * params.cols + column;
    if (params.add == 1u) {
        out[at] = out[at] + sum;
    } else {
        out[at] = sum;
    }
}
