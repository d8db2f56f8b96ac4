//! `steadfast plan`.

use std::fmt::Write as _;

use steadfast::Result;
use steadfast::coding::{FramePlan, Plan, Tolerance};
use steadfast::sketch::HessianCost;

use crate::args::PlanArgs;
use crate::output;

/// Runs the command; the exit status.
pub fn run(args: &PlanArgs) -> Result<u8> {
    let tolerance = Tolerance { liars: args.liars, stragglers: args.stragglers };
    let plan = Plan::new(args.rows, args.cols, args.nnz, args.workers, tolerance)?;
    let hessian = HessianCost::new(&args.sketch, args.rows, args.cols, args.classes, args.nnz)?;
    // Frames carry no liars.
    let frames = if args.liars == 0 { FramePlan::all(args.rows, args.workers, args.stragglers)? } else { Vec::new() };
    if args.json {
        output::json(&Plans { codes: &plan, frames: &frames, hessian: &hessian })?;
        return Ok(0);
    }
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} x {}, {} stored values; {} workers, {tolerance}",
        args.rows, args.cols, plan.stored, args.workers
    );
    let _ = writeln!(
        text,
        "{:24} {:>6} {:>14} {:>10} {:>16} {:>10} {:>12} {:>12}",
        "code", "blocks", "stored", "redundancy", "worker's m-adds", "up", "down", "down x m"
    );
    for code in &plan.codes {
        let name = if code.comparison { format!("({})", code.name) } else { code.name.clone() };
        match (&code.cost, &code.refused) {
            (Some(c), _) => {
                let bound = if c.exact { "" } else { " (upper bounds)" };
                let _ = writeln!(
                    text,
                    "{name:24} {:6} {:14} {:10.3} {:16} {:10} {:12} {:12}{bound}",
                    c.blocks,
                    c.stored,
                    c.redundancy,
                    c.multiply_adds,
                    c.floats_up,
                    c.floats_down,
                    c.floats_down_unicast
                );
            }
            (None, why) => {
                let _ = writeln!(text, "{name:24} no: {}", why.as_deref().unwrap_or("it can't carry this"));
            }
        }
    }
    text.push_str(
        "redundancy counts X and X' (2 = each stored once); workers of codes in brackets send gradients of rows they hold\n",
    );
    text.push_str(&describe_frames(&frames));
    text.push_str(&describe(&hessian));
    output::text(&text)?;
    Ok(0)
}

/// All that `--json` prints.
#[derive(serde::Serialize)]
struct Plans<'a> {
    #[serde(flatten)]
    codes: &'a Plan,
    frames: &'a [FramePlan],
    hessian: &'a HessianCost,
}

/// What encoding with frames keeps when the first k replies are taken and nothing is decoded.
fn describe_frames(frames: &[FramePlan]) -> String {
    let mut text = String::new();
    if !frames.is_empty() {
        text.push_str("approximate, nothing decoded: the eigenvalues that sets of k workers keep (1 loses nothing)\n");
    }
    for frame in frames {
        let _ = match (frame.redundancy, &frame.spectrum, &frame.refused) {
            (Some(redundancy), Some(s), _) => writeln!(
                text,
                "{:24} redundancy {redundancy:.3}; k = {}: {:.3} to {:.3}, eps {:.3} ({} sets)",
                frame.name,
                s.kept,
                s.smallest,
                s.largest,
                s.epsilon(),
                s.subsets
            ),
            (.., why) => writeln!(text, "{:24} no: {}", frame.name, why.as_deref().unwrap_or("there is none")),
        };
    }
    text
}

/// What a Hessian costs, and what `oversketched-newton` takes.
fn describe(cost: &HessianCost) -> String {
    let HessianCost { columns, rows, exact_multiply_adds: exact, .. } = *cost;
    let head = format!("Hessian of {columns} columns over {rows} rows: exact {exact:.2e} multiply-adds");
    match (cost.sketched_multiply_adds, cost.dimension, cost.blocks) {
        (Some(sketched), Some(m), Some([needed, made])) => format!(
            "{head}; {}, {m} rows in {needed} blocks on {made} workers: {sketched:.2e}; oversketched-newton takes the {} one\n",
            cost.sketch, cost.choice
        ),
        _ => format!("{head}; too wide to form: oversketched-newton multiplies with it (conjugate gradients)\n"),
    }
}
