//! One block of the count-sketch, `S'A`, by storage type, beside the same sums with nalgebra.
//!
//! `cargo bench --bench sketch` runs a small size; with `STEADFAST_BENCH_FULL=1` also 100,000 x 120
//! and 20,000 x 968, which stream from memory, beside the rate at which a plain sum reads them.
//! The throughput counts the data once. All runs are in one thread but those of `threads`.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use half::f16;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::device::{CpuHessian, HessianScratch, sketch_rows};
use steadfast::kernel::{Curvature, SketchBlock, SketchKind};
use steadfast::scalar::Element;

fn value(i: usize) -> f64 {
    // The fractional parts of the multiples of an irrational number: spread evenly, with no pattern in the rows.
    (i as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

fn dense<T: Element>(rows: usize, cols: usize) -> Matrix<T> {
    let values = (0..rows * cols).map(|i| T::from_f64(value(i))).collect();
    let matrix = Matrix::Dense(Dense::new(rows, cols, values).expect("rows x cols values"));
    // Who computes Hessians asks for large pages: whatever reads these data here has them.
    let _ = CpuHessian::new(Cow::Borrowed(&matrix));
    matrix
}

/// Every 50th column of each row, from a place that moves from row to row.
fn sparse<T: Element>(rows: usize, cols: usize) -> Matrix<T> {
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        for j in (i * 7 % 50..cols).step_by(50) {
            indices.push(u32::try_from(j).expect("fewer than 2^32 columns"));
            values.push(T::from_f64(value(values.len())));
        }
        offsets.push(values.len());
    }
    Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).expect("ascending columns"))
}

/// A block of as many buckets as the Hessian has columns.
fn block(buckets: usize) -> SketchBlock {
    SketchBlock { kind: SketchKind::CountSketch, seed: 1, iteration: 2, block: 3, buckets }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// Every number read once and added up in 64 sums a thread: the rate at which the data come in.
fn plain_sum(c: &mut Criterion, threads: usize, rows: usize, cols: usize) {
    let Matrix::Dense(data) = dense::<f32>(rows, cols) else { return };
    let pool = pool(threads);
    let mut group = c.benchmark_group(if threads == 1 { "read/plain-sum/f32" } else { "read-threads/plain-sum/f32" });
    group.throughput(Throughput::Bytes((rows * cols * size_of::<f32>()) as u64));
    group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}")), |b| {
        pool.install(|| {
            b.iter(|| {
                let share = data.values().len().div_ceil(threads);
                black_box(data.values()).par_chunks(share).for_each(|numbers| {
                    let mut sums = [0.0f32; 64];
                    for numbers in numbers.as_chunks::<64>().0 {
                        sums.iter_mut().zip(numbers).for_each(|(s, x)| *s += x);
                    }
                    black_box(sums);
                });
            });
        });
    });
    group.finish();
}

fn measure<T: Element>(c: &mut Criterion, kernel: &str, threads: usize, data: &Matrix<T>, classes: usize) {
    let (rows, cols) = (data.rows(), data.cols());
    let factor: Vec<T::Acc> = (0..rows * classes).map(|_| T::Acc::from_f64(1.0 / classes as f64)).collect();
    let curvature = match classes {
        1 => Curvature::Scalar(&factor),
        _ => Curvature::Softmax { probabilities: &factor, classes, scale: T::Acc::from_f64(1.0) },
    };
    let width = classes * cols;
    let block = block(width);
    let mut scratch = HessianScratch::default();
    let mut out = vec![T::Acc::from_f64(0.0); width * width];
    let pool = pool(threads);
    let mut group = c.benchmark_group(format!("{kernel}/cpu/{}", T::PRECISION));
    group.throughput(Throughput::Bytes((data.stored() * size_of::<T>()) as u64));
    group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}x{classes}")), |b| {
        pool.install(|| {
            b.iter(|| {
                sketch_rows(black_box(data), &curvature, &block, &mut scratch, &mut out).expect("lengths that fit");
                black_box(&out);
            });
        });
    });
    group.finish();
}

/// Row by row into its bucket, as columns of nalgebra matrices.
fn nalgebra_reference(c: &mut Criterion, rows: usize, cols: usize) {
    let data = DMatrix::<f32>::from_fn(cols, rows, |j, i| value(i * cols + j) as f32);
    let roots = DVector::<f32>::from_element(rows, 1.0);
    let block = block(cols);
    let mut out = DMatrix::<f32>::zeros(cols, cols);
    let mut group = c.benchmark_group("sketch/nalgebra/f32");
    group.throughput(Throughput::Bytes((rows * cols * size_of::<f32>()) as u64));
    group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}x1")), |b| {
        b.iter(|| {
            out.fill(0.0);
            let data = black_box(&data);
            for i in 0..rows {
                let (bucket, minus) = block.bucket(i as u64);
                out.column_mut(bucket).axpy(if minus { -roots[i] } else { roots[i] }, &data.column(i), 1.0);
            }
            black_box(&out);
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let c = &mut criterion;
    let full = std::env::var_os("STEADFAST_BENCH_FULL").is_some();
    let sizes = [(4_000, 120), (100_000, 120), (20_000, 968)];
    for &(rows, cols) in &sizes[..if full { 3 } else { 1 }] {
        plain_sum(c, 1, rows, cols);
        plain_sum(c, 2, rows, cols);
        measure::<f32>(c, "sketch", 1, &dense(rows, cols), 1);
        measure::<f64>(c, "sketch", 1, &dense(rows, cols), 1);
        measure::<f16>(c, "sketch", 1, &dense(rows, cols), 1);
        measure::<f32>(c, "sketch-sparse", 1, &sparse(rows, cols), 1);
        measure::<f32>(c, "sketch-threads", 2, &dense(rows, cols), 1);
        nalgebra_reference(c, rows, cols);
    }
    measure::<f32>(c, "sketch", 1, &dense(4_000, 64), 10);
    criterion.final_summary();
}
