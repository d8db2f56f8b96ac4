// out = W x: each stored number's differences from its neighbours' copies, weighted. An invocation a number; four sums
// (neighbours 0, 4, 8, ...; 1, 5, ...), added in pairs. Neighbours over an edge that is down are left out.

struct Params {
    length: u32,  // numbers of a vector
    x_at: u32,    // where x begins
    out_at: u32,  // where the output begins
    faulty: u32,  // 1 where `down` counts
}

@group(0) @binding(0) var<uniform> params: Params;
// All vectors, one after the other.
@group(0) @binding(1) var<storage, read_write> vectors: array<f32>;
// The row of W of each number, and its place in the row's block.
@group(0) @binding(2) var<storage, read> owners: array<vec2<u32>>;
// Where each row's entries begin, and the end.
@group(0) @binding(3) var<storage, read> offsets: array<u32>;
// For each entry where the neighbour's block begins in a vector, and the edge of the network behind it.
@group(0) @binding(4) var<storage, read> links: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;
// 1 where an edge of the network is down.
@group(0) @binding(6) var<storage, read> down: array<u32>;

fn difference(entry: u32, end: u32, place: u32, own: f32) -> f32 {
    if (entry >= end) {
        return 0.0;
    }
    let link = links[entry];
    if (params.faulty == 1u && down[link.y] == 1u) {
        return 0.0;
    }
    return weights[entry] * (own - vectors[params.x_at + link.x + place]);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let at = (group.y * grid.x + group.x) * 256u + index;
    if (at >= params.length) {
        return;
    }
    let owner = owners[at];
    let own = vectors[params.x_at + at];
    let end = offsets[owner.x + 1u];
    var s = vec4<f32>(0.0);
    for (var entry = offsets[owner.x]; entry < end; entry = entry + 4u) {
        s.x = s.x + difference(entry, end, owner.y, own);
        s.y = s.y + difference(entry + 1u, end, owner.y, own);
        s.z = s.z + difference(entry + 2u, end, owner.y, own);
        s.w = s.w + difference(entry + 3u, end, owner.y, own);
    }
    vectors[params.out_at + at] = (s.x + s.y) + (s.z + s.w);
}
