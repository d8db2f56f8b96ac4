//! The support vector machine through its dual (paper 002, section 2.1), on the same products as any other problem.
//!
//! The primal is `P(w) = (1/n) sum_i max(0, 1 - y_i x_i . w) + (l2/2) |w|^2`; an intercept is a constant column like any other
//! and is penalized with it, for a free one would bind all dual variables by one equation. With `0 <= a_i <= 1` and
//! `w = sum_i a_i y_i x_i / (n l2)` the dual is `D(a) = sum_i a_i / n - (l2/2) |w|^2`. Up to the factor
//! `kappa = n^2 l2 / d`, `-D` is a mean squared loss plus a sum over coordinates,
//!
//! `F(a) = (1/d) |Z a|^2 / 2 - (n l2 / d) sum_i a_i` on the box, with `Z = X' diag(y)` (d x n),
//!
//! so the data that is encoded is Z, a margin is a feature and a coordinate is a sample; and the duality gap of F is kappa
//! times `P - D`.

use std::sync::Arc;

use super::config::TrainConfig;
use super::finish::FinalEvaluation;
use super::prepare::Prepared;
use crate::data::{Csr, Dense, Matrix};
use crate::error::{Error, Result};
use crate::objective::{HingeDual, LeastSquares, Objective};
use crate::trace::{IterationRecord, Observer};

/// The dual problem of prepared data.
#[derive(Debug)]
pub(super) struct Dual {
    /// Z, d x n.
    pub features: Matrix<f64>,
    /// d zeros.
    pub labels: Vec<f64>,
    pub objective: Objective,
    /// kappa.
    pub scale: f64,
    l2: f64,
}

impl Dual {
    /// # Errors
    /// [`Error::Usage`] without l2, or with another penalty.
    pub fn of(config: &TrainConfig, prepared: &Prepared) -> Result<Self> {
        if !(config.l2 > 0.0 && config.l2.is_finite()) {
            return Err(Error::usage("--task hinge with --l2", config.l2, "a finite number above 0"));
        }
        if config.l1 > 0.0 || config.constraint.is_some() {
            return Err(Error::usage("--task hinge with --l1 or --constraint", "a penalty", "--l2 alone"));
        }
        let features = columns_times(&prepared.features, &prepared.labels)?;
        let (d, n) = (features.rows() as f64, features.cols() as f64);
        let regularizer = HingeDual::new(n * config.l2 / d)?;
        let objective = Objective {
            loss: Arc::new(LeastSquares),
            l2: 0.0,
            regularizer: Some(Arc::new(regularizer)),
            intercept: false,
        };
        let labels = vec![0.0; features.rows()];
        Ok(Dual { features, labels, objective, scale: n * n * config.l2 / d, l2: config.l2 })
    }

    /// `w = Z a / (n l2)`.
    pub fn primal(&self, duals: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.features.rows()];
        self.features.multiply(duals, 1, &mut weights);
        let factor = 1.0 / (self.features.cols() as f64 * self.l2);
        weights.iter_mut().for_each(|w| *w *= factor);
        weights
    }

    /// P(w) and `P(w) - D(a)` on the data as read, w made of the dual variables.
    pub fn evaluate(&self, prepared: &Prepared, duals: &[f64], weights: &[f64]) -> FinalEvaluation {
        let n = duals.len() as f64;
        let mut margins = vec![0.0; duals.len()];
        prepared.features.multiply(weights, 1, &mut margins);
        let (mut loss, mut gap) = (0.0, 0.0);
        for ((margins, labels), duals) in margins.chunks(256).zip(prepared.labels.chunks(256)).zip(duals.chunks(256)) {
            let (mut block_loss, mut block_gap) = (0.0, 0.0);
            for ((z, y), a) in margins.iter().zip(labels).zip(duals) {
                // max(0, s) - a s, both terms of P - D that belong to this sample: |w|^2 l2 = (1/n) sum_i a_i y_i z_i.
                let slack = 1.0 - y * z;
                block_loss += slack.max(0.0);
                block_gap += if slack > 0.0 { slack * (1.0 - a) } else { -slack * a };
            }
            loss += block_loss;
            gap += block_gap;
        }
        let square: f64 = weights.chunks(256).map(|w| w.iter().map(|w| w * w).sum::<f64>()).sum();
        let gap = Some(gap / n);
        FinalEvaluation { objective: loss / n + 0.5 * self.l2 * square, margins, duality_gap: gap, gap_bound: gap }
    }
}

/// `X' diag(y)`.
fn columns_times(features: &Matrix<f64>, labels: &[f64]) -> Result<Matrix<f64>> {
    let (n, d) = (features.rows(), features.cols());
    if !features.is_sparse() {
        let mut values = vec![0.0; n * d];
        for (i, y) in labels.iter().enumerate() {
            features.for_each_in_row(i, |j, x| values[j * n + i] = y * x);
        }
        return Ok(Matrix::Dense(Dense::new(d, n, values)?));
    }
    let mut offsets = vec![0; d + 1];
    for i in 0..n {
        features.for_each_in_row(i, |j, _| offsets[j + 1] += 1);
    }
    for j in 0..d {
        offsets[j + 1] += offsets[j];
    }
    let mut next = offsets.clone();
    let (mut indices, mut values) = (vec![0; features.stored()], vec![0.0; features.stored()]);
    for (i, y) in labels.iter().enumerate() {
        let sample = u32::try_from(i).map_err(|_| Error::usage("--task hinge: rows", n, "at most 2^32"))?;
        features.for_each_in_row(i, |j, x| {
            (indices[next[j]], values[next[j]]) = (sample, y * x);
            next[j] += 1;
        });
    }
    Ok(Matrix::Csr(Csr::new(d, n, offsets, indices, values)?))
}

/// Puts the dual's iterations into the primal's units: the objective becomes -D, the gap P - D.
#[derive(Debug)]
pub(super) struct Units(pub f64);

impl Observer for Units {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        record.objective /= self.0;
        record.gradient_norm /= self.0;
        record.duality_gap = record.duality_gap.map(|gap| gap / self.0);
        Ok(())
    }
}
