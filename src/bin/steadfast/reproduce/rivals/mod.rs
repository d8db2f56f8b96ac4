//! `byzantine-rivals`: codes and robust aggregators under every attack, all with the same method, step and seed and each rival with its
//! authors' defaults; how far each ends above the reference optimum, what it stores, and what a step costs.

mod heat_map;
mod roster;

use steadfast::data::{Dataset, ReferenceProblem, ReferenceSets, ReferenceTask};
use steadfast::fleet::ATTACKS;
use steadfast::run::{TrainConfig, Trained, Training};
use steadfast::{Error, Result};

use self::roster::{ROSTER, Scheme};
use super::{line, median};
use crate::args::ReproduceArgs;
use crate::output;

/// m and t: a size that every scheme has (five divides it for repetition, three for DETOX, Bulyan wants 4t + 3).
const WORKERS: usize = 15;
const LIARS: usize = 2;
/// What schemes that promise the optimum are held against.
const GAP: f64 = 1e-8;
/// Steps allowed to schemes that promise the optimum, and to estimates, whose gap has long stopped falling then (with `--full` they get
/// the former, too).
const STEPS: [usize; 2] = [20_000, 2_000];
/// Sets that ship and that gradient descent solves in a minute; on the second Lagrange coding can take part.
const DEFAULT_SETS: [&str; 2] = ["heart_scale", "diabetes"];

/// One run; no gap where the scheme can't be attacked so.
#[derive(Debug, Clone, serde::Serialize)]
struct Cell {
    set: String,
    scheme: &'static str,
    attack: String,
    status: String,
    relative_gap: Option<f64>,
    iterations: usize,
    missed: usize,
    accused: usize,
}

/// One scheme on one set.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    set: String,
    scheme: &'static str,
    exact: bool,
    redundancy: f64,
    /// Of one step, without faults: virtual, and measured here (all workers one after the other, and the master).
    virtual_seconds: f64,
    wall_seconds: f64,
    cells: Vec<Cell>,
}

impl Row {
    fn holds(&self) -> bool {
        !self.exact || self.cells.iter().all(|cell| cell.relative_gap.is_none_or(|gap| gap <= GAP))
    }
}

fn config(scheme: &Scheme, problem: &ReferenceProblem, iterations: usize, seed: u64) -> TrainConfig {
    TrainConfig {
        task: Some(if problem.task == ReferenceTask::Ridge { "squared" } else { problem.task.name() }.into()),
        l2: problem.l2,
        method: "robust-gd".into(),
        iterations,
        // |g|^2 / (2 l2) below a tenth of the promise.
        tolerance: (0.2 * GAP * problem.optimum * problem.l2).sqrt(),
        workers: WORKERS,
        liars: if scheme.knows_liars { LIARS } else { 0 },
        stragglers: if scheme.knows_liars { 0 } else { LIARS },
        code: scheme.code.map(Into::into),
        aggregator: scheme.aggregator.map(Into::into),
        seed,
        ..TrainConfig::default()
    }
}

fn cell(
    scheme: &Scheme,
    data: &Dataset<f64>,
    set: &str,
    problem: &ReferenceProblem,
    config: TrainConfig,
) -> Result<Cell> {
    let attack = config.attack.clone();
    let mut cell = Cell {
        set: set.into(),
        scheme: scheme.name,
        attack: attack.clone(),
        status: "not applicable".into(),
        relative_gap: None,
        iterations: 0,
        missed: 0,
        accused: 0,
    };
    if !scheme.can_meet(&attack) {
        return Ok(cell);
    }
    let Trained { record, error, .. } =
        Training::new(config).command("reproduce byzantine-rivals").run(data.clone())?;
    let end = record.end;
    let naming = end.naming.unwrap_or_default();
    let gap = (end.objective - problem.optimum) / problem.optimum;
    cell.relative_gap = Some(if error.is_some() || gap.is_nan() { f64::INFINITY } else { gap });
    (cell.status, cell.iterations) = (end.status, end.iterations);
    (cell.missed, cell.accused) = (naming.misses, naming.innocents_accused);
    Ok(cell)
}

/// Seconds of a step without faults: virtual, and the median of measured ones.
fn step_seconds(trained: &Trained) -> (f64, f64) {
    let its = &trained.record.iterations;
    let steps = || its.windows(2);
    let virtual_seconds = steps().map(|w| w[1].virtual_seconds - w[0].virtual_seconds);
    let mut wall: Vec<f64> = steps().map(|w| w[1].wall_seconds - w[0].wall_seconds).collect();
    (median(&mut virtual_seconds.collect::<Vec<_>>()), median(&mut wall))
}

