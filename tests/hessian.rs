//! Hessians: formed, sketched, and against the definition.

use std::borrow::Cow;
use std::sync::Arc;

use nalgebra::DMatrix;
use steadfast::data::{Dense, Matrix};
use steadfast::fleet::{BlockFleet, Clock, Delay, Enough, Faults};
use steadfast::objective::{CurvatureForm, Logistic, Loss, Objective, Softmax};
use steadfast::oracle::{BlockHessian, HessianOracle, HessianPlan};
use steadfast::seed::{Purpose, Seed};
use steadfast::sketch::BlockSketch;

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

/// The smallest eigenvalue over the largest.
fn least_eigenvalue(matrix: &[f64], d: usize) -> f64 {
    let values = DMatrix::from_row_slice(d, d, matrix).symmetric_eigenvalues();
    values.min() / values.max()
}

/// Where different blocks are missing in different parts of an ill-conditioned matrix, it has negative eigenvalues; whole blocks
/// give none, and their mean is that of the same sketches in one part.
#[test]
fn whole_blocks_are_semidefinite_where_pieces_are_not() {
    let (n, d) = (3000, 24);
    // All columns close to one: the eigenvalues span eight orders of magnitude.
    let common = numbers(n, 3);
    let x: Vec<f64> = numbers(n * d, 4).iter().enumerate().map(|(at, z)| common[at / d] + 1e-4 * z).collect();
    let data = Matrix::Dense(Dense::new(n, d, x).unwrap());
    let curvature = vec![1.0; n];
    let sketch = BlockSketch::oversketch(Seed(2), 8, 2, 5 * d).unwrap();
    let clock = || Clock { delay: Delay::parse("lambda").unwrap(), seed: Seed(5), ..Clock::default() };
    let oracle = |columns: usize, workers| {
        let fleet = BlockFleet::new(Faults::none(workers), clock());
        BlockHessian::new(Cow::Borrowed(&data), fleet, HessianPlan::Sketched { sketch, columns }).unwrap()
    };
    let mut pieces = oracle(3, 60);
    let (mut hessian, mut whole) = (vec![0.0; d * d], vec![0.0; d * d]);
    assert!(pieces.whole(CurvatureForm::Scalar, &mut whole).is_err());
    let first = pieces.hessian(CurvatureForm::Scalar, &curvature, &mut hessian).unwrap();
    assert!(first.pieced && first.blocks == 8, "{first:?}");
    assert!(least_eigenvalue(&hessian, d) < -1e-6);
    let second = pieces.whole(CurvatureForm::Scalar, &mut whole).unwrap();
    assert!(!second.pieced && second.blocks == 8 && second.seconds > 0.0, "{second:?}");
    // A sum of squares, with d rounding errors of the largest.
    assert!(least_eigenvalue(&whole, d) > -(d as f64) * f64::EPSILON);

    // One part: nothing is pieced together, whoever is missing.
    let mut one = oracle(1, 10);
    assert!(!one.hessian(CurvatureForm::Scalar, &curvature, &mut hessian).unwrap().pieced);
    assert!(least_eigenvalue(&hessian, d) > -(d as f64) * f64::EPSILON);
}

/// A sketch grows until A has no more rows than it; then the exact Hessian is taken.
#[test]
fn a_sketch_grows_into_the_exact_hessian() {
    let (n, d) = (100, 4);
    let data = Matrix::Dense(Dense::new(n, d, numbers(n * d, 6)).unwrap());
    let sketch = BlockSketch::oversketch(Seed(2), 5, 1, 4).unwrap();
    let fleet = BlockFleet::new(Faults::none(6), Clock::default());
    let plan = HessianPlan::Sketched { sketch, columns: 1 };
    let mut oracle = BlockHessian::new(Cow::Borrowed(&data), fleet, plan).unwrap();
    let mut hessian = vec![0.0; d * d];
    let mut dimension =
        |oracle: &mut BlockHessian<'_, f64>| oracle.hessian(CurvatureForm::Scalar, &[1.0; 100], &mut hessian).unwrap();
    for rows in [Some(20), Some(40), Some(80), None, None] {
        assert_eq!(dimension(&mut oracle).sketch_dimension, rows);
        assert_eq!(oracle.grow(), rows.is_some());
    }
}
