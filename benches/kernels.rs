//! The CPU kernels by size and storage type, beside a plain loop.
//!
//! `cargo bench --bench kernels` runs the sizes that fit the caches; with `STEADFAST_BENCH_FULL=1` also those that stream from
//! memory. With `STEADFAST_BENCH_BEST=SECONDS` it prints instead, for every size named on the command line (`770x250`, or
//! `770x250x4` for 4 vectors), the best time of many runs, as `benches/peers/openblas_matvec.py` does for numpy. Run the two in
//! turn on a machine that does nothing else. All runs are in one thread but those of `batch`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use half::f16;
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::{Batch, CpuDevice, Device};
use steadfast::scalar::Element;

/// Shards of paper 002's experiment (10,000 x 250, 15 workers) for 1, 3 and 7 liars.
const IN_CACHE: [(usize, usize); 6] =
    [(770, 250), (20, 10_000), (1_112, 250), (28, 10_000), (10_000, 250), (250, 10_000)];
/// Shards of (20,000 x 22,000), 15 workers, for 1 liar.
const IN_MEMORY: [(usize, usize); 2] = [(1_539, 22_000), (1_693, 20_000)];

fn value(i: usize) -> f64 {
    // The fractional parts of the multiples of an irrational number: spread evenly, with no pattern in the rows.
    (i as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

fn dense<T: Element>(rows: usize, cols: usize) -> Matrix<T> {
    let values = (0..rows * cols).map(|i| T::from_f64(value(i))).collect();
    Matrix::Dense(Dense::new(rows, cols, values).expect("rows x cols values"))
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

fn vectors<A: Element>(len: usize) -> Vec<A> {
    (0..len).map(|i| A::from_f64(value(3 * i + 1))).collect()
}

/// Workers that all hold `shard`, and what they are asked.
struct Load<T: Element> {
    device: CpuDevice<T>,
    workers: Vec<usize>,
    transposed: bool,
    r: usize,
    broadcast: Vec<T::Acc>,
    replies: Vec<T::Acc>,
    bytes: usize,
}

impl<T: Element> Load<T> {
    fn new(threads: Option<usize>, shard: &Matrix<T>, workers: usize, transposed: bool, r: usize) -> Self {
        let mut device = CpuDevice::new(threads).expect("threads");
        for worker in 0..workers {
            device.upload(worker, Operand::ROWS, shard.clone()).expect("memory for the shards");
        }
        let (rows, cols) = (shard.rows(), shard.cols());
        let (inner, outer) = if transposed { (rows, cols) } else { (cols, rows) };
        Load {
            device,
            workers: (0..workers).collect(),
            transposed,
            r,
            broadcast: vectors(r * inner),
            replies: vectors(workers * r * outer),
            bytes: workers * shard.stored() * size_of::<T>(),
        }
    }

    fn run(&mut self) {
        let (transposed, vectors) = (self.transposed, self.r);
        let batch = Batch { operand: Operand::ROWS, transposed, vectors, workers: &self.workers };
        self.device.run(&batch, black_box(&self.broadcast), &mut self.replies).expect("lengths that fit");
        black_box(&self.replies);
    }
}

fn measure<T: Element>(c: &mut Criterion, kernel: &str, size: &str, mut load: Load<T>) {
    let mut group = c.benchmark_group(format!("{kernel}/cpu/{}", T::PRECISION));
    group.throughput(Throughput::Bytes(load.bytes as u64));
    group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| load.run()));
    group.finish();
}

/// One accumulator, no SIMD: what the kernels are measured against.
fn plain_loop(c: &mut Criterion, rows: usize, cols: usize) {
    let Matrix::Dense(shard) = dense::<f32>(rows, cols) else { return };
    let vector = vectors::<f32>(cols);
    let mut out = vec![0.0; rows];
    let mut group = c.benchmark_group("matvec/plain-loop/f32");
    group.throughput(Throughput::Bytes((rows * cols * size_of::<f32>()) as u64));
    group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}")), |b| {
        b.iter(|| {
            let vector = black_box(&vector);
            for (i, o) in out.iter_mut().enumerate() {
                *o = shard.row(i).iter().zip(vector).map(|(x, y)| x * y).sum();
            }
            black_box(&out);
        });
    });
    group.finish();
}

