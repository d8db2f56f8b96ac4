//! Small programs with answers by hand: no interior, fixed and free variables, constant objectives, and what has no optimum.

use steadfast::data::Dense;
use steadfast::program::{
    Exact, LinearProgram, MakeNormal, NormalMatrix, Optimum, Outcome, Reduced, SolveOptions, Status, reduce, solve,
    solve_with,
};

const NONE: f64 = f64::INFINITY;

fn optimum(program: &LinearProgram) -> Optimum {
    match solve(program, &SolveOptions::default()).unwrap() {
        Outcome::Optimal(optimum) => optimum,
        other => panic!("{other:?}"),
    }
}

/// The gap of a converged solve is at most 1e-9 of the objective (or of 1); a little is left for rounding.
fn assert_value(optimum: &Optimum, value: f64) {
    let off = (optimum.objective - value).abs();
    assert!(off <= 1.1e-9 * value.abs().max(1.0), "{} is not {value}", optimum.objective);
    assert_eq!(optimum.status, Status::Converged);
}

#[test]
fn opposite_inequalities_leave_no_interior() {
    // x + y <= 1 and x + y >= 1 as two rows, 0 <= x, y: minimize x + 2 y is 1 at (1, 0).
    let mut program = LinearProgram::minimize(&[1.0, 2.0]).unwrap();
    program.add_row(&[(0, 1.0), (1, 1.0)], -NONE, 1.0).unwrap();
    program.add_row(&[(0, 2.0), (1, 2.0)], 2.0, NONE).unwrap();
    let best = optimum(&program);
    assert_value(&best, 1.0);
    assert!(program.violation(&best.point) < 1e-9);
}

#[test]
fn implied_equations_are_found() {
    // x <= 1, y <= 1, z <= 1 and x + y + z >= 3 leave (1, 1, 1, w) with w in [0, 2].
    let mut program = LinearProgram::maximize(&[1.0, 1.0, 1.0, 1.0]).unwrap();
    for j in 0..3 {
        program.set_bounds(j, 0.0, 1.0).unwrap();
    }
    program.set_bounds(3, 0.0, 2.0).unwrap();
    program.add_row(&[(0, 1.0), (1, 1.0), (2, 1.0)], 3.0, NONE).unwrap();
    assert_value(&optimum(&program), 5.0);
    // And with w fixed there is a single point.
    program.set_bounds(3, 0.5, 0.5).unwrap();
    assert_value(&optimum(&program), 3.5);
}

#[test]
fn equations_may_depend_on_each_other() {
    let mut program = LinearProgram::minimize(&[1.0, 1.0, 0.0]).unwrap();
    program.add_row(&[(0, 1.0), (2, 1.0)], 2.0, 2.0).unwrap();
    program.add_row(&[(1, 1.0), (2, -1.0)], -1.0, -1.0).unwrap();
    program.add_row(&[(0, 3.0), (1, 3.0)], 3.0, 3.0).unwrap(); // three times the sum of the others
    assert_value(&optimum(&program), 1.0);
    program.add_row(&[(0, 1.0), (1, 1.0)], 1.5, 1.5).unwrap(); // and now they contradict each other
    let outcome = solve(&program, &SolveOptions::default()).unwrap();
    assert!(matches!(outcome, Outcome::Infeasible { violation, .. } if violation > 0.01), "{outcome:?}");
}

#[test]
fn free_variables_and_unbounded_optimal_faces() {
    // Minimize |x - 3| as t, with y free and nowhere: the best points are a line.
    let mut program = LinearProgram::minimize(&[0.0, 1.0, 0.0]).unwrap();
    program.set_bounds(0, -NONE, NONE).unwrap();
    program.set_bounds(2, -NONE, NONE).unwrap();
    program.add_row(&[(0, 1.0), (1, -1.0)], -NONE, 3.0).unwrap();
    program.add_row(&[(0, -1.0), (1, -1.0)], -NONE, -3.0).unwrap();
    let best = optimum(&program);
    assert_value(&best, 0.0);
    assert!((best.point[0] - 3.0).abs() < 1e-8 && best.point[2].is_finite());
}

