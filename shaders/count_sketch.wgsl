// out = S'A for several blocks S of one dense matrix, A being its rows times their roots: an invocation adds up one storage
// unit of one bucket, row by row as the sorted index lists them, so that no sum depends on who comes first. Neighbouring
// invocations take neighbouring units of a row (so loads coalesce). Four sums (entries 0, 4, 8, ...; 1, 5, ...), added in
// pairs.

struct Params {
    buckets: u32,    // of each block
    blocks: u32,
    units: u32,      // 16-byte storage units a row takes
    row_begin: u32,  // where the matrix begins in its binding
}

@group(0) @binding(0) var<uniform> params: Params;
// Where the entries of each bucket begin: buckets + 1 numbers a block.
@group(0) @binding(1) var<storage, read> starts: array<u32>;
// Twice the row, plus one where it is subtracted.
@group(0) @binding(2) var<storage, read> entries: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> roots: array<f32>;

fn signed_root(entry: u32) -> f32 {
    let root = roots[entry >> 1u];
    return select(root, -root, (entry & 1u) == 1u);
}

fn stored_unit(entry: u32, unit: u32) -> u32 {
    return (params.row_begin + (entry >> 1u)) * params.units + unit;
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = (group.y * grid.x + group.x) * 256u + index;
    let unit = number % params.units;
    // Counted through all blocks.
    let bucket = number / params.units;
    if (bucket >= params.buckets * params.blocks) {
        return;
    }
    let place = bucket + bucket / params.buckets;
    let begin = starts[place];
    let end = starts[place + 1u];
    // f: the first four columns of the unit, l: the last four; one of the four sums each.
    var f0 = vec4<f32>(0.0);
    var f1 = vec4<f32>(0.0);
    var f2 = vec4<f32>(0.0);
    var f3 = vec4<f32>(0.0);
    var l0 = vec4<f32>(0.0);
    var l1 = vec4<f32>(0.0);
    var l2 = vec4<f32>(0.0);
    var l3 = vec4<f32>(0.0);
    for (var e = begin; e < end; e = e + 4u) {
        let e0 = entries[e];
        let a0 = matrix[stored_unit(e0, unit)];
        let r0 = signed_root(e0);
        f0 = f0 + first_four(a0) * r0;
        if (WIDTH == 2u) { l0 = l0 + last_four(a0) * r0; }
        if (e + 1u < end) {
            let e1 = entries[e + 1u];
            let a1 = matrix[stored_unit(e1, unit)];
            let r1 = signed_root(e1);
            f1 = f1 + first_four(a1) * r1;
            if (WIDTH == 2u) { l1 = l1 + last_four(a1) * r1; }
        }
        if (e + 2u < end) {
            let e2 = entries[e + 2u];
            let a2 = matrix[stored_unit(e2, unit)];
            let r2 = signed_root(e2);
            f2 = f2 + first_four(a2) * r2;
            if (WIDTH == 2u) { l2 = l2 + last_four(a2) * r2; }
        }
        if (e + 3u < end) {
            let e3 = entries[e + 3u];
            let a3 = matrix[stored_unit(e3, unit)];
            let r3 = signed_root(e3);
            f3 = f3 + first_four(a3) * r3;
            if (WIDTH == 2u) { l3 = l3 + last_four(a3) * r3; }
        }
    }
    let at = (bucket * params.units + unit) * WIDTH;
    out[at] = (f0 + f1) + (f2 + f3);
    if (WIDTH == 2u) { out[at + 1u] = (l0 + l1) + (l2 + l3); }
}
