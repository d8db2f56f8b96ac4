//! `steadfast plan`.

use std::fmt::Write as _;

use steadfast::Result;
use steadfast::coding::{Plan, Tolerance};

use crate::args::PlanArgs;
use crate::output;

/// Runs the command; the exit status.
pub fn run(args: &PlanArgs) -> Result<u8> {
    let tolerance = Tolerance { liars: args.liars, stragglers: args.stragglers };
    let plan = Plan::new(args.rows, args.cols, args.nnz, args.workers, tolerance)?;
    if args.json {
        output::json(&plan)?;
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
    output::text(&text)?;
    Ok(0)
}
