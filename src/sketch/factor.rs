//! The matrix A of a Hessian `A'A`, row by row, never formed.

use crate::data::Matrix;
use crate::error::Result;
use crate::kernel::Curvature;
use crate::scalar::Element;

/// A matrix A that gives its rows one at a time; `A'A` is the Hessian to be sketched.
pub trait FactorRows {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Number of columns, the side of the Hessian.
    fn cols(&self) -> usize;

    /// `out += scale * A[row, :]`.
    fn add_row(&self, row: usize, scale: f64, out: &mut [f64]);
}

/// The A of a generalized linear model: row (i, r) is row r of the factor of the loss's curvature times row i of the data
/// (see [`Curvature`]), computed in f64.
#[derive(Debug, Clone, Copy)]
pub struct HessianFactor<'a, T> {
    data: &'a Matrix<T>,
    curvature: Curvature<'a, f64>,
}

impl<'a, T: Element> HessianFactor<'a, T> {
    /// Of n x d `data` and the curvature at each of its rows.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] when the curvature does not have a number for each class and row.
    pub fn new(data: &'a Matrix<T>, curvature: Curvature<'a, f64>) -> Result<Self> {
        curvature.check(data.rows())?;
        Ok(HessianFactor { data, curvature })
    }
}

impl<T: Element> FactorRows for HessianFactor<'_, T> {
    fn rows(&self) -> usize {
        self.data.rows() * self.curvature.classes()
    }

    fn cols(&self) -> usize {
        self.data.cols() * self.curvature.classes()
    }

    fn add_row(&self, row: usize, scale: f64, out: &mut [f64]) {
        let classes = self.curvature.classes();
        let (example, r) = (row / classes, row % classes);
        for (k, out) in out.chunks_exact_mut(self.data.cols().max(1)).enumerate() {
            let factor = scale * self.curvature.coefficient(example, r, k);
            self.data.for_each_in_row(example, |j, x| out[j] += factor * x.to_f64());
        }
    }
}
