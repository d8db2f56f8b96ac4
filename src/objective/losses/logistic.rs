use super::reject_unless_sign;
use crate::objective::math::{entropy_term, sigmoid, sigmoid_slope, softplus};
use crate::objective::{Loss, LossId};

/// Logistic loss `log(1 + exp(-y z))` of a label -1 or 1. Finite at every finite margin.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logistic;

impl Loss for Logistic {
    fn id(&self) -> LossId {
        LossId { name: "logistic".into(), parameters: vec![] }
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        softplus(-label * margins[0])
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        out[0] = -label * sigmoid(-label * margins[0]);
    }

    #[inline(always)]
    fn second_derivative(&self, margins: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        out[0] = sigmoid_slope(margins[0]) * direction[0];
    }

    fn reject_label(&self, label: f64) -> Option<String> {
        reject_unless_sign(label)
    }

    fn curvature_bound(&self) -> Option<f64> {
        Some(0.25)
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        // t log t + (1 - t) log(1 - t) for a dual point -y t with 0 <= t <= 1.
        let t = -label * dual[0];
        Some(if (0.0..=1.0).contains(&t) { entropy_term(t) + entropy_term(1.0 - t) } else { f64::INFINITY })
    }
}
