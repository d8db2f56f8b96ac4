use super::reject_unless_sign;
use crate::objective::{Loss, LossId};

/// Squared hinge loss `max(0, 1 - y z)^2` of a label -1 or 1: the smooth support vector machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SquaredHinge;

/// `max(0, 1 - y z)`; NaN for NaN.
#[inline(always)]
fn shortfall(z: f64, y: f64) -> f64 {
    let s = 1.0 - y * z;
    if s < 0.0 { 0.0 } else { s }
}

impl Loss for SquaredHinge {
    fn id(&self) -> LossId {
        LossId { name: "squared-hinge".into(), parameters: vec![] }
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        let s = shortfall(margins[0], label);
        s * s
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        out[0] = -2.0 * label * shortfall(margins[0], label);
    }

    #[inline(always)]
    fn second_derivative(&self, margins: &[f64], label: f64, direction: &[f64], out: &mut [f64]) {
        out[0] = if label * margins[0] < 1.0 { 2.0 * direction[0] } else { 0.0 };
    }

    fn reject_label(&self, label: f64) -> Option<String> {
        reject_unless_sign(label)
    }

    fn curvature_bound(&self) -> Option<f64> {
        Some(2.0)
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        let t = label * dual[0];
        Some(if t <= 0.0 { t + 0.25 * t * t } else { f64::INFINITY })
    }
}
