//! Runs whose inner solves are computed on the device: they end at the minimum where runs on the CPU with rows of the same precision do.

use steadfast::data::{Dataset, LoadOptions, Source, load};
use steadfast::run::{DeviceKind, TrainConfig, Trained, Training};
use steadfast::scalar::Precision;

/// Unit round-off.
const U: f64 = f64::EPSILON / 2.0;
const L2: f64 = 1e-2;

fn device() -> DeviceKind {
    match std::env::var("STEADFAST_TEST_ADAPTER") {
        Ok(_) => DeviceKind::Gpu,
        Err(_) => DeviceKind::GpuSoftware,
    }
}

fn data(name: &str) -> Dataset<f64> {
    let source: Source = name.parse().unwrap();
    load(&source, &LoadOptions::default()).unwrap().data
}

fn config(method: &str) -> TrainConfig {
    TrainConfig {
        l2: L2,
        method: method.into(),
        workers: 5,
        iterations: 200,
        tolerance: 1e-7,
        precision: Some(Precision::F32),
        ..TrainConfig::default()
    }
}

fn train(config: TrainConfig, data: Dataset<f64>) -> Trained {
    let trained = Training::new(config).run(data).unwrap();
    assert!(trained.error.is_none(), "{:?}", trained.error);
    trained
}

/// Values and gradients are the CPU's, in f64: where a run has ended with a gradient g, F is at most `|g|^2 / (2 l2)` above its
/// minimum. F itself errs by a round-off a row.
fn compare(config: TrainConfig, data: Dataset<f64>) {
    let rows = data.features.rows() as f64;
    let on = |device| train(TrainConfig { device, ..config.clone() }, data.clone());
    let (cpu, gpu) = (on(DeviceKind::Cpu), on(device()));
    assert!(gpu.record.fleet.contains("gpu") && cpu.record.fleet.contains("cpu"), "{}", gpu.record.fleet);
    let (a, b) = (&cpu.record.end, &gpu.record.end);
    let above = (a.gradient_norm.powi(2) + b.gradient_norm.powi(2)) / (2.0 * config.l2);
    let apart = (a.objective - b.objective).abs();
    println!(
        "{}: {} and {} iterations, {apart:.1e} apart of at most {above:.1e}",
        config.method, a.iterations, b.iterations
    );
    assert!(b.gradient_norm <= config.tolerance, "{}: {:e}", config.method, b.gradient_norm);
    assert!(apart <= above + 2.0 * rows * U * a.objective, "{}: {apart:e} above {above:e}", config.method);
    for pair in gpu.record.iterations.windows(2) {
        let (before, after) = (pair[0].objective, pair[1].objective);
        let rises = after > before + 8.0 * U * before.abs();
        assert!(!rises || !config.method.starts_with("dino"), "{before} to {after}");
    }
}

#[test]
fn dense_rows() {
    let data = data("examples/data/breast_cancer.svm.xz");
    for method in ["dino", "dino:theta=1", "hessian-free-giant", "dingo", "disco"] {
        compare(config(method), data.clone());
    }
    compare(TrainConfig { precision: Some(Precision::F16), ..config("dino") }, data);
}

#[test]
fn several_classes_and_sparse_rows() {
    let softmax = |method: &str| TrainConfig { task: Some("softmax".into()), tolerance: 1e-4, ..config(method) };
    compare(softmax("hessian-free-giant"), data("examples/data/digits.svm.xz"));
    let sparse = data("examples/data/mushrooms.svm.xz");
    assert!(sparse.features.is_sparse());
    compare(config("hessian-free-giant"), sparse);
}

/// Directions of workers on the device beside a code: liars among them change nothing.
#[test]
fn beside_a_code() {
    let faulty = TrainConfig { workers: 15, liars: 4, inject_liars: 4, tolerance: 1e-5, ..config("coded-dino") };
    compare(faulty, data("examples/data/breast_cancer.svm.xz"));
}

/// What no device solves is refused.
#[test]
fn what_a_gpu_does_not_solve_is_refused() {
    for method in ["inexact-dane", "aide", "synchronous-sgd"] {
        let config = TrainConfig { device: device(), ..config(method) };
        let error = Training::new(config).run(data("examples/data/breast_cancer.svm.xz")).unwrap_err();
        assert!(error.exit_status() == 2 && error.to_string().contains("dingo"), "{error}");
    }
}
