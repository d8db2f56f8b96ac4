//! The kernels on the GPU: achieved share of the device's own copy bandwidth, one stream for all workers beside a stream each,
//! Hessian blocks, Walsh-Hadamard transforms, a step of inner solves, and iterations of consensus. `STEADFAST_BENCH_ADAPTER` names the
//! adapter; else it is the best one. Sizes are small on a software adapter and in test mode; on others Hessian blocks take 20,000 x
//! 968 and, with `STEADFAST_BENCH_FULL=1`, 300,000 x 3,000, and networks have 10,000 nodes.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::f16;
use rand::RngExt;
use steadfast::consensus::{LinkFaults, Options, Ridge, System, method_by_name, random_problem, solve};
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::gpu::{Adapter, GpuDevice, GpuElement, GpuHadamard, GpuHessian, GpuLocal, GpuOptions, Streams};
use steadfast::device::{
    Batch, Device, Factor, HessianDevice, LocalCurvature, LocalDevice, LocalForm, Op, SCALARS, Scalar, Vector,
};
use steadfast::kernel::walsh_hadamard::passes;
use steadfast::kernel::{Curvature, HadamardDevice, SketchBlock, SketchKind};
use steadfast::network::{MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::{Purpose, Seed};

fn adapter() -> Adapter {
    std::env::var("STEADFAST_BENCH_ADAPTER").map_or(Adapter::Any, Adapter::Named)
}

fn open<T: GpuElement>(streams: Streams) -> GpuDevice<T> {
    let options = GpuOptions { streams, timestamps: true, ..GpuOptions::default() };
    GpuDevice::open(&adapter(), options).expect("a GPU or a software Vulkan driver")
}

/// True where the full sizes would take hours.
fn small<T: GpuElement>(device: &GpuDevice<T>) -> bool {
    device.info().software || std::env::args().any(|a| a == "--test")
}

fn dense<T: GpuElement>(rows: usize, cols: usize) -> Matrix<T> {
    let mut random = Seed(1).stream(Purpose::Experiment, 0, 0);
    let values = (0..rows * cols).map(|_| T::from_f64(random.random_range(-1.0..1.0))).collect();
    Matrix::Dense(Dense::new(rows, cols, values).expect("rows x cols values"))
}

fn sparse<T: GpuElement>(rows: usize, cols: usize, per_row: usize) -> Matrix<T> {
    let mut random = Seed(1).stream(Purpose::Experiment, 0, 1);
    let step = cols / per_row;
    let indices: Vec<u32> = (0..rows)
        .flat_map(|_| {
            (0..per_row)
                .map(|k| u32::try_from(k * step + random.random_range(0..step)).unwrap_or(0))
                .collect::<Vec<_>>()
        })
        .collect();
    let values = indices.iter().map(|&c| T::from_f64(f64::from(c % 7) - 3.0)).collect();
    let offsets = (0..=rows).map(|i| i * per_row).collect();
    Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).expect("ascending columns"))
}

/// One product, timed by the device's own clock where it has one (the median of a criterion sample is the result).
fn product<T: GpuElement>(
    device: &mut GpuDevice<T>,
    batch: &Batch<'_>,
    vectors: &[f32],
    replies: &mut [f32],
) -> Duration {
    let start = std::time::Instant::now();
    device.run(batch, vectors, replies).expect("the device works");
    black_box(&replies);
    device.last_kernel_seconds().map_or(start.elapsed(), Duration::from_secs_f64)
}

