//! `byzantine-fig4` and `byzantine-fig5`: paper 002's Figures 4 and 5, the time of one iteration of coordinate descent on a
//! fraction of the coordinates, for each number of liars, m = 15; fraction 1 is the whole gradient. Worker: one thread, one
//! worker at a time; the sum over both rounds of the maximum over workers of the best repetition, each repetition on other
//! coordinates. Master: take the replies in, locate, decode, then the running margins and the loss's derivative (round one) or the
//! step (round two); the sum over both rounds of the best repetition. Without `--full` Figure 5's size is a tenth of the paper's
//! each way.

use std::ops::Range;
use std::time::Instant;

use rand_distr::{Distribution, Normal};
use steadfast::coding::{Layout, Workspace, encode_shard};
use steadfast::data::{Matrix, Operand, ShardStats, Synthetic, SyntheticKind};
use steadfast::device::{Batch, CpuDevice, Device, Part};
use steadfast::fleet::Round;
use steadfast::seed::{Purpose, Seed};
use steadfast::{Error, Result};

use super::line;
use super::rounds::{Master, Product, WORKERS, code, narrow};
use crate::args::ReproduceArgs;
use crate::output;

/// Fractions of the coordinates; the last is the gradient.
const FRACTIONS: [f64; 4] = [0.1, 0.25, 0.5, 1.0];

/// Figure 5 of the paper, seconds: for t = 1..6 worker and master at each fraction.
const PAPER: [[(f64, f64); 4]; 6] = [
    [(0.0020, 0.0120), (0.0073, 0.0182), (0.0122, 0.0199), (0.0493, 0.0214)],
    [(0.0044, 0.0187), (0.0092, 0.0212), (0.0188, 0.0277), (0.0953, 0.0393)],
    [(0.0054, 0.0201), (0.0118, 0.0242), (0.0269, 0.0324), (0.1213, 0.0561)],
    [(0.0063, 0.0253), (0.0159, 0.0327), (0.0488, 0.0468), (0.1602, 0.0610)],
    [(0.0107, 0.0342), (0.0328, 0.0460), (0.0776, 0.0738), (0.2943, 0.0826)],
    [(0.0205, 0.0717), (0.0764, 0.0833), (0.1330, 0.1088), (0.8929, 0.1227)],
];

/// Savings of a tenth of the coordinates that are promised at the full size: worker's and master's time.
const SAVED: (f64, f64) = (0.85, 0.40);

/// One line of the table.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    rows: usize,
    cols: usize,
    liars: usize,
    fraction: f64,
    /// tau and p2.
    block_rows: (usize, usize),
    worker_ms: f64,
    master_ms: f64,
    /// Multiply-adds of a worker, over the gradient's.
    work: f64,
    located: usize,
    rounds: u64,
    /// Relative error of the decoded partial gradient.
    error: f64,
    /// The paper's worker and master, where it gives them.
    paper_ms: Option<(f64, f64)>,
}

/// The facts of a part of a dense shard.
fn facts(shard: &Matrix<f32>, part: &Part) -> ShardStats {
    let (rows, columns) = match part {
        Part::Rows(rows) => (rows.clone(), 0..shard.cols()),
        Part::Columns(columns) => (0..shard.rows(), columns.clone()),
    };
    let (mut square, mut max_abs) = (0.0, 0.0f64);
    if let Matrix::Dense(a) = shard {
        for i in rows.clone() {
            let row = &a.values()[i * a.cols()..(i + 1) * a.cols()][columns.clone()];
            square += row.chunks(256).map(|c| c.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()).sum::<f64>();
            max_abs = row.iter().fold(max_abs, |most, &x| most.max(f64::from(x).abs()));
        }
    }
    let rows = rows.len();
    ShardStats { rows, stored: rows * columns.len(), rms_row_norm: (square / rows as f64).sqrt(), max_abs }
}

/// The products of one operand at every fraction, with the honest replies about the first coordinates.
struct Pass {
    products: Vec<Product>,
    /// tau of each.
    taken: Vec<usize>,
}