fn all(c: &mut Criterion, full: bool) {
    for &(rows, cols) in IN_CACHE.iter().chain(IN_MEMORY.iter().filter(|_| full)) {
        let size = format!("{rows}x{cols}");
        measure(c, "matvec", &size, Load::<f32>::new(Some(1), &dense(rows, cols), 1, false, 1));
        measure(c, "matvec", &size, Load::<f64>::new(Some(1), &dense(rows, cols), 1, false, 1));
        measure(c, "matvec", &size, Load::<f16>::new(Some(1), &dense(rows, cols), 1, false, 1));
        measure(c, "transposed", &size, Load::<f32>::new(Some(1), &dense(rows, cols), 1, true, 1));
        measure(c, "sparse", &size, Load::<f32>::new(Some(1), &sparse(rows, cols), 1, false, 1));
        measure(c, "sparse-transposed", &size, Load::<f32>::new(Some(1), &sparse(rows, cols), 1, true, 1));
        plain_loop(c, rows, cols);
    }
    for r in [2, 8, 32] {
        let size = format!("770x250x{r}");
        measure(c, "product", &size, Load::<f32>::new(Some(1), &dense(770, 250), 1, false, r));
        measure(c, "product", &size, Load::<f64>::new(Some(1), &dense(770, 250), 1, false, r));
        measure(c, "product", &size, Load::<f16>::new(Some(1), &dense(770, 250), 1, false, r));
        measure(c, "transposed-product", &size, Load::<f32>::new(Some(1), &dense(770, 250), 1, true, r));
        measure(c, "sparse-product", &size, Load::<f32>::new(Some(1), &sparse(770, 250), 1, false, r));
    }
    measure(c, "batch", "15x770x250", Load::<f32>::new(None, &dense(770, 250), 15, false, 1));
    measure(c, "batch", "15x20x10000", Load::<f32>::new(None, &dense(20, 10_000), 15, false, 1));
}

fn best<T: Element>(rows: usize, cols: usize, r: usize, limit: Duration) {
    let mut load = Load::<T>::new(Some(1), &dense(rows, cols), 1, false, r);
    let mut best = Duration::MAX;
    let mut runs = 0;
    let begin = Instant::now();
    while runs < 5 || begin.elapsed() < limit {
        let start = Instant::now();
        load.run();
        best = best.min(start.elapsed());
        runs += 1;
    }
    let seconds = best.as_secs_f64();
    let size = if r == 1 { format!("{rows}x{cols}") } else { format!("{rows}x{cols}x{r}") };
    println!("cpu {} {size} {:.2} us {:.1} GB/s", T::PRECISION, seconds * 1e6, load.bytes as f64 / seconds * 1e-9);
}

fn main() {
    if let Some(limit) = std::env::var("STEADFAST_BENCH_BEST").ok().and_then(|s| s.parse().ok()) {
        let limit = Duration::from_secs_f64(limit);
        for size in std::env::args().skip(1) {
            let numbers: Vec<usize> = size.split('x').filter_map(|n| n.parse().ok()).collect();
            let (rows, cols, r) = match numbers[..] {
                [rows, cols] => (rows, cols, 1),
                [rows, cols, r] => (rows, cols, r),
                _ => continue,
            };
            best::<f32>(rows, cols, r, limit);
            best::<f64>(rows, cols, r, limit);
            best::<f16>(rows, cols, r, limit);
        }
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    all(&mut criterion, std::env::var_os("STEADFAST_BENCH_FULL").is_some());
    criterion.final_summary();
}
