//! Programs over a fleet: the same answers with liars, stragglers and sketched Hessians; what must be refused; and a gap that
//! knows of wrong products.

use super::files::{REFERENCE, certify, find, multipliers_bound};
use steadfast::data::Dense;
use steadfast::program::{
    Exact, LinearProgram, MakeNormal, NormalMatrix, Optimum, Outcome, SolveOptions, random_program, read_mps,
    solve_with,
};
use steadfast::run::{FinishedProgram, HessianKind, ProgramRun, TrainConfig};
use steadfast::seed::Seed;

/// The promise of runs over a fleet: the options ask for a tenth of it.
const GAP: f64 = 1e-8;

fn solve(program: &LinearProgram, config: TrainConfig, hessian: &str) -> FinishedProgram {
    let finished = ProgramRun::new(config)
        .hessian(HessianKind::parse(hessian).unwrap())
        .solve(program, &SolveOptions::default())
        .unwrap();
    assert!(finished.error.is_none() && finished.exit_status == 0, "{:?}", finished.error);
    finished
}

fn optimum(finished: &FinishedProgram) -> &Optimum {
    match &finished.outcome {
        Some(Outcome::Optimal(optimum)) => optimum,
        other => panic!("{other:?}"),
    }
}

fn liars() -> TrainConfig {
    TrainConfig { liars: 4, inject_liars: 4, ..TrainConfig::default() }
}

/// Dead and slow workers in the delays of paper 001, two copies to spare.
fn stragglers() -> TrainConfig {
    let code = Some("replication".into());
    TrainConfig { code, stragglers: 2, inject_dead: 2, delay: "lambda".into(), ..TrainConfig::default() }
}

#[test]
fn files_with_liars_and_with_stragglers() {
    for (name, reference) in REFERENCE {
        let Some(path) = find(name) else { continue };
        let program = read_mps(&path).unwrap();
        for config in
            [stragglers(), TrainConfig { code: Some("replication".into()), liars: 2, inject_liars: 2, ..liars() }]
        {
            let named = config.inject_liars;
            let finished = solve(&program, config, "exact");
            let best = optimum(&finished);
            let scale = reference.abs().max(1.0);
            assert!(best.gap <= GAP * scale, "{name}: gap {:e}", best.gap);
            // The certified errors of products are in the gap, and rounding at the master as in a local solve.
            let off = (best.objective - reference).abs();
            assert!(off <= best.gap + 1e-12 * scale, "{name}: {off:e}, gap {:e}", best.gap);
            let end = &finished.record.end;
            assert!(end.certified && end.virtual_seconds > 0.0);
            let naming = end.naming.expect("faults were injected");
            assert_eq!((naming.misses, naming.innocents_accused), (0, 0), "{name}");
            assert_eq!(naming.hits > 0, named > 0);
        }
    }
}

