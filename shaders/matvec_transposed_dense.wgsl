// out = A' V' for dense row-major A: neighbouring invocations take neighbouring storage units of a row (so loads
// coalesce), each of LANES lanes takes every LANES-th row of the segment, and the lanes are added by a tree.

@group(0) @binding(2) var<storage, read> x: array<f32>;

// Writes four columns of one vector, those past the end left out.
fn store(job: Job, column: u32, vector: u32, sums: vec4<f32>) {
    if (vector >= params.vector_count) {
        return;
    }
    let at = out_begin(job, column) + vector;
    let r = params.vectors;
    if (column < params.out_rows) { out[at] = sums.x; }
    if (column + 1u < params.out_rows) { out[at + r] = sums.y; }
    if (column + 2u < params.out_rows) { out[at + 2u * r] = sums.z; }
    if (column + 3u < params.out_rows) { out[at + 3u * r] = sums.w; }
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
    let across = 256u / LANES;
    let lane = index / across;
    let unit = job.block * across + index % across;
    let column = unit * WIDTH * 4u;
    // Units past the end read the last one again and are not written.
    let start = workers[params.worker_begin + job.position] * params.rows * params.units + min(unit, params.units - 1u);
    let begin = job.segment * params.segment_length;
    let end = min(begin + params.segment_length, params.rows);

    for (var vector = 0u; vector < params.vector_count; vector = vector + TILE) {
        // A tile past the end repeats the last vector and is not written.
        let final_vector = params.vector_count - 1u;
        let x0 = vector * params.x_stride + params.row_begin + x_begin(job);
        let x1 = min(vector + 1u, final_vector) * params.x_stride + params.row_begin + x_begin(job);
        let x2 = min(vector + 2u, final_vector) * params.x_stride + params.row_begin + x_begin(job);
        let x3 = min(vector + 3u, final_vector) * params.x_stride + params.row_begin + x_begin(job);
        // f: the first four columns of the unit, l: the last four; a vector each.
        var f0 = vec4<f32>(0.0);
        var f1 = vec4<f32>(0.0);
        var f2 = vec4<f32>(0.0);
        var f3 = vec4<f32>(0.0);
        var l0 = vec4<f32>(0.0);
        var l1 = vec4<f32>(0.0);
        var l2 = vec4<f32>(0.0);
        var l3 = vec4<f32>(0.0);
        for (var row = begin + lane; row < end; row = row + LANES) {
            let stored = matrix[start + row * params.units];
            let a = first_four(stored);
            let u0 = x[x0 + row];
            f0 = f0 + a * u0;
            if (WIDTH == 2u) { l0 = l0 + last_four(stored) * u0; }
            if (TILE == 4u) {
                let u1 = x[x1 + row];
                let u2 = x[x2 + row];
                let u3 = x[x3 + row];
                f1 = f1 + a * u1;
                f2 = f2 + a * u2;
                f3 = f3 + a * u3;
                if (WIDTH == 2u) {
                    let b = last_four(stored);
                    l1 = l1 + b * u1;
                    l2 = l2 + b * u2;
                    l3 = l3 + b * u3;
                }
            }
        }
        let s0 = tree_sum(f0, index, lane, across);
        if (lane == 0u) { store(job, column, vector, s0); }
        if (WIDTH == 2u) {
            let t0 = tree_sum(l0, index, lane, across);
            if (lane == 0u) { store(job, column + 4u, vector, t0); }
        }
        if (TILE == 4u) {
            let s1 = tree_sum(f1, index, lane, across);
            if (lane == 0u) { store(job, column, vector + 1u, s1); }
            let s2 = tree_sum(f2, index, lane, across);
            if (lane == 0u) { store(job, column, vector + 2u, s2); }
            let s3 = tree_sum(f3, index, lane, across);
            if (lane == 0u) { store(job, column, vector + 3u, s3); }
            if (WIDTH == 2u) {
                let t1 = tree_sum(l1, index, lane, across);
                if (lane == 0u) { store(job, column + 4u, vector + 1u, t1); }
                let t2 = tree_sum(l2, index, lane, across);
                if (lane == 0u) { store(job, column + 4u, vector + 2u, t2); }
                let t3 = tree_sum(l3, index, lane, across);
                if (lane == 0u) { store(job, column + 4u, vector + 3u, t3); }
            }
        }
    }
}
