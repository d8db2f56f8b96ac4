//! Extreme eigenvalues of Laplacians: all of them where the matrix is small, Lanczos' method where it is large.

use faer::{Mat, Side};
use rand_distr::{Distribution, StandardNormal};

use super::Laplacian;
use super::laplacian::blocked;
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// Nodes up to which all eigenvalues are computed.
const DENSE: usize = 320;
/// Steps of Lanczos' method allowed, each one product.
const STEPS: usize = 100_000;
/// How little a quarter more steps may change either eigenvalue, relatively.
const CHANGE: f64 = 1e-11;

/// The extreme positive eigenvalues of a Laplacian, or of a communication matrix.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spectrum {
    /// The smallest positive one.
    pub smallest: f64,
    /// The largest one.
    pub largest: f64,
}

impl Spectrum {
    /// `chi`: largest over smallest positive.
    pub fn condition(self) -> f64 {
        self.largest / self.smallest
    }

    /// Of a connected graph with two nodes or more. Up to 320 nodes from all eigenvalues; above by Lanczos' method on the
    /// vectors of mean 0, until a quarter more steps change neither end by 1e-11 (or by what rounding leaves open).
    ///
    /// # Errors
    /// [`Error::Numerical`] where eigenvalues do not converge.
    ///
    /// ```
    /// use steadfast::network::{Laplacian, Spectrum, graph_by_name};
    /// use steadfast::seed::Seed;
    /// let ring = Laplacian::of(&graph_by_name("ring:nodes=6", Seed(0))?);
    /// let found = Spectrum::of(&ring, Seed(0))?;
    /// assert!((found.smallest - 1.0).abs() < 1e-12 && (found.largest - 4.0).abs() < 1e-12);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn of(laplacian: &Laplacian, seed: Seed) -> Result<Self> {
        if laplacian.nodes() > DENSE {
            return lanczos(laplacian, seed);
        }
        let values = eigenvalues(laplacian)?;
        match (values.get(1), values.last()) {
            (Some(&smallest), Some(&largest)) if smallest > largest * f64::EPSILON * values.len() as f64 => {
                Ok(Spectrum { smallest, largest })
            }
            _ => Err(Error::usage("Laplacian", "no positive eigenvalue", "a connected graph of two nodes or more")),
        }
    }
}

/// All eigenvalues, ascending, from the dense matrix.
fn eigenvalues(laplacian: &Laplacian) -> Result<Vec<f64>> {
    let n = laplacian.nodes();
    let mut dense = Mat::zeros(n, n);
    for i in 0..n {
        dense[(i, i)] = laplacian.degrees[i];
        for (j, weight, _) in laplacian.row(i) {
            dense[(i, j)] -= weight;
        }
    }
    dense
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|e| Error::Numerical(format!("the eigenvalues of a Laplacian did not converge: {e:?}")))
}

/// Without reorthogonalization: converged Ritz values come again, which the extreme ones do not mind.
fn lanczos(laplacian: &Laplacian, seed: Seed) -> Result<Spectrum> {
    let n = laplacian.nodes();
    let mut v: Vec<f64> = StandardNormal.sample_iter(seed.stream(Purpose::Method, 0, 0)).take(n).collect();
    centre(&mut v);
    let length = norm(&v);
    v.iter_mut().for_each(|x| *x /= length);
    let (mut before, mut image) = (vec![0.0; n], vec![0.0; n]);
    // Diagonal and off-diagonal of the tridiagonal matrix.
    let (mut alpha, mut beta): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut last = Spectrum { smallest: f64::INFINITY, largest: 0.0 };
    let mut check = 40;
    while alpha.len() < STEPS {
        laplacian.multiply(&v, &mut image);
        let a = blocked(v.iter().zip(&image).map(|(x, y)| x * y));
        let b = beta.last().copied().unwrap_or(0.0);
        for ((x, v), before) in image.iter_mut().zip(&v).zip(&before) {
            *x -= a * v + b * before;
        }
        // The kernel must not come back through rounding.
        centre(&mut image);
        alpha.push(a);
        let next = norm(&image);
        let closed = next <= last.largest * f64::EPSILON * n as f64;
        if closed || alpha.len() == check {
            let found = extremes(&alpha, &beta);
            let noise = 8.0 * f64::EPSILON * found.condition();
            let near = |a: f64, b: f64, allowed: f64| (a - b).abs() <= allowed * a;
            if closed
                || near(found.smallest, last.smallest, CHANGE.max(noise)) && near(found.largest, last.largest, CHANGE)
            {
                return Ok(found);
            }
            last = found;
            check += check / 4;
        }
        beta.push(next);
        std::mem::swap(&mut before, &mut v);
        v.iter_mut().zip(&image).for_each(|(v, x)| *v = x / next);
    }
    Err(Error::Numerical(format!("Lanczos' method did not find a Laplacian's eigenvalues in {STEPS} steps")))
}

/// Takes the mean out.
fn centre(v: &mut [f64]) {
    let mean = blocked(v.iter().copied()) / v.len() as f64;
    v.iter_mut().for_each(|x| *x -= mean);
}

fn norm(v: &[f64]) -> f64 {
    blocked(v.iter().map(|x| x * x)).sqrt()
}

/// Extreme eigenvalues of a symmetric tridiagonal matrix, by bisection with Sturm counts.
fn extremes(alpha: &[f64], beta: &[f64]) -> Spectrum {
    let top = |k: usize| beta.get(k).copied().unwrap_or(0.0) * f64::from(u8::from(k + 1 < alpha.len()));
    let radius = |k: usize| top(k) + if k > 0 { top(k - 1) } else { 0.0 };
    let bound = (0..alpha.len()).map(|k| alpha[k] + radius(k)).fold(0.0, f64::max);
    // Eigenvalues below x: negative pivots of T - x I.
    let below = |x: f64| {
        let (mut count, mut pivot) = (0usize, 1.0);
        for (k, a) in alpha.iter().enumerate() {
            let off = if k > 0 { beta[k - 1] } else { 0.0 };
            pivot = a - x - off * off / pivot;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE / f64::EPSILON;
            }
            count += usize::from(pivot < 0.0);
        }
        count
    };
    let find = |wanted: usize| {
        let (mut low, mut high) = (0.0, bound);
        while high - low > 2.0 * f64::EPSILON * high {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if below(middle) > wanted { high = middle } else { low = middle }
        }
        0.5 * (low + high)
    };
    Spectrum { smallest: find(0), largest: find(alpha.len() - 1) }
}
