//! Attacks of liars that don't know each other: noise on all entries, a few wrong entries, entries that are no numbers.

use rand::RngExt;
use rand::seq::index;
use rand_distr::{Distribution, StandardNormal};

use super::Scene;
use crate::fleet::round::norm;

/// Adds N(0, sigma^2) to every entry.
pub(super) fn gaussian(scene: &Scene<'_>, sigma: f64, reply: &mut [f64]) {
    let stream = &mut scene.own();
    for x in reply {
        let normal: f64 = StandardNormal.sample(stream);
        *x += sigma * normal;
    }
}

/// Adds `factor` times the root mean square, with random signs, to `count` random entries.
pub(super) fn entries(scene: &Scene<'_>, count: usize, factor: f64, reply: &mut [f64]) {
    let stream = &mut scene.own();
    let rms = norm(reply) / (reply.len().max(1) as f64).sqrt();
    let size = factor * if rms > 0.0 { rms } else { 1.0 };
    for at in index::sample(stream, reply.len(), count.min(reply.len())) {
        reply[at] += if stream.random() { size } else { -size };
    }
}

/// Adds N(0, 1) times `factor` round-offs of the reply's root mean square to every entry.
pub(super) fn threshold(scene: &Scene<'_>, factor: f64, reply: &mut [f64]) {
    let size = factor * scene.round_off * norm(reply) / (reply.len().max(1) as f64).sqrt();
    gaussian(scene, size, reply);
}

/// Makes the first entry NaN, and about half of the others NaN or an infinity.
pub(super) fn nan(scene: &Scene<'_>, reply: &mut [f64]) {
    let stream = &mut scene.own();
    for (at, x) in reply.iter_mut().enumerate() {
        match (at, stream.random_range(0..6)) {
            (0, _) | (_, 0) => *x = f64::NAN,
            (_, 1) => *x = f64::INFINITY,
            (_, 2) => *x = f64::NEG_INFINITY,
            _ => {}
        }
    }
}
