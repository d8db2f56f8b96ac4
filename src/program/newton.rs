//! The Newton system `H x = r`: a Cholesky factor of H or of an approximation of it, and conjugate gradients on the exact H
//! with that as the preconditioner. With the exact Gram matrix the factor is all but the answer, and a step or two take away
//! its round-off, which grows as H becomes ill conditioned at the end of the path.

use faer::linalg::solvers::{Llt, Solve};
use faer::{MatMut, MatRef, Side};

use super::barrier::Barrier;
use super::vector::{axpy, dot, sum};
use crate::error::{Error, Result};

/// A residual this small against the right-hand side, both measured by the factor, is small enough.
const RESIDUAL: f64 = 1e-7;

/// The first shift of the diagonal where a Cholesky factorization fails, relative to the diagonal; it grows tenfold each time.
const SHIFT: f64 = 1e-15;

/// A Cholesky factor of `diag(s) H diag(s)` with unit diagonal.
pub(super) struct Factor {
    scale: Vec<f64>,
    llt: Llt<f64>,
}

impl Factor {
    /// Factors the symmetric d x d matrix `h`, which it overwrites.
    pub(super) fn new(h: &mut [f64], d: usize) -> Result<Self> {
        if h.iter().any(|x| !x.is_finite()) {
            return Err(Error::Numerical("the Hessian of the barrier is not finite".into()));
        }
        let scale: Vec<f64> = (0..d).map(|i| 1.0 / h[i * d + i].max(f64::MIN_POSITIVE).sqrt()).collect();
        for i in 0..d {
            for j in 0..d {
                h[i * d + j] *= scale[i] * scale[j];
            }
        }
        let mut shift = 0.0;
        loop {
            (0..d).for_each(|i| h[i * d + i] = 1.0 + shift);
            match Llt::new(MatRef::from_column_major_slice(h, d, d), Side::Lower) {
                Ok(llt) => return Ok(Factor { scale, llt }),
                Err(_) if shift < 1.0 => shift = if shift == 0.0 { SHIFT } else { 10.0 * shift },
                Err(_) => return Err(Error::Numerical("the Hessian of the barrier is not positive definite".into())),
            }
        }
    }

    /// At least the norm of the inverse of the factor's root, by which residuals are measured: the root of the trace of
    /// `H^-1`.
    pub(super) fn inverse_norm(&self) -> f64 {
        let d = self.scale.len();
        let mut inverse = vec![0.0; d * d];
        (0..d).for_each(|i| inverse[i * d + i] = 1.0);
        self.llt.solve_in_place(MatMut::from_column_major_slice_mut(&mut inverse, d, d));
        sum((0..d).map(|i| self.scale[i] * self.scale[i] * inverse[i * d + i])).max(0.0).sqrt()
    }

    /// `H^-1 r`, or what the factored approximation of H gives.
    pub(super) fn solve(&self, r: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = r.iter().zip(&self.scale).map(|(r, s)| r * s).collect();
        let d = x.len();
        self.llt.solve_in_place(MatMut::from_column_major_slice_mut(&mut x, d, 1));
        x.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        x
    }
}

/// An approximate solution of `H x = r`.
pub(super) struct Direction {
    pub x: Vec<f64>,
    /// The rates of x (see [`Barrier::rates`]): their squares sum to `x'H x`.
    pub rates: Vec<f64>,
    /// Norm of what is left of r, measured by the inverse of the factor.
    pub residual: f64,
    /// Bound on the norm of the error of the rates, each times its distance from the boundary.
    pub slip: f64,
    /// Bound on the norm of the error of what is left of r.
    pub blur: f64,
}

/// Solves `H x = r` with up to `steps` steps of conjugate gradients.
pub(super) fn solve<B: Barrier>(barrier: &mut B, factor: &Factor, r: &[f64], steps: usize) -> Result<Direction> {
    let (x, rates) = (vec![0.0; r.len()], vec![0.0; barrier.terms()]);
    let mut out = Direction { x, rates, residual: 0.0, slip: 0.0, blur: 0.0 };
    let mut left = r.to_vec();
    let mut direction = factor.solve(&left);
    let mut energy = dot(&left, &direction);
    let enough = RESIDUAL * RESIDUAL * energy;
    let (mut rates, mut image) = (vec![0.0; out.rates.len()], vec![0.0; r.len()]);
    for _ in 0..steps.max(1) {
        if energy <= 0.0 {
            break;
        }
        barrier.rates(&direction, &mut rates)?;
        let curvature = dot(&rates, &rates);
        if !(curvature.is_normal() && energy.is_finite()) {
            return Err(Error::Numerical("a Newton step of the barrier is not finite".into()));
        }
        let step = energy / curvature;
        out.slip += step.abs() * barrier.error();
        axpy(&mut out.x, step, &direction);
        axpy(&mut out.rates, step, &rates);
        barrier.pull_back(&rates, &mut image)?;
        out.blur += step.abs() * barrier.error();
        axpy(&mut left, -step, &image);
        let next = factor.solve(&left);
        let before = std::mem::replace(&mut energy, dot(&left, &next));
        if energy <= enough {
            break;
        }
        direction.iter_mut().zip(&next).for_each(|(d, n)| *d = n + energy / before * *d);
    }
    out.residual = energy.max(0.0).sqrt();
    Ok(out)
}

/// The step a that minimizes `slope a - sum (log(1 - a t_i) + a t_i)` over the steps that stay inside, where `slope` is the
/// derivative at 0 of the whole; it is the barrier problem along a line with rates t. No step leaves the interior.
pub(super) fn line_search(slope: f64, rates: &[f64]) -> f64 {
    let derivative = |a: f64| slope + sum(rates.iter().map(|t| a * t * t / (1.0 - a * t)));
    let fastest = rates.iter().fold(0.0, |top: f64, &t| top.max(t));
    let mut high = if fastest > 0.0 { NEAR / fastest } else { 1.0 };
    if fastest == 0.0 {
        while derivative(high) < 0.0 && high < FARTHEST {
            high *= 2.0;
        }
    }
    if derivative(high) <= 0.0 {
        return high;
    }
    let mut low = 0.0;
    while high - low > BRACKET * high {
        let middle = 0.5 * (low + high);
        if derivative(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The share of the way to the boundary that a step may go.
const NEAR: f64 = 0.99;
/// The longest step where no boundary is ahead.
const FARTHEST: f64 = 1e6;
/// The search ends when its bracket is this narrow: the minimum along a line is not needed any sharper.
const BRACKET: f64 = 1e-2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_search_finds_the_minimum_and_stays_inside() {
        // -2 a - log(1 - a) - log(1 + a) ... with t = (1, -1): the derivative is -2 + 2a/(1 - a^2), zero at (sqrt 5 - 1)/2.
        let step = line_search(-2.0, &[1.0, -1.0]);
        let exact = (5f64.sqrt() - 1.0) / 2.0;
        assert!(step <= exact && step > (1.0 - 2.0 * BRACKET) * exact, "{step}");
        assert_eq!(line_search(-1e300, &[4.0]), NEAR / 4.0);
        assert!(line_search(-1.0, &[-1.0]) > 0.0);
    }
}
