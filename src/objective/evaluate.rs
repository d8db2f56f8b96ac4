//! The objective over all rows, from margins that the caller already has: no pass over the data.
//!
//! Rows are taken in blocks of a fixed size whose sums are added in a fixed tree, so that a value has the same bits
//! whatever the number of threads; many rows are worked on in parallel.

use super::losses::softmax::class;
use super::math::sum_of;
use super::{CurvatureForm, Objective};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// Margins of one block of rows: enough to hide the virtual call, few enough for the cache.
const BLOCK: usize = 1024;
/// Blocks one thread takes at a time; fewer than two such parts are not worth a second thread.
const BLOCKS_A_TASK: usize = 16;

/// A smooth objective at one step along a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineValue {
    /// `F(w + step p)`, without the regularizer.
    pub value: f64,
    /// Its derivative in `step`; infinite where the value is.
    pub slope: f64,
}

/// The sum of `leaf` over blocks in a tree whose shape depends on the number of blocks alone.
fn tree_sum(blocks: Range<usize>, leaf: &(impl Fn(usize) -> (f64, f64) + Sync)) -> (f64, f64) {
    let count = blocks.len();
    if count == 1 {
        return leaf(blocks.start);
    }
    // Whole tasks to the left.
    let middle = blocks.start
        + if count > BLOCKS_A_TASK { count.div_ceil(2).next_multiple_of(BLOCKS_A_TASK) } else { count / 2 };
    let (left, right) = (blocks.start..middle, middle..blocks.end);
    let (a, b) = if count > BLOCKS_A_TASK {
        rayon::join(|| tree_sum(left, leaf), || tree_sum(right, leaf))
    } else {
        (tree_sum(left, leaf), tree_sum(right, leaf))
    };
    (a.0 + b.0, a.1 + b.1)
}

impl Objective {
    /// Refuses what can't be minimized: a negative or non-finite l2, no rows, a label that the loss does not take.
    ///
    /// # Errors
    /// [`Error::Usage`] for l2; [`Error::Input`] naming the first bad row (from 1), or that there is none.
    pub fn check(&self, labels: &[f64]) -> Result<()> {
        if !(self.l2 >= 0.0 && self.l2.is_finite()) {
            return Err(Error::usage("l2", self.l2, "a finite number of at least 0"));
        }
        if labels.is_empty() {
            return Err(Error::input("data", "no rows", "at least one row"));
        }
        let bad =
            labels.iter().enumerate().find_map(|(i, &y)| self.loss.reject_label(y).map(|allowed| (i, y, allowed)));
        bad.map_or(Ok(()), |(i, y, allowed)| {
            Err(Error::input(
                format!("row {}", i + 1),
                format!("label {y}"),
                format!("{allowed} ({} loss)", self.loss.id().name),
            ))
        })
    }

    /// `F(w)` with l2 and regularizer; infinite where the weights leave the regularizer's set.
    pub fn value(&self, margins: &[f64], labels: &[f64], weights: &[f64]) -> f64 {
        let regularizer = self.regularizer.as_ref().map_or(0.0, |h| h.value(weights));
        self.mean_loss(margins, labels) + self.l2_value(weights) + regularizer
    }

    /// `(1/n) sum_i loss(margins_i, label_i)`. `margins` is n x K, row-major.
    pub fn mean_loss(&self, margins: &[f64], labels: &[f64]) -> f64 {
        let k = self.loss.outputs();
        self.sum_rows(labels.len(), |rows| {
            (self.loss.sum_values(&margins[rows.start * k..rows.end * k], &labels[rows]), 0.0)
        })
        .0 / labels.len() as f64
    }

    /// `(1/n) loss'(margins_i, label_i)` for every row, into `out` (n x K, row-major): what is pulled back through X'.
    pub fn residuals(&self, margins: &[f64], labels: &[f64], out: &mut [f64]) {
        let k = self.loss.outputs();
        let scale = 1.0 / labels.len() as f64;
        self.for_rows(labels.len(), out, |rows, out| {
            self.loss.derivatives(&margins[rows.start * k..rows.end * k], &labels[rows], scale, out);
        });
    }

    /// What gives the loss's second derivatives at every row, into `out`, by [`super::Loss::curvature_form`]: n second derivatives, or
    /// n x K probabilities. `None` where the loss has no such form.
    pub fn curvature(&self, margins: &[f64], labels: &[f64], out: &mut Vec<f64>) -> Option<CurvatureForm> {
        let form = self.loss.curvature_form()?;
        out.resize(margins.len(), 0.0);
        match form {
            CurvatureForm::Scalar => self.for_rows(labels.len(), out, |rows, out| {
                let ones = vec![1.0; rows.len()];
                self.loss.second_derivatives(&margins[rows.clone()], &labels[rows], &ones, 1.0, out);
            }),
            CurvatureForm::Softmax => {
                let k = self.loss.outputs();
                self.for_rows(labels.len(), out, |rows, out| {
                    let span = rows.start * k..rows.end * k;
                    self.loss.derivatives(&margins[span], &labels[rows.clone()], 1.0, out);
                    // The derivative is p - e_y.
                    for (p, label) in out.chunks_exact_mut(k).zip(&labels[rows]) {
                        p[class(*label)] += 1.0;
                    }
                });
            }
        }
        Some(form)
    }

