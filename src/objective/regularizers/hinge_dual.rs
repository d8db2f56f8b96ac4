use super::{indicator, positive};
use crate::error::Result;
use crate::objective::Regularizer;
use crate::objective::math::sum_of;

/// `-reward sum_i a_i` on the box `0 <= a_i <= 1`, infinite outside: the part of a support vector machine's dual that is not a
/// square (paper 002, section 2.1). The squared loss of `X' diag(y) a` on zero labels is the rest: task `hinge`.
///
/// ```
/// use steadfast::objective::{HingeDual, Regularizer};
/// let mut duals = [0.25, -1.0, 0.75];
/// HingeDual::new(0.5)?.prox(1.0, &mut duals);
/// assert_eq!(duals, [0.75, 0.0, 1.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct HingeDual {
    reward: f64,
}

impl HingeDual {
    /// With a reward above 0.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] unless the reward is positive and finite.
    pub fn new(reward: f64) -> Result<Self> {
        Ok(HingeDual { reward: positive("hinge-dual: reward", reward)? })
    }
}

impl Regularizer for HingeDual {
    fn name(&self) -> String {
        format!("hinge-dual:reward={}", self.reward)
    }

    fn value(&self, weights: &[f64]) -> f64 {
        indicator(weights.iter().all(|a| (0.0..=1.0).contains(a))) - self.reward * sum_of(weights.len(), |i| weights[i])
    }

    fn prox(&self, step: f64, weights: &mut [f64]) {
        weights.iter_mut().for_each(|a| *a = (*a + step * self.reward).clamp(0.0, 1.0));
    }

    fn is_separable(&self) -> bool {
        true
    }

    /// Term by term `max(v + reward, 0) - (v + reward) a`, as differences that are at least 0 in the box.
    fn fenchel_gap(&self, weights: &[f64], dual: &[f64]) -> Option<f64> {
        Some(sum_of(weights.len(), |i| {
            let slope = dual[i] + self.reward;
            if slope > 0.0 { slope * (1.0 - weights[i]) } else { -slope * weights[i] }
        }))
    }
}
