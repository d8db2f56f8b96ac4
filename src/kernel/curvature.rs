//! The factor F of a Hessian `H = A'A`: row (i, r) of A is row r of F_i times row i of the data, and A is never formed.

use crate::error::{Error, Result};
use crate::scalar::Accumulator;

/// The curvature of a loss at each of n examples, as a factor of its K x K second derivative: `F_i' F_i`, with F_i K x K.
/// The Hessian of a generalized linear model is then `A'A`, with `A` of `n K` rows and `d K` columns: row `i K + r` holds,
/// class after class (index `k d + j`), `F_i[r, k] x_i[j]` (paper 001, section 2: `A = sqrt(D) X`).
///
/// ```
/// use steadfast::kernel::Curvature;
/// let probabilities = [0.25, 0.75];
/// let softmax = Curvature::Softmax { probabilities: &probabilities, classes: 2, scale: 1.0 };
/// // Row r is sqrt(p_r) (e_r - p).
/// assert_eq!(softmax.coefficient(0, 0, 0), 0.5 * 0.75);
/// assert_eq!(softmax.coefficient(0, 0, 1), 0.5 * -0.75);
/// // F'F is diag(p) - p p'.
/// assert_eq!(softmax.weight(0, 0, 1), -0.25 * 0.75);
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Curvature<'a, A> {
    /// K = 1: the square roots of the second derivatives, the 1/n of the objective included, one an example.
    Scalar(&'a [A]),
    /// `F_i[r, :] = sqrt(scale p_ir) (e_r - p_i)`, whose product is the softmax loss's `scale (diag(p_i) - p_i p_i')`.
    Softmax {
        /// n x K, row-major; each row adds up to 1.
        probabilities: &'a [A],
        /// K, at least 1.
        classes: usize,
        /// 1/n in the objective; not negative.
        scale: A,
    },
}

impl<A: Accumulator> Curvature<'_, A> {
    /// K: rows and columns of F_i.
    pub fn classes(&self) -> usize {
        match *self {
            Curvature::Scalar(_) => 1,
            Curvature::Softmax { classes, .. } => classes,
        }
    }

    /// Refuses what does not fit `examples` rows of data.
    ///
    /// # Errors
    /// [`Error::Usage`] for no classes or another number of values.
    pub fn check(&self, examples: usize) -> Result<()> {
        let (got, classes) = match *self {
            Curvature::Scalar(roots) => (roots.len(), 1),
            Curvature::Softmax { probabilities, classes, .. } => (probabilities.len(), classes),
        };
        if classes == 0 || examples.checked_mul(classes) != Some(got) {
            return Err(Error::usage(
                "curvature",
                format!("{got} numbers for {classes} classes"),
                format!("at least 1 class, and a number for each class and each of {examples} rows"),
            ));
        }
        Ok(())
    }

    /// `F_i[r, k]`: [`Curvature::root`] times [`Curvature::shifted`].
    #[inline(always)]
    pub fn coefficient(&self, example: usize, r: usize, k: usize) -> A {
        self.root(example, r) * self.shifted(example, r, k)
    }

    /// What all of row r of F_i is multiplied by.
    #[inline(always)]
    pub fn root(&self, example: usize, r: usize) -> A {
        match *self {
            Curvature::Scalar(roots) => roots[example],
            Curvature::Softmax { probabilities, classes, scale } => {
                // The root of an f32, taken in f64 and rounded, is the correctly rounded one.
                A::from_f64((scale * probabilities[example * classes + r]).to_f64().sqrt())
            }
        }
    }

    /// `F_i[r, k]` over the root: 1 for K = 1, `(e_r - p_i)[k]` for softmax.
    #[inline(always)]
    pub fn shifted(&self, example: usize, r: usize, k: usize) -> A {
        match *self {
            Curvature::Scalar(_) => A::from_f64(1.0),
            Curvature::Softmax { probabilities, classes, .. } => {
                let p = probabilities[example * classes + k];
                if r == k { A::from_f64(1.0) - p } else { -p }
            }
        }
    }

    /// `(F_i' F_i)[k, l]`, the second derivative that the factor stands for.
    #[inline(always)]
    pub fn weight(&self, example: usize, k: usize, l: usize) -> A {
        match *self {
            Curvature::Scalar(roots) => roots[example] * roots[example],
            Curvature::Softmax { probabilities, classes, scale } => {
                let p = &probabilities[example * classes..(example + 1) * classes];
                let shifted = if k == l { A::from_f64(1.0) - p[l] } else { -p[l] };
                scale * p[k] * shifted
            }
        }
    }
}
