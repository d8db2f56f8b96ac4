//! Smooth objectives: L-BFGS.

use crate::losses::{Logistic, Poisson, Softmax, Squared, smooth};
use crate::oracle::DenseOracle;
use crate::{classes, gaussian, run, signs};
use nalgebra::{DMatrix, DVector};
use steadfast::method::{Criterion, SolveOptions, Status};

/// The ridge optimum by a Cholesky solve of the normal equations in f64, and F there from its residual.
fn ridge_optimum(oracle: &DenseOracle, labels: &[f64], l2: f64) -> (DVector<f64>, f64) {
    let (x, y) = (oracle.matrix(), DVector::from_column_slice(labels));
    let n = x.nrows() as f64;
    let h = x.transpose() * &x / n + DMatrix::identity(x.ncols(), x.ncols()) * l2;
    let w = h.cholesky().expect("positive definite").solve(&(x.transpose() * &y / n));
    let f = (&x * &w - &y).norm_squared() / (2.0 * n) + 0.5 * l2 * w.norm_squared();
    (w, f)
}

#[test]
fn a_quadratic_reaches_its_known_solution() {
    let (values, labels) = gaussian(200, 20, 0.1, 1);
    let mut oracle = DenseOracle::new(200, 20, values);
    let (w, f) = ridge_optimum(&oracle, &labels, 1e-3);
    let options = SolveOptions { tolerance: 1e-10, ..SolveOptions::default() };
    let (outcome, _) = run(&mut oracle, &smooth(Squared, 1e-3), &labels, "lbfgs", &options).unwrap();
    assert_eq!(outcome.status, Status::Converged { criterion: Criterion::GradientNorm });
    // Strong convexity: |w - w*| <= |g| / l2, and F - F* <= |g|^2 / (2 l2).
    let error = (DVector::from_vec(outcome.weights) - w).norm();
    assert!(error <= 1e-10 / 1e-3, "{error}");
    assert!((outcome.last.objective - f).abs() <= outcome.gap_bound.unwrap() + 1e-14 * f);
}

/// Columns scaled 1 to 1e-3: the Hessian's condition is 1e6 before l2 (1e-9 here, too small to help).
#[test]
fn condition_1e6_reaches_1e_10_within_2000_iterations() {
    let (values, labels) = gaussian(400, 60, 1e-3, 2);
    let mut oracle = DenseOracle::new(400, 60, values);
    let (_, f) = ridge_optimum(&oracle, &labels, 1e-9);
    let options = SolveOptions { tolerance: 0.0, iterations: 2_000, ..SolveOptions::default() };
    let (outcome, records) = run(&mut oracle, &smooth(Squared, 1e-9), &labels, "lbfgs", &options).unwrap();
    let first = records.iter().position(|r| r.objective <= f * (1.0 + 1e-10));
    eprintln!(
        "condition 1e6: gap 1e-10 at iteration {first:?}, ended {} at {}",
        outcome.status, outcome.last.iteration
    );
    assert!(first.is_some_and(|k| k < 2_000));
    assert!(outcome.last.objective <= f * (1.0 + 1e-10));
}

#[test]
fn lbfgs_takes_two_rounds_an_iteration_and_one_for_a_refresh() {
    let (values, labels) = gaussian(300, 40, 1e-2, 3);
    let mut oracle = DenseOracle::new(300, 40, values);
    let options = SolveOptions { tolerance: 1e-10, ..SolveOptions::default() };
    let (outcome, records) = run(&mut oracle, &smooth(Logistic, 1e-5), &signs(&labels), "lbfgs", &options).unwrap();
    assert!(matches!(outcome.status, Status::Converged { .. }));
    assert!(records.len() > 35, "long enough to see a refresh: {}", records.len());
    assert_eq!(records[0].rounds, 2, "margins and gradient at the start");
    let last = records.len() - 1;
    for (k, pair) in records.windows(2).enumerate().map(|(k, pair)| (k + 1, pair)) {
        let refresh = u64::from(k % 30 == 0);
        // Convergence is accepted on full margins only: margins and gradient once more, unless just refreshed.
        let verify = if k == last && refresh == 0 { 2 } else { 0 };
        assert_eq!(pair[1].rounds - pair[0].rounds, 2 + refresh + verify, "iteration {k}");
        assert_eq!(pair[1].communications, 2 * pair[1].rounds);
        assert_eq!(pair[1].virtual_seconds, 0.25 * pair[1].rounds as f64);
        // F never rises by more than the rounding of its sum (n = 300, 13 operations a row at most).
        assert!(pair[1].objective <= pair[0].objective * (1.0 + 1e-14), "iteration {k}");
    }
    assert!(outcome.margin_drift > 0.0 && outcome.margin_drift < 1e-13, "{}", outcome.margin_drift);
}

/// Against a run ten times as strict: both within their gap bound of the same value.
#[test]
fn logistic_and_softmax_agree_with_long_runs() {
    let (values, labels) = gaussian(300, 12, 0.05, 4);
    for (objective, labels) in
        [(smooth(Logistic, 1e-4), signs(&labels)), (smooth(Softmax(4), 1e-3), classes(300, 4, 5))]
    {
        let solve = |tolerance| {
            let mut oracle = DenseOracle::new(300, 12, values.clone());
            let options = SolveOptions { tolerance, ..SolveOptions::default() };
            run(&mut oracle, &objective, &labels, "lbfgs", &options).unwrap().0
        };
        let (short, long) = (solve(1e-6), solve(0.0));
        assert_eq!(long.status, Status::Rounding);
        let excess = short.last.objective - long.last.objective;
        assert!(excess >= -long.value_error && excess <= short.gap_bound.unwrap() + long.value_error, "{excess}");
        assert!(long.last.gradient_norm <= long.gradient_error);
    }
}

#[test]
fn poisson_overflow_is_met_by_backing_off() {
    let (mut values, _) = gaussian(200, 5, 0.5, 6);
    values.iter_mut().for_each(|x| *x *= 30.0);
    let labels: Vec<f64> = (0..200).map(|i| f64::from(i % 7)).collect();
    let mut oracle = DenseOracle::new(200, 5, values);
    let options = SolveOptions { tolerance: 1e-7, ..SolveOptions::default() };
    let (outcome, _) = run(&mut oracle, &smooth(Poisson, 1e-3), &labels, "lbfgs", &options).unwrap();
    assert!(outcome.status.is_solved(), "{}", outcome.status);
    assert!(outcome.last.gradient_norm <= 1e-7);
}
