use crate::error::{Error, Result};
use crate::objective::{Loss, LossId};

/// Huber's loss of a real label: `(z - y)^2 / 2` where `|z - y| <= delta`, else `delta (|z - y| - delta / 2)`.
#[derive(Debug, Clone, Copy)]
pub struct Huber {
    delta: f64,
}

impl Huber {
    /// With the residual `delta > 0` at which the loss turns from quadratic to linear.
    ///
    /// # Errors
    /// [`Error::Usage`] unless `delta` is a positive finite number.
    pub fn new(delta: f64) -> Result<Self> {
        if !(delta > 0.0 && delta.is_finite()) {
            return Err(Error::usage("huber: delta", delta, "a positive finite number"));
        }
        Ok(Huber { delta })
    }
}

impl Loss for Huber {
    fn id(&self) -> LossId {
        LossId { name: "huber".into(), parameters: vec![self.delta] }
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        // With the clipped residual c both branches are c (|r| - |c| / 2), of the same sign.
        let r = (margins[0] - label).abs();
        let clipped = if r > self.delta { self.delta } else { r };
        clipped * (r - 0.5 * clipped)
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        let r = margins[0] - label;
        let r = if r > self.delta { self.delta } else { r };
        out[0] = if r < -self.delta { -self.delta } else { r };
    }

    #[inline(always)]
    fn second_derivative(&self, margins: &[f64], label: f64, direction: &[f64], out: &mut [f64]) {
        out[0] = if (margins[0] - label).abs() <= self.delta { direction[0] } else { 0.0 };
    }

    fn curvature_bound(&self) -> Option<f64> {
        Some(1.0)
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        let inside = dual[0].abs() <= self.delta;
        Some(if inside { dual[0] * (0.5 * dual[0] + label) } else { f64::INFINITY })
    }
}
