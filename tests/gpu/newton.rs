//! Second-order runs whose products and Hessian blocks are computed on the device: the same liars and stragglers are named as on
//! the CPU in the same precision, and the same minimum is found.

use steadfast::data::{Dataset, LoadOptions, Source, load};
use steadfast::run::{DeviceKind, TrainConfig, Trained, Training};
use steadfast::scalar::Precision;

/// Of 15 workers two lie, one is slow and one is dead; of the workers that sketch as large a share is slow or dead.
fn config(method: &str) -> TrainConfig {
    TrainConfig {
        l2: 1e-2,
        method: method.into(),
        iterations: 60,
        liars: 2,
        stragglers: 2,
        inject_liars: 2,
        inject_slow: 1,
        inject_dead: 1,
        sketch: "oversketch:factor=4,extra=3".into(),
        precision: Some(Precision::F32),
        ..TrainConfig::default()
    }
}

fn data(name: &str) -> Dataset<f64> {
    let source: Source = name.parse().unwrap();
    load(&source, &LoadOptions::default()).unwrap().data
}

fn train(config: TrainConfig, data: Dataset<f64>) -> Trained {
    let trained = Training::new(config).run(data).unwrap();
    assert!(trained.error.is_none(), "{:?}", trained.error);
    trained
}

/// The objective, who was named and who was late, and whether the Hessians were sketched.
fn compare(config: TrainConfig, data: Dataset<f64>, sketched: bool) {
    let device = match std::env::var("STEADFAST_TEST_ADAPTER") {
        Ok(_) => DeviceKind::Gpu,
        Err(_) => DeviceKind::GpuSoftware,
    };
    let on = |device| train(TrainConfig { device, ..config.clone() }, data.clone());
    let (cpu, gpu) = (on(DeviceKind::Cpu), on(device));
    assert!(gpu.record.fleet.contains("gpu"), "{}", gpu.record.fleet);
    let (a, b) = (&cpu.record, &gpu.record);
    assert!(
        (a.end.objective - b.end.objective).abs() <= 1e-6 * a.end.objective,
        "{} {}",
        a.end.objective,
        b.end.objective
    );
    // Who lies and who is late is drawn for every round. Near the minimum, where the rounding of f32 decides, a run may ask for
    // a round more than the other; from there on their rounds are others.
    let pairs = a.iterations.iter().zip(&b.iterations).take_while(|(one, other)| one.rounds == other.rounds);
    assert!(pairs.clone().count() > 3, "{:?} {:?}", a.iterations, b.iterations);
    for (one, other) in pairs {
        assert_eq!((&one.liars, &one.late), (&other.liars, &other.late), "iteration {}", one.iteration);
    }
    for record in [a, b] {
        let naming = record.end.naming.unwrap();
        assert!(naming.hits > 0 && naming.misses == 0 && naming.innocents_accused == 0, "{naming:?}");
        let sizes = record.iterations[1..].iter().map(|i| i.sketch_dimension.unwrap_or(0) > 0);
        assert!(sizes.clone().count() > 0 && sizes.clone().all(|size| size == sketched), "{:?}", record.iterations[1]);
    }
}

#[test]
fn dense_data() {
    let data = data("examples/data/breast_cancer.svm.xz");
    compare(config("newton"), data.clone(), false);
    compare(config("oversketched-newton"), data, true);
}

#[test]
fn sparse_data() {
    let data = data("examples/data/mushrooms.svm.xz");
    assert!(data.features.is_sparse());
    compare(config("newton"), data.clone(), false);
    compare(config("oversketched-newton"), data, true);
}

#[test]
fn several_classes() {
    let data = data("examples/data/digits.svm.xz");
    let softmax = |method: &str| TrainConfig { task: Some("softmax".into()), iterations: 12, ..config(method) };
    compare(softmax("newton"), data.clone(), false);
    compare(softmax("oversketched-newton"), data, true);
}

#[test]
fn half_precision() {
    let data = data("examples/data/breast_cancer.svm.xz");
    compare(TrainConfig { precision: Some(Precision::F16), ..config("oversketched-newton") }, data, true);
}
