//! The rows of one worker, and what it computes with them at a point: value, gradient, second derivatives.

use std::sync::Arc;

use rayon::prelude::*;

use crate::data::Matrix;
use crate::device::LocalCurvature;
use crate::objective::{CurvatureForm, LineValue, Objective};
use crate::scalar::Element;

/// Rows, labels and the margins at the worker's point.
#[derive(Debug, Clone)]
pub(super) struct Part<T> {
    /// Shared with the device that multiplies with the Hessian.
    pub(super) features: Arc<Matrix<T>>,
    pub(super) labels: Vec<f64>,
    pub(super) margins: Vec<f64>,
    /// `m n_i / n`: with it the plain mean of the parts' functions is the mean over all rows, however unequal they are.
    pub(super) share: f64,
}

impl<T: Element> Part<T> {
    /// `X_i v` of K d numbers.
    pub(super) fn images(&self, vector: &[f64]) -> Vec<f64> {
        let k = self.margins.len() / self.labels.len();
        let mut images = vec![0.0; self.margins.len()];
        self.features.multiply(vector, k, &mut images);
        images
    }

    /// Goes to `weights`.
    pub(super) fn move_to(&mut self, weights: &[f64]) {
        self.margins = self.images(weights);
    }

    /// The gradient of the part's loss at `margins`, without l2.
    pub(super) fn loss_gradient(&self, objective: &Objective, margins: &[f64], out: &mut [f64]) {
        let mut residuals = vec![0.0; margins.len()];
        objective.residuals(margins, &self.labels, &mut residuals);
        self.pull_back(&residuals, out);
    }

    fn pull_back(&self, residuals: &[f64], out: &mut [f64]) {
        self.features.multiply_transposed(residuals, residuals.len() / self.labels.len(), out);
        out.iter_mut().for_each(|x| *x *= self.share);
    }

    /// The part's loss at its point, without l2.
    pub(super) fn loss(&self, objective: &Objective) -> f64 {
        objective.mean_loss(&self.margins, &self.labels) * self.share
    }

    /// Value and slope of the part's loss at `step` along a direction with these images, without l2.
    pub(super) fn line(&self, objective: &Objective, images: &[f64], step: f64) -> LineValue {
        let LineValue { value, slope } = objective.line_value(&self.margins, images, &self.labels, &[], &[], step);
        LineValue { value: value * self.share, slope: slope * self.share }
    }

    /// What the loss's second derivatives at the part's point are made of: K probabilities a row of softmax's, else K x K numbers.
    pub(super) fn curvature(&self, objective: &Objective) -> Vec<f64> {
        let (loss, k) = (&objective.loss, objective.loss.outputs());
        let mut numbers = Vec::new();
        if k > 1 && objective.curvature(&self.margins, &self.labels, &mut numbers).is_some() {
            return numbers;
        }
        numbers.resize(self.margins.len() * k, 0.0);
        let (mut unit, mut column) = (vec![0.0; self.margins.len()], vec![0.0; self.margins.len()]);
        for l in 0..k {
            unit.chunks_exact_mut(k).for_each(|unit| unit[l] = 1.0);
            loss.second_derivatives(&self.margins, &self.labels, &unit, 1.0, &mut column);
            numbers.iter_mut().skip(l).step_by(k).zip(&column).for_each(|(to, second)| *to = *second);
            unit.fill(0.0);
        }
        numbers
    }
}

/// The second derivatives at all `parts`.
pub(super) fn curvature<T: Element>(parts: &[Part<T>], objective: &Objective) -> LocalCurvature {
    let numbers = parts.par_iter().map(|part| part.curvature(objective)).collect();
    match objective.loss.curvature_form() {
        Some(CurvatureForm::Softmax) => LocalCurvature::Softmax(numbers),
        _ => LocalCurvature::Full(numbers),
    }
}
