//! Standardizing the columns, and the column of ones of an intercept.

use rayon::prelude::*;

use super::matrix::Matrix;
use crate::error::{Error, Result};
use crate::scalar::Element;

/// Rows summed in one run before the sums are combined.
const BLOCK: usize = 512;

/// The affine map that standardizes the columns of a training set: `x_j -> (x_j - means_j) / scales_j`. Dense columns are
/// centred and scaled by their population standard deviation; sparse ones are only scaled, so that they stay sparse. A
/// constant column has scale 1.
///
/// ```
/// use steadfast::data::{Dense, Matrix, Standardization};
/// let x = Matrix::Dense(Dense::new(2, 2, vec![1.0, 5.0, 3.0, 5.0])?);
/// let map = Standardization::fit(&x)?;
/// assert_eq!((&map.means[..], &map.scales[..]), (&[2.0, 5.0][..], &[1.0, 1.0][..]));
/// let Matrix::Dense(z) = map.apply(x)? else { unreachable!("dense stays dense") };
/// assert_eq!(z.values(), [-1.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Standardization {
    /// What is subtracted from each column; all 0 for sparse training data.
    pub means: Vec<f64>,
    /// What each column is then divided by; never 0.
    pub scales: Vec<f64>,
}

impl Standardization {
    /// The map for `features`, n x d with n >= 1. The same bits whatever the number of threads.
    ///
    /// # Errors
    /// [`Error::Input`] for a column whose spread passes the largest f64.
    pub fn fit<T: Element>(features: &Matrix<T>) -> Result<Self> {
        let rows = features.rows() as f64;
        let start = Moments { sum: 0.0, count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };
        let mut moments = column_fold(features, start, |m, _, x| m.add(x), Moments::merge);
        // The zeros that a sparse matrix leaves out count too.
        for m in &mut moments {
            if m.count < features.rows() {
                m.add(0.0);
            }
        }
        let means: Vec<f64> = moments.iter().map(|m| if m.min == m.max { m.min } else { m.sum / rows }).collect();
        let reach: Vec<f64> = moments.iter().zip(&means).map(|(m, mean)| (m.max - mean).max(mean - m.min)).collect();
        if let Some(j) = reach.iter().zip(&means).position(|(r, m)| !r.is_finite() || !m.is_finite()) {
            let got = format!("values from {} to {}", moments[j].min, moments[j].max);
            return Err(Error::input(
                format!("column {}", j + 1),
                got,
                "a spread below the largest f64, to standardize",
            ));
        }
        // Deviations relative to the largest one: their squares neither overflow nor underflow.
        let squares = column_fold(
            features,
            (0.0, 0),
            |(sum, count), j, x| {
                if reach[j] > 0.0 {
                    let z = (x - means[j]) / reach[j];
                    *sum += z * z;
                }
                *count += 1;
            },
            |a, b| (a.0 + b.0, a.1 + b.1),
        );
        let scale = |j: usize, (sum, count): (f64, usize)| {
            let absent = (features.rows() - count) as f64;
            let z = means[j] / reach[j];
            let scale = reach[j] * ((sum + absent * z * z) / rows).sqrt();
            // A constant column (0/0 above) and one whose spread is below the normal numbers are left as they are.
            if scale >= f64::MIN_POSITIVE { scale } else { 1.0 }
        };
        let scales = squares.into_iter().enumerate().map(|(j, s)| scale(j, s)).collect();
        let means = if features.is_sparse() { vec![0.0; means.len()] } else { means };
        Ok(Standardization { means, scales })
    }

    /// True when some column is centred.
    pub fn centres(&self) -> bool {
        self.means.iter().any(|&m| m != 0.0)
    }

