//! `byzantine-grid`: every reference problem under every attack, 4 liars that change every round and 1 slow worker of 15,
//! against optima that were computed independently. Resumable: a finished cell is a line in the file of `--resume`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use steadfast::data::{Dataset, ReferenceProblem, ReferenceSets, ReferenceTask};
use steadfast::fleet::PRODUCT_ATTACKS;
use steadfast::run::{TrainConfig, Training};
use steadfast::scalar::Precision;
use steadfast::{Error, Result};

use crate::args::ReproduceArgs;
use crate::output;

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cell {
    set: String,
    problem: String,
    attack: String,
    precision: String,
    status: String,
    relative_gap: f64,
    /// What the gap is held against, relative too.
    allowed: f64,
    iterations: usize,
    rounds: u64,
    seconds: f64,
    missed: usize,
    accused: usize,
    certified: bool,
    duality_gap: Option<f64>,
    /// More columns than rank: an optimum that need not be unique.
    flat: bool,
}

impl Cell {
    fn key(&self) -> String {
        key(&self.set, &self.problem, &self.attack, &self.precision)
    }

    /// Whether everything promised held. `near-code` may name innocents, and `threshold` go unnoticed: only their error is bounded.
    fn holds(&self) -> bool {
        let named =
            ["near-code", "threshold"].contains(&self.attack.as_str()) || (self.missed == 0 && self.accused == 0);
        let close = self.relative_gap <= self.allowed || (self.flat && self.problem.starts_with("lasso"));
        named && close && self.certified
    }
}

fn key(set: &str, problem: &str, attack: &str, precision: &str) -> String {
    format!("{set}|{problem}|{attack}|{precision}")
}

fn describe(problem: &ReferenceProblem) -> String {
    match problem.task {
        ReferenceTask::Lasso => format!("lasso l1={:.3e}", problem.l1),
        task => format!("{} l2={:e}", task.name(), problem.l2),
    }
}

/// The lasso of the grid is the one at a tenth of the l1 weight from which on the solution is zero.
fn in_grid(problem: &ReferenceProblem) -> bool {
    problem.task != ReferenceTask::Lasso || problem.lambda_max.is_some_and(|top| (problem.l1 / top - 0.1).abs() < 1e-6)
}

fn done_cells(path: Option<&Path>) -> Result<BTreeMap<String, Cell>> {
    let Some(path) = path.filter(|p| p.exists()) else { return Ok(BTreeMap::new()) };
    let text = std::fs::read_to_string(path).map_err(Error::reading(path))?;
    let mut cells = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let cell: Cell = serde_json::from_str(line).map_err(|e| {
            Error::input(format!("{}, line {}", path.display(), number + 1), e, "a cell written by byzantine-grid")
        })?;
        cells.insert(cell.key(), cell);
    }
    Ok(cells)
}

fn append(path: &Path, cell: &Cell) -> Result<()> {
    let io = |source| Error::Io { action: "write", path: path.into(), before_work: false, source };
    let line = serde_json::to_string(cell).map_err(|e| Error::Numerical(format!("a cell can't be written: {e}")))?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
    writeln!(file, "{line}").map_err(io)
}

