// out = A V' for dense row-major A: LANES invocations share four rows, each taking every LANES-th storage unit.
// A lane keeps four sums a row (one a component), adds them in pairs, and the lanes are added by a tree.

@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

fn fold(s: vec4<f32>) -> f32 {
    return (s.x + s.y) + (s.z + s.w);
}

fn fold_rows(r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, r3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(fold(r0), fold(r1), fold(r2), fold(r3));
}

// Writes the four rows of one vector, those past the end left out.
fn store(job: Job, row: u32, vector: u32, sums: vec4<f32>) {
    if (vector >= params.vector_count) {
        return;
    }
    let at = out_begin(job, row) + vector;
    let r = params.vectors;
    if (row < params.rows) { out[at] = sums.x; }
    if (row + 1u < params.rows) { out[at + r] = sums.y; }
    if (row + 2u < params.rows) { out[at + 2u * r] = sums.z; }
    if (row + 3u < params.rows) { out[at + 3u * r] = sums.w; }
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let job = job_of(group, grid);
    if (!job.inside) {
        return;
    }
    let lane = index % LANES;
    let row = (job.block * (256u / LANES) + index / LANES) * 4u;
    // Rows past the end read the last row again and are not written.
    let last = params.rows - 1u;
    let base = workers[params.worker_begin + job.position] * params.rows;
    let row0 = (base + min(row, last)) * params.units;
    let row1 = (base + min(row + 1u, last)) * params.units;
    let row2 = (base + min(row + 2u, last)) * params.units;
    let row3 = (base + min(row + 3u, last)) * params.units;
    let begin = job.segment * params.segment_length;
    let end = min(begin + params.segment_length, params.units);

    for (var vector = 0u; vector < params.vector_count; vector = vector + TILE) {
        // A tile past the end repeats the last vector and is not written.
        let stride = params.x_stride / 4u;
        let own = x_begin(job) / 4u;
        let final_vector = params.vector_count - 1u;
        let x0 = own + vector * stride;
        let x1 = min(vector + 1u, final_vector) * stride + own;
        let x2 = min(vector + 2u, final_vector) * stride + own;
        let x3 = min(vector + 3u, final_vector) * stride + own;
        // s_rv: row r, vector v.
        var s00 = vec4<f32>(0.0);
        var s10 = vec4<f32>(0.0);
        var s20 = vec4<f32>(0.0);
        var s30 = vec4<f32>(0.0);
        var s01 = vec4<f32>(0.0);
        var s11 = vec4<f32>(0.0);
        var s21 = vec4<f32>(0.0);
        var s31 = vec4<f32>(0.0);
        var s02 = vec4<f32>(0.0);
        var s12 = vec4<f32>(0.0);
        var s22 = vec4<f32>(0.0);
        var s32 = vec4<f32>(0.0);
        var s03 = vec4<f32>(0.0);
        var s13 = vec4<f32>(0.0);
        var s23 = vec4<f32>(0.0);
        var s33 = vec4<f32>(0.0);
        for (var unit = begin + lane; unit < end; unit = unit + LANES) {
            let a0 = matrix[row0 + unit];
            let a1 = matrix[row1 + unit];
            let a2 = matrix[row2 + unit];
            let a3 = matrix[row3 + unit];
            let at = unit * WIDTH;
            let f0 = first_four(a0);
            let f1 = first_four(a1);
            let f2 = first_four(a2);
            let f3 = first_four(a3);
            let u0 = x[x0 + at];
            s00 = s00 + f0 * u0;
            s10 = s10 + f1 * u0;
            s20 = s20 + f2 * u0;
            s30 = s30 + f3 * u0;
            if (TILE == 4u) {
                let u1 = x[x1 + at];
                s01 = s01 + f0 * u1;
                s11 = s11 + f1 * u1;
                s21 = s21 + f2 * u1;
                s31 = s31 + f3 * u1;
                let u2 = x[x2 + at];
                s02 = s02 + f0 * u2;
                s12 = s12 + f1 * u2;
                s22 = s22 + f2 * u2;
                s32 = s32 + f3 * u2;
                let u3 = x[x3 + at];
                s03 = s03 + f0 * u3;
                s13 = s13 + f1 * u3;
                s23 = s23 + f2 * u3;
                s33 = s33 + f3 * u3;
            }
            if (WIDTH == 2u) {
                let l0 = last_four(a0);
                let l1 = last_four(a1);
                let l2 = last_four(a2);
                let l3 = last_four(a3);
                let w0 = x[x0 + at + 1u];
                s00 = s00 + l0 * w0;
                s10 = s10 + l1 * w0;
                s20 = s20 + l2 * w0;
                s30 = s30 + l3 * w0;
                if (TILE == 4u) {
                    let w1 = x[x1 + at + 1u];
                    s01 = s01 + l0 * w1;
                    s11 = s11 + l1 * w1;
                    s21 = s21 + l2 * w1;
                    s31 = s31 + l3 * w1;
                    let w2 = x[x2 + at + 1u];
                    s02 = s02 + l0 * w2;
                    s12 = s12 + l1 * w2;
                    s22 = s22 + l2 * w2;
                    s32 = s32 + l3 * w2;
                    let w3 = x[x3 + at + 1u];
                    s03 = s03 + l0 * w3;
                    s13 = s13 + l1 * w3;
                    s23 = s23 + l2 * w3;
                    s33 = s33 + l3 * w3;
                }
            }
        }
        let t0 = tree_sum(fold_rows(s00, s10, s20, s30), index, lane, 1u);
        if (lane == 0u) { store(job, row, vector, t0); }
        if (TILE == 4u) {
            let t1 = tree_sum(fold_rows(s01, s11, s21, s31), index, lane, 1u);
            if (lane == 0u) { store(job, row, vector + 1u, t1); }
            let t2 = tree_sum(fold_rows(s02, s12, s22, s32), index, lane, 1u);
            if (lane == 0u) { store(job, row, vector + 2u, t2); }
            let t3 = tree_sum(fold_rows(s03, s13, s23, s33), index, lane, 1u);
            if (lane == 0u) { store(job, row, vector + 3u, t3); }
        }
    }
}