    /// Standardizes `features` in place. Sparse features stay sparse unless the map centres, which writes their zeros out.
    ///
    /// # Errors
    /// [`Error::Input`] when the number of columns is another.
    pub fn apply<T: Element>(&self, features: Matrix<T>) -> Result<Matrix<T>> {
        let d = self.scales.len();
        if features.cols() != d {
            return Err(Error::input(
                "standardization",
                format!("{} features", features.cols()),
                format!("{d} features"),
            ));
        }
        let mut dense = match features {
            Matrix::Csr(mut a) if !self.centres() => {
                let scaled = |(x, &j): (&mut T, &u32)| *x = T::from_f64(x.to_f64() / self.scales[j as usize]);
                a.values.par_iter_mut().zip(&a.indices).for_each(scaled);
                return Ok(Matrix::Csr(a));
            }
            Matrix::Csr(a) => a.to_dense(),
            Matrix::Dense(a) => a,
        };
        dense.values_mut().par_chunks_mut(d.max(1)).for_each(|row| {
            for ((x, m), s) in row.iter_mut().zip(&self.means).zip(&self.scales) {
                *x = T::from_f64((x.to_f64() - m) / s);
            }
        });
        Ok(Matrix::Dense(dense))
    }

    /// Weights and intercept for the data as read, from those for the standardized data: the margins are the same. Where
    /// columns were centred the intercept is not 0 even if `intercept` is.
    ///
    /// # Errors
    /// [`Error::Input`] when the number of weights is not that of the columns.
    pub fn fold_back(&self, weights: &[f64], intercept: f64) -> Result<(Vec<f64>, f64)> {
        if weights.len() != self.scales.len() {
            let allowed = format!("{} weights", self.scales.len());
            return Err(Error::input("standardization", format!("{} weights", weights.len()), allowed));
        }
        let raw: Vec<f64> = weights.iter().zip(&self.scales).map(|(w, s)| w / s).collect();
        let mut shifts = [0.0; 8];
        for (w, m) in raw.chunks(8).zip(self.means.chunks(8)) {
            w.iter().zip(m).zip(&mut shifts).for_each(|((w, m), s)| *s += w * m);
        }
        let [a, b, c, d, e, f, g, h] = shifts;
        Ok((raw, intercept - (((a + b) + (c + d)) + ((e + f) + (g + h)))))
    }
}

/// `features` with a last column of ones, for an intercept; sparse stays sparse.
pub fn with_intercept<T: Element>(features: Matrix<T>) -> Matrix<T> {
    features.append_column(T::from_f64(1.0))
}

/// What a first pass learns of a column.
#[derive(Debug, Clone, Copy)]
struct Moments {
    sum: f64,
    count: usize,
    min: f64,
    max: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        *self = self.merge(Moments { sum: x, count: 1, min: x, max: x });
    }

    fn merge(self, other: Self) -> Self {
        Moments {
            sum: self.sum + other.sum,
            count: self.count + other.count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// Folds the stored values of each column: within row blocks by `add(state, column, value)`, then over the blocks
/// pairwise by `merge`. The blocks depend on the data alone, so the result does not depend on the threads.
fn column_fold<T: Element, S: Copy + Send + Sync>(
    features: &Matrix<T>,
    start: S,
    add: impl Fn(&mut S, usize, f64) + Sync,
    merge: impl Fn(S, S) -> S,
) -> Vec<S> {
    let (rows, cols) = (features.rows(), features.cols());
    // Each block has a state a column: no more blocks than keep these below the stored values.
    let blocks = rows.div_ceil(BLOCK).min((features.stored() / cols.max(1)).max(1));
    let size = rows.div_ceil(blocks).max(1);
    let mut states: Vec<Vec<S>> = (0..blocks)
        .into_par_iter()
        .map(|b| {
            let mut state = vec![start; cols];
            for i in (b * size).min(rows)..((b + 1) * size).min(rows) {
                features.for_each_in_row(i, |j, x| add(&mut state[j], j, x.to_f64()));
            }
            state
        })
        .collect();
    while states.len() > 1 {
        let mut pairs = states.into_iter();
        let mut merged = Vec::new();
        while let Some(mut a) = pairs.next() {
            if let Some(b) = pairs.next() {
                a.iter_mut().zip(b).for_each(|(a, b)| *a = merge(*a, b));
            }
            merged.push(a);
        }
        states = merged;
    }
    states.pop().unwrap_or_else(|| vec![start; cols])
}
