//! `byzantine-large`: a thousand workers, of which 100 or 333 lie, with secret keys and without: are exactly the liars
//! named, and how long do the keyed check, location and decoding take the master?

use std::time::Instant;

use rand::seq::SliceRandom;
use steadfast::coding::{
    DataCode, KeyedCheck, Keys, Layout, ParityOptions, RealParity, Replies, ReplyCheck, Tolerance, Workspace,
    encode_shard, honest_noise,
};
use steadfast::data::{Matrix, Operand, ShardStats, Synthetic, SyntheticKind};
use steadfast::device::multiply_one;
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};
use steadfast::{Error, Result};

use super::{line, median};
use crate::args::ReproduceArgs;
use crate::output;

const WORKERS: usize = 1000;
const LIARS: [usize; 2] = [100, 333];
/// A worker's replies must be at least as many as there are liars for the code to separate liars without keys; 40,000 rows
/// give 50 and 120 of them, 120,000 give 150 and 360.
const ROWS: [usize; 2] = [40_000, 120_000];
const COLS: usize = 64;
/// Secret vectors a worker.
const KEYS: usize = 2;
/// What colluders add, in round-offs of an honest reply.
const SHIFT: f64 = 1e6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
enum Lie {
    SignFlip,
    AllOnes,
}

impl Lie {
    fn name(self) -> &'static str {
        match self {
            Lie::SignFlip => "sign-flip",
            Lie::AllOnes => "all-ones",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    rows: usize,
    liars: usize,
    lie: Lie,
    keys: usize,
    trials: usize,
    /// Rounds in which exactly the liars were named.
    located: usize,
    refused: usize,
    /// Rounds decoded with an error above the certificate's bound.
    silent: usize,
    /// Worst Euclidean error of a decoded value, relative to the value.
    worst_error: f64,
    /// Medians. The check is part of locating, and locating of decoding as a whole.
    check_ms: f64,
    locate_ms: f64,
    decode_ms: f64,
}

/// An encoded matrix with everything the master and the workers keep of it.
struct Encoded {
    data: Matrix<f32>,
    layout: Layout,
    shards: Vec<Matrix<f32>>,
    stats: Vec<ShardStats>,
    check: KeyedCheck,
}

impl Encoded {
    fn new(code: &dyn DataCode, rows: usize, seed: Seed) -> Result<Self> {
        let synthetic = Synthetic { rows, cols: COLS, kind: SyntheticKind::Regression { noise: 1.0 } };
        let data = synthetic.generate::<f32>(seed)?.data.features;
        let (mut shards, mut stats) = (Vec::with_capacity(WORKERS), Vec::with_capacity(WORKERS));
        let mut check = KeyedCheck::new(WORKERS);
        for worker in 0..WORKERS {
            let (shard, facts) = encode_shard(&data, Operand::ROWS, code.combination(worker))?;
            check.set(worker, Keys::make(seed, KEYS, worker, Operand::ROWS, &shard))?;
            shards.push(shard);
            stats.push(facts);
        }
        Ok(Encoded { layout: Layout::new(rows, COLS, code.blocks()), data, shards, stats, check })
    }

