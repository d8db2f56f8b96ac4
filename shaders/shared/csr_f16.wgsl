// The stored values of a sparse matrix, two f16 to a word.
@group(0) @binding(4) var<storage, read> values: array<u32>;

fn value_at(position: u32) -> f32 {
    let pair = unpack2x16float(values[position / 2u]);
    return select(pair.x, pair.y, (position & 1u) == 1u);
}
