//! The power method.

use rand_distr::{Distribution, StandardNormal};

use super::vector::{axpy, dot, norm, scale};
use super::{Answer, Options, Products, Status};
use crate::error::Result;
use crate::seed::{Purpose, Seed};

/// An eigenvalue with its eigenvector.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Eigenpair {
    /// lambda.
    pub value: f64,
    /// v, of length 1; its entry of largest modulus is positive.
    pub vector: Vec<f64>,
    /// `|A v - lambda v|`, from decoded products.
    pub residual: f64,
}

/// The eigenpair of A largest in modulus by the power method with Rayleigh quotients (von Mises and Pollaczek-Geiringer
/// 1929; Golub and Van Loan, *Matrix Computations*, 4th ed., section 7.3.1): `v <- A v / |A v|`, one round an
/// iteration.
///
/// It ends when `|A v - lambda v| <= tolerance |lambda|`. If A is symmetric, some eigenvalue lies within
/// [`Report::residual_bound`](super::Report::residual_bound) of lambda. It converges when one real eigenvalue has the
/// largest modulus, by the ratio to the next an iteration; where two share it (a complex pair, or lambda and -lambda)
/// it runs into the limit, and [`leading`](super::leading) is for the symmetric ones.
///
/// # Errors
/// [`Error::Usage`](crate::Error::Usage) for a tolerance that is none; those of the rounds.
///
/// ```
/// # use std::{borrow::Cow, sync::Arc};
/// # use steadfast::coding::{RealParity, Tolerance};
/// # use steadfast::data::{Dense, Matrix};
/// # use steadfast::device::CpuDevice;
/// # use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
/// # use steadfast::oracle::{CodedOracle, OracleOptions};
/// # use steadfast::seed::Seed;
/// use steadfast::linear::{Options, Products, dominant};
///
/// // Eigenvalues 1, 2, ..., 8.
/// let diagonal: Vec<f64> = (0..64).map(|at| if at % 9 == 0 { f64::from(at / 9 + 1) } else { 0.0 }).collect();
/// let a = Matrix::Dense(Dense::new(8, 8, diagonal)?);
/// let code = Arc::new(RealParity::new(7, Tolerance { liars: 2, stragglers: 0 })?);
/// let (faults, _) = FaultPlan::new(7, Seed(1)).liars(2, Attack::SignFlip { scale: 1.0 }).split()?;
/// let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(Some(1))?), faults, Clock::default());
/// let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
/// let mut oracle = CodedOracle::new(Cow::Borrowed(&a), code, fleet, &options)?;
///
/// let answer = dominant(&mut Products::new(&mut oracle)?, &Options::default())?;
/// assert!((answer.value.value - 8.0).abs() <= answer.report.residual_bound && answer.report.residual_bound < 1e-8);
/// assert!(answer.value.vector[7] > 0.999 && !answer.report.liars.is_empty());
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn dominant(products: &mut Products<'_>, options: &Options) -> Result<Answer<Eigenpair>> {
    options.check()?;
    let n = products.size();
    let mut v = random(options.seed, 0, n);
    let mut image = vec![0.0; n];
    let mut iteration = 0;
    loop {
        let length = norm(&v);
        scale(&mut v, 1.0 / length);
        let product = products.multiply(&mut v, &mut image)?;
        let square = dot(&v, &v);
        let value = dot(&v, &image) / square;
        let size = norm(&image);
        let mut residual = image.clone();
        axpy(&mut residual, -value, &v);
        let residual = norm(&residual) / square.sqrt();
        products.record(value, residual, 0.0)?;
        // An image of nothing but noise: v is an eigenvector for 0, and nothing can be said of the direction of A v.
        let vanished = size <= product.bound && product.bound.is_finite();
        let status = if residual <= options.tolerance * value.abs() {
            Some(Status::Converged)
        } else if vanished || products.stalled(residual, product.noise + products.rounding(1.0)) {
            Some(Status::Rounding)
        } else {
            (iteration >= options.iterations).then_some(Status::IterationLimit)
        };
        if let Some(status) = status {
            let report = products.report(status, residual, product.bound / square.sqrt(), size);
            scale(&mut v, 1.0 / square.sqrt());
            orient(&mut v);
            return Ok(Answer { value: Eigenpair { value, vector: v, residual }, report });
        }
        std::mem::swap(&mut v, &mut image);
        iteration += 1;
    }
}

/// A Gaussian vector, stream `which` of the seed.
pub(super) fn random(seed: Seed, which: u64, n: usize) -> Vec<f64> {
    StandardNormal.sample_iter(seed.stream(Purpose::Method, which, 0)).take(n).collect()
}

/// Makes the entry of largest modulus (the first of equals) positive: an eigenvector's sign is nobody's choice.
pub(super) fn orient(v: &mut [f64]) {
    let top = v.iter().fold(0.0, |top: f64, &x| if x.abs() > top.abs() { x } else { top });
    if top < 0.0 {
        scale(v, -1.0);
    }
}
