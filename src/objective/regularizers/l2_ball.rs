use super::{Penalized, indicator, positive};
use crate::error::Result;
use crate::objective::Regularizer;
use crate::objective::math::sum_of;

/// The ball `|W| <= radius` of all weights together (Frobenius norm for K > 1), without the intercept's.
///
/// ```
/// use steadfast::objective::{L2Ball, Penalized, Regularizer};
/// let mut weights = [3.0, 4.0];
/// L2Ball::new(1.0, Penalized::new(2, false)?)?.prox(0.1, &mut weights);
/// assert!((weights[0] - 0.6).abs() < 1e-15 && (weights[1] - 0.8).abs() < 1e-15);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct L2Ball {
    radius: f64,
    on: Penalized,
}

impl L2Ball {
    /// With a radius > 0.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless the radius is positive and finite.
    pub fn new(radius: f64, on: Penalized) -> Result<Self> {
        Ok(L2Ball { radius: positive("l2-ball: radius", radius)?, on })
    }

    /// Euclidean norm, in two factors `(scale, norm / scale)`: the squares of huge or tiny weights would leave the range.
    fn norm(&self, weights: &[f64]) -> (f64, f64) {
        let scale = self.on.each(weights).fold(0.0, |a: f64, w| if w.abs() > a || w.is_nan() { w.abs() } else { a });
        if scale == 0.0 {
            return (0.0, 0.0);
        }
        let square: f64 = self.on.rows(weights).map(|w| sum_of(w.len(), |j| (w[j] / scale).powi(2))).sum();
        (scale, square.sqrt())
    }
}

impl Regularizer for L2Ball {
    fn name(&self) -> String {
        format!("l2-ball:radius={}", self.radius)
    }

    fn value(&self, weights: &[f64]) -> f64 {
        let (scale, norm) = self.norm(weights);
        // A projected point is off by the rounding of its norm and of one product a weight.
        indicator(scale * norm <= self.radius * (1.0 + 8.0 * f64::EPSILON * (1.0 + (weights.len() as f64).sqrt())))
    }

    fn prox(&self, _: f64, weights: &mut [f64]) {
        let (scale, norm) = self.norm(weights);
        if scale * norm > self.radius {
            let factor = self.radius / norm;
            self.on.rows_mut(weights).flatten().for_each(|w| *w = *w / scale * factor);
        }
    }

    fn fenchel_gap(&self, weights: &[f64], dual: &[f64]) -> Option<f64> {
        let (scale, norm) = self.norm(dual);
        let product: f64 = self.on.pairs(weights, dual).map(|(w, v)| sum_of(w.len(), |j| w[j] * v[j])).sum();
        Some((self.radius * scale * norm - product).max(0.0))
    }
}