fn share<T: GpuElement>(c: &mut Criterion, name: &str, workers: usize, shard: &Matrix<T>, roof: f64) {
    let mut device = open::<T>(Streams::Fused);
    for worker in 0..workers {
        device.upload(worker, Operand::ROWS, shard.clone()).expect("the shards fit");
    }
    let all: Vec<usize> = (0..workers).collect();
    // A sparse value comes with its column.
    let each = size_of::<T>() + if shard.is_sparse() { 4 } else { 0 };
    let bytes = (workers * shard.stored() * each) as u64;
    let mut group = c.benchmark_group(format!("gpu/{name}"));
    group.throughput(Throughput::Bytes(bytes)).sample_size(20);
    for (transposed, r) in [(false, 1), (true, 1), (false, 10), (true, 10)] {
        let (length, out) = if transposed { (shard.rows(), shard.cols()) } else { (shard.cols(), shard.rows()) };
        let vectors = vec![0.5; r * length];
        let mut replies = vec![0.0; workers * out * r];
        let batch = Batch { operand: Operand::ROWS, transposed, vectors: r, workers: &all };
        // The first product gathers the shards and compiles the kernels.
        product(&mut device, &batch, &vectors, &mut replies);
        let mut best = f64::INFINITY;
        let id = BenchmarkId::new(if transposed { "transposed" } else { "plain" }, format!("r={r}"));
        group.bench_function(id, |b| {
            b.iter_custom(|iterations| {
                (0..iterations)
                    .map(|_| {
                        let time = product(&mut device, &batch, &vectors, &mut replies);
                        best = best.min(time.as_secs_f64());
                        time
                    })
                    .sum()
            });
        });
        let rate = bytes as f64 / best;
        println!(
            "{name} {} r={r}: {:.3} ms, {:.1} GB/s, {:.0} % of the copy bandwidth",
            if transposed { "transposed" } else { "plain" },
            best * 1e3,
            rate * 1e-9,
            100.0 * rate / roof
        );
    }
    group.finish();
}

fn kernels(c: &mut Criterion) {
    let device = open::<f32>(Streams::Fused);
    let (workers, rows, cols, copied) =
        if small(&device) { (8, 256, 512, 1 << 24) } else { (64, 16_384, 4096, 1 << 30) };
    let roof = device.copy_bandwidth(copied).expect("memory for two copies");
    println!("{}: copies {:.1} GB/s, reads and writes counted", device.info().name, roof * 1e-9);
    share(c, &format!("dense-f32/{workers}x{rows}x{cols}"), workers, &dense::<f32>(rows, cols), roof);
    share(c, &format!("dense-f16/{workers}x{rows}x{cols}"), workers, &dense::<f16>(rows, cols), roof);
    share(c, &format!("csr-f32/{workers}x{rows}x{cols}"), workers, &sparse::<f32>(rows, cols, cols / 16), roof);
}

/// A thousand tiny workers: what recording and submitting costs.
fn streams(c: &mut Criterion) {
    let shard = dense::<f32>(16, 32);
    let all: Vec<usize> = (0..1000).collect();
    let mut group = c.benchmark_group("gpu/streams/1000x16x32");
    group.sample_size(20);
    for (name, streams) in [("fused", Streams::Fused), ("separate", Streams::Separate)] {
        let mut device = open::<f32>(streams);
        for worker in 0..1000 {
            device.upload(worker, Operand::ROWS, shard.clone()).expect("small shards fit");
        }
        let batch = Batch { operand: Operand::ROWS, transposed: false, vectors: 1, workers: &all };
        let mut replies = vec![0.0; 16_000];
        group.bench_function(name, |b| b.iter(|| device.run(&batch, &[0.5; 32], &mut replies)));
    }
    group.finish();
}