/// Trains one cell.
fn train(
    set: &str,
    data: &Dataset<f64>,
    flat: bool,
    problem: &ReferenceProblem,
    attack: &str,
    precision: Precision,
    seed: u64,
) -> Result<Cell> {
    let task = match problem.task {
        ReferenceTask::Logistic => "logistic",
        ReferenceTask::Softmax => "softmax",
        ReferenceTask::Ridge | ReferenceTask::Lasso => "squared",
    };
    let config = TrainConfig {
        task: Some(task.into()),
        l2: problem.l2,
        l1: problem.l1,
        liars: 4,
        stragglers: 1,
        inject_liars: 4,
        inject_slow: 1,
        attack: attack.into(),
        precision: Some(precision),
        tolerance: if problem.task == ReferenceTask::Lasso { 1e-8 * problem.optimum } else { 1e-9 },
        seed,
        ..TrainConfig::default()
    };
    let trained = Training::new(config).command("reproduce byzantine-grid").run(data.clone())?;
    let end = &trained.record.end;
    let gap = if trained.error.is_some() { f64::INFINITY } else { (end.objective - problem.optimum) / problem.optimum };
    let naming = end.naming.unwrap_or_default();
    let promised: f64 = if problem.task == ReferenceTask::Lasso { 1e-6 } else { 1e-8 };
    // In f32 the promise is the bound that the record itself gives.
    let allowed = match precision {
        Precision::F64 => promised,
        _ => promised.max(end.gap_bound.unwrap_or(f64::INFINITY) / problem.optimum),
    };
    Ok(Cell {
        set: set.into(),
        problem: describe(problem),
        attack: attack.into(),
        precision: precision.name().into(),
        status: end.status.clone(),
        relative_gap: gap,
        allowed,
        iterations: end.iterations,
        rounds: end.rounds,
        seconds: end.wall_seconds,
        missed: naming.misses,
        accused: naming.innocents_accused,
        certified: end.certified && trained.error.is_none(),
        duality_gap: end.duality_gap,
        flat,
    })
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let sets = ReferenceSets::open()?;
    let mut done = done_cells(args.resume.as_deref())?;
    let attacks: Vec<&str> = if args.attacks.is_empty() {
        PRODUCT_ATTACKS.to_vec()
    } else {
        args.attacks.iter().map(String::as_str).collect()
    };
    let precisions = match args.precision.precision() {
        Some(one) => vec![one],
        None if args.full => vec![Precision::F64, Precision::F32],
        None => vec![Precision::F64],
    };
    let chosen: Vec<_> = if args.sets.is_empty() {
        sets.present().iter().collect()
    } else {
        args.sets.iter().map(|name| sets.get(name)).collect::<Result<_>>()?
    };
    println!(
        "{:18} {:16} {:10} {:4} {:12} {:>9} {:>8} {:>5} {:>7} {:>6} {:>7}",
        "set", "problem", "attack", "", "status", "rel. gap", "allowed", "iter", "s", "missed", "accused"
    );
    let mut cells = Vec::new();
    for set in chosen {
        let problems: Vec<_> = set.problems.iter().filter(|p| in_grid(p)).collect();
        let mut data = None;
        for problem in problems {
            for (attack, precision) in attacks.iter().flat_map(|a| precisions.iter().map(move |p| (*a, *p))) {
                let cell = match done.remove(&key(&set.name, &describe(problem), attack, precision.name())) {
                    Some(cell) => cell,
                    None => {
                        if data.is_none() {
                            data = Some(set.load()?);
                        }
                        let Some(data) = &data else { continue };
                        let flat = set.rank.is_none_or(|rank| set.cols > rank);
                        let cell = train(&set.name, data, flat, problem, attack, precision, args.seed)?;
                        if let Some(path) = &args.resume {
                            append(path, &cell)?;
                        }
                        cell
                    }
                };
                println!(
                    "{:18} {:16} {:10} {:4} {:12} {:9.1e} {:8.1e} {:5} {:7.2} {:6} {:7}{}",
                    cell.set,
                    cell.problem,
                    cell.attack,
                    cell.precision,
                    cell.status,
                    cell.relative_gap,
                    cell.allowed,
                    cell.iterations,
                    cell.seconds,
                    cell.missed,
                    cell.accused,
                    if cell.holds() { "" } else { "  DOES NOT HOLD" }
                );
                cells.push(cell);
            }
        }
    }
    summary(&cells, args)?;
    println!("{}", sets.absent_line());
    Ok(u8::from(cells.iter().any(|c| !c.holds())))
}

fn summary(cells: &[Cell], args: &ReproduceArgs) -> Result<()> {
    let held = cells.iter().filter(|c| c.holds()).count();
    let worst =
        |wanted: &dyn Fn(&&Cell) -> bool| cells.iter().filter(wanted).map(|c| c.relative_gap).fold(0.0, f64::max);
    let lasso = |c: &&Cell| c.problem.starts_with("lasso");
    println!(
        "{held} of {} cells hold; worst relative gap in f64: {:.1e} (lasso {:.1e}), in f32: {:.1e}",
        cells.len(),
        worst(&|c| c.precision == "f64" && !lasso(c)),
        worst(&|c| c.precision == "f64" && lasso(c)),
        worst(&|c| c.precision == "f32"),
    );
    if args.json {
        output::json(&cells)?;
    }
    Ok(())
}