#[test]
fn an_optimum_far_out_is_reached() {
    // The optimum lies 1e6 times the limits away: x1 = x0, ..., x_k = 10 x_{k-1}.
    let mut program = LinearProgram::maximize(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    program.set_bounds(0, 0.0, 1.0).unwrap();
    for j in 1..7 {
        program.add_row(&[(j, 1.0), (j - 1, -10.0)], -NONE, 0.0).unwrap();
    }
    assert_value(&optimum(&program), 1e6);
}

#[test]
fn a_constant_objective_and_no_rows() {
    let mut program = LinearProgram::minimize(&[0.0, 0.0]).unwrap();
    program.add_row(&[(0, 1.0), (1, 1.0)], 1.0, 2.0).unwrap();
    let best = optimum(&program);
    assert!(best.objective == 0.0 && best.gap == 0.0 && program.violation(&best.point) == 0.0);
    assert_value(&optimum(&LinearProgram::minimize(&[1.0, 3.0]).unwrap()), 0.0);
}

#[test]
fn crossed_limits_and_empty_rows() {
    let infeasible = |program: &LinearProgram| matches!(solve(program, &SolveOptions::default()).unwrap(), Outcome::Infeasible { violation, .. } if violation > 0.0);
    let mut program = LinearProgram::minimize(&[1.0]).unwrap();
    program.add_row(&[], -1.0, 1.0).unwrap();
    assert_value(&optimum(&program), 0.0);
    let mut crossed = program.clone();
    crossed.set_bounds(0, 2.0, 1.0).unwrap();
    assert!(infeasible(&crossed));
    program.add_row(&[], 1.0, NONE).unwrap();
    assert!(infeasible(&program));
}

#[test]
fn unbounded_programs_come_with_a_ray() {
    // Maximize x + y with x - y between -1 and 1: along (1, 1). The cone of directions has no interior.
    let mut program = LinearProgram::maximize(&[1.0, 1.0]).unwrap();
    program.add_row(&[(0, 1.0), (1, -1.0)], -1.0, 1.0).unwrap();
    let Outcome::Unbounded { point, ray, .. } = solve(&program, &SolveOptions::default()).unwrap() else {
        panic!("no limit")
    };
    assert!(ray[0] > 0.0 && (ray[0] - ray[1]).abs() < 1e-12 * ray[0], "{ray:?}");
    assert!(program.violation(&point) == 0.0);
    // Nothing bounds it at all.
    let mut free = LinearProgram::minimize(&[1.0]).unwrap();
    free.set_bounds(0, -NONE, NONE).unwrap();
    assert!(matches!(solve(&free, &SolveOptions::default()).unwrap(), Outcome::Unbounded { ray, .. } if ray[0] < 0.0));
}

#[test]
fn infeasible_by_a_known_amount() {
    // x >= 2 and x <= 1 as rows: the least largest violation is 1/2.
    let mut program = LinearProgram::minimize(&[1.0]).unwrap();
    program.add_row(&[(0, 1.0)], 2.0, NONE).unwrap();
    program.add_row(&[(0, 1.0)], -NONE, 1.0).unwrap();
    let Outcome::Infeasible { violation, .. } = solve(&program, &SolveOptions::default()).unwrap() else {
        panic!("no x is both")
    };
    // A lower bound, within a thousandth.
    assert!(violation <= 0.5 && violation > 0.499, "{violation}");
}

/// A Gram matrix that is off by up to a factor of two, as a coarse sketch would be.
struct Coarse<'a>(Exact<'a>);

