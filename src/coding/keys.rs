//! The keyed check: secrets that only the master has, and what each worker's honest reply must give with them. A liar
//! who can't see the keys can't fool them, however many collude; one that is caught costs one worker of redundancy
//! instead of two.

use super::encode_dense::add;
use super::{Layout, Replies, ReplyCheck};
use crate::data::{Matrix, Operand, ShardStats};
use crate::error::{Error, Result};
use crate::scalar::{Element, Precision};
use crate::seed::{Purpose, Seed};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// A worker is caught beyond so many estimated standard deviations (a normal number is with probability 2.6e-12).
const DEVIATIONS: f64 = 7.0;

/// The median of |N(0, 1)|.
const MEDIAN_OF_NORMAL: f64 = 0.6745;

/// The least and the most that the standard deviation is taken for, in units of the expected round-off. Without the
/// least, liars that reply more precisely than honest workers would lower the median until honest ones are accused, and
/// the median of a small fleet would do so by chance; without the most, half a fleet of liars would raise it.
const LEAST: f64 = 2.0;
const MOST: f64 = 4.0;

/// The secret keys of one worker for one operand: `count` Gaussian vectors x of p numbers, and the products `x' S_i A`.
#[derive(Debug, Clone)]
pub struct Keys {
    count: usize,
    rows: usize,
    cols: usize,
    /// count x p.
    secrets: Vec<f64>,
    /// count x c.
    products: Vec<f64>,
}

impl Keys {
    /// `count` keys for the stored (rounded) `shard` of `worker`. Costs `count` multiply-adds a stored number, in f64 with
    /// compensated sums: the keys' own error must stay below the round-off of f64 workers.
    pub fn make<T: Element>(seed: Seed, count: usize, worker: usize, operand: Operand, shard: &Matrix<T>) -> Self {
        let (rows, cols) = (shard.rows(), shard.cols());
        let mut secrets = Vec::with_capacity(count * rows);
        for key in 0..count {
            let round = (u64::from(operand.0) << 32) | key as u64;
            let stream = seed.stream(Purpose::Keys, worker as u64, round);
            secrets.extend(Distribution::<f64>::sample_iter(StandardNormal, stream).take(rows));
        }
        let mut products = Vec::with_capacity(count * cols);
        for key in 0..count {
            products.extend(combine_rows(shard, &secrets[key * rows..(key + 1) * rows]));
        }
        Keys { count, rows, cols, secrets, products }
    }

    /// The same keys for the shard that holds only these columns of A.
    fn of_columns(&self, columns: &[usize]) -> Keys {
        let products = self.products.chunks_exact(self.cols.max(1));
        let products = products.flat_map(|product| columns.iter().map(|&c| product[c])).collect();
        Keys { cols: columns.len(), products, secrets: self.secrets.clone(), ..*self }
    }

    /// `|x . r - (x' S_i A) . v|` for each key and vector: `reply` is p x r, `broadcast` r x c.
    fn deviations(&self, reply: &[f64], vectors: usize, broadcast: &[f64]) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.count * vectors);
        for key in 0..self.count {
            let secret = &self.secrets[key * self.rows..(key + 1) * self.rows];
            let product = &self.products[key * self.cols..(key + 1) * self.cols];
            for r in 0..vectors {
                let sent = dot(secret.iter().copied().zip(reply.iter().skip(r).step_by(vectors).copied()));
                let vector = &broadcast[r * self.cols..(r + 1) * self.cols];
                all.push((sent - dot(product.iter().copied().zip(vector.iter().copied()))).abs());
            }
        }
        all
    }
}

/// `x' S`, with compensated sums.
fn combine_rows<T: Element>(shard: &Matrix<T>, x: &[f64]) -> Vec<f64> {
    const TILE: usize = 512;
    let cols = shard.cols();
    match shard {
        Matrix::Dense(shard) => {
            let mut out = vec![0.0; cols];
            out.par_chunks_mut(TILE).enumerate().for_each(|(tile, sums)| {
                pulp::Arch::new().dispatch(|| {
                    let mut low = [0.0; TILE];
                    let span = tile * TILE..tile * TILE + sums.len();
                    for (b, &x) in x.iter().enumerate() {
                        let row = &shard.row(b)[span.clone()];
                        for ((sum, low), v) in sums.iter_mut().zip(&mut low).zip(row) {
                            add::<f64>(sum, low, x * v.to_f64());
                        }
                    }
                    sums.iter_mut().zip(&low).for_each(|(sum, low)| *sum += low);
                });
            });
            out
        }
        Matrix::Csr(shard) => {
            let mut sums = vec![[0.0; 2]; cols];
            for (b, &x) in x.iter().enumerate() {
                let (columns, values) = shard.row(b);
                for (&c, v) in columns.iter().zip(values) {
                    let [sum, low] = &mut sums[c as usize];
                    add::<f64>(sum, low, x * v.to_f64());
                }
            }
            sums.into_iter().map(|[sum, low]| sum + low).collect()
        }
    }
}

