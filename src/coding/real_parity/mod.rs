//! The real-number code of paper 002: a parity check over the workers that no honest word violates, from which liars are
//! located and the value is decoded, with a bound on its error.

mod basis;
mod bound;
mod certificate;
mod decode;
mod dense;
mod exhaustive;
mod locate;
mod memory;
mod music;
mod noise;
mod omp;
mod repair;
mod sketch;
mod structured;
mod svd;
mod syndrome;
mod systematic;

pub use basis::Basis;
pub(super) use dense::{energy, product};
pub(super) use noise::{CEILING, round_off};

use super::{DataCode, Replies, Report, Tolerance, Workspace};
use crate::error::{Error, Result};
use crate::seed::Seed;
use bound::WorstSets;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a [`RealParity`] code is built and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParityOptions {
    /// The parity check; by default [`Basis::default_for`] the number of workers.
    pub basis: Option<Basis>,
    /// Spends `ceil(2.5 t) + s` instead of `2 t + s` units of redundancy, so that liars who collude can be separated
    /// without keys.
    pub resist_collusion: bool,
    /// Decodes beyond the guarantee, where independent errors can still be located or nothing is left to check against, and
    /// labels the result [`crate::coding::Certainty::Uncertified`].
    pub uncertified: bool,
    /// Replies are also judged by secret keys ([`crate::coding::Replies::check`]): a liar then costs one unit of redundancy, so
    /// that fewer replies are waited for.
    pub keyed: bool,
    /// Seed of the random orthogonal basis and of the locator's combinations.
    pub seed: Seed,
}

/// Data encoding over the real numbers that locates up to t liars among m workers and carries s missing replies besides
/// (paper 002, section 4). Redundancy m / q with q = m - k and k = 2t + s parity workers.
///
/// ```
/// use steadfast::coding::{DataCode, RealParity, Tolerance};
/// let code = RealParity::new(15, Tolerance { liars: 4, stragglers: 1 })?;
/// assert_eq!(code.blocks(), 6);
/// // Six workers hold plain rows of the data, nine hold combinations.
/// let plain = (0..15).filter(|&i| code.combination(i).iter().filter(|&&g| g != 0.0).count() == 1).count();
/// assert_eq!(plain, 6);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct RealParity {
    workers: usize,
    checks: usize,
    tolerance: Tolerance,
    basis: Basis,
    options: ParityOptions,
    /// Orthonormal check, k x m.
    check: Vec<f64>,
    /// Generator, m x q.
    generator: Vec<f64>,
    /// Workers with plain rows, ascending; `plain[j]` holds block j.
    plain: Vec<usize>,
    /// The other workers, ascending.
    parity: Vec<usize>,
    /// Their rows of the generator, k x q.
    parity_rows: Vec<f64>,
    worst: WorstSets,
    /// Mean tails of pure noise by (checks, width, limit).
    biases: Mutex<BTreeMap<(usize, usize, usize), f64>>,
    /// Worst sets by size, for the attack that uses them.
    near: Mutex<BTreeMap<usize, Combination>>,
    /// Tells the caches of different codes apart.
    id: u64,
}