impl Pass {
    /// Encodes worker by worker and times its products; no two shards are in memory.
    fn new(
        features: &Matrix<f32>,
        operand: Operand,
        liars: usize,
        broadcast: &[f32],
        repetitions: usize,
    ) -> Result<Self> {
        let code = code(liars)?;
        let (d, q) = (features.cols(), code.blocks());
        let layout = Layout::of_operand(features.rows(), d, operand, q)?;
        let p2 = d.div_ceil(q);
        let taken: Vec<usize> = FRACTIONS.iter().map(|f| ((f * p2 as f64).round() as usize).clamp(1, p2)).collect();
        let columns = operand == Operand::COLUMNS;
        let mut products = Vec::new();
        for &tau in &taken {
            let touched = (tau * q).min(d);
            let (layout, sent) = if columns {
                (Layout::new(touched, layout.cols, q), broadcast)
            } else {
                (Layout { cols: touched, ..layout }, &broadcast[..touched])
            };
            products.push(Product {
                operand,
                layout,
                stats: Vec::new(),
                broadcast: sent.to_vec(),
                replies: vec![vec![0.0; layout.shard_rows]; WORKERS],
                best: vec![f64::INFINITY; WORKERS],
                device: CpuDevice::new(Some(1))?,
            });
        }
        let mut device = CpuDevice::new(Some(1))?;
        let batch = Batch { operand, transposed: false, vectors: 1, workers: &[0] };
        let part = |first: usize, tau: usize| {
            let rows = first..first + tau;
            if columns { Part::Rows(rows) } else { Part::Columns(rows.start * q..(rows.end * q).min(d)) }
        };
        for worker in 0..WORKERS {
            let (shard, _) = encode_shard(features, operand, code.combination(worker))?;
            for (product, &tau) in products.iter_mut().zip(&taken) {
                product.stats.push(facts(&shard, &part(0, tau)));
            }
            device.upload(0, operand, shard)?;
            for (product, &tau) in products.iter_mut().zip(&taken) {
                let mut scratch = vec![0.0; product.layout.shard_rows];
                for repetition in 0..=repetitions {
                    // Other coordinates every time, so that none are in a cache; the reply is about the first ones. The last
                    // block row may be short, and is left out of smaller sets.
                    let first = if tau == p2 { 0 } else { repetition * tau % (p2 - tau) };
                    let out = if repetition == 0 { &mut product.replies[worker] } else { &mut scratch };
                    let part = part(first, tau);
                    let start = Instant::now();
                    device.run_part(&batch, &part, &product.broadcast, out)?;
                    let seconds = start.elapsed().as_secs_f64();
                    product.best[worker] = product.best[worker].min(seconds);
                }
            }
        }
        Ok(Pass { products, taken })
    }
}

/// The rows of one number of liars.
fn measure(features: &Matrix<f32>, labels: &[f64], liars: usize, repetitions: usize, seed: Seed) -> Result<Vec<Row>> {
    let code = code(liars)?;
    let (n, d, q) = (features.rows(), features.cols(), code.blocks());
    let (p1, p2) = (n.div_ceil(q), d.div_ceil(q));
    let mut rng = seed.stream(Purpose::Experiment, 0, 1);
    let unit = Normal::new(0.0f64, 1.0).map_err(|e| Error::Numerical(e.to_string()))?;
    let change: Vec<f32> = (0..d).map(|_| narrow(0.1 * unit.sample(&mut rng))).collect();
    let residuals: Vec<f32> = (0..n).map(|_| narrow(unit.sample(&mut rng))).collect();
    let first = Pass::new(features, Operand::ROWS, liars, &change, repetitions)?;
    let second = Pass::new(features, Operand::COLUMNS, liars, &residuals, repetitions)?;
    let mut exact = vec![0.0; d];
    let sent: Vec<f64> = residuals.iter().map(|&x| f64::from(x)).collect();
    features.multiply_transposed(&sent, 1, &mut exact);
    let mut rows = Vec::new();
    for (at, &fraction) in FRACTIONS.iter().enumerate() {
        let (margins, partial) = (&first.products[at], &second.products[at]);
        let touched: Range<usize> = 0..partial.layout.rows;
        let (mut z, mut g) = (vec![0.0; n], vec![0.0; touched.len()]);
        let mut weights = vec![0.0; touched.len()];
        let mut master = Master {
            code: &*code,
            round: Round::new(WORKERS),
            workspace: Workspace::default(),
            residuals: Vec::new(),
            rng: rng.clone(),
            rounds: 0,
            located: 0,
        };
        let (mut first_best, mut second_best) = (f64::INFINITY, f64::INFINITY);
        let mut running = vec![0.0; n];
        for _ in 0..repetitions.max(20) {
            let decoded = master.time(margins, liars, Some(labels), &mut z)?;
            let start = Instant::now();
            running.iter_mut().zip(&z).for_each(|(sum, change)| *sum += change);
            first_best = first_best.min(decoded + start.elapsed().as_secs_f64());
            let decoded = master.time(partial, liars, None, &mut g)?;
            let start = Instant::now();
            weights.iter_mut().zip(&g).for_each(|(w, g)| *w -= 1e-3 * g);
            second_best = second_best.min(decoded + start.elapsed().as_secs_f64());
        }
        std::hint::black_box((&running, &weights));
        let distance: f64 = g.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum();
        let size: f64 = exact[touched.clone()].iter().map(|b| b * b).sum();
        let most = |p: &Product| p.best.iter().copied().fold(0.0, f64::max);
        let paper = ((n, d) == (20_000, 22_000)).then(|| PAPER.get(liars - 1)).flatten();
        rows.push(Row {
            rows: n,
            cols: d,
            liars,
            fraction,
            block_rows: (first.taken[at], p2),
            worker_ms: 1e3 * (most(margins) + most(partial)),
            master_ms: 1e3 * (first_best + second_best),
            work: (p1 * touched.len() + n * first.taken[at]) as f64 / (p1 * d + p2 * n) as f64,
            located: master.located,
            rounds: master.rounds,
            error: (distance / size).sqrt(),
            paper_ms: paper.map(|row| (1e3 * row[at].0, 1e3 * row[at].1)),
        });
    }
    Ok(rows)
}

