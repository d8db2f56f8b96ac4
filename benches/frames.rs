//! Frames applied to columns of data, and the encoding of a matrix: `cargo bench --bench frames`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use steadfast::coding::{Encoding, FastFrame, Frame, GaussianFrame, Paley, Steiner, encode_rows};
use steadfast::data::{Dense, Matrix};
use steadfast::kernel::walsh_hadamard;
use steadfast::seed::Seed;

/// Columns at a time, as encoding takes them.
const COLUMNS: usize = 32;

fn values(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 0.618_033_988_749_894_9).fract() - 0.5).collect()
}

fn transform(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walsh-hadamard");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    for rows in [256, 4096, 65_536] {
        let mut data = values(rows * COLUMNS);
        group.throughput(Throughput::Bytes((8 * data.len()) as u64));
        group.bench_function(BenchmarkId::from_parameter(rows), |b| {
            b.iter(|| walsh_hadamard(black_box(&mut data), COLUMNS));
        });
    }
    group.finish();
}

fn frames(columns: usize) -> Vec<Box<dyn Frame>> {
    vec![
        Box::new(FastFrame::hadamard(columns, Seed(1)).expect("a frame")),
        Box::new(FastFrame::haar(columns, Seed(1)).expect("a frame")),
        Box::new(FastFrame::of_hadamard_etf(columns, Seed(1)).expect("a frame")),
        Box::new(Steiner::covering(columns).expect("a frame")),
        Box::new(Paley::covering(columns, Seed(1)).expect("a frame")),
        Box::new(GaussianFrame::new(columns, Seed(1)).expect("a frame")),
    ]
}

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    for columns in [496, 2016] {
        let x = values(columns * COLUMNS);
        for frame in frames(columns) {
            let mut out = vec![0.0; frame.rows() * COLUMNS];
            group.bench_function(BenchmarkId::new(frame.name(), columns), |b| {
                b.iter(|| frame.apply(COLUMNS, black_box(&x), &mut out));
            });
        }
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    let data = Matrix::Dense(Dense::new(2016, 500, values(2016 * 500)).expect("rows x cols values"));
    let fast: [Arc<dyn Frame>; 2] = [
        Arc::new(FastFrame::hadamard(2016, Seed(1)).expect("a frame")),
        Arc::new(Steiner::covering(2016).expect("a frame")),
    ];
    for frame in fast {
        let encoding = Encoding::new(frame, 16, Seed(1)).expect("an encoding");
        group.bench_function(BenchmarkId::new(encoding.frame().name(), "2016x500"), |b| {
            b.iter(|| encode_rows(&encoding, black_box(&data)).expect("shards"));
        });
    }
    group.finish();
}

criterion_group!(benches, transform, apply, encode);
criterion_main!(benches);
