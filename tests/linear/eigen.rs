//! The power method and orthogonal iteration against faer's eigenvalues.

use faer::{Mat, Side};
use steadfast::data::{Dense, Matrix};
use steadfast::linear::{Eigenpair, Options, Status, dominant, leading};
use steadfast::run::{LinearRun, TrainConfig};
use steadfast::scalar::Precision;

use super::fleet::{answered, lying, numbers, poisson};

const N: usize = 60;

/// A Gaussian symmetric matrix.
fn symmetric() -> Matrix<f64> {
    let entries = numbers(N * N, 11);
    let values = (0..N * N).map(|at| entries[at] + entries[at % N * N + at / N]).collect();
    Matrix::Dense(Dense::new(N, N, values).expect("N x N"))
}

/// faer's eigenvalues, largest in modulus first. Their errors are some round-offs of the largest.
fn eigenvalues(matrix: &Matrix<f64>) -> Vec<f64> {
    let n = matrix.rows();
    let mut dense = Mat::<f64>::zeros(n, n);
    for i in 0..n {
        matrix.for_each_in_row(i, |j, x| dense[(i, j)] = x);
    }
    let mut values = dense.self_adjoint_eigenvalues(Side::Lower).expect("they converge");
    values.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
    values
}

/// `|A v - lambda v|` by the plain product, and `|v|`.
fn check(matrix: &Matrix<f64>, pair: &Eigenpair) -> (f64, f64) {
    let mut image = vec![0.0; matrix.rows()];
    matrix.multiply(&pair.vector, 1, &mut image);
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let residual = norm(&mut image.iter().zip(&pair.vector).map(|(w, v)| w - pair.value * v));
    (residual, norm(&mut pair.vector.iter().copied()))
}

#[test]
fn the_power_method_finds_the_largest_eigenvalue() {
    let matrix = symmetric();
    let truth = eigenvalues(&matrix);
    assert!(truth[0].abs() > 1.01 * truth[1].abs(), "a gap that the power method can use: {:?}", &truth[..3]);
    for attack in ["gaussian", "sign-flip", "near-code", "replay"] {
        let run = answered(lying(attack), &matrix, |p| dominant(p, &Options::default()));
        let answer = run.answer.expect("an answer");
        assert_eq!(answer.report.status, Status::Converged);
        let (residual, length) = check(&matrix, &answer.value);
        // The plain product rounds, too: 60 terms of at most |A|_F.
        let rounding = 1e-14 * truth[0].abs();
        assert!(residual <= answer.report.residual_bound + rounding && (length - 1.0).abs() < 1e-12, "{residual:e}");
        assert!(answer.report.residual_bound <= 2e-10 * truth[0].abs(), "{:e}", answer.report.residual_bound);
        // Of a symmetric matrix an eigenvalue is within the residual.
        assert!((answer.value.value - truth[0]).abs() <= answer.report.residual_bound + rounding);
    }
}

#[test]
fn orthogonal_iteration_finds_the_leading_ones_in_order() {
    let matrix = symmetric();
    let truth = eigenvalues(&matrix);
    let run = answered(lying("gaussian"), &matrix, |p| leading(p, 6, &Options::default()));
    let answer = run.answer.expect("an answer");
    assert_eq!(answer.report.status, Status::Converged);
    for (pair, truth) in answer.value.iter().zip(&truth) {
        assert!((pair.value - truth).abs() <= answer.report.residual_bound + 1e-13 * truth.abs(), "{truth} {pair:?}");
        let (residual, length) = check(&matrix, pair);
        assert!(residual <= answer.report.residual_bound + 1e-13 * truth.abs() && (length - 1.0).abs() < 1e-12);
    }
    // The Laplacian of a square grid: double eigenvalues, and lambda and 8 - lambda in pairs. Its trace is known.
    let grid = poisson(6);
    let all = answered(lying("zero"), &grid, |p| leading(p, 36, &Options::default())).answer.expect("an answer");
    let trace: f64 = all.value.iter().map(|pair| pair.value).sum();
    assert!((trace - 144.0).abs() <= 36.0 * (all.report.residual_bound + 1e-13), "{trace}");
}

