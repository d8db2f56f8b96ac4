// out = A V' for compressed sparse rows: LANES invocations share a row, each taking every LANES-th stored value; the
// lanes are added by a tree, four vectors at a time in the components. The transposed product is this kernel on the
// compressed columns.

@group(0) @binding(2) var<storage, read> x: array<f32>;
// Where each row starts in `columns` and `values`, and the end: rows + 1 numbers a worker.
@group(0) @binding(5) var<storage, read> offsets: array<u32>;
@group(0) @binding(6) var<storage, read> columns: array<u32>;

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
    let row = job.block * (256u / LANES) + index / LANES;
    var begin = 0u;
    var end = 0u;
    if (row < params.rows) {
        let at = workers[params.worker_begin + job.position] * (params.rows + 1u) + row;
        begin = offsets[at] + job.segment * params.segment_length;
        end = min(offsets[at + 1u], begin + params.segment_length);
    }

    for (var vector = 0u; vector < params.vector_count; vector = vector + TILE) {
        // A tile past the end repeats the last vector and is not written.
        let final_vector = params.vector_count - 1u;
        let x0 = vector * params.x_stride + x_begin(job);
        let x1 = min(vector + 1u, final_vector) * params.x_stride + x_begin(job);
        let x2 = min(vector + 2u, final_vector) * params.x_stride + x_begin(job);
        let x3 = min(vector + 3u, final_vector) * params.x_stride + x_begin(job);
        var s = vec4<f32>(0.0);
        for (var position = begin + lane; position < end; position = position + LANES) {
            let a = value_at(position);
            let column = columns[position];
            if (TILE == 4u) {
                s = s + a * vec4<f32>(x[x0 + column], x[x1 + column], x[x2 + column], x[x3 + column]);
            } else {
                s.x = s.x + a * x[x0 + column];
            }
        }
        let sums = tree_sum(s, index, lane, 1u);
        if (lane == 0u && row < params.rows) {
            let at = out_begin(job, row) + vector;
            let left = params.vector_count - vector;
            out[at] = sums.x;
            if (TILE == 4u) {
                if (left > 1u) { out[at + 1u] = sums.y; }
                if (left > 2u) { out[at + 2u] = sums.z; }
                if (left > 3u) { out[at + 3u] = sums.w; }
            }
        }
    }
}
