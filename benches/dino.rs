//! Iterations of the methods of paper 003: local solves of five workers on 2,000 synthetic rows of 40 features.
//!
//! `cargo bench --bench dino`

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{TrainConfig, Training};

/// Iterations of a run, after which it has not converged.
const ITERATIONS: usize = 3;

fn main() {
    let source: Source = "synthetic:logistic,rows=2000,cols=40,condition=100".parse().expect("a source");
    let data = load(&source, &LoadOptions::default()).expect("generated").data;
    let mut c = Criterion::default().configure_from_args();
    let mut group = c.benchmark_group(format!("dino/2000x40, {ITERATIONS} iterations"));
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(2));
    for method in ["dino", "dingo", "hessian-free-giant", "disco", "inexact-dane", "coded-dino"] {
        group.bench_function(method, |b| {
            b.iter(|| {
                let config = TrainConfig {
                    task: Some("logistic".into()),
                    method: method.into(),
                    l2: 1e-4,
                    workers: 5,
                    iterations: ITERATIONS,
                    tolerance: 0.0,
                    ..TrainConfig::default()
                };
                black_box(Training::new(config).run(data.clone()).expect("a run").record.end.objective)
            });
        });
    }
    group.finish();
    c.final_summary();
}
