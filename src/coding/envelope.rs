//! What a real-number code withstands, measured on replies simulated without a fleet: honest replies are really rounded products
//! of small shards, lies are laid over them, and the decoder sees nothing else.

use super::real_parity::near_dependent;
use super::{DataCode, KeyedCheck, Keys, Layout, RealParity, Replies, ReplyCheck, Workspace};
use crate::data::{Dense, Matrix, Operand, ShardStats};
use crate::error::{Error, Result};
use crate::scalar::Precision;
use crate::seed::{Purpose, Seed};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One encoded product `A v` with its shards, for as many broadcast vectors as wanted.
#[derive(Debug, Clone)]
pub struct EncodedProduct {
    layout: Layout,
    precision: Precision,
    workers: usize,
    data: Vec<f64>,
    shards: Vec<f64>,
    stats: Vec<ShardStats>,
    check: Option<Arc<KeyedCheck>>,
}

/// A broadcast vector, the honest replies to it (m x p) and the exact value (n).
#[derive(Debug, Clone, Default)]
pub struct HonestRound {
    /// The broadcast vector.
    pub broadcast: Vec<f64>,
    /// Replies of all workers, rounded as workers round them.
    pub replies: Vec<f64>,
    /// `A v`.
    pub value: Vec<f64>,
    /// Root-mean-square round-off of an entry of the replies.
    pub sigma: f64,
}

impl EncodedProduct {
    /// Encodes a standard normal `rows x cols` matrix with `code`.
    pub fn new(code: &dyn DataCode, rows: usize, cols: usize, precision: Precision, seed: Seed) -> Self {
        let mut stream = seed.stream(Purpose::Experiment, 0, 0);
        let data: Vec<f64> = (0..rows * cols).map(|_| StandardNormal.sample(&mut stream)).collect();
        Self::from_rows(code, data.chunks_exact(cols.max(1)), cols, precision)
    }

    /// Encodes the given rows of `cols` numbers each. Data, shards and products are rounded to `precision`
    /// ([`Precision::F16`] is taken as f32); entries are combined in f64 and rounded once.
    pub fn from_rows<'a>(
        code: &dyn DataCode,
        rows: impl Iterator<Item = &'a [f64]>,
        cols: usize,
        precision: Precision,
    ) -> Self {
        let round = rounding(precision);
        let data: Vec<f64> = rows.flatten().map(|&x| round(x)).collect();
        let rows = data.len() / cols.max(1);
        let (m, q) = (code.workers(), code.blocks());
        let layout = Layout::new(rows, cols, q);
        let p = layout.shard_rows;
        let mut shards = vec![0.0; m * p * cols];
        let mut stats = Vec::with_capacity(m);
        let groups = code.column_groups();
        for (worker, shard) in shards.chunks_exact_mut(p * cols).enumerate() {
            let factors: Vec<&[f64]> = (0..groups).map(|group| code.combination_in(worker, group)).collect();
            for (b, row) in shard.chunks_exact_mut(cols).enumerate() {
                for j in (0..q.min(rows - b * q)).filter(|&j| factors.iter().any(|group| group[j] != 0.0)) {
                    let source = &data[(b * q + j) * cols..(b * q + j + 1) * cols];
                    let entries = row.iter_mut().zip(source).enumerate();
                    entries.for_each(|(c, (x, a))| *x += factors[c % groups][j] * a);
                }
                row.iter_mut().for_each(|x| *x = round(*x));
            }
            let squares: f64 = shard.iter().map(|x| x * x).sum();
            stats.push(ShardStats {
                rows: p,
                stored: p * cols,
                rms_row_norm: (squares / p as f64).sqrt(),
                max_abs: shard.iter().fold(0.0, |top: f64, x| top.max(x.abs())),
            });
        }
        EncodedProduct { layout, precision, workers: m, data, shards, stats, check: None }
    }

    /// The same with `keys` secret keys a worker; none for 0.
    ///
    /// # Errors
    /// None that a product made by this type has.
    pub fn with_keys(mut self, keys: usize, seed: Seed) -> Result<Self> {
        let Layout { shard_rows: p, cols, .. } = self.layout;
        let mut check = KeyedCheck::new(self.workers);
        for (worker, shard) in self.shards.chunks_exact(p * cols).enumerate() {
            let shard = Matrix::Dense(Dense::new(p, cols, shard.to_vec())?);
            check.set(worker, Keys::make(seed, keys, worker, Operand::ROWS, &shard))?;
        }
        self.check = (keys > 0).then(|| Arc::new(check));
        Ok(self)
    }

    /// Shape of the encoded matrix.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Draws broadcast vector number `round` and has every worker answer.
    pub fn answer(&self, seed: Seed, round: u64) -> HonestRound {
        let mut stream = seed.stream(Purpose::Experiment, 1, round);
        let narrow = rounding(self.precision);
        let cols = self.layout.cols;
        let broadcast: Vec<f64> = (0..cols).map(|_| narrow(StandardNormal.sample(&mut stream))).collect();
        let mut replies = Vec::with_capacity(self.workers * self.layout.shard_rows);
        let mut squares = 0.0;
        for row in self.shards.chunks_exact(cols) {
            let exact = sum::<f64>(row, &broadcast);
            let reply = match self.precision {
                Precision::F64 => exact,
                Precision::F32 | Precision::F16 => f64::from(sum::<f32>(row, &broadcast)),
            };
            squares += (reply - exact).powi(2);
            replies.push(reply);
        }
        let value = self.data.chunks_exact(cols).map(|row| sum::<f64>(row, &broadcast)).collect();
        let sigma = (squares / replies.len() as f64).sqrt();
        HonestRound { broadcast, replies, value, sigma }
    }

    /// The round as a decoder gets it, with `values` in place of the honest replies.
    pub fn replies<'a>(
        &'a self,
        honest: &'a HonestRound,
        values: &'a [f64],
        present: &'a [bool],
        implausible: &'a [bool],
        round: u64,
    ) -> Replies<'a> {
        Replies {
            values,
            present,
            implausible,
            layout: self.layout,
            vectors: 1,
            precision: self.precision,
            broadcast: &honest.broadcast,
            stats: &self.stats,
            round,
            check: self.check.as_deref().map(|check| check as &dyn ReplyCheck),
        }
    }
}

