//! `oversketched-lp`: linear programs by the barrier method of paper 001 (eqs. (10)-(12)) with exact and over-sketched Hessians, on
//! workers with the delays of its Figure 1 of which two are dead; held against reference optima, and random programs against the
//! bound of their own multipliers. Programs with fewer rows than a sketch of ten times their variables take the exact Hessian.

use std::path::{Path, PathBuf};

use steadfast::data::DATA_VARIABLE;
use steadfast::program::{LinearProgram, Outcome, SolveOptions, random_program, read_mps};
use steadfast::run::{HessianKind, ProgramRun, TrainConfig};
use steadfast::seed::Seed;
use steadfast::{Error, Result};

use super::line;
use crate::args::ReproduceArgs;
use crate::output;

/// The promise.
const GAP: f64 = 1e-8;
/// Dead workers, which the code tolerates.
const DEAD: usize = 2;
/// Constraints and variables of the random programs, and how many there are.
const RANDOM: (usize, usize, u64) = (2000, 50, 3);

/// What is known of a program.
#[derive(Debug, Clone, Copy)]
enum Known {
    Optimum(f64),
    Infeasible,
    Unbounded,
    /// It has an optimum; how far from it a point can be is what the dual says.
    Bounded,
}

/// One run.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    program: String,
    hessian: &'static str,
    /// Rows and variables of the reduced program.
    rows: usize,
    variables: usize,
    /// Largest sketch in it; 0: exact.
    sketch: usize,
    status: String,
    objective: Option<f64>,
    /// To the reference optimum, or the dual bound; nothing where there is no optimum.
    relative_gap: Option<f64>,
    /// The solver's own bound, relative to the objective.
    barrier_gap: Option<f64>,
    steps: usize,
    rounds: u64,
    virtual_seconds: f64,
    holds: bool,
}

/// The folder of programs, which may hold only some.
fn folder() -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    std::env::var_os(DATA_VARIABLE).map_or(shipped, |folder| PathBuf::from(folder).join("lp"))
}

/// A program by its name, and what is known of it.
type Named = (String, LinearProgram, Known);

/// The programs with reference solutions that are there, and the names of those that are not.
fn references() -> Result<(Vec<Named>, Vec<&'static str>)> {
    let known = [
        ("afiro", Known::Optimum(-464.75314285714285)),
        ("adlittle", Known::Optimum(225494.9631623803)),
        ("israel", Known::Optimum(-896644.8218630459)),
        ("avgas", Known::Optimum(-7.75)),
        ("galenet", Known::Infeasible),
        ("klein1", Known::Infeasible),
        ("gas11", Known::Unbounded),
    ];
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for (name, known) in known {
        let path = folder().join(format!("{name}.mps"));
        if path.exists() {
            found.push((name.to_owned(), read_mps(&path)?, known));
        } else {
            absent.push(name);
        }
    }
    Ok((found, absent))
}

fn row(name: &str, program: &LinearProgram, known: Known, kind: &HessianKind, seed: u64) -> Result<Row> {
    let config = TrainConfig {
        // Its copies are exact. Where rows of very different slack are mixed into one shard, as real-parity does, the smallest
        // slacks are known to the round-off of the largest only, and the path ends at a gap of some 1e-8.
        code: Some("replication".into()),
        stragglers: DEAD,
        inject_dead: DEAD,
        delay: "lambda".into(),
        seed,
        ..TrainConfig::default()
    };
    let finished = ProgramRun::new(config)
        .hessian(kind.clone())
        .command("reproduce oversketched-lp")
        .solve(program, &SolveOptions::default())?;
    let record = finished.record;
    // Without an outcome, the status says what ended the run.
    let outcome = finished.outcome;
    let (mut objective, mut relative_gap, mut barrier_gap) = (None, None, None);
    if let Some(Outcome::Optimal(best)) = &outcome {
        let scale = best.objective.abs().max(1.0);
        objective = Some(best.objective);
        barrier_gap = Some(best.gap / scale);
        relative_gap = Some(match known {
            Known::Optimum(value) => (best.objective - value).abs() / value.abs().max(1.0),
            _ => best.gap / scale,
        });
    }
    let holds = match (known, &outcome) {
        (Known::Optimum(_) | Known::Bounded, Some(Outcome::Optimal(_))) => {
            relative_gap.is_some_and(|gap| gap <= GAP) && barrier_gap.is_some_and(|gap| gap <= GAP)
        }
        (Known::Infeasible, Some(Outcome::Infeasible { .. })) | (Known::Unbounded, Some(Outcome::Unbounded { .. })) => {
            true
        }
        _ => false,
    };
    Ok(Row {
        program: name.into(),
        hessian: if *kind == HessianKind::Exact { "exact" } else { "sketched" },
        rows: record.data.rows,
        variables: record.data.cols,
        sketch: record.iterations.iter().filter_map(|i| i.sketch_dimension).max().unwrap_or(0),
        status: record.end.status,
        objective,
        relative_gap,
        barrier_gap,
        steps: record.iterations.len(),
        rounds: record.end.rounds,
        virtual_seconds: record.end.virtual_seconds,
        holds,
    })
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let (mut programs, absent) = references()?;
    let (rows, cols, count) = RANDOM;
    for number in 1..=count {
        let program = random_program(rows, cols, Seed(args.seed + number))?;
        programs.push((format!("random{number}"), program, Known::Bounded));
    }
    if !args.sets.is_empty() {
        programs.retain(|(name, ..)| args.sets.contains(name));
    }
    if programs.is_empty() {
        return Err(Error::usage(
            "oversketched-lp: sets",
            args.sets.join(","),
            "programs by name, or random1 to random3",
        ));
    }
    line(
        args,
        format!(
            "15 workers, {DEAD} of them dead, replication, delays as in figure 1; gaps relative to max(|objective|, 1)"
        ),
    );
    line(
        args,
        format!(
            "{:10} {:>11} {:8} {:>6} {:>16} {:>9} {:>9} {:>5} {:>6} {:>9}  status",
            "program",
            "reduced",
            "Hessian",
            "sketch",
            "objective",
            "rel. gap",
            "barrier",
            "steps",
            "rounds",
            "virtual s"
        ),
    );
    let mut done = Vec::new();
    for (name, program, known) in &programs {
        for kind in [HessianKind::Exact, HessianKind::parse("oversketch")?] {
            let row = row(name, program, *known, &kind, args.seed)?;
            line(args, describe(&row));
            done.push(row);
        }
    }
    let held = done.iter().filter(|r| r.holds).count();
    line(args, format!("{held} of {} runs hold (relative gap at most {GAP:e}, or the right proof)", done.len()));
    if !absent.is_empty() {
        line(args, format!("absent from {}: {}", folder().display(), absent.join(", ")));
    }
    if args.json {
        output::json(&done)?;
    }
    Ok(u8::from(held < done.len()))
}

fn describe(row: &Row) -> String {
    let gap = |gap: Option<f64>| gap.map_or("-".into(), |gap| format!("{gap:.1e}"));
    format!(
        "{:10} {:>11} {:8} {:>6} {:>16} {:>9} {:>9} {:5} {:6} {:9.0}  {}{}",
        row.program,
        format!("{} x {}", row.rows, row.variables),
        row.hessian,
        if row.sketch == 0 { "none".into() } else { row.sketch.to_string() },
        row.objective.map_or("-".into(), |value| format!("{value:.8e}")),
        gap(row.relative_gap),
        gap(row.barrier_gap),
        row.steps,
        row.rounds,
        row.virtual_seconds,
        row.status,
        if row.holds { "" } else { "  DOES NOT HOLD" }
    )
}
