//! The matrix of a Newton system, `A' diag(beta^2) A`, behind a trait, so that a sketch of it can stand in.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::data::Dense;
use crate::error::Result;

/// Where a Newton step of the barrier method finds its point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewtonStep {
    /// Weight of the cost beside the barrier.
    pub tau: f64,
    /// `c'u` of the reduced program, without its constant; in phase I the largest violation.
    pub objective: f64,
    /// Norm of the step in the Hessian's norm: the distance from the centre.
    pub decrement: f64,
    /// Close to a centre, the bound on the objective's distance from its infimum.
    pub gap: Option<f64>,
}

/// A matrix A (m x d) and the Gram matrix of its scaled rows. Only `gram` may be an approximation (a sketch): the two
/// products must be exact but for what `error` says, for the gap that a solver reports rests on them.
pub trait NormalMatrix {
    /// m.
    fn rows(&self) -> usize;

    /// d.
    fn cols(&self) -> usize;

    /// `out = A' diag(scale^2) A`, or an approximation of it: d x d, symmetric; `scale` has m values.
    ///
    /// # Errors
    /// What the workers that compute it report; the same for the two products.
    fn gram(&mut self, scale: &[f64], out: &mut [f64]) -> Result<()>;

    /// `out = A x`: d values in, m out.
    ///
    /// # Errors
    /// As [`NormalMatrix::gram`].
    fn multiply(&mut self, x: &[f64], out: &mut [f64]) -> Result<()>;

    /// `out = A' y`: m values in, d out.
    ///
    /// # Errors
    /// As [`NormalMatrix::gram`].
    fn multiply_transposed(&mut self, y: &[f64], out: &mut [f64]) -> Result<()>;

    /// Bound on the norm of the last product's error, of either kind: the solver adds to its gap what such errors can do. The
    /// master's own round-off is not meant.
    fn error(&self) -> f64 {
        0.0
    }

    /// Told of every Newton step, before the point moves.
    ///
    /// # Errors
    /// An error stops the solve.
    fn newton_step(&mut self, _step: &NewtonStep) -> Result<()> {
        Ok(())
    }
}

/// Rows of a block: the longest chain of additions left to one call of the matrix product.
const BLOCK: usize = 256;

/// The exact Gram matrix and products of a dense matrix in memory.
///
/// ```
/// use steadfast::data::Dense;
/// use steadfast::program::{Exact, NormalMatrix};
/// let a = Dense::new(2, 2, vec![1.0, 2.0, 3.0, 4.0])?;
/// let mut gram = [0.0; 4];
/// Exact::new(&a).gram(&[1.0, 2.0], &mut gram)?;
/// assert_eq!(gram, [37.0, 50.0, 50.0, 68.0]); // (1, 2)'(1, 2) + 4 (3, 4)'(3, 4)
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Exact<'a> {
    matrix: &'a Dense<f64>,
    scaled: Vec<f64>,
}

impl<'a> Exact<'a> {
    /// Of `matrix`.
    pub fn new(matrix: &'a Dense<f64>) -> Self {
        Exact { matrix, scaled: Vec::new() }
    }

    /// Calls `add(start, height, accum)` for one block of rows after the other; the first replaces what was there.
    fn add_blocks(rows: usize, mut add: impl FnMut(usize, usize, Accum)) {
        let mut accum = Accum::Replace;
        for start in (0..rows).step_by(BLOCK) {
            add(start, BLOCK.min(rows - start), accum);
            accum = Accum::Add;
        }
    }
}

impl NormalMatrix for Exact<'_> {
    fn rows(&self) -> usize {
        self.matrix.rows()
    }

    fn cols(&self) -> usize {
        self.matrix.cols()
    }

    fn gram(&mut self, scale: &[f64], out: &mut [f64]) -> Result<()> {
        let (rows, cols) = (self.matrix.rows(), self.matrix.cols());
        self.scaled.clear();
        for (i, &s) in scale.iter().enumerate() {
            self.scaled.extend(self.matrix.row(i).iter().map(|a| s * a));
        }
        out.fill(0.0);
        let scaled = MatRef::from_row_major_slice(&self.scaled, rows, cols);
        let mut out = MatMut::from_row_major_slice_mut(out, cols, cols);
        Self::add_blocks(rows, |start, height, accum| {
            let block = scaled.subrows(start, height);
            matmul(out.as_mut(), accum, block.transpose(), block, 1.0, Par::Seq);
        });
        Ok(())
    }

    fn multiply(&mut self, x: &[f64], out: &mut [f64]) -> Result<()> {
        for (i, o) in out.iter_mut().enumerate() {
            *o = super::vector::dot(self.matrix.row(i), x);
        }
        Ok(())
    }

    fn multiply_transposed(&mut self, y: &[f64], out: &mut [f64]) -> Result<()> {
        let (rows, cols) = (self.matrix.rows(), self.matrix.cols());
        out.fill(0.0);
        let matrix = MatRef::from_row_major_slice(self.matrix.values(), rows, cols);
        let y = MatRef::from_column_major_slice(y, rows, 1);
        let mut out = MatMut::from_column_major_slice_mut(out, cols, 1);
        Self::add_blocks(rows, |start, height, accum| {
            let block = matrix.subrows(start, height);
            matmul(out.as_mut(), accum, block.transpose(), y.subrows(start, height), 1.0, Par::Seq);
        });
        Ok(())
    }
}
