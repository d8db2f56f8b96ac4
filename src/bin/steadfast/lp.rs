//! `steadfast lp`: in this process, or over a fleet.

use serde_json::{Value, json};
use steadfast::program::{LinearProgram, Optimum, Outcome, SolveOptions, Status, read_mps, solve};
use steadfast::run::{FinishedProgram, HessianKind, ProgramRun};
use steadfast::trace::{RunRecord, answer_table};
use steadfast::{Error, Result};

use crate::args::LpArgs;
use crate::fleet_options::worker_command;
use crate::{interrupt, output};

/// Runs the command; the exit status: 0 for an answer (an optimum, or the proof that there is none), 4 at the limit of
/// iterations.
pub fn run(args: &LpArgs) -> Result<u8> {
    let options = SolveOptions { tolerance: args.tolerance, iterations: args.iterations, ..SolveOptions::default() };
    if args.fleet_options.given() || args.hessian.is_some() || args.record.is_some() {
        return on_fleet(args, &options);
    }
    let program = read_mps(&args.file)?;
    let outcome = solve(&program, &options)?;
    if args.json {
        output::json(&record(&program, &outcome))?;
    } else {
        let mut rows = vec![("status", outcome.name().into())];
        rows.extend(answer(&program, &outcome));
        rows.push(("iterations", iterations(&outcome).to_string()));
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let lines: String = rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n")).collect();
        output::text(&format!("{}{lines}", size(&program)))?;
    }
    match outcome {
        Outcome::Optimal(Optimum { status: Status::IterationLimit, .. }) => Ok(4),
        _ => Ok(0),
    }
}

/// The same, every product a coded round.
fn on_fleet(args: &LpArgs, options: &SolveOptions) -> Result<u8> {
    let config = args.fleet_options.config();
    config.check()?;
    let hessian = HessianKind::parse(args.hessian.as_deref().unwrap_or("exact"))?;
    output::check(&[("--record", args.record.as_ref())])?;
    let program = read_mps(&args.file)?;
    let FinishedProgram { record: run, outcome, error, exit_status } = ProgramRun::new(config)
        .hessian(hessian.clone())
        .command(output::called())
        .cancel(interrupt::watch()?)
        .worker_command(worker_command())
        .solve(&program, options)?;
    if let Some(path) = &args.record {
        run.write(path)?;
    }
    let Some(outcome) = &outcome else {
        let error = error.unwrap_or_else(|| Error::Numerical("the run ended without an answer".into()));
        output::error(&error, args.json);
        return Ok(exit_status);
    };
    if args.json {
        let mut value = record(&program, outcome);
        value["fleet"] = fleet(&run, &hessian);
        value["written"] = json!(args.record.as_slice());
        output::json(&value)?;
    } else {
        let mut rows = answer(&program, outcome);
        rows.push(("Hessian", hessians(&run, &hessian)));
        let table = answer_table(rows, &run);
        output::text(&format!("{}{}\n{table}{}", size(&program), run.fleet, output::wrote(args.record.as_slice())))?;
    }
    Ok(exit_status)
}

/// Of how many Newton steps the Hessian was sketched, and how far.
fn hessians(run: &RunRecord, asked: &HessianKind) -> String {
    let sketched: Vec<usize> = run.iterations.iter().filter_map(|i| i.sketch_dimension).filter(|m| *m > 0).collect();
    let exact = run.iterations.len() - sketched.len();
    match (sketched.iter().max(), exact) {
        (None, _) if *asked == HessianKind::Exact => "exact".into(),
        (None, _) => "exact: the program has fewer rows than the sketch".into(),
        (Some(rows), 0) => format!("sketched to {rows} rows"),
        (Some(rows), exact) => {
            format!("sketched to {rows} rows; exact in {exact} steps, whose programs have fewer rows than a sketch")
        }
    }
}

fn fleet(run: &RunRecord, asked: &HessianKind) -> Value {
    let end = &run.end;
    json!({
        "rounds": end.rounds, "virtual_seconds": end.virtual_seconds, "wall_seconds": end.wall_seconds,
        "liars": end.liars, "late": end.late, "certified": end.certified, "keyed": end.keyed, "bound": end.bound,
        "naming": end.naming, "hessian": hessians(run, asked),
    })
}

/// The first line.
fn size(program: &LinearProgram) -> String {
    format!("{}: {} rows, {} variables\n", program.name(), program.rows().len(), program.variables().len())
}

fn iterations(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Optimal(Optimum { iterations, .. })
        | Outcome::Infeasible { iterations, .. }
        | Outcome::Unbounded { iterations, .. } => *iterations,
    }
}

/// Rows of the table about the answer.
fn answer(program: &LinearProgram, outcome: &Outcome) -> Vec<(&'static str, String)> {
    match outcome {
        Outcome::Optimal(o) => vec![
            ("objective", format!("{:.12e}", o.objective)),
            ("barrier gap", format!("at most {:.3e} from the optimum", o.gap)),
            ("largest violation", format!("{:.3e}", program.violation(&o.point))),
        ],
        Outcome::Infeasible { violation, .. } => {
            vec![("no point is feasible", format!("some scaled row is violated by at least {violation:.3e}"))]
        }
        Outcome::Unbounded { ray, .. } => {
            let direction = if program.is_maximized() { "grows" } else { "falls" };
            let moved = ray.iter().filter(|r| **r != 0.0).count();
            vec![("no optimum", format!("the objective {direction} without bound along a ray of {moved} variables"))]
        }
    }
}

fn record(program: &LinearProgram, outcome: &Outcome) -> Value {
    let named = |values: &[f64]| -> serde_json::Map<String, Value> {
        program.variables().iter().zip(values).map(|(v, x)| (v.name.clone(), json!(x))).collect()
    };
    let name = outcome.name();
    match outcome {
        Outcome::Optimal(o) => json!({"status": name, "objective": o.objective, "gap": o.gap,
            "violation": program.violation(&o.point), "iterations": o.iterations, "point": named(&o.point)}),
        Outcome::Infeasible { violation, iterations } => {
            json!({"status": name, "violation": violation, "iterations": iterations})
        }
        Outcome::Unbounded { point, ray, iterations } => {
            json!({"status": name, "iterations": iterations, "point": named(point), "ray": named(ray)})
        }
    }
}
