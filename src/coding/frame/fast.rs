//! Frames that are random columns of an orthonormal fast transform.

use super::Frame;
use super::sizes::{check_columns, choose, no_such_size};
use super::transform::Transform;
use crate::error::{Error, Result};
use crate::seed::Seed;

/// `S = sqrt(beta) Q[:, chosen]` with an orthonormal N x N transform Q, so `S'S = beta I`.
#[derive(Debug, Clone)]
pub struct FastFrame {
    transform: Transform,
    rows: usize,
    /// Columns of Q, ascending.
    chosen: Vec<usize>,
    /// sqrt(N / n).
    scale: f64,
}

impl FastFrame {
    /// The subsampled Hadamard frame: n random columns of the N x N Hadamard matrix, N the power of two from 2 n.
    ///
    /// # Errors
    /// [`Error::Usage`] for no columns, or too many.
    pub fn hadamard(columns: usize, seed: Seed) -> Result<Self> {
        check_columns("hadamard", columns)?;
        let rows = (2 * columns).next_power_of_two();
        Ok(Self::of(Transform::Hadamard, rows, choose(rows, columns, seed)))
    }

    /// n random columns of the N x N matrix whose rows are the Haar wavelets, N the power of two from 2 n. Its rows are sparse, and
    /// without a few of the coarse ones nothing is known of large parts of the data: for comparison.
    ///
    /// # Errors
    /// As [`FastFrame::hadamard`].
    pub fn haar(columns: usize, seed: Seed) -> Result<Self> {
        check_columns("haar-wavelet", columns)?;
        let rows = (2 * columns).next_power_of_two();
        Ok(Self::of(Transform::Haar, rows, choose(rows, columns, seed)))
    }

    /// The Hadamard equiangular tight frame (Szollosi, 2013) with `v(v - 1)/2` columns and `v^2` rows for v = 2^k: its Gram matrix
    /// `I - (H - I)/(v - 1)` comes from the symmetric Hadamard matrix H of order `v^2` with ones on the diagonal.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number of columns that there is none for: the nearest are named.
    pub fn hadamard_etf(columns: usize) -> Result<Self> {
        check_columns("hadamard-etf", columns)?;
        match Self::etf_orders().find(|&v| v * (v - 1) / 2 == columns) {
            Some(v) => Ok(Self::etf(v, columns, Seed(0))),
            None => Err(no_such_size("hadamard-etf", columns, Self::etf_orders().map(|v| v * (v - 1) / 2))),
        }
    }

    /// Random columns of the smallest Hadamard equiangular tight frame that has so many: tight, and equiangular where it has no more.
    ///
    /// # Errors
    /// As [`FastFrame::hadamard`].
    pub fn of_hadamard_etf(columns: usize, seed: Seed) -> Result<Self> {
        check_columns("hadamard-etf", columns)?;
        let order = Self::etf_orders().find(|&v| v * (v - 1) / 2 >= columns);
        let order = order.ok_or_else(|| Error::usage("columns of the frame hadamard-etf", columns, "fewer"))?;
        Ok(Self::etf(order, columns, seed))
    }

    /// v.
    fn etf_orders() -> impl Iterator<Item = usize> {
        (1..17).map(|k| 1usize << k)
    }

    fn etf(order: usize, columns: usize, seed: Seed) -> Self {
        let rows = order * order;
        let negative: Vec<usize> = (0..rows).filter(|&at| Transform::is_negative(at)).collect();
        let chosen = choose(negative.len(), columns, seed).into_iter().map(|at| negative[at]).collect();
        Self::of(Transform::Graphical, rows, chosen)
    }

    fn of(transform: Transform, rows: usize, chosen: Vec<usize>) -> Self {
        let scale = (rows as f64 / chosen.len() as f64).sqrt();
        FastFrame { transform, rows, chosen, scale }
    }
}

impl Frame for FastFrame {
    fn name(&self) -> String {
        match self.transform {
            Transform::Hadamard => "hadamard".into(),
            Transform::Haar => "haar-wavelet".into(),
            Transform::Graphical => "hadamard-etf".into(),
        }
    }

    fn columns(&self) -> usize {
        self.chosen.len()
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn is_tight(&self) -> bool {
        true
    }

    fn is_equiangular(&self) -> bool {
        let order = self.rows.isqrt();
        self.transform == Transform::Graphical && order * (order - 1) / 2 == self.chosen.len()
    }

    fn hadamard_columns(&self) -> Option<(&[usize], f64)> {
        // sqrt(N / n) of the orthonormal matrix, which is the Hadamard matrix over sqrt(N).
        let factor = (self.chosen.len() as f64).sqrt().recip();
        (self.transform == Transform::Hadamard).then_some((&self.chosen[..], factor))
    }

    fn apply(&self, vectors: usize, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (from, &at) in x.chunks_exact(vectors).zip(&self.chosen) {
            let to = &mut out[at * vectors..(at + 1) * vectors];
            to.iter_mut().zip(from).for_each(|(to, x)| *to = self.scale * x);
        }
        self.transform.forward(out, vectors);
    }

    fn apply_transposed(&self, vectors: usize, u: &[f64], out: &mut [f64]) {
        let mut values = u.to_vec();
        self.transform.backward(&mut values, vectors);
        for (to, &at) in out.chunks_exact_mut(vectors).zip(&self.chosen) {
            let from = &values[at * vectors..(at + 1) * vectors];
            to.iter_mut().zip(from).for_each(|(to, x)| *to = self.scale * x);
        }
    }
}
