// out = D x + c + the nodes' matrices times their terms, an invocation a stored number: gradients of all nodes' functions, or the
// minima of quadratics. A node's matrix stands by rows, so that its numbers, which lie side by side, read side by side. Four sums
// (terms 0, 4, 8, ...; 1, 5, ...), added in pairs.

struct Params {
    length: u32,  // numbers of a vector
    x_at: u32,    // where x begins
    out_at: u32,  // where the output begins
}

@group(0) @binding(0) var<uniform> params: Params;
// The node of each number, and its place in the node's function (beyond the width where it has none).
@group(0) @binding(2) var<storage, read> owners: array<vec2<u32>>;
// D and c.
@group(0) @binding(6) var<storage, read> lines: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read> slopes: array<f32>;

fn term(map: NodeMap, j: u32) -> f32 {
    if (map.loss == 0u) {
        return vectors[params.x_at + places[map.places + j]];
    }
    return slopes[map.slopes + j];
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
    let map = maps[owner.x];
    var s = vec4<f32>(0.0);
    if (owner.y < map.width) {
        let column = map.values + owner.y;
        for (var j = 0u; j < map.terms; j = j + 4u) {
            s.x = s.x + values[column + j * map.width] * term(map, j);
            if (j + 1u < map.terms) { s.y = s.y + values[column + (j + 1u) * map.width] * term(map, j + 1u); }
            if (j + 2u < map.terms) { s.z = s.z + values[column + (j + 2u) * map.width] * term(map, j + 2u); }
            if (j + 3u < map.terms) { s.w = s.w + values[column + (j + 3u) * map.width] * term(map, j + 3u); }
        }
    }
    let line = lines[at];
    let own = line.x * vectors[params.x_at + at] + line.y;
    vectors[params.out_at + at] = own + ((s.x + s.y) + (s.z + s.w));
}
