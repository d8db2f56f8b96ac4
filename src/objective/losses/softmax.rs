use super::softmax_rows::{Derivatives, Line, SecondDerivatives, Values, curvature_product};
use crate::error::{Error, Result};
use crate::objective::math::{entropy_term, exp, sum_of};
use crate::objective::{CurvatureForm, Loss, LossId};
use pulp::Arch;

/// Multi-class cross entropy `log(sum_k exp(z_k)) - z_y` of K margins; the label is the index 0..K of the class. Finite
/// while the difference of two margins is.
#[derive(Debug, Clone, Copy)]
pub struct Softmax {
    classes: usize,
}

/// What a row's value and derivative are made of; exponentials are taken relative to the largest margin.
pub(super) struct Row {
    pub(super) largest: f64,
    /// `exp(z_y - largest)`.
    pub(super) own: f64,
    /// `sum_{k != y} exp(z_k - largest)`: kept apart from `own`, so that a sure prediction's small loss keeps its digits.
    pub(super) others: f64,
}

impl Softmax {
    /// For K >= 2 classes.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two classes.
    pub fn new(classes: usize) -> Result<Self> {
        if classes < 2 {
            return Err(Error::usage("softmax: classes", classes, "at least 2"));
        }
        Ok(Softmax { classes })
    }

    /// The exponentials of the others' margins over their sum with `own`; `out` gets them unscaled, 0 at the own class.
    #[inline(always)]
    fn exponentials(margins: &[f64], own: usize, out: &mut [f64]) -> Row {
        let largest = largest(margins);
        for (o, z) in out.iter_mut().zip(margins) {
            *o = exp(z - largest);
        }
        let own_part = std::mem::take(&mut out[own]);
        Row { largest, own: own_part, others: sum_of(out.len(), |k| out[k]) }
    }
}

impl Row {
    #[inline(always)]
    pub(super) fn value(&self, own_margin: f64) -> f64 {
        if own_margin == self.largest {
            self.others.ln_1p()
        } else {
            (self.own + self.others).ln() + (self.largest - own_margin)
        }
    }

    /// The others' exponentials to the derivative.
    #[inline(always)]
    pub(super) fn derivative(&self, exponentials: &mut [f64], own: usize) {
        let scale = 1.0 / (self.own + self.others);
        for e in exponentials.iter_mut() {
            *e *= scale;
        }
        // p_y - 1 without the cancellation.
        exponentials[own] = -self.others * scale;
    }
}

#[inline(always)]
pub(super) fn largest(margins: &[f64]) -> f64 {
    margins.iter().fold(f64::NEG_INFINITY, |a, &b| if a < b { b } else { a })
}

/// The class a valid label names.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "labels are checked to be class indices")]
pub(in crate::objective) fn class(label: f64) -> usize {
    label as usize
}

impl Loss for Softmax {
    fn id(&self) -> LossId {
        LossId { name: "softmax".into(), parameters: vec![self.classes as f64] }
    }

    fn outputs(&self) -> usize {
        self.classes
    }

    fn curvature_form(&self) -> Option<CurvatureForm> {
        Some(CurvatureForm::Softmax)
    }

    #[inline(always)]
    fn value(&self, margins: &[f64], label: f64) -> f64 {
        let y = class(label);
        let largest = largest(margins);
        // Eight exponentials at a time; the last group is filled up with what adds nothing.
        let mut lanes = [0.0; 8];
        for (group, z) in margins.chunks(8).enumerate() {
            let mut shifted = [f64::NEG_INFINITY; 8];
            for (l, (s, z)) in shifted.iter_mut().zip(z).enumerate() {
                *s = if group * 8 + l == y { f64::NEG_INFINITY } else { z - largest };
            }
            for (lane, s) in lanes.iter_mut().zip(shifted) {
                *lane += exp(s);
            }
        }
        let others = sum_of(8, |l| lanes[l]);
        Row { largest, own: exp(margins[y] - largest), others }.value(margins[y])
    }

    #[inline(always)]
    fn derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) {
        self.value_and_derivative(margins, label, out);
    }

    #[inline(always)]
    fn value_and_derivative(&self, margins: &[f64], label: f64, out: &mut [f64]) -> f64 {
        let y = class(label);
        let row = Softmax::exponentials(margins, y, out);
        row.derivative(out, y);
        row.value(margins[y])
    }

    #[inline(always)]
    fn second_derivative(&self, margins: &[f64], _: f64, direction: &[f64], out: &mut [f64]) {
        let largest = largest(margins);
        for (o, z) in out.iter_mut().zip(margins) {
            *o = exp(z - largest);
        }
        curvature_product(out, direction);
    }

    fn sum_values(&self, margins: &[f64], labels: &[f64]) -> f64 {
        Arch::new().dispatch(Values { classes: self.classes, margins, labels })
    }

    fn derivatives(&self, margins: &[f64], labels: &[f64], scale: f64, out: &mut [f64]) {
        Arch::new().dispatch(Derivatives { classes: self.classes, margins, labels, scale, out });
    }

    fn second_derivatives(&self, margins: &[f64], _: &[f64], directions: &[f64], scale: f64, out: &mut [f64]) {
        Arch::new().dispatch(SecondDerivatives { classes: self.classes, margins, directions, scale, out });
    }

    fn line(&self, margins: &[f64], directions: &[f64], labels: &[f64], step: f64) -> (f64, f64) {
        Arch::new().dispatch(Line { classes: self.classes, margins, directions, labels, step })
    }

    fn reject_label(&self, label: f64) -> Option<String> {
        let valid = label >= 0.0 && label < self.classes as f64 && label.fract() == 0.0;
        (!valid).then(|| format!("class indices 0 to {}", self.classes - 1))
    }

    fn curvature_bound(&self) -> Option<f64> {
        // diag(p) - p p' has no eigenvalue above 1/2.
        Some(0.5)
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn conjugate(&self, dual: &[f64], label: f64) -> Option<f64> {
        // The negative entropy of dual + e_y, which must be a probability vector, up to the rounding of K such numbers.
        let y = class(label);
        let probability = |k: usize| dual[k] + if k == y { 1.0 } else { 0.0 };
        let rounding = 4.0 * f64::EPSILON * self.classes as f64;
        let total = sum_of(self.classes, probability);
        if (0..self.classes).any(|k| probability(k) < -rounding) || (total - 1.0).abs() > rounding {
            return Some(f64::INFINITY);
        }
        Some(sum_of(self.classes, |k| entropy_term(probability(k).max(0.0))))
    }
}
