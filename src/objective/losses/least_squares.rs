use crate::objective::{Loss, LossId};

/// Squared loss `(z - y)^2 / 2` of a real label (linear regression, ridge, lasso).
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastSquares;

impl Loss for LeastSquares {
    fn id(&self) -> LossId {
        LossId { name: "squared".into(), parameters: vec![] }
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        let r = margins[0] - label;
        0.5 * r * r
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        out[0] = margins[0] - label;
    }

    #[inline(always)]
    fn second_derivative(&self, _: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        out[0] = direction[0];
    }

    fn curvature_bound(&self) -> Option<f64> {
        Some(1.0)
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        Some(dual[0] * (0.5 * dual[0] + label))
    }
}
