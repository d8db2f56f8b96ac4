// Steps of SVRG on dense rows: each of LANES lanes takes every LANES-th storage unit of a row, in four sums; the lanes are added by a
// tree, then the four sums in pairs.

fn image_of(worker: u32, row: u32, k: u32, index: u32) -> vec4<f32> {
    let base = (worker * params.classes + k) * params.stride;
    var s = vec4<f32>(0.0);
    for (var unit = index; unit < params.units; unit = unit + LANES) {
        let a = matrix[row * params.units + unit];
        let at = base + unit * WIDTH * 4u;
        s = s + first_four(a) * vec4<f32>(out[at], out[at + 1u], out[at + 2u], out[at + 3u]);
        if (WIDTH == 2u) {
            s = s + last_four(a) * vec4<f32>(out[at + 4u], out[at + 5u], out[at + 6u], out[at + 7u]);
        }
    }
    return s;
}

fn subtract(at: u32, a: vec4<f32>, times: f32) {
    out[at] = out[at] - times * a.x;
    out[at + 1u] = out[at + 1u] - times * a.y;
    out[at + 2u] = out[at + 2u] - times * a.z;
    out[at + 3u] = out[at + 3u] - times * a.w;
}

fn add_row(worker: u32, row: u32, k: u32, index: u32, times: f32) {
    let base = (worker * params.classes + k) * params.stride;
    for (var unit = index; unit < params.units; unit = unit + LANES) {
        let a = matrix[row * params.units + unit];
        subtract(base + unit * WIDTH * 4u, first_four(a), times);
        if (WIDTH == 2u) { subtract(base + unit * WIDTH * 4u + 4u, last_four(a), times); }
    }
}
