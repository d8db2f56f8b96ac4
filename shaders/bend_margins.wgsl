// out = the loss's second derivative at each row times a vector's images there: the middle of a product with a worker's Hessian.
// An invocation takes a row. A sum over classes is formed in four parts (classes 0, 4, 8, ...; 1, 5, ...), added in pairs.

struct Params {
    rows: u32,          // of each worker
    classes: u32,       // K
    stride: u32,        // numbers from a class of the output to the next
    blocks: u32,        // workgroups that cover one worker's rows
    worker_count: u32,  // workers that compute
    softmax: u32,       // 1 where a row has K probabilities p that stand for diag(p) - p p', 0 where it has K x K numbers
    scale: f32,         // what the second derivatives are multiplied by
}

@group(0) @binding(0) var<uniform> params: Params;
// The workers that compute.
@group(0) @binding(1) var<storage, read> workers: array<u32>;
// rows x K for each that computes.
@group(0) @binding(2) var<storage, read> margins: array<f32>;
// K x stride for each.
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
// For each worker, whether it computes or not.
@group(0) @binding(4) var<storage, read> numbers: array<f32>;

// The product of K numbers from `a` on with the margins from `b` on.
fn product(a: u32, b: u32) -> f32 {
    var s = vec4<f32>(0.0);
    for (var k = 0u; k < params.classes; k = k + 4u) {
        s.x = s.x + numbers[a + k] * margins[b + k];
        if (k + 1u < params.classes) { s.y = s.y + numbers[a + k + 1u] * margins[b + k + 1u]; }
        if (k + 2u < params.classes) { s.z = s.z + numbers[a + k + 2u] * margins[b + k + 2u]; }
        if (k + 3u < params.classes) { s.w = s.w + numbers[a + k + 3u] * margins[b + k + 3u]; }
    }
    return (s.x + s.y) + (s.z + s.w);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let position = number / params.blocks;
    let row = number % params.blocks * 256u + index;
    if (position >= params.worker_count || row >= params.rows) {
        return;
    }
    let worker = workers[position];
    let classes = params.classes;
    let z = (position * params.rows + row) * classes;
    let to = worker * classes * params.stride + row;
    if (params.softmax == 1u) {
        let p = (worker * params.rows + row) * classes;
        let mean = product(p, z);
        for (var k = 0u; k < classes; k = k + 1u) {
            out[to + k * params.stride] = params.scale * (numbers[p + k] * (margins[z + k] - mean));
        }
    } else {
        let second = (worker * params.rows + row) * classes * classes;
        for (var k = 0u; k < classes; k = k + 1u) {
            out[to + k * params.stride] = params.scale * product(second + k * classes, z);
        }
    }
}
