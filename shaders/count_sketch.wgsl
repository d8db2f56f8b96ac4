// out = S'A for several blocks S of one dense matrix, the rows of A being its rows times their coefficients: an invocation
// adds up one storage unit of one bucket in one class, row by row as the sorted index lists them, so that no sum depends on
// who comes first. Neighbouring invocations take neighbouring units of a row (so loads coalesce). Four sums (entries 0, 4,
// 8, ...; 1, 5, ...), added in pairs.

fn stored_unit(entry: u32, unit: u32) -> u32 {
    return data_row(entry) * params.units + unit;
}

fn put_four(job: Job, column: u32, sums: vec4<f32>) {
    put(job, column, sums.x);
    put(job, column + 1u, sums.y);
    put(job, column + 2u, sums.z);
    put(job, column + 3u, sums.w);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = (group.y * grid.x + group.x) * 256u + index;
    let unit = number % params.units;
    let rest = number / params.units;
    if (rest >= params.buckets * params.blocks * params.classes) {
        return;
    }
    let job = job_of(rest);
    let k = job.k;
    let end = job.end;
    // f: the first four columns of the unit, l: the last four; one of the four sums each.
    var f0 = vec4<f32>(0.0);
    var f1 = vec4<f32>(0.0);
    var f2 = vec4<f32>(0.0);
    var f3 = vec4<f32>(0.0);
    var l0 = vec4<f32>(0.0);
    var l1 = vec4<f32>(0.0);
    var l2 = vec4<f32>(0.0);
    var l3 = vec4<f32>(0.0);
    for (var e = job.begin; e < end; e = e + 4u) {
        let e0 = entries[e];
        let a0 = matrix[stored_unit(e0, unit)];
        let r0 = coefficient(e0, k);
        f0 = f0 + first_four(a0) * r0;
        if (WIDTH == 2u) { l0 = l0 + last_four(a0) * r0; }
        if (e + 1u < end) {
            let e1 = entries[e + 1u];
            let a1 = matrix[stored_unit(e1, unit)];
            let r1 = coefficient(e1, k);
            f1 = f1 + first_four(a1) * r1;
            if (WIDTH == 2u) { l1 = l1 + last_four(a1) * r1; }
        }
        if (e + 2u < end) {
            let e2 = entries[e + 2u];
            let a2 = matrix[stored_unit(e2, unit)];
            let r2 = coefficient(e2, k);
            f2 = f2 + first_four(a2) * r2;
            if (WIDTH == 2u) { l2 = l2 + last_four(a2) * r2; }
        }
        if (e + 3u < end) {
            let e3 = entries[e + 3u];
            let a3 = matrix[stored_unit(e3, unit)];
            let r3 = coefficient(e3, k);
            f3 = f3 + first_four(a3) * r3;
            if (WIDTH == 2u) { l3 = l3 + last_four(a3) * r3; }
        }
    }
    let column = unit * WIDTH * 4u;
    put_four(job, column, (f0 + f1) + (f2 + f3));
    if (WIDTH == 2u) { put_four(job, column + 4u, (l0 + l1) + (l2 + l3)); }
}
