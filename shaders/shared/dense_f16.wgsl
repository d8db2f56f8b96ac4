// A storage unit of a dense row: eight f16, two to a word.
@group(0) @binding(4) var<storage, read> matrix: array<vec4<u32>>;
const WIDTH: u32 = 2u;

fn first_four(unit: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(unit.x), unpack2x16float(unit.y));
}

fn last_four(unit: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(unit.z), unpack2x16float(unit.w));
}
