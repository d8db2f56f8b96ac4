// A storage unit of a dense row: four f32.
@group(0) @binding(4) var<storage, read> matrix: array<vec4<f32>>;
const WIDTH: u32 = 1u;

fn first_four(unit: vec4<f32>) -> vec4<f32> {
    return unit;
}

fn last_four(unit: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(0.0);
}
