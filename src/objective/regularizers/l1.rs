use super::Penalized;
use crate::error::{Error, Result};
use crate::objective::Regularizer;
use crate::objective::math::sum_of;

/// `weight |w|_1`, without the intercept's weights: the lasso's penalty, and with l2 > 0 beside it the elastic net's.
///
/// ```
/// use steadfast::objective::{L1, Penalized, Regularizer};
/// // Two features and an intercept, which keeps its value.
/// let l1 = L1::new(0.5, Penalized::new(3, true)?)?;
/// let mut weights = [2.0, -0.25, 4.0];
/// l1.prox(1.0, &mut weights);
/// assert_eq!(weights, [1.5, 0.0, 4.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct L1 {
    weight: f64,
    on: Penalized,
}

impl L1 {
    /// With the penalty's weight.
    ///
    /// # Errors
    /// [`Error::Usage`] for a negative or non-finite weight.
    pub fn new(weight: f64, on: Penalized) -> Result<Self> {
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::usage("l1", weight, "a finite number of at least 0"));
        }
        Ok(L1 { weight, on })
    }
}

impl Regularizer for L1 {
    fn name(&self) -> String {
        format!("l1:weight={}", self.weight)
    }

    fn value(&self, weights: &[f64]) -> f64 {
        self.weight * self.on.rows(weights).map(|w| sum_of(w.len(), |j| w[j].abs())).sum::<f64>()
    }

    fn is_separable(&self) -> bool {
        true
    }

    fn prox(&self, step: f64, weights: &mut [f64]) {
        let threshold = step * self.weight;
        for w in self.on.rows_mut(weights).flatten() {
            // Soft thresholding; NaN stays NaN.
            let shrunk = w.abs() - threshold;
            *w = if shrunk <= 0.0 { 0.0 } else { shrunk.copysign(*w) };
        }
    }

    fn dual_scale(&self, dual: &[f64]) -> f64 {
        let largest = self.on.each(dual).fold(0.0, |a: f64, v| a.max(v.abs()));
        if largest > self.weight { self.weight / largest } else { 1.0 }
    }

    fn fenchel_gap(&self, weights: &[f64], dual: &[f64]) -> Option<f64> {
        // Scaling to the bound may round past it.
        let bound = self.weight * (1.0 + 4.0 * f64::EPSILON);
        if !self.on.each(dual).all(|v| v.abs() <= bound) {
            return Some(f64::INFINITY);
        }
        let gap = |w: &[f64], v: &[f64]| sum_of(w.len(), |j| self.weight * w[j].abs() - v[j] * w[j]);
        Some(self.on.pairs(weights, dual).map(|(w, v)| gap(w, v)).sum())
    }
}
