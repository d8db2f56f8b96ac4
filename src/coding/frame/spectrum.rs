//! What is left of the data when only some workers answer: extreme eigenvalues over subsets.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};
use rand::seq::index;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::Encoding;
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// Up to so many columns the Gram matrices are formed and their eigenvalues exact.
const FORMED: usize = 256;
/// Steps of the Lanczos iteration beyond.
const STEPS: usize = 48;
/// Subsets that are looked at where each costs a Lanczos iteration.
const FEW: usize = 8;

/// Extreme eigenvalues of `sum over A of c_i S_i'S_i` ([`Encoding::weights`]), which is `S_A'S_A / (beta eta)`, over subsets A of the
/// workers. With all of them and a tight frame both are 1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SubsetSpectrum {
    /// m.
    pub workers: usize,
    /// k, the size of the subsets.
    pub kept: usize,
    /// How many were looked at.
    pub subsets: usize,
    /// True where these are all there are.
    pub exhaustive: bool,
    /// False where eigenvalues come from a Lanczos iteration, whose extremes lie inside the true ones.
    pub exact: bool,
    /// The smallest eigenvalue of any.
    pub smallest: f64,
    /// The median of their smallest eigenvalues.
    pub median_smallest: f64,
    /// The largest eigenvalue of any.
    pub largest: f64,
}

impl SubsetSpectrum {
    /// The block-restricted isometry constant over these subsets: `max(1 - smallest, largest - 1)`.
    pub fn epsilon(&self) -> f64 {
        (1.0 - self.smallest).max(self.largest - 1.0)
    }

    /// `kappa gamma` of the published bound on gradient descent with the step `1/(M (1 + eps))`,
    ///
    /// ```text
    /// F(w_t) <= (kappa gamma)^t F(w_0) + kappa^2 (kappa - gamma)/(1 - kappa gamma) F(w*),
    /// kappa = (1 + eps)/(1 - eps),   gamma = 1 - (mu/M)/(1 + eps),
    /// ```
    ///
    /// where `conditioning` is mu/M, the smallest over the largest curvature of F. It says something only below 1, which takes
    /// `mu/M > 2 eps`; infinite for eps of 1 and more. A row of S is a unit vector, so that losing even one makes eps at least `1/beta`:
    /// at redundancy 2 and below the bound never says anything once a worker is late.
    pub fn contraction(&self, conditioning: f64) -> f64 {
        let eps = self.epsilon();
        if eps >= 1.0 {
            return f64::INFINITY;
        }
        (1.0 + eps) / (1.0 - eps) * (1.0 - conditioning / (1.0 + eps))
    }
}

impl Encoding {
    /// The spectrum over subsets of `kept` workers: all of them where there are at most `most`, else so many drawn at random. Beyond 256
    /// columns it is 8 at most.
    ///
    /// # Errors
    /// [`Error::Usage`] for subsets of no size or more workers than there are, and no subsets; [`Error::Numerical`] where
    /// eigenvalues can't be found.
    pub fn spectrum(&self, kept: usize, most: usize, seed: Seed) -> Result<SubsetSpectrum> {
        let m = self.workers();
        if !(1..=m).contains(&kept) || most == 0 {
            return Err(Error::usage("subsets of workers", kept, format!("1 to {m} workers, and at least 1 subset")));
        }
        let exact = self.frame().columns() <= FORMED;
        let most = if exact { most } else { most.min(FEW) };
        let all = subsets_of(m, kept, most);
        let exhaustive = all.is_some();
        let chosen = all.unwrap_or_else(|| {
            let draw = |at: usize| index::sample(&mut seed.stream(Purpose::Code, at as u64, 2), m, kept).into_vec();
            (0..most).map(draw).collect()
        });
        let formed = if exact { Some(self.grams()) } else { None };
        let extremes = |(at, subset): (usize, &Vec<usize>)| {
            let mut present = vec![false; m];
            subset.iter().for_each(|&i| present[i] = true);
            let weights = self.weights(&present);
            match &formed {
                Some(grams) => eigenvalues_of_sum(grams, &weights),
                None => self.lanczos(&weights, seed, at as u64),
            }
        };
        let found: Vec<(f64, f64)> = chosen.par_iter().enumerate().map(extremes).collect::<Result<_>>()?;
        let mut smallest: Vec<f64> = found.iter().map(|pair| pair.0).collect();
        smallest.sort_unstable_by(f64::total_cmp);
        Ok(SubsetSpectrum {
            workers: m,
            kept,
            subsets: chosen.len(),
            exhaustive,
            exact,
            // A Gram matrix has no eigenvalues below 0: what is there is rounding.
            smallest: smallest[0].max(0.0),
            median_smallest: smallest[smallest.len() / 2].max(0.0),
            largest: found.iter().fold(0.0, |most, pair| most.max(pair.1)),
        })
    }

    /// `S_i'S_i` of every worker.
    fn grams(&self) -> Vec<Mat<f64>> {
        let (n, count) = (self.frame().columns(), self.frame().rows());
        let mut identity = vec![0.0; n * n];
        identity.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        let mut whole = vec![0.0; count * n];
        self.frame().apply(n, &identity, &mut whole);
        let gram = |i: usize| {
            let rows: Vec<f64> =
                self.rows_of(i).iter().flat_map(|&row| whole[row * n..(row + 1) * n].iter().copied()).collect();
            let rows = MatRef::from_row_major_slice(&rows, self.rows_of(i).len(), n);
            let mut out = Mat::zeros(n, n);
            matmul(out.as_mut(), Accum::Replace, rows.transpose(), rows, 1.0, Par::Seq);
            out
        };
        (0..self.workers()).into_par_iter().map(gram).collect()
    }

