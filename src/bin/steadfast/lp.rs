//! `steadfast lp`.

use std::fmt::Write as _;

use serde_json::json;
use steadfast::Result;
use steadfast::program::{LinearProgram, Optimum, Outcome, SolveOptions, Status, read_mps, solve};

use crate::args::LpArgs;
use crate::output;

/// Runs the command; the exit status: 0 for an answer (an optimum, or the proof that there is none), 4 at the limit of
/// iterations.
pub fn run(args: &LpArgs) -> Result<u8> {
    let program = read_mps(&args.file)?;
    let options = SolveOptions { tolerance: args.tolerance, iterations: args.iterations, ..SolveOptions::default() };
    let outcome = solve(&program, &options)?;
    if args.json {
        output::json(&record(&program, &outcome))?;
    } else {
        output::text(&report(&program, &outcome))?;
    }
    match outcome {
        Outcome::Optimal(Optimum { status: Status::IterationLimit, .. }) => Ok(4),
        _ => Ok(0),
    }
}

/// The name of an ending, on the command line and in JSON.
fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Optimal(optimum) => match optimum.status {
            Status::Converged => "converged",
            Status::Rounding => "rounding",
            Status::IterationLimit => "iteration-limit",
        },
        Outcome::Infeasible { .. } => "infeasible",
        Outcome::Unbounded { .. } => "unbounded",
    }
}

fn report(program: &LinearProgram, outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:28} {value}");
    };
    line("program", program.name().to_string());
    line("size", format!("{} rows, {} variables", program.rows().len(), program.variables().len()));
    line("status", status(outcome).into());
    match outcome {
        Outcome::Optimal(o) => {
            line("objective", format!("{:.12e}", o.objective));
            line("barrier gap", format!("at most {:.3e} from the optimum", o.gap));
            line("largest violation", format!("{:.3e}", program.violation(&o.point)));
            line("iterations", o.iterations.to_string());
        }
        Outcome::Infeasible { violation, iterations } => {
            line("no point is feasible", format!("some scaled row is violated by at least {violation:.3e}"));
            line("iterations", iterations.to_string());
        }
        Outcome::Unbounded { ray, iterations, .. } => {
            let direction = if program.is_maximized() { "grows" } else { "falls" };
            let moved = ray.iter().filter(|r| **r != 0.0).count();
            line("no optimum", format!("the objective {direction} without bound along a ray of {moved} variables"));
            line("iterations", iterations.to_string());
        }
    }
    text
}

fn record(program: &LinearProgram, outcome: &Outcome) -> serde_json::Value {
    let named = |values: &[f64]| -> serde_json::Map<String, serde_json::Value> {
        program.variables().iter().zip(values).map(|(v, x)| (v.name.clone(), json!(x))).collect()
    };
    let name = status(outcome);
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