/// The numbers of a storage precision, rounded to nearest.
fn rounding(precision: Precision) -> fn(f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the storage type is the purpose")]
    match precision {
        Precision::F64 => |x| x,
        Precision::F32 | Precision::F16 => |x| f64::from(x as f32),
    }
}

/// A product as a worker takes it, in eight partial sums of type S.
fn sum<S: crate::scalar::Accumulator>(row: &[f64], vector: &[f64]) -> S {
    let mut sums = [S::ZERO; 8];
    for (at, (x, v)) in row.iter().zip(vector).enumerate() {
        sums[at % 8] += S::from_f64(*x) * S::from_f64(*v);
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// What liars send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// Gaussian noise on the honest reply, each liar its own.
    Gaussian,
    /// The honest reply with its sign turned.
    SignFlip,
    /// Zeros.
    Zero,
    /// Ten times the honest reply.
    Scale,
    /// The honest reply to another broadcast vector.
    Replay,
    /// Random multiples of one random vector.
    ColludeRandom,
    /// The same constant, added by all liars.
    AllOnes,
    /// Multiples of one vector that make the worst conditioned set of 2t workers look as if the other half of it had lied.
    NearDependent,
}

impl Lie {
    /// All of them.
    pub const ALL: [Lie; 8] = [
        Lie::Gaussian,
        Lie::SignFlip,
        Lie::Zero,
        Lie::Scale,
        Lie::Replay,
        Lie::ColludeRandom,
        Lie::AllOnes,
        Lie::NearDependent,
    ];

    /// Strengths in units of sigma, the ends of the range from which each trial draws log-uniformly; for lies that have no
    /// strength of their own it is not used.
    pub fn strengths(self) -> (f64, f64) {
        match self {
            Lie::Gaussian => (1e2, 1e9),
            Lie::ColludeRandom | Lie::AllOnes => (1e5, 1e9),
            Lie::NearDependent => (1.0, 1e6),
            Lie::SignFlip | Lie::Zero | Lie::Scale | Lie::Replay => (1.0, 1.0),
        }
    }

    /// True where each liar lies for itself: these the code promises to locate.
    pub fn is_independent(self) -> bool {
        !matches!(self, Lie::ColludeRandom | Lie::AllOnes | Lie::NearDependent)
    }
}

/// One cell of the table: a code, a number of liars and a kind of lie.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cell {
    /// m.
    pub workers: usize,
    /// s, liars in every trial.
    pub liars: usize,
    /// What they send.
    pub lie: Lie,
    /// Secret keys a worker.
    pub keys: usize,
    /// Number of trials.
    pub trials: usize,
    /// Share of trials in which exactly the liars were named.
    pub located: f64,
    /// Share of trials that were refused.
    pub refused: f64,
    /// Largest root-mean-square error of a decoded value, in sigma; 0 where all were refused.
    pub worst_error: f64,
    /// Trials decoded with an error above the certificate's bound: must be 0.
    pub above_bound: usize,
    /// Median of (bound / Euclidean error) over the decoded trials.
    pub bound_ratio: f64,
    /// Median time to locate the liars.
    pub locate: Duration,
    /// Median time to decode once they are known.
    pub decode: Duration,
}

