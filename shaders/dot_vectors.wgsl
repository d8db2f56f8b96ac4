// A scalar of each worker = the product of two of its vectors, or the root of it. A workgroup takes a worker; each of its lanes
// takes every LANES-th 16-byte unit, in four sums; the lanes are added by a tree, then the four sums in pairs.

struct Params {
    units: u32,         // 16-byte units of a worker's vector
    worker_count: u32,  // workers that compute
    to: u32,            // the number of the scalar
    root: u32,          // 1 where its root is meant
}

// Scalars of a worker.
const SCALARS: u32 = 8u;
const LANES: u32 = 256u;

@group(0) @binding(0) var<uniform> params: Params;
// The workers that compute.
@group(0) @binding(1) var<storage, read> workers: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> scalars: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let position = group.y * grid.x + group.x;
    if (position >= params.worker_count) {
        return;
    }
    let worker = workers[position];
    let begin = worker * params.units;
    var s = vec4<f32>(0.0);
    for (var unit = index; unit < params.units; unit = unit + LANES) {
        s = s + a[begin + unit] * b[begin + unit];
    }
    let t = tree_sum(s, index, index, 1u);
    if (index == 0u) {
        let sum = (t.x + t.y) + (t.z + t.w);
        scalars[worker * SCALARS + params.to] = select(sum, sqrt(sum), params.root == 1u);
    }
}
