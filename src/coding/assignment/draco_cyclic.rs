//! DRACO's cyclic code (Chen, Wang, Charles and Papailiopoulos, ICML 2018, section 4.3): 2t + 1 parts a worker for any m, over the complex
//! numbers.

use nalgebra::{Complex, DMatrix};

use super::{AssignmentCode, GradientReplies, mean_rounding, norm};
use crate::coding::locator::Locator;
use crate::coding::{Certainty, Report, Tolerance};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// A reply so many times as long as the median one is looked at last: its rounding would bury the lies of others.
const LONG: f64 = 1e3;
/// How much longer than its own reply the combined gradients of a worker may be before rounding is taken for a lie.
const CANCELLATION: f64 = 16.0;

/// With T = t + s (a missing reply counts as a lie), the coefficients of a part at the workers are a cyclic shift of those of
/// `g(x) = prod_l (x - w^l)`, l = m - 2T … m - 1, w an m-th root of unity: words of length 2T + 1 of the code that the last 2T rows of
/// the Fourier matrix check (the paper's `C_R`). All replies together give `g(1)` times the sum of the parts.
///
/// **Decoding** is the paper's: power sums of a random combination of the replies, the polynomial whose roots are the liars, and the
/// sum without their errors; every guess is checked against whole replies, so t + 1 independent liars are refused.
///
/// **Numbers.** A reply is 2 K d real numbers. In f64 rounding is taken for a lie from `16 (2T + 2) u` of a median reply on, and a lie
/// below that does what the bound says: T = 7 of 15 still locates; beyond, neighbouring workers look alike (the smallest singular
/// value of 2T columns of the check falls by about 4 with each T).
///
/// ```
/// use steadfast::coding::{AssignmentCode, DracoCyclic, Tolerance};
/// use steadfast::seed::Seed;
/// let code = DracoCyclic::new(14, Tolerance { liars: 2, stragglers: 0 }, Seed(0))?;
/// assert_eq!((code.redundancy(), code.planes()), (5.0, 2));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DracoCyclic {
    workers: usize,
    tolerance: Tolerance,
    seed: Seed,
    /// Of every worker, real and imaginary coefficients of its parts.
    assigned: Vec<[Vec<(usize, f64)>; 2]>,
    locator: Locator,
    /// `1 / (m g(1))`.
    scale: Complex<f64>,
}

impl DracoCyclic {
    /// For m `workers`; `seed` draws the decoder's random combinations.
    ///
    /// # Errors
    /// [`Error::Usage`] when 2 (t + s) + 1 is more than m.
    pub fn new(workers: usize, tolerance: Tolerance, seed: Seed) -> Result<Self> {
        let faults = tolerance.liars.saturating_add(tolerance.stragglers);
        let zeros = faults.saturating_mul(2);
        if zeros >= workers {
            let most = workers.saturating_sub(1) / 2;
            let allowed = format!("2 (liars + stragglers) + 1 <= {workers} workers: at most {most} of both");
            return Err(Error::usage("draco", tolerance, allowed));
        }
        let root = |l: usize| {
            let angle = std::f64::consts::TAU * (l % workers) as f64 / workers as f64;
            Complex::new(angle.cos(), angle.sin())
        };
        let mut generator = vec![Complex::new(1.0, 0.0)];
        for zero in (workers - zeros..workers).map(root) {
            generator.push(Complex::new(0.0, 0.0));
            for at in (0..generator.len()).rev() {
                let below = if at > 0 { generator[at - 1] } else { Complex::new(0.0, 0.0) };
                generator[at] = below - zero * generator[at];
            }
        }
        let length = generator.iter().map(|c| c.norm_sqr()).sum::<f64>().sqrt();
        generator.iter_mut().for_each(|c| *c /= length);
        let total: Complex<f64> = generator.iter().sum();
        // Worker i has the parts i - 2T … i: part j is in the words of the workers j … j + 2T.
        let plane = |i: usize, real: bool| {
            let part =
                |(shift, c): (usize, &Complex<f64>)| ((i + workers - shift) % workers, if real { c.re } else { c.im });
            generator.iter().enumerate().map(part).collect()
        };
        let assigned = (0..workers).map(|i| [plane(i, true), plane(i, false)]).collect();
        let nodes: Vec<Complex<f64>> = (0..workers).map(root).collect();
        let multipliers: Vec<Complex<f64>> = (0..workers).map(|i| root((workers - zeros) * i)).collect();
        let locator = Locator::new(nodes, &multipliers, zeros)?;
        Ok(DracoCyclic { workers, tolerance, seed, assigned, locator, scale: (total * workers as f64).inv() })
    }

