// out = keep * out + times * vector at each worker, the factors made of the worker's scalars. An invocation takes four numbers.

struct Params {
    units: u32,         // 16-byte units of a worker's vector
    blocks: u32,        // workgroups that cover them
    worker_count: u32,  // workers that compute
    keep: u32,          // a factor, or OVERWRITE
    times: u32,         // a factor
}

// Scalars of a worker.
const SCALARS: u32 = 8u;
const OVERWRITE: u32 = 512u;

@group(0) @binding(0) var<uniform> params: Params;
// The workers that compute.
@group(0) @binding(1) var<storage, read> workers: array<u32>;
@group(0) @binding(2) var<storage, read> vector: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> scalars: array<f32>;

// A quotient of two scalars: bits 0 to 3 number the one, 4 to 7 the other, 15 stands for 1, bit 8 for minus. 0 over 0.
fn factor(code: u32, worker: u32) -> f32 {
    let numerator = code & 15u;
    let denominator = (code >> 4u) & 15u;
    var over = 1.0;
    var under = 1.0;
    if (numerator != 15u) { over = scalars[worker * SCALARS + numerator]; }
    if (denominator != 15u) { under = scalars[worker * SCALARS + denominator]; }
    if (under == 0.0) {
        return 0.0;
    }
    let value = over / under;
    return select(value, -value, (code & 256u) != 0u);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let position = number / params.blocks;
    let unit = number % params.blocks * 256u + index;
    if (position >= params.worker_count || unit >= params.units) {
        return;
    }
    let worker = workers[position];
    let at = worker * params.units + unit;
    let added = factor(params.times, worker) * vector[at];
    if (params.keep == OVERWRITE) {
        out[at] = added;
    } else {
        out[at] = factor(params.keep, worker) * out[at] + added;
    }
}
