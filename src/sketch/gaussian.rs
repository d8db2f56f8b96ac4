//! The Gaussian sketch: the classical baseline, at the price of a dense product with all rows of A.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand_distr::{Distribution, StandardNormal};

use super::{FactorRows, PANEL, Sketch, check_dimension, for_each_panel};
use crate::data::Dense;
use crate::error::Result;
use crate::seed::{Purpose, Seed};

/// S with independent entries of mean 0 and variance 1/m.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaussian {
    seed: Seed,
    dimension: usize,
}

impl Gaussian {
    /// Of `dimension` columns, m.
    pub fn new(seed: Seed, dimension: usize) -> Self {
        Gaussian { seed, dimension }
    }
}

impl Sketch for Gaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn apply(&self, a: &dyn FactorRows, iteration: u64) -> Result<Dense<f64>> {
        check_dimension(self.name(), self.dimension, a.cols())?;
        let (m, cols) = (self.dimension, a.cols());
        let mut stream = self.seed.stream(Purpose::Sketch, 0, iteration);
        let mut out = Dense::zeros(m, cols);
        let mut normals = vec![0.0; PANEL.min(a.rows()) * m];
        for_each_panel(a, |first, panel| {
            let rows = PANEL.min(a.rows() - first);
            let normals = &mut normals[..rows * m];
            normals.fill_with(|| StandardNormal.sample(&mut stream));
            let to = MatMut::from_row_major_slice_mut(out.values_mut(), m, cols);
            let left = MatRef::from_row_major_slice(&*normals, rows, m).transpose();
            let right = MatRef::from_row_major_slice(panel, rows, cols);
            matmul(to, Accum::Add, left, right, 1.0 / (m as f64).sqrt(), Par::Seq);
        });
        Ok(out)
    }
}
