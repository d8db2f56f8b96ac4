//! Runs that stop on the duality gap, with the crate's own losses and regularizers.

use crate::oracle::DenseOracle;
use crate::{gaussian, run, signs};
use std::sync::Arc;
use steadfast::data::{Dense, Matrix};
use steadfast::method::{Criterion, SolveOptions, Status};
use steadfast::objective::{
    BoxConstraint, L1, L2Ball, LeastSquares, Logistic, Loss, Objective, Penalized, Regularizer, Simplex,
};
use steadfast::run::evaluate;

fn objective(loss: impl Loss + 'static, l2: f64, h: impl Regularizer + 'static, intercept: bool) -> Objective {
    Objective { loss: Arc::new(loss), l2, regularizer: Some(Arc::new(h)), intercept }
}

/// Every recorded gap bounds the distance to the optimum from above, and the last one is within the tolerance.
#[test]
fn the_gap_bounds_the_error_and_stops_the_run() {
    let (n, d) = (120, 30);
    let (mut values, labels) = gaussian(n, d, 0.2, 41);
    // The last column is the constant of the cases with an intercept.
    values.chunks_exact_mut(d).for_each(|row| row[d - 1] = 1.0);
    let features = Matrix::Dense(Dense::new(n, d, values.clone()).unwrap());
    let (all, free) = (Penalized::new(d, false).unwrap(), Penalized::new(d, true).unwrap());
    let cases = [
        ("lasso", objective(LeastSquares, 0.0, L1::new(0.1, all).unwrap(), false)),
        ("elastic net", objective(LeastSquares, 0.01, L1::new(0.1, all).unwrap(), false)),
        ("lasso with an intercept", objective(LeastSquares, 0.0, L1::new(0.1, free).unwrap(), true)),
        ("sparse logistic", objective(Logistic, 0.0, L1::new(0.01, all).unwrap(), false)),
        ("box", objective(LeastSquares, 0.0, BoxConstraint::new(-0.1, 0.5, all).unwrap(), false)),
        ("l2 ball", objective(Logistic, 0.0, L2Ball::new(1.0, all).unwrap(), false)),
        ("simplex", objective(LeastSquares, 0.0, Simplex::new(1.0, all).unwrap(), false)),
        ("ridge on a simplex", objective(LeastSquares, 0.1, Simplex::new(1.0, all).unwrap(), false)),
    ];
    for (name, objective) in &cases {
        let labels = if objective.loss.id().name == "logistic" { signs(&labels) } else { labels.clone() };
        for method in ["fista", "proximal-gradient"] {
            let solve = |tolerance| {
                let mut oracle = DenseOracle::new(n, d, values.clone());
                let options = SolveOptions { tolerance, ..SolveOptions::default() };
                run(&mut oracle, objective, &labels, method, &options).unwrap()
            };
            let ((best, _), (outcome, records)) = (solve(0.0), solve(1e-6));
            eprintln!(
                "{name} {method}: {} after {}; to rounding {}",
                outcome.status, outcome.last.iteration, best.last.iteration
            );
            assert_eq!(outcome.status, Status::Converged { criterion: Criterion::DualityGap }, "{name} {method}");
            assert_eq!(best.status, Status::Rounding, "{name} {method}");
            for record in records.iter().filter(|r| r.duality_gap.is_some()) {
                let error = record.objective - best.last.objective;
                let gap = record.duality_gap.unwrap();
                assert!(error <= gap + best.value_error, "{name} {method} {}: {error} {gap}", record.iteration);
            }
            assert!(outcome.last.duality_gap.unwrap() <= 1e-6 && outcome.gap_bound.unwrap() < 1.1e-6);
            // And by the dual point of the weights themselves, on the data: what it was is the gap that the run ended by.
            let own = evaluate(&features, &labels, objective, &outcome.weights).gap_bound.unwrap();
            assert!(own <= 1e-6 + best.value_error, "{name} {method}: {own:e}");
        }
    }
}

/// A start outside the constraint is projected onto it, and convergence needs no feasible extrapolated point.
#[test]
fn a_start_outside_the_constraint_is_projected() {
    let (values, labels) = gaussian(60, 8, 0.5, 42);
    let all = Penalized::new(8, false).unwrap();
    let objective = objective(LeastSquares, 0.0, Simplex::new(2.0, all).unwrap(), false);
    let mut oracle = DenseOracle::new(60, 8, values);
    let options = SolveOptions { tolerance: 1e-8, ..SolveOptions::default() };
    let (outcome, records) = run(&mut oracle, &objective, &labels, "auto", &options).unwrap();
    assert!(records.iter().all(|r| r.objective.is_finite()));
    // The projection's own sum of 8 numbers rounds.
    assert!((outcome.weights.iter().sum::<f64>() - 2.0).abs() < 1e-14);
    assert_eq!(outcome.status, Status::Converged { criterion: Criterion::DualityGap });
}
