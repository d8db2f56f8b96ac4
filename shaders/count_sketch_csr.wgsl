// out = S'A for several blocks S of a matrix in compressed sparse rows: a workgroup adds up one bucket in one class over
// COLUMNS columns, in workgroup memory. Entries are taken four at a time, a quarter of the invocations each, and each
// quarter has sums of its own (entries 0, 4, 8, ...; 1, 5, ...), which are added in pairs at the end. The stored columns of
// a row differ, so no two invocations meet in a sum.

// Where each row starts in `columns` and `values`, and the end.
@group(0) @binding(7) var<storage, read> offsets: array<u32>;
@group(0) @binding(8) var<storage, read> columns: array<u32>;

const COLUMNS: u32 = 1024u;
const QUARTER: u32 = 64u;
var<workgroup> sums: array<f32, 4096>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let tiles = (params.cols + COLUMNS - 1u) / COLUMNS;
    let first = number % tiles * COLUMNS;
    let rest = number / tiles;
    if (rest >= params.buckets * params.blocks * params.classes) {
        return;
    }
    let job = job_of(rest);
    for (var at = index; at < 4u * COLUMNS; at = at + 256u) {
        sums[at] = 0.0;
    }
    let quarter = index / QUARTER;
    let lane = index % QUARTER;
    for (var e = job.begin; e < job.end; e = e + 4u) {
        // The sums of the last four entries must be there before they are added to.
        workgroupBarrier();
        if (e + quarter < job.end) {
            let entry = entries[e + quarter];
            let row = data_row(entry);
            let factor = coefficient(entry, job.k);
            let end = offsets[row + 1u];
            for (var position = offsets[row] + lane; position < end; position = position + QUARTER) {
                // Columns left of the tile become large numbers.
                let column = columns[position] - first;
                if (column < COLUMNS) {
                    let at = quarter * COLUMNS + column;
                    sums[at] = sums[at] + value_at(position) * factor;
                }
            }
        }
    }
    workgroupBarrier();
    for (var column = index; column < COLUMNS; column = column + 256u) {
        let pairs = vec2<f32>(
            sums[column] + sums[COLUMNS + column],
            sums[2u * COLUMNS + column] + sums[3u * COLUMNS + column],
        );
        put(job, first + column, pairs.x + pairs.y);
    }
}
