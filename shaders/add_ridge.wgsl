// out = what each worker pulled back through X', laid out as its vectors are, plus l2 times the vector in the columns that are
// penalized: the end of a product with a worker's Hessian. An invocation takes a number; what fills a class up becomes 0.

struct Params {
    cols: u32,          // d
    classes: u32,       // K
    stride: u32,        // numbers from a class of a vector to the next
    blocks: u32,        // workgroups that cover one worker's numbers
    worker_count: u32,  // workers that compute
    penalized: u32,     // the first columns so many
    scale: f32,         // l2
}

@group(0) @binding(0) var<uniform> params: Params;
// The workers that compute.
@group(0) @binding(1) var<storage, read> workers: array<u32>;
// cols x K for each that computes.
@group(0) @binding(2) var<storage, read> pulled: array<f32>;
// K x stride for each worker, whether it computes or not.
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read> vector: array<f32>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let position = number / params.blocks;
    let entry = number % params.blocks * 256u + index;
    if (position >= params.worker_count || entry >= params.stride * params.classes) {
        return;
    }
    let k = entry / params.stride;
    let column = entry % params.stride;
    let at = (workers[position] * params.classes + k) * params.stride + column;
    var sum = 0.0;
    if (column < params.cols) { sum = pulled[(position * params.cols + column) * params.classes + k]; }
    if (column < params.penalized) { sum = sum + params.scale * vector[at]; }
    out[at] = sum;
}