#[test]
fn a_program_without_bound_is_named_with_liars_and_with_stragglers() {
    // Its feasible set is flat: phase I must see that through the errors that the code's certificate allows.
    let Some(path) = find("gas11.mps") else { return };
    let program = read_mps(&path).unwrap();
    for config in [liars(), stragglers()] {
        match solve(&program, config, "exact").outcome {
            Some(Outcome::Unbounded { point, ray, .. }) => certify(&program, &point, &ray),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_sketched_hessian_reaches_the_dual_bound_with_slow_and_dead_workers() {
    let program = random_program(600, 12, Seed(5)).unwrap();
    for (hessian, sketched) in [("exact", 0), ("oversketch", 120), ("oversketch:factor=4", 48)] {
        let config = TrainConfig { stragglers: 2, inject_dead: 2, delay: "lambda".into(), ..TrainConfig::default() };
        let finished = solve(&program, config, hessian);
        let best = optimum(&finished);
        let scale = best.objective.abs().max(1.0);
        let bound = multipliers_bound(&program, &best.point);
        assert!((best.objective - bound).abs() <= GAP * scale && best.gap <= GAP * scale, "{hessian}: {:e}", best.gap);
        let sizes: Vec<usize> = finished.record.iterations.iter().filter_map(|i| i.sketch_dimension).collect();
        // Of N + e blocks, with the dead among them, at most N count, and at least those alive.
        let fewest = if sketched > 0 { 1 } else { 0 };
        assert!(sizes.iter().all(|m| (fewest..=sketched).contains(m)), "{hessian}: {sizes:?}");
        assert!(finished.record.iterations.iter().all(|i| !i.late.is_empty()), "two dead are late in every round");
    }
}

#[test]
fn a_program_smaller_than_its_sketch_takes_the_exact_hessian() {
    let Some(path) = find("afiro.mps") else { return };
    let finished = solve(&read_mps(&path).unwrap(), liars(), "oversketch");
    assert!(finished.record.iterations.iter().all(|i| i.sketch_dimension == Some(0)));
}

#[test]
fn no_optimum_is_named_with_liars() {
    let mut program = LinearProgram::minimize(&[-1.0, 0.0]).unwrap();
    assert!(
        matches!(solve(&program, liars(), "exact").outcome, Some(Outcome::Unbounded { ref ray, .. }) if ray[0] > 0.0)
    );
    program.add_row(&[(0, 1.0), (1, 1.0)], f64::NEG_INFINITY, -1.0).unwrap();
    let finished = solve(&program, liars(), "exact");
    // Lies cost the proof nothing.
    let Outcome::Infeasible { violation: alone, .. } =
        steadfast::program::solve(&program, &SolveOptions::default()).unwrap()
    else {
        panic!("no point is feasible")
    };
    assert!(matches!(finished.outcome, Some(Outcome::Infeasible { violation, .. }) if violation > 0.99 * alone));
    assert_eq!(finished.record.end.status, "infeasible");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let program = random_program(200, 8, Seed(2)).unwrap();
    let with = |threads| solve(&program, TrainConfig { threads: Some(threads), ..liars() }, "oversketch");
    assert_eq!(optimum(&with(1)).point, optimum(&with(2)).point);
}

#[test]
fn what_can_not_be_run_is_refused() {
    let program = random_program(200, 8, Seed(2)).unwrap();
    let refused = |config: TrainConfig, hessian: &str, named: &str| {
        let kind = HessianKind::parse(hessian);
        let error = kind.and_then(|kind| {
            ProgramRun::new(config).hessian(kind).solve(&program, &SolveOptions::default()).map(|_| ())
        });
        let error = error.unwrap_err();
        assert!(error.exit_status() == 2 && error.to_string().contains(named), "{error}");
    };
    refused(liars(), "oversketch:factor=0.5", "at least 8");
    refused(liars(), "oversketch:factor=20", "20 + 2 blocks");
    refused(liars(), "srht", "srht");
    refused(liars(), "cholesky", "cholesky");
    refused(TrainConfig { precision: Some(steadfast::scalar::Precision::F32), ..liars() }, "exact", "f32");
}

/// Products that are off by a known amount, always to the same side.
struct Off<'a> {
    exact: Exact<'a>,
    by: f64,
    told: bool,
    last: f64,
}

impl NormalMatrix for Off<'_> {
    fn rows(&self) -> usize {
        self.exact.rows()
    }
    fn cols(&self) -> usize {
        self.exact.cols()
    }
    fn gram(&mut self, scale: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
        self.exact.gram(scale, out)
    }
    fn multiply(&mut self, x: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
        self.exact.multiply(x, out)?;
        let size = self.by * x.iter().map(|x| x * x).sum::<f64>().sqrt();
        out.iter_mut().for_each(|o| *o -= size);
        self.last = size * (out.len() as f64).sqrt();
        Ok(())
    }
    fn multiply_transposed(&mut self, y: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
        self.last = 0.0;
        self.exact.multiply_transposed(y, out)
    }
    fn error(&self) -> f64 {
        if self.told { self.last } else { 0.0 }
    }
}

struct MakeOff(bool);

impl MakeNormal for MakeOff {
    fn make<'a>(&'a mut self, matrix: &'a Dense<f64>) -> steadfast::Result<Box<dyn NormalMatrix + 'a>> {
        Ok(Box::new(Off { exact: Exact::new(matrix), by: 1e-9, told: self.0, last: 0.0 }))
    }
}

#[test]
fn errors_of_products_are_part_of_the_gap() {
    // 11 at (3, 1).
    let mut program = LinearProgram::maximize(&[3.0, 2.0]).unwrap();
    program.add_row(&[(0, 1.0), (1, 1.0)], f64::NEG_INFINITY, 4.0).unwrap();
    program.add_row(&[(0, 1.0), (1, 3.0)], f64::NEG_INFINITY, 6.0).unwrap();
    program.set_bounds(0, 0.0, 3.0).unwrap();
    let off = |told: bool| {
        let options = SolveOptions { tolerance: 1e-11, ..SolveOptions::default() };
        match solve_with(&program, &options, &mut MakeOff(told)).unwrap() {
            Outcome::Optimal(best) => ((best.objective - 11.0).abs(), best.gap),
            other => panic!("{other:?}"),
        }
    };
    // Not told of them, the solver claims more than it has.
    let (error, gap) = off(false);
    assert!(error > gap, "{error:e}, gap {gap:e}");
    let (error, gap) = off(true);
    assert!(error <= gap && gap < 1e-6, "{error:e}, gap {gap:e}");
}
