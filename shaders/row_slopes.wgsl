// The slope of the loss at each row of each node's data: the margin a . x in four sums (columns 0, 4, 8, ...; 1, 5, ...), added
// in pairs, then the loss's derivative, scaled. An invocation a row.

struct Params {
    length: u32,  // rows of all nodes
    x_at: u32,    // where x begins
}

@group(0) @binding(0) var<uniform> params: Params;
// The node of each row, and its number at the node.
@group(0) @binding(2) var<storage, read> owners: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read> targets: array<f32>;
@group(0) @binding(7) var<storage, read_write> slopes: array<f32>;

fn number(map: NodeMap, j: u32) -> f32 {
    return vectors[params.x_at + places[map.places + j]];
}

// 1 / (1 + exp(-z)), with an exponential that does not overflow.
fn sigmoid(z: f32) -> f32 {
    let e = exp(-abs(z));
    return select(1.0, e, z < 0.0) / (1.0 + e);
}

fn slope(map: NodeMap, margin: f32, y: f32) -> f32 {
    if (map.loss == 2u) {
        return -y * sigmoid(-y * margin);
    }
    let residual = margin - y;
    if (map.loss == 3u && residual > map.delta) {
        return map.delta;
    }
    if (map.loss == 3u && residual < -map.delta) {
        return -map.delta;
    }
    return residual;
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let row = (group.y * grid.x + group.x) * 256u + index;
    if (row >= params.length) {
        return;
    }
    let owner = owners[row];
    let map = maps[owner.x];
    let first = map.values + owner.y * map.width;
    var s = vec4<f32>(0.0);
    for (var j = 0u; j < map.width; j = j + 4u) {
        s.x = s.x + values[first + j] * number(map, j);
        if (j + 1u < map.width) { s.y = s.y + values[first + j + 1u] * number(map, j + 1u); }
        if (j + 2u < map.width) { s.z = s.z + values[first + j + 2u] * number(map, j + 2u); }
        if (j + 3u < map.width) { s.w = s.w + values[first + j + 3u] * number(map, j + 3u); }
    }
    let margin = (s.x + s.y) + (s.z + s.w);
    slopes[map.slopes + owner.y] = map.scale * slope(map, margin, targets[row]);
}