/// Both figures: all lines of one size.
fn table(args: &ReproduceArgs, (n, d): (usize, usize), most: usize, repetitions: usize) -> Result<u8> {
    let seed = Seed(args.seed);
    let kind = SyntheticKind::Regression { noise: 1.0 };
    let data = Synthetic { rows: n, cols: d, kind }.generate::<f32>(seed)?.data;
    let labels = data.labels.real()?;
    line(args, format!("n = {n}, d = {d}, m = {WORKERS}, f32, one thread; lies N(0, 100^2), other liars every round"));
    line(
        args,
        format!(
            "{:>2} {:>8} {:>11} {:>10} {:>10} {:>10} {:>8} {:>9} {:>8} {:>17}",
            "t", "fraction", "tau/p2", "worker ms", "master ms", "total ms", "work", "located", "error", "paper's"
        ),
    );
    let (mut all, mut broken) = (Vec::new(), false);
    for liars in 1..=most {
        let rows = measure(&data.features, &labels, liars, args.trials.unwrap_or(repetitions), seed)?;
        for row in &rows {
            let located = format!("{}/{}", row.located, row.rounds);
            let paper = row.paper_ms.map_or("-".into(), |(worker, master)| format!("{worker:.1} + {master:.1}"));
            line(
                args,
                format!(
                    "{liars:2} {:8} {:>11} {:10.4} {:10.4} {:10.4} {:8.4} {located:>9} {:8.1e} {paper:>17}",
                    row.fraction,
                    format!("{}/{}", row.block_rows.0, row.block_rows.1),
                    row.worker_ms,
                    row.master_ms,
                    row.worker_ms + row.master_ms,
                    row.work,
                    row.error
                ),
            );
            broken |= row.located as u64 != row.rounds;
        }
        if let (Some(tenth), Some(whole)) = (rows.first(), rows.last()) {
            let saved = (1.0 - tenth.worker_ms / whole.worker_ms, 1.0 - tenth.master_ms / whole.master_ms);
            line(
                args,
                format!(
                    "   a tenth saves {:.0} % of the worker's, {:.0} % of the master's time",
                    100.0 * saved.0,
                    100.0 * saved.1
                ),
            );
            broken |= (n, d) == (20_000, 22_000) && (saved.0 < SAVED.0 || saved.1 < SAVED.1);
        }
        all.extend(rows);
    }
    if args.json {
        output::json(&serde_json::json!({"iterations": all}))?;
    }
    Ok(u8::from(broken))
}

/// Figure 4.
pub fn fig4(args: &ReproduceArgs) -> Result<u8> {
    table(args, (10_000, 250), 7, 200)
}

/// Figure 5.
pub fn fig5(args: &ReproduceArgs) -> Result<u8> {
    table(args, if args.full { (20_000, 22_000) } else { (2_000, 2_200) }, 6, if args.full { 5 } else { 50 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_experiment_locates_every_round_and_counts_what_the_theorem_says() -> Result<()> {
        let (n, d, t) = (300, 180, 3);
        let kind = SyntheticKind::Regression { noise: 1.0 };
        let data = Synthetic { rows: n, cols: d, kind }.generate::<f32>(Seed(5))?.data;
        let rows = measure(&data.features, &data.labels.real()?, t, 3, Seed(5))?;
        assert_eq!(rows.iter().map(|r| r.block_rows).collect::<Vec<_>>(), [(2, 20), (5, 20), (10, 20), (20, 20)]);
        for row in &rows {
            assert_eq!(row.located as u64, row.rounds, "{row:?}");
            // q = 9 divides d: exactly tau / p2 of the gradient's work.
            assert_eq!(row.work, row.block_rows.0 as f64 / 20.0);
            // Round-off of f32 products (2^-24, chains below 100) through a decoder of norm below 10.
            assert!(row.error < 1e-4, "{row:?}");
        }
        Ok(())
    }
}