    /// The honest replies to a broadcast vector, and the exact value.
    fn answer(&self, broadcast: &[f32]) -> Result<(Vec<f64>, Vec<f64>)> {
        let mut reply = vec![0.0f32; self.layout.shard_rows];
        let mut replies = Vec::with_capacity(WORKERS * self.layout.shard_rows);
        for shard in &self.shards {
            multiply_one(shard, broadcast, 1, &mut reply)?;
            replies.extend(reply.iter().map(|&x| f64::from(x)));
        }
        let sent: Vec<f64> = broadcast.iter().map(|&x| f64::from(x)).collect();
        let mut value = vec![0.0; self.layout.rows];
        self.data.multiply(&sent, 1, &mut value);
        Ok((replies, value))
    }
}

/// `liars` of the workers, ascending, and the replies with their lies.
fn lies(lie: Lie, liars: usize, honest: &[f64], noise: f64, seed: Seed, trial: u64) -> (Vec<usize>, Vec<f64>) {
    let mut order: Vec<usize> = (0..WORKERS).collect();
    order.shuffle(&mut seed.stream(Purpose::Attack, 0, trial));
    order.truncate(liars);
    order.sort_unstable();
    let mut values = honest.to_vec();
    let length = honest.len() / WORKERS;
    for &liar in &order {
        for x in &mut values[liar * length..(liar + 1) * length] {
            match lie {
                Lie::SignFlip => *x = -*x,
                Lie::AllOnes => *x += SHIFT * noise,
            }
        }
    }
    (order, values)
}

/// One line: `trials` rounds, each with its own broadcast vector and liars.
fn measure(code: &RealParity, encoded: &Encoded, lie: Lie, keyed: bool, trials: usize, seed: Seed) -> Result<Row> {
    let liars = code.tolerance().liars;
    let (present, implausible) = (vec![true; WORKERS], vec![false; WORKERS]);
    let mut workspace = Workspace::default();
    let mut out = vec![0.0; encoded.layout.rows];
    let (mut check_ms, mut locate_ms, mut decode_ms) = (Vec::new(), Vec::new(), Vec::new());
    let (mut located, mut refused, mut silent) = (0, 0, 0);
    let mut worst_error: f64 = 0.0;
    let milliseconds = |start: Instant| 1e3 * start.elapsed().as_secs_f64();
    for trial in 0..trials as u64 {
        let mut stream = seed.stream(Purpose::Experiment, 1, trial);
        let normal = rand_distr::StandardNormal;
        let broadcast: Vec<f32> = (0..COLS).map(|_| rand_distr::Distribution::sample(&normal, &mut stream)).collect();
        let (honest, value) = encoded.answer(&broadcast)?;
        let sent: Vec<f64> = broadcast.iter().map(|&x| f64::from(x)).collect();
        let sigma0: Vec<f64> = encoded.stats.iter().map(|s| honest_noise(s, Precision::F32, &sent)).collect();
        let typical = sigma0.iter().sum::<f64>() / WORKERS as f64;
        let (truth, values) = lies(lie, liars, &honest, typical, seed, trial);
        let replies = Replies {
            values: &values,
            present: &present,
            implausible: &implausible,
            layout: encoded.layout,
            vectors: 1,
            precision: Precision::F32,
            broadcast: &sent,
            stats: &encoded.stats,
            check: keyed.then_some(&encoded.check as &dyn ReplyCheck),
            round: trial,
        };
        if let Some(check) = replies.check {
            let start = Instant::now();
            std::hint::black_box(check.caught(&replies, &sigma0));
            check_ms.push(milliseconds(start));
        }
        let start = Instant::now();
        let found = code.locate(&replies, &mut workspace);
        locate_ms.push(milliseconds(start));
        match found {
            Ok(_) => {}
            Err(Error::TooManyFaults { .. }) => {
                refused += 1;
                continue;
            }
            Err(other) => return Err(other),
        }
        let start = Instant::now();
        let report = code.decode(&replies, &mut workspace, &mut out)?;
        decode_ms.push(milliseconds(start));
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
        let error = norm(&mut out.iter().zip(&value).map(|(x, y)| x - y));
        worst_error = worst_error.max(error / norm(&mut value.iter().copied()));
        located += usize::from(report.liars == truth);
        silent += usize::from(error.is_nan() || error > report.bound);
    }
    Ok(Row {
        rows: encoded.layout.rows,
        liars,
        lie,
        keys: if keyed { KEYS } else { 0 },
        trials,
        located,
        refused,
        silent,
        worst_error,
        check_ms: median(&mut check_ms),
        locate_ms: median(&mut locate_ms),
        decode_ms: median(&mut decode_ms),
    })
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let seed = Seed(args.seed);
    let trials = args.trials.unwrap_or(5);
    line(
        args,
        format!(
            "m = {WORKERS}, n x {COLS} in f32, other liars every round; all-ones: {SHIFT:.0e} round-offs added to every \
             entry; times are medians, each holds the one to its left"
        ),
    );
    line(
        args,
        format!(
            "{:>4} {:>7} {:>4} {:9} {:>4} {:>7} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9}",
            "t", "n", "p", "lie", "keys", "located", "refused", "silent", "error", "check ms", "locate ms", "decode ms"
        ),
    );
    let mut rows = Vec::new();
    for liars in LIARS {
        let start = Instant::now();
        let options = ParityOptions { keyed: true, seed, ..ParityOptions::default() };
        let code = RealParity::with_options(WORKERS, Tolerance { liars, stragglers: 0 }, options)?;
        let built = start.elapsed().as_secs_f64();
        // The same matrices without keys: the option only says how many replies to wait for.
        let plain = RealParity::with_options(WORKERS, code.tolerance(), ParityOptions { keyed: false, ..options })?;
        for n in ROWS {
            let start = Instant::now();
            let encoded = Encoded::new(&code, n, seed)?;
            let encoding = start.elapsed().as_secs_f64();
            for lie in [Lie::SignFlip, Lie::AllOnes] {
                for keyed in [true, false] {
                    // Colluders are refused without keys, after everything was tried.
                    let trials = if keyed || args.full { trials } else { trials.min(1) };
                    let row = measure(if keyed { &code } else { &plain }, &encoded, lie, keyed, trials, seed)?;
                    line(
                        args,
                        format!(
                            "{:4} {:7} {:4} {:9} {:4} {:>7} {:7} {:6} {:9.1e} {:>9} {:9.1} {:9.1}",
                            row.liars,
                            row.rows,
                            encoded.layout.shard_rows,
                            lie.name(),
                            row.keys,
                            format!("{}/{trials}", row.located),
                            row.refused,
                            row.silent,
                            row.worst_error,
                            if keyed { format!("{:.1}", row.check_ms) } else { "-".into() },
                            row.locate_ms,
                            row.decode_ms,
                        ),
                    );
                    rows.push(row);
                }
            }
            line(args, format!("     code {built:.1} s; data, encoding and keys {encoding:.1} s"));
        }
    }
    if args.json {
        output::json(&rows)?;
    }
    // With keys exactly the liars are named; without them a round may be refused, never wrong beyond its bound.
    let broken = |r: &Row| r.silent > 0 || (r.keys > 0 && r.located < r.trials);
    Ok(u8::from(rows.iter().any(broken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_liars_change_their_replies() {
        let honest: Vec<f64> = (0..2 * WORKERS).map(|i| 1.0 + i as f64).collect();
        for lie in [Lie::SignFlip, Lie::AllOnes] {
            let (truth, values) = lies(lie, 100, &honest, 1e-3, Seed(1), 7);
            let changed: Vec<usize> = (0..WORKERS).filter(|&i| values[2 * i] != honest[2 * i]).collect();
            assert_eq!((truth.len(), &changed), (100, &truth));
            let (others, _) = lies(lie, 100, &honest, 1e-3, Seed(1), 8);
            assert_ne!(truth, others);
        }
    }
}