    /// T.
    fn faults(&self) -> usize {
        self.tolerance.liars + self.tolerance.stragglers
    }
}

impl AssignmentCode for DracoCyclic {
    fn name(&self) -> String {
        "draco:layout=cyclic".into()
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn parts(&self) -> usize {
        self.workers
    }

    fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    fn planes(&self) -> usize {
        2
    }

    fn assigned(&self, worker: usize, plane: usize) -> &[(usize, f64)] {
        &self.assigned[worker][plane]
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn combine(&self, replies: &GradientReplies<'_>, out: &mut [f64]) -> Result<Report> {
        replies.check(self, out)?;
        let p = replies.dimension;
        let erased = replies.absent();
        let named = replies.named();
        let mut forced: Vec<usize> = (0..self.workers).filter(|&i| !replies.usable(i)).collect();
        if forced.len() > self.faults() {
            return Err(replies.refuse(self, "more replies are missing or no numbers than may be", named));
        }
        let mut lengths: Vec<f64> =
            (0..self.workers).filter(|&i| replies.usable(i)).map(|i| norm(replies.row(i))).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        // Fewer than half lie, so that an honest reply is at least as long as the median.
        let median = lengths[lengths.len() / 2];
        let too_long = |i: usize| replies.usable(i) && norm(replies.row(i)) > LONG * median;
        let long: Vec<usize> = (0..self.workers).filter(|&i| too_long(i)).collect();
        if forced.len() + long.len() <= self.faults() {
            forced.extend(&long);
        }
        let received = DMatrix::from_fn(self.workers, p, |i, c| {
            let row = replies.row(i);
            if forced.contains(&i) { Complex::new(0.0, 0.0) } else { Complex::new(row[c], row[p + c]) }
        });
        let terms = (2 * self.faults() + 2) as f64;
        let noise = CANCELLATION * terms * f64::EPSILON / 2.0 * median;
        let tolerance = noise * (self.workers as f64).sqrt();
        let (seed, round) = (self.seed, replies.round);
        let found = self.locator.correct(&received, &forced, self.faults(), tolerance, seed, round);
        let Some(found) = found else {
            return Err(replies.refuse(self, "no set of liars that small explains the replies", named));
        };
        let mut sum = found.values.row_sum();
        for worker in (0..self.workers).filter(|worker| !found.workers.contains(worker)) {
            sum += received.row(worker);
        }
        out.iter_mut().zip(sum.iter()).for_each(|(g, total)| *g = (total * self.scale).re);
        // A long reply may be an honest one of an unusual part: then it is what the others say it should be.
        let honest = |&(at, worker): &(usize, usize)| {
            let values = found.values.row(at);
            let sent = replies.row(worker);
            let off = (0..p).map(|c| (values[c] - Complex::new(sent[c], sent[p + c])).norm_sqr()).sum::<f64>().sqrt();
            long.contains(&worker) && off <= 1e-6 * norm(sent)
        };
        let accused = found.workers.iter().copied().enumerate().filter(|(_, worker)| !erased.contains(worker));
        let liars = accused.filter(|located| !honest(located)).map(|(_, worker)| worker).collect();
        // What passes for rounding shows at least so much in the check; m of them add up.
        let hidden = 2.0 * tolerance / self.locator.smallest() * (self.workers as f64).sqrt() * self.scale.norm();
        Ok(Report {
            erased,
            liars,
            residual: found.residual,
            noise,
            bound: hidden + mean_rounding(self.workers, median),
            certainty: Certainty::Certified,
        })
    }
}
