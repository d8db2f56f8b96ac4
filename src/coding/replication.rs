//! Replication: every data block is held by several workers, and the value that enough of them agree on is believed.

use super::keys::honest_noise;
use super::uncoded::{UnitRows, absent, check_shape, named, reply_of, scatter};
use super::{Certainty, DataCode, Replies, Report, Tolerance, Workspace};
use crate::error::{Error, Result};

/// The most that one entry of an honest reply errs (root mean square over a reply), in units of the expected round-off
/// `u rho |v|`: the decoders' common ceiling.
const CEILING: f64 = 4.0;

/// m workers in q = m / rho groups: worker i holds a plain copy of data block `i mod q`, so the members of group j are
/// j, j + q, j + 2q, ... The redundancy is rho.
///
/// **Vote.** The group's value is that of the member whose reply most others agree with. Two replies agree when they differ
/// by at most `8 u rho |v|` an entry (root mean square, each vector by itself): honest ones are within 4 of the exact
/// product, and those computed by the same kernel are equal to the bit. With t'' = t less the workers already named by an
/// implausible reply, t'' + 1 members that agree have an honest one among them, so that many are asked for. A member is
/// named a liar beyond twice that distance of the value, where no honest one can be. A round with more than t liars named,
/// or a group in which too few agree, is refused.
///
/// **Stragglers.** Of a group's members that are present and not yet named, up to t'' may lie, so `2 t'' + 1` of them suffice
/// whatever they say; with all of t, and s missing, that is the condition rho >= 2t + s + 1.
///
/// **Bound.** The value of a group is within the largest distance among those that agree of an honest reply, and that
/// within `4 u rho |v| sqrt(p)` of the exact product; the certificate's bound is the Euclidean norm of both over all groups.
/// It holds for up to t liars and `s` stragglers; t + 1 liars of one group who agree with each other can win or (with an
/// honest majority) be refused.
///
/// ```
/// use steadfast::coding::{DataCode, Replication, Tolerance};
/// let code = Replication::new(15, Tolerance { liars: 1, stragglers: 0 }, None)?;
/// assert_eq!((code.name().as_str(), code.blocks()), ("replication:factor=3", 5));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Replication {
    workers: usize,
    factor: usize,
    tolerance: Tolerance,
    units: UnitRows,
}

impl Replication {
    /// For m `workers`. Without a `factor` rho it is the smallest divisor of m that carries the tolerance.
    ///
    /// # Errors
    /// [`Error::Usage`] when no replication of m workers carries the tolerance (the largest t and s are named), when rho
    /// does not divide m, and when it is below 2t + s + 1.
    pub fn new(workers: usize, tolerance: Tolerance, factor: Option<usize>) -> Result<Self> {
        if workers == 0 {
            return Err(Error::usage("workers", 0, "at least 1"));
        }
        let Tolerance { liars, stragglers } = tolerance;
        let needed = liars.saturating_mul(2).saturating_add(stragglers).saturating_add(1);
        if needed > workers {
            let room = workers - 1;
            let fewer = match room.checked_sub(stragglers) {
                Some(left) => format!("with {stragglers} missing at most {} liars", left / 2),
                None => format!("at most {room} missing"),
            };
            return Err(Error::usage(
                format!("replication on {workers} workers"),
                tolerance,
                format!("2 liars + missing + 1 <= {workers}: {fewer}; without any missing at most {} liars", room / 2),
            ));
        }
        let divisors = || (1..=workers).filter(|d| workers.is_multiple_of(*d));
        // m itself is a divisor and carries what passed the check above.
        let factor = factor.or_else(|| divisors().find(|&d| d >= needed)).unwrap_or(workers);
        if factor < needed || factor > workers || !workers.is_multiple_of(factor) {
            let allowed: Vec<String> = divisors().filter(|&d| d >= needed).map(|d| d.to_string()).collect();
            let above = workers.div_ceil(factor.max(1)).saturating_mul(factor);
            let other = if factor >= needed { format!("; or {above} workers") } else { String::new() };
            return Err(Error::usage(
                format!("replication factor for {workers} workers, {tolerance}"),
                factor,
                format!("a divisor of {workers} from {needed} on: {}{other}", allowed.join(", ")),
            ));
        }
        Ok(Replication { workers, factor, tolerance, units: UnitRows::new(workers / factor) })
    }

    /// rho, the number of workers that hold each block.
    pub fn factor(&self) -> usize {
        self.factor
    }

    fn members(&self, group: usize) -> impl Iterator<Item = usize> + Clone {
        (group..self.workers).step_by(self.blocks())
    }

    /// t'': how many liars there can be beside those named already; `None` when the named ones are more than t.
    fn liars_left(&self, present: &[bool], implausible: &[bool]) -> Option<usize> {
        let named = present.iter().zip(implausible).filter(|&(&there, &implausible)| there && implausible).count();
        self.tolerance.liars.checked_sub(named)
    }