    /// `sum_i c_i S_i'S_i x`.
    fn weighted(&self, row_weights: &[f64], x: &[f64], encoded: &mut [f64], out: &mut [f64]) {
        self.frame().apply(1, x, encoded);
        encoded.iter_mut().zip(row_weights).for_each(|(u, c)| *u *= c);
        self.frame().apply_transposed(1, encoded, out);
    }

    /// Extreme Ritz values after [`STEPS`] steps with full reorthogonalization.
    fn lanczos(&self, weights: &[f64], seed: Seed, subset: u64) -> Result<(f64, f64)> {
        let (n, count) = (self.frame().columns(), self.frame().rows());
        let mut row_weights = vec![0.0; count];
        for (i, &weight) in weights.iter().enumerate() {
            self.rows_of(i).iter().for_each(|&row| row_weights[row] = weight);
        }
        let mut stream = seed.stream(Purpose::Code, subset, 3);
        let mut vector: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut stream)).collect();
        let mut encoded = vec![0.0; count];
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..STEPS.min(n) {
            let length = dot(&vector, &vector).sqrt();
            // Nothing is left outside the space spanned so far: its Ritz values are eigenvalues.
            if length <= 1e-10 && !basis.is_empty() {
                break;
            }
            if !basis.is_empty() {
                beside.push(length);
            }
            basis.push(vector.iter().map(|x| x / length).collect());
            let latest = &basis[basis.len() - 1];
            self.weighted(&row_weights, latest, &mut encoded, &mut vector);
            diagonal.push(dot(latest, &vector));
            // Twice is enough.
            for _ in 0..2 {
                for old in &basis {
                    let part = dot(old, &vector);
                    vector.iter_mut().zip(old).for_each(|(x, old)| *x -= part * old);
                }
            }
        }
        let size = diagonal.len();
        let tridiagonal = Mat::from_fn(size, size, |i, j| match i.abs_diff(j) {
            0 => diagonal[i],
            1 => beside[i.min(j)],
            _ => 0.0,
        });
        extremes(&tridiagonal)
    }
}

/// All subsets of size `kept` in lexicographic order, or `None` where there are more than `most`.
fn subsets_of(m: usize, kept: usize, most: usize) -> Option<Vec<Vec<usize>>> {
    let mut subsets = vec![];
    let mut next: Vec<usize> = (0..kept).collect();
    loop {
        if subsets.len() == most {
            return None;
        }
        subsets.push(next.clone());
        let Some(at) = (0..kept).rev().find(|&at| next[at] < m - kept + at) else { return Some(subsets) };
        next[at] += 1;
        for later in at + 1..kept {
            next[later] = next[later - 1] + 1;
        }
    }
}

fn eigenvalues_of_sum(grams: &[Mat<f64>], weights: &[f64]) -> Result<(f64, f64)> {
    let n = grams[0].nrows();
    // As many terms as workers.
    let sum = Mat::from_fn(n, n, |i, j| grams.iter().zip(weights).map(|(gram, weight)| weight * gram[(i, j)]).sum());
    extremes(&sum)
}

fn extremes(matrix: &Mat<f64>) -> Result<(f64, f64)> {
    let found = matrix.self_adjoint_eigenvalues(Side::Lower);
    let values = found.map_err(|e| Error::Numerical(format!("eigenvalues of a subset of a frame: {e:?}")))?;
    Ok((values[0], values[values.len() - 1]))
}

/// Partial sums of 256 terms.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.chunks(256).zip(b.chunks(256)).map(|(a, b)| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::{FastFrame, Steiner};
    use std::sync::Arc;

    #[test]
    fn subsets_are_all_there_are() {
        assert_eq!(subsets_of(4, 2, 6).unwrap(), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert!(subsets_of(4, 2, 5).is_none());
        assert_eq!(subsets_of(3, 3, 5).unwrap().len(), 1);
    }

    #[test]
    fn lanczos_finds_the_eigenvalues_that_are_formed() {
        let encoding = Encoding::new(Arc::new(Steiner::new(28).unwrap()), 4, Seed(2)).unwrap();
        let weights = encoding.weights(&[true, true, false, true]);
        let formed = eigenvalues_of_sum(&encoding.grams(), &weights).unwrap();
        // 28 steps span everything: both are eigenvalues to rounding (28 vectors, eigenvalues up to 4/3).
        let iterated = encoding.lanczos(&weights, Seed(2), 0).unwrap();
        assert!((formed.0 - iterated.0).abs() < 1e-12 && (formed.1 - iterated.1).abs() < 1e-12);
    }

    #[test]
    fn the_bound_needs_a_condition_number_below_one_over_two_epsilon() {
        let encoding = Encoding::new(Arc::new(FastFrame::hadamard(100, Seed(1)).unwrap()), 16, Seed(1)).unwrap();
        let spectrum = encoding.spectrum(15, 60, Seed(1)).unwrap();
        let eps = spectrum.epsilon();
        assert!(eps > 0.0 && eps < 1.0 && spectrum.exhaustive && spectrum.exact);
        assert!(spectrum.contraction(1.999 * eps) > 1.0 && spectrum.contraction(2.001 * eps) < 1.0);
        // All workers: a tight frame changes nothing.
        let all = encoding.spectrum(16, 60, Seed(1)).unwrap();
        assert!(all.epsilon() < 1e-12 && all.subsets == 1);
    }
}
