//! The real-number code: its algebra, location of liars, refusal, and the bound of its certificate.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use steadfast::coding::{
    Certainty, DataCode, Layout, ParityOptions, RealParity, Replies, Report, Tolerance, Workspace,
};
use steadfast::data::ShardStats;
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};

/// One encoded product with honest replies, computed as workers do in f32 or f64.
struct Product {
    layout: Layout,
    precision: Precision,
    stats: Vec<ShardStats>,
    broadcast: Vec<f64>,
    honest: Vec<f64>,
    value: Vec<f64>,
    sigma: f64,
}

fn gaussian(stream: &mut impl rand::Rng, n: usize) -> Vec<f64> {
    (0..n).map(|_| StandardNormal.sample(stream)).collect()
}

impl Product {
    fn new(code: &dyn DataCode, rows: usize, cols: usize, precision: Precision, seed: u64) -> Self {
        let mut stream = Seed(seed).stream(Purpose::Experiment, 0, 0);
        let round = |x: f64| if precision == Precision::F64 { x } else { f64::from(x as f32) };
        let a: Vec<f64> = gaussian(&mut stream, rows * cols).into_iter().map(round).collect();
        let broadcast: Vec<f64> = gaussian(&mut stream, cols).into_iter().map(round).collect();
        let (q, m) = (code.blocks(), code.workers());
        let layout = Layout::new(rows, cols, q);
        let p = layout.shard_rows;
        let (mut honest, mut stats) = (Vec::new(), Vec::new());
        for worker in 0..m {
            let g = code.combination(worker);
            let mut shard = vec![0.0; p * cols];
            for b in 0..p {
                for j in (0..q).filter(|j| b * q + j < rows && g[*j] != 0.0) {
                    for c in 0..cols {
                        shard[b * cols + c] += g[j] * a[(b * q + j) * cols + c];
                    }
                }
            }
            shard.iter_mut().for_each(|x| *x = round(*x));
            let squares: f64 = shard.iter().map(|x| x * x).sum();
            stats.push(ShardStats {
                rows: p,
                stored: p * cols,
                rms_row_norm: (squares / p as f64).sqrt(),
                max_abs: shard.iter().fold(0.0, |t: f64, x| t.max(x.abs())),
            });
            for row in shard.chunks_exact(cols) {
                honest.push(if precision == Precision::F64 {
                    let mut sums = [0.0; 8];
                    row.iter().zip(&broadcast).enumerate().for_each(|(i, (x, v))| sums[i % 8] += x * v);
                    ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
                } else {
                    let mut sums = [0.0f32; 8];
                    row.iter().zip(&broadcast).enumerate().for_each(|(i, (x, v))| sums[i % 8] += *x as f32 * *v as f32);
                    f64::from(((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])))
                });
            }
        }
        let value = (0..rows).map(|i| (0..cols).map(|c| a[i * cols + c] * broadcast[c]).sum()).collect();
        let norm = broadcast.iter().map(|x| x * x).sum::<f64>().sqrt();
        let rho = stats.iter().map(|s| s.rms_row_norm).sum::<f64>() / m as f64;
        let sigma = precision.unit_roundoff() * rho * norm;
        Product { layout, precision, stats, broadcast, honest, value, sigma }
    }

    fn decode(
        &self,
        code: &dyn DataCode,
        values: &[f64],
        present: &[bool],
        round: u64,
        workspace: &mut Workspace,
        out: &mut [f64],
    ) -> steadfast::Result<Report> {
        let replies = Replies {
            values,
            present,
            implausible: &vec![false; code.workers()],
            layout: self.layout,
            vectors: 1,
            precision: self.precision,
            broadcast: &self.broadcast,
            stats: &self.stats,
            round,
            check: None,
        };
        code.decode(&replies, workspace, out)
    }

    fn error(&self, out: &[f64]) -> f64 {
        out.iter().zip(&self.value).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
    }
}

fn pick(stream: &mut impl rand::Rng, m: usize, n: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..m).collect();
    for i in 0..n {
        let j = stream.random_range(i..m);
        all.swap(i, j);
    }
    let mut set = all[..n].to_vec();
    set.sort_unstable();
    set
}

