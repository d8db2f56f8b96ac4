//! `byzantine-rounds`: time of a worker and of the master in one two-round gradient of paper 002's experiment, m = 15, for
//! each number of liars. Worker: one thread, one worker at a time; the sum over both rounds of the maximum over workers of
//! the best repetition. Master: take the replies in, locate, decode, differentiate the loss; the sum over both rounds of
//! the best repetition.

use std::time::Instant;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use steadfast::coding::{DataCode, Layout, Replies, Workspace, encode_shard};
use steadfast::data::{Matrix, Operand, ShardStats, Synthetic, SyntheticKind};
use steadfast::device::multiply_one;
use steadfast::fleet::{Gather, Opcode, Request, Round};
use steadfast::run::{TrainConfig, make_code};
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};
use steadfast::{Error, Result};

use crate::args::ReproduceArgs;
use crate::output;

const WORKERS: usize = 15;

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
    located: usize,
    rounds: usize,
    /// Relative error of the decoded gradient product.
    error: f64,
}

/// One encoded product of the experiment with its honest replies.
struct Product {
    layout: Layout,
    stats: Vec<ShardStats>,
    broadcast: Vec<f32>,
    replies: Vec<Vec<f32>>,
    /// Best time of each worker.
    best: Vec<f64>,
}

/// Encodes worker by worker, times its product, keeps the reply and drops the shard.
fn product(
    features: &Matrix<f32>,
    operand: Operand,
    code: &dyn DataCode,
    broadcast: Vec<f32>,
    repetitions: usize,
) -> Result<Product> {
    let (rows, cols) =
        if operand == Operand::ROWS { (features.rows(), features.cols()) } else { (features.cols(), features.rows()) };
    let layout = Layout::new(rows, cols, code.blocks());
    let (mut stats, mut replies, mut best) = (Vec::new(), Vec::new(), Vec::new());
    for worker in 0..code.workers() {
        let (shard, facts) = encode_shard(features, operand, code.combination(worker))?;
        let mut reply = vec![0.0f32; layout.shard_rows];
        let mut least = f64::INFINITY;
        for _ in 0..repetitions {
            let start = Instant::now();
            multiply_one(&shard, &broadcast, 1, &mut reply)?;
            least = least.min(start.elapsed().as_secs_f64());
        }
        stats.push(facts);
        replies.push(reply);
        best.push(least);
    }
    Ok(Product { layout, stats, broadcast, replies, best })
}

/// What the master keeps between rounds.
struct Master<'a> {
    code: &'a dyn DataCode,
    round: Round,
    workspace: Workspace,
    widened: Vec<f64>,
    rng: ChaCha8Rng,
    number: u64,
    located: usize,
}