/// Measures one cell: `trials` rounds of f32 workers, in each of which `liars` random workers lie; with `keys` secret keys a worker.
///
/// ```
/// use steadfast::coding::{Lie, RealParity, Tolerance, envelope};
/// use steadfast::seed::Seed;
/// let code = RealParity::new(15, Tolerance { liars: 4, stragglers: 0 })?;
/// let cell = envelope(&code, 4, Lie::SignFlip, 0, 5, Seed(1))?;
/// assert_eq!((cell.located, cell.above_bound), (1.0, 0));
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for more liars than workers or no trials; never for a refused round.
pub fn envelope(code: &RealParity, liars: usize, lie: Lie, keys: usize, trials: usize, seed: Seed) -> Result<Cell> {
    const COLUMNS: usize = 32;
    let m = code.workers();
    if liars > m || trials == 0 {
        let got = format!("{liars} liars of {m} workers, {trials} trials");
        return Err(Error::usage("envelope", got, "at most as many liars as workers, at least one trial"));
    }
    let shard_rows = 2 * (code.checks() + 12);
    let product = EncodedProduct::new(code, shard_rows * code.blocks(), COLUMNS, Precision::F32, seed);
    let product = product.with_keys(keys, seed)?;
    let (present, implausible) = (vec![true; m], vec![false; m]);
    let mut workspace = Workspace::default();
    let mut out = vec![0.0; product.layout.rows];
    let (mut located, mut refused, mut above_bound) = (0, 0, 0);
    let mut worst_error: f64 = 0.0;
    let (mut ratios, mut locate_times, mut decode_times) = (Vec::new(), Vec::new(), Vec::new());
    for trial in 0..trials as u64 {
        let honest = product.answer(seed, trial);
        let mut stream = seed.stream(Purpose::Attack, 0, trial);
        let (liars, values) = lies(code, &product, &honest, liars, lie, seed, trial, &mut stream);
        let replies = product.replies(&honest, &values, &present, &implausible, trial);
        let start = Instant::now();
        let _ = code.locate(&replies, &mut workspace);
        let locate = start.elapsed();
        let start = Instant::now();
        let report = code.decode(&replies, &mut workspace, &mut out);
        let both = start.elapsed();
        locate_times.push(locate);
        match report {
            Ok(report) => {
                decode_times.push(both.saturating_sub(locate));
                let squares: f64 = out.iter().zip(&honest.value).map(|(x, y)| (x - y).powi(2)).sum();
                located += usize::from(report.liars == liars);
                above_bound += usize::from(squares.sqrt() > report.bound);
                worst_error = worst_error.max((squares / out.len() as f64).sqrt() / honest.sigma);
                ratios.push(report.bound / squares.sqrt().max(f64::MIN_POSITIVE));
            }
            Err(Error::TooManyFaults { .. }) => refused += 1,
            Err(other) => return Err(other),
        }
    }
    ratios.sort_unstable_by(f64::total_cmp);
    locate_times.sort_unstable();
    decode_times.sort_unstable();
    let share = |n: usize| n as f64 / trials as f64;
    Ok(Cell {
        workers: m,
        liars,
        lie,
        keys,
        trials,
        located: share(located),
        refused: share(refused),
        worst_error,
        above_bound,
        bound_ratio: ratios.get(ratios.len() / 2).copied().unwrap_or(0.0),
        locate: locate_times[trials / 2],
        decode: decode_times.get(decode_times.len() / 2).copied().unwrap_or_default(),
    })
}

/// `count` of `n` workers, ascending.
fn pick(stream: &mut impl Rng, n: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    for i in 0..count {
        let j = stream.random_range(i..n);
        all.swap(i, j);
    }
    all.truncate(count);
    all.sort_unstable();
    all
}

/// The liars of a trial and the replies with their lies.
#[allow(clippy::too_many_arguments, reason = "one call, each argument a different thing of the trial")]
fn lies(
    code: &RealParity,
    product: &EncodedProduct,
    honest: &HonestRound,
    count: usize,
    lie: Lie,
    seed: Seed,
    trial: u64,
    stream: &mut impl Rng,
) -> (Vec<usize>, Vec<f64>) {
    let p = product.layout.shard_rows;
    let (low, high) = lie.strengths();
    let strength = honest.sigma * low * (high / low).powf(stream.random::<f64>());
    let mut values = honest.replies.clone();
    let mut liars = pick(stream, product.workers, count);
    let mut gaussian = |n: usize| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(stream)).collect() };
    let mut weights = vec![1.0; count];
    let common = gaussian(p);
    match lie {
        Lie::ColludeRandom => weights = gaussian(count),
        Lie::NearDependent => (liars, weights) = near_dependent(code, count, trial as usize),
        _ => {}
    }
    let other = (lie == Lie::Replay).then(|| product.answer(seed, trial + (1 << 32)));
    for (&liar, weight) in liars.iter().zip(&weights) {
        let row = &mut values[liar * p..(liar + 1) * p];
        match lie {
            Lie::Gaussian => row.iter_mut().zip(gaussian(p)).for_each(|(x, g)| *x += strength * g),
            Lie::SignFlip => row.iter_mut().for_each(|x| *x = -*x),
            Lie::Zero => row.fill(0.0),
            Lie::Scale => row.iter_mut().for_each(|x| *x *= 10.0),
            Lie::Replay => {
                if let Some(other) = &other {
                    row.copy_from_slice(&other.replies[liar * p..(liar + 1) * p]);
                }
            }
            Lie::AllOnes => row.iter_mut().for_each(|x| *x += strength),
            Lie::ColludeRandom | Lie::NearDependent => {
                row.iter_mut().zip(&common).for_each(|(x, c)| *x += strength * weight * c);
            }
        }
    }
    (liars, values)
}
