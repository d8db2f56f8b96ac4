//! Gram blocks: of a sketch, and of the exact Hessian, by storage type, beside the same product with nalgebra, and the full
//! one with faer, which computes both halves.
//!
//! `cargo bench --bench gram` runs a small size; with `STEADFAST_BENCH_FULL=1` also 20,000 x 968. The throughput counts the
//! multiplications and additions of one symmetric half, `n d (d + 1)`, for faer those of both, `2 n d^2`. All runs are in one thread but those of `threads`.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use half::f16;
use nalgebra::DMatrix;
use steadfast::data::{Dense, Matrix};
use steadfast::device::{CpuHessian, HessianDevice, HessianScratch, gram};
use steadfast::kernel::{Curvature, SketchBlock, SketchKind};
use steadfast::scalar::{Accumulator, Element};

fn value(i: usize) -> f64 {
    // The fractional parts of the multiples of an irrational number: spread evenly, with no pattern in the rows.
    (i as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

fn values<T: Element>(count: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64(value(i))).collect()
}

/// Runs `work` in a pool of `threads`.
fn measure(c: &mut Criterion, kernel: &str, threads: usize, (rows, cols): (usize, usize), work: impl FnMut() + Send) {
    measure_flops(c, kernel, threads, (rows, cols), rows * cols * (cols + 1), work);
}

/// The same, with another count of multiplications and additions.
fn measure_flops(
    c: &mut Criterion,
    kernel: &str,
    threads: usize,
    (rows, cols): (usize, usize),
    flops: usize,
    mut work: impl FnMut() + Send,
) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let mut group = c.benchmark_group(kernel);
    group.sample_size(10).throughput(Throughput::Elements(flops as u64));
    group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}")), |b| {
        pool.install(|| b.iter(&mut work));
    });
    group.finish();
}

fn plain<A: Accumulator>(c: &mut Criterion, threads: usize, rows: usize, cols: usize) {
    let data = values::<A>(rows * cols);
    let mut scratch = HessianScratch::default();
    let mut out = vec![A::ZERO; cols * cols];
    measure(c, &format!("gram/cpu-{threads}/{}", A::PRECISION), threads, (rows, cols), move || {
        gram(black_box(&data), cols, &mut scratch, &mut out).expect("lengths that fit");
        black_box(&out);
    });
}

fn exact<T: Element>(c: &mut Criterion, threads: usize, rows: usize, cols: usize) {
    let data = Matrix::Dense(Dense::<T>::new(rows, cols, values(rows * cols)).expect("rows x cols values"));
    let roots = vec![T::Acc::from_f64(0.5); rows];
    let mut device = CpuHessian::new(Cow::Owned(data));
    let mut out = vec![T::Acc::from_f64(0.0); cols * cols];
    measure(c, &format!("exact-gram/cpu-{threads}/{}", T::PRECISION), threads, (rows, cols), move || {
        device.exact_gram(black_box(&Curvature::Scalar(&roots)), 0..rows, &mut out).expect("lengths that fit");
        black_box(&out);
    });
}

/// One worker's block: `cols` buckets, so that ten of them are a sketch of 10 d rows.
fn sketched(c: &mut Criterion, rows: usize, cols: usize) {
    let data = Matrix::Dense(Dense::<f32>::new(rows, cols, values(rows * cols)).expect("rows x cols values"));
    let roots = vec![0.5; rows];
    let block = SketchBlock { kind: SketchKind::CountSketch, seed: 1, iteration: 2, block: 3, buckets: cols };
    let mut device = CpuHessian::new(Cow::Owned(data));
    measure(c, "sketched-gram/cpu-1/f32", 1, (rows, cols), move || {
        let take = &mut |_: usize, block: &[f32]| {
            black_box(block);
        };
        device.sketched_gram(black_box(&Curvature::Scalar(&roots)), &[block], take).expect("lengths that fit");
    });
}

fn nalgebra_reference(c: &mut Criterion, rows: usize, cols: usize) {
    let data = DMatrix::<f32>::from_vec(cols, rows, values(rows * cols));
    let mut out = DMatrix::<f32>::zeros(cols, cols);
    measure(c, "gram/nalgebra/f32", 1, (rows, cols), move || {
        let data = black_box(&data);
        data.mul_to(&data.transpose(), &mut out);
        black_box(&out);
    });
}

fn faer_reference<A: Accumulator + ComplexField>(c: &mut Criterion, rows: usize, cols: usize) {
    let data = values::<A>(rows * cols);
    let mut out = vec![A::ZERO; cols * cols];
    let (size, flops) = ((rows, cols), 2 * rows * cols * cols);
    measure_flops(c, &format!("gram/faer-full/{}", A::PRECISION), 1, size, flops, move || {
        let data = MatRef::from_row_major_slice(black_box(&data), rows, cols);
        let to = MatMut::from_column_major_slice_mut(&mut out, cols, cols);
        matmul(to, Accum::Replace, data.transpose(), data, <A as Element>::from_f64(1.0), Par::Seq);
        black_box(&out);
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let c = &mut criterion;
    let full = std::env::var_os("STEADFAST_BENCH_FULL").is_some();
    let sizes = [(2_000, 120), (20_000, 968)];
    for &(rows, cols) in &sizes[..if full { 2 } else { 1 }] {
        plain::<f32>(c, 1, rows, cols);
        plain::<f64>(c, 1, rows, cols);
        exact::<f32>(c, 1, rows, cols);
        exact::<f32>(c, 2, rows, cols);
        exact::<f64>(c, 1, rows, cols);
        exact::<f16>(c, 1, rows, cols);
        sketched(c, rows, cols);
        nalgebra_reference(c, rows, cols);
        faer_reference::<f32>(c, rows, cols);
        faer_reference::<f64>(c, rows, cols);
    }
    criterion.final_summary();
}
