use super::indicator;
use crate::error::{Error, Result};
use crate::objective::Regularizer;
use crate::objective::math::sum_of;

/// `sum_i costs_i a_i` where no `a_i` is negative, infinite elsewhere: what multipliers of inequalities pay in a dual.
///
/// ```
/// use steadfast::objective::{LinearCost, Regularizer};
/// let mut multipliers = [0.25, 1.0];
/// LinearCost::new(vec![2.0, -1.0])?.prox(0.5, &mut multipliers);
/// assert_eq!(multipliers, [0.0, 1.5]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LinearCost {
    costs: Vec<f64>,
}

impl LinearCost {
    /// With a finite cost of each.
    ///
    /// # Errors
    /// [`Error::Usage`] for a cost that is not finite.
    pub fn new(costs: Vec<f64>) -> Result<Self> {
        match costs.iter().find(|cost| !cost.is_finite()) {
            Some(bad) => Err(Error::usage("linear cost", bad, "finite numbers")),
            None => Ok(LinearCost { costs }),
        }
    }
}

impl Regularizer for LinearCost {
    fn name(&self) -> String {
        "linear-cost".into()
    }

    fn value(&self, weights: &[f64]) -> f64 {
        indicator(weights.iter().all(|a| *a >= 0.0)) + sum_of(weights.len(), |i| self.costs[i] * weights[i])
    }

    fn prox(&self, step: f64, weights: &mut [f64]) {
        weights.iter_mut().zip(&self.costs).for_each(|(a, cost)| *a = (*a - step * cost).max(0.0));
    }

    fn is_separable(&self) -> bool {
        true
    }
}