fn row(
    args: &ReproduceArgs,
    scheme: &Scheme,
    data: &Dataset<f64>,
    set: &str,
    problem: &ReferenceProblem,
    attacks: &[String],
) -> Result<Row> {
    let iterations = if args.full || scheme.exact { STEPS[0] } else { STEPS[1] };
    let clean = TrainConfig { iterations: 50, ..config(scheme, problem, iterations, args.seed) };
    let trained = Training::new(clean).command("reproduce byzantine-rivals").run(data.clone())?;
    let (virtual_seconds, wall_seconds) = step_seconds(&trained);
    let cells = attacks.iter().map(|attack| {
        let attacked = TrainConfig {
            inject_liars: LIARS,
            attack: attack.clone(),
            ..config(scheme, problem, iterations, args.seed)
        };
        cell(scheme, data, set, problem, attacked)
    });
    Ok(Row {
        set: set.into(),
        scheme: scheme.name,
        exact: scheme.exact,
        // A data code stores X and X'.
        redundancy: trained.record.code.redundancy * if scheme.products { 2.0 } else { 1.0 },
        virtual_seconds,
        wall_seconds,
        cells: cells.collect::<Result<_>>()?,
    })
}

/// A gap in six characters.
fn short(gap: Option<f64>) -> String {
    match gap {
        None => "-".into(),
        Some(gap) if gap.is_infinite() => "fails".into(),
        Some(gap) if gap.abs() < 1e-12 => "0".into(),
        Some(gap) => format!("{gap:.0e}"),
    }
}

fn heading(attacks: &[String]) -> String {
    let names: Vec<String> = attacks.iter().map(|a| format!(" {:>6}", a.chars().take(6).collect::<String>())).collect();
    format!("{:18} {:>6} {:>9} {:>9} {}", "scheme", "redun.", "virt. us", "wall us", names.join(""))
}

fn describe(row: &Row) -> String {
    let gaps: Vec<String> = row.cells.iter().map(|cell| format!("{:>7}", short(cell.relative_gap))).collect();
    format!(
        "{:18} {:6.2} {:9.1} {:9.1} {}{}",
        row.scheme,
        row.redundancy,
        row.virtual_seconds * 1e6,
        row.wall_seconds * 1e6,
        gaps.join(""),
        if row.holds() { "" } else { "  DOES NOT HOLD" }
    )
}

/// The problem of a set that gradient descent solves fastest: the largest l2.
fn problem_of(problems: &[ReferenceProblem]) -> Option<&ReferenceProblem> {
    problems.iter().filter(|p| p.task != ReferenceTask::Lasso).max_by(|a, b| a.l2.total_cmp(&b.l2))
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let sets = ReferenceSets::open()?;
    let names: Vec<&str> =
        if args.sets.is_empty() { DEFAULT_SETS.to_vec() } else { args.sets.iter().map(String::as_str).collect() };
    let attacks: Vec<String> =
        if args.attacks.is_empty() { ATTACKS.iter().map(|&a| a.into()).collect() } else { args.attacks.clone() };
    if let Some(folder) = &args.output {
        super::oversketched::chart::check_folder(folder)?;
    }
    let mut rows = Vec::new();
    for name in names {
        let set = sets.get(name)?;
        let Some(problem) = problem_of(&set.problems) else {
            return Err(Error::usage("byzantine-rivals: sets", name, "sets with a smooth problem"));
        };
        let data = set.load()?;
        let task = problem.task.name();
        line(
            args,
            format!(
                "{name}: {} x {}, {task}, l2 = {:e}; {WORKERS} workers, {LIARS} liars",
                set.rows, set.cols, problem.l2
            ),
        );
        line(args, heading(&attacks));
        let first = rows.len();
        for scheme in ROSTER.iter().filter(|scheme| scheme.solves(problem.task == ReferenceTask::Ridge)) {
            let row = row(args, scheme, &data, name, problem, &attacks)?;
            line(args, describe(&row));
            rows.push(row);
        }
        if let Some(folder) = &args.output {
            let path = folder.join(format!("byzantine-rivals-{name}.svg"));
            heat_map::write(&path, &format!("{name} ({task}, l2 = {:e})", problem.l2), &attacks, &rows[first..])?;
            line(args, format!("wrote {}", path.display()));
        }
    }
    let held = rows.iter().filter(|row| row.exact && row.holds()).count();
    let exact = rows.iter().filter(|row| row.exact).count();
    line(
        args,
        format!(
            "{held} of {exact} rows that promise the optimum reach it under every attack (relative gap at most {GAP:e})"
        ),
    );
    line(
        args,
        "numbers are relative gaps to the reference optimum; -: no such attack on this scheme; fails: refused or diverged",
    );
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(held < exact))
}
