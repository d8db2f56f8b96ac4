//! Semidefinite programs: a max-cut relaxation with a known value, an infeasible program, bad input.

use steadfast::data::Dense;
use steadfast::program::{SemidefiniteOutcome, SemidefiniteProgram, SolveOptions, Status, solve_semidefinite};

/// The dual of the max-cut relaxation `max tr(L X)/4, X_ii = 1, X psd`: `min sum x_i` with `diag(x) - L/4` psd.
fn max_cut(n: usize, edges: &[(usize, usize)]) -> SemidefiniteProgram {
    let mut laplacian = Dense::zeros(n, n);
    for &(a, b) in edges {
        for (i, j) in [(a, b), (b, a)] {
            laplacian.row_mut(i)[i] += 1.0;
            laplacian.row_mut(i)[j] -= 1.0;
        }
    }
    laplacian.values_mut().iter_mut().for_each(|x| *x *= -0.25);
    let unit = |i: usize| {
        let mut e = Dense::zeros(n, n);
        e.row_mut(i)[i] = 1.0;
        e
    };
    SemidefiniteProgram::new(vec![1.0; n], laplacian, (0..n).map(unit).collect()).unwrap()
}

#[test]
fn the_relaxed_cut_of_the_five_cycle() {
    let program = max_cut(5, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]);
    let SemidefiniteOutcome::Optimal(optimum) = solve_semidefinite(&program, &SolveOptions::default()).unwrap() else {
        panic!("a large x is inside")
    };
    // By symmetry all x_i are equal: to the largest eigenvalue of L/4, (2 + 2 cos(pi/5))/4 = (5 + sqrt 5)/8.
    let known = (25.0 + 5.0 * 5f64.sqrt()) / 8.0;
    assert_eq!(optimum.status, Status::Converged);
    assert!(optimum.gap <= 1e-9 * known, "{}", optimum.gap);
    // Above the optimum by the gap at most; below it by the rounding of some tens of operations on numbers up to 5.
    let above = optimum.objective - known;
    assert!(above <= optimum.gap && above > -1e-13, "{above:e}, gap {:e}", optimum.gap);
    // The multiplier is the relaxation's own solution: a matrix with a unit diagonal and the same value.
    for i in 0..5 {
        assert!((optimum.dual.row(i)[i] - 1.0).abs() < 1e-6, "{:?}", optimum.dual.row(i));
    }
    let cut: f64 = (0..5).map(|i| 0.5 * (1.0 - optimum.dual.row(i)[(i + 1) % 5])).sum();
    assert!((cut - known).abs() < 1e-5, "{cut} is not {known}");
}

#[test]
fn an_infeasible_program_is_named() {
    // [[x, 2], [2, -x]] has determinant -x^2 - 4: its least eigenvalue is -sqrt(x^2 + 4), at best -2.
    let constant = Dense::new(2, 2, vec![0.0, 2.0, 2.0, 0.0]).unwrap();
    let matrix = Dense::new(2, 2, vec![1.0, 0.0, 0.0, -1.0]).unwrap();
    let program = SemidefiniteProgram::new(vec![1.0], constant, vec![matrix]).unwrap();
    match solve_semidefinite(&program, &SolveOptions::default()).unwrap() {
        SemidefiniteOutcome::Infeasible { violation, .. } => {
            assert!(violation > 0.0 && violation <= 2.0, "{violation}")
        }
        SemidefiniteOutcome::Optimal(optimum) => panic!("{optimum:?}"),
    }
}

#[test]
fn bad_matrices_are_named() {
    let square = Dense::<f64>::zeros(2, 2);
    let lopsided = Dense::new(2, 2, vec![0.0, 1.0, 0.0, 0.0]).unwrap();
    for (cost, constant, matrices, named) in [
        (vec![1.0], square.clone(), vec![], "0 matrices"),
        (vec![1.0], square.clone(), vec![lopsided], "matrix 1"),
        (vec![1.0], square.clone(), vec![Dense::zeros(3, 3)], "3 x 3"),
        (vec![f64::NAN], square.clone(), vec![square.clone()], "NaN"),
    ] {
        let message = SemidefiniteProgram::new(cost, constant, matrices).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
}
