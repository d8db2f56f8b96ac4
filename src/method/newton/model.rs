//! The sub-problem of a constrained Newton step, at the master: paper 001, eq. (8).

use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::vector::{distance, dot, norm};

/// Iterations of the inner method; each is one product with the d x d matrix.
const INNER: usize = 2_000;
/// The inner step's length, relative to the distance moved, at which the model counts as minimized.
const ACCURACY: f64 = 1e-10;

/// FISTA with restart on `<g, u - w> + (u - w)'H(u - w) / 2 + h(u)` (Beck and Teboulle, 2009; O'Donoghue and Candes, 2015).
#[derive(Debug, Default)]
pub(super) struct Model {
    point: Vec<f64>,
    momentum: Vec<f64>,
    next: Vec<f64>,
    slope: Vec<f64>,
}

impl Model {
    /// The minimizer u.
    pub(super) fn minimize(&mut self, problem: &Problem<'_>, iterate: &Iterate, hessian: &[f64]) -> &[f64] {
        let w = &iterate.weights;
        let d = w.len();
        let step = 1.0 / largest_row_sum(hessian, d).max(f64::MIN_POSITIVE);
        for buffer in [&mut self.point, &mut self.momentum] {
            buffer.clear();
            buffer.extend_from_slice(w);
        }
        self.next.resize(d, 0.0);
        self.slope.resize(d, 0.0);
        let mut weight = 1.0f64;
        for _ in 0..INNER {
            self.slope.iter_mut().zip(&self.momentum).zip(w).for_each(|((s, v), w)| *s = v - w);
            for ((next, row), (v, g)) in
                self.next.iter_mut().zip(hessian.chunks_exact(d)).zip(self.momentum.iter().zip(&iterate.gradient))
            {
                *next = v - step * (g + dot(row, &self.slope));
            }
            problem.prox(step, &mut self.next);
            let moved = distance(&self.next, &self.point);
            // Momentum that points uphill starts again.
            let against: f64 = {
                self.slope.iter_mut().zip(&self.momentum).zip(&self.next).for_each(|((s, v), u)| *s = v - u);
                let towards: Vec<f64> = self.next.iter().zip(&self.point).map(|(u, x)| u - x).collect();
                dot(&self.slope, &towards)
            };
            let following = if against > 0.0 { 1.0 } else { 0.5 * (1.0 + (1.0 + 4.0 * weight * weight).sqrt()) };
            let factor = if against > 0.0 { 0.0 } else { (weight - 1.0) / following };
            for ((v, u), x) in self.momentum.iter_mut().zip(&self.next).zip(&self.point) {
                *v = u + factor * (u - x);
            }
            weight = following;
            std::mem::swap(&mut self.point, &mut self.next);
            if moved <= ACCURACY * distance(&self.point, w) || moved <= f64::EPSILON * norm(&self.point) {
                break;
            }
        }
        &self.point
    }
}

/// The largest sum of magnitudes of a row: no eigenvalue is larger.
fn largest_row_sum(matrix: &[f64], d: usize) -> f64 {
    matrix.chunks_exact(d).map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max)
}
