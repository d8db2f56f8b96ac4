//! Synthetic data of any size: generated in row blocks, each from its own random stream, so that the same seed gives the
//! same data whatever the number of threads, and straight into the storage type.

use rand::RngExt;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Geometric, StandardNormal};
use rayon::prelude::*;

use super::dataset::{Dataset, Labels};
use super::labels::MAX_CLASSES;
use super::libsvm::MAX_FEATURES;
use super::matrix::{Csr, Dense, Matrix};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::scalar::Element;
use crate::seed::{Purpose, Seed};

/// Rows generated from one random stream. Changing it changes the data of every seed.
const BLOCK: usize = 128;

/// The stream of the truth (weights, class centres), apart from those of the blocks.
const TRUTH: u64 = u64::MAX;

/// The kinds there are, for error messages.
pub(super) const KINDS: &str = "regression, sparse-regression, logistic, softmax";

/// A family of synthetic data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SyntheticKind {
    /// The regression of paper 002, section VI: X ~ N(0, I), a third of the weights non-zero, these N(0, 4), and
    /// `y = X w + noise N(0, 1)`.
    Regression {
        /// Standard deviation of the noise; the paper's is 1.
        noise: f64,
    },
    /// The same, with each entry of X zero but with probability `density`. Stored sparse.
    SparseRegression {
        /// Share of non-zero entries, in (0, 1].
        density: f64,
        /// Standard deviation of the noise.
        noise: f64,
    },
    /// Two classes -1 and +1. Column j is N(0, s_j^2) with s_j from 1 to sqrt(condition) in geometric progression, so
    /// that `condition` is the condition number of the expectation of X'X/n. The weights are such that the margin is
    /// N(0, 1), each column contributing alike; the label is its sign, flipped with probability `label_noise`.
    Logistic {
        /// Condition number, at least 1.
        condition: f64,
        /// Probability that a label is flipped, in [0, 0.5].
        label_noise: f64,
    },
    /// Classes 0, 1, ..., row i being of class i mod `classes`: N(centre, I), where two centres are about `separation`
    /// apart.
    Softmax {
        /// Number of classes.
        classes: usize,
        /// Root mean square distance of two centres.
        separation: f64,
    },
}

/// A description of synthetic data; [`Synthetic::generate`] makes them.
///
/// ```
/// use steadfast::data::{Synthetic, SyntheticKind};
/// use steadfast::seed::Seed;
/// let wanted = Synthetic { rows: 300, cols: 20, kind: SyntheticKind::Regression { noise: 1.0 } };
/// let made = wanted.generate::<f32>(Seed(1))?;
/// assert_eq!((made.data.rows(), made.data.cols(), made.truth.len()), (300, 20, 20));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synthetic {
    /// n.
    pub rows: usize,
    /// d.
    pub cols: usize,
    /// The family and its parameters.
    pub kind: SyntheticKind,
}

/// Synthetic data with what they were made from.
#[derive(Debug, Clone)]
pub struct Generated<T> {
    /// The data.
    pub data: Dataset<T>,
    /// The true weights (d numbers), or for classes their centres (classes x d, row-major).
    pub truth: Vec<f64>,
}

impl Synthetic {
    /// Reads `KIND:rows=…,cols=…,…`, each parameter but rows and cols with a default.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown kind or parameter, or a value out of range.
    pub fn parse(what: &str, text: &str) -> Result<Self> {
        let mut given = Params::parse(what, text)?;
        let (rows, cols) = (given.require("rows")?, given.require("cols")?);
        let kind = match given.name() {
            "regression" => SyntheticKind::Regression { noise: given.take("noise", 1.0)? },
            "sparse-regression" => SyntheticKind::SparseRegression {
                density: given.take("density", 0.01)?,
                noise: given.take("noise", 1.0)?,
            },
            "logistic" => SyntheticKind::Logistic {
                condition: given.take("condition", 100.0)?,
                label_noise: given.take("label-noise", 0.05)?,
            },
            "softmax" => SyntheticKind::Softmax {
                classes: given.take("classes", 10)?,
                separation: given.take("separation", 4.0)?,
            },
            other => return Err(Error::usage(what, format!("the kind `{other}`"), KINDS)),
        };
        given.finish()?;
        let out = Synthetic { rows, cols, kind };
        out.check(what)?;
        Ok(out)
    }