/// A dot product in four compensated partial sums.
fn dot(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sums, mut lows) = ([0.0; 4], [0.0; 4]);
    for (k, (a, b)) in pairs.enumerate() {
        add::<f64>(&mut sums[k & 3], &mut lows[k & 3], a * b);
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((lows[0] + lows[1]) + (lows[2] + lows[3]))
}

/// The keys of a whole fleet for one operand, and who was caught before.
///
/// Whether a worker is caught tells it a little about its keys, so keys that have caught a worker are spent: it is
/// *banned*, and every later reply of it counts as a lie, until it is given new keys for a shard it is known to hold
/// ([`KeyedCheck::set`]).
///
/// ```
/// use steadfast::coding::{KeyedCheck, Keys, encode_shard, honest_noise};
/// use steadfast::data::{Dense, Matrix, Operand};
/// use steadfast::scalar::Precision;
/// use steadfast::seed::Seed;
/// let x = Matrix::Dense(Dense::new(3, 2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?);
/// let (mut check, mut sigma0) = (KeyedCheck::new(3), Vec::new());
/// for worker in 0..3 {
///     let (shard, stats) = encode_shard(&x, Operand::ROWS, &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]][worker])?;
///     check.set(worker, Keys::make(Seed(7), 2, worker, Operand::ROWS, &shard))?;
///     sigma0.push(honest_noise(&stats, Precision::F64, &[1.0, 1.0]));
/// }
/// // X (1, 1)' is (3, 7, 11); worker 1 lies.
/// assert_eq!(check.caught(&[3.0, 7.5, 11.0], &[true; 3], 1, 1, &[1.0, 1.0], &sigma0)?, [1]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyedCheck {
    keys: Vec<Option<Keys>>,
    banned: Vec<AtomicBool>,
}

impl KeyedCheck {
    /// A check of m `workers` that have no keys yet: nobody is caught.
    pub fn new(workers: usize) -> Self {
        let banned = (0..workers).map(|_| AtomicBool::new(false)).collect();
        KeyedCheck { keys: vec![None; workers], banned }
    }

    /// The check of replies that are single columns of the workers' shards.
    ///
    /// # Errors
    /// [`Error::Usage`] for a column that the shards don't have.
    pub fn of_columns(&self, columns: &[usize]) -> Result<Self> {
        let cols = self.keys.iter().flatten().map(|keys| keys.cols).min().unwrap_or(usize::MAX);
        if let Some(&beyond) = columns.iter().find(|&&column| column >= cols) {
            return Err(Error::usage("column of the keyed check", beyond, format!("below {cols}")));
        }
        let banned = (0..self.banned.len()).map(|i| AtomicBool::new(self.is_banned(i))).collect();
        let keys = self.keys.iter().map(|keys| keys.as_ref().map(|keys| keys.of_columns(columns))).collect();
        Ok(KeyedCheck { keys, banned })
    }

    /// Gives `worker` these keys, in place of any it has, and lifts its ban.
    ///
    /// # Errors
    /// [`Error::Usage`] for a worker that does not exist and for keys of another shape than the other workers'.
    pub fn set(&mut self, worker: usize, keys: Keys) -> Result<()> {
        let shape = |k: &Keys| (k.rows, k.cols, k.count);
        if let Some(other) = self.keys.iter().flatten().find(|&k| shape(k) != shape(&keys)) {
            return Err(Error::usage(
                "keys",
                format!("{} for a shard of {} x {}", keys.count, keys.rows, keys.cols),
                format!("{} for a shard of {} x {}, as the other workers'", other.count, other.rows, other.cols),
            ));
        }
        let workers = self.keys.len();
        let Some(slot) = self.keys.get_mut(worker) else {
            return Err(Error::usage("keys", format!("worker {worker}"), format!("workers below {workers}")));
        };
        *slot = Some(keys);
        *self.banned[worker].get_mut() = false;
        Ok(())
    }

