//! What the figures are solved on.

use std::sync::Arc;

use steadfast::data::{Dataset, Matrix, ReferenceSets, ReferenceTask, Synthetic, SyntheticKind};
use steadfast::objective::{Logistic, Objective};
use steadfast::seed::Seed;
use steadfast::{Error, Result};

use crate::args::ReproduceArgs;
use crate::reproduce::line;

/// The dense real set: EPSILON, the paper's, is not at hand.
const REAL: &str = "letter_am_poly3";
/// Share of the rows for testing.
const TEST: f64 = 0.2;
/// What the coded rivals' 77 workers store, X and X' together, over the data: 60 of them would do without a code.
const ENCODED: f64 = 2.0 * 77.0 / 60.0;

/// Whether rows are kept for testing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    None,
    Test,
}

/// Labelled rows that are not trained on.
pub struct Rows {
    features: Matrix<f64>,
    labels: Vec<f64>,
}

impl Rows {
    /// Share of the rows on the wrong side.
    pub fn error(&self, weights: &[f64]) -> f64 {
        misclassified(&self.features, &self.labels, weights)
    }
}

/// A logistic problem.
pub struct Task {
    pub name: String,
    pub features: Matrix<f64>,
    pub labels: Vec<f64>,
    pub objective: Objective,
    pub test: Option<Rows>,
}

impl Task {
    /// Share of the training rows on the wrong side.
    pub fn error(&self, weights: &[f64]) -> f64 {
        misclassified(&self.features, &self.labels, weights)
    }

    fn new(name: String, data: Dataset<f64>, l2: f64, split: Split, seed: u64) -> Result<Self> {
        let (train, test) = match split {
            Split::None => (data, None),
            Split::Test => data.split(TEST, Seed(seed)).map(|(train, test)| (train, Some(test)))?,
        };
        let objective = Objective { loss: Arc::new(Logistic), l2, regularizer: None, intercept: false };
        let test = test
            .map(|test| Ok::<Rows, Error>(Rows { labels: test.labels.real()?, features: test.features }))
            .transpose()?;
        Ok(Task { name, labels: train.labels.real()?, features: train.features, objective, test })
    }
}

fn misclassified(features: &Matrix<f64>, labels: &[f64], weights: &[f64]) -> f64 {
    let mut margins = vec![0.0; labels.len()];
    features.multiply(weights, 1, &mut margins);
    let wrong = margins.iter().zip(labels).filter(|(z, y)| *z * *y <= 0.0).count();
    wrong as f64 / labels.len() as f64
}

/// Two classes of synthetic rows.
pub fn generated(rows: usize, cols: usize, l2: f64, split: Split, seed: u64) -> Result<Task> {
    let kind = SyntheticKind::Logistic { condition: 100.0, label_noise: 0.05 };
    let data = Synthetic { rows, cols, kind }.generate(Seed(seed))?.data;
    Task::new("synthetic logistic".into(), data, l2, split, seed)
}

/// Figure 4's problem, or one of the same proportions: 100 rows a column, so that each of 60 workers has 5/3 d rows.
pub fn synthetic(args: &ReproduceArgs, split: Split) -> Result<Task> {
    let (rows, cols) = if args.full { (300_000, 3_000) } else { (12_000, 120) };
    if args.full {
        let data = (rows * cols * size_of::<f64>()) as f64 / 1e9;
        let encoded = ENCODED * data;
        line(args, format!("{rows} x {cols}: {data:.1} GB of data and {encoded:.1} GB encoded must fit into memory"));
    }
    generated(rows, cols, 1e-4, split, args.seed)
}

/// Figures 5 to 7's: dense real rows where the folder of reference sets has them, else synthetic ones; a fifth for testing.
pub fn real(args: &ReproduceArgs) -> Result<Task> {
    let sets = ReferenceSets::open()?;
    let Ok(set) = sets.get(REAL) else {
        line(args, format!("{REAL} is not in {}: synthetic data in its place", sets.folder().display()));
        return generated(15_000, 120, 1e-4, Split::Test, args.seed);
    };
    let l2 = set.problems.iter().filter(|p| p.task == ReferenceTask::Logistic).map(|p| p.l2).fold(f64::NAN, f64::min);
    // A set without a reference problem is trained as the synthetic ones are.
    let l2 = if l2.is_finite() { l2 } else { 1e-4 };
    Task::new(REAL.into(), set.load()?, l2, Split::Test, args.seed)
}
