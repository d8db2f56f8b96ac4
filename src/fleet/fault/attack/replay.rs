//! Replay: an old reply of its own, honest once and plausible for ever.

use std::collections::BTreeMap;

use super::{Scene, rescale};
use crate::data::Operand;
use crate::fleet::request::{Opcode, Request};

/// Shape of a request at a worker: replies of the same shape can stand for each other.
type Shape = (usize, Operand, bool, usize, usize);

/// The first reply that is not all zeros, of each worker and shape, and the round it was made for.
#[derive(Debug, Default)]
pub(super) struct Memory {
    first: BTreeMap<Shape, (u64, Vec<f64>)>,
}

fn shape(worker: usize, request: &Request, reply: &[f64]) -> Shape {
    (worker, request.operand, request.opcode == Opcode::TransposedProduct, request.vectors, reply.len())
}

impl Memory {
    /// Keeps an honest reply if it is the first.
    pub(super) fn keep(&mut self, worker: usize, request: &Request, reply: &[f64]) {
        if reply.iter().any(|&x| x != 0.0) {
            self.first.entry(shape(worker, request, reply)).or_insert_with(|| (request.round, reply.to_vec()));
        }
    }

    /// Replaces `reply` by the old one; doubles it where there is none from an earlier round.
    pub(super) fn replay(&self, scene: &Scene<'_>, reply: &mut [f64]) {
        match self.first.get(&shape(scene.worker, scene.request, reply)) {
            Some((round, old)) if *round != scene.request.round => reply.copy_from_slice(old),
            _ => rescale::scale(2.0, reply),
        }
    }
}
