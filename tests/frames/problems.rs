use std::sync::atomic::{AtomicBool, Ordering};

use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;
use steadfast::data::{Dense, Matrix, ReferenceSets};
use steadfast::method::Status;
use steadfast::run::{DeviceKind, Factorization, Projection, Ratings, TrainConfig, Training};
use steadfast::seed::{Purpose, Seed};

use crate::inputs::regression;

/// p x d normal numbers.
fn matrix(rows: usize, cols: usize) -> Matrix<f64> {
    regression(rows, cols, 0.0, 7).features
}

fn dense(matrix: &Matrix<f64>) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(matrix.rows(), matrix.cols());
    (0..matrix.rows()).for_each(|i| matrix.for_each_in_row(i, |j, x| out[(i, j)] = x));
    out
}

/// Random workers late in every round, and yet the projection itself: at its solution no equation has a residual.
#[test]
fn projections_onto_affine_sets_are_exact_whoever_is_late() {
    let equations = matrix(40, 90);
    let (right, from): (Vec<f64>, Vec<f64>) =
        ((0..40).map(|i| f64::from(i % 5)).collect(), (0..90).map(|j| f64::from(j % 7) - 3.0).collect());
    let a = dense(&equations);
    let residual = DVector::from_vec(right.clone()) - &a * DVector::from_vec(from.clone());
    let gram = (&a * a.transpose()).cholesky().expect("independent equations");
    let wanted = DVector::from_vec(from.clone()) + a.transpose() * gram.solve(&residual);
    for code in ["hadamard", "steiner", "paley"] {
        let projection =
            Projection { first: 6, delay: "exponential".into(), code: code.into(), ..Projection::default() };
        let found = projection.onto_affine(&equations, &right, &from).unwrap();
        let off = (DVector::from_vec(found.point) - &wanted).norm() / wanted.norm();
        // A gradient of 1e-11 over the smallest eigenvalue of A A'/40, about (sqrt(90) - sqrt(40))^2/40 = .25, and a third of that at worst
        // on the workers in time.
        assert!(off < 1e-8 && found.violation < 1e-7, "{code}: {off:e}, {:e}, {}", found.violation, found.iterations);
    }
}

/// Stopped before the first step: the point that it began at, and why.
#[test]
fn projections_end_when_they_are_told_to() {
    let (equations, stop) = (matrix(4, 10), AtomicBool::new(true));
    let projection = Projection { workers: 4, first: 4, ..Projection::default() };
    let affine = projection.onto_affine_until(&equations, &[1.0; 4], &[2.0; 10], &stop).unwrap();
    let polyhedron = projection.onto_polyhedron_until(&equations, &[-1.0; 4], &[2.0; 10], &stop).unwrap();
    for found in [affine, polyhedron] {
        assert_eq!((found.status, found.iterations, found.point), (Status::Interrupted, 0, vec![2.0; 10]));
    }
    stop.store(false, Ordering::Relaxed);
    let found = projection.onto_affine_until(&equations, &[1.0; 4], &[2.0; 10], &stop).unwrap();
    assert!(found.status != Status::Interrupted && found.iterations > 0);
}

#[test]
fn projections_onto_polyhedra_are_exact_with_all_workers_and_near_with_most() {
    // The box [-1, 1]^60 cut by a half-space: for a point, cut and then shifted along the normal until it holds.
    let d = 60;
    let mut values = vec![0.0; (2 * d + 1) * d];
    for j in 0..d {
        values[2 * j * d + j] = 1.0;
        values[(2 * j + 1) * d + j] = -1.0;
    }
    values[2 * d * d..].fill(0.25);
    let inequalities = Matrix::Dense(Dense::new(2 * d + 1, d, values).unwrap());
    let mut right = vec![1.0; 2 * d + 1];
    right[2 * d] = -2.0;
    let from: Vec<f64> = (0..d).map(|j| (j as f64 - 20.0) / 10.0).collect();
    let clipped = |shift: f64| from.iter().map(move |x| (x - shift).clamp(-1.0, 1.0));
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if 0.25 * clipped(middle).sum::<f64>() > -2.0 { low = middle } else { high = middle }
    }
    let wanted: Vec<f64> = clipped(high).collect();
    let off = |point: &[f64]| {
        let square = |values: Vec<f64>| values.iter().map(|x| x * x).sum::<f64>();
        let difference = point.iter().zip(&wanted).map(|(a, b)| a - b).collect();
        (square(difference) / square(wanted.clone())).sqrt()
    };
    let projection = Projection { iterations: 20_000, ..Projection::default() };
    let exact = projection.onto_polyhedron(&inequalities, &right, &from).unwrap();
    // The multipliers' problem is flat where a bound and its opposite meet, so the plateau of F ends it: F to rounding, its point to the
    // root of that.
    assert!(off(&exact.point) < 1e-6, "{:e} in {}", off(&exact.point), exact.iterations);
    let late = Projection { first: 7, delay: "exponential".into(), ..projection };
    let near = late.onto_polyhedron(&inequalities, &right, &from).unwrap();
    println!("7 of 8 workers: {:.1e} of its length from the projection", off(&near.point));
    assert!(off(&near.point) < 0.3 && off(&near.point) > 1e-6);
}

