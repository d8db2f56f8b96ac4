//! Conjugate gradients and conjugate residuals on a symmetric matrix that is only multiplied with.

use nalgebra::DVector;

/// When an inner solve of a worker ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inner {
    /// Most iterations.
    pub iterations: usize,
    /// Residual it ends at, relative to the right-hand side.
    pub tolerance: f64,
}

impl Default for Inner {
    /// What paper 003 runs: 50 iterations, 1e-4.
    fn default() -> Self {
        Inner { iterations: 50, tolerance: 1e-4 }
    }
}

/// Which Krylov method solves a worker's positive definite systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conjugate {
    /// Conjugate residuals: the residual never grows, so condition (4b) of paper 003 holds with a number below 1 whenever it is cut
    /// short.
    #[default]
    Residuals,
    /// Conjugate gradients, as the paper's authors run it: cut short, its residual may exceed the right-hand side.
    Gradients,
}

/// The solution of `A x = b` from 0; `None` when a direction of curvature at most 0 shows that A is not positive definite.
pub(super) fn solve(
    method: Conjugate,
    product: &dyn Fn(&DVector<f64>) -> DVector<f64>,
    b: &DVector<f64>,
    inner: Inner,
) -> Option<DVector<f64>> {
    match method {
        Conjugate::Gradients => gradients(product, b, inner),
        Conjugate::Residuals => residuals(product, b, inner),
    }
}

/// A residual of this share of the right-hand side is as small as rounding lets a solution be.
const NOTHING_LEFT: f64 = f64::EPSILON / 2.0;

/// The residual's norm, over that of the right-hand side, at which a solve ends.
fn enough(inner: Inner) -> f64 {
    inner.tolerance.max(NOTHING_LEFT)
}

/// Nocedal and Wright, *Numerical Optimization*, 2nd ed., algorithm 5.2. What is returned is the iterate of least residual.
fn gradients(product: &dyn Fn(&DVector<f64>) -> DVector<f64>, b: &DVector<f64>, inner: Inner) -> Option<DVector<f64>> {
    let mut x = DVector::zeros(b.len());
    let (mut residual, mut along) = (b.clone(), b.clone());
    let mut square = b.norm_squared();
    let enough = enough(inner).powi(2) * square;
    let (mut best, mut least) = (x.clone(), f64::INFINITY);
    for _ in 0..inner.iterations {
        if square <= enough {
            break;
        }
        let image = product(&along);
        let curvature = along.dot(&image);
        if curvature.is_nan() || curvature <= 0.0 {
            return None;
        }
        let step = square / curvature;
        x.axpy(step, &along, 1.0);
        residual.axpy(-step, &image, 1.0);
        let next = residual.norm_squared();
        if next < least {
            (best, least) = (x.clone(), next);
        }
        along.axpy(1.0, &residual, next / square);
        square = next;
    }
    Some(best)
}

/// Saad, *Iterative Methods for Sparse Linear Systems*, 2nd ed., algorithm 6.20: one product an iteration, and one at the start.
fn residuals(product: &dyn Fn(&DVector<f64>) -> DVector<f64>, b: &DVector<f64>, inner: Inner) -> Option<DVector<f64>> {
    let mut x = DVector::zeros(b.len());
    let (mut residual, mut along) = (b.clone(), b.clone());
    let mut image = product(&residual);
    let mut along_image = image.clone();
    let enough = enough(inner) * b.norm();
    let mut curvature = residual.dot(&image);
    for _ in 0..inner.iterations {
        if residual.norm() <= enough {
            break;
        }
        if curvature.is_nan() || curvature <= 0.0 {
            return None;
        }
        let step = curvature / along_image.norm_squared();
        x.axpy(step, &along, 1.0);
        residual.axpy(-step, &along_image, 1.0);
        image = product(&residual);
        let next = residual.dot(&image);
        // Rounding has eaten what was left of the residual.
        if next <= 0.0 && residual.norm() <= 1e3 * f64::EPSILON * b.norm() {
            break;
        }
        along.axpy(1.0, &residual, next / curvature);
        along_image.axpy(1.0, &image, next / curvature);
        curvature = next;
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_solve_definite_systems_and_say_where_one_is_not() {
        let diagonal = DVector::from_vec(vec![1.0, 2.0, 5.0, 9.0]);
        let b = DVector::from_vec(vec![1.0, -1.0, 2.0, 3.0]);
        let exact = b.component_div(&diagonal);
        let inner = Inner { iterations: 6, tolerance: 1e-13 };
        for method in [Conjugate::Gradients, Conjugate::Residuals] {
            let x = solve(method, &|v| diagonal.component_mul(v), &b, inner).expect("definite");
            // The residual over the smallest eigenvalue, 1.
            assert!((x - &exact).norm() <= 2e-13 * b.norm(), "{method:?}");
            let bent = DVector::from_vec(vec![-9.0, 2.0, -5.0, 1.0]);
            assert!(solve(method, &|v| bent.component_mul(v), &b, inner).is_none(), "{method:?}");
        }
    }

    /// Cut short on an ill-conditioned matrix: the residual of conjugate residuals is below the right-hand side.
    #[test]
    fn conjugate_residuals_never_leave_more_than_they_began_with() {
        let diagonal = DVector::from_fn(40, |i, _| 10f64.powi(-((i % 13) as i32)));
        let b = DVector::from_fn(40, |i, _| 1.0 + (i as f64).sin());
        for iterations in 1..20 {
            let inner = Inner { iterations, tolerance: 0.0 };
            let x = solve(Conjugate::Residuals, &|v| diagonal.component_mul(v), &b, inner).expect("definite");
            let left = (diagonal.component_mul(&x) - &b).norm();
            assert!(left < b.norm() && x.dot(&b) > 0.0, "{iterations}: {left}");
        }
    }
}
