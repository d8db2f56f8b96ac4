//! `oversketched-grid`: every binary and multi-class reference set by OverSketched Newton on 77 product-coded workers with the
//! delays of paper 001's Figure 1, all alive and with 3 dead, held against the reference optimum; exact Newton beside it.

use steadfast::data::{Dataset, ReferenceProblem, ReferenceSets, ReferenceTask};
use steadfast::run::{TrainConfig, Trained, Training};
use steadfast::{Error, Result};

use super::line;
use crate::args::ReproduceArgs;
use crate::output;

/// 60 blocks as 10 x 6, and their parities (paper 001, section 4).
const WORKERS: usize = 77;
/// The promise.
const GAP: f64 = 1e-8;

/// One run.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    set: String,
    task: String,
    l2: f64,
    method: &'static str,
    dead: usize,
    /// Rows over columns of the data: a sketch is promised to pay in iterations from 20 on.
    aspect: f64,
    /// m of the last step; 0: exact; nothing: by products alone.
    sketch: Option<usize>,
    relative_gap: f64,
    /// Iterations until the gap was below the promise.
    iterations: Option<usize>,
    virtual_seconds: f64,
    wall_seconds: f64,
    status: String,
}

impl Row {
    fn holds(&self) -> bool {
        self.relative_gap <= GAP && self.iterations.is_some()
    }
}

fn row(
    set: &str,
    data: &Dataset<f64>,
    problem: &ReferenceProblem,
    method: &'static str,
    dead: usize,
    seed: u64,
) -> Result<Row> {
    let config = TrainConfig {
        task: Some(problem.task.name().into()),
        l2: problem.l2,
        method: method.into(),
        iterations: 200,
        // |g|^2 / (2 l2) below a tenth of the promised gap.
        tolerance: (0.2 * GAP * problem.optimum * problem.l2).sqrt(),
        workers: WORKERS,
        code: Some("product".into()),
        stragglers: 3,
        inject_dead: dead,
        delay: "lambda".into(),
        seed,
        ..TrainConfig::default()
    };
    let Trained { record, error, .. } =
        Training::new(config).command("reproduce oversketched-grid").run(data.clone())?;
    let gap = |objective: f64| (objective - problem.optimum) / problem.optimum;
    let reached = record.iterations.iter().find(|i| gap(i.objective) <= GAP);
    Ok(Row {
        set: set.into(),
        task: problem.task.name().into(),
        l2: problem.l2,
        method,
        dead,
        aspect: data.rows() as f64 / data.features.cols() as f64,
        sketch: record.iterations.last().and_then(|i| i.sketch_dimension),
        relative_gap: if error.is_some() { f64::INFINITY } else { gap(record.end.objective) },
        iterations: reached.map(|i| i.iteration),
        virtual_seconds: reached.map_or(f64::INFINITY, |i| i.virtual_seconds),
        wall_seconds: reached.map_or(f64::INFINITY, |i| i.wall_seconds),
        status: record.end.status,
    })
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let sets = ReferenceSets::open()?;
    let chosen: Vec<_> = if args.sets.is_empty() {
        sets.present().iter().collect()
    } else {
        args.sets.iter().map(|name| sets.get(name)).collect::<Result<_>>()?
    };
    line(
        args,
        format!(
            "{:18} {:8} {:>5} {:20} {:>4} {:>6} {:>6} {:>9} {:>4} {:>10} {:>8}  status",
            "set", "task", "l2", "method", "dead", "n/d", "sketch", "rel. gap", "iter", "virtual s", "wall s"
        ),
    );
    let mut rows = Vec::new();
    for set in chosen {
        let wanted = |p: &&ReferenceProblem| matches!(p.task, ReferenceTask::Logistic | ReferenceTask::Softmax);
        let problems: Vec<_> = set.problems.iter().filter(wanted).collect();
        if problems.is_empty() {
            continue;
        }
        let data = set.load()?;
        for problem in problems {
            for (method, dead) in [("newton", 0), ("oversketched-newton", 0), ("oversketched-newton", 3)] {
                let row = row(&set.name, &data, problem, method, dead, args.seed)?;
                line(args, describe(&row));
                rows.push(row);
            }
        }
    }
    if rows.is_empty() {
        return Err(Error::usage("oversketched-grid: sets", args.sets.join(","), "sets with two or more classes"));
    }
    line(args, summary(&rows));
    line(args, sets.absent_line());
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(!rows.iter().all(Row::holds)))
}

fn describe(row: &Row) -> String {
    format!(
        "{:18} {:8} {:5.0e} {:20} {:4} {:6.1} {:>6} {:9.1e} {:>4} {:10.1} {:8.2}  {}{}",
        row.set,
        row.task,
        row.l2,
        row.method,
        row.dead,
        row.aspect,
        row.sketch.map_or("free".into(), |m| if m == 0 { "exact".into() } else { m.to_string() }),
        row.relative_gap,
        row.iterations.map_or("-".into(), |i| i.to_string()),
        row.virtual_seconds,
        row.wall_seconds,
        row.status,
        if row.holds() { "" } else { "  DOES NOT HOLD" }
    )
}

/// How many runs hold, and the worst ratio of iterations to exact Newton's where the promise applies.
fn summary(rows: &[Row]) -> String {
    let ratios = rows
        .chunks_exact(3)
        .filter(|of| of[0].aspect >= 20.0 && of[1].sketch.is_some_and(|m| m > 0))
        .filter_map(|of| Some(of[1].iterations? as f64 / of[0].iterations? as f64));
    format!(
        "{} of {} runs hold (relative gap at most {GAP:e}); iterations beside exact Newton's, n >= 20 d and sketched: at most {:.2} times",
        rows.iter().filter(|r| r.holds()).count(),
        rows.len(),
        ratios.fold(0.0, f64::max)
    )
}
