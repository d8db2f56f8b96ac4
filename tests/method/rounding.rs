//! Runs whose arithmetic, and not whose patience, sets what they can reach: they must end as `rounding`, neither loop on
//! nor give up early.

use crate::losses::{L1, Logistic, Softmax, Squared, smooth, with_regularizer};
use crate::oracle::DenseOracle;
use crate::{classes, gaussian, run, signs};
use steadfast::method::{CodedDino, SolveOptions, Status, by_name};
use steadfast::objective::Objective;
use steadfast::scalar::Precision;

const UNREACHABLE: SolveOptions = SolveOptions { iterations: 5_000, tolerance: 0.0, time_limit: None };

fn exact_value(oracle: &DenseOracle, objective: &Objective, labels: &[f64], weights: &[f64]) -> f64 {
    let x = oracle.matrix();
    let k = objective.loss.outputs();
    let w = nalgebra::DMatrix::from_row_slice(k, x.ncols(), weights);
    // Column-major K x n is row-major n x K.
    let margins = w * x.transpose();
    objective.mean_loss(margins.as_slice(), labels)
        + objective.l2_value(weights)
        + objective.regularizer.as_ref().map_or(0.0, |h| h.value(weights))
}

#[test]
fn f32_products_end_as_rounding_within_the_bound() {
    let (n, d) = (300, 25);
    let (values, labels) = gaussian(n, d, 0.02, 21);
    let cases = [
        ("squared", smooth(Squared, 1e-3), labels.clone()),
        ("logistic", smooth(Logistic, 1e-4), signs(&labels)),
        ("softmax", smooth(Softmax(5), 1e-3), classes(n, 5, 22)),
    ];
    for (name, objective, labels) in &cases {
        for method in ["lbfgs", "gradient-descent", "fista"] {
            let mut oracle = DenseOracle::with_precision(n, d, values.clone(), Precision::F32);
            // The same f32 data, multiplied in f64: the exact optimum of the problem that was posed.
            let exact: Vec<f64> = oracle.matrix().transpose().as_slice().to_vec();
            let mut reference = DenseOracle::new(n, d, exact);
            let (best, _) = run(&mut reference, objective, labels, "lbfgs", &UNREACHABLE).unwrap();
            let (outcome, _) = run(&mut oracle, objective, labels, method, &UNREACHABLE).unwrap();
            let gap = exact_value(&oracle, objective, labels, &outcome.weights) - best.last.objective;
            let bound = outcome.gap_bound.unwrap();
            eprintln!(
                "f32 {name} {method}: {} after {}, gap {gap:.1e}, bound {bound:.1e}, |g| {:.1e} of {:.1e}",
                outcome.status, outcome.last.iteration, outcome.last.gradient_norm, outcome.gradient_error
            );
            assert_eq!(outcome.status, Status::Rounding, "{name} {method}");
            assert!(gap <= bound + best.value_error, "{name} {method}: gap {gap} above {bound}");
        }
    }
}

#[test]
fn f32_lasso_ends_as_rounding() {
    let (n, d) = (100, 150);
    let (values, labels) = gaussian(n, d, 0.2, 23);
    let objective = with_regularizer(Squared, 0.0, L1(0.02));
    let mut oracle = DenseOracle::with_precision(n, d, values, Precision::F32);
    let (outcome, _) = run(&mut oracle, &objective, &labels, "fista", &UNREACHABLE).unwrap();
    assert_eq!(outcome.status, Status::Rounding);
    assert!(outcome.last.gradient_norm <= outcome.gradient_error);
}

/// Errors of 1e-10 that change from round to round and are within the certificate: not f64's rounding, yet all that the
/// run can know.
#[test]
fn lies_below_the_certificate_end_as_rounding_too() {
    let (values, labels) = gaussian(200, 20, 0.1, 24);
    for method in ["lbfgs", "gradient-descent", "fista", "proximal-gradient"] {
        let mut oracle = DenseOracle::new(200, 20, values.clone());
        oracle.disturb = 1e-10;
        let (outcome, _) = run(&mut oracle, &smooth(Logistic, 1e-2), &signs(&labels), method, &UNREACHABLE).unwrap();
        assert_eq!(outcome.status, Status::Rounding, "{method}");
        assert!(outcome.last.gradient_norm <= outcome.gradient_error, "{method}");
    }
}

/// A certificate 1e8 times too wide, or none, must not stop a run that still makes progress.
#[test]
fn a_pessimistic_certificate_does_not_stop_a_run_early() {
    let (values, labels) = gaussian(252, 40, 3e-3, 25);
    for (objective, labels) in [(smooth(Squared, 1e-6), labels.clone()), (smooth(Logistic, 1e-4), signs(&labels))] {
        let solve = |pessimism| {
            let mut oracle = DenseOracle::new(252, 40, values.clone());
            oracle.pessimism = pessimism;
            run(&mut oracle, &objective, &labels, "lbfgs", &UNREACHABLE).unwrap().0
        };
        let honest = solve(1.0);
        for pessimism in [1e8, f64::INFINITY] {
            let outcome = solve(pessimism);
            assert_eq!(outcome.status, Status::Rounding);
            let gap = (outcome.last.objective - honest.last.objective) / honest.last.objective;
            assert!(gap.abs() <= 1e-13, "pessimism {pessimism}: {gap}");
        }
    }
}

/// All labels explained at 0, and l2: the start is the optimum, its gradient exactly 0.
#[test]
fn an_optimal_start_ends_at_once() {
    let (values, _) = gaussian(30, 5, 1.0, 26);
    // The dual barrier takes the lasso alone, SGD wants an oracle of single rows, encoded methods want encoded data, and others
    // workers with rows of their own.
    let local = |name: &str| by_name(name).unwrap().is_local() || CodedDino::is_meant(name);
    let others = |name: &&str| {
        !(name.ends_with("dual-barrier") || name.starts_with("encoded-") || *name == "sgd" || local(name))
    };
    for method in steadfast::method::NAMES.into_iter().filter(others) {
        let mut oracle = DenseOracle::new(30, 5, values.clone());
        let (outcome, records) =
            run(&mut oracle, &smooth(steadfast::objective::LeastSquares, 0.1), &[0.0; 30], method, &UNREACHABLE)
                .unwrap();
        assert!(matches!(outcome.status, Status::Converged { .. }), "{method}");
        assert_eq!((records.len(), outcome.last.objective), (1, 0.0), "{method}");
    }
}
