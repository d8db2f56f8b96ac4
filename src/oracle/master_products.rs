//! Products that the master computes from data it reads itself, at no round.

use std::borrow::Cow;

use super::{Certainty, Counters, ProductOracle, Rounds};
use crate::data::Matrix;
use crate::error::Result;
use crate::scalar::{Element, Precision};

/// [`ProductOracle`] without workers: for the values in the record of a run whose workers send gradients (no such value steers a step),
/// and for answers without a fleet.
///
/// ```
/// use std::borrow::Cow;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::oracle::{MasterProducts, ProductOracle};
/// let x = Matrix::Dense(Dense::new(1, 2, vec![2.0, 3.0])?);
/// let mut margins = [0.0];
/// MasterProducts::new(Cow::Borrowed(&x)).margins(&[1.0, 1.0], &mut margins)?;
/// assert_eq!(margins, [5.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct MasterProducts<'a, T: Element>(Cow<'a, Matrix<T>>);

impl<'a, T: Element> MasterProducts<'a, T> {
    /// Reads `data`.
    pub fn new(data: Cow<'a, Matrix<T>>) -> Self {
        MasterProducts(data)
    }
}

impl<T: Element> ProductOracle for MasterProducts<'_, T> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn cols(&self) -> usize {
        self.0.cols()
    }

    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.multiply(weights, weights.len() / self.0.cols().max(1), out);
        Ok(())
    }

    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        self.0.multiply_transposed(residuals, residuals.len() / self.0.rows().max(1), out);
        Ok(())
    }

    fn drain(&mut self) -> Rounds {
        let certainty = Certainty::Certified;
        Rounds { late: vec![], liars: vec![], residual: 0.0, bound: 0.0, certainty, seconds: 0.0 }
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn unit_roundoff(&self) -> f64 {
        Precision::F64.unit_roundoff()
    }
}