    /// `(1/n) loss''(margins_i, label_i) directions_i` for every row, into `out`: pulled back through X' it is the loss's
    /// Hessian times the direction whose margins are `directions` (n x K, row-major, as `out`).
    pub fn hessian_residuals(&self, margins: &[f64], labels: &[f64], directions: &[f64], out: &mut [f64]) {
        let k = self.loss.outputs();
        let scale = 1.0 / labels.len() as f64;
        self.for_rows(labels.len(), out, |rows, out| {
            let span = rows.start * k..rows.end * k;
            self.loss.second_derivatives(&margins[span.clone()], &labels[rows], &directions[span], scale, out);
        });
    }

    /// Value and slope of the smooth part (loss and l2, not the regularizer) at `weights + step * direction`, from the
    /// margins of both: what a line search asks for many steps. Nothing is allocated for up to 32 margins a row (softmax:
    /// 1024).
    pub fn line_value(
        &self,
        margins: &[f64],
        direction_margins: &[f64],
        labels: &[f64],
        weights: &[f64],
        direction: &[f64],
        step: f64,
    ) -> LineValue {
        let k = self.loss.outputs();
        let n = labels.len() as f64;
        let (value, slope) = self.sum_rows(labels.len(), |rows| {
            let span = rows.start * k..rows.end * k;
            self.loss.line(&margins[span.clone()], &direction_margins[span], &labels[rows], step)
        });
        let (mut square, mut product) = (0.0, 0.0);
        let (d, penalized) = self.columns(weights.len());
        for (w, p) in weights.chunks_exact(d).zip(direction.chunks_exact(d)) {
            square += sum_of(penalized, |j| (w[j] + step * p[j]).powi(2));
            product += sum_of(penalized, |j| (w[j] + step * p[j]) * p[j]);
        }
        let value = value / n + 0.5 * self.l2 * square;
        // Where a loss overflowed, its infinite derivative times a zero would be NaN.
        let slope = if value == f64::INFINITY { value } else { slope / n + self.l2 * product };
        LineValue { value, slope }
    }

    /// `(l2/2) |w|^2` without the intercept's weights. `weights` is K x d, row-major.
    pub fn l2_value(&self, weights: &[f64]) -> f64 {
        let (d, penalized) = self.columns(weights.len());
        0.5 * self.l2 * weights.chunks_exact(d).map(|w| sum_of(penalized, |j| w[j] * w[j])).sum::<f64>()
    }

    /// Adds `l2 w` (without the intercept's weights) to `gradient`.
    pub fn add_l2_gradient(&self, weights: &[f64], gradient: &mut [f64]) {
        let (d, penalized) = self.columns(weights.len());
        for (w, g) in weights.chunks_exact(d).zip(gradient.chunks_exact_mut(d)) {
            w[..penalized].iter().zip(g).for_each(|(w, g)| *g += self.l2 * w);
        }
    }

    /// d, and how many of the d columns are penalized.
    pub(super) fn columns(&self, weights: usize) -> (usize, usize) {
        let d = (weights / self.loss.outputs()).max(1);
        (d, d - usize::from(self.intercept))
    }

    /// Rows in a block.
    fn block_rows(&self) -> usize {
        (BLOCK / self.loss.outputs()).max(1)
    }

    /// The tree sum of `part` over blocks of rows.
    pub(super) fn sum_rows(&self, n: usize, part: impl Fn(Range<usize>) -> (f64, f64) + Sync) -> (f64, f64) {
        let rows = self.block_rows();
        if n == 0 {
            return (0.0, 0.0);
        }
        tree_sum(0..n.div_ceil(rows), &|block| part(block * rows..n.min((block + 1) * rows)))
    }

    /// Calls `part` with ranges of rows and their part of `out`, in parallel if there are many.
    fn for_rows(&self, n: usize, out: &mut [f64], part: impl Fn(Range<usize>, &mut [f64]) + Sync) {
        let rows = self.block_rows() * BLOCKS_A_TASK;
        if n < 2 * rows {
            return part(0..n, out);
        }
        out.par_chunks_mut(rows * self.loss.outputs()).enumerate().for_each(|(task, out)| {
            part(task * rows..n.min((task + 1) * rows), out);
        });
    }
}