    fn check(&self, what: &str) -> Result<()> {
        let Synthetic { rows, cols, kind } = *self;
        let refuse = |key: &str, got: String, allowed: &str| Err(Error::usage(format!("{what} {key}"), got, allowed));
        if rows == 0 {
            return refuse("rows", rows.to_string(), "at least 1");
        }
        if cols == 0 || cols > MAX_FEATURES as usize {
            return refuse("cols", cols.to_string(), &format!("1 to {MAX_FEATURES}"));
        }
        match kind {
            SyntheticKind::Regression { noise } | SyntheticKind::SparseRegression { noise, .. }
                if !(noise >= 0.0 && noise.is_finite()) =>
            {
                refuse("noise", noise.to_string(), "0 or more")
            }
            SyntheticKind::SparseRegression { density, .. } if !(density > 0.0 && density <= 1.0) => {
                refuse("density", density.to_string(), "above 0, at most 1")
            }
            SyntheticKind::Logistic { condition, .. } if !(condition >= 1.0 && condition.is_finite()) => {
                refuse("condition", condition.to_string(), "1 or more")
            }
            SyntheticKind::Logistic { label_noise, .. } if !(0.0..=0.5).contains(&label_noise) => {
                refuse("label-noise", label_noise.to_string(), "0 to 0.5")
            }
            SyntheticKind::Softmax { classes, .. } if !(2..=MAX_CLASSES.min(rows)).contains(&classes) => {
                refuse("classes", classes.to_string(), &format!("2 to {MAX_CLASSES}, and at most one a row"))
            }
            SyntheticKind::Softmax { separation, .. } if !(separation > 0.0 && separation.is_finite()) => {
                refuse("separation", separation.to_string(), "above 0")
            }
            _ => Ok(()),
        }
    }

    /// Makes the data in storage type `T`. Labels are computed from the numbers as stored.
    ///
    /// # Errors
    /// [`Error::Usage`] for a parameter out of range or for more data than memory can be had for.
    pub fn generate<T: Element>(&self, seed: Seed) -> Result<Generated<T>> {
        self.check("synthetic")?;
        let (features, y, truth) = match self.kind {
            SyntheticKind::Regression { noise } => self.regression(noise, seed)?,
            SyntheticKind::SparseRegression { density, noise } => self.sparse_regression(density, noise, seed)?,
            SyntheticKind::Logistic { condition, label_noise } => self.logistic(condition, label_noise, seed)?,
            SyntheticKind::Softmax { classes, separation } => self.softmax(classes, separation, seed)?,
        };
        Ok(Generated { data: Dataset::new(features, Labels::Real(y), Vec::new())?, truth })
    }

    fn regression<T: Element>(&self, noise: f64, seed: Seed) -> Result<(Matrix<T>, Vec<f64>, Vec<f64>)> {
        let truth = sparse_weights(self.cols, seed);
        let (x, y) = self.dense_rows(seed, |rng, _, row: &mut [T]| {
            row.iter_mut().for_each(|x| *x = T::from_f64(normal(rng)));
            dot(row, &truth) + noise * normal(rng)
        })?;
        Ok((x, y, truth))
    }

