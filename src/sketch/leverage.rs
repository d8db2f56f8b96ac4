//! Row sampling by leverage scores (Drineas, Mahoney and Muthukrishnan 2006).

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rand_distr::Distribution;
use rand_distr::weighted::WeightedAliasIndex;

use super::{FactorRows, PANEL, Sketch, check_dimension, for_each_panel};
use crate::data::Dense;
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// m rows of A, drawn with replacement in proportion to their leverage scores `a_i' (A'A)^+ a_i`, row i times
/// `1 / sqrt(m p_i)`. The scores are exact, which takes the exact Hessian: a baseline for what sampling can do at best, not a
/// way to save time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leverage {
    seed: Seed,
    dimension: usize,
}

impl Leverage {
    /// Of `dimension` columns, m.
    pub fn new(seed: Seed, dimension: usize) -> Self {
        Leverage { seed, dimension }
    }
}

impl Sketch for Leverage {
    fn name(&self) -> &'static str {
        "leverage"
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn apply(&self, a: &dyn FactorRows, iteration: u64) -> Result<Dense<f64>> {
        let m = self.dimension;
        check_dimension(self.name(), m, a.cols())?;
        let mut out = Dense::zeros(m, a.cols());
        let scores = scores(a)?;
        let total: f64 = scores.chunks(PANEL).map(|part| part.iter().sum::<f64>()).sum();
        if total == 0.0 {
            // A is zero, and so is its sketch.
            return Ok(out);
        }
        let draw = WeightedAliasIndex::new(scores.clone())
            .map_err(|e| Error::Numerical(format!("leverage scores of {} rows: {e}", scores.len())))?;
        let mut stream = self.seed.stream(Purpose::Sketch, 2, iteration);
        for j in 0..m {
            let i = draw.sample(&mut stream);
            a.add_row(i, (total / (m as f64 * scores[i])).sqrt(), out.row_mut(j));
        }
        Ok(out)
    }
}

/// The leverage score of every row: between 0 and 1, and the rank of A in all.
fn scores(a: &dyn FactorRows) -> Result<Vec<f64>> {
    let cols = a.cols();
    let mut gram = Mat::<f64>::zeros(cols, cols);
    for_each_panel(a, |_, panel| {
        let rows = MatRef::from_row_major_slice(panel, panel.len() / cols.max(1), cols);
        matmul(gram.as_mut(), Accum::Add, rows.transpose(), rows, 1.0, Par::Seq);
    });
    if (0..cols).any(|j| !gram[(j, j)].is_finite()) {
        return Err(Error::Numerical("leverage scores of a Hessian that is not finite".into()));
    }
    let eigen = gram
        .self_adjoint_eigen(Side::Lower)
        .map_err(|e| Error::Numerical(format!("eigenvalues for the leverage scores: {e:?}")))?;
    let values = eigen.S().column_vector();
    let largest = (0..cols).map(|j| values[j]).fold(0.0, f64::max);
    // Eigenvalues that rounding alone can make.
    let floor = cols as f64 * f64::EPSILON * largest;
    let mut whitening = Mat::<f64>::zeros(cols, cols);
    for j in (0..cols).filter(|&j| values[j] > floor) {
        for i in 0..cols {
            whitening[(i, j)] = eigen.U()[(i, j)] / values[j].sqrt();
        }
    }
    let mut scores = Vec::with_capacity(a.rows());
    let mut whitened = vec![0.0; PANEL.min(a.rows()) * cols];
    for_each_panel(a, |_, panel| {
        let rows = panel.len() / cols.max(1);
        let whitened = &mut whitened[..panel.len()];
        let to = MatMut::from_row_major_slice_mut(&mut *whitened, rows, cols);
        matmul(to, Accum::Replace, MatRef::from_row_major_slice(panel, rows, cols), whitening.as_ref(), 1.0, Par::Seq);
        scores.extend(whitened.chunks_exact(cols.max(1)).map(squares));
    });
    Ok(scores)
}

/// The sum of the squares, in four parts.
fn squares(row: &[f64]) -> f64 {
    let mut s = [0.0; 4];
    for (j, x) in row.iter().enumerate() {
        s[j % 4] += x * x;
    }
    (s[0] + s[1]) + (s[2] + s[3])
}
