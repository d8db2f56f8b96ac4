//! The optimum of the stacked problem, with everything in one place: what the networked methods are held against.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatMut, Side};

use super::vector::{axpy, dot, norm};
use super::{PartitionedProblem, Shape};
use crate::error::{Error, Result};

/// Numbers in x up to which the stacked Hessian is formed.
const LARGEST: usize = 4096;
/// Newton steps allowed.
const STEPS: usize = 100;

/// Steps of conjugate gradients for one Newton step beyond that size.
const CONJUGATE_STEPS: usize = 5000;
/// The share of the right-hand side that they may leave: Newton's method takes the rest away.
const EXACT: f64 = 1e-13;

fn not_convex() -> Error {
    Error::Numerical("the sum of the nodes' functions is not strongly convex: its optimum is not unique".into())
}

impl PartitionedProblem {
    /// The equilibrium of a game; else the minimizer of `sum_i f_i`, by Newton's method with Armijo's rule in f64 until the gradient falls no more. Up to 4096
    /// numbers the stacked Hessian is factored; beyond, its systems are solved by conjugate gradients.
    ///
    /// # Errors
    /// [`Error::Numerical`] where the sum is not strongly convex, or Newton's method does not end; [`Error::Usage`] for a game
    /// that is not linear or of more than 4096 numbers.
    pub fn optimum(&self) -> Result<Vec<f64>> {
        let d = self.starts().last().copied().unwrap_or(0);
        if self.is_game() {
            return self.equilibrium(d);
        }
        let mut x = vec![0.0; d];
        let mut slope = self.stacked_gradient(&x);
        let first = norm(&slope);
        for _ in 0..STEPS {
            let size = norm(&slope);
            if size == 0.0 {
                return Ok(x);
            }
            let step = if d <= LARGEST { self.factored_step(&x, &slope)? } else { self.conjugate_step(&x, &slope)? };
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

    /// The zero of a game's stacked operator, by an LU factor and one step of refinement.
    fn equilibrium(&self, d: usize) -> Result<Vec<f64>> {
        let is_linear =
            |shape: &Shape| matches!(shape, Shape::Game { .. } | Shape::Quadratic { .. } | Shape::Separable { .. });
        if d > LARGEST || !self.nodes().iter().all(|node| is_linear(&node.shape)) {
            let allowed = format!("linear operators and quadratics, of at most {LARGEST} numbers in all");
            return Err(Error::usage("game", format!("{d} numbers, or a node with a loss"), allowed));
        }
        let mut x = vec![0.0; d];
        let factor = self.stacked_hessian(&x).partial_piv_lu();
        for _ in 0..2 {
            let mut step = self.stacked_gradient(&x);
            factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut step, d, 1));
            axpy(&mut x, -1.0, &step);
        }
        if x.iter().all(|x| x.is_finite()) {
            return Ok(x);
        }
        Err(Error::Numerical("the game's stacked operator is singular: its equilibrium is not unique".into()))
    }

    /// `H(x)^-1 g` by a Cholesky factor.
    fn factored_step(&self, x: &[f64], slope: &[f64]) -> Result<Vec<f64>> {
        let factor = Llt::new(self.stacked_hessian(x).as_ref(), Side::Lower).map_err(|_| not_convex())?;
        let mut step = slope.to_vec();
        factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut step, x.len(), 1));
        Ok(step)
    }

    /// The same by conjugate gradients, with as many steps as rounding leaves a use for.
    fn conjugate_step(&self, x: &[f64], slope: &[f64]) -> Result<Vec<f64>> {
        let (mut step, mut left) = (vec![0.0; x.len()], slope.to_vec());
        let mut direction = left.clone();
        let first = dot(&left, &left);
        let mut energy = first;
        for _ in 0..CONJUGATE_STEPS {
            if energy <= EXACT * EXACT * first {
                break;
            }
            let image = self.stacked_hessian_product(x, &direction);
            let curvature = dot(&direction, &image);
            if curvature.is_nan() || curvature <= 0.0 {
                return Err(not_convex());
            }
            let length = energy / curvature;
            axpy(&mut step, length, &direction);
            axpy(&mut left, -length, &image);
            let next = dot(&left, &left);
            direction.iter_mut().zip(&left).for_each(|(d, l)| *d = l + next / energy * *d);
            energy = next;
        }
        Ok(step)
    }

    fn stacked_hessian_product(&self, x: &[f64], v: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; x.len()];
        for (i, node) in self.nodes().iter().enumerate() {
            let (z, part) = (self.restrict(i, x), self.restrict(i, v));
            let mut image = vec![0.0; z.len()];
            node.hessian_product(&z, &part, &mut image);
            axpy(&mut image, node.ridge, &part);
            self.columns(i).into_iter().zip(&image).for_each(|(column, h)| sum[column] += h);
        }
        sum
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
