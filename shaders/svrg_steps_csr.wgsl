// Steps of SVRG on compressed sparse rows: each of LANES lanes takes every LANES-th stored value of a row; the lanes are added by a
// tree.

// Where each row starts in `columns` and `values`, and the end: rows + 1 numbers a worker.
@group(0) @binding(5) var<storage, read> offsets: array<u32>;
@group(0) @binding(6) var<storage, read> columns: array<u32>;

fn image_of(worker: u32, row: u32, k: u32, index: u32) -> vec4<f32> {
    let base = (worker * params.classes + k) * params.stride;
    var s = 0.0;
    for (var position = offsets[row + worker] + index; position < offsets[row + worker + 1u]; position = position + LANES) {
        s = s + value_at(position) * out[base + columns[position]];
    }
    return vec4<f32>(s, 0.0, 0.0, 0.0);
}

fn add_row(worker: u32, row: u32, k: u32, index: u32, times: f32) {
    let base = (worker * params.classes + k) * params.stride;
    for (var position = offsets[row + worker] + index; position < offsets[row + worker + 1u]; position = position + LANES) {
        let at = base + columns[position];
        out[at] = out[at] - times * value_at(position);
    }
}