impl Master<'_> {
    /// Best time of one round with `liars` lies N(0, 100^2), new liars each repetition.
    fn time(
        &mut self,
        product: &Product,
        liars: usize,
        repetitions: usize,
        labels: Option<&[f64]>,
        out: &mut [f64],
    ) -> Result<f64> {
        let noise = Normal::new(0.0f64, 100.0).map_err(|e| Error::Numerical(e.to_string()))?;
        let broadcast: Vec<f64> = product.broadcast.iter().map(|&x| f64::from(x)).collect();
        let caps = vec![f64::INFINITY; WORKERS];
        let mut least = f64::INFINITY;
        let mut order: Vec<usize> = (0..WORKERS).collect();
        let mut residuals = vec![0.0; labels.map_or(0, <[f64]>::len)];
        for _ in 0..repetitions {
            order.shuffle(&mut self.rng);
            let mut truth = order[..liars].to_vec();
            truth.sort_unstable();
            let mut received = product.replies.clone();
            for &liar in &truth {
                for x in &mut received[liar] {
                    *x += narrow(noise.sample(&mut self.rng));
                }
            }
            self.number += 1;
            let request = Request { round: self.number, opcode: Opcode::Product, operand: Operand::ROWS, vectors: 1 };
            let start = Instant::now();
            self.round.begin(&request, product.layout.shard_rows, Gather::All, &caps)?;
            for (worker, reply) in received.iter().enumerate() {
                self.widened.clear();
                self.widened.extend(reply.iter().map(|&x| f64::from(x)));
                self.round.offer(worker, self.number, &self.widened, 0.0, &|_, _| false)?;
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
                round: self.number,
            };
            let report = self.code.decode(&replies, &mut self.workspace, out)?;
            if let Some(labels) = labels {
                for ((r, z), y) in residuals.iter_mut().zip(out.iter()).zip(labels) {
                    *r = z - y;
                }
            }
            least = least.min(start.elapsed().as_secs_f64());
            self.located += usize::from(report.liars == truth);
        }
        std::hint::black_box(&residuals);
        Ok(least)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the workers' arithmetic is f32")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// One line: worker and master at (n, d) with t liars.
fn measure(features: &Matrix<f32>, labels: &[f64], liars: usize, repetitions: usize, seed: Seed) -> Result<Row> {
    let config = TrainConfig { workers: WORKERS, liars, ..TrainConfig::default() };
    let code = make_code(&config)?;
    let mut rng = seed.stream(Purpose::Experiment, 0, 1);
    let unit = Normal::new(0.0f64, 1.0).map_err(|e| Error::Numerical(e.to_string()))?;
    let weights: Vec<f32> = (0..features.cols()).map(|_| narrow(0.1 * unit.sample(&mut rng))).collect();
    let first = product(features, Operand::ROWS, &*code, weights, repetitions)?;
    let mut master = Master {
        code: &*code,
        round: Round::new(WORKERS),
        workspace: Workspace::default(),
        widened: Vec::new(),
        rng,
        number: 0,
        located: 0,
    };
    let rounds = repetitions.max(20);
    let mut margins = vec![0.0; features.rows()];
    let first_master = master.time(&first, liars, rounds, Some(labels), &mut margins)?;
    let residuals: Vec<f64> = margins.iter().zip(labels).map(|(z, y)| z - y).collect();
    let second =
        product(features, Operand::COLUMNS, &*code, residuals.iter().map(|&x| narrow(x)).collect(), repetitions)?;
    let mut gradient = vec![0.0; features.cols()];
    let second_master = master.time(&second, liars, rounds, None, &mut gradient)?;
    let mut exact = vec![0.0; features.cols()];
    let sent: Vec<f64> = second.broadcast.iter().map(|&x| f64::from(x)).collect();
    features.multiply_transposed(&sent, 1, &mut exact);
    let distance: f64 = gradient.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum();
    let size: f64 = exact.iter().map(|b| b * b).sum();
    let max = |p: &Product| p.best.iter().copied().fold(0.0, f64::max);
    let sum = |p: &Product| p.best.iter().sum::<f64>();
    Ok(Row {
        rows: features.rows(),
        cols: features.cols(),
        liars,
        worker_ms: 1e3 * (max(&first) + max(&second)),
        master_ms: 1e3 * (first_master + second_master),
        all_workers_ms: 1e3 * (sum(&first) + sum(&second)),
        located: master.located,
        rounds: 2 * rounds,
        error: (distance / size).sqrt(),
    })
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let seed = Seed(args.seed);
    let sizes: &[(usize, usize, usize, usize)] =
        if args.full { &[(10_000, 250, 7, 200), (20_000, 22_000, 3, 5)] } else { &[(10_000, 250, 7, 200)] };
    println!("m = {WORKERS}, f32, one thread; lies N(0, 100^2), new liars every round");
    println!(
        "{:>6} {:>6} {:>2} {:>10} {:>10} {:>12} {:>9} {:>9}",
        "n", "d", "t", "worker ms", "master ms", "all workers", "located", "error"
    );
    let mut rows = Vec::new();
    for &(n, d, most, repetitions) in sizes {
        let generated =
            Synthetic { rows: n, cols: d, kind: SyntheticKind::Regression { noise: 1.0 } }.generate::<f32>(seed)?;
        let labels = generated.data.labels.real()?;
        for liars in 1..=most {
            let row = measure(&generated.data.features, &labels, liars, args.trials.unwrap_or(repetitions), seed)?;
            println!(
                "{:6} {:6} {:2} {:10.4} {:10.4} {:12.3} {:>9} {:9.1e}",
                row.rows,
                row.cols,
                row.liars,
                row.worker_ms,
                row.master_ms,
                row.all_workers_ms,
                format!("{}/{}", row.located, row.rounds),
                row.error
            );
            rows.push(row);
        }
    }
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(rows.iter().any(|r| r.located != r.rounds)))
}
