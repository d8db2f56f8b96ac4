//! The support vector machine through its dual, with liars.

use steadfast::data::{Dataset, Dense, LabelKind, Labels, LoadOptions, Matrix, load};
use steadfast::run::{TrainConfig, Trained, Training};

fn train(data: &Dataset<f64>, method: &str, l2: f64, tolerance: f64) -> Trained {
    let config = TrainConfig {
        task: Some("hinge".into()),
        l2,
        method: method.into(),
        iterations: 100_000,
        tolerance,
        workers: 15,
        liars: 4,
        inject_liars: 4,
        ..TrainConfig::default()
    };
    Training::new(config).run(data.clone()).unwrap()
}

fn shipped(name: &str) -> Dataset<f64> {
    let path = format!("{}/examples/data/{name}", env!("CARGO_MANIFEST_DIR"));
    load(&path.parse().unwrap(), &LoadOptions::default()).unwrap().data
}

/// P from its definition.
fn primal(data: &Dataset<f64>, l2: f64, weights: &[f64]) -> f64 {
    assert!(matches!(data.labels.infer().unwrap(), LabelKind::Binary));
    let (signs, _) = data.labels.binary().unwrap();
    let mut losses = vec![];
    for (i, y) in signs.iter().enumerate() {
        let mut z = 0.0;
        data.features.for_each_in_row(i, |j, x| z += x * weights[j]);
        losses.push((1.0 - y * z).max(0.0));
    }
    losses.iter().sum::<f64>() / losses.len() as f64 + 0.5 * l2 * weights.iter().map(|w| w * w).sum::<f64>()
}

/// With one feature P is convex and piecewise quadratic in one number: its minimum by bisection of its derivative.
#[test]
fn one_feature_gives_what_bisection_finds() {
    let n = 60;
    let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    // From 0.4 to 1.4, and a tenth of them on the wrong side.
    let x: Vec<f64> = (0..n)
        .map(|i| sign(i) * (0.4 + (i as f64 * 0.618_033_988_75).fract()) * if i % 10 == 3 { -1.0 } else { 1.0 })
        .collect();
    let labels: Vec<f64> = (0..n).map(sign).collect();
    let data = Dataset {
        features: Matrix::Dense(Dense::new(n, 1, x.clone()).unwrap()),
        labels: Labels::Real(labels.clone()),
        columns: vec![],
    };
    for l2 in [0.02, 0.5] {
        let slope = |w: f64| {
            let losses = x.iter().zip(&labels).map(|(x, y)| if y * x * w < 1.0 { -y * x } else { 0.0 });
            losses.sum::<f64>() / n as f64 + l2 * w
        };
        let (mut low, mut high) = (0.0, 100.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        for method in ["fista", "proximal-gradient", "coordinate-descent:fraction=0.3"] {
            let trained = train(&data, method, l2, 1e-8);
            assert!(trained.error.is_none(), "{method}: {:?}", trained.error);
            let (end, model) = (&trained.record.end, trained.model.unwrap());
            let gap = end.duality_gap.expect("a gap");
            // The gap is at least (l2/2) |w - w*|^2.
            let far = (model.weights[0] - low).abs();
            assert!(far <= (2.0 * gap / l2).sqrt() + 1e-12, "{method}, l2 {l2}: {far:e} from {low}, gap {gap:e}");
            assert!(end.objective - primal(&data, l2, &[low]) <= gap + 1e-14, "{method}: {}", end.objective);
            assert!(gap <= 1e-8, "{method}: {gap:e}");
        }
    }
}

#[test]
fn both_methods_find_the_same_optimum_of_real_sets() {
    for (name, l2) in [("heart_scale.svm", 1e-2), ("breast_cancer.svm.xz", 1e-2)] {
        let data = shipped(name);
        let mut found = vec![];
        for method in ["fista", "coordinate-descent:fraction=0.1", "coordinate-descent:blocks=greedy,fraction=0.2"] {
            let trained = train(&data, method, l2, 1e-6);
            assert!(trained.error.is_none(), "{name}, {method}: {:?}", trained.error);
            let (end, model) = (&trained.record.end, trained.model.unwrap());
            let gap = end.duality_gap.expect("a gap");
            println!(
                "{name} {method}: {} in {} iterations, {} rounds, P {:.9}, gap {gap:.1e}, accuracy {:?}",
                end.status, end.iterations, end.rounds, end.objective, end.train_score
            );
            assert_eq!(trained.exit_status, 0, "{name}, {method}: {}", end.status);
            // The recovered primal point is the dual point that the run stopped by.
            assert!(gap <= 1e-6, "{name}, {method}: gap {gap:e}");
            // Twice the same few thousand terms.
            assert!((end.objective - primal(&data, l2, &model.weights)).abs() <= 1e-13 * end.objective);
            assert_eq!(end.naming.as_ref().map(|n| n.innocents_accused), Some(0));
            let path = std::env::temp_dir().join(format!("steadfast-svm-{}.json", std::process::id()));
            model.write(&path).unwrap();
            assert_eq!(steadfast::run::Model::read(&path).unwrap(), model);
            std::fs::remove_file(&path).unwrap();
            found.push(end.objective);
        }
        let most = found.iter().copied().fold(0.0, f64::max);
        assert!(found.iter().all(|p| most - p <= 1e-6), "{name}: {found:?}");
    }
}

#[test]
fn what_the_dual_does_not_have_is_refused() {
    let data = shipped("heart_scale.svm");
    let config = |l2: f64, method: &str, l1: f64| TrainConfig {
        task: Some("hinge".into()),
        l2,
        l1,
        method: method.into(),
        ..TrainConfig::default()
    };
    for (config, says) in
        [(config(0.0, "auto", 0.0), "--l2"), (config(0.1, "auto", 0.1), "--l1"), (config(0.1, "lbfgs", 0.0), "fista")]
    {
        let error = Training::new(config).run(data.clone()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
