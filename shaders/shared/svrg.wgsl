// Steps of SVRG at each worker (a workgroup each): u - step (g + pull (u - w) + l2 (u - w) + x (f'(u) - f'(w))), samples x one after
// the other. `image_of` and `add_row` read a row: they differ by how rows are stored.

struct Params {
    rows: u32,       // of each worker
    units: u32,      // 16-byte storage units that a dense row takes
    classes: u32,    // K, at most CLASSES
    stride: u32,     // numbers from a class of a vector to the next
    samples: u32,    // of each worker
    begin: u32,      // the first sample of this dispatch
    end: u32,        // the sample after its last
    workers: u32,    // m
    loss: u32,       // which derivative: 0 squared, 1 logistic, 2 non-linear least squares, 3 softmax
    penalized: u32,  // the first columns so many
    step: f32,
    pull: f32,
    l2: f32,
}

const LANES: u32 = 256u;
const CLASSES: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
// The row of each sample, worker after worker.
@group(0) @binding(1) var<storage, read> drawn: array<u32>;
// K + 1 numbers a sample: the derivative at w, and the label.
@group(0) @binding(2) var<storage, read> known: array<f32>;
// u: K x stride for each worker.
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
// w, then g: K x stride each.
@group(0) @binding(7) var<storage, read> fixed: array<f32>;

var<workgroup> margins: array<f32, 64>;
var<workgroup> change: array<f32, 64>;

fn softplus(z: f32) -> f32 {
    return max(z, 0.0) + log(1.0 + exp(-abs(z)));
}

fn sigmoid(z: f32) -> f32 {
    let e = exp(-abs(z));
    return select(1.0, e, z < 0.0) / (1.0 + e);
}

// The derivative of a loss of one margin.
fn derivative(label: f32) -> f32 {
    let z = margins[0];
    if (params.loss == 0u) { return z - label; }
    if (params.loss == 1u) { return -label * sigmoid(-label * z); }
    return 2.0 * (softplus(z) - label) * sigmoid(z);
}

// What is added to a row's multiples between w and u.
fn changes(at: u32) {
    if (params.loss != 3u) {
        change[0] = derivative(known[at + 1u]) - known[at];
        return;
    }
    var largest = margins[0];
    for (var k = 1u; k < params.classes; k = k + 1u) { largest = max(largest, margins[k]); }
    var sum = vec4<f32>(0.0);
    for (var k = 0u; k < params.classes; k = k + 1u) {
        margins[k] = exp(margins[k] - largest);
        sum[k % 4u] = sum[k % 4u] + margins[k];
    }
    let total = (sum.x + sum.y) + (sum.z + sum.w);
    let label = u32(known[at + params.classes]);
    for (var k = 0u; k < params.classes; k = k + 1u) {
        change[k] = margins[k] / total - select(0.0, 1.0, k == label) - known[at + k];
    }
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let worker = group.y * grid.x + group.x;
    let length = params.classes * params.stride;
    if (worker >= params.workers) {
        return;
    }
    for (var sample = params.begin; sample < params.end; sample = sample + 1u) {
        let at = worker * params.samples + sample;
        let row = worker * params.rows + drawn[at];
        for (var k = 0u; k < params.classes; k = k + 1u) {
            let sum = tree_sum(image_of(worker, row, k, index), index, index, 1u);
            if (index == 0u) { margins[k] = (sum.x + sum.y) + (sum.z + sum.w); }
        }
        workgroupBarrier();
        if (index == 0u) { changes(at * (params.classes + 1u)); }
        for (var entry = index; entry < length; entry = entry + LANES) {
            let place = worker * length + entry;
            let moved = out[place] - fixed[entry];
            var slope = fixed[length + entry] + params.pull * moved;
            if (entry % params.stride < params.penalized) { slope = slope + params.l2 * moved; }
            out[place] = out[place] - params.step * slope;
        }
        // The row's part is added to what others have written, and the next sample reads it all.
        storageBarrier();
        workgroupBarrier();
        for (var k = 0u; k < params.classes; k = k + 1u) {
            add_row(worker, row, k, index, params.step * change[k]);
        }
        storageBarrier();
        workgroupBarrier();
    }
}
