// out = X'WX for dense X and the diagonal W of each pair of classes k >= l, over several segments of the rows: a workgroup
// takes a tile of 64 x 64 entries of one pair in one segment, an invocation 4 x 4 of them, as in `gram`. Rows come in panels
// of 16 through workgroup memory, the left factor times its weights; an entry's products are added up within a panel, and
// the panels one after the other.

struct Params {
    row_begin: u32,       // the rows of this dispatch, counted in the binding
    row_end: u32,
    segment_length: u32,  // rows of a segment
    segments: u32,
    example_begin: u32,   // the number of the binding's first row
    cols: u32,            // d
    units: u32,           // 16-byte storage units that a row takes
    tiles: u32,           // along the columns
    classes: u32,         // K
    softmax: u32,         // 1 where the numbers are probabilities, 0 where K = 1 and they are roots
    scale: f32,           // softmax's
    add: u32,             // 1 where the sums are added to what is there
}

@group(0) @binding(0) var<uniform> params: Params;
// K for each example.
@group(0) @binding(1) var<storage, read> numbers: array<f32>;
// A d x d block for each segment and pair.
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// The entry (k, l) of the loss's second derivative at a row of the binding.
fn weight(row: u32, k: u32, l: u32) -> f32 {
    let at = (params.example_begin + row) * params.classes;
    if (params.softmax == 1u) {
        let p = numbers[at + l];
        return params.scale * numbers[at + k] * select(-p, 1.0 - p, k == l);
    }
    return numbers[at] * numbers[at];
}

// Four columns of a row.
fn load(row: u32, end: u32, four: u32) -> vec4<f32> {
    if (row < end && four < params.units * WIDTH) {
        let unit = matrix[row * params.units + four / WIDTH];
        if (four % WIDTH == 1u) {
            return last_four(unit);
        }
        return first_four(unit);
    }
    return vec4<f32>(0.0);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let number = group.y * grid.x + group.x;
    let half = params.tiles * (params.tiles + 1u) / 2u;
    let pairs = params.classes * (params.classes + 1u) / 2u;
    // Counted through the pairs of the segments.
    let block = number / half;
    if (block >= params.segments * pairs) {
        return;
    }
    let tile = tile_of(number % half, params.tiles);
    // The pair of rank p is (k, p - k (k + 1) / 2).
    var k = 0u;
    var l = block % pairs;
    while (l > k) {
        k = k + 1u;
        l = l - k;
    }
    let down = index / 16u;
    let across = index % 16u;
    let begin = params.row_begin + block / pairs * params.segment_length;
    let end = min(begin + params.segment_length, params.row_end);
    // Row r of the 4 x 4 entries.
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    for (var first = begin; first < end; first = first + PANEL) {
        // The last panel must have been read before its place is written again.
        workgroupBarrier();
        let own = first + down;
        var factor = 0.0;
        if (own < end) { factor = weight(own, k, l); }
        left[index] = load(own, end, tile.x * 16u + across) * factor;
        right[index] = load(own, end, tile.y * 16u + across);
        workgroupBarrier();
        var p0 = vec4<f32>(0.0);
        var p1 = vec4<f32>(0.0);
        var p2 = vec4<f32>(0.0);
        var p3 = vec4<f32>(0.0);
        for (var row = 0u; row < PANEL; row = row + 1u) {
            let a = left[row * 16u + down];
            let b = right[row * 16u + across];
            p0 = p0 + a.x * b;
            p1 = p1 + a.y * b;
            p2 = p2 + a.z * b;
            p3 = p3 + a.w * b;
        }
        s0 = s0 + p0;
        s1 = s1 + p1;
        s2 = s2 + p2;
        s3 = s3 + p3;
    }
    let to = block * params.cols * params.cols;
    let row = tile.x * 64u + down * 4u;
    let column = tile.y * 64u + across * 4u;
    store_four(to, row, column, s0);
    store_four(to, row + 1u, column, s1);
    store_four(to, row + 2u, column, s2);
    store_four(to, row + 3u, column, s3);
}
