//! The subsampled randomized Hadamard transform (Ailon and Chazelle 2006; Tropp 2011).

use rand::RngExt;
use rand::seq::index;

use super::{FactorRows, Sketch, check_dimension};
use crate::data::Dense;
use crate::error::{Error, Result};
use crate::kernel::walsh_hadamard;
use crate::seed::{Purpose, Seed};

/// `S' = sqrt(N/m) P H D`: random signs D on the rows of A, padded with zeros to a power of two N; the orthonormal Hadamard
/// transform H; m of the N rows, drawn without replacement, P. As a baseline it holds all of `D A` in memory, in f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Srht {
    seed: Seed,
    dimension: usize,
}

impl Srht {
    /// Of `dimension` columns, m.
    pub fn new(seed: Seed, dimension: usize) -> Self {
        Srht { seed, dimension }
    }
}

impl Sketch for Srht {
    fn name(&self) -> &'static str {
        "srht"
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn apply(&self, a: &dyn FactorRows, iteration: u64) -> Result<Dense<f64>> {
        let (m, cols) = (self.dimension, a.cols());
        check_dimension(self.name(), m, cols)?;
        let padded = padded(a.rows());
        if m > padded {
            let allowed = format!("at most {padded}, the padded number of rows");
            return Err(Error::usage("dimension of the sketch srht", m, allowed));
        }
        let mut stream = self.seed.stream(Purpose::Sketch, 1, iteration);
        let mut transformed = vec![0.0; padded * cols];
        for (i, row) in transformed.chunks_exact_mut(cols.max(1)).take(a.rows()).enumerate() {
            a.add_row(i, if stream.random() { 1.0 } else { -1.0 }, row);
        }
        walsh_hadamard(&mut transformed, cols);
        let scale = 1.0 / (m as f64).sqrt();
        let mut out = Dense::zeros(m, cols);
        for (j, i) in index::sample(&mut stream, padded, m).into_iter().enumerate() {
            let from = &transformed[i * cols..(i + 1) * cols];
            out.row_mut(j).iter_mut().zip(from).for_each(|(to, x)| *to = scale * x);
        }
        Ok(out)
    }
}

/// The power of two that `rows` are padded to.
pub(super) fn padded(rows: usize) -> usize {
    rows.checked_next_power_of_two().unwrap_or(rows)
}
