//! One round: what came in, who is left out, what is certified.

use super::RealParity;
use super::certificate::Certificate;
use super::dense::norm;
use super::memory::{Memory, plan, whitened, with_memory};
use super::noise;
use super::repair;
use super::syndrome::{self, Input, Outcome};
use crate::coding::{Certainty, Replies, Report, Workspace};
use crate::error::{Error, Result};
use crate::seed::Purpose;

/// Combinations beyond the number of checks, at least; their number is a multiple of 4 for the vector unit.
const SPARE_BUCKETS: usize = 12;

/// Faulty workers whose columns are nearer to dependence than this can't be repaired in f64.
const DEPENDENT: f64 = 1e-13;

/// What location found.
struct Located {
    /// Ascending.
    liars: Vec<usize>,
    /// What they sent, combined, one row each in the order of `liars`.
    sent: Vec<f64>,
    certified: bool,
}

impl Located {
    /// With those that were known without the code, ascending.
    fn all(&self, memory: &Memory) -> Vec<usize> {
        let mut liars: Vec<usize> = (0..memory.named.len()).filter(|&i| memory.named[i]).collect();
        liars.extend_from_slice(&self.liars);
        liars.sort_unstable();
        liars
    }
}

pub(super) fn decode(
    code: &RealParity,
    replies: &Replies<'_>,
    workspace: &mut Workspace,
    out: &mut [f64],
) -> Result<Report> {
    check_sizes(code, replies)?;
    if out.len() != replies.layout.rows * replies.vectors {
        return Err(Error::usage("decode: value", out.len(), (replies.layout.rows * replies.vectors).to_string()));
    }
    with_memory(code, workspace, |memory| {
        let round = Round { code, replies };
        let located = round.find(memory)?;
        round.recover(memory, &located, out)
    })
}

/// The liars alone.
pub(super) fn locate(code: &RealParity, replies: &Replies<'_>, workspace: &mut Workspace) -> Result<Vec<usize>> {
    check_sizes(code, replies)?;
    with_memory(code, workspace, |memory| {
        let located = Round { code, replies }.find(memory)?;
        Ok(located.all(memory))
    })
}

fn check_sizes(code: &RealParity, replies: &Replies<'_>) -> Result<()> {
    let (m, layout, r) = (code.workers, replies.layout, replies.vectors);
    let sizes = [
        ("replies", replies.values.len(), m * layout.shard_rows * r),
        ("presence", replies.present.len(), m),
        ("plausibility", replies.implausible.len(), m),
        ("shard facts", replies.stats.len(), m),
        ("broadcast", replies.broadcast.len(), layout.cols * r),
        ("blocks", layout.blocks, code.plain.len()),
        ("shard rows", layout.shard_rows, layout.rows.div_ceil(code.plain.len())),
    ];
    match sizes.iter().find(|(_, got, expected)| got != expected) {
        Some((what, got, expected)) => Err(Error::usage(format!("decode: {what}"), got, expected.to_string())),
        None => Ok(()),
    }
}

/// One round's input.
struct Round<'a> {
    code: &'a RealParity,
    replies: &'a Replies<'a>,
}

