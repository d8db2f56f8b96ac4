//! Lagrange coded computing (Yu, Li, Raviv, Kalan, Soltanolkotabi and Avestimehr, AISTATS 2019), in its form over the real numbers, for
//! the gradient of linear regression.

use nalgebra::{Complex, DMatrix};

use super::locator::Locator;
use super::{Certainty, Report, Tolerance};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// How much rounding of an entry of a reply is allowed for, in unit round-offs of a median reply.
const ROUNDING: f64 = 256.0;

/// K blocks `X_1 … X_K` of the rows are the values at K points of the polynomial `u` of degree K - 1; worker i holds `u(a_i)`, a
/// combination of the blocks, and replies `u(a_i)' u(a_i) w`. That is a polynomial of degree 2K - 2 in a_i, so 2K - 1 true replies
/// give its values `X_j' X_j w` at the points of the blocks, and
///
/// ```text
/// 2 (K - 1) + 1 + 2t + s <= m.
/// ```
///
/// One round brings `X'X w` where a data code takes two, at a redundancy of m / K of X alone; only losses that are polynomials will do.
///
/// **Numbers.** Over a finite field, as its authors have it, any points serve. Over the reals they matter: workers are at the Chebyshev nodes
/// of [-1, 1], and blocks at those of K, for which the weights of a clean decode are positive and add up to K, so that it loses no
/// digits ([`Lagrange::amplification`]). Lies are another matter: 2t neighbours show in the parity check ever less as m grows. With t = 2
/// in f64 the bound of a certificate, relative to the value, is about 1e-9 at m = 15, 1e-5 at 30 and 1e-2 at 60: beyond that it says
/// next to nothing, and f32 replies would be there at 15 already.
///
/// ```
/// use steadfast::coding::{Lagrange, Tolerance};
/// use steadfast::seed::Seed;
/// let code = Lagrange::new(15, Tolerance { liars: 2, stragglers: 0 }, Seed(0))?;
/// assert_eq!((code.blocks(), code.redundancy()), (6, 2.5));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lagrange {
    workers: usize,
    blocks: usize,
    tolerance: Tolerance,
    seed: Seed,
    /// m x K, row-major: what each worker holds.
    generator: Vec<f64>,
    locator: Locator,
    /// Weights of the m replies whose sum is the sum over the blocks.
    decode: Vec<f64>,
}

/// The Chebyshev nodes of [-1, 1].
fn chebyshev(count: usize) -> Vec<f64> {
    (0..count).map(|i| ((i as f64 + 0.5) * std::f64::consts::PI / count as f64).cos()).collect()
}

/// The values of the Lagrange polynomials of `nodes` at `at`.
fn lagrange(nodes: &[f64], at: f64) -> Vec<f64> {
    let value = |j: usize| {
        let others = nodes.iter().enumerate().filter(|&(i, _)| i != j);
        others.map(|(_, z)| (at - z) / (nodes[j] - z)).product()
    };
    (0..nodes.len()).map(value).collect()
}

impl Lagrange {
    /// The largest K for m `workers` and a tolerance.
    ///
    /// # Errors
    /// [`Error::Usage`] when 2t + s + 1 is more than m.
    pub fn most_blocks(workers: usize, tolerance: Tolerance) -> Result<usize> {
        let spent = tolerance.liars.saturating_mul(2).saturating_add(tolerance.stragglers);
        match workers.checked_sub(spent).filter(|&left| left > 0) {
            Some(left) => Ok(left.div_ceil(2)),
            None => Err(Error::usage(
                "lagrange",
                tolerance,
                format!(
                    "2 liars + stragglers + 1 <= {workers} workers: at most {} liars",
                    workers.saturating_sub(1) / 2
                ),
            )),
        }
    }

