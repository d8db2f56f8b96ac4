//! Evaluation over rows: against the plain sums, along a line, the same bits for any number of threads.

use super::losses::losses;
use rand::RngExt;
use std::sync::Arc;
use steadfast::objective::{L1, LeastSquares, Loss, Objective, Penalized, Poisson};
use steadfast::seed::{Purpose, Seed};

pub fn random(len: usize, stream: u64, scale: f64) -> Vec<f64> {
    let mut rng = Seed(11).stream(Purpose::Experiment, stream, 0);
    (0..len).map(|_| scale * (2.0 * rng.random::<f64>() - 1.0)).collect()
}

fn smooth(loss: Arc<dyn Loss>, l2: f64, intercept: bool) -> Objective {
    Objective { loss, l2, regularizer: None, intercept }
}

#[test]
fn sums_over_rows_are_those_of_single_rows() {
    for (loss, labels) in losses() {
        let k = loss.outputs();
        // One row, a part of a tile, several blocks, enough for several tasks.
        for n in [1, 7, 130, 3000, if k > 1 { 3001 } else { 40_000 }] {
            let (z, v) = (random(n * k, 1, 6.0), random(n * k, 2, 1.0));
            let y: Vec<f64> = (0..n).map(|i| labels[i % labels.len()]).collect();
            let objective = smooth(loss.clone(), 0.0, false);
            let (mut first, mut second) = (vec![f64::NAN; n * k], vec![f64::NAN; n * k]);
            objective.residuals(&z, &y, &mut first);
            objective.hessian_residuals(&z, &y, &v, &mut second);
            let (mut sum, mut magnitude) = (0.0, 0.0);
            let (mut one, mut two) = (vec![0.0; k], vec![0.0; k]);
            for i in 0..n {
                let row = i * k..(i + 1) * k;
                let value = loss.value(&z[row.clone()], y[i]);
                sum += value;
                magnitude += value.abs();
                loss.derivative(&z[row.clone()], y[i], &mut one);
                loss.second_derivative(&z[row.clone()], y[i], &v[row.clone()], &mut two);
                for j in 0..k {
                    // The scale 1/n is applied with one rounding.
                    assert_eq!(first[i * k + j], one[j] * (1.0 / n as f64), "{:?}", loss.id());
                    assert_eq!(second[i * k + j], two[j] * (1.0 / n as f64), "{:?}", loss.id());
                }
            }
            // The running sum here is the worse of the two: n u times the sum of the magnitudes.
            let mean = objective.mean_loss(&z, &y);
            let tolerance = (n as f64 + 2.0) * f64::EPSILON * magnitude / n as f64;
            assert!((mean - sum / n as f64).abs() <= tolerance, "{:?} n={n}: {mean}", loss.id());
        }
    }
}

#[test]
fn the_same_bits_with_one_thread_and_with_many() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for (loss, labels) in losses() {
        let k = loss.outputs();
        let n = 150_000 / k;
        let (z, v) = (random(n * k, 3, 6.0), random(n * k, 4, 1.0));
        let y: Vec<f64> = (0..n).map(|i| labels[i % labels.len()]).collect();
        let objective = smooth(loss, 0.0, false);
        let all = || {
            let (mut first, mut second) = (vec![0.0; n * k], vec![0.0; n * k]);
            objective.residuals(&z, &y, &mut first);
            objective.hessian_residuals(&z, &y, &v, &mut second);
            let line = objective.line_value(&z, &v, &y, &[0.0; 70][..k], &[0.0; 70][..k], 0.3);
            (objective.mean_loss(&z, &y), line, first, second)
        };
        assert_eq!(pool(1).install(all), pool(5).install(all), "{:?}", objective.loss.id());
    }
}

#[test]
fn along_a_line_value_and_slope_are_those_of_the_moved_point() {
    for (loss, labels) in losses() {
        let k = loss.outputs();
        let (n, d) = (2500, 5);
        let (z, v) = (random(n * k, 5, 3.0), random(n * k, 6, 1.0));
        let (w, p) = (random(k * d, 7, 1.0), random(k * d, 8, 1.0));
        let y: Vec<f64> = (0..n).map(|i| labels[i % labels.len()]).collect();
        for intercept in [false, true] {
            let objective = smooth(loss.clone(), 0.37, intercept);
            for step in [0.0, 1.0, -0.4, 1e-3] {
                let moved = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + step * b).collect() };
                let (z_at, w_at) = (moved(&z, &v), moved(&w, &p));
                let line = objective.line_value(&z, &v, &y, &w, &p, step);
                let value = objective.value(&z_at, &y, &w_at);
                let mut residuals = vec![0.0; n * k];
                objective.residuals(&z_at, &y, &mut residuals);
                let mut l2_part = vec![0.0; k * d];
                objective.add_l2_gradient(&w_at, &mut l2_part);
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let slope = dot(&residuals, &v) + dot(&l2_part, &p);
                // n K terms of magnitude |residual v| <= e^4 / n summed in another order, one at a time: n K u e^4, and the
                // same for the values.
                let tolerance = 60.0 * f64::EPSILON * (n * k) as f64;
                assert!((line.value - value).abs() <= tolerance, "{:?}: {} {value}", loss.id(), line.value);
                assert!((line.slope - slope).abs() <= tolerance, "{:?}: {} {slope}", loss.id(), line.slope);
            }
        }
    }
}

#[test]
fn overflow_along_a_line_is_infinite_not_nan() {
    let objective = smooth(Arc::new(Poisson), 0.0, false);
    let line = objective.line_value(&[1.0, 2.0], &[1.0, 0.0], &[3.0, 1.0], &[1.0], &[1.0], 800.0);
    assert_eq!((line.value, line.slope), (f64::INFINITY, f64::INFINITY));
    let line = objective.line_value(&[1.0, 900.0], &[1.0, 0.0], &[3.0, 1.0], &[1.0], &[1.0], 0.5);
    assert_eq!((line.value, line.slope), (f64::INFINITY, f64::INFINITY));
}

#[test]
fn the_intercept_is_not_penalized() {
    let on = Penalized::new(3, true).unwrap();
    let objective = Objective {
        loss: Arc::new(LeastSquares),
        l2: 2.0,
        regularizer: Some(Arc::new(L1::new(0.5, on).unwrap())),
        intercept: true,
    };
    let weights = [1.0, -2.0, 100.0];
    assert_eq!(objective.l2_value(&weights), 5.0);
    assert_eq!(objective.value(&[3.0], &[1.0], &weights), 2.0 + 5.0 + 1.5);
    let mut gradient = [0.0; 3];
    objective.add_l2_gradient(&weights, &mut gradient);
    assert_eq!(gradient, [2.0, -4.0, 0.0]);
}

#[test]
fn check_refuses_bad_l2_and_labels() {
    let logistic = losses().remove(1).0;
    let message = |l2: f64, labels: &[f64]| smooth(logistic.clone(), l2, false).check(labels).unwrap_err().to_string();
    assert_eq!(message(-1e-3, &[1.0]), "l2: got -0.001; allowed: a finite number of at least 0");
    assert!(message(f64::NAN, &[1.0]).starts_with("l2: got NaN"));
    assert_eq!(message(0.0, &[]), "data: no rows; allowed: at least one row");
    assert_eq!(message(0.0, &[1.0, -1.0, 2.0]), "row 3: label 2; allowed: -1 or 1 (logistic loss)");
    smooth(logistic.clone(), 0.0, false).check(&[1.0, -1.0]).unwrap();
}
