//! `byzantine-rounds`: time of a worker and of the master in one two-round gradient of paper 002's experiment, m = 15, for
//! each number of liars. Worker: one thread, one worker at a time; the sum over both rounds of the maximum over workers of
//! the best repetition. Master: take the replies in, locate, decode, differentiate the loss; the sum over both rounds of
//! the best repetition. With `--full` also at the paper's large size, with the peak memory of encoding and one gradient.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use steadfast::coding::{DataCode, Layout, Replies, Workspace, encode_shard};
use steadfast::data::{Matrix, Operand, ShardStats, Synthetic, SyntheticKind};
use steadfast::device::{Batch, CpuDevice, Device};
use steadfast::fleet::{Clock, Faults, Gather, Opcode, Request, Round, SimulatedFleet};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle};
use steadfast::run::{TrainConfig, make_code};
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};
use steadfast::{Error, Result};

use super::line;
use super::memory::PeakMemory;
use crate::args::ReproduceArgs;
use crate::output;

pub(super) const WORKERS: usize = 15;

/// Encoded data up to this size are kept while workers and master take turns.
const RESIDENT_BYTES: usize = 3_000_000_000;

/// Peak memory promised, relative to encoded data and data together.
const PEAK: f64 = 1.15;

/// One line of the table.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    rows: usize,
    cols: usize,
    liars: usize,
    worker_ms: f64,
    master_ms: f64,
    all_workers_ms: f64,
    /// Rounds in which exactly the injected liars were named, of how many.
    located: u64,
    rounds: u64,
    /// Relative error of the decoded gradient product.
    error: f64,
}

/// One encoded product of the experiment with its honest replies, and the workers that give them: one thread, one worker at
/// a time, through the device that simulated workers use.
pub(super) struct Product {
    pub(super) operand: Operand,
    pub(super) layout: Layout,
    pub(super) stats: Vec<ShardStats>,
    pub(super) broadcast: Vec<f32>,
    pub(super) replies: Vec<Vec<f32>>,
    /// Best time of each worker.
    pub(super) best: Vec<f64>,
    /// Holds the shards of all workers, or of the last one where they are not kept.
    pub(super) device: CpuDevice<f32>,
}

impl Product {
    /// Encodes for all workers and keeps the shards ([`Product::answer`] then lets them work); or, where they would take
    /// too much memory, times `repetitions` products of a worker before the next worker's shard replaces its own.
    fn new(
        features: &Matrix<f32>,
        operand: Operand,
        code: &dyn DataCode,
        broadcast: Vec<f32>,
        keep: bool,
        repetitions: usize,
    ) -> Result<Self> {
        let layout = Layout::of_operand(features.rows(), features.cols(), operand, code.blocks())?;
        let mut product = Product {
            operand,
            layout,
            stats: Vec::new(),
            broadcast,
            replies: vec![vec![0.0; layout.shard_rows]; WORKERS],
            best: vec![f64::INFINITY; WORKERS],
            device: CpuDevice::new(Some(1))?,
        };
        for worker in 0..WORKERS {
            let (shard, facts) = encode_shard(features, operand, code.combination(worker))?;
            product.stats.push(facts);
            let slot = if keep { worker } else { 0 };
            product.device.upload(slot, operand, shard)?;
            for _ in 0..if keep { 1 } else { repetitions } {
                product.work(worker, slot)?;
            }
        }
        Ok(product)
    }

    /// Lets one worker, whose shard is at `slot`, work.
    fn work(&mut self, worker: usize, slot: usize) -> Result<()> {
        let batch = Batch { operand: self.operand, transposed: false, vectors: 1, workers: &[slot] };
        let start = Instant::now();
        self.device.run(&batch, &self.broadcast, &mut self.replies[worker])?;
        self.best[worker] = self.best[worker].min(start.elapsed().as_secs_f64());
        Ok(())
    }

