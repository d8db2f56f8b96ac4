//! The optimum of the stacked problem, with everything in one place: what the networked methods are held against.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatMut, Side};

use super::PartitionedProblem;
use super::vector::{axpy, dot, norm};
use crate::error::{Error, Result};

/// Numbers in x up to which the stacked Hessian is formed.
const LARGEST: usize = 4096;
/// Newton steps allowed.
const STEPS: usize = 100;

impl PartitionedProblem {
    /// The minimizer of `sum_i f_i`, by Newton's method with Armijo's rule in f64 until the gradient falls no more.
    ///
    /// # Errors
    /// [`Error::Usage`] for more than 4096 numbers; [`Error::Numerical`] where the sum is not strongly convex, or Newton's
    /// method does not end.
    pub fn optimum(&self) -> Result<Vec<f64>> {
        let d = self.starts().last().copied().unwrap_or(0);
        if d > LARGEST {
            return Err(Error::usage("problem", format!("{d} numbers"), format!("at most {LARGEST} for the optimum")));
        }
        let mut x = vec![0.0; d];
        let mut slope = self.stacked_gradient(&x);
        let first = norm(&slope);
        for _ in 0..STEPS {
            let size = norm(&slope);
            if size == 0.0 {
                return Ok(x);
            }
            let factor = Llt::new(self.stacked_hessian(&x).as_ref(), Side::Lower).map_err(|_| {
                Error::Numerical(
                    "the sum of the nodes' functions is not strongly convex: its optimum is not unique".into(),
                )
            })?;
            let mut step = slope.clone();
            factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut step, d, 1));
            let (here, decrease) = (self.stacked_value(&x), dot(&slope, &step));
            let mut length = 1.0;
            let moved = loop {
                let mut moved = x.clone();
                axpy(&mut moved, -length, &step);
                if self.stacked_value(&moved) <= here - 1e-4 * length * decrease + 1e-13 * here.abs() {
                    break moved;
                }
                length *= 0.5;
                if length < 1e-12 {
                    return Err(Error::Numerical("Newton's method found no decrease of the stacked problem".into()));
                }
            };
            let next = self.stacked_gradient(&moved);
            // Rounding: the gradient is small and does not fall any more.
            if norm(&next) >= size && size <= 1e-10 * first {
                return Ok(x);
            }
            (x, slope) = (moved, next);
        }
        Err(Error::Numerical(format!("Newton's method did not end in {STEPS} steps on the stacked problem")))
    }

    /// `sum_i f_i(x)`.
    pub fn stacked_value(&self, x: &[f64]) -> f64 {
        let each: Vec<f64> = (0..self.nodes().len())
            .map(|i| {
                let z = self.restrict(i, x);
                self.nodes()[i].value(&z) + 0.5 * self.nodes()[i].ridge * dot(&z, &z)
            })
            .collect();
        dot(&each, &vec![1.0; each.len()])
    }

    /// Its gradient.
    pub fn stacked_gradient(&self, x: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; x.len()];
        for (i, node) in self.nodes().iter().enumerate() {
            let z = self.restrict(i, x);
            let mut slope = vec![0.0; z.len()];
            node.gradient(&z, &mut slope);
            axpy(&mut slope, node.ridge, &z);
            self.columns(i).into_iter().zip(&slope).for_each(|(column, g)| sum[column] += g);
        }
        sum
    }

    fn stacked_hessian(&self, x: &[f64]) -> Mat<f64> {
        let mut sum = Mat::zeros(x.len(), x.len());
        for (i, node) in self.nodes().iter().enumerate() {
            let z = self.restrict(i, x);
            let (hessian, columns) = (node.hessian(&z), self.columns(i));
            for (a, &row) in columns.iter().enumerate() {
                sum[(row, row)] += node.ridge;
                for (b, &column) in columns.iter().enumerate() {
                    sum[(row, column)] += hessian[(a, b)];
                }
            }
        }
        sum
    }
}
