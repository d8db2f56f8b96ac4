//! Random encoding, for comparison.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand_distr::{Distribution, StandardNormal};

use super::Frame;
use super::sizes::check_columns;
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// The most numbers that are stored: 256 MiB.
const MOST_ENTRIES: usize = 1 << 25;

/// 2 n rows of independent normal numbers with variance `1/n`: `S'S` is `2 I` in expectation only, so that even with all replies the answer
/// is another one (by some 6 % in F where n is a few times the number of features).
#[derive(Debug, Clone)]
pub struct GaussianFrame {
    columns: usize,
    /// 2 n x n, row-major.
    entries: Vec<f64>,
}

impl GaussianFrame {
    /// With so many columns.
    ///
    /// # Errors
    /// [`Error::Usage`] for no columns, or more than 4,096: it is stored.
    pub fn new(columns: usize, seed: Seed) -> Result<Self> {
        check_columns("gaussian", columns)?;
        let rows = 2 * columns;
        if rows.checked_mul(columns).is_none_or(|entries| entries > MOST_ENTRIES) {
            let most = (MOST_ENTRIES / 2).isqrt();
            return Err(Error::usage(
                "columns of the frame gaussian",
                columns,
                format!("at most {most}: it is stored"),
            ));
        }
        let scale = (columns as f64).sqrt().recip();
        let mut entries = vec![0.0; rows * columns];
        for (row, entries) in entries.chunks_exact_mut(columns).enumerate() {
            let mut stream = seed.stream(Purpose::Code, row as u64, 1);
            entries.iter_mut().for_each(|x| {
                let normal: f64 = StandardNormal.sample(&mut stream);
                *x = scale * normal;
            });
        }
        Ok(GaussianFrame { columns, entries })
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.entries, 2 * self.columns, self.columns)
    }
}

impl Frame for GaussianFrame {
    fn name(&self) -> String {
        "gaussian".into()
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn rows(&self) -> usize {
        2 * self.columns
    }

    fn is_tight(&self) -> bool {
        false
    }

    fn apply(&self, vectors: usize, x: &[f64], out: &mut [f64]) {
        let x = MatRef::from_row_major_slice(x, self.columns, vectors);
        let out = MatMut::from_row_major_slice_mut(out, 2 * self.columns, vectors);
        matmul(out, Accum::Replace, self.matrix(), x, 1.0, Par::Seq);
    }

    fn apply_transposed(&self, vectors: usize, u: &[f64], out: &mut [f64]) {
        let u = MatRef::from_row_major_slice(u, 2 * self.columns, vectors);
        let out = MatMut::from_row_major_slice_mut(out, self.columns, vectors);
        matmul(out, Accum::Replace, self.matrix().transpose(), u, 1.0, Par::Seq);
    }
}
