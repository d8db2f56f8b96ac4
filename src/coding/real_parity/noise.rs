//! How much round-off an honest round shows, and how many independent lies stand out of it.

use super::svd::LeftSvd;
use crate::coding::Replies;
use crate::data::ShardStats;
use crate::scalar::Precision;
use crate::seed::{Purpose, Seed};
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;

/// The noise level is taken at least as this share of the expected round-off: where all workers round alike (one data
/// block) the check sees none.
pub(super) const FLOOR: f64 = 0.1;

/// A noise level above this multiple of the expected round-off means lies, not noise.
pub(in crate::coding) const CEILING: f64 = 4.0;

/// Round-off that is not the workers', in units of the length of the whole word `sqrt(sum rho_i^2) |v|`: generator and parity
/// check are rounded to f64, and so are the factors that take erased workers out of a syndrome. It does not shrink with the replies
/// that are left: where these are small parts of the word it is far more than their own round-off. It is nothing beside the
/// round-off of f32 workers and most of it with f64 workers.
const MASTER: f64 = 2.0 * (f64::EPSILON / 2.0);

/// Expected round-off of one entry of an honest reply, for a broadcast vector of norm 1: `u rho`, and with f16 storage the
/// rounding of the stored entries, uniform with spread `2^-11 max / sqrt 3`.
pub(in crate::coding) fn round_off(stats: &ShardStats, precision: Precision) -> f64 {
    let storage = match precision {
        Precision::F16 => 2f64.powi(-11) / 3f64.sqrt() * stats.max_abs,
        Precision::F32 | Precision::F64 => 0.0,
    };
    precision.unit_roundoff() * stats.rms_row_norm + storage
}

/// The master's own round-off beside it, for all workers alike.
pub(super) fn master(stats: &[ShardStats]) -> f64 {
    MASTER * stats.iter().map(|s| s.rms_row_norm.powi(2)).sum::<f64>().sqrt()
}

/// The lowest noise level to assume for shards of `rows x cols`, in units of the expected round-off. The expected
/// round-off is that of a root-mean-square row; when a few rows are far longer than the others, their noise stands in few
/// combinations and would look like a lie. A row is at most `h = sqrt(cols) max / rms` times as long as the
/// root-mean-square one, and at most sqrt(rows) times; its noise, seen in one of the combinations, passes the test for a clean
/// round once the level is `h / (2 sqrt(rows))`.
pub(super) fn lowest_level(stats: &[ShardStats], rows: usize, cols: usize) -> f64 {
    let root = (rows as f64).sqrt();
    let longest = stats
        .iter()
        .filter(|s| s.rms_row_norm > 0.0)
        .map(|s| (cols as f64).sqrt() * s.max_abs / s.rms_row_norm)
        .fold(1.0, f64::max);
    FLOOR.max(0.5 * longest.min(root) / root)
}

/// Columns of independent round-off among the replies, or `most` where there are more. Workers that multiply the same row by the
/// same vector round alike each time, so equal rows, or a sample drawn twice, show one round-off however often they are there. A
/// column is no better than the numbers of it that a worker sent; the `liars` workers that tell most numbers apart may have made
/// them up.
pub(super) fn independent(replies: &Replies<'_>, live: &[bool], liars: usize, most: usize) -> usize {
    let columns = (replies.layout.shard_rows * replies.vectors).max(1);
    let replies = replies.values.chunks_exact(columns).zip(live).filter(|(_, live)| **live);
    let mut told: Vec<usize> = replies.map(|(reply, _)| distinct(reply, most)).collect();
    told.sort_unstable_by(|a, b| b.cmp(a));
    told.get(liars).copied().unwrap_or(0).max(1)
}

/// Distinct numbers of a reply, or `most` where there are more.
fn distinct(reply: &[f64], most: usize) -> usize {
    let mut seen: Vec<u64> = Vec::with_capacity(most);
    for x in reply {
        if seen.len() >= most {
            break;
        }
        if let Err(at) = seen.binary_search(&x.to_bits()) {
            seen.insert(at, x.to_bits());
        }
    }
    seen.len()
}

