//! What a node minimizes.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::vector::{axpy, dot, norm};
use crate::error::{Error, Result};
use crate::objective::Loss;

/// Newton steps allowed for one node's minimum.
const STEPS: usize = 60;
/// Halvings of a Newton step.
const HALVINGS: usize = 40;

/// The part of a node's function beside its ridge.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Shape {
    /// `z'H z / 2 - h'z` with H symmetric positive semidefinite, row-major.
    Quadratic {
        /// H, d x d.
        hessian: Vec<f64>,
        /// h.
        linear: Vec<f64>,
    },
    /// `(1/m) sum_k loss(a_k . z, y_k)`: logistic, or huber for a robust regression, or any other convex loss of one margin.
    Rows {
        /// The loss.
        loss: Arc<dyn Loss>,
        /// The rows a_k, m x d, row-major.
        rows: Vec<f64>,
        /// y.
        targets: Vec<f64>,
    },
}

/// `f_i(z) = shape(z) + (ridge/2)|z|^2`, z being the blocks of the node's variables one after the other (d numbers).
#[derive(Debug, Clone)]
pub struct LocalFunction {
    /// The variables it depends on, ascending.
    pub variables: Vec<usize>,
    /// What is not the ridge.
    pub shape: Shape,
    /// At least 0.
    pub ridge: f64,
}

impl LocalFunction {
    /// Refuses sizes that do not fit d, numbers that are not finite, a Hessian that is not symmetric positive semidefinite, and
    /// losses without a bound on their curvature or of several margins; `place` stands in the errors.
    pub(super) fn check(&self, d: usize, place: &str) -> Result<()> {
        let refuse = |got: String, allowed: &str| Err(Error::input(place, got, allowed));
        if !(self.ridge.is_finite() && self.ridge >= 0.0) {
            return refuse(format!("a ridge of {}", self.ridge), "a finite number, at least 0");
        }
        match &self.shape {
            Shape::Quadratic { hessian, linear } => {
                if hessian.len() != d * d || linear.len() != d {
                    let got = format!("a Hessian of {} and a linear term of {} numbers", hessian.len(), linear.len());
                    return refuse(got, &format!("{} and {d}, for variables of {d} numbers", d * d));
                }
                if hessian.iter().chain(linear).any(|x| !x.is_finite()) {
                    return refuse("a number that is not finite".into(), "finite numbers");
                }
                let scale = hessian.iter().fold(0.0, |top: f64, x| top.max(x.abs()));
                let skew = (0..d * d).map(|at| (hessian[at] - hessian[at % d * d + at / d]).abs()).fold(0.0, f64::max);
                let (least, _) = self.curvature(d)?;
                // Eigenvalues and symmetric entries may be off by rounding.
                if skew > 1e-12 * scale || least < -1e-12 * scale * d as f64 {
                    let got = format!("a Hessian with skew {skew:.3e} and least eigenvalue {least:.3e}");
                    return refuse(got, "a symmetric positive semidefinite one");
                }
                Ok(())
            }
            Shape::Rows { loss, rows, targets } => {
                if targets.is_empty() || rows.len() != targets.len() * d {
                    let got = format!("{} numbers in rows for {} targets", rows.len(), targets.len());
                    return refuse(got, &format!("{d} numbers for each of one or more targets"));
                }
                if rows.iter().any(|x| !x.is_finite()) {
                    return refuse("a number that is not finite".into(), "finite numbers");
                }
                if loss.outputs() != 1 || !loss.is_convex() || loss.curvature_bound().is_none() {
                    let allowed = "a convex loss of one margin with bounded curvature: squared, logistic, huber";
                    return refuse(format!("the loss {}", loss.id().name), allowed);
                }
                match targets.iter().find_map(|&y| loss.reject_label(y).map(|allowed| (y, allowed))) {
                    Some((y, allowed)) => refuse(format!("a target of {y}"), &allowed),
                    None => Ok(()),
                }
            }
        }
    }

    /// Smallest and largest curvature that the shape can have, without the ridge.
    pub(super) fn curvature(&self, d: usize) -> Result<(f64, f64)> {
        match &self.shape {
            Shape::Quadratic { hessian, .. } => {
                let values = DMatrix::from_row_slice(d, d, hessian).symmetric_eigenvalues();
                Ok((values.min(), values.max()))
            }
            Shape::Rows { loss, rows, targets } => {
                let a = DMatrix::from_row_slice(targets.len(), d, rows);
                let top = (a.transpose() * a).symmetric_eigenvalues().max();
                Ok((0.0, loss.curvature_bound().unwrap_or(f64::INFINITY) * top / targets.len() as f64))
            }
        }
    }