    fn refuse(&self, reason: String, replies: &Replies<'_>, suspected: Vec<usize>) -> Error {
        let tolerance = format!("{} of {} workers", self.tolerance, self.workers);
        Error::TooManyFaults { reason, erased: absent(replies), suspected, tolerance }
    }
}

/// What a group decided.
struct Vote {
    value: usize,
    residual: f64,
    bound: f64,
}

impl Replication {
    /// The vote of one group; liars found are added to `liars`.
    fn vote(&self, replies: &Replies<'_>, group: usize, left: usize, liars: &mut Vec<usize>) -> Option<Vote> {
        let (r, c) = (replies.vectors, replies.layout.cols);
        let voters = self.members(group).filter(|&i| replies.present[i] && !replies.implausible[i]);
        let first = voters.clone().next()?;
        let root = (replies.layout.shard_rows as f64).sqrt();
        // The members hold the same numbers, so one worker's facts are those of all.
        let honest: Vec<f64> = (0..r)
            .map(|v| &replies.broadcast[v * c..(v + 1) * c])
            .map(|vector| CEILING * honest_noise(&replies.stats[first], replies.precision, vector) * root)
            .collect();
        let agree = |distances: &[f64], times: f64| distances.iter().zip(&honest).all(|(d, h)| *d <= times * 2.0 * h);
        let mut best: Option<(usize, usize)> = None;
        for candidate in voters.clone() {
            let support = voters.clone().filter(|&i| agree(&distances(replies, candidate, i), 1.0)).count();
            if best.is_none_or(|(most, _)| support > most) {
                best = Some((support, candidate));
            }
            // A majority will do.
            if best.is_some_and(|(most, _)| 2 * most > voters.clone().count() && most > left) {
                break;
            }
        }
        let (_, value) = best.filter(|&(support, _)| support > left)?;
        let (mut residual, mut widest) = (0.0, vec![0.0f64; r]);
        for i in voters {
            let distances = distances(replies, value, i);
            if agree(&distances, 1.0) {
                residual += distances.iter().map(|d| d * d).sum::<f64>();
                widest.iter_mut().zip(&distances).for_each(|(w, &d)| *w = w.max(d));
            } else if !agree(&distances, 2.0) {
                liars.push(i);
            }
        }
        let bound = widest.iter().zip(&honest).map(|(w, h)| (w + h).powi(2)).sum();
        Some(Vote { value, residual, bound })
    }
}

/// Euclidean distance of two replies, for each vector.
fn distances(replies: &Replies<'_>, one: usize, other: usize) -> Vec<f64> {
    let r = replies.vectors;
    let (a, b) = (reply_of(replies, one), reply_of(replies, other));
    let square = |run: (&[f64], &[f64]), v: usize| {
        let pairs = run.0.iter().zip(run.1).skip(v).step_by(r);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>()
    };
    // Runs of 128 rows keep each partial sum short.
    (0..r).map(|v| a.chunks(128 * r).zip(b.chunks(128 * r)).map(|run| square(run, v)).sum::<f64>().sqrt()).collect()
}

impl DataCode for Replication {
    fn name(&self) -> String {
        format!("replication:factor={}", self.factor)
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn blocks(&self) -> usize {
        self.workers / self.factor
    }

    fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    fn combination(&self, worker: usize) -> &[f64] {
        self.units.row(worker % self.blocks())
    }

    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        let Some(left) = self.liars_left(present, implausible) else { return false };
        (0..self.blocks())
            .all(|group| self.members(group).filter(|&i| present[i] && !implausible[i]).count() > 2 * left)
    }

    fn decode(&self, replies: &Replies<'_>, _workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        check_shape(replies, self.workers, self.blocks(), out)?;
        let mut liars = named(replies);
        let Some(left) = self.liars_left(replies.present, replies.implausible) else {
            return Err(self.refuse("more implausible replies than liars allowed".into(), replies, liars));
        };
        let (mut residual, mut bound, mut noise) = (0.0, 0.0, 0.0f64);
        for group in 0..self.blocks() {
            let Some(vote) = self.vote(replies, group, left, &mut liars) else {
                let reason = format!("fewer than {} workers agree on data block {group}", left + 1);
                liars.sort_unstable();
                return Err(self.refuse(reason, replies, liars));
            };
            scatter(replies, vote.value, group, out);
            residual += vote.residual;
            bound += vote.bound;
            noise = noise.max(super::uncoded::expected_noise(replies, vote.value));
        }
        liars.sort_unstable();
        if liars.len() > self.tolerance.liars {
            return Err(self.refuse("more workers are outvoted than may lie".into(), replies, liars));
        }
        Ok(Report {
            erased: absent(replies),
            liars,
            residual: residual.sqrt(),
            noise,
            bound: bound.sqrt(),
            certainty: Certainty::Certified,
        })
    }
}