/// Workers and their weights.
type Combination = (Vec<usize>, Vec<f64>);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl RealParity {
    /// The default code for `workers` workers.
    ///
    /// # Errors
    /// As [`RealParity::with_options`].
    pub fn new(workers: usize, tolerance: Tolerance) -> Result<Self> {
        Self::with_options(workers, tolerance, ParityOptions::default())
    }

    /// k, the parity rows that `tolerance` takes, without building anything; errors as of [`RealParity::with_options`].
    pub(super) fn checks_for(
        workers: usize,
        tolerance: Tolerance,
        basis: Basis,
        resist_collusion: bool,
    ) -> Result<usize> {
        let Tolerance { liars, stragglers } = tolerance;
        let needed = |t: usize, s: usize| {
            let located = if resist_collusion { t.saturating_mul(5).div_ceil(2) } else { t.saturating_mul(2) };
            basis.parity_rows(workers, located.saturating_add(s))
        };
        let checks = needed(liars, stragglers);
        if checks == 0 {
            return Err(Error::usage("real-parity", tolerance, "at least one liar or straggler (else use `uncoded`)"));
        }
        if checks >= workers {
            let most = |fits: &dyn Fn(usize) -> bool| (0..workers).rev().find(|&x| fits(x)).unwrap_or(0);
            let most_liars = most(&|t| needed(t, 0) < workers);
            let most_stragglers = most(&|s| needed(0, s) < workers);
            let beside = if needed(liars, 0) < workers {
                format!("; beside {liars} liars at most {} stragglers", most(&|s| needed(liars, s) < workers))
            } else {
                String::new()
            };
            let allowed =
                format!("at most {most_liars} liars or {most_stragglers} stragglers of {workers} workers{beside}");
            return Err(Error::usage("real-parity", tolerance, allowed));
        }
        Ok(checks)
    }

    /// A code with chosen options.
    ///
    /// # Errors
    /// [`Error::Usage`] when the redundancy asked for is not below the number of workers, or when nothing is to be tolerated.
    pub fn with_options(workers: usize, tolerance: Tolerance, options: ParityOptions) -> Result<Self> {
        let basis = options.basis.unwrap_or_else(|| Basis::default_for(workers));
        let checks = Self::checks_for(workers, tolerance, basis, options.resist_collusion)?;
        let blocks = workers - checks;
        let matrices = basis::matrices(basis, workers, checks, options.seed);
        let systematic = if basis == Basis::Plain {
            systematic::already(&matrices.null, workers, blocks)
        } else {
            systematic::from_null_space(&matrices.null, workers, blocks)
        };
        let worst = WorstSets::new(&matrices.check, workers, checks, basis.on_unit_circle());
        let parity: Vec<usize> = (0..workers).filter(|i| systematic.plain.binary_search(i).is_err()).collect();
        let row = |i: usize| &systematic.generator[i * blocks..(i + 1) * blocks];
        let parity_rows = parity.iter().flat_map(|&i| row(i).iter().copied()).collect();
        Ok(RealParity {
            workers,
            checks,
            tolerance,
            basis,
            options,
            check: matrices.check,
            generator: systematic.generator,
            plain: systematic.plain,
            parity,
            parity_rows,
            worst,
            biases: Mutex::new(BTreeMap::new()),
            near: Mutex::new(BTreeMap::new()),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// k, the number of parity workers and of rows of the check.
    pub fn checks(&self) -> usize {
        self.checks
    }

    /// The parity check in use.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The options it was built with.
    pub fn options(&self) -> ParityOptions {
        self.options
    }

    /// The smallest singular value that `size` columns of the check can have together: what `1 / smallest` multiplies in
    /// the certificate. Exact up to 16 workers, beyond found by a search, with a slack of 4 taken off.
    pub fn worst_singular_value(&self, size: usize) -> f64 {
        self.worst.smallest(size)
    }

    /// The worst set of `size` workers and the combination of their columns nearest to zero, kept once found.
    fn worst_combination(&self, size: usize) -> Combination {
        let mut kept = self.near.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.entry(size).or_insert_with(|| self.worst.worst_combination(size)).clone()
    }

    /// The first half of [`DataCode::decode`]: the workers whose replies are lies, without decoding the value.
    ///
    /// # Errors
    /// As [`DataCode::decode`].
    pub fn locate(&self, replies: &Replies<'_>, workspace: &mut Workspace) -> Result<Vec<usize>> {
        decode::locate(self, replies, workspace)
    }

    /// Mean energy of pure noise beyond `limit` directions.
    fn bias(&self, checks: usize, width: usize, limit: usize) -> f64 {
        let mut biases = self.biases.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *biases.entry((checks, width, limit)).or_insert_with(|| noise::bias(checks, width, limit))
    }

    /// Liars that can still be unknown when `named` are already.
    fn unknown(&self, named: usize) -> usize {
        self.tolerance.liars.saturating_sub(named)
    }

    /// True when `missing` erasures, `named` of which are known liars, leave enough redundancy for the other liars.
    fn suffices(&self, missing: usize, named: usize, each: usize) -> bool {
        missing <= self.checks && self.checks - missing >= each * self.unknown(named)
    }
}

/// Liars and their weights for the attack that the code separates worst: of the worst set of twice `count` workers (at most
/// k), the `count` with the largest weights in the combination that nearly vanishes; `turn` turns the set around the circle
/// where the code is the same from every worker.
pub(super) fn near_dependent(code: &RealParity, count: usize, turn: usize) -> (Vec<usize>, Vec<f64>) {
    let (set, weights) = code.worst_combination((2 * count).min(code.checks));
    let mut members: Vec<(usize, f64)> = set.into_iter().zip(weights).collect();
    members.sort_unstable_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    members.truncate(count);
    if code.basis.on_unit_circle() {
        // Past the last worker the half-integer frequencies change sign.
        for (worker, weight) in &mut members {
            let moved = *worker + turn % code.workers;
            if moved >= code.workers && code.checks.is_multiple_of(2) {
                *weight = -*weight;
            }
            *worker = moved % code.workers;
        }
    }
    members.sort_unstable_by_key(|(worker, _)| *worker);
    members.into_iter().unzip()
}

impl DataCode for RealParity {
    fn name(&self) -> String {
        format!("real-parity:basis={}", self.basis.name())
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn blocks(&self) -> usize {
        self.plain.len()
    }

    fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    fn combination(&self, worker: usize) -> &[f64] {
        let q = self.plain.len();
        &self.generator[worker * q..(worker + 1) * q]
    }

    fn parity_check(&self) -> &[f64] {
        &self.check
    }

    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        let missing = present.iter().zip(implausible).filter(|(here, bad)| !**here || **bad).count();
        let named = present.iter().zip(implausible).filter(|(here, bad)| **here && **bad).count();
        self.suffices(missing, named, if self.options.keyed { 1 } else { 2 })
    }

    fn decode(&self, replies: &Replies<'_>, workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        decode::decode(self, replies, workspace, out)
    }
}
