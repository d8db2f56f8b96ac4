use super::{Penalized, indicator, positive};
use crate::error::Result;
use crate::objective::Regularizer;
use crate::objective::math::sum_of;

/// The simplex `w_j >= 0, sum_j w_j = radius` of all weights together, without the intercept's.
///
/// ```
/// use steadfast::objective::{Penalized, Regularizer, Simplex};
/// let mut weights = [0.5, 0.0, 1.5];
/// Simplex::new(1.0, Penalized::new(3, false)?)?.prox(0.1, &mut weights);
/// assert_eq!(weights, [0.0, 0.0, 1.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Simplex {
    radius: f64,
    on: Penalized,
}

impl Simplex {
    /// With the sum of the weights, > 0.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless the radius is positive and finite.
    pub fn new(radius: f64, on: Penalized) -> Result<Self> {
        Ok(Simplex { radius: positive("simplex: radius", radius)?, on })
    }
}

impl Regularizer for Simplex {
    fn name(&self) -> String {
        format!("simplex:radius={}", self.radius)
    }

    fn value(&self, weights: &[f64]) -> f64 {
        let total: f64 = self.on.rows(weights).map(|w| sum_of(w.len(), |j| w[j])).sum();
        // A projected point's weights are rounded to the radius's last place each.
        let rounding = 4.0 * f64::EPSILON * self.radius * (1.0 + self.on.count(weights.len()) as f64);
        indicator(self.on.each(weights).all(|w| w >= 0.0) && (total - self.radius).abs() <= rounding)
    }

    /// Projection by sorting: with u the weights in falling order, the threshold is `(u_1 + … + u_r - radius) / r` for the
    /// largest r at which it stays below u_r (Held, Wolfe and Crowder 1974).
    fn prox(&self, _: f64, weights: &mut [f64]) {
        // Relative to the largest, so that huge weights keep the digits of their differences: adding a constant to all
        // weights does not change the projection.
        let mut sorted: Vec<f64> = self.on.each(weights).collect();
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let Some(&largest) = sorted.first() else { return };
        let (mut sum, mut threshold) = (0.0, 0.0);
        for (r, u) in sorted.iter().enumerate() {
            // What lies a radius or more below the largest is 0, and huge differences would spoil the sum.
            let below = u - largest;
            let next = (sum + below - self.radius) / (r + 1) as f64;
            if below <= next {
                break;
            }
            sum += below;
            threshold = next;
        }
        for w in self.on.rows_mut(weights).flatten() {
            let moved = *w - largest - threshold;
            *w = if moved < 0.0 { 0.0 } else { moved };
        }
    }

    fn fenchel_gap(&self, weights: &[f64], dual: &[f64]) -> Option<f64> {
        // radius max(v) - <v, w>, as differences that are all >= 0; the sum of the weights is the radius.
        let largest = self.on.each(dual).fold(f64::NEG_INFINITY, f64::max);
        Some(self.on.pairs(weights, dual).map(|(w, v)| sum_of(w.len(), |j| w[j] * (largest - v[j]))).sum())
    }
}