    /// Lets all workers work, one after the other, so that none finds its shard where it left it in the nearest cache.
    fn answer(&mut self) -> Result<()> {
        (0..WORKERS).try_for_each(|worker| self.work(worker, worker))
    }
}

/// What the master keeps between rounds.
pub(super) struct Master<'a> {
    pub(super) code: &'a dyn DataCode,
    pub(super) round: Round,
    pub(super) workspace: Workspace,
    pub(super) residuals: Vec<f64>,
    pub(super) rng: ChaCha8Rng,
    pub(super) rounds: u64,
    pub(super) located: usize,
}

impl Master<'_> {
    /// Seconds of one round with `liars` lies N(0, 100^2) by workers drawn anew: replies taken in, liars
    /// located, the value decoded into `out`, and with `labels` the loss differentiated.
    pub(super) fn time(
        &mut self,
        product: &Product,
        liars: usize,
        labels: Option<&[f64]>,
        out: &mut [f64],
    ) -> Result<f64> {
        let noise = Normal::new(0.0f64, 100.0).map_err(|e| Error::Numerical(e.to_string()))?;
        let broadcast: Vec<f64> = product.broadcast.iter().map(|&x| f64::from(x)).collect();
        let caps = [f64::INFINITY; WORKERS];
        let mut order: Vec<usize> = (0..WORKERS).collect();
        order.shuffle(&mut self.rng);
        let mut truth = order[..liars].to_vec();
        truth.sort_unstable();
        let mut received = product.replies.clone();
        for &liar in &truth {
            for x in &mut received[liar] {
                *x += narrow(noise.sample(&mut self.rng));
            }
        }
        self.rounds += 1;
        self.residuals.resize(labels.map_or(0, <[f64]>::len), 0.0);
        let request = Request { round: self.rounds, opcode: Opcode::Product, operand: product.operand, vectors: 1 };
        let start = Instant::now();
        self.round.begin(&request, product.layout.shard_rows, Gather::All, &caps)?;
        for (worker, reply) in received.iter().enumerate() {
            self.round.offer(worker, self.rounds, reply, 0.0, &|_, _| false)?;
        }
        let replies = Replies {
            values: self.round.arena(),
            present: self.round.present(),
            implausible: self.round.implausible(),
            layout: product.layout,
            vectors: 1,
            precision: Precision::F32,
            broadcast: &broadcast,
            stats: &product.stats,
            check: None,
            round: self.rounds,
        };
        let report = self.code.decode(&replies, &mut self.workspace, out)?;
        if let Some(labels) = labels {
            for ((r, z), y) in self.residuals.iter_mut().zip(out.iter()).zip(labels) {
                *r = z - y;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        std::hint::black_box(&self.residuals);
        self.located += usize::from(report.liars == truth);
        Ok(seconds)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the workers' arithmetic is f32")]
pub(super) fn narrow(x: f64) -> f32 {
    x as f32
}

/// One line: worker and master at (n, d) with t liars. Small shards stay resident, and rounds of workers and master take
/// turns as in a run.
fn measure(features: &Matrix<f32>, labels: &[f64], liars: usize, repetitions: usize, seed: Seed) -> Result<Row> {
    let code = code(liars)?;
    let (n, d) = (features.rows(), features.cols());
    let encoded = encoded_numbers(n, d, code.blocks()) * size_of::<f32>();
    let keep = encoded < RESIDENT_BYTES;
    let mut rng = seed.stream(Purpose::Experiment, 0, 1);
    let unit = Normal::new(0.0f64, 1.0).map_err(|e| Error::Numerical(e.to_string()))?;
    let weights: Vec<f32> = (0..d).map(|_| narrow(0.1 * unit.sample(&mut rng))).collect();
    let mut first = Product::new(features, Operand::ROWS, &*code, weights, keep, repetitions)?;
    let mut master = Master {
        code: &*code,
        round: Round::new(WORKERS),
        workspace: Workspace::default(),
        residuals: Vec::new(),
        rng,
        rounds: 0,
        located: 0,
    };
    let mut margins = vec![0.0; n];
    let mut gradient = vec![0.0; d];
    let mut first_best = master.time(&first, liars, Some(labels), &mut margins)?;
    let residuals: Vec<f32> = master.residuals.iter().map(|&x| narrow(x)).collect();
    let mut second = Product::new(features, Operand::COLUMNS, &*code, residuals, keep, repetitions)?;
    let mut second_best = master.time(&second, liars, None, &mut gradient)?;
    // The master's rounds are short beside those of workers whose shards are not kept.
    for _ in 1..if keep { repetitions } else { repetitions.max(20) } {
        if keep {
            first.answer()?;
        }
        first_best = first_best.min(master.time(&first, liars, Some(labels), &mut margins)?);
        if keep {
            second.answer()?;
        }
        second_best = second_best.min(master.time(&second, liars, None, &mut gradient)?);
    }
    let mut exact = vec![0.0; d];
    let sent: Vec<f64> = second.broadcast.iter().map(|&x| f64::from(x)).collect();
    features.multiply_transposed(&sent, 1, &mut exact);
    let distance: f64 = gradient.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum();
    let size: f64 = exact.iter().map(|b| b * b).sum();
    let max = |p: &Product| p.best.iter().copied().fold(0.0, f64::max);
    let sum = |p: &Product| p.best.iter().sum::<f64>();
    Ok(Row {
        rows: n,
        cols: d,
        liars,
        worker_ms: 1e3 * (max(&first) + max(&second)),
        master_ms: 1e3 * (first_best + second_best),
        all_workers_ms: 1e3 * (sum(&first) + sum(&second)),
        located: master.located as u64,
        rounds: master.rounds,
        error: (distance / size).sqrt(),
    })
}

/// The code of the experiment.
pub(super) fn code(liars: usize) -> Result<Arc<dyn DataCode>> {
    make_code(&TrainConfig { workers: WORKERS, liars, ..TrainConfig::default() })
}

/// Numbers stored at all workers for both products of n x d data in q blocks.
fn encoded_numbers(n: usize, d: usize, blocks: usize) -> usize {
    WORKERS * (n.div_ceil(blocks) * d + d.div_ceil(blocks) * n)
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let seed = Seed(args.seed);
    // n, d, most liars, repetitions, and whether the memory is watched.
    let small = (10_000, 250, 7, 200, false);
    let sizes = if args.full { vec![small, (20_000, 22_000, 3, 5, true)] } else { vec![small] };
    line(args, format!("m = {WORKERS}, f32, one thread; lies N(0, 100^2), other liars every round"));
    line(
        args,
        format!(
            "{:>6} {:>6} {:>2} {:>10} {:>10} {:>12} {:>9} {:>9}",
            "n", "d", "t", "worker ms", "master ms", "all workers", "located", "error"
        ),
    );
    let (mut rows, mut peaks) = (Vec::new(), Vec::new());
    for (n, d, most, repetitions, watched) in sizes {
        let generated =
            Synthetic { rows: n, cols: d, kind: SyntheticKind::Regression { noise: 1.0 } }.generate::<f32>(seed)?;
        let labels = generated.data.labels.real()?;
        let features = generated.data.features;
        for liars in 1..=most {
            let row = measure(&features, &labels, liars, args.trials.unwrap_or(repetitions), seed)?;
            line(
                args,
                format!(
                    "{:6} {:6} {:2} {:10.4} {:10.4} {:12.3} {:>9} {:9.1e}",
                    row.rows,
                    row.cols,
                    row.liars,
                    row.worker_ms,
                    row.master_ms,
                    row.all_workers_ms,
                    format!("{}/{}", row.located, row.rounds),
                    row.error
                ),
            );
            rows.push(row);
            if watched {
                let peak = Peak::measure(&features, &labels, liars, seed)?;
                line(args, peak.describe());
                peaks.push(peak);
            }
        }
    }
    if args.json {
        output::json(&serde_json::json!({"rounds": rows, "peak_memory": peaks}))?;
    }
    let broken = rows.iter().any(|r| r.located != r.rounds) || peaks.iter().any(|p| p.ratio.is_some_and(|r| r > PEAK));
    Ok(u8::from(broken))
}

/// Memory of the whole path: data as read, encoded into a fleet on the CPU, and one gradient through it.
#[derive(Debug, Clone, serde::Serialize)]
struct Peak {
    liars: usize,
    data_bytes: usize,
    encoded_bytes: usize,
    /// `None` where the system doesn't tell.
    peak_bytes: Option<u64>,
    /// Peak over data and encoded data together.
    ratio: Option<f64>,
    /// False where the peak is that of the whole process so far, and so an upper bound.
    since_encoding: bool,
}

impl Peak {
    fn measure(features: &Matrix<f32>, labels: &[f64], liars: usize, seed: Seed) -> Result<Self> {
        let (n, d) = (features.rows(), features.cols());
        let code = code(liars)?;
        let data_bytes = features.stored() * size_of::<f32>();
        let encoded_bytes = encoded_numbers(n, d, code.blocks()) * size_of::<f32>();
        let memory = PeakMemory::begin();
        let fleet = SimulatedFleet::new(Box::new(CpuDevice::new(None)?), Faults::none(WORKERS), Clock::default());
        let options = OracleOptions { gather: Gather::All, keys: 0, seed };
        let mut oracle = CodedOracle::new(Cow::Borrowed(features), code, fleet, &options)?;
        let (mut residuals, mut gradient) = (vec![0.0; n], vec![0.0; d]);
        oracle.margins(&vec![0.1; d], &mut residuals)?;
        residuals.iter_mut().zip(labels).for_each(|(z, y)| *z -= y);
        oracle.pullback(&residuals, &mut gradient)?;
        std::hint::black_box(&gradient);
        let (peak_bytes, since_encoding) = (memory.bytes(), memory.since_beginning());
        let ratio = peak_bytes.map(|peak| peak as f64 / (data_bytes + encoded_bytes) as f64);
        Ok(Peak { liars, data_bytes, encoded_bytes, peak_bytes, ratio, since_encoding })
    }

    fn describe(&self) -> String {
        let gigabytes = |bytes: f64| format!("{:.3} GB", 1e-9 * bytes);
        let sizes = format!(
            "peak memory, t = {}: data {} + encoded {}",
            self.liars,
            gigabytes(self.data_bytes as f64),
            gigabytes(self.encoded_bytes as f64)
        );
        match (self.peak_bytes, self.ratio) {
            (Some(peak), Some(ratio)) => format!(
                "{sizes}, peak {}{}: {ratio:.3} (at most {PEAK})",
                gigabytes(peak as f64),
                if self.since_encoding { "" } else { " since the program began" }
            ),
            _ => format!("{sizes}; this system doesn't tell the peak"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_experiment_locates_every_round_and_encodes_what_it_says() -> Result<()> {
        let (n, d) = (300, 40);
        let kind = SyntheticKind::Regression { noise: 1.0 };
        let data = Synthetic { rows: n, cols: d, kind }.generate::<f32>(Seed(5))?.data;
        let row = measure(&data.features, &data.labels.real()?, 3, 4, Seed(5))?;
        assert_eq!((row.located, row.rounds), (8, 8));
        // Round-off of f32 products (2^-24, chains below 100) through a decoder of norm below 10.
        assert!(row.error < 1e-4, "{}", row.error);
        assert!(row.worker_ms > 0.0 && row.all_workers_ms >= row.worker_ms);
        let peak = Peak::measure(&data.features, &data.labels.real()?, 3, Seed(5))?;
        // 15 workers; 9 blocks: 34 rows of 40 numbers and 5 rows of 300.
        assert_eq!(peak.encoded_bytes, 15 * (34 * 40 + 5 * 300) * 4);
        Ok(())
    }
}
