//! What the nodes of a network do with their copies, packed for kernels.

use bytemuck::{Pod, Zeroable};

/// One node's affine map of its numbers (`shaders/shared/node_map.wgsl`): it multiplies with a matrix of `width` columns, of which
/// row j, times term j, goes to the node's numbers in the order of its function.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, Pod, Zeroable)]
pub struct NodeMap {
    /// Where its matrix begins in the values.
    pub values: u32,
    /// Numbers that its function takes.
    pub width: u32,
    /// Rows of its matrix.
    pub terms: u32,
    /// Where the list of its numbers' places begins.
    pub places: u32,
    /// Where its rows' slopes begin.
    pub slopes: u32,
    /// 0 where the terms are the numbers themselves; else they are slopes: one of [`NodeMap::SQUARED`], [`NodeMap::LOGISTIC`],
    /// [`NodeMap::HUBER`].
    pub loss: u32,
    /// Of Huber's loss.
    pub delta: f32,
    /// What slopes are multiplied by.
    pub scale: f32,
}

impl NodeMap {
    /// Squared loss.
    pub const SQUARED: u32 = 1;
    /// Logistic loss.
    pub const LOGISTIC: u32 = 2;
    /// Huber's loss.
    pub const HUBER: u32 = 3;
    /// The names of the fields, in order; each takes four bytes.
    pub const FIELDS: [&'static str; 8] = ["values", "width", "terms", "places", "slopes", "loss", "delta", "scale"];
}

/// The maps of all nodes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeMaps {
    /// The node of each stored number, and its place in the node's function (`u32::MAX` where it has none).
    pub owners: Vec<[u32; 2]>,
    /// For each stored number, what it is multiplied by and what is added.
    pub lines: Vec<[f32; 2]>,
    /// Of each node.
    pub maps: Vec<NodeMap>,
    /// The nodes' matrices, row-major.
    pub values: Vec<f32>,
    /// Where the numbers of the nodes' functions stand in a vector.
    pub places: Vec<u32>,
}

/// The rows of all nodes whose maps take slopes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeRows {
    /// The node of each row, and its number at the node.
    pub owners: Vec<[u32; 2]>,
    /// The targets.
    pub targets: Vec<f32>,
}

/// The communication matrix W.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MixRows {
    /// The row of each stored number, and its place in the row's block.
    pub owners: Vec<[u32; 2]>,
    /// Where each row's entries begin, and the end.
    pub offsets: Vec<u32>,
    /// For each entry where the neighbour's block begins in a vector, and the edge of the network behind it.
    pub links: Vec<[u32; 2]>,
    /// For each entry.
    pub weights: Vec<f32>,
    /// Edges of the network up to the last one that has an entry.
    pub edges: usize,
}

/// All of a network that a device with kernels computes with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeWork {
    /// Gradients of the nodes' functions.
    pub gradients: NodeMaps,
    /// The rows behind them.
    pub rows: NodeRows,
    /// Of y the minima of `f_i(z) - y'z`; `None` where some f_i is not quadratic or has none.
    pub minima: Option<NodeMaps>,
    /// W.
    pub matrix: MixRows,
}

/// The sum of `count` terms as the kernels of nodes form it: four sums (terms 0, 4, 8, ...; 1, 5, ...), added in pairs.
pub(super) fn four_sums(count: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut sums = [0.0; 4];
    (0..count).for_each(|j| sums[j % 4] += term(j));
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
