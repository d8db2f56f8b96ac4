//! Rank-one collusion: the liars' errors are multiples of one direction, which a locator that counts on independent
//! errors finds hard to separate.

use rand_distr::{Distribution, StandardNormal};

use super::Scene;

/// The shared direction of a round: independent N(0, 1) entries, the same for every liar, kept for the next liar.
#[derive(Debug, Default)]
pub(super) struct Direction {
    entries: Vec<f64>,
    drawn_for: Option<(u64, usize)>,
}

impl Direction {
    /// Adds `coefficient` times the unit of the round times the direction.
    pub(super) fn add(&mut self, scene: &Scene<'_>, coefficient: f64, reply: &mut [f64]) {
        let key = (scene.request.round, reply.len());
        if self.drawn_for != Some(key) {
            self.drawn_for = Some(key);
            let stream = &mut scene.shared();
            self.entries.clear();
            let normals = StandardNormal.sample_iter(stream);
            self.entries.extend(normals.take(reply.len()).map(|x: f64| x));
        }
        let size = coefficient * scene.unit;
        reply.iter_mut().zip(&self.entries).for_each(|(x, direction)| *x += size * direction);
    }
}

/// A liar's own coefficient, N(0, 1).
pub(super) fn own_coefficient(scene: &Scene<'_>) -> f64 {
    StandardNormal.sample(&mut scene.own())
}
