//! Twin of `shaders/row_slopes.wgsl`: the slopes of the losses at the nodes' rows.

use super::node_maps::four_sums;
use super::{Kernel, NodeMap, NodeMaps, NodeRows};

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "row_slopes", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str =
    concat!(include_str!("../../shaders/shared/node_map.wgsl"), include_str!("../../shaders/row_slopes.wgsl"));

/// A number for each row: the derivative of the node's loss at the row's margin, scaled. Only the exponential of the logistic loss
/// differs from the shader's, where a device may be off by three units in the last place and two for each unit of the margin.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin(maps: &NodeMaps, rows: &NodeRows, x: &[f32], slopes: &mut [f32]) {
    for (&[node, row], &y) in rows.owners.iter().zip(&rows.targets) {
        let map = &maps.maps[node as usize];
        let first = map.values as usize + row as usize * map.width as usize;
        let number = |j: usize| x[maps.places[map.places as usize + j] as usize];
        let margin = four_sums(map.width as usize, |j| maps.values[first + j] * number(j));
        slopes[map.slopes as usize + row as usize] = map.scale * slope(map, margin, y);
    }
}

fn slope(map: &NodeMap, margin: f32, y: f32) -> f32 {
    let residual = margin - y;
    match map.loss {
        NodeMap::LOGISTIC => -y * sigmoid(-y * margin),
        NodeMap::HUBER if residual > map.delta => map.delta,
        NodeMap::HUBER if residual < -map.delta => -map.delta,
        _ => residual,
    }
}

fn sigmoid(z: f32) -> f32 {
    let e = (-z.abs()).exp();
    if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
