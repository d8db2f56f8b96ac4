//! Small problems without randomness, and the runs of the independent implementation on them.

use std::collections::BTreeMap;

use steadfast::data::{Dataset, Dense, Labels, Matrix};
use steadfast::run::{DeviceKind, TrainConfig, Trained, Training};

pub const ROWS: usize = 60;

/// `X_jk = sin(0.37 j + 1.3 k + 0.11 j k)`, 60 x 6.
pub fn features() -> Dense<f64> {
    let x = |j: usize, k: usize| {
        let (j, k) = (j as f64, k as f64);
        (0.37 * j + 1.3 * k + 0.11 * j * k).sin()
    };
    Dense::new(ROWS, 6, (0..ROWS).flat_map(|j| (0..6).map(move |k| x(j, k))).collect()).expect("a shape")
}

/// Three classes by the signs of the first features.
pub fn softmax() -> Dataset<f64> {
    let x = features();
    let class = |j: usize| {
        let row = x.row(j);
        if row[0] + row[1] > 0.3 { 0 } else { 1 + u32::from(row[2] <= 0.0) }
    };
    let index = (0..ROWS).map(class).collect();
    let names = (0..3).map(|c| c.to_string()).collect();
    Dataset::new(Matrix::Dense(x), Labels::Classes { index, names }, Vec::new()).expect("data")
}

/// Labels `7 j mod 5` for the non-convex least squares.
pub fn nonlinear() -> Dataset<f64> {
    let labels = (0..ROWS).map(|j| (7 * j % 5) as f64).collect();
    Dataset::new(Matrix::Dense(features()), Labels::Real(labels), Vec::new()).expect("data")
}

/// A problem and how its runs are set up: three workers of 20 rows.
pub fn config(problem: &str, method: &str, iterations: usize) -> (TrainConfig, Dataset<f64>) {
    let is_softmax = problem == "softmax";
    let config = TrainConfig {
        task: Some(if is_softmax { "softmax".into() } else { "nonlinear-least-squares".into() }),
        l2: if is_softmax { 1.0 / 60.0 } else { 0.0 },
        method: method.into(),
        workers: 3,
        iterations,
        tolerance: 1e-9,
        device: DeviceKind::Cpu,
        ..TrainConfig::default()
    };
    (config, if is_softmax { softmax() } else { nonlinear() })
}

pub fn train(problem: &str, method: &str, iterations: usize) -> Trained {
    let (config, data) = config(problem, method, iterations);
    Training::new(config).run(data).expect("a run that begins")
}

/// Up to the first ten iterates of one run of the independent implementation.
#[derive(serde::Deserialize)]
pub struct Reference {
    pub f: Vec<f64>,
    pub gradient_norm: Vec<f64>,
    /// At each iterate, before its gradient was sent.
    pub communications: Vec<u64>,
    /// The furthest that 64 runs of that implementation end up at each iterate, as numbers are compared here, from the run with the
    /// features as they are when each feature is moved by up to one unit in its last place; nothing where that is below 1e-13.
    #[serde(default)]
    pub spread: Option<Vec<f64>>,
}

/// All of them: by problem and method.
pub fn references() -> BTreeMap<String, BTreeMap<String, Reference>> {
    serde_json::from_str(include_str!("reference.json")).expect("the reference runs")
}
