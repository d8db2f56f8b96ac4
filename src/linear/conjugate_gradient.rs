//! Conjugate gradients.

use super::vector::{axpy, dot, norm};
use super::{Answer, Options, Products, Status};
use crate::error::{Error, Result};

/// Solves `A x = b` for a symmetric positive definite A by conjugate gradients (Hestenes and Stiefel 1952; Saad,
/// *Iterative Methods for Sparse Linear Systems*, algorithm 6.18), from x = 0: one round an iteration.
///
/// It ends when `|b - A x| <= tolerance |b|`, with the residual from a product with x itself (one more round, at the
/// claimed end): the one that is carried along drifts from it by rounding. If they disagree, it starts again from x; if
/// that gains nothing, it ends with [`Status::Rounding`].
///
/// # Errors
/// [`Error::Usage`] for a `b` of another length or not finite, or a tolerance that is none; [`Error::Input`] when a
/// direction p has a curvature `p'A p / p'p` that is not positive, or can't be told from zero: A is not definite, or
/// singular; those of the rounds.
///
/// ```
/// # use std::{borrow::Cow, sync::Arc};
/// # use steadfast::coding::{RealParity, Tolerance};
/// # use steadfast::data::{Dense, Matrix};
/// # use steadfast::device::CpuDevice;
/// # use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
/// # use steadfast::oracle::{CodedOracle, OracleOptions};
/// # use steadfast::seed::Seed;
/// use steadfast::linear::{Options, Products, conjugate_gradient};
///
/// let a = Matrix::Dense(Dense::new(3, 3, vec![4.0, -1.0, 0.0, -1.0, 4.0, -1.0, 0.0, -1.0, 4.0])?);
/// let code = Arc::new(RealParity::new(5, Tolerance { liars: 1, stragglers: 0 })?);
/// let (faults, _) = FaultPlan::new(5, Seed(1)).liars(1, Attack::SignFlip { scale: 1.0 }).split()?;
/// let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(Some(1))?), faults, Clock::default());
/// let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
/// let mut oracle = CodedOracle::new(Cow::Borrowed(&a), code, fleet, &options)?;
///
/// let answer = conjugate_gradient(&mut Products::new(&mut oracle)?, &[2.0, 4.0, 10.0], &Options::default())?;
/// // The smallest eigenvalue is above 2, so the error is below half the residual.
/// let error = [1.0, 2.0, 3.0].iter().zip(&answer.value).fold(0.0, |e: f64, (x, y)| e.max((x - y).abs()));
/// assert!(error <= answer.report.residual_bound / 2.0 && answer.report.residual_bound < 1e-8);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn conjugate_gradient(products: &mut Products<'_>, b: &[f64], options: &Options) -> Result<Answer<Vec<f64>>> {
    options.check()?;
    super::structure::check_right(b, products.size())?;
    let n = b.len();
    let length = norm(b);
    let goal = options.tolerance * length;
    let mut x = vec![0.0; n];
    let mut residual = b.to_vec();
    let mut direction = b.to_vec();
    let mut image = vec![0.0; n];
    let mut square = dot(&residual, &residual);
    // The residual of the last full product with x; at x = 0 it is b.
    let mut checked = f64::INFINITY;
    let mut iteration = 0;
    loop {
        let limit = iteration >= options.iterations;
        if square.sqrt() <= goal || limit {
            let product = products.multiply(&mut x, &mut image)?;
            residual.iter_mut().zip(b.iter().zip(&image)).for_each(|(r, (b, ax))| *r = b - ax);
            let found = norm(&residual);
            products.record(energy(&x, &residual, b), found, 0.0)?;
            let status = if found <= goal {
                Some(Status::Converged)
            } else if limit {
                Some(Status::IterationLimit)
            } else {
                (found > 0.5 * checked).then_some(Status::Rounding)
            };
            if let Some(status) = status {
                let report = products.report(status, found, product.bound, length + norm(&image));
                return Ok(Answer { value: x, report });
            }
            checked = found;
            direction.copy_from_slice(&residual);
            square = found * found;
        }
        let product = products.multiply(&mut direction, &mut image)?;
        let along = dot(&direction, &direction);
        let curvature = dot(&direction, &image) / along;
        definite(curvature, (product.noise + products.rounding(along.sqrt())) / along.sqrt())?;
        let step = dot(&direction, &residual) / (curvature * along);
        axpy(&mut x, step, &direction);
        axpy(&mut residual, -step, &image);
        let next = dot(&residual, &residual);
        let ratio = next / square;
        square = next;
        direction.iter_mut().zip(&residual).for_each(|(p, r)| *p = r + ratio * *p);
        products.record(energy(&x, &residual, b), square.sqrt(), step)?;
        iteration += 1;
    }
}

/// `x'A x / 2 - b'x`, whose minimizer the solution is, from the residual: no product.
fn energy(x: &[f64], residual: &[f64], b: &[f64]) -> f64 {
    -0.5 * (dot(x, b) + dot(x, residual))
}

/// Refuses a curvature that is not above what errors of products make of zero.
fn definite(curvature: f64, noise: f64) -> Result<()> {
    if curvature > noise {
        return Ok(());
    }
    let kind = if curvature < -noise { "not definite" } else { "singular to the products' precision" };
    Err(Error::input(
        "matrix",
        format!("one that is {kind}: a direction p has p'A p / p'p = {curvature:.3e} (error {noise:.1e})"),
        "a symmetric positive definite matrix",
    ))
}
