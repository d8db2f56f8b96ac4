//! Hessians: formed, sketched, and against the definition.

use std::borrow::Cow;
use std::sync::Arc;
use steadfast::data::{Dense, Matrix};
use steadfast::fleet::{BlockFleet, Clock, Enough, Faults};
use steadfast::objective::{Logistic, Loss, Objective, Softmax};
use steadfast::oracle::{BlockHessian, HessianOracle, HessianPlan};
use steadfast::seed::{Purpose, Seed};

use rand_distr::{Distribution, StandardNormal};

fn numbers(count: usize, stream: u64) -> Vec<f64> {
    let mut rng = Seed(9).stream(Purpose::Experiment, stream, 0);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// `sum_i x_i x_i' (x) l''(z_i) / n` entry by entry.
fn by_definition(x: &[f64], d: usize, objective: &Objective, margins: &[f64], labels: &[f64]) -> Vec<f64> {
    let (n, k) = (labels.len(), objective.loss.outputs());
    let width = d * k;
    let mut hessian = vec![0.0; width * width];
    let (mut unit, mut column) = (vec![0.0; k], vec![0.0; k]);
    for i in 0..n {
        for a in 0..k {
            unit[a] = 1.0;
            objective.loss.second_derivative(&margins[i * k..(i + 1) * k], labels[i], &unit, &mut column);
            unit[a] = 0.0;
            for b in 0..k {
                for j in 0..d {
                    for l in 0..d {
                        hessian[(a * d + j) * width + b * d + l] += column[b] * x[i * d + j] * x[i * d + l] / n as f64;
                    }
                }
            }
        }
    }
    hessian
}

#[test]
fn the_exact_hessian_is_the_definition() {
    for (classes, loss) in [(1, Arc::new(Logistic) as Arc<dyn Loss>), (3, Arc::new(Softmax::new(3).unwrap()))] {
        let (n, d) = (700, 5);
        let x = numbers(n * d, 0);
        let margins = numbers(n * classes, 1);
        let labels: Vec<f64> =
            (0..n).map(|i| if classes == 1 { if i % 3 == 0 { 1.0 } else { -1.0 } } else { (i % 3) as f64 }).collect();
        let objective = Objective { loss, l2: 0.0, regularizer: None, intercept: false };
        let expected = by_definition(&x, d, &objective, &margins, &labels);
        let data = Matrix::Dense(Dense::new(n, d, x).unwrap());
        let fleet = BlockFleet::new(Faults::none(4), Clock::default());
        let plan = HessianPlan::Exact { enough: Enough::All };
        let mut oracle = BlockHessian::new(Cow::Borrowed(&data), fleet, plan).unwrap();
        let mut curvature = Vec::new();
        let form = objective.curvature(&margins, &labels, &mut curvature).unwrap();
        let mut hessian = vec![0.0; expected.len()];
        oracle.hessian(form, &curvature, &mut hessian).unwrap();
        for (got, want) in hessian.iter().zip(&expected) {
            // Sums of n terms of size below 20 / n: n u of rounding at most.
            assert!((got - want).abs() < 20.0 * n as f64 * f64::EPSILON, "{got} {want}");
        }
    }
}
