//! The CPU kernels by size and storage type, beside a plain loop.
//!
//! `cargo bench --bench kernels` runs the sizes that fit the cache; with `STEADFAST_BENCH_FULL=1` also those that stream from
//! memory. With `STEADFAST_BENCH_BEST=SECONDS` it prints instead, for every size, the best time of many runs, as
//! `benches/peers/openblas_matvec.py` does for numpy; sizes may then be named on the command line (`770x250 20x10000`).
//! Run the two in turn on a machine that does nothing else.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use half::f16;
use steadfast::data::{Dense, Matrix};
use steadfast::device::multiply_one;
use steadfast::scalar::Element;

/// Shards of paper 002's experiment (10,000 x 250, 15 workers), for few and for many liars.
const IN_CACHE: [(usize, usize); 4] = [(770, 250), (20, 10_000), (1_112, 250), (28, 10_000)];
/// Shards of the same experiment that leave the second-level cache, and of (20,000 x 22,000).
const FULL: [(usize, usize); 4] = [(10_000, 250), (250, 10_000), (1_539, 22_000), (1_693, 20_000)];

fn value(i: usize) -> f64 {
    // The fractional parts of the multiples of an irrational number: spread evenly, with no pattern in the rows.
    (i as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

fn dense<T: Element>(rows: usize, cols: usize) -> Matrix<T> {
    let values = (0..rows * cols).map(|i| T::from_f64(value(i))).collect();
    Matrix::Dense(Dense::new(rows, cols, values).expect("rows x cols values"))
}

fn vectors<A: Element>(len: usize) -> Vec<A> {
    (0..len).map(|i| A::from_f64(value(3 * i + 1))).collect()
}

/// One accumulator, no SIMD: what the kernels are measured against.
fn plain(shard: &Matrix<f32>, vector: &[f32], out: &mut [f32]) {
    if let Matrix::Dense(a) = shard {
        for (i, o) in out.iter_mut().enumerate() {
            *o = a.row(i).iter().zip(vector).map(|(x, y)| x * y).sum();
        }
    }
}

fn product<T: Element>(c: &mut Criterion, rows: usize, cols: usize, r: usize) {
    let shard = dense::<T>(rows, cols);
    let v = vectors::<T::Acc>(r * cols);
    let mut out = vectors::<T::Acc>(rows * r);
    let (group, size) =
        if r == 1 { ("matvec", format!("{rows}x{cols}")) } else { ("product", format!("{rows}x{cols}x{r}")) };
    let mut group = c.benchmark_group(format!("{group}/cpu/{}", T::PRECISION));
    group.throughput(Throughput::Bytes((rows * cols * size_of::<T>()) as u64));
    group.bench_function(BenchmarkId::from_parameter(size), |b| {
        b.iter(|| multiply_one(&shard, black_box(&v), r, &mut out));
    });
    group.finish();
}

fn all(c: &mut Criterion, full: bool) {
    for &(rows, cols) in IN_CACHE.iter().chain(FULL.iter().filter(|_| full)) {
        product::<f32>(c, rows, cols, 1);
        product::<f64>(c, rows, cols, 1);
        product::<f16>(c, rows, cols, 1);
        let shard = dense::<f32>(rows, cols);
        let v = vectors::<f32>(cols);
        let mut out = vec![0.0; rows];
        let mut group = c.benchmark_group("matvec/plain-loop/f32");
        group.throughput(Throughput::Bytes((rows * cols * 4) as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}")), |b| {
            b.iter(|| plain(&shard, black_box(&v), &mut out));
        });
        group.finish();
    }
    for r in [4, 32] {
        product::<f32>(c, 770, 250, r);
        product::<f64>(c, 770, 250, r);
        product::<f16>(c, 770, 250, r);
    }
}

fn best_of(limit: Duration, mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let mut runs = 0;
    let begin = Instant::now();
    while runs < 5 || begin.elapsed() < limit {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn best<T: Element>(rows: usize, cols: usize, r: usize, limit: Duration) {
    let shard = dense::<T>(rows, cols);
    let v = vectors::<T::Acc>(r * cols);
    let mut out = vectors::<T::Acc>(rows * r);
    let seconds = best_of(limit, || multiply_one(&shard, black_box(&v), r, &mut out).expect("lengths that fit"));
    println!(
        "cpu {} {rows}x{cols}x{r} {:.2} us {:.1} GB/s {:.1} GFLOP/s",
        T::PRECISION,
        seconds * 1e6,
        (rows * cols * size_of::<T>()) as f64 / seconds * 1e-9,
        (2 * r * rows * cols) as f64 / seconds * 1e-9,
    );
}

fn faer_best(rows: usize, cols: usize, r: usize, limit: Duration) {
    use faer::{Accum, MatMut, MatRef, Par};
    let a = vectors::<f32>(rows * cols);
    let v = vectors::<f32>(r * cols);
    let mut out = vectors::<f32>(rows * r);
    let s = best_of(limit, || {
        faer::linalg::matmul::matmul(
            MatMut::from_row_major_slice_mut(&mut out, rows, r),
            Accum::Replace,
            MatRef::from_row_major_slice(&a, rows, cols),
            MatRef::from_column_major_slice(&v, cols, r),
            1.0f32,
            Par::Seq,
        )
    });
    println!("faer f32 {rows}x{cols}x{r} {:.2} us {:.1} GFLOP/s", s * 1e6, (2 * rows * cols * r) as f64 / s * 1e-9);
}

fn main() {
    let full = std::env::var_os("STEADFAST_BENCH_FULL").is_some();
    if let Some(limit) = std::env::var("STEADFAST_BENCH_BEST").ok().and_then(|s| s.parse().ok()) {
        let limit = Duration::from_secs_f64(limit);
        let sizes: Vec<Vec<usize>> = std::env::args()
            .skip(1)
            .map(|a| a.split('x').filter_map(|n| n.parse().ok()).collect::<Vec<_>>())
            .filter(|size| size.len() == 2 || size.len() == 3)
            .collect();
        for size in sizes {
            let r = size.get(2).copied().unwrap_or(1);
            best::<f32>(size[0], size[1], r, limit);
            best::<f64>(size[0], size[1], r, limit);
            if r > 1 {
                faer_best(size[0], size[1], r, limit);
            }
            best::<f16>(size[0], size[1], r, limit);
        }
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    all(&mut criterion, full);
    criterion.final_summary();
}
