// out = B'B for several blocks B, one symmetric half computed and both written: a workgroup takes a tile of 64 x 64 entries,
// an invocation 4 x 4 of them. Rows come in panels of 16 through workgroup memory; an entry's products are added up within
// a panel, and the panels one after the other.

struct Params {
    rows: u32,    // of each block
    cols: u32,
    units: u32,   // four columns each, with zeros up to the next row
    tiles: u32,   // along the columns
    blocks: u32,
    add: u32,     // 1 where the sums are added to what is there
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sketch: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn load(base: u32, row: u32, unit: u32) -> vec4<f32> {
    if (row < params.rows && unit < params.units) {
        return sketch[base + row * params.units + unit];
    }
    return vec4<f32>(0.0);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let half = params.tiles * (params.tiles + 1u) / 2u;
    let block = number / half;
    if (block >= params.blocks) {
        return;
    }
    let tile = tile_of(number % half, params.tiles);
    let down = index / 16u;
    let across = index % 16u;
    let base = block * params.rows * params.units;
    // Row r of the 4 x 4 entries.
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    for (var first = 0u; first < params.rows; first = first + PANEL) {
        // The last panel must have been read before its place is written again.
        workgroupBarrier();
        left[index] = load(base, first + down, tile.x * 16u + across);
        right[index] = load(base, first + down, tile.y * 16u + across);
        workgroupBarrier();
        var p0 = vec4<f32>(0.0);
        var p1 = vec4<f32>(0.0);
        var p2 = vec4<f32>(0.0);
        var p3 = vec4<f32>(0.0);
        for (var row = 0u; row < PANEL; row = row + 1u) {
            let a = left[row * 16u + down];
            let b = right[row * 16u + across];
            p0 = p0 + a.x * b;
            p1 = p1 + a.y * b;
            p2 = p2 + a.z * b;
            p3 = p3 + a.w * b;
        }
        s0 = s0 + p0;
        s1 = s1 + p1;
        s2 = s2 + p2;
        s3 = s3 + p3;
    }
    let to = block * params.cols * params.cols;
    let row = tile.x * 64u + down * 4u;
    let column = tile.y * 64u + across * 4u;
    store_four(to, row, column, s0);
    store_four(to, row + 1u, column, s1);
    store_four(to, row + 2u, column, s2);
    store_four(to, row + 3u, column, s3);
}
