//! Under attack coordinate descent takes the iterates of plain coordinate descent without liars.

use std::sync::Arc;

use crate::plain::{Plain, coded, code, experiment, finish, sparse, walk};
use steadfast::data::Matrix;
use steadfast::fleet::{Attack, FaultPlan, Gather};
use steadfast::method::{Order, SolveOptions};
use steadfast::objective::{BoxConstraint, L1, LeastSquares, Logistic, Objective, Penalized, Regularizer};
use steadfast::oracle::ProductOracle;
use steadfast::seed::Seed;

/// Every attack of the command line.
const ATTACKS: [&str; 11] = [
    "gaussian:sigma=100",
    "sign-flip",
    "scale",
    "zero",
    "constant",
    "replay",
    "nan",
    "entries",
    "collude",
    "all-ones",
    "near-code",
];

fn lasso(d: usize, weight: f64) -> Objective {
    let h: Arc<dyn Regularizer> = Arc::new(L1::new(weight, Penalized::new(d, false).unwrap()).unwrap());
    Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: Some(h), intercept: false }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let square = |it: &mut dyn Iterator<Item = f64>| it.map(|x| x * x).sum::<f64>().sqrt();
    square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut b.iter().copied()).max(1e-300)
}

/// The largest distance of two runs' iterates, relative to the plain run's.
fn furthest(data: &Matrix<f64>, labels: &[f64], objective: &Objective, attack: &str, t: usize, order: Order) -> f64 {
    let code = code(15, t, 0);
    let plan = FaultPlan::new(15, Seed(9))
        .liars(t, Attack::parse(attack).unwrap())
        .changing(true)
        .parity_check(code.parity_check());
    let (faults, _) = plan.split().unwrap();
    let mut oracle = coded(data, &code, faults, Gather::All);
    let iterations = 24;
    let lied = walk(&mut oracle, objective, labels, order, 0.25, iterations).unwrap();
    assert!(!oracle.drain().liars.is_empty() || attack == "near-code", "{attack}");
    let plain = walk(&mut Plain::new(data, code.blocks()), objective, labels, order, 0.25, iterations).unwrap();
    assert!(lied.drift < 1e-11, "{attack}, t = {t}: drift {:e}", lied.drift);
    lied.weights.iter().zip(&plain.weights).map(|(a, b)| distance(a, b)).fold(0.0, f64::max)
}

#[test]
fn every_attack_leaves_the_iterates_of_plain_coordinate_descent() {
    let (data, labels) = experiment(160, 90, 1);
    let objective = lasso(90, 0.2);
    let mut worst: f64 = 0.0;
    for t in 1..=7 {
        for attack in ATTACKS {
            let far = furthest(&data, &labels, &objective, attack, t, Order::Cyclic);
            worst = worst.max(far);
            assert!(far <= 1e-9, "{attack}, t = {t}: {far:e}");
        }
    }
    eprintln!("iterates under attack and plain ones: at most {worst:e} apart (relative)");
}
