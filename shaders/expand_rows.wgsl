// out = some rows of a matrix in compressed sparse rows, written out: what a dense kernel reads. A workgroup takes four rows,
// 64 invocations each: first the zeros, then the stored values.

struct Params {
    rows: u32,    // of the matrix
    stride: u32,  // numbers from a row of the output to the next
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
// Where each row starts in `columns` and `values`, and the end.
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> columns: array<u32>;

const LANES: u32 = 64u;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let row = (group.y * grid.x + group.x) * 4u + index / LANES;
    let lane = index % LANES;
    if (row < params.rows) {
        for (var column = lane; column < params.stride; column = column + LANES) {
            out[row * params.stride + column] = 0.0;
        }
    }
    // The zeros must be there before they are written over.
    storageBarrier();
    if (row < params.rows) {
        for (var position = offsets[row] + lane; position < offsets[row + 1u]; position = position + LANES) {
            out[row * params.stride + columns[position]] = value_at(position);
        }
    }
}
