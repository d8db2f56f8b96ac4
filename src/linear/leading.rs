//! Several eigenpairs of a symmetric matrix: orthogonal iteration.

use faer::{Mat, MatRef, Side};

use super::power::{Eigenpair, orient, random};
use super::vector::{axpy, dot, norm, scale};
use super::{Answer, Options, Products, Status};
use crate::error::{Error, Result};

/// Vectors carried beyond those asked for, at least: the iteration converges by the ratio of the first eigenvalue left
/// out to the last one wanted.
const SPARE: usize = 4;

/// How unsymmetric `V'A V` may be beyond what errors of products explain, relative to its largest entry.
const ASYMMETRY: f64 = 1e-6;

/// The `count` eigenpairs of a symmetric A largest in modulus, in that order, by orthogonal iteration with
/// Rayleigh-Ritz projections (Golub and Van Loan, *Matrix Computations*, 4th ed., section 8.2.4). An iteration is one
/// round of `r = min(n, count + max(count, 4))` vectors.
///
/// It ends when every `|A v - lambda v| <= tolerance |lambda_1|`. Within
/// [`Report::residual_bound`](super::Report::residual_bound) of each lambda lies an eigenvalue of A; that none larger
/// was missed, a random start makes certain with probability 1, not a certificate. Eigenvalues of one modulus are told
/// apart.
///
/// # Errors
/// [`Error::Usage`] for a `count` of 0 or above n, or a tolerance that is none; [`Error::Input`] when the products show
/// that A is not symmetric; [`Error::Numerical`] where no factorization converges; those of the rounds.
pub fn leading(products: &mut Products<'_>, count: usize, options: &Options) -> Result<Answer<Vec<Eigenpair>>> {
    options.check()?;
    let n = products.size();
    if count == 0 || count > n {
        return Err(Error::usage("count", count, format!("1 to {n}, the rows of the matrix")));
    }
    let width = n.min(count + count.max(SPARE));
    let mut basis: Vec<f64> = (0..width as u64).flat_map(|which| random(options.seed, which, n)).collect();
    let mut images = vec![0.0; n * width];
    let mut iteration = 0;
    loop {
        basis = orthonormal(&basis, n, width);
        let product = products.multiply(&mut basis, &mut images)?;
        let ritz = Ritz::project(&basis, &images, n, width, product.noise)?;
        let pairs: Vec<Eigenpair> = (0..count).map(|k| ritz.pair(k)).collect();
        let top = pairs[0].value;
        let residual = pairs.iter().fold(0.0, |largest: f64, pair| largest.max(pair.residual));
        products.record(top, residual, 0.0)?;
        let status = if residual <= options.tolerance * top.abs() {
            Some(Status::Converged)
        } else if products.stalled(residual, product.noise + products.rounding(1.0)) {
            Some(Status::Rounding)
        } else {
            (iteration >= options.iterations).then_some(Status::IterationLimit)
        };
        if let Some(status) = status {
            // A pair is a combination with weights of length 1 of columns whose images are off by `bound` together.
            let shortest = (0..count).map(|k| norm(ritz.vector(k))).fold(f64::INFINITY, f64::min);
            let bound = product.bound / shortest;
            let report = products.report(status, residual, bound, width as f64 * top.abs());
            return Ok(Answer { value: pairs, report });
        }
        // W S spans what W spans, and is nearly orthogonal already where the iteration has converged.
        basis = ritz.images;
        iteration += 1;
    }
}

/// An orthonormal basis of the span of `vectors` (width vectors of n numbers).
fn orthonormal(vectors: &[f64], n: usize, width: usize) -> Vec<f64> {
    let q = MatRef::from_column_major_slice(vectors, n, width).qr().compute_thin_Q();
    (0..width).flat_map(|j| q.col(j).iter().copied().collect::<Vec<f64>>()).collect()
}

/// Ritz vectors of a subspace, those of the values largest in modulus first.
struct Ritz {
    /// V S and A V S, width vectors of n numbers each.
    vectors: Vec<f64>,
    images: Vec<f64>,
    n: usize,
}

impl Ritz {
    /// Of the basis V (width x n, nearly orthonormal) with `images` A V' (n x width), whose error has a norm of about
    /// `noise`.
    fn project(basis: &[f64], images: &[f64], n: usize, width: usize, noise: f64) -> Result<Self> {
        let columns: Vec<Vec<f64>> =
            (0..width).map(|j| images.iter().skip(j).step_by(width).copied().collect()).collect();
        let vector = |j: usize| &basis[j * n..(j + 1) * n];
        let small = Mat::from_fn(width, width, |i, j| dot(vector(i), &columns[j]));
        let (mut largest, mut skew) = (0.0f64, 0.0f64);
        for j in 0..width {
            for i in 0..width {
                largest = largest.max(small[(i, j)].abs());
                skew = skew.max((small[(i, j)] - small[(j, i)]).abs());
            }
        }
        if skew > ASYMMETRY * largest + 2.0 * noise {
            let got = format!("one with |v'A u - u'A v| = {skew:.3e} for unit vectors u and v");
            return Err(Error::input("matrix", got, "a symmetric matrix; `dominant` takes others"));
        }
        let symmetric = Mat::from_fn(width, width, |i, j| 0.5 * (small[(i, j)] + small[(j, i)]));
        let eigen = symmetric
            .self_adjoint_eigen(Side::Lower)
            .map_err(|e| Error::Numerical(format!("the projected eigenvalue problem did not converge: {e:?}")))?;
        let found: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|&a, &b| found[b].abs().total_cmp(&found[a].abs()).then(a.cmp(&b)));
        let (mut vectors, mut rotated) = (vec![0.0; n * width], vec![0.0; n * width]);
        for (to, &from) in order.iter().enumerate() {
            for (j, column) in columns.iter().enumerate() {
                let weight = eigen.U()[(j, from)];
                axpy(&mut vectors[to * n..(to + 1) * n], weight, vector(j));
                axpy(&mut rotated[to * n..(to + 1) * n], weight, column);
            }
        }
        Ok(Ritz { vectors, images: rotated, n })
    }

    fn vector(&self, k: usize) -> &[f64] {
        &self.vectors[k * self.n..(k + 1) * self.n]
    }

    /// Pair k, with the Rayleigh quotient of the very vector: rounding for the workers left the basis not quite
    /// orthonormal.
    fn pair(&self, k: usize) -> Eigenpair {
        let mut vector = self.vector(k).to_vec();
        let mut residual = self.images[k * self.n..(k + 1) * self.n].to_vec();
        let (length, value) = (norm(&vector), dot(&vector, &residual) / dot(&vector, &vector));
        axpy(&mut residual, -value, &vector);
        scale(&mut vector, 1.0 / length);
        orient(&mut vector);
        Eigenpair { value, vector, residual: norm(&residual) / length }
    }
}