    fn sparse_regression<T: Element>(
        &self,
        density: f64,
        noise: f64,
        seed: Seed,
    ) -> Result<(Matrix<T>, Vec<f64>, Vec<f64>)> {
        let truth = sparse_weights(self.cols, seed);
        // Columns passed over until the next non-zero.
        let gap = Geometric::new(density).map_err(|e| Error::usage("synthetic density", density, e.to_string()))?;
        let blocks: Vec<SparseBlock<T>> = (0..self.rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut rng = seed.stream(Purpose::Data, block as u64, 0);
                let mut out = SparseBlock::default();
                for _ in 0..BLOCK.min(self.rows - block * BLOCK) {
                    let start = out.values.len();
                    let mut j = gap.sample(&mut rng);
                    while j < self.cols as u64 {
                        out.indices.push(j as u32);
                        out.values.push(T::from_f64(normal(&mut rng)));
                        j = j.saturating_add(1).saturating_add(gap.sample(&mut rng));
                    }
                    let weights: Vec<f64> = out.indices[start..].iter().map(|&j| truth[j as usize]).collect();
                    out.y.push(dot(&out.values[start..], &weights) + noise * normal(&mut rng));
                    out.ends.push(out.values.len());
                }
                out
            })
            .collect();
        let stored = blocks.iter().map(|b| b.values.len()).sum();
        let mut all = SparseBlock::<T> {
            indices: Vec::with_capacity(stored),
            values: Vec::with_capacity(stored),
            ends: vec![0],
            y: Vec::with_capacity(self.rows),
        };
        for block in blocks {
            let base = all.values.len();
            all.ends.extend(block.ends.iter().map(|e| base + e));
            all.indices.extend(block.indices);
            all.values.extend(block.values);
            all.y.extend(block.y);
        }
        let x = Csr::new(self.rows, self.cols, all.ends, all.indices, all.values)?;
        Ok((Matrix::Csr(x), all.y, truth))
    }

    fn logistic<T: Element>(
        &self,
        condition: f64,
        label_noise: f64,
        seed: Seed,
    ) -> Result<(Matrix<T>, Vec<f64>, Vec<f64>)> {
        let last = (self.cols - 1).max(1) as f64;
        let scales: Vec<f64> = (0..self.cols).map(|j| condition.powf(0.5 * j as f64 / last)).collect();
        let mut rng = seed.stream(Purpose::Data, TRUTH, 0);
        let direction: Vec<f64> = (0..self.cols).map(|_| normal(&mut rng)).collect();
        let norm = dot(&direction, &direction).sqrt();
        let truth: Vec<f64> = direction.iter().zip(&scales).map(|(w, s)| w / (norm * s)).collect();
        let (x, y) = self.dense_rows(seed, |rng, _, row: &mut [T]| {
            row.iter_mut().zip(&scales).for_each(|(x, s)| *x = T::from_f64(s * normal(rng)));
            let sign = if dot(row, &truth) < 0.0 { -1.0 } else { 1.0 };
            if rng.random_bool(label_noise) { -sign } else { sign }
        })?;
        Ok((x, y, truth))
    }

    fn softmax<T: Element>(
        &self,
        classes: usize,
        separation: f64,
        seed: Seed,
    ) -> Result<(Matrix<T>, Vec<f64>, Vec<f64>)> {
        let cols = self.cols;
        // The difference of two centres has d entries of twice this variance.
        let deviation = separation / (2.0 * cols as f64).sqrt();
        let mut rng = seed.stream(Purpose::Data, TRUTH, 0);
        let centres: Vec<f64> = (0..classes * cols).map(|_| deviation * normal(&mut rng)).collect();
        let (x, y) = self.dense_rows(seed, |rng, i, row: &mut [T]| {
            let class = i % classes;
            let centre = &centres[class * cols..(class + 1) * cols];
            row.iter_mut().zip(centre).for_each(|(x, c)| *x = T::from_f64(c + normal(rng)));
            class as f64
        })?;
        Ok((x, y, centres))
    }

    /// A dense matrix and its labels: `fill(stream, i, row)` writes row i and returns its label.
    fn dense_rows<T: Element>(
        &self,
        seed: Seed,
        fill: impl Fn(&mut ChaCha8Rng, usize, &mut [T]) -> f64 + Sync,
    ) -> Result<(Matrix<T>, Vec<f64>)> {
        let Synthetic { rows, cols, .. } = *self;
        let too_large = || {
            let bytes = rows as f64 * cols as f64 * size_of::<T>() as f64;
            Error::usage("synthetic", format!("{rows} x {cols}, {:.3e} bytes", bytes), "what memory can be had for")
        };
        let total = rows.checked_mul(cols).ok_or_else(too_large)?;
        let mut values: Vec<T> = Vec::new();
        values.try_reserve_exact(total).map_err(|_| too_large())?;
        values.resize(total, T::from_f64(0.0));
        let mut y = vec![0.0; rows];
        values.par_chunks_mut(BLOCK * cols).zip(y.par_chunks_mut(BLOCK)).enumerate().for_each(|(block, (x, y))| {
            let mut rng = seed.stream(Purpose::Data, block as u64, 0);
            for (i, (row, y)) in x.chunks_exact_mut(cols).zip(y).enumerate() {
                *y = fill(&mut rng, block * BLOCK + i, row);
            }
        });
        Ok((Matrix::Dense(Dense::new(rows, cols, values)?), y))
    }
}

/// Some rows of a sparse matrix; `ends` are positions in its own values.
struct SparseBlock<T> {
    indices: Vec<u32>,
    values: Vec<T>,
    ends: Vec<usize>,
    y: Vec<f64>,
}

impl<T> Default for SparseBlock<T> {
    fn default() -> Self {
        SparseBlock { indices: Vec::new(), values: Vec::new(), ends: Vec::new(), y: Vec::new() }
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Weights of which a third (at least one) are N(0, 4), the others zero.
fn sparse_weights(cols: usize, seed: Seed) -> Vec<f64> {
    let mut rng = seed.stream(Purpose::Data, TRUTH, 0);
    let mut weights = vec![0.0; cols];
    let mut support = index::sample(&mut rng, cols, (cols / 3).max(1)).into_vec();
    support.sort_unstable();
    support.into_iter().for_each(|j| weights[j] = 2.0 * normal(&mut rng));
    weights
}

/// `<row, weights>` in eight partial sums.
fn dot<T: Element>(row: &[T], weights: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for (x, w) in row.chunks(8).zip(weights.chunks(8)) {
        x.iter().zip(w).zip(&mut sums).for_each(|((x, w), s)| *s += x.to_f64() * w);
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}
