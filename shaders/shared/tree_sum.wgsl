var<workgroup> scratch: array<vec4<f32>, 256>;

// Adds up `value` over LANES invocations whose indices lie `step` apart, in pairs half the distance apart each time.
// Right for lane 0 alone. Every invocation of the workgroup must call it.
fn tree_sum(value: vec4<f32>, index: u32, lane: u32, step: u32) -> vec4<f32> {
    // The previous sum must have been read before its place is written again.
    workgroupBarrier();
    scratch[index] = value;
    for (var half = LANES / 2u; half > 0u; half = half / 2u) {
        workgroupBarrier();
        if (lane < half) {
            scratch[index] = scratch[index] + scratch[index + half * step];
        }
    }
    return scratch[index];
}
