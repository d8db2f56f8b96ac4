// out[k] = the sum over segments of pieces[segment * length + k]: joins the pieces that long sums were cut into. Four sums
// an element (segments 0, 4, 8, ...; 1, 5, ...), added in pairs.

struct Params {
    length: u32,
    segments: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pieces: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let k = (group.y * grid.x + group.x) * 256u + index;
    if (k >= params.length) {
        return;
    }
    var s = vec4<f32>(0.0);
    for (var segment = 0u; segment < params.segments; segment = segment + 4u) {
        s.x = s.x + pieces[segment * params.length + k];
        if (segment + 1u < params.segments) { s.y = s.y + pieces[(segment + 1u) * params.length + k]; }
        if (segment + 2u < params.segments) { s.z = s.z + pieces[(segment + 2u) * params.length + k]; }
        if (segment + 3u < params.segments) { s.w = s.w + pieces[(segment + 3u) * params.length + k]; }
    }
    out[k] = (s.x + s.y) + (s.z + s.w);
}