/// Upper limit of the energy of d noise numbers of level 1: the mean, four standard deviations and a constant for few.
fn spread(d: usize) -> f64 {
    let d = d as f64;
    d + 4.0 * (2.0 * d).sqrt() + 12.0
}

/// The energy that `d` numbers may have and still pass for noise of level `noise`: twice the level, beyond its spread.
pub(super) fn allowed(noise: f64, d: usize) -> f64 {
    (2.0 * noise).powi(2) * spread(d)
}

/// What the singular values of a sketched syndrome say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    /// Noise level of one number.
    pub level: f64,
    /// Number of independent lies that stand out of the noise, at most the limit.
    pub rank: usize,
    /// True when the noise would have to be above the ceiling: more than `limit` independent errors.
    pub over: bool,
}

/// Degrees of freedom of a syndrome and the bounds its noise must keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// k', checks not spent on erasures.
    pub checks: usize,
    /// r, combinations.
    pub width: usize,
    /// Of independent round-off.
    pub independent: usize,
    /// t', errors to be located.
    pub limit: usize,
    /// Lowest and highest admissible level.
    pub floor: f64,
    /// Highest admissible level.
    pub ceiling: f64,
}

impl Shape {
    /// Degrees of freedom left beside `rank` signal directions.
    fn rest(&self, rank: usize) -> usize {
        self.checks.saturating_sub(rank) * self.width.saturating_sub(rank)
    }

    /// The smallest rank, at most `limit`, whose tail passes for noise of level `noise`.
    fn rank(&self, tails: &[f64], noise: f64, limit: usize) -> usize {
        (0..limit)
            .find(|&s| tails.get(s).copied().unwrap_or(0.0) <= noise * noise * spread(self.rest(s)))
            .unwrap_or(limit)
    }

    /// Rank for a search at a raised noise level: directions that the level explains are dropped from `rank`.
    pub(super) fn lowered_rank(&self, tails: &[f64], noise: f64, mut rank: usize) -> usize {
        while rank > 1 && tails.get(rank - 1).copied().unwrap_or(0.0) <= allowed(noise, self.rest(rank - 1)) {
            rank -= 1;
        }
        rank
    }

    /// Rank at the ceiling and the noise that the remaining directions show, for errors beyond the limit.
    pub(super) fn beyond(&self, tails: &[f64]) -> Estimate {
        let most = self.checks.min(self.width);
        let rank = self.rank(tails, self.ceiling, most);
        let d = self.rest(rank);
        let level = if d > 0 { (tails.get(rank).copied().unwrap_or(0.0) / d as f64).sqrt() } else { 0.0 };
        Estimate { level: level.clamp(self.floor, self.ceiling), rank, over: rank + 1 > self.checks }
    }

    /// Noise level and rank, given the tails `sum_{l >= i} sv_l^2` and the energy `bias` that pure noise of level 1 has
    /// beyond `limit` directions.
    pub(super) fn estimate(&self, tails: &[f64], bias: f64) -> Estimate {
        let tail = |i: usize| tails.get(i).copied().unwrap_or(0.0);
        // The adversary has rank at most `limit`, so by Weyl's inequality the rest is no more than the noise has.
        let mut level = if bias > 0.0 { (tail(self.limit) / bias).sqrt() } else { 0.0 }.max(self.floor);
        for _ in 0..4 {
            let rank = self.rank(tails, level, self.limit);
            let d = self.rest(rank);
            let refined = if d > 0 { (tail(rank) / d as f64).sqrt() } else { level }.max(self.floor);
            if refined >= level * 0.999 {
                break;
            }
            level = refined;
        }
        let over = level > self.ceiling;
        // From few numbers the level may come out far too low by chance; it is raised until that has probability 1e-6,
        // but not above the expected round-off, which needs no estimate.
        let independent = self.independent.min(self.width);
        let few = (self.checks - self.limit) * independent.saturating_sub(self.limit);
        let all = self.checks * independent;
        let slack = 4.0 * spread(all) / (all.max(1) as f64);
        level = level.max((level / (slack * low_quantile(few)).min(1.0).sqrt().max(1e-9)).min(1.0));
        Estimate { level, rank: self.rank(tails, level, self.limit), over }
    }
}

