//! What the methods of paper 003 are compared on. Its sets are not at hand: the digits of scikit-learn stand for EMNIST's and CIFAR10's.

use std::sync::Arc;

use steadfast::Result;
use steadfast::data::{Dataset, ReferenceSets, RowOrder, Synthetic, SyntheticKind};
use steadfast::fleet::Clock;
use steadfast::objective::{NonlinearLeastSquares, Objective, Softmax};
use steadfast::seed::Seed;

use super::race::Race;
use crate::args::ReproduceArgs;
use crate::reproduce::line;

/// Communications that the paper's code stops at.
pub const BUDGET: u64 = 520;
/// Workers of Figure 1.
const FEW: usize = 5;
/// Workers of Figure 2: fewer rows each than features.
const MANY: usize = 50;
/// Every coordinate of Figure 2's start. At 0 F itself is concave; here it is convex, and the functions of all workers are not.
const START: f64 = 0.09;

/// A set by name, or ten synthetic classes where the folder has none.
fn digits(args: &ReproduceArgs, name: &str) -> Result<(Dataset<f64>, String)> {
    let sets = ReferenceSets::open()?;
    if let Ok(set) = sets.get(name) {
        return Ok((set.load()?, name.into()));
    }
    line(args, format!("{name} is not in {}: ten synthetic classes in its place", sets.folder().display()));
    let kind = SyntheticKind::Softmax { classes: 10, separation: 2.0 };
    let made = Synthetic { rows: 1797, cols: 64, kind }.generate(Seed(args.seed))?.data;
    Ok((made, "synthetic classes".into()))
}

/// Softmax of Figure 1: l2 = 1/n, from 0.
pub fn softmax(args: &ReproduceArgs, name: &str, order: RowOrder) -> Result<(Race, String)> {
    let (data, name) = digits(args, name)?;
    let (numbers, classes) = data.labels.classes()?;
    let (features, labels) = Race::rows(&data, &numbers, order, FEW, Seed(args.seed));
    let loss = Arc::new(Softmax::new(classes.len())?);
    let l2 = 1.0 / labels.len() as f64;
    let race = Race {
        start: vec![0.0; classes.len() * features.cols()],
        objective: Objective { loss, l2, regularizer: None, intercept: false },
        features,
        labels,
        workers: FEW,
        communications: BUDGET,
        tolerance: 1e-9,
        clock: Clock::default(),
        seed: Seed(args.seed),
    };
    Ok((race, format!("softmax of {name}, {order} rows", order = order.name())))
}

/// `(y - log(1 + exp(x . w)))^2` of Figure 2, without l2.
pub fn nonlinear(args: &ReproduceArgs) -> Result<(Race, String)> {
    let (data, name) = digits(args, "digits")?;
    let (numbers, _) = data.labels.classes()?;
    let (features, labels) = Race::rows(&data, &numbers, RowOrder::Shuffled, MANY, Seed(args.seed));
    let race = Race {
        start: vec![START; features.cols()],
        objective: Objective { loss: Arc::new(NonlinearLeastSquares), l2: 0.0, regularizer: None, intercept: false },
        features,
        labels,
        workers: MANY,
        communications: BUDGET,
        tolerance: 1e-9,
        clock: Clock::default(),
        seed: Seed(args.seed),
    };
    Ok((race, format!("non-linear least squares of {name}")))
}
