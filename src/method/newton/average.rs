//! Sketched Hessians of earlier iterations, as far as they are still true.

use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::vector::dot;

/// A weighted mean of sketched Hessians (Na, Derezinski and Mahoney, "Hessian averaging in stochastic Newton methods achieves
/// superlinear convergence", Mathematical Programming 2023). Sketches err independently of each other, so a mean of k has a k-th of
/// the variance; what an old one lacks is how far the Hessian has moved since. Where its authors give the weights a schedule, here they
/// are those of a filter: a sketch of m rows has the relative variance `d K / m`, and the move is measured along the last step, where
/// the master has all margins. Far from the optimum the mean is the newest sketch; near it, all of them.
#[derive(Debug, Default)]
pub(super) struct Average {
    matrix: Vec<f64>,
    /// Relative variance of the mean; nothing before the first sketch.
    variance: Option<f64>,
    /// `p'H p` of the last direction, where it was taken.
    curvature: f64,
    scratch: Vec<f64>,
}

impl Average {
    /// Replaces the newest sketch, of `rows` rows, by the mean with it. `direction` and its `margins` are those of the step that led to
    /// the iterate, of any length.
    pub(super) fn take(
        &mut self,
        problem: &Problem<'_>,
        iterate: &Iterate,
        direction: &[f64],
        margins: &[f64],
        rows: usize,
        hessian: &mut [f64],
    ) {
        let newest = problem.dimension() as f64 / rows as f64;
        let moved = match self.variance {
            Some(_) => {
                let there = self.along(problem, iterate, direction, margins);
                (there - self.curvature).abs() / there.min(self.curvature)
            }
            None => f64::INFINITY,
        };
        let old = (self.variance.unwrap_or(0.0).sqrt() + moved).powi(2);
        if !old.is_finite() || self.matrix.len() != hessian.len() {
            self.matrix.clear();
            self.matrix.extend_from_slice(hessian);
            self.variance = Some(newest);
            return;
        }
        let weight = old / (old + newest);
        self.variance = Some(weight * newest);
        for (mean, new) in self.matrix.iter_mut().zip(hessian) {
            *mean += weight * (*new - *mean);
            *new = *mean;
        }
    }

    /// Keeps the curvature along a direction that is about to be taken.
    pub(super) fn leave(&mut self, problem: &Problem<'_>, iterate: &Iterate, direction: &[f64], margins: &[f64]) {
        self.curvature = self.along(problem, iterate, direction, margins);
    }

    /// `p'H p` with the exact Hessian.
    fn along(&mut self, problem: &Problem<'_>, iterate: &Iterate, direction: &[f64], margins: &[f64]) -> f64 {
        self.scratch.resize(margins.len(), 0.0);
        problem.objective().hessian_residuals(&iterate.margins, problem.labels(), margins, &mut self.scratch);
        dot(&self.scratch, margins) + problem.objective().l2 * problem.penalized_dot(direction, direction)
    }

    /// Starts again.
    pub(super) fn forget(&mut self) {
        self.variance = None;
    }
}