impl Round<'_> {
    /// Everything up to the names of the liars.
    fn find(&self, memory: &mut Memory) -> Result<Located> {
        let (code, replies) = (self.code, self.replies);
        self.measure(memory);
        self.name_impossible(memory);
        self.name_caught(memory);
        self.combine(memory);
        let (missing, named) = self.erasures(memory);
        let certain = code.suffices(missing, named, 2);
        let keyed = replies.check.is_some() && code.suffices(missing, named, 1);
        if missing > code.checks || !(certain || keyed || code.options.uncertified) {
            return Err(self.refusal(memory, &[], "too few replies are left to tell lies from truth"));
        }
        if named > code.tolerance.liars && !keyed && !code.options.uncertified {
            return Err(self.refusal(memory, &[], "more workers lied than the code tolerates"));
        }
        self.locate(memory)
    }

    /// Decodes with the liars known.
    fn recover(&self, memory: &mut Memory, located: &Located, out: &mut [f64]) -> Result<Report> {
        let (code, replies) = (self.code, self.replies);
        let (missing, named) = self.erasures(memory);
        if missing + located.liars.len() > code.checks {
            return Err(self.refusal(memory, &located.liars, "more replies are lost than the code can repair"));
        }
        let mut faulty: Vec<usize> = (0..code.workers).filter(|&i| !memory.live[i]).collect();
        faulty.extend_from_slice(&located.liars);
        faulty.sort_unstable();
        let mut plans = std::mem::take(&mut memory.plans);
        let plan = plan(code, &mut plans, faulty);
        if plan.smallest < DEPENDENT {
            let refusal =
                self.refusal(memory, &located.liars, "the lost replies can't be repaired in double precision");
            memory.plans = plans;
            return Err(refusal);
        }
        let columns = replies.layout.shard_rows * replies.vectors;
        let residual = plan.apply(replies.values, columns, &mut memory.repair).sqrt();
        repair::interleave(replies.values, &memory.repair.lost, &code.plain, plan, columns, replies.vectors, out);
        let certain = code.suffices(missing, named, 2) && named <= code.tolerance.liars;
        let certainty = match (located.certified, certain, replies.check.is_some()) {
            (true, true, _) => Certainty::Certified,
            (true, false, true) => Certainty::Keyed,
            _ => Certainty::Uncertified,
        };
        let (noise, bound) = Certificate {
            code,
            replies,
            sigma: &memory.sigma,
            inverse_norms: &memory.inverse_norms,
            words: &memory.words,
            width: memory.sketch.buckets(),
            plan,
            liars: &located.liars,
            sent: &located.sent,
            residual,
            named,
        }
        .noise_and_bound();
        let bound = if certainty == Certainty::Uncertified { f64::INFINITY } else { bound };
        let erased = (0..code.workers).filter(|&i| !replies.present[i]).collect();
        let liars = located.all(memory);
        memory.plans = plans;
        Ok(Report { erased, liars, residual, noise, bound, certainty })
    }

    /// Expected round-off of every worker, and the norms of the broadcast vectors.
    fn measure(&self, memory: &mut Memory) {
        let replies = self.replies;
        let master = noise::master(replies.stats);
        memory.sigma.clear();
        memory.sigma.extend(replies.stats.iter().map(|s| noise::round_off(s, replies.precision) + master));
        let largest = memory.sigma.iter().copied().fold(0.0, f64::max);
        memory.scale.clear();
        // A shard of (nearly) zero rows would get all the weight; 1e-4 of the largest is small enough to say it is exact.
        memory.scale.extend(memory.sigma.iter().map(|s| if largest > 0.0 { (s / largest).max(1e-4) } else { 1.0 }));
        memory.inverse_norms.clear();
        for vector in replies.broadcast.chunks(replies.layout.cols.max(1)) {
            let norm = norm(vector);
            memory.inverse_norms.push(if norm > 0.0 && largest > 0.0 { 1.0 / norm } else { 0.0 });
        }
    }

    fn row(&self, worker: usize) -> &[f64] {
        let columns = self.replies.layout.shard_rows * self.replies.vectors;
        &self.replies.values[worker * columns..(worker + 1) * columns]
    }

    /// Presence, and lies that show without any code: implausible replies, and anything but zero for a zero vector.
    fn name_impossible(&self, memory: &mut Memory) {
        let replies = self.replies;
        memory.live.clear();
        memory.live.extend(replies.present.iter().zip(replies.implausible).map(|(here, bad)| *here && !*bad));
        memory.named.clear();
        memory.named.extend(replies.present.iter().zip(replies.implausible).map(|(here, bad)| *here && *bad));
        if memory.inverse_norms.iter().all(|&x| x > 0.0) {
            return;
        }
        for worker in 0..self.code.workers {
            let lies = |(at, x): (usize, &f64)| memory.inverse_norms[at % replies.vectors] == 0.0 && *x != 0.0;
            if memory.live[worker] && self.row(worker).iter().enumerate().any(lies) {
                memory.live[worker] = false;
                memory.named[worker] = true;
            }
        }
    }

    /// Lies that the secret keys catch.
    fn name_caught(&self, memory: &mut Memory) {
        let Some(check) = self.replies.check else { return };
        let longest = memory.inverse_norms.iter().filter(|&&x| x > 0.0).map(|x| 1.0 / x).fold(0.0, f64::max);
        let sigma: Vec<f64> = memory.sigma.iter().map(|s| s * longest).collect();
        for worker in check.caught(self.replies, &sigma) {
            if memory.live.get(worker) == Some(&true) {
                memory.live[worker] = false;
                memory.named[worker] = true;
            }
        }
    }

    /// Combines the replies of the live workers, in units of the largest round-off; names those whose combinations are not finite
    /// or longer than any reply of the shard can be.
    fn combine(&self, memory: &mut Memory) {
        let (code, replies) = (self.code, self.replies);
        let mut stream = code.options.seed.stream(Purpose::Locator, 0, replies.round);
        let most = (code.checks + SPARE_BUCKETS).next_multiple_of(4);
        memory.sketch.draw(replies.layout.shard_rows, &memory.inverse_norms, most, &mut stream);
        let r = memory.sketch.buckets();
        memory.words.clear();
        memory.words.resize(code.workers * r, 0.0);
        let largest = memory.sigma.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return;
        }
        memory.present.clear();
        memory.present.extend((0..code.workers).filter(|&i| memory.live[i]));
        memory.sketch.apply(replies.values, &memory.present, largest, &mut memory.words);
        for &worker in &memory.present {
            let word = &mut memory.words[worker * r..(worker + 1) * r];
            // Cauchy and Schwarz: |S_i A v| <= |S_i A|_F |v|, and the combinations have unit norm.
            let longest = 1.01 * replies.stats[worker].frobenius() * (replies.vectors as f64).sqrt() / largest;
            let length = norm(word);
            if !length.is_finite() || length > longest + 100.0 * (r as f64).sqrt() {
                word.fill(0.0);
                memory.live[worker] = false;
                memory.named[worker] = true;
            }
        }
    }

    /// Workers left out so far, and those of them known to lie.
    fn erasures(&self, memory: &Memory) -> (usize, usize) {
        let count = |flags: &[bool], value: bool| flags.iter().filter(|&&f| f == value).count();
        (count(&memory.live, false), count(&memory.named, true))
    }

    /// Finds who lied. Very large lies hide small ones behind the round-off of the master's own sums; once they are found, they
    /// are left out and the rest is looked at again.
    fn locate(&self, memory: &mut Memory) -> Result<Located> {
        let code = self.code;
        let layout = self.replies.layout;
        let at = whitened(code, &mut memory.whitened, &memory.scale);
        let (_, named) = self.erasures(memory);
        let lowest = noise::lowest_level(self.replies.stats, layout.shard_rows, layout.cols);
        memory.kept.clone_from(&memory.live);
        let mut located = Located { liars: Vec::new(), sent: Vec::new(), certified: true };
        let r = memory.sketch.buckets();
        let mut sent: Vec<(usize, Vec<f64>)> = Vec::new();
        loop {
            let whitened = &memory.whitened[at];
            let input = Input {
                words: &memory.words,
                width: memory.sketch.buckets(),
                depth: memory.sketch.depth(),
                generator: &code.parity_rows,
                parity: &code.parity,
                plain: &code.plain,
                transform: &whitened.transform,
                columns: &whitened.columns,
                scale: &whitened.scale,
                live: &memory.kept,
                checks: code.checks,
                unknown: code.unknown(named + located.liars.len()),
                lowest,
                independent: noise::independent(self.replies, &memory.live, code.unknown(named), r),
                alternating: code.basis.on_unit_circle().then_some(!code.checks.is_multiple_of(2)),
                beyond: code.options.uncertified,
            };
            match syndrome::search(&input, &mut memory.buffers, |k, r, t| code.bias(k, r, t)) {
                Outcome::Located { liars, certified, coarse } => {
                    located.certified &= certified;
                    let again = coarse && !liars.is_empty();
                    for &liar in &liars {
                        let word = &mut memory.words[liar * r..(liar + 1) * r];
                        sent.push((liar, word.to_vec()));
                        word.fill(0.0);
                        memory.kept[liar] = false;
                    }
                    located.liars.extend(liars);
                    if !again {
                        located.liars.sort_unstable();
                        sent.sort_unstable_by_key(|(liar, _)| *liar);
                        located.sent = sent.into_iter().flat_map(|(_, word)| word).collect();
                        return Ok(located);
                    }
                }
                Outcome::Refused(reason) => return Err(self.refusal(memory, &located.liars, reason)),
            }
        }
    }

    fn refusal(&self, memory: &Memory, suspected: &[usize], reason: &str) -> Error {
        let workers = 0..self.code.workers;
        let mut named: Vec<usize> = workers.clone().filter(|&i| memory.named[i]).collect();
        named.extend_from_slice(suspected);
        named.sort_unstable();
        named.dedup();
        Error::TooManyFaults {
            reason: reason.into(),
            erased: workers.filter(|&i| !self.replies.present[i]).collect(),
            suspected: named,
            tolerance: format!("{} of {} workers", self.code.tolerance, self.code.workers),
        }
    }
}