    /// The shape's value at z.
    pub(super) fn value(&self, z: &[f64]) -> f64 {
        match &self.shape {
            Shape::Quadratic { hessian, linear } => {
                let image: Vec<f64> = hessian.chunks_exact(z.len()).map(|row| dot(row, z)).collect();
                0.5 * dot(&image, z) - dot(linear, z)
            }
            Shape::Rows { loss, rows, targets } => loss.sum_values(&margins(rows, z), targets) / targets.len() as f64,
        }
    }

    /// The shape's gradient at z, into `out`.
    pub(super) fn gradient(&self, z: &[f64], out: &mut [f64]) {
        match &self.shape {
            Shape::Quadratic { hessian, linear } => {
                for ((out, row), h) in out.iter_mut().zip(hessian.chunks_exact(z.len())).zip(linear) {
                    *out = dot(row, z) - h;
                }
            }
            Shape::Rows { loss, rows, targets } => {
                let margins = margins(rows, z);
                let mut slopes = vec![0.0; margins.len()];
                loss.derivatives(&margins, targets, 1.0 / targets.len() as f64, &mut slopes);
                add_rows(rows, &slopes, out);
            }
        }
    }

    /// The shape's Hessian at z, d x d.
    pub(super) fn hessian(&self, z: &[f64]) -> DMatrix<f64> {
        let d = z.len();
        match &self.shape {
            Shape::Quadratic { hessian, .. } => DMatrix::from_row_slice(d, d, hessian),
            Shape::Rows { loss, rows, targets } => {
                let m = targets.len();
                let margins = margins(rows, z);
                let mut curvature = vec![0.0; m];
                loss.second_derivatives(&margins, targets, &vec![1.0; m], 1.0 / m as f64, &mut curvature);
                let a = DMatrix::from_row_slice(m, d, rows);
                let mut scaled = a.clone();
                scaled.row_iter_mut().zip(&curvature).for_each(|(mut row, c)| row *= *c);
                a.transpose() * scaled
            }
        }
    }

    /// Moves z to `argmin shape(z) + sum_k weight_k z_k^2 / 2 - y'z`: one linear system for a quadratic, else Newton's method
    /// from z with Armijo's rule (undamped it can cycle where |y| is large).
    pub(super) fn minimize(&self, y: &[f64], weight: &[f64], z: &mut [f64]) -> Result<()> {
        let d = z.len();
        let singular = || Error::Numerical("a node's function has no single minimum: it needs a ridge above 0".into());
        let system = |z: &[f64]| {
            let mut hessian = self.hessian(z);
            weight.iter().enumerate().for_each(|(k, w)| hessian[(k, k)] += w);
            hessian.cholesky().ok_or_else(singular)
        };
        if let Shape::Quadratic { linear, .. } = &self.shape {
            let right = DVector::from_iterator(d, linear.iter().zip(y).map(|(h, y)| h + y));
            z.copy_from_slice(system(z)?.solve(&right).as_slice());
            return Ok(());
        }
        let value = |z: &[f64]| {
            let quadratic: Vec<f64> = z.iter().zip(weight).zip(y).map(|((z, w), y)| z * (0.5 * w * z - y)).collect();
            self.value(z) + dot(&quadratic, &vec![1.0; d])
        };
        let mut slope = vec![0.0; d];
        for _ in 0..STEPS {
            self.gradient(z, &mut slope);
            for (k, g) in slope.iter_mut().enumerate() {
                *g += weight[k] * z[k] - y[k];
            }
            let size = norm(y).max(1.0);
            if norm(&slope) <= 1e-13 * size {
                break;
            }
            let step = system(z)?.solve(&DVector::from_column_slice(&slope));
            let decrease = dot(step.as_slice(), &slope);
            let (here, mut length) = (value(z), 1.0);
            let mut moved = z.to_vec();
            for _ in 0..HALVINGS {
                moved.copy_from_slice(z);
                axpy(&mut moved, -length, step.as_slice());
                // The last term is the rounding of the two values.
                if value(&moved) <= here - 1e-4 * length * decrease + 1e-13 * here.abs() {
                    break;
                }
                length *= 0.5;
            }
            z.copy_from_slice(&moved);
            // Newton's decrement below rounding: the next step would be noise.
            if norm(step.as_slice()) <= 4.0 * f64::EPSILON * norm(z) {
                break;
            }
        }
        Ok(())
    }
}

fn margins(rows: &[f64], z: &[f64]) -> Vec<f64> {
    rows.chunks_exact(z.len()).map(|row| dot(row, z)).collect()
}

/// `out = rows' u`, in blocks of rows.
fn add_rows(rows: &[f64], u: &[f64], out: &mut [f64]) {
    const BLOCK: usize = 16;
    out.fill(0.0);
    let mut part = vec![0.0; out.len()];
    for (rows, u) in rows.chunks(BLOCK * out.len()).zip(u.chunks(BLOCK)) {
        part.fill(0.0);
        rows.chunks_exact(out.len()).zip(u).for_each(|(row, u)| axpy(&mut part, *u, row));
        axpy(out, 1.0, &part);
    }
}