    /// The code with the most blocks for m `workers`; `seed` draws the decoder's random combinations.
    ///
    /// # Errors
    /// As [`Lagrange::most_blocks`].
    pub fn new(workers: usize, tolerance: Tolerance, seed: Seed) -> Result<Self> {
        let blocks = Self::most_blocks(workers, tolerance)?;
        let (nodes, points) = (chebyshev(workers), chebyshev(blocks));
        let generator = nodes.iter().flat_map(|&z| lagrange(&points, z)).collect();
        // Values of a polynomial of degree 2K - 2 are orthogonal to z^l over the barycentric denominators, l < m - 2K + 1.
        let multiplier = |i: usize| {
            let others = nodes.iter().enumerate().filter(|&(j, _)| j != i);
            // Chebyshev nodes are at 2^(2 - m) m on average: doubled, the product keeps its size.
            Complex::new(others.map(|(_, z)| 0.5 / (nodes[i] - z)).product(), 0.0)
        };
        let multipliers: Vec<Complex<f64>> = (0..workers).map(multiplier).collect();
        let complex = nodes.iter().map(|&z| Complex::new(z, 0.0)).collect();
        let locator = Locator::new(complex, &multipliers, workers + 1 - 2 * blocks)?;
        // The interpolation with the shortest weights that is exact for that degree, in Chebyshev polynomials.
        let degree = 2 * blocks - 1;
        let polynomial = |k: usize, z: f64| (k as f64 * z.clamp(-1.0, 1.0).acos()).cos();
        let basis = DMatrix::from_fn(workers, degree, |i, k| polynomial(k, nodes[i]));
        let wanted = DMatrix::from_fn(degree, 1, |k, _| points.iter().map(|&z| polynomial(k, z)).sum::<f64>());
        let qr = basis.qr();
        let singular = || Error::Numerical("lagrange: interpolation points that are alike".into());
        let inner = qr.r().transpose().solve_lower_triangular(&wanted).ok_or_else(singular)?;
        let decode = (qr.q() * inner).iter().copied().collect();
        Ok(Lagrange { workers, blocks, tolerance, seed, generator, locator, decode })
    }

    /// m.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// K.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// m / K: what is stored of X, once.
    pub fn redundancy(&self) -> f64 {
        self.workers as f64 / self.blocks as f64
    }

    /// What it was built to carry.
    pub fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    /// The combination of the K blocks that `worker` holds, as [`super::encode_shard`] takes it.
    pub fn combination(&self, worker: usize) -> &[f64] {
        &self.generator[worker * self.blocks..(worker + 1) * self.blocks]
    }

    /// How much longer than one reply's the rounding error of a clean decode can be: the sum of the weights' magnitudes.
    pub fn amplification(&self) -> f64 {
        self.decode.iter().map(|weight| weight.abs()).sum()
    }

    /// Writes `sum_j X_j' X_j w` of the m `replies` (a row of d numbers each, those of `missing` workers anything) and says who lied.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when the replies can't be explained within the tolerance.
    pub fn decode(&self, replies: &[f64], missing: &[usize], round: u64, out: &mut [f64]) -> Result<Report> {
        let (m, d) = (self.workers, out.len());
        if replies.len() != m * d {
            return Err(Error::usage("lagrange replies", replies.len(), format!("{d} numbers of each of {m} workers")));
        }
        let row = |i: usize| &replies[i * d..(i + 1) * d];
        let named: Vec<usize> =
            (0..m).filter(|i| !missing.contains(i) && row(*i).iter().any(|x| !x.is_finite())).collect();
        let forced: Vec<usize> = missing.iter().chain(&named).copied().collect();
        let refuse = |reason: &str| Error::TooManyFaults {
            reason: reason.into(),
            erased: missing.to_vec(),
            suspected: named.clone(),
            tolerance: format!("{} of {m} workers (lagrange)", self.tolerance),
        };
        let Some(left) = self.tolerance.liars.checked_sub(named.len()) else {
            return Err(refuse("more replies are no numbers than workers may lie"));
        };
        if missing.len() > self.tolerance.stragglers {
            return Err(refuse("too few replies came"));
        }
        let received =
            DMatrix::from_fn(m, d, |i, c| Complex::new(if forced.contains(&i) { 0.0 } else { row(i)[c] }, 0.0));
        let mut lengths: Vec<f64> = (0..m).filter(|i| !forced.contains(i)).map(|i| received.row(i).norm()).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        let median = lengths[lengths.len() / 2];
        let noise = ROUNDING * f64::EPSILON / 2.0 * median;
        let tolerance = noise * (m as f64).sqrt();
        let most = forced.len() + left;
        let found = self.locator.correct(&received, &forced, most, tolerance, self.seed, round);
        let found = found.ok_or_else(|| refuse("no set of liars that small explains the replies"))?;
        out.fill(0.0);
        for i in 0..m {
            let at = found.workers.iter().position(|&worker| worker == i);
            for (c, sum) in out.iter_mut().enumerate() {
                *sum += self.decode[i] * at.map_or(received[(i, c)].re, |at| found.values[(at, c)].re);
            }
        }
        let weights = self.decode.iter().map(|w| w * w).sum::<f64>().sqrt();
        Ok(Report {
            erased: missing.to_vec(),
            liars: found.workers.into_iter().filter(|worker| !missing.contains(worker)).collect(),
            residual: found.residual,
            noise,
            bound: (2.0 * tolerance / self.locator.smallest() + tolerance) * weights,
            certainty: Certainty::Certified,
        })
    }
}
