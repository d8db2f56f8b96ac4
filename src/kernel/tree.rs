//! The sum over the lanes of a workgroup, as `shaders/shared/tree_sum.wgsl` forms it.

/// Adds up the lanes in pairs half the number apart each time; the number of lanes is a power of two.
pub(super) fn tree_sum(lanes: &mut [f32]) -> f32 {
    let mut half = lanes.len() / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}