#[test]
fn projections_refuse_what_does_not_fit() {
    let error = Projection::default().onto_affine(&matrix(10, 4), &[0.0; 9], &[0.0; 4]).unwrap_err();
    assert!(error.to_string().contains("10 and 4, as the matrix has"), "{error}");
    let few = Projection { first: 2, ..Projection::default() };
    assert!(few.onto_affine(&matrix(40, 90), &[0.0; 40], &[0.0; 90]).is_err());
}

/// Ratings of rank 2 with noise of a tenth, two in three of them there.
fn ratings() -> (Ratings, Ratings) {
    let (users, items) = (40usize, 60usize);
    let mut stream = Seed(5).stream(Purpose::Experiment, 1, 0);
    let mut normal = || -> f64 { stream.sample(StandardNormal) };
    let factors: Vec<[f64; 2]> = (0..users + items).map(|_| [normal(), normal()]).collect();
    let (mut train, mut test) = (vec![], vec![]);
    for user in 0..users {
        for item in 0..items {
            let ([a, b], [c, d]) = (factors[user], factors[users + item]);
            let rating = 3.5 + a * c + b * d + 0.1 * normal();
            // 31 % are not there, 16 % are held out.
            match normal() {
                place if place > 0.5 => {}
                place if place < -1.0 => test.push((user, item, rating)),
                _ => train.push((user, item, rating)),
            }
        }
    }
    (Ratings { users, items, entries: train }, Ratings { users, items, entries: test })
}

fn factorization(code: &str, first: usize) -> Factorization {
    Factorization {
        rank: 3,
        l2: 0.2,
        large: 20,
        code: code.into(),
        first,
        delay: "exponential".into(),
        ..Factorization::default()
    }
}

#[test]
fn factorizations_on_encoded_ratings_are_near_those_of_all_workers() {
    let (train, test) = ratings();
    let end = |plan: Factorization| plan.run(&train, &test).unwrap().sweeps.pop().unwrap();
    let all = end(factorization("uncoded", 8));
    // Ratings have a standard deviation of sqrt(2).
    assert!(all.encoded > 100 && all.test_rmse < 0.5, "{all:?}");
    for code in ["steiner", "hadamard"] {
        // All of a tight frame: the same problems, to what 10 iterations leave.
        let same = end(factorization(code, 8));
        assert!((same.test_rmse / all.test_rmse - 1.0).abs() < 0.01, "{code}: {same:?} {all:?}");
        let half = end(factorization(code, 6));
        println!("{code}, 6 of 8: {:.4}, all {:.4}", half.test_rmse, all.test_rmse);
        assert!(half.test_rmse < 1.5 * all.test_rmse && half.seconds < all.seconds, "{code}: {half:?}");
    }
    let exact = end(Factorization { exact: true, ..factorization("mds", 6) });
    assert!((exact.test_rmse / all.test_rmse - 1.0).abs() < 0.01, "{exact:?}");
}

#[test]
fn factorizations_refuse_what_is_no_rating() {
    let (train, test) = ratings();
    let none = Ratings { entries: vec![], ..train.clone() };
    assert!(factorization("steiner", 8).run(&none, &test).is_err());
    let error = factorization("steiner", 9).run(&train, &test).unwrap_err();
    assert!(error.to_string().contains("1 to 8"), "{error}");
}

/// The lasso of the reference file on the ECG that is sensed by 384 random signs: encoded, with all workers, its optimum; with a few
/// late, most of its support.
#[test]
fn an_ecg_is_sensed_through_encoded_measurements() {
    let sets = ReferenceSets::open().unwrap();
    let Ok(set) = sets.get("ecg_cs") else {
        println!("ecg_cs is absent: not tested ({})", sets.absent_line());
        return;
    };
    let data = set.load().unwrap();
    let l1 = 0.136_815_502_083_333_32;
    let optimum = 3.052_990_498_035_078;
    let config = TrainConfig {
        task: Some("squared".into()),
        l1,
        workers: 16,
        code: Some("steiner".into()),
        method: "encoded-proximal-gradient".into(),
        iterations: 400,
        tolerance: 1e-5,
        device: DeviceKind::Cpu,
        ..TrainConfig::default()
    };
    let all = Training::new(config.clone()).run(data.clone()).unwrap();
    let gap = all.record.end.objective / optimum - 1.0;
    assert!((-1e-12..1e-6).contains(&gap), "{gap:e}");
    let late = TrainConfig { gather: Some("first:k=15".into()), delay: "trimodal".into(), iterations: 200, ..config };
    let some = Training::new(late).run(data).unwrap();
    let support = |weights: &[f64]| weights.iter().map(|w| *w != 0.0).collect::<Vec<_>>();
    let (wanted, found) = (support(&all.model.unwrap().weights), support(&some.model.unwrap().weights));
    let hits = wanted.iter().zip(&found).filter(|(a, b)| **a && **b).count();
    let count = |of: &[bool]| of.iter().filter(|x| **x).count();
    println!(
        "ecg_cs: {} of {} coefficients found with 15 of 16 workers, {} others",
        hits,
        count(&wanted),
        count(&found) - hits
    );
    assert!(hits * 10 >= count(&wanted) * 8);
}
