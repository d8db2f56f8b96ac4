//! The rows of one worker, and what it computes with them at a point: value, gradient, Hessian times a vector.

use std::cell::Cell;

use nalgebra::DVector;

use crate::data::Matrix;
use crate::objective::{LineValue, Objective};
use crate::scalar::Element;

/// Rows, labels and the margins at the worker's point.
#[derive(Debug, Clone)]
pub(super) struct Part<T> {
    pub(super) features: Matrix<T>,
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

    /// Its Hessian, l2 included, as something to multiply with.
    pub(super) fn hessian<'p>(&'p self, objective: &'p Objective) -> LocalHessian<'p, T> {
        LocalHessian { part: self, objective, passes: Cell::new(0) }
    }
}

/// `H_i`, never formed.
pub(super) struct LocalHessian<'p, T> {
    part: &'p Part<T>,
    objective: &'p Objective,
    /// Passes over the rows so far: two a product.
    passes: Cell<u64>,
}

impl<T: Element> LocalHessian<'_, T> {
    /// `H_i v`.
    pub(super) fn times(&self, vector: &DVector<f64>) -> DVector<f64> {
        self.passes.set(self.passes.get() + 2);
        let images = self.part.images(vector.as_slice());
        let mut bent = vec![0.0; images.len()];
        self.objective.hessian_residuals(&self.part.margins, &self.part.labels, &images, &mut bent);
        let mut product = DVector::zeros(vector.len());
        self.part.pull_back(&bent, product.as_mut_slice());
        self.objective.add_l2_gradient(vector.as_slice(), product.as_mut_slice());
        product
    }

    /// `(H_i^2 + damp^2 I) v`.
    pub(super) fn damped_square_times(&self, vector: &DVector<f64>, damp: f64) -> DVector<f64> {
        let mut product = self.times(&self.times(vector));
        product.axpy(damp * damp, vector, 1.0);
        product
    }

    /// Passes over the rows so far.
    pub(super) fn passes(&self) -> u64 {
        self.passes.get()
    }
}
