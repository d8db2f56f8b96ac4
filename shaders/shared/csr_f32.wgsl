// The stored values of a sparse matrix, one f32 to a word.
@group(0) @binding(4) var<storage, read> values: array<f32>;

fn value_at(position: u32) -> f32 {
    return values[position];
}
