//! `dino-gaps`: how far above the reference optimum each method is after 2,000 communications, with shuffled rows and with rows sorted by
//! label; and what a gap of 1e-8 takes.

use std::sync::Arc;

use steadfast::Result;
use steadfast::data::{ReferenceProblem, ReferenceSet, ReferenceSets, ReferenceTask, RowOrder};
use steadfast::fleet::Clock;
use steadfast::objective::{Logistic, Objective, Softmax};
use steadfast::seed::Seed;

use super::race::{Curve, Race};
use crate::args::ReproduceArgs;
use crate::output;
use crate::reproduce::line;

const WORKERS: usize = 5;
const L2: f64 = 1e-2;
const GAP: f64 = 1e-8;
const COMMUNICATIONS: u64 = 2_000;
/// Rows a worker for every weight from which DINO and GIANT promise [`GAP`].
const PLENTY: usize = 4;
/// Sets that ship; the first has rows enough.
const DEFAULT_SETS: [&str; 2] = ["heart_scale", "breast_cancer"];
/// Those that promise.
const PROMISES: [&str; 2] = ["dino", "hessian-free-giant"];

/// One method on one set.
#[derive(serde::Serialize)]
struct Row {
    set: String,
    rows: &'static str,
    method: String,
    /// `(F(w) - F*) / F*` at the end.
    gap: f64,
    /// To a gap of 1e-8.
    communications: Option<u64>,
    failure: Option<String>,
    promised: bool,
}

impl Row {
    fn holds(&self) -> bool {
        !self.promised || self.communications.is_some()
    }
}

fn problem(set: &ReferenceSet) -> Option<&ReferenceProblem> {
    let classes = |p: &&ReferenceProblem| matches!(p.task, ReferenceTask::Logistic | ReferenceTask::Softmax);
    set.problems.iter().filter(classes).find(|p| p.l2.total_cmp(&L2).is_eq())
}

fn race(set: &ReferenceSet, problem: &ReferenceProblem, order: RowOrder, seed: Seed) -> Result<Race> {
    let data = set.load()?;
    let (labels, outputs, loss): (_, _, Arc<dyn steadfast::objective::Loss>) =
        if problem.task == ReferenceTask::Logistic {
            (data.labels.binary()?.0, 1, Arc::new(Logistic))
        } else {
            let (labels, classes) = data.labels.classes()?;
            (labels, classes.len(), Arc::new(Softmax::new(classes.len())?))
        };
    let rows = order.permutation(&data.labels, seed);
    // All rows, for the reference optimum is theirs: parts may differ by one.
    let features = data.features.select_rows(&rows);
    Ok(Race {
        start: vec![0.0; outputs * features.cols()],
        labels: rows.iter().map(|&i| labels[i]).collect(),
        features,
        objective: Objective { loss, l2: L2, regularizer: None, intercept: false },
        workers: WORKERS,
        communications: COMMUNICATIONS,
        // |g|^2 / (2 l2) below a tenth of the gap.
        tolerance: (0.2 * GAP * problem.optimum * L2).sqrt(),
        clock: Clock::default(),
        seed,
    })
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let sets = ReferenceSets::open()?;
    let names: Vec<&str> =
        if args.sets.is_empty() { DEFAULT_SETS.to_vec() } else { args.sets.iter().map(String::as_str).collect() };
    let mut rows = Vec::new();
    for name in names {
        let set = sets.get(name)?;
        let Some(problem) = problem(set) else {
            return Err(steadfast::Error::usage("dino-gaps: sets", name, "sets with a class problem of l2 = 1e-2"));
        };
        for order in [RowOrder::Shuffled, RowOrder::Sorted] {
            let race = race(set, problem, order, Seed(args.seed))?;
            let plenty = set.rows >= WORKERS * PLENTY * race.start.len() && order == RowOrder::Shuffled;
            line(
                args,
                format!(
                    "{name}: {} x {}, {}, l2 = {L2:e}, {WORKERS} workers, {} rows{}",
                    set.rows,
                    set.cols,
                    problem.task.name(),
                    order.name(),
                    if plenty { "" } else { "; no gap is promised" }
                ),
            );
            line(args, format!("  {:36} {:>9} {:>14}", "method", "gap", "comm. to 1e-8"));
            race.all(|curve: &Curve| {
                let base = curve.method.split(':').next().unwrap_or_default();
                let row = Row {
                    set: name.into(),
                    rows: order.name(),
                    method: curve.method.clone(),
                    gap: (curve.last() - problem.optimum) / problem.optimum,
                    communications: curve.reaches(problem.optimum * (1.0 + GAP)),
                    failure: curve.failure.clone(),
                    promised: plenty && PROMISES.contains(&base),
                };
                let count = row.communications.map_or("-".into(), |c| c.to_string());
                let verdict = if row.holds() { "" } else { "  DOES NOT HOLD" };
                let failure = row.failure.as_ref().map_or(String::new(), |why| format!("  x {why}"));
                line(args, format!("  {:36} {:9.1e} {count:>14}{failure}{verdict}", row.method, row.gap));
                rows.push(row);
            })?;
        }
    }
    let promised: Vec<&Row> = rows.iter().filter(|row| row.promised).collect();
    let held = promised.iter().filter(|row| row.holds()).count();
    line(args, format!("{held} of {} promised gaps of {GAP:e} reached", promised.len()));
    let broken = held < promised.len();
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(broken))
}
