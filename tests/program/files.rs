//! The programs of the folder `$STEADFAST_DATA/lp`, or of `examples/data`, against reference optima; random ones against
//! their own multipliers.

use std::path::{Path, PathBuf};
use steadfast::program::{LinearProgram, Optimum, Outcome, SolveOptions, Status, random_program, read_mps, solve};
use steadfast::seed::Seed;

/// Optima computed independently (HiGHS).
pub const REFERENCE: [(&str, f64); 4] = [
    ("afiro.mps", -464.75314285714285),
    ("adlittle.mps", 225494.9631623803),
    ("israel.mps", -896644.8218630459),
    ("avgas.mps", -7.75),
];

/// The file, from the first folder that has it; says what is absent.
pub fn find(name: &str) -> Option<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let named = std::env::var_os("STEADFAST_DATA").map(|folder| PathBuf::from(folder).join("lp"));
    let found = named.into_iter().chain([shipped]).map(|folder| folder.join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not in STEADFAST_DATA/lp");
    }
    found
}

fn optimum(program: &LinearProgram) -> Optimum {
    match solve(program, &SolveOptions::default()).unwrap() {
        Outcome::Optimal(optimum) => optimum,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_with_known_optima() {
    let mut solved = 0;
    for (name, reference) in REFERENCE {
        let Some(path) = find(name) else { continue };
        let program = read_mps(&path).unwrap();
        let best = optimum(&program);
        let scale = reference.abs().max(1.0);
        assert_eq!(best.status, Status::Converged, "{name}");
        assert!(best.gap <= 1e-9 * scale, "{name}: gap {:e}", best.gap);
        // Minimized from inside: above the optimum, by the gap at most, but for rounding, which 1e-12 of it allows for.
        let above = best.objective - reference;
        assert!((-1e-12 * scale..=best.gap + 1e-12 * scale).contains(&above), "{name}: {above:e}, gap {:e}", best.gap);
        // What rounding leaves of rows with right-hand sides of some thousands.
        assert!(program.violation(&best.point) < 1e-8, "{name}: {:e}", program.violation(&best.point));
        solved += 1;
    }
    assert!(solved >= 1, "afiro is shipped");
}

#[test]
fn infeasible_and_unbounded_files_are_named() {
    for name in ["galenet.mps", "klein1.mps"] {
        let Some(path) = find(name) else { continue };
        match solve(&read_mps(&path).unwrap(), &SolveOptions::default()).unwrap() {
            Outcome::Infeasible { violation, .. } => assert!(violation > 0.0 && violation.is_finite(), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let Some(path) = find("gas11.mps") else { return };
    let program = read_mps(&path).unwrap();
    match solve(&program, &SolveOptions::default()).unwrap() {
        Outcome::Unbounded { point, ray, .. } => certify(&program, &point, &ray),
        other => panic!("gas11: {other:?}"),
    }
}

/// Each row and bound lets the ray go on for ever, and the objective falls along it.
pub fn certify(program: &LinearProgram, point: &[f64], ray: &[f64]) {
    let length = ray.iter().map(|r| r * r).sum::<f64>().sqrt();
    let cost: Vec<f64> = program.variables().iter().map(|v| v.cost).collect();
    let fall: f64 = cost.iter().zip(ray).map(|(c, r)| c * r).sum();
    assert!(if program.is_maximized() { fall > 0.0 } else { fall < 0.0 }, "{fall}");
    // The direction is exact to some 1e-13 in the scaled variables; the scales of gas11's columns differ by up to 1e9, but no
    // scale times that error comes near this share of the ray's length, or of the terms of a row.
    let allowed = |terms: f64| 1e-9 * terms.max(length);
    for (v, r) in program.variables().iter().zip(ray) {
        assert!(v.upper == f64::INFINITY || *r <= allowed(0.0), "{} {r}", v.name);
        assert!(v.lower == f64::NEG_INFINITY || *r >= -allowed(0.0), "{} {r}", v.name);
    }
    for row in program.rows() {
        let change: f64 = row.entries.iter().map(|&(j, a)| a * ray[j]).sum();
        let terms: f64 = row.entries.iter().map(|&(j, a)| (a * ray[j]).abs()).sum();
        assert!(row.upper == f64::INFINITY || change <= allowed(terms), "{} {change}", row.name);
        assert!(row.lower == f64::NEG_INFINITY || change >= -allowed(terms), "{} {change}", row.name);
    }
    // Round-off is relative to the largest of the variables, and gas11's points are far out.
    let size = point.iter().fold(1.0, |top: f64, x| top.max(x.abs()));
    assert!(program.violation(point) <= 1e-9 * size, "{} at {size:e}", program.violation(point));
}

#[test]
fn random_programs_meet_their_gap() {
    for seed in 1..=3 {
        let program = random_program(2000, 50, Seed(seed)).unwrap();
        let best = optimum(&program);
        let scale = best.objective.abs().max(1.0);
        assert_eq!(best.status, Status::Converged);
        assert!(best.gap <= 1e-9 * scale, "{:e}", best.gap);
        // Rounding of sums of 50 terms of some units each.
        assert!(program.violation(&best.point) < 1e-11, "{:e}", program.violation(&best.point));
        let bound = multipliers_bound(&program, &best.point);
        assert!((best.objective - bound).abs() <= 1e-8 * scale, "{} against the dual's {bound}", best.objective);
    }
}

/// The dual value of the basis that the point's 50 tightest rows make: `A_B'y = -c` solved directly; y >= 0 proves it.
pub fn multipliers_bound(program: &LinearProgram, point: &[f64]) -> f64 {
    let cols = point.len();
    let slack = |i: usize| {
        let row = &program.rows()[i];
        row.upper - row.entries.iter().map(|&(j, a)| a * point[j]).sum::<f64>()
    };
    let mut order: Vec<usize> = (0..program.rows().len()).collect();
    order.sort_by(|&a, &b| slack(a).total_cmp(&slack(b)));
    let basis = &order[..cols];
    let matrix = nalgebra::DMatrix::from_fn(cols, cols, |j, i| program.rows()[basis[i]].entries[j].1);
    let cost = nalgebra::DVector::from_fn(cols, |j, _| -program.variables()[j].cost);
    let y = matrix.lu().solve(&cost).expect("random rows are independent");
    assert!(y.iter().all(|y| *y > 0.0), "the basis is not the optimal one: {y}");
    -basis.iter().zip(y.iter()).map(|(&i, y)| program.rows()[i].upper * y).sum::<f64>()
}
