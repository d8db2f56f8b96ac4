//! The geometric median by Weiszfeld's iteration.

use super::Aggregator;
use crate::coding::assignment::{mean_of, square_distance};

/// `argmin_v sum_i |v - x_i|` by the smoothed Weiszfeld iteration from the mean (Chen, Su and Xu, 2017, have the median; Pillutla, Kakade and
/// Harchaoui, *Robust aggregation for federated learning*, algorithm 2, the iteration): `v = sum_i b_i x_i / sum_i b_i` with
/// `b_i = 1 / max(nu, |v - x_i|)`. The latter's defaults are four iterations and nu = 1e-5: a few suffice where lies are no larger than
/// gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeometricMedian {
    /// Iterations.
    pub iterations: usize,
    /// nu, in the units of the gradient.
    pub smoothing: f64,
}

impl Default for GeometricMedian {
    fn default() -> Self {
        GeometricMedian { iterations: 4, smoothing: 1e-5 }
    }
}

impl Aggregator for GeometricMedian {
    fn name(&self) -> String {
        let default = GeometricMedian::default();
        if *self == default {
            return "geometric-median".into();
        }
        format!("geometric-median:iterations={},smoothing={}", self.iterations, self.smoothing)
    }

    fn needs(&self, liars: usize) -> (usize, &'static str) {
        (liars.saturating_mul(2) + 1, "n >= 2f + 1")
    }

    fn aggregate(&self, vectors: &[&[f64]], _liars: usize, _previous: &[f64], out: &mut [f64]) {
        mean_of(vectors.iter().copied(), out);
        let mut next = vec![0.0; out.len()];
        for _ in 0..self.iterations {
            next.fill(0.0);
            let mut total = 0.0;
            for vector in vectors {
                let weight = 1.0 / square_distance(vector, out).sqrt().max(self.smoothing);
                total += weight;
                next.iter_mut().zip(*vector).for_each(|(sum, x)| *sum += weight * x);
            }
            out.iter_mut().zip(&next).for_each(|(v, sum)| *v = sum / total);
        }
    }
}
