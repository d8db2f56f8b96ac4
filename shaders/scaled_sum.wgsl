// out = by0 v0 + by1 v1 + ... of up to six vectors, in this order; the output may be one of them. An invocation a number.

struct Params {
    length: u32,  // numbers of a vector
    out_at: u32,  // where the output begins
    terms: u32,   // of the sum, 1 to 6
    at0: u32,     // where the vectors begin
    at1: u32,
    at2: u32,
    at3: u32,
    at4: u32,
    at5: u32,
    by0: f32,     // what they are multiplied by
    by1: f32,
    by2: f32,
    by3: f32,
    by4: f32,
    by5: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
// All vectors, one after the other.
@group(0) @binding(1) var<storage, read_write> vectors: array<f32>;

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
    var sum = params.by0 * vectors[params.at0 + at];
    if (params.terms > 1u) { sum = sum + params.by1 * vectors[params.at1 + at]; }
    if (params.terms > 2u) { sum = sum + params.by2 * vectors[params.at2 + at]; }
    if (params.terms > 3u) { sum = sum + params.by3 * vectors[params.at3 + at]; }
    if (params.terms > 4u) { sum = sum + params.by4 * vectors[params.at4 + at]; }
    if (params.terms > 5u) { sum = sum + params.by5 * vectors[params.at5 + at]; }
    vectors[params.out_at + at] = sum;
}
