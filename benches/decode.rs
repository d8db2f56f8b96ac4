//! Locating liars and decoding one round, as the master does it: `cargo bench --bench decode`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;
use std::time::Duration;
use steadfast::coding::{DataCode, EncodedProduct, RealParity, Tolerance, Workspace};
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};

/// A round of `rows` rows in which the last t workers add Gaussian lies, or nobody lies.
fn round(criterion: &mut Criterion, m: usize, t: usize, rows: usize, lie: bool) {
    let code = RealParity::new(m, Tolerance { liars: t, stragglers: 0 }).expect("a code that exists");
    let product = EncodedProduct::new(&code, rows, 16, Precision::F32, Seed(1));
    let honest = product.answer(Seed(1), 0);
    let p = product.layout().shard_rows;
    let mut values = honest.replies.clone();
    if lie {
        let mut stream = Seed(1).stream(Purpose::Attack, 0, 0);
        for x in &mut values[(m - t) * p..] {
            *x += 100.0 * Distribution::<f64>::sample(&StandardNormal, &mut stream);
        }
    }
    let (present, implausible) = (vec![true; m], vec![false; m]);
    let mut workspace = Workspace::default();
    let mut out = vec![0.0; rows];
    let id = format!("{m},{t} p={p}");
    let mut group = criterion.benchmark_group(if lie { "lies" } else { "clean" });
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    let mut number = 0;
    group.bench_function(BenchmarkId::new("locate", &id), |b| {
        b.iter(|| {
            number += 1;
            let replies = product.replies(&honest, &values, &present, &implausible, number);
            black_box(code.locate(&replies, &mut workspace).expect("within the tolerance"))
        });
    });
    group.bench_function(BenchmarkId::new("locate and decode", &id), |b| {
        b.iter(|| {
            number += 1;
            let replies = product.replies(&honest, &values, &present, &implausible, number);
            black_box(code.decode(&replies, &mut workspace, &mut out).expect("within the tolerance"))
        });
    });
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    for t in 1..=7 {
        round(criterion, 15, t, 10_000, true);
        round(criterion, 15, t, 10_000, false);
    }
    for (m, t) in [(30, 10), (150, 50), (1000, 100), (1000, 333)] {
        let q = m - 2 * t;
        round(criterion, m, t, q * 800, true);
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