/// Ten sketched blocks of d buckets each, and the exact block: the throughput counts the multiplications and additions of one
/// symmetric half, `10 d d (d + 1)` and `n d (d + 1)`.
fn blocks<T: GpuElement>(c: &mut Criterion, name: &str, data: &Matrix<T>) {
    let options = GpuOptions { timestamps: true, ..GpuOptions::default() };
    let mut device = GpuHessian::open(&adapter(), options, data).expect("memory for the data");
    let (n, d) = (data.rows(), data.cols());
    let roots = vec![0.5; n];
    let curvature = Curvature::Scalar(&roots);
    let mut out = vec![0.0; d * d];
    let mut group = c.benchmark_group(format!("gpu/hessian/{name}/{n}x{d}"));
    group.sample_size(10);
    let mut iteration = 0;
    let mut sketched = |device: &mut GpuHessian<T>| {
        iteration += 1;
        let block = |block| SketchBlock { kind: SketchKind::CountSketch, seed: 1, iteration, block, buckets: d };
        let blocks: Vec<SketchBlock> = (0..10).map(block).collect();
        let take = &mut |_: usize, block: &[f32]| {
            black_box(block);
        };
        device.sketched_gram(&curvature, &blocks, take).expect("the device works");
    };
    // The first call makes the buffers and compiles the kernels.
    sketched(&mut device);
    group.throughput(Throughput::Elements((10 * d * d * (d + 1)) as u64));
    group.bench_function("sketched", |b| b.iter(|| sketched(&mut device)));
    println!("{name} {n}x{d}, ten sketched blocks: kernels {:?} s", device.last_kernel_seconds());
    device.exact_gram(&curvature, 0..n, &mut out).expect("the device works");
    group.throughput(Throughput::Elements((n * d * (d + 1)) as u64));
    group.bench_function("exact", |b| b.iter(|| device.exact_gram(&curvature, 0..n, &mut out)));
    println!("{name} {n}x{d}, an exact block: kernels {:?} s", device.last_kernel_seconds());
    group.finish();
}

fn hessians(c: &mut Criterion) {
    let device = open::<f32>(Streams::Fused);
    let full = std::env::var_os("STEADFAST_BENCH_FULL").is_some();
    let (rows, cols) = if small(&device) { (2_000, 120) } else { (20_000, 968) };
    blocks(c, "dense-f32", &dense::<f32>(rows, cols));
    blocks(c, "dense-f16", &dense::<f16>(rows, cols));
    blocks(c, "csr-f32", &sparse::<f32>(rows, cols, cols / 16));
    if full && !small(&device) {
        blocks(c, "dense-f32", &dense::<f32>(300_000, 3_000));
    }
}

/// Iterations of consensus: a ring of cliques of ten nodes, and of a network of 10,000 where the adapter is a hardware one; thirty
/// rounds and one look at the copies.
fn consensus(c: &mut Criterion) {
    let cliques = if small(&open::<f32>(Streams::Fused)) { 20 } else { 1000 };
    let graph = graph_by_name(&format!("ring-of-cliques:cliques={cliques},size=10"), Seed(0)).expect("a graph");
    let users = crown_users(cliques, 10);
    let mut group = c.benchmark_group(format!("gpu/consensus/{} nodes, 30 rounds", graph.nodes()));
    group.sample_size(10);
    for (kind, name) in [("quadratic", "opapc"), ("quadratic", "ssda"), ("logistic", "papc")] {
        let problem = random_problem(&format!("random:kind={kind},block=4"), &users, Seed(0)).expect("a problem");
        let optimum = problem.optimum().expect("an optimum");
        let (matrix, weighting, faults) = (MatrixKind::Partitioned, Weighting::Unit, LinkFaults::default());
        for gpu in [false, true] {
            let system =
                System::new(&problem, &graph, matrix, weighting, Ridge::Same, faults, Seed(0)).expect("a system");
            let system = if gpu { system.on_gpu(&adapter(), GpuOptions::default()) } else { Ok(system) };
            let mut system = system.expect("memory for the network");
            let mut method = method_by_name(name, &mut system).expect("a method");
            let mut rounds = system.exchange().counters().rounds;
            group.bench_function(BenchmarkId::new(format!("{kind} {name}"), if gpu { "gpu" } else { "cpu" }), |b| {
                b.iter(|| {
                    rounds += 30;
                    let options = Options { tolerance: 0.0, rounds, every: 30, ..Options::default() };
                    black_box(solve(&mut system, method.as_mut(), &optimum, &options).expect("a run"))
                });
            });
        }
    }
    group.finish();
}

