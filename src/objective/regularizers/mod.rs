//! The part of an objective that is handled by its proximal operator: l1 and the constraints.

mod bounds;
mod hinge_dual;
mod l1;
mod l2_ball;
mod linear_cost;
mod penalty;
mod simplex;

pub use bounds::BoxConstraint;
pub use hinge_dual::HingeDual;
pub use l1::L1;
pub use l2_ball::L2Ball;
pub use linear_cost::LinearCost;
pub use penalty::{Penalty, REGULARIZER_NAMES};
pub use simplex::Simplex;

use crate::error::{Error, Result};

/// Which weights (K x d, row-major) a regularizer sees: all, but for the last column where it is the intercept's, whose
/// weights are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Penalized {
    cols: usize,
    intercept: bool,
}

impl Penalized {
    /// For weights with rows of `cols` = d numbers, the last of which is the intercept's if `intercept`.
    ///
    /// # Errors
    /// [`Error::Usage`] for no columns.
    pub fn new(cols: usize, intercept: bool) -> Result<Self> {
        if cols == 0 {
            return Err(Error::usage("regularizer", "0 columns", "at least 1 column"));
        }
        Ok(Penalized { cols, intercept })
    }

    /// The penalized part of each row.
    fn rows(self, weights: &[f64]) -> impl Iterator<Item = &[f64]> {
        weights.chunks_exact(self.cols).map(move |w| &w[..self.cols - usize::from(self.intercept)])
    }

    /// The penalized part of each row, writable.
    fn rows_mut(self, weights: &mut [f64]) -> impl Iterator<Item = &mut [f64]> {
        weights.chunks_exact_mut(self.cols).map(move |w| &mut w[..self.cols - usize::from(self.intercept)])
    }

    /// The penalized parts of two arrays, row by row.
    fn pairs<'a>(self, a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = (&'a [f64], &'a [f64])> {
        self.rows(a).zip(self.rows(b))
    }

    /// All penalized weights.
    fn each(self, weights: &[f64]) -> impl Iterator<Item = f64> {
        self.rows(weights).flatten().copied()
    }

    /// Number of penalized weights among `weights`.
    fn count(self, weights: usize) -> usize {
        weights / self.cols * (self.cols - usize::from(self.intercept))
    }
}

/// A positive finite number.
fn positive(what: &str, value: f64) -> Result<f64> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::usage(what, value, "a positive finite number"))
    }
}

/// 0 inside a set, infinite outside.
fn indicator(inside: bool) -> f64 {
    if inside { 0.0 } else { f64::INFINITY }
}