impl NormalMatrix for Coarse<'_> {
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn cols(&self) -> usize {
        self.0.cols()
    }
    fn gram(&mut self, scale: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
        let wrong: Vec<f64> =
            scale.iter().enumerate().map(|(i, s)| if i % 2 == 0 { 1.4 * s } else { 0.8 * s }).collect();
        self.0.gram(&wrong, out)
    }
    fn multiply(&mut self, x: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
        self.0.multiply(x, out)
    }
    fn multiply_transposed(&mut self, y: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
        self.0.multiply_transposed(y, out)
    }
}

struct MakeCoarse;

impl MakeNormal for MakeCoarse {
    fn make<'a>(&'a mut self, matrix: &'a Dense<f64>) -> steadfast::Result<Box<dyn NormalMatrix + 'a>> {
        Ok(Box::new(Coarse(Exact::new(matrix))))
    }
}

#[test]
fn an_approximate_gram_matrix_is_enough() {
    let mut program = LinearProgram::maximize(&[3.0, 2.0]).unwrap();
    program.add_row(&[(0, 1.0), (1, 1.0)], -NONE, 4.0).unwrap();
    program.add_row(&[(0, 1.0), (1, 3.0)], -NONE, 6.0).unwrap();
    program.set_bounds(0, 0.0, 3.0).unwrap();
    for refinements in [1, 8] {
        let options = SolveOptions { refinements, ..SolveOptions::default() };
        let Outcome::Optimal(best) = solve_with(&program, &options, &mut MakeCoarse).unwrap() else {
            panic!("bounded")
        };
        assert_value(&best, 11.0);
    }
}

#[test]
fn rows_of_the_standard_form_have_unit_norm_and_appear_once() {
    let mut program = LinearProgram::minimize(&[1.0, 1.0]).unwrap();
    program.add_row(&[(0, 3.0), (1, 4.0)], -NONE, 10.0).unwrap();
    program.add_row(&[(0, 6.0), (1, 8.0)], -NONE, 30.0).unwrap(); // the same but looser
    program.add_row(&[(0, 5.0)], -NONE, 5.0).unwrap(); // a bound
    program.set_bounds(0, 0.0, 7.0).unwrap(); // and a looser one
    let Reduced::Program(standard) = reduce(&program).unwrap() else { panic!("feasible") };
    assert_eq!((standard.matrix().rows(), standard.matrix().cols()), (4, 2));
    for i in 0..4 {
        let square: f64 = standard.matrix().row(i).iter().map(|a| a * a).sum();
        assert!((square - 1.0).abs() < 4.0 * f64::EPSILON, "{square}");
    }
    assert!(standard.bound().iter().all(|b| b.abs() <= 1.0));
}

#[test]
fn bad_arguments_are_named() {
    let mut program = LinearProgram::minimize(&[1.0, 2.0]).unwrap();
    for (message, named) in [
        (LinearProgram::minimize(&[]).unwrap_err(), "no variables"),
        (LinearProgram::minimize(&[f64::NAN]).unwrap_err(), "NaN"),
        (program.add_row(&[(2, 1.0)], 0.0, 1.0).unwrap_err(), "variable 2"),
        (program.add_row(&[(0, 1.0), (0, 2.0)], 0.0, 1.0).unwrap_err(), "variable 0 twice"),
        (program.add_row(&[(0, f64::INFINITY)], 0.0, 1.0).unwrap_err(), "inf"),
        (program.set_bounds(0, f64::NAN, 1.0).unwrap_err(), "NaN"),
        (program.set_bounds(0, NONE, NONE).unwrap_err(), "inf"),
        (solve(&program, &SolveOptions { tolerance: 0.0, ..SolveOptions::default() }).unwrap_err(), "tolerance"),
        (solve(&program, &SolveOptions { iterations: 0, ..SolveOptions::default() }).unwrap_err(), "iterations"),
    ] {
        assert!(message.exit_status() == 2 && message.to_string().contains(named), "{message}");
    }
}