/// Columns of twice as many rows as are given, as encoding has them: with the way there and back, and the kernels alone against the
/// copy bandwidth, each pass a read and a write of all.
fn transforms(c: &mut Criterion) {
    let device = open::<f32>(Streams::Fused);
    let (copied, sizes) =
        if small(&device) { (1 << 24, [(4096, 64), (32_768, 64)]) } else { (1 << 30, [(65_536, 512), (1 << 20, 512)]) };
    let roof = device.copy_bandwidth(copied).expect("memory for two copies");
    let mut group = c.benchmark_group("gpu/walsh-hadamard");
    group.sample_size(10);
    for (rows, cols) in sizes {
        let options = GpuOptions { timestamps: true, ..GpuOptions::default() };
        let mut device = GpuHadamard::open(&adapter(), options).expect("a GPU or a software Vulkan driver");
        let cols = cols.min(device.most_columns(rows));
        let places: Vec<u32> = (0..rows as u32).map(|at| if at % 2 == 0 { at / 2 } else { u32::MAX }).collect();
        let given = vec![0.5; rows / 2 * cols];
        let mut out = vec![0.0; rows * cols];
        let mut best = f64::INFINITY;
        group.throughput(Throughput::Bytes(4 * out.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{cols}")), |b| {
            b.iter(|| {
                device.transform(&places, cols, &given, &mut out).expect("the device works");
                best = best.min(device.last_kernel_seconds().unwrap_or(f64::INFINITY));
            });
        });
        let moved = 8 * out.len() * passes(rows).len();
        let share = 100.0 * moved as f64 / best / roof;
        println!("{rows} x {cols}: kernels {:.3} ms, {share:.0} % of the copy bandwidth", 1e3 * best);
    }
    group.finish();
}

/// A step of LSMR at workers of softmax, as many classes as digits: two products with each worker's Hessian and the arithmetic of
/// vectors, one submission and one read-back. The throughput counts the four passes over the rows of all workers.
fn inner_steps(c: &mut Criterion) {
    let device = open::<f32>(Streams::Fused);
    let (workers, rows, cols, classes) = if small(&device) { (5, 360, 64, 10) } else { (16, 8_192, 1024, 10) };
    let own = Arc::new(dense::<f32>(rows, cols));
    let parts: Vec<_> = (0..workers).map(|_| own.clone()).collect();
    let form = LocalForm { classes, scale: 1.0 / rows as f64, l2: 1e-2, penalized: cols };
    let options = GpuOptions { timestamps: true, ..GpuOptions::default() };
    let mut device = GpuLocal::open(&adapter(), options, &parts, form).expect("memory for the rows");
    let probabilities = vec![vec![1.0 / classes as f64; rows * classes]; workers];
    device.curve(&LocalCurvature::Softmax(probabilities)).expect("numbers that fit");
    (0..3).for_each(|v| device.write(Vector(v), &vec![1e-2; cols * classes]).expect("a vector"));
    let [alpha, beta] = [Scalar(0), Scalar(1)];
    let (u, v, image) = (Vector(0), Vector(1), Vector(2));
    let half = |from, to, over, under, norm| {
        [
            Op::Product { from, to: image },
            Op::Combine {
                to,
                keep: Some(Factor::ratio(over, under).minus()),
                from: image,
                times: Factor::inverse(over),
            },
            Op::Norm { a: to, to: norm },
        ]
    };
    let chain = [half(v, u, alpha, beta, beta), half(u, v, beta, alpha, alpha)].concat();
    let all: Vec<usize> = (0..workers).collect();
    let mut scalars = vec![[1.0; SCALARS]; workers];
    // The first chain compiles the kernels.
    device.run(&chain, &all, &mut scalars).expect("the device works");
    let mut group = c.benchmark_group(format!("gpu/local/{workers}x{rows}x{cols}, {classes} classes"));
    group.throughput(Throughput::Bytes((4 * workers * rows * cols * size_of::<f32>()) as u64)).sample_size(10);
    group.bench_function("lsmr step", |b| b.iter(|| device.run(&chain, &all, &mut vec![[1.0; SCALARS]; workers])));
    println!("an LSMR step of {workers} workers: kernels {:?} s", device.last_kernel_seconds());
    group.finish();
}

criterion_group!(benches, kernels, streams, hessians, transforms, inner_steps, consensus);
criterion_main!(benches);
