use crate::objective::math::{sigmoid, sigmoid_slope, softplus};
use crate::objective::{Loss, LossId};

/// The non-convex least squares of paper 003 (section 5, Figure 2): `(y - log(1 + exp(z)))^2` of a real label.
///
/// Its curvature is bounded for one label but not over all labels, so that there is no [`Loss::curvature_bound`].
#[derive(Debug, Clone, Copy, Default)]
pub struct NonlinearLeastSquares;

impl Loss for NonlinearLeastSquares {
    fn id(&self) -> LossId {
        LossId { name: "nonlinear-least-squares".into(), parameters: vec![] }
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        let r = softplus(margins[0]) - label;
        r * r
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        out[0] = 2.0 * (softplus(margins[0]) - label) * sigmoid(margins[0]);
    }

    #[inline(always)]
    fn second_derivative(&self, margins: &[f64], label: f64, direction: &[f64], out: &mut [f64]) {
        let z = margins[0];
        let s = sigmoid(z);
        out[0] = 2.0 * (s * s + (softplus(z) - label) * sigmoid_slope(z)) * direction[0];
    }
}
