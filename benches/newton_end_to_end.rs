//! Training from end to end by Newton's methods and by L-BFGS: encoding, rounds over 15 simulated workers, Hessians, and the
//! final evaluation in f64.
//!
//! `cargo bench --bench newton_end_to_end` runs synthetic logistic regressions, well and ill conditioned. With
//! `STEADFAST_BENCH_FULL=1` and `STEADFAST_DATA` naming a folder with the set `letter`, it prints instead one run of each method
//! on `letter_am_poly3` (20,000 x 968, f64) with each of its reference optima, as `benches/peers/sklearn_logistic.py` does for
//! scikit-learn: seconds, iterations and the relative gap that was reached. Run the two in turn.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use steadfast::data::{Dataset, LoadOptions, ReferenceSets, Source, load};
use steadfast::run::{DeviceKind, TrainConfig, Trained, Training};

const METHODS: [&str; 3] = ["oversketched-newton", "newton", "lbfgs"];
/// F - F* over F* that the runs on real data are to reach, the same as scikit-learn's.
const RELATIVE_GAP: f64 = 1e-8;

fn train(data: &Dataset<f64>, method: &str, l2: f64, tolerance: f64) -> Trained {
    let config =
        TrainConfig { method: method.into(), l2, tolerance, device: DeviceKind::Cpu, ..TrainConfig::default() };
    let trained = Training::new(config).run(data.clone()).expect("a run");
    assert_eq!(trained.exit_status, 0, "{method}: {:?}", trained.error);
    trained
}

fn synthetic(c: &mut Criterion) {
    let mut group = c.benchmark_group("newton_end_to_end/3000x40");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(2));
    for condition in [1, 1000] {
        let source = format!("synthetic:logistic,rows=3000,cols=40,condition={condition}");
        let source: Source = source.parse().expect("a source");
        let data = load(&source, &LoadOptions::default()).expect("generated").data;
        for method in METHODS {
            group.bench_function(BenchmarkId::new(method, format!("condition-{condition}")), |b| {
                b.iter(|| black_box(train(&data, method, 1e-4, 1e-6).record.end.objective));
            });
        }
    }
    group.finish();
}

fn letter() {
    let sets = ReferenceSets::open().expect("the folder that STEADFAST_DATA names");
    let set = sets.get("letter_am_poly3").expect("the set letter in STEADFAST_DATA");
    let data = set.load().expect("a reference set");
    for problem in &set.problems {
        // The gap is at most |g|^2 / (2 l2).
        let tolerance = (2.0 * problem.l2 * RELATIVE_GAP * problem.optimum).sqrt();
        for method in METHODS {
            let start = Instant::now();
            let end = train(&data, method, problem.l2, tolerance).record.end;
            let seconds = start.elapsed().as_secs_f64();
            let gap = (end.objective - problem.optimum) / problem.optimum;
            println!(
                "{method} l2={:e}: {seconds:.2} s, {} iterations, relative gap {gap:.1e}",
                problem.l2, end.iterations
            );
            assert!(gap <= RELATIVE_GAP, "{method}: relative gap {gap:e}");
        }
    }
}

fn main() {
    if std::env::var_os("STEADFAST_BENCH_FULL").is_some() && std::env::var_os("STEADFAST_DATA").is_some() {
        letter();
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    synthetic(&mut criterion);
    criterion.final_summary();
}
