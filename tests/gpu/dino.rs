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
    for method in ["dino", "dino:theta=1", "hessian-free-giant", "dingo", "disco", "disco:preconditioner=first"] {
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

/// Steps of SVRG, the samples the same as on the CPU. A step of a sample's gradient does not magnify errors (its curvature is at most
/// |x|^2/4 + l2 with features in [-1, 1], and steps are shorter than 2 over that), and rounds it to f32: weights, below 8 after 20
/// rounds of 50 samples, are off by 8 units a step at most, and F by that times its slope, which is below the slope at 0.
#[test]
fn steps_of_svrg() {
    let data = data("examples/data/breast_cancer.svm.xz");
    for method in ["inexact-dane:step=0.01", "aide:step=0.01,tau=1"] {
        let config = TrainConfig { iterations: 20, tolerance: 0.0, ..config(method) };
        let on = |device| train(TrainConfig { device, ..config.clone() }, data.clone());
        let (cpu, gpu) = (on(DeviceKind::Cpu), on(device()));
        assert!(gpu.record.fleet.contains("gpu"), "{}", gpu.record.fleet);
        let (first, a, b) = (&cpu.record.iterations[0], &cpu.record.end, &gpu.record.end);
        let allowed = 20.0 * 50.0 * 8.0 * 8.0 * f64::from(f32::EPSILON) / 2.0 * 30f64.sqrt() * first.gradient_norm;
        let apart = (a.objective - b.objective).abs();
        println!("{method}: {:.8} and {apart:.1e} apart of at most {allowed:.1e}", a.objective);
        assert!(apart <= allowed && b.objective < first.objective, "{method}: {apart:e} above {allowed:e}");
    }
}

/// What no device computes is refused.
#[test]
fn what_a_gpu_does_not_compute_is_refused() {
    let config = TrainConfig { device: device(), ..config("synchronous-sgd") };
    let error = Training::new(config).run(data("examples/data/breast_cancer.svm.xz")).unwrap_err();
    assert!(error.exit_status() == 2 && error.to_string().contains("dingo"), "{error}");
}

/// Where curvature is negative: DINO's directions keep `<p, g> <= -theta |g|^2` whatever the inner solves round, so every step
/// descends by `rho theta a |g|^2` (Armijo), rho = 1e-4; GIANT stops at once and says why, on the device as on the CPU.
#[test]
fn a_loss_that_is_not_convex() {
    const RHO: f64 = 1e-4;
    const THETA: f64 = 1.0;
    let data = data("synthetic:regression,rows=1750,cols=64");
    let config = |method: &str| TrainConfig {
        task: Some("nonlinear-least-squares".into()),
        workers: 50,
        iterations: 10,
        device: device(),
        ..config(method)
    };
    let run = |config: TrainConfig| Training::new(config).run(data.clone()).unwrap();
    let dino = run(config("dino:theta=1,phi=0.01"));
    assert!(dino.error.is_none() && dino.record.fleet.contains("gpu"), "{:?}", dino.error);
    assert_eq!(dino.record.iterations.len(), 11);
    for pair in dino.record.iterations.windows(2) {
        let (before, after) = (pair[0].objective, pair[1].objective);
        let least = RHO * THETA * pair[1].step * pair[0].gradient_norm.powi(2);
        assert!(after <= before - least + 8.0 * U * before, "{before} to {after}, by {least:e}");
        assert!(least > 0.0 && pair[1].certified, "{:?}", pair[1]);
    }
    for device in [DeviceKind::Cpu, device()] {
        let giant = run(TrainConfig { device, ..config("hessian-free-giant") });
        let error = giant.error.expect("no direction").to_string();
        assert!(giant.record.end.iterations == 0 && error.contains("negative curvature"), "{error}");
    }
}