#[test]
fn generator_satisfies_the_check() {
    for m in 3..=16 {
        for t in 0..=m / 2 {
            for s in 0..m {
                let Ok(code) = RealParity::new(m, Tolerance { liars: t, stragglers: s }) else { continue };
                let (q, k) = (code.blocks(), code.checks());
                let h = code.parity_check();
                for a in 0..k {
                    for b in 0..k {
                        let d: f64 = (0..m).map(|i| h[a * m + i] * h[b * m + i]).sum();
                        assert!((d - f64::from(u8::from(a == b))).abs() < 1e-13);
                    }
                    for j in 0..q {
                        let d: f64 = (0..m).map(|i| h[a * m + i] * code.combination(i)[j]).sum();
                        assert!(d.abs() < 1e-13, "m {m} k {k}: {d}");
                    }
                }
            }
        }
    }
}

#[test]
fn independent_liars_are_located() {
    for t in 1..=7 {
        let code = RealParity::new(15, Tolerance { liars: t, stragglers: 0 }).unwrap();
        let product = Product::new(&code, 400 * code.blocks() - 1, 40, Precision::F32, t as u64);
        let p = product.layout.shard_rows;
        let mut workspace = Workspace::default();
        let mut out = vec![0.0; product.layout.rows];
        let (mut hits, mut worst, mut ratio) = (0, 0.0f64, 0.0f64);
        for trial in 0..200 {
            let mut stream = Seed(9).stream(Purpose::Attack, t as u64, trial);
            let liars = pick(&mut stream, 15, t);
            let mut values = product.honest.clone();
            for &i in &liars {
                let row = &mut values[i * p..(i + 1) * p];
                match trial % 3 {
                    0 => row
                        .iter_mut()
                        .for_each(|x| *x += 100.0 * Distribution::<f64>::sample(&StandardNormal, &mut stream)),
                    1 => row.iter_mut().for_each(|x| *x = -*x),
                    _ => row.fill(0.0),
                }
            }
            let report = product.decode(&code, &values, &[true; 15], trial, &mut workspace, &mut out).unwrap();
            assert_eq!(report.certainty, Certainty::Certified);
            hits += u32::from(report.liars == liars);
            let error = product.error(&out);
            assert!(error <= report.bound, "{error} {}", report.bound);
            worst = worst.max(error / product.sigma / (product.layout.rows as f64).sqrt());
            ratio = ratio.max(report.bound / error);
        }
        eprintln!("t {t}: {hits} hits, worst {worst:.3} sigma, bound/error {ratio:.1}");
        assert_eq!(hits, 200);
    }
    let _ = ParityOptions::default();
}

#[test]
fn clean_rounds_are_clean() {
    for (t, precision) in [(1, Precision::F32), (4, Precision::F64), (7, Precision::F32)] {
        let code = RealParity::new(15, Tolerance { liars: t, stragglers: 0 }).unwrap();
        let product = Product::new(&code, 400 * code.blocks() - 1, 40, precision, 3);
        let mut workspace = Workspace::default();
        let mut out = vec![0.0; product.layout.rows];
        for round in 0..1000 {
            let report = product.decode(&code, &product.honest, &[true; 15], round, &mut workspace, &mut out).unwrap();
            assert!(report.liars.is_empty(), "{t} {round} {report:?}");
            if round == 0 {
                let error = product.error(&out);
                eprintln!(
                    "t {t} {precision}: error {:.2e} bound {:.2e} residual {:.2e} noise/sigma {:.3}",
                    error,
                    report.bound,
                    report.residual,
                    report.noise / product.sigma
                );
                assert!(error <= report.bound);
            }
        }
    }
}

#[test]
#[ignore]
fn table() {
    let cells: Vec<(usize, usize)> = std::env::var("CELLS")
        .unwrap_or("15,1 15,3 15,5 15,7 30,10".into())
        .split(' ')
        .map(|c| {
            let (a, b) = c.split_once(',').unwrap();
            (a.parse().unwrap(), b.parse().unwrap())
        })
        .collect();
    let trials: usize = std::env::var("TRIALS").unwrap_or("200".into()).parse().unwrap();
    for (m, t) in cells {
        let start = std::time::Instant::now();
        let code = RealParity::new(m, Tolerance { liars: t, stragglers: 0 }).unwrap();
        eprintln!("({m},{t}) built {:?}", start.elapsed());
        for lie in steadfast::coding::Lie::ALL {
            let start = std::time::Instant::now();
            let c = steadfast::coding::envelope(&code, t, lie, trials, Seed(5)).unwrap();
            eprintln!(
                "({m},{t}) {:<14} located {:.3} refused {:.3} worst {:9.2} above {} ratio {:9.1} locate {:?} decode {:?}  ({:?})",
                format!("{lie:?}"),
                c.located,
                c.refused,
                c.worst_error,
                c.above_bound,
                c.bound_ratio,
                c.locate,
                c.decode,
                start.elapsed()
            );
        }
    }
}
