//! Non-smooth and constrained objectives: FISTA and proximal gradient.

use crate::losses::{L1, Logistic, NonNegative, Squared, smooth, with_regularizer};
use crate::oracle::DenseOracle;
use crate::{gaussian, run, signs};
use nalgebra::DVector;
use steadfast::method::{CodedDino, Criterion, SolveOptions, Status, by_name};

fn options(tolerance: f64) -> SolveOptions {
    SolveOptions { tolerance, ..SolveOptions::default() }
}

/// The mean squared loss's gradient `X'(Xw - y) / n`, from the matrix itself.
fn gradient(oracle: &DenseOracle, labels: &[f64], weights: &[f64]) -> DVector<f64> {
    let x = oracle.matrix();
    let residual = &x * DVector::from_column_slice(weights) - DVector::from_column_slice(labels);
    x.transpose() * residual / x.nrows() as f64
}

/// More columns than rows, so that only l1 makes the optimum sparse; `0 in grad f + l1 d|w|` entry by entry.
#[test]
fn lasso_satisfies_its_optimality_conditions() {
    let (n, d) = (80, 200);
    let (values, labels) = gaussian(n, d, 0.3, 11);
    let mut oracle = DenseOracle::new(n, d, values);
    let largest = gradient(&oracle, &labels, &vec![0.0; d]).amax();
    for fraction in [0.5, 0.1, 0.01] {
        let l1 = fraction * largest;
        for method in ["fista", "auto"] {
            let objective = with_regularizer(Squared, 0.0, L1(l1));
            let (outcome, _) = run(&mut oracle, &objective, &labels, method, &options(1e-9)).unwrap();
            eprintln!("lasso {fraction}: {} iterations, {} rounds", outcome.last.iteration, outcome.last.rounds);
            assert_eq!(outcome.status, Status::Converged { criterion: Criterion::ProximalStep }, "{method}");
            let g = gradient(&oracle, &labels, &outcome.weights);
            let support = outcome.weights.iter().filter(|w| **w != 0.0).count();
            assert!(support > 0 && support <= n, "{support}");
            for (g, w) in g.iter().zip(&outcome.weights) {
                // |grad(x+) - grad(y)| <= L |x+ - y| and 1/s is within the growth factor of L in the accepted direction:
                // an element of dF(x+) has a norm of at most some times the step's, 1e-9.
                if *w == 0.0 {
                    assert!(g.abs() <= l1 + 1e-8, "{g} at 0, l1 {l1}");
                } else {
                    assert!((g + l1 * w.signum()).abs() <= 1e-8, "{g} at {w}, l1 {l1}");
                }
            }
        }
    }
}

#[test]
fn at_lambda_max_the_optimum_is_zero_and_found_at_the_start() {
    let (values, labels) = gaussian(50, 30, 0.5, 12);
    let mut oracle = DenseOracle::new(50, 30, values);
    let largest = gradient(&oracle, &labels, &[0.0; 30]).amax();
    let objective = with_regularizer(Squared, 0.0, L1(largest * (1.0 + 1e-12)));
    let (outcome, records) = run(&mut oracle, &objective, &labels, "fista", &options(1e-12)).unwrap();
    assert_eq!(outcome.weights, vec![0.0; 30]);
    assert_eq!(records.len(), 1);
}

/// Elastic net on logistic loss: both methods to the same point, FISTA in fewer rounds; proximal gradient never rises.
#[test]
fn fista_and_proximal_gradient_agree_on_the_elastic_net() {
    let (values, labels) = gaussian(300, 40, 0.05, 13);
    let objective = with_regularizer(Logistic, 1e-3, L1(2e-3));
    let solve = |method| {
        let mut oracle = DenseOracle::new(300, 40, values.clone());
        run(&mut oracle, &objective, &signs(&labels), method, &options(1e-8)).unwrap()
    };
    let ((fista, _), (proximal, records)) = (solve("fista"), solve("proximal-gradient"));
    for outcome in [&fista, &proximal] {
        assert!(matches!(outcome.status, Status::Converged { .. }), "{}", outcome.status);
    }
    // Both satisfy 0 in dF up to e = some 1e-8, so that by strong convexity |w - w*| <= e / l2 each.
    let apart = (DVector::from_column_slice(&fista.weights) - DVector::from_column_slice(&proximal.weights)).norm();
    assert!(apart <= 2.0 * 1e-7 / 1e-3, "{apart}");
    assert!(fista.last.rounds < proximal.last.rounds, "{} {}", fista.last.rounds, proximal.last.rounds);
    for pair in records.windows(2) {
        // Up to the rounding of a sum of 300 terms.
        assert!(pair[1].objective <= pair[0].objective * (1.0 + 1e-14));
    }
}