    /// Bans `worker`: its keys are spent. No effect for a worker that does not exist.
    pub fn ban(&self, worker: usize) {
        if let Some(flag) = self.banned.get(worker) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// The banned workers, ascending.
    pub fn banned(&self) -> Vec<usize> {
        (0..self.banned.len()).filter(|&i| self.is_banned(i)).collect()
    }

    fn is_banned(&self, worker: usize) -> bool {
        self.banned[worker].load(Ordering::Relaxed)
    }

    /// The workers whose reply can't be honest, ascending; banned ones among them where `present`. Nobody is banned by
    /// this call: that is for the caller to do ([`KeyedCheck::ban`]).
    ///
    /// `values` are the replies (m rows of p x r, as in [`super::Replies`]), `broadcast` the r vectors as the workers got
    /// them, `sigma0` the expected round-off of one entry of an honest reply, m x r, from [`honest_noise`].
    ///
    /// A reply with error e deviates from a key by exactly N(0, |e|^2), for the key is normal and secret. With s the median
    /// of all workers' deviations over 0.6745, in units of `sigma0 sqrt(p)` and kept within 2 and 4, a worker is caught
    /// beyond 7 s. So an honest reply whose error is at most `2 sigma0` an entry is caught with probability at most 2.6e-12
    /// a key; a lie whose error is L times `sigma0` an entry escapes one key with probability at most `0.8 * 28 / L`, and
    /// all of them with that to the power of their number.
    ///
    /// # Errors
    /// [`Error::Usage`] when a length does not fit.
    pub fn caught(
        &self,
        values: &[f64],
        present: &[bool],
        shard_rows: usize,
        vectors: usize,
        broadcast: &[f64],
        sigma0: &[f64],
    ) -> Result<Vec<usize>> {
        let workers = self.keys.len();
        let reply = shard_rows * vectors;
        let fits = self.keys.iter().flatten().all(|k| k.rows == shard_rows && k.cols * vectors == broadcast.len());
        if !fits || values.len() != workers * reply || present.len() != workers || sigma0.len() != workers * vectors {
            return Err(Error::usage(
                "replies to the keyed check",
                format!(
                    "{} numbers of {} workers in {shard_rows} rows of {vectors}, {} broadcast, {} noise levels",
                    values.len(),
                    present.len(),
                    broadcast.len(),
                    sigma0.len()
                ),
                format!("those of {workers} workers with the shape of their keys"),
            ));
        }
        // A deviation over sigma0 sqrt(p). Where no noise is expected (v = 0), any deviation is infinitely large, and so is
        // what is not a number at all.
        let relative = |deviation: f64, sigma0: f64| {
            let ratio = if deviation == 0.0 { 0.0 } else { deviation / (sigma0 * (shard_rows as f64).sqrt()) };
            if ratio.is_nan() { f64::INFINITY } else { ratio }
        };
        let deviations: Vec<Vec<f64>> = (0..workers)
            .into_par_iter()
            .map(|i| match &self.keys[i] {
                Some(keys) if present[i] && !self.is_banned(i) => {
                    let all = keys.deviations(&values[i * reply..(i + 1) * reply], vectors, broadcast);
                    let noise = sigma0[i * vectors..(i + 1) * vectors].iter().cycle();
                    all.into_iter().zip(noise).map(|(d, &s)| relative(d, s)).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let mut all: Vec<f64> = deviations.iter().flatten().copied().collect();
        all.sort_unstable_by(f64::total_cmp);
        let median = all.get(all.len() / 2).copied().unwrap_or(0.0);
        let limit = DEVIATIONS * (median / MEDIAN_OF_NORMAL).clamp(LEAST, MOST);
        let is_caught = |&i: &usize| present[i] && (self.is_banned(i) || deviations[i].iter().any(|&d| d > limit));
        Ok((0..workers).filter(is_caught).collect())
    }
}

impl ReplyCheck for KeyedCheck {
    /// The noise expected is [`honest_noise`]: the decoder's own `sigma0` may hold storage rounding, which the keys, made
    /// from the stored numbers, do not see.
    fn caught(&self, replies: &Replies<'_>, _sigma0: &[f64]) -> Vec<usize> {
        let workers = self.keys.len();
        let plausible: Vec<bool> = replies.present.iter().zip(replies.implausible).map(|(&p, &i)| p && !i).collect();
        let vectors = || replies.broadcast.chunks_exact(replies.layout.cols.max(1));
        let of_worker = |stats| vectors().map(move |v| honest_noise(stats, replies.precision, v));
        let sigma0: Vec<f64> = replies.stats.iter().flat_map(of_worker).collect();
        let Layout { shard_rows, .. } = replies.layout;
        KeyedCheck::caught(self, replies.values, &plausible, shard_rows, replies.vectors, replies.broadcast, &sigma0)
            // Keys of another matrix can vouch for nobody.
            .unwrap_or_else(|_| (0..workers).collect())
    }
}

/// The expected round-off of one entry of an honest reply to one broadcast vector, for the keyed check: `u rho |v|`. The
/// rounding of f16 storage is not in it, for the keys are made from the stored numbers.
pub fn honest_noise(stats: &ShardStats, precision: Precision, vector: &[f64]) -> f64 {
    precision.unit_roundoff() * stats.rms_row_norm * dot(vector.iter().map(|&v| (v, v))).sqrt()
}