/// The 1e-6 quantile of the mean square of d standard normal numbers (Wilson and Hilferty's cube; 0 for very few).
fn low_quantile(d: usize) -> f64 {
    if d == 0 {
        return 0.0;
    }
    let spread = 2.0 / (9.0 * d as f64);
    (1.0 - spread - 4.75 * spread.sqrt()).max(0.0).powi(3)
}

/// Mean energy of a `k x r` matrix of standard normal numbers beyond its `limit` largest singular values: by Monte Carlo,
/// and from 64 checks on by the Marchenko-Pastur law, whose error of order 1/k is then below that of the estimate.
pub(super) fn bias(k: usize, r: usize, limit: usize) -> f64 {
    const SAMPLES: u64 = 16;
    let (short, long) = (k.min(r), k.max(r));
    if limit >= short {
        return 0.0;
    }
    if short >= 64 {
        return marchenko_pastur(short, long, limit);
    }
    let mut svd = LeftSvd::default();
    let mut total = 0.0;
    for sample in 0..SAMPLES {
        let mut stream = Seed(0).stream(Purpose::Locator, (k * 1000 + r) as u64, sample);
        let matrix: Vec<f64> = (0..short * long).map(|_| StandardNormal.sample(&mut stream)).collect();
        svd.decompose(&matrix, short, long);
        total += svd.values[limit..].iter().map(|s| s * s).sum::<f64>();
    }
    total / SAMPLES as f64
}

/// Energy beyond `limit` directions by the limiting law of the eigenvalues, with `short <= long`.
fn marchenko_pastur(short: usize, long: usize, limit: usize) -> f64 {
    const STEPS: usize = 4096;
    let ratio = short as f64 / long as f64;
    let (low, high) = ((1.0 - ratio.sqrt()).powi(2), (1.0 + ratio.sqrt()).powi(2));
    let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
    let share = 1.0 - limit as f64 / short as f64;
    let (mut below, mut energy) = (0.0, 0.0);
    for step in 0..STEPS {
        let angle = PI * (step as f64 + 0.5) / STEPS as f64;
        let eigenvalue = middle - half * angle.cos();
        let mass = (half * angle.sin()).powi(2) / (2.0 * PI * ratio * eigenvalue) * PI / STEPS as f64;
        let taken = mass.min(share - below);
        if taken <= 0.0 {
            break;
        }
        below += taken;
        energy += eigenvalue * taken;
    }
    energy * (short * long) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limiting_law_agrees_with_sampling() {
        for limit in [0, 10, 31, 50] {
            let sampled = {
                let mut svd = LeftSvd::default();
                let mut stream = Seed(1).stream(Purpose::Experiment, 0, limit as u64);
                let matrix: Vec<f64> = (0..64 * 76).map(|_| StandardNormal.sample(&mut stream)).collect();
                svd.decompose(&matrix, 64, 76);
                svd.values[limit..].iter().map(|s| s * s).sum::<f64>()
            };
            let law = marchenko_pastur(64, 76, limit);
            // One sample of energy E in D = (64 - limit)(76 - limit) directions spreads by E sqrt(2 / D); five of those, and 1/k.
            let d = ((64 - limit) * (76 - limit)) as f64;
            assert!((sampled / law - 1.0).abs() < 5.0 * (2.0 / d).sqrt() + 2.0 / 64.0, "{limit}: {sampled} {law}");
        }
    }
}
