use super::{Penalized, indicator};
use crate::error::{Error, Result};
use crate::objective::Regularizer;
use crate::objective::math::sum_of;

/// The box `lo <= w_j <= hi` for every weight but the intercept's; a bound may be infinite, so that `lo = 0` with
/// `hi = inf` is non-negativity.
///
/// ```
/// use steadfast::objective::{BoxConstraint, Penalized, Regularizer};
/// let on = Penalized::new(3, false)?;
/// let mut weights = [-2.0, 0.5, 3.0];
/// BoxConstraint::new(-1.0, 1.0, on)?.prox(0.1, &mut weights);
/// assert_eq!(weights, [-1.0, 0.5, 1.0]);
/// BoxConstraint::non_negative(on).prox(0.1, &mut weights);
/// assert_eq!(weights, [0.0, 0.5, 1.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BoxConstraint {
    lo: f64,
    hi: f64,
    on: Penalized,
}

impl BoxConstraint {
    /// Between `lo` and `hi`.
    ///
    /// # Errors
    /// [`Error::Usage`] unless `lo <= hi` and a finite number lies between them.
    pub fn new(lo: f64, hi: f64, on: Penalized) -> Result<Self> {
        if !(lo <= hi && lo < f64::INFINITY && hi > f64::NEG_INFINITY) {
            return Err(Error::usage("box", format!("lo={lo},hi={hi}"), "lo <= hi"));
        }
        Ok(BoxConstraint { lo, hi, on })
    }

    /// At least 0.
    pub fn non_negative(on: Penalized) -> Self {
        BoxConstraint { lo: 0.0, hi: f64::INFINITY, on }
    }

    /// The part of one weight in [`Regularizer::fenchel_gap`]: `max(lo v, hi v) - v w`.
    fn gap(&self, w: f64, v: f64) -> f64 {
        if v > 0.0 {
            v * (self.hi - w)
        } else if v < 0.0 {
            v * (self.lo - w)
        } else {
            0.0
        }
    }
}

impl Regularizer for BoxConstraint {
    fn name(&self) -> String {
        if (self.lo, self.hi) == (0.0, f64::INFINITY) {
            "non-negative".into()
        } else {
            format!("box:lo={},hi={}", self.lo, self.hi)
        }
    }

    fn value(&self, weights: &[f64]) -> f64 {
        indicator(self.on.each(weights).all(|w| w >= self.lo && w <= self.hi))
    }

    fn is_separable(&self) -> bool {
        true
    }

    fn prox(&self, _: f64, weights: &mut [f64]) {
        for w in self.on.rows_mut(weights).flatten() {
            *w = w.clamp(self.lo, self.hi);
        }
    }

    /// Where a bound is infinite, no multiple of a dual point that pushes against it is feasible: the gap is then infinite.
    fn fenchel_gap(&self, weights: &[f64], dual: &[f64]) -> Option<f64> {
        Some(self.on.pairs(weights, dual).map(|(w, v)| sum_of(w.len(), |j| self.gap(w[j], v[j]))).sum())
    }
}
