//! Centered clipping.

use super::Aggregator;
use crate::coding::assignment::square_distance;

/// Centered clipping (Karimireddy, He and Jaggi, *Learning from history for Byzantine robust optimization*, ICML 2021): from what it made
/// last, `v + (1/n) sum_i (x_i - v) min(1, radius / |x_i - v|)`. The authors' defaults without momentum: radius 10, one iteration. It does
/// not need to know f.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CenteredClipping {
    /// tau, in the units of the gradient.
    pub radius: f64,
    /// Iterations a round.
    pub iterations: usize,
}

impl Default for CenteredClipping {
    fn default() -> Self {
        CenteredClipping { radius: 10.0, iterations: 1 }
    }
}

impl Aggregator for CenteredClipping {
    fn name(&self) -> String {
        if *self == CenteredClipping::default() {
            return "centered-clipping".into();
        }
        format!("centered-clipping:radius={},iterations={}", self.radius, self.iterations)
    }

    fn needs(&self, liars: usize) -> (usize, &'static str) {
        (liars.saturating_mul(2) + 1, "n >= 2f + 1")
    }

    fn aggregate(&self, vectors: &[&[f64]], _liars: usize, previous: &[f64], out: &mut [f64]) {
        let n = vectors.len() as f64;
        let mut centre = previous.to_vec();
        for _ in 0..self.iterations {
            out.copy_from_slice(&centre);
            for vector in vectors {
                let distance = square_distance(vector, &centre).sqrt();
                let share = (self.radius / distance).min(1.0) / n;
                out.iter_mut().zip(*vector).zip(&centre).for_each(|((v, x), c)| *v += share * (x - c));
            }
            centre.copy_from_slice(out);
        }
    }
}
