// The tile of rank `p` among those on and below the diagonal, of `tiles` along the columns: the triangle of tiles is cut into
// stretches as long as its last row; the first is that row, each other one a short row from the top and a long one from the
// bottom.
fn tile_of(p: u32, tiles: u32) -> vec2<u32> {
    let row = p / tiles;
    let column = p % tiles;
    if (column < row) {
        return vec2<u32>(row - 1u, column);
    }
    return vec2<u32>(tiles - 1u - row, column - row);
}

const PANEL: u32 = 16u;
var<workgroup> left: array<vec4<f32>, 256>;
var<workgroup> right: array<vec4<f32>, 256>;

// Writes a sum, or adds it to what is there.
fn put(at: u32, sum: f32) {
    if (params.add == 1u) {
        out[at] = out[at] + sum;
    } else {
        out[at] = sum;
    }
}

// Writes an entry of the lower half and its mirror image.
fn store(base: u32, row: u32, column: u32, sum: f32) {
    let d = params.cols;
    if (row >= d || column > row) {
        return;
    }
    put(base + row * d + column, sum);
    if (column < row) {
        put(base + column * d + row, sum);
    }
}

// Four entries of a row.
fn store_four(base: u32, row: u32, column: u32, sums: vec4<f32>) {
    store(base, row, column, sums.x);
    store(base, row, column + 1u, sums.y);
    store(base, row, column + 2u, sums.z);
    store(base, row, column + 3u, sums.w);
}