#[test]
fn opposite_eigenvalues_are_told_apart_by_a_block_and_not_by_one_vector() {
    let mut exchange = Dense::zeros(20, 20);
    for i in 0..20 {
        exchange.row_mut(i)[19 - i] = if i % 10 == 0 { 3.0 } else { 0.5 };
    }
    // Symmetric: entries (0, 19), (19, 0) are 3 and 0.5 for i = 19; made equal.
    exchange.row_mut(19)[0] = 3.0;
    exchange.row_mut(10)[9] = 0.5;
    let matrix = Matrix::Dense(exchange);
    let pairs = answered(lying("gaussian"), &matrix, |p| leading(p, 2, &Options::default())).answer.expect("an answer");
    let mut found: Vec<f64> = pairs.value.iter().map(|pair| pair.value).collect();
    found.sort_by(f64::total_cmp);
    assert!((found[0] + 3.0).abs() < 1e-9 && (found[1] - 3.0).abs() < 1e-9, "{found:?}");
    let few = Options { iterations: 200, ..Options::default() };
    let one = answered(lying("gaussian"), &matrix, |p| dominant(p, &few)).answer.expect("an answer");
    assert_eq!(one.report.status, Status::IterationLimit);
}

#[test]
fn unsymmetric_f32_zero_and_refused() {
    // Upper triangular with 5 on top: eigenvalue 5 at (1, 0, ..., 0).
    let mut upper = Dense::zeros(N, N);
    let entries = numbers(N * N, 12);
    for i in 0..N {
        for j in i..N {
            upper.row_mut(i)[j] =
                if i == j { if i == 0 { 5.0 } else { 0.05 * i as f64 } } else { 0.1 * entries[i * N + j] };
        }
    }
    let matrix = Matrix::Dense(upper);
    let answer = answered(lying("sign-flip"), &matrix, |p| dominant(p, &Options::default())).answer.expect("an answer");
    let (residual, _) = check(&matrix, &answer.value);
    assert!(answer.report.status == Status::Converged && (answer.value.value - 5.0).abs() < 1e-6);
    assert!(residual <= answer.report.residual_bound + 1e-13);
    // Not symmetric, and the products show it.
    let run = LinearRun::new(lying("gaussian")).run(&matrix, |p| leading(p, 2, &Options::default()));
    let error = run.expect("a run that begins").error.expect("an error");
    assert!(error.exit_status() == 2 && error.to_string().contains("symmetric"), "{error}");

    // With f32 workers a tolerance below their rounding ends with `rounding`, and the bound still holds of what they
    // store.
    let config = TrainConfig { precision: Some(Precision::F32), ..lying("gaussian") };
    let grid = poisson(9);
    let tight = Options { tolerance: 1e-15, ..Options::default() };
    let answer = answered(config, &grid, |p| leading(p, 1, &tight)).answer.expect("an answer");
    assert_eq!(answer.report.status, Status::Rounding);
    let truth = 8.0 * (std::f64::consts::PI * 9.0 / 20.0).sin().powi(2);
    let off = (answer.value[0].value - truth).abs();
    assert!(off <= answer.report.residual_bound && off < 1e-5, "{off:e} {:e}", answer.report.residual_bound);

    // The zero matrix has the eigenvalue 0, exactly.
    let zero = Matrix::Dense(Dense::zeros(20, 20));
    let answer = LinearRun::new(super::fleet::config()).run(&zero, |p| dominant(p, &Options::default()));
    assert_eq!(answer.expect("a run").answer.expect("an answer").value.value, 0.0);

    for count in [0, 21] {
        let run = LinearRun::new(super::fleet::config()).run(&zero, |p| leading(p, count, &Options::default()));
        assert!(run.expect("a run that begins").error.is_some_and(|e| e.to_string().contains("1 to 20")));
    }
}