#[test]
fn a_constraint_holds_at_every_iterate_that_is_recorded() {
    let (values, labels) = gaussian(100, 20, 0.3, 14);
    let mut oracle = DenseOracle::new(100, 20, values);
    let objective = with_regularizer(Squared, 1e-2, NonNegative);
    let (outcome, records) = run(&mut oracle, &objective, &labels, "auto", &options(1e-10)).unwrap();
    assert!(records.iter().all(|r| r.objective.is_finite()));
    assert_eq!(outcome.status, Status::Converged { criterion: Criterion::ProximalStep });
    let g = gradient(&oracle, &labels, &outcome.weights) + 1e-2 * DVector::from_column_slice(&outcome.weights);
    let (mut active, mut free) = (0, 0);
    for (g, &w) in g.iter().zip(&outcome.weights) {
        if w > 0.0 {
            free += 1;
            assert!(g.abs() <= 1e-9, "{g} at {w}");
        } else {
            active += 1;
            assert!(w == 0.0 && *g >= -1e-9, "{g} at {w}");
        }
    }
    assert!(active > 0 && free > 0, "the constraint binds somewhere and not everywhere");
}

/// A trial costs one round, an iteration's gradient another, the first step one more.
#[test]
fn an_iteration_costs_a_pullback_and_a_round_a_trial() {
    let (values, labels) = gaussian(200, 30, 0.1, 15);
    let objective = with_regularizer(Squared, 0.0, L1(0.05));
    for method in ["fista", "proximal-gradient"] {
        let mut oracle = DenseOracle::new(200, 30, values.clone());
        let (_, records) = run(&mut oracle, &objective, &labels, method, &options(1e-9)).unwrap();
        assert_eq!(records[0].rounds, 3);
        let costs: Vec<u64> = records.windows(2).map(|pair| pair[1].rounds - pair[0].rounds).collect();
        assert!(costs.iter().all(|&cost| cost >= 2));
        let mean = costs.iter().sum::<u64>() as f64 / costs.len() as f64;
        // A step grows by 1 / 0.9 when the bound was slack and is rejected at most once in two iterations.
        assert!(mean <= 2.5, "{method}: {mean} rounds an iteration");
    }
}

#[test]
fn smooth_objectives_are_solved_by_every_method() {
    let (values, labels) = gaussian(200, 10, 0.5, 16);
    let mut values_of = vec![];
    // The dual barrier takes the lasso alone, SGD wants an oracle of single rows, encoded methods want encoded data, and others
    // workers with rows of their own.
    let local = |name: &str| by_name(name).unwrap().is_local() || CodedDino::is_meant(name);
    let others = |name: &&str| {
        !(name.ends_with("dual-barrier") || name.starts_with("encoded-") || *name == "sgd" || local(name))
    };
    for method in steadfast::method::NAMES.into_iter().filter(others) {
        let mut oracle = DenseOracle::new(200, 10, values.clone());
        let (outcome, _) =
            run(&mut oracle, &smooth(steadfast::objective::Logistic, 1e-2), &signs(&labels), method, &options(1e-8))
                .unwrap();
        assert_eq!(outcome.status, Status::Converged { criterion: Criterion::GradientNorm }, "{method}");
        values_of.push((method, outcome.last.objective, outcome.gap_bound.unwrap()));
    }
    for (method, value, bound) in &values_of {
        // Each is within its own bound of the optimum (FISTA's norm is taken at y: twice the bound is generous enough
        // for both), beside the rounding of the sum.
        assert!((value - values_of[3].1).abs() <= 4.0 * bound + 1e-14, "{method}: {value} {}", values_of[3].1);
    }
}
