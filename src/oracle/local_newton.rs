//! A worker's own Newton system: the Hessian of its rows plus l2, factored where it is small, else only multiplied with.

use std::borrow::Cow;
use std::ops::Range;

use faer::linalg::solvers::{Llt, Solve};
use faer::{MatMut, MatRef, Side};
use nalgebra::DVector;
use rayon::prelude::*;

use super::direction::PointCurvature;
use super::hessian::curvature;
use crate::data::Matrix;
use crate::device::{CpuHessian, HessianDevice};
use crate::error::{Error, Result};
use crate::objective::CurvatureForm;
use crate::scalar::{Accumulator, Element};

/// K d up to which a local Hessian is formed and factored; beyond, its system is solved by conjugate gradients.
pub const MOST_FACTORED: usize = 2000;
/// Products that conjugate gradients may take, and the residual they end at, relative to the gradient: GIANT's inexact local
/// solves, as its authors and paper 003 run them.
const PRODUCTS: usize = 50;
const RESIDUAL: f64 = 1e-4;

/// The curvature at a point.
pub(super) struct LocalCurvature<'a, T: Element> {
    pub(super) point: PointCurvature<'a>,
    /// As kernels take it.
    pub(super) stored: &'a [T::Acc],
}

impl<T: Element> LocalCurvature<'_, T> {
    /// Whether l2 acts on weight i of K d.
    fn is_penalized(&self, i: usize, cols: usize) -> bool {
        i % cols < self.point.penalized
    }
}

/// Solves local systems of the data's rows, with its buffers.
#[derive(Debug)]
pub(super) struct Solver<'a, T: Element> {
    device: CpuHessian<'a, T>,
    block: Vec<T::Acc>,
    hessian: Vec<f64>,
}

impl<'a, T: Element> Solver<'a, T> {
    /// Of n x d data.
    pub(super) fn new(data: Cow<'a, Matrix<T>>) -> Self {
        Solver { device: CpuHessian::new(data), block: Vec::new(), hessian: Vec::new() }
    }

    /// The data.
    pub(super) fn data(&self) -> &Matrix<T> {
        self.device.data()
    }

    /// Multiply-adds of one worker: the triangle of its Gram matrix and a Cholesky factorization, or two passes over the rows a
    /// product.
    pub(super) fn multiply_adds(rows: usize, per_row: usize, classes: usize, width: usize) -> u64 {
        if width <= MOST_FACTORED {
            let gram = rows * (classes * (classes + 1) / 2) * (per_row * (per_row + 1) / 2);
            (gram + width * width * width / 6 + width * width) as u64
        } else {
            (PRODUCTS * 2 * rows * per_row * classes) as u64
        }
    }

    /// `mean_i H_i^-1 g` over the parts that `ranges` name, into `out`.
    pub(super) fn mean_solution(
        &mut self,
        curved: &LocalCurvature<'_, T>,
        ranges: &[Range<usize>],
        gradient: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        let solutions: Vec<DVector<f64>> = if gradient.len() <= MOST_FACTORED {
            ranges.iter().map(|range| self.factored(curved, range.clone(), gradient)).collect::<Result<_>>()?
        } else {
            let data = self.data();
            ranges.par_iter().map(|range| multiplied(data, curved, range.clone(), gradient)).collect::<Result<_>>()?
        };
        out.fill(0.0);
        for solution in &solutions {
            out.iter_mut().zip(solution.iter()).for_each(|(mean, x)| *mean += x / solutions.len() as f64);
        }
        Ok(())
    }

    /// One part's solution by Cholesky in f64.
    fn factored(
        &mut self,
        curved: &LocalCurvature<'_, T>,
        range: Range<usize>,
        gradient: &[f64],
    ) -> Result<DVector<f64>> {
        let width = gradient.len();
        let (n, cols) = self.device.shape();
        self.block.resize(width * width, T::Acc::ZERO);
        let curvature = curvature(n, curved.point.form, curved.stored);
        self.device.exact_gram(&curvature, range.clone(), &mut self.block)?;
        // The device divides by all rows; a local Hessian is a mean over its own.
        let scale = n as f64 / range.len() as f64;
        self.hessian.clear();
        self.hessian.extend(self.block.iter().map(|h| h.to_f64() * scale));
        for i in (0..width).filter(|&i| curved.is_penalized(i, cols)) {
            self.hessian[i * width + i] += curved.point.l2;
        }
        let Ok(factor) = Llt::new(MatRef::from_row_major_slice(&self.hessian, width, width), Side::Lower) else {
            return Err(indefinite(&range));
        };
        let mut solution = DVector::from_column_slice(gradient);
        factor.solve_in_place(MatMut::from_column_major_slice_mut(solution.as_mut_slice(), width, 1));
        Ok(solution)
    }
}

