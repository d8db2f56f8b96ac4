// One pass of the fast Walsh-Hadamard transform of the columns of a matrix with 2^k rows, up to eight levels of butterflies
// (a, b) -> (a + b, a - b): a workgroup takes 256 rows whose numbers differ in eight neighbouring bits, and 16 columns; an invocation
// 16 of these numbers, first of rows that differ in the lower four bits, then, through workgroup memory, in the upper four. Levels
// follow each other from the lowest bit up, and nothing is multiplied, so every device rounds alike.

struct Params {
    rows: u32,    // a power of two
    cols: u32,
    across: u32,  // workgroups that cover the columns
    shift: u32,   // the lowest of the eight bits
    levels: u32,  // a bit for each of the eight levels: 1 where it is this pass's
    given: u32,   // rows given in a first pass, which reads each from where `places` says; 0 in a later one
}

@group(0) @binding(0) var<uniform> params: Params;
// For each row the row of `given` that it is; one beyond them is a row of zeros.
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read> given: array<f32>;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;

const ACROSS: u32 = 16u;
var<workgroup> tile: array<f32, 4096>;

// Sixteen numbers, in the order of the four bits that they differ in.
struct Sixteen {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

// The butterflies of one bit within four numbers: of the lower bit, of the upper.
fn lower(v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(v.x + v.y, v.x - v.y, v.z + v.w, v.z - v.w);
}

fn upper(v: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(v.x + v.z, v.y + v.w, v.x - v.z, v.y - v.w);
}

// Those of the four bits whose level is given.
fn butterflies(sixteen: Sixteen, levels: u32) -> Sixteen {
    var v = sixteen;
    if ((levels & 1u) != 0u) {
        v = Sixteen(lower(v.a), lower(v.b), lower(v.c), lower(v.d));
    }
    if ((levels & 2u) != 0u) {
        v = Sixteen(upper(v.a), upper(v.b), upper(v.c), upper(v.d));
    }
    if ((levels & 4u) != 0u) {
        v = Sixteen(v.a + v.b, v.a - v.b, v.c + v.d, v.c - v.d);
    }
    if ((levels & 8u) != 0u) {
        v = Sixteen(v.a + v.c, v.b + v.d, v.a - v.c, v.b - v.d);
    }
    return v;
}

// The number of a row of the tile; of tiles beyond the last one beyond the last row.
fn row_of(job: u32, within: u32) -> u32 {
    let below = job & ((1u << params.shift) - 1u);
    return (((job >> params.shift) << 8u | within) << params.shift) | below;
}

fn load(row: u32, column: u32) -> f32 {
    if (row >= params.rows || column >= params.cols) {
        return 0.0;
    }
    if (params.given == 0u) {
        return values[row * params.cols + column];
    }
    let place = places[row];
    if (place >= params.given) {
        return 0.0;
    }
    return given[place * params.cols + column];
}

fn load_four(job: u32, within: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(
        load(row_of(job, within), column),
        load(row_of(job, within + 1u), column),
        load(row_of(job, within + 2u), column),
        load(row_of(job, within + 3u), column),
    );
}

// Four rows of the tile.
fn keep_four(within: u32, column: u32, four: vec4<f32>) {
    tile[within * ACROSS + column] = four.x;
    tile[(within + 1u) * ACROSS + column] = four.y;
    tile[(within + 2u) * ACROSS + column] = four.z;
    tile[(within + 3u) * ACROSS + column] = four.w;
}

// Four rows of the tile that differ in its upper four bits.
fn kept_four(within: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(
        tile[within * ACROSS + column],
        tile[(within + 16u) * ACROSS + column],
        tile[(within + 32u) * ACROSS + column],
        tile[(within + 48u) * ACROSS + column],
    );
}

fn store(row: u32, column: u32, value: f32) {
    if (row < params.rows && column < params.cols) {
        values[row * params.cols + column] = value;
    }
}

fn store_four(job: u32, within: u32, column: u32, four: vec4<f32>) {
    store(row_of(job, within), column, four.x);
    store(row_of(job, within + 16u), column, four.y);
    store(row_of(job, within + 32u), column, four.z);
    store(row_of(job, within + 48u), column, four.w);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let job = number / params.across;
    let here = index % ACROSS;
    let column = number % params.across * ACROSS + here;
    let digit = index / ACROSS;

    let first = digit * 16u;
    var v = Sixteen(
        load_four(job, first, column),
        load_four(job, first + 4u, column),
        load_four(job, first + 8u, column),
        load_four(job, first + 12u, column),
    );
    v = butterflies(v, params.levels);
    keep_four(first, here, v.a);
    keep_four(first + 4u, here, v.b);
    keep_four(first + 8u, here, v.c);
    keep_four(first + 12u, here, v.d);
    workgroupBarrier();
    v = Sixteen(
        kept_four(digit, here),
        kept_four(digit + 64u, here),
        kept_four(digit + 128u, here),
        kept_four(digit + 192u, here),
    );
    v = butterflies(v, params.levels >> 4u);
    store_four(job, digit, column, v.a);
    store_four(job, digit + 64u, column, v.b);
    store_four(job, digit + 128u, column, v.c);
    store_four(job, digit + 192u, column, v.d);
}
