//! Whole rounds: a coded gradient (a product with X, one with X') through the oracle, on the paper's experiment with
//! 15 simulated workers of which t lie; data points decoded for a stochastic gradient, and rows appended; and a training run
//! from end to end. `cargo bench --bench rounds`.
//!
//! A round computes all fifteen workers' products on this machine's cores, so its time is not a worker's: that and the
//! master's share are in `steadfast reproduce byzantine-rounds`.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use steadfast::coding::{DataCode, RealParity, Tolerance, Uncoded};
use steadfast::data::{LoadOptions, Matrix, Source, load};
use steadfast::device::CpuDevice;
use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle, SampleOracle, StreamingOracle};
use steadfast::run::{DeviceKind, TrainConfig, Training};
use steadfast::seed::Seed;

const WORKERS: usize = 15;
/// Paper 002's smaller experiment.
const SIZE: (usize, usize) = (10_000, 250);

fn open(data: &Matrix<f32>, liars: usize, in_blocks: bool) -> CodedOracle<'_, SimulatedFleet<f32>> {
    let code: Arc<dyn DataCode> = match liars {
        0 => Arc::new(Uncoded::new(WORKERS).expect("a code")),
        t => Arc::new(RealParity::new(WORKERS, Tolerance { liars: t, stragglers: 0 }).expect("a code")),
    };
    let plan = FaultPlan::new(WORKERS, Seed(1)).changing(true).liars(liars, Attack::Gaussian { sigma: 100.0 });
    let (faults, _) = plan.split().expect("a plan");
    let fleet = SimulatedFleet::new(Box::new(CpuDevice::new(None).expect("threads")), faults, Clock::default());
    let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
    let open = if in_blocks { CodedOracle::with_blocks } else { CodedOracle::new };
    open(Cow::Borrowed(data), code, fleet, &options).expect("a loaded fleet")
}

fn gradient(criterion: &mut Criterion) {
    let (n, d) = SIZE;
    let data = features();
    let weights: Vec<f64> = (0..d).map(|j| f64::from((j as f32).sin())).collect();
    let (mut margins, mut out) = (vec![0.0; n], vec![0.0; d]);
    let mut group = criterion.benchmark_group(format!("gradient/{n}x{d}"));
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3));
    // Both products read every number of X once, whatever the code adds.
    group.throughput(Throughput::Bytes((2 * n * d * size_of::<f32>()) as u64));
    for liars in [0, 1, 3, 7] {
        let mut oracle = open(&data, liars, false);
        let name = if liars == 0 { "uncoded" } else { "liars" };
        group.bench_function(BenchmarkId::new(name, liars), |b| {
            b.iter(|| {
                oracle.margins(black_box(&weights), &mut margins).expect("within the tolerance");
                oracle.pullback(&margins, &mut out).expect("within the tolerance");
                assert_eq!(oracle.drain().certainty.is_certified(), liars > 0);
                black_box(&out);
            });
        });
    }
    group.finish();
}

/// The two rounds of an iteration of coordinate descent on a tenth of the block rows, other ones every time.
fn blocks(criterion: &mut Criterion) {
    let (n, d) = SIZE;
    let source: Source = format!("synthetic:regression,rows={n},cols={d}").parse().expect("a source");
    let data: Matrix<f32> = load(&source, &LoadOptions::default()).expect("generated").data.features.convert();
    let residuals: Vec<f64> = (0..n).map(|i| f64::from((i as f32).cos())).collect();
    let (mut margins, mut out) = (vec![0.0; n], vec![0.0; d]);
    let mut group = criterion.benchmark_group(format!("blocks/{n}x{d}"));
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3));
    for liars in [1, 3, 7] {
        let mut oracle = open(&data, liars, true);
        let mut first = 0;
        group.bench_function(BenchmarkId::new("liars", liars), |b| {
            b.iter(|| {
                let of = oracle.blocks().expect("an oracle of blocks");
                // Without the last block row, which may be short.
                let taken = (of.block_rows() / 10).max(1);
                let rows = first..first + taken;
                let change = &mut out[..taken * of.width()];
                of.block_pullback(rows.clone(), black_box(&residuals), change).expect("within the tolerance");
                of.block_margins(rows, change, &mut margins).expect("within the tolerance");
                first = (first + taken) % (of.block_rows() - taken);
                black_box((&margins, oracle.drain()));
            });
        });
    }
    group.finish();
}

fn features() -> Matrix<f32> {
    let (n, d) = SIZE;
    let source: Source = format!("synthetic:regression,rows={n},cols={d}").parse().expect("a source");
    load(&source, &LoadOptions::default()).expect("generated").data.features.convert()
}

fn samples(criterion: &mut Criterion) {
    let (n, d) = SIZE;
    let data = features();
    let mut group = criterion.benchmark_group(format!("samples/{n}x{d}"));
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for liars in [0, 1, 3, 7] {
        let mut oracle = open(&data, liars, false);
        for batch in [1, 32] {
            let rows: Vec<usize> = (0..batch).map(|i| i * 311 % n).collect();
            let mut out = vec![0.0; batch * d];
            group.bench_function(BenchmarkId::new(format!("{liars}-liars"), batch), |b| {
                b.iter(|| {
                    oracle.samples(black_box(&rows), &mut out).expect("within the tolerance");
                    black_box(oracle.drain());
                });
            });
        }
    }
    group.finish();
}

fn append(criterion: &mut Criterion) {
    let (n, d) = SIZE;
    let data = features();
    let code = Arc::new(RealParity::new(WORKERS, Tolerance { liars: 3, stragglers: 0 }).expect("a code"));
    let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
    let mut group = criterion.benchmark_group(format!("append/{n}x{d}"));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3));
    for rows in [1, 64] {
        let faults = FaultPlan::new(WORKERS, Seed(1)).split().expect("a plan").0;
        let fleet = SimulatedFleet::new(Box::new(CpuDevice::new(None).expect("threads")), faults, Clock::default());
        let mut stream =
            StreamingOracle::new(Cow::Borrowed(&data), code.clone(), fleet, &options).expect("a loaded fleet");
        let part = data.select_rows(&(0..rows).collect::<Vec<_>>());
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::new("rows", rows), |b| {
            b.iter(|| stream.append_rows(black_box(&part)).expect("rows that fit"));
        });
    }
    group.finish();
}

fn end_to_end(criterion: &mut Criterion) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.svm.xz");
    let data = load(&path.parse().expect("a path"), &LoadOptions::default()).expect("shipped data").data;
    let calm = TrainConfig { l2: 1e-3, device: DeviceKind::Cpu, ..TrainConfig::default() };
    let liars = TrainConfig { liars: 4, stragglers: 2, inject_liars: 4, inject_slow: 2, ..calm.clone() };
    let mut group = criterion.benchmark_group("end_to_end/breast_cancer");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(5));
    for (name, config) in [("uncoded", calm), ("4-liars-2-slow", liars)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let trained = Training::new(config.clone()).run(data.clone()).expect("a run");
                assert_eq!(trained.exit_status, 0);
                black_box(trained.record.end.objective)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, gradient, blocks, samples, append, end_to_end);
criterion_main!(benches);