fn indefinite(range: &Range<usize>) -> Error {
    Error::Numerical(format!(
        "the local Hessian of rows {} to {} is not positive definite; raise l2 or take fewer workers",
        range.start + 1,
        range.end
    ))
}

/// One part's solution by conjugate gradients (Nocedal and Wright, *Numerical Optimization*, 2nd ed., algorithm 5.2).
fn multiplied<T: Element>(
    data: &Matrix<T>,
    curved: &LocalCurvature<'_, T>,
    range: Range<usize>,
    gradient: &[f64],
) -> Result<DVector<f64>> {
    let part = data.select_rows(&range.clone().collect::<Vec<_>>());
    let mut solution = DVector::zeros(gradient.len());
    let mut residual = DVector::from_column_slice(gradient);
    let mut along = residual.clone();
    let mut square = residual.norm_squared();
    let enough = RESIDUAL * square.sqrt();
    for _ in 0..PRODUCTS {
        if square.sqrt() <= enough {
            break;
        }
        let product = hessian_product(curved, &part, range.clone(), &along);
        let curved = along.dot(&product);
        if curved.is_nan() || curved <= 0.0 {
            return Err(indefinite(&range));
        }
        solution.axpy(square / curved, &along, 1.0);
        residual.axpy(-square / curved, &product, 1.0);
        let next = residual.norm_squared();
        along.axpy(1.0, &residual, next / square);
        square = next;
    }
    Ok(solution)
}

/// The Hessian of `part`, the rows `range`, times `direction`.
fn hessian_product<T: Element>(
    curved: &LocalCurvature<'_, T>,
    part: &Matrix<T>,
    range: Range<usize>,
    direction: &DVector<f64>,
) -> DVector<f64> {
    let k = direction.len() / part.cols();
    let mut margins = vec![0.0; part.rows() * k];
    part.multiply(direction.as_slice(), k, &mut margins);
    let numbers = &curved.point.numbers[range.start * k..range.end * k];
    let scale = 1.0 / part.rows() as f64;
    match curved.point.form {
        CurvatureForm::Scalar => margins.iter_mut().zip(numbers).for_each(|(z, second)| *z *= second * scale),
        CurvatureForm::Softmax => {
            for (z, p) in margins.chunks_exact_mut(k).zip(numbers.chunks_exact(k)) {
                let mean: f64 = z.iter().zip(p).map(|(z, p)| z * p).sum();
                z.iter_mut().zip(p).for_each(|(z, p)| *z = p * (*z - mean) * scale);
            }
        }
    }
    let mut product = DVector::zeros(direction.len());
    part.multiply_transposed(&margins, k, product.as_mut_slice());
    for i in (0..direction.len()).filter(|&i| curved.is_penalized(i, part.cols())) {
        product[i] += curved.point.l2 * direction[i];
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dense;
    use crate::seed::{Purpose, Seed};
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn both_solvers_find_the_same_direction() {
        for (form, classes) in [(CurvatureForm::Scalar, 1), (CurvatureForm::Softmax, 3)] {
            let (n, d) = (240, 4);
            let mut rng = Seed(3).stream(Purpose::Experiment, 0, 0);
            let mut normal =
                |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
            let data = Matrix::Dense(Dense::new(n, d, normal(n * d)).expect("a shape"));
            let numbers: Vec<f64> = match form {
                CurvatureForm::Scalar => normal(n).iter().map(|x| 0.1 + x.abs()).collect(),
                CurvatureForm::Softmax => {
                    let raw: Vec<f64> = normal(n * classes).iter().map(|x| x.exp()).collect();
                    raw.chunks(classes).flat_map(|p| p.iter().map(|x| x / p.iter().sum::<f64>())).collect()
                }
            };
            let gradient = normal(d * classes);
            // Softmax's unpenalized last column is singular in the direction that all classes share: penalize it too.
            let penalized = if classes > 1 { d } else { d - 1 };
            let point = PointCurvature { form, numbers: &numbers, l2: 0.1, penalized };
            let mut stored = Vec::new();
            super::super::hessian::stored_curvature::<f64>(n, form, &numbers, &mut stored).expect("curvature");
            let curved = LocalCurvature { point, stored: &stored };
            let mut solver = Solver::new(Cow::Borrowed(&data));
            let exact = solver.factored(&curved, 60..180, &gradient).expect("definite");
            let close = multiplied(&data, &curved, 60..180, &gradient).expect("definite");
            // A residual of 1e-4 |g| leaves at most that over the smallest eigenvalue, at least 0.1.
            let error = (&exact - &close).norm();
            assert!(error <= RESIDUAL * DVector::from_vec(gradient).norm() / 0.05, "{form:?}: {error}");
        }
    }
}
