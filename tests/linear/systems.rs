//! Conjugate gradients and Jacobi's iteration against direct solutions; what they refuse.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};
use steadfast::data::{Dense, Matrix};
use steadfast::linear::{Dominant, JacobiOptions, Options, Status, conjugate_gradient, jacobi};
use steadfast::run::{LinearRun, TrainConfig};
use steadfast::scalar::Precision;

use super::fleet::{answered, config, lying, numbers, path, poisson};

const SIDE: usize = 50;

/// Smallest eigenvalue of the Laplacian of [`poisson`]: 8 sin^2(pi / (2 side + 2)).
fn smallest() -> f64 {
    8.0 * (std::f64::consts::PI / (2 * SIDE + 2) as f64).sin().powi(2)
}

fn norm(x: &[f64]) -> f64 {
    x.chunks(64).map(|c| c.iter().map(|x| x * x).sum::<f64>()).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

/// The solution by a dense Cholesky factorization. Its error is far below what the iterations are asked for: the
/// condition number is 1053, so at most some 1e-12 of the solution.
fn direct(matrix: &Matrix<f64>, b: &[f64]) -> Vec<f64> {
    let n = matrix.rows();
    let mut dense = Mat::<f64>::zeros(n, n);
    for i in 0..n {
        matrix.for_each_in_row(i, |j, x| dense[(i, j)] = x);
    }
    let solved = dense.llt(Side::Lower).expect("definite").solve(MatRef::from_column_major_slice(b, n, 1));
    (0..n).map(|i| solved[(i, 0)]).collect()
}

#[test]
fn both_methods_find_the_direct_solution_of_a_poisson_problem() {
    let matrix = poisson(SIDE);
    let b = numbers(matrix.rows(), 1);
    let truth = direct(&matrix, &b);
    for attack in ["gaussian", "sign-flip", "collude"] {
        let run = answered(lying(attack), &matrix, |p| conjugate_gradient(p, &b, &Options::default()));
        let answer = run.answer.expect("an answer");
        assert_eq!(answer.report.status, Status::Converged);
        assert!(answer.report.residual <= 1e-10 * norm(&b), "{:e}", answer.report.residual);
        // |x - x*| <= |r| / smallest eigenvalue, and r is certified.
        let error = distance(&answer.value, &truth);
        assert!(error <= answer.report.residual_bound / smallest() + 1e-12 * norm(&truth), "{attack}: {error:e}");
        assert!(answer.report.rounds < 300, "{}", answer.report.rounds);
    }
    let dominant = Dominant::check(&matrix).expect("weakly chained diagonally dominant");
    assert_eq!(dominant.ratio(), 1.0);
    let options = JacobiOptions { run: Options { tolerance: 1e-5, ..Options::default() }, damping: 1.0 };
    let run = answered(lying("gaussian"), &matrix, |p| jacobi(p, &dominant, &b, &options));
    let answer = run.answer.expect("an answer");
    assert_eq!(answer.report.status, Status::Converged);
    let error = distance(&answer.value, &truth);
    assert!(error <= answer.report.residual_bound / smallest() + 1e-12 * norm(&truth), "{error:e}");
    assert!(answer.report.residual_bound <= 1.001e-5 * norm(&b));
    // Sparse stays sparse: 7 of 15 workers hold plain rows, 8 combinations of 7 blocks, so at most 7 / 7 + 8 times the
    // values.
    assert!(run.fill <= 9.0, "{}", run.fill);
}

#[test]
fn liars_change_nothing_beyond_the_bound() {
    let matrix = poisson(12);
    let b = numbers(matrix.rows(), 2);
    let run = |config: TrainConfig| {
        let finished = answered(config, &matrix, |p| conjugate_gradient(p, &b, &Options::default()));
        finished.answer.expect("an answer")
    };
    let honest = run(TrainConfig { liars: 0, ..config() });
    assert!(honest.report.residual_bound.is_infinite(), "without redundancy nothing is certified");
    let lied = run(lying("near-code"));
    let reach = (lied.report.residual_bound + 2.0 * honest.report.residual)
        / (8.0 * (std::f64::consts::PI / 26.0).sin().powi(2));
    assert!(distance(&honest.value, &lied.value) <= reach);
}

#[test]
fn f32_workers_end_with_rounding_and_say_how_far_they_got() {
    let matrix = poisson(12);
    let b = numbers(matrix.rows(), 3);
    let config = TrainConfig { precision: Some(Precision::F32), ..lying("sign-flip") };
    let run = answered(config.clone(), &matrix, |p| {
        conjugate_gradient(p, &b, &Options { tolerance: 1e-14, ..Options::default() })
    });
    let answer = run.answer.expect("an answer");
    assert_eq!(answer.report.status, Status::Rounding);
    // The Laplacian's entries are exact in f32, so the certificate speaks of the matrix itself.
    let mut image = vec![0.0; b.len()];
    matrix.multiply(&answer.value, 1, &mut image);
    let residual = distance(&b, &image);
    assert!(residual <= answer.report.residual_bound, "{residual:e} {:e}", answer.report.residual_bound);
    assert!(residual <= 1e-4 * norm(&b), "{residual:e}");

    let dominant = Dominant::check(&matrix).expect("dominant");
    let options = JacobiOptions { run: Options { tolerance: 1e-14, ..Options::default() }, damping: 0.9 };
    let answer = answered(config, &matrix, |p| jacobi(p, &dominant, &b, &options)).answer.expect("an answer");
    assert_eq!(answer.report.status, Status::Rounding);
    matrix.multiply(&answer.value, 1, &mut image);
    assert!(distance(&b, &image) <= answer.report.residual_bound.min(1e-4 * norm(&b)));
}

#[test]
fn matrices_that_have_no_such_solution_are_refused() {
    let refused = |matrix: &Matrix<f64>, b: &[f64]| {
        let run = LinearRun::new(lying("gaussian")).run(matrix, |p| conjugate_gradient(p, b, &Options::default()));
        let finished = run.expect("a run that begins");
        assert!(finished.answer.is_none() && finished.exit_status == 2);
        finished.error.expect("an error").to_string()
    };
    // Indefinite: one eigenvalue is -1.
    let mut indefinite = Dense::zeros(20, 20);
    (0..20).for_each(|i| indefinite.row_mut(i)[i] = if i == 7 { -1.0 } else { 1.0 + i as f64 });
    let message = refused(&Matrix::Dense(indefinite), &[1.0; 20]);
    assert!(message.contains("not definite") && message.contains("p'A p / p'p = -"), "{message}");
    // Singular, and b is not in its range.
    let mut b = numbers(20, 4);
    b[0] += 10.0;
    let message = refused(&path(20), &b);
    assert!(message.contains("singular") || message.contains("not definite"), "{message}");

    let message = Dominant::check(&path(20)).unwrap_err().to_string();
    assert!(message.contains("row 1") && message.contains("singular"), "{message}");
    let dense = |values: [f64; 4]| Matrix::Dense(Dense::new(2, 2, values.to_vec()).expect("2 x 2"));
    let message = Dominant::check(&dense([1.0, 0.0, 0.0, 0.0])).unwrap_err().to_string();
    assert!(message.contains("row 2") && message.contains("zero on the diagonal"), "{message}");
    let message = Dominant::check(&dense([2.0, -1.0, 3.0, 2.0])).unwrap_err().to_string();
    assert!(message.contains("row 2") && message.contains("3.0"), "{message}");
    assert!(Dominant::check(&Matrix::Dense(Dense::zeros(2, 3))).is_err());
    // Not square, a right-hand side of another length, one that is not finite.
    let wide = Matrix::Dense(Dense::new(20, 3, vec![1.0; 60]).expect("20 x 3"));
    let run = |matrix: &Matrix<f64>, b: &[f64]| {
        LinearRun::new(config())
            .run(matrix, |p| conjugate_gradient(p, b, &Options::default()))
            .map(|finished| finished.error.expect("an error"))
            .unwrap_or_else(|error| error)
            .to_string()
    };
    assert!(run(&wide, &[1.0; 20]).contains("20 x 3"));
    assert!(run(&path(20), &[1.0; 19]).contains("19 numbers"));
    let mut infinite = [1.0; 20];
    infinite[3] = f64::INFINITY;
    assert!(run(&path(20), &infinite).contains("row 4"));
}

#[test]
fn too_many_liars_and_limits_are_told() {
    let matrix = poisson(12);
    let b = numbers(matrix.rows(), 5);
    let config = TrainConfig { inject_liars: 5, ..lying("gaussian") };
    let run = LinearRun::new(config).run(&matrix, |p| conjugate_gradient(p, &b, &Options::default()));
    let finished = run.expect("a run that begins");
    assert_eq!(finished.exit_status, 3, "{:?}", finished.error);
    let few = Options { iterations: 5, ..Options::default() };
    let finished = answered(lying("zero"), &matrix, |p| conjugate_gradient(p, &b, &few));
    let answer = finished.answer.expect("an answer");
    // Five steps and the check of x.
    assert_eq!((answer.report.status, answer.report.rounds, finished.exit_status), (Status::IterationLimit, 6, 4));
}
