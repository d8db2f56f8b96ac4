use crate::objective::math::{entropy_term, exp};
use crate::objective::{Loss, LossId};

/// Poisson loss with the log link: `exp(z) - y z` for a count `y >= 0` (the negative log-likelihood without the constant
/// `log y!`).
///
/// Overflow: past z = 709.78 the value and both derivatives are `+inf`, never NaN, at finite margins; a line search then
/// backs off. There is no bound of the curvature, so that a method must find its step.
#[derive(Debug, Clone, Copy, Default)]
pub struct Poisson;

impl Loss for Poisson {
    fn id(&self) -> LossId {
        LossId { name: "poisson".into(), parameters: vec![] }
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        let mean = exp(margins[0]);
        // Where the mean overflows, y z may too, and their difference would be NaN.
        if mean == f64::INFINITY { mean } else { mean - label * margins[0] }
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        out[0] = exp(margins[0]) - label;
    }

    #[inline(always)]
    fn second_derivative(&self, margins: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        let product = exp(margins[0]) * direction[0];
        out[0] = if direction[0] == 0.0 { 0.0 } else { product };
    }

    fn reject_label(&self, label: f64) -> Option<String> {
        (!(label >= 0.0 && label.is_finite())).then(|| "finite numbers of at least 0".into())
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        let mean = dual[0] + label;
        Some(if mean >= 0.0 { entropy_term(mean) - mean } else { f64::INFINITY })
    }
}
