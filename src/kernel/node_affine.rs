//! Twin of `shaders/node_affine.wgsl`: the affine maps of all nodes.

use super::node_maps::four_sums;
use super::{Kernel, NodeMaps};

/// The kernel.
pub const KERNEL: Kernel = Kernel { name: "node_affine", f32: SOURCE, f16: SOURCE, workgroup_bytes: 0 };

const SOURCE: &str =
    concat!(include_str!("../../shaders/shared/node_map.wgsl"), include_str!("../../shaders/node_affine.wgsl"));

/// `out = D x + c +` the nodes' matrices times their terms, which are numbers of x or `slopes`.
///
/// # Panics
/// When a length does not fit; it checks no user's input.
pub fn twin(maps: &NodeMaps, slopes: &[f32], x: &[f32], out: &mut [f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        let [node, place] = maps.owners[at];
        let map = &maps.maps[node as usize];
        let term = |j: usize| match map.loss {
            0 => x[maps.places[map.places as usize + j] as usize],
            _ => slopes[map.slopes as usize + j],
        };
        let terms = if place < map.width { map.terms as usize } else { 0 };
        let value = |j: usize| maps.values[map.values as usize + j * map.width as usize + place as usize];
        let sum = four_sums(terms, |j| value(j) * term(j));
        let [by, plus] = maps.lines[at];
        *out = by * x[at] + plus + sum;
    }
}
