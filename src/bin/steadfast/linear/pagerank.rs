//! `steadfast pagerank`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use steadfast::data::read_graph;
use steadfast::linear::{PageRankOptions, Transition, pagerank};
use steadfast::{Error, Result};

use super::{RunOptions, Shown};

#[derive(Debug, Args)]
pub struct PageRankArgs {
    /// Links: `from to` a line with # comments, or MatrixMarket coordinates (plain, .gz, .xz)
    pub graph: PathBuf,
    /// Share of the steps that follow a link
    #[arg(long, default_value_t = 0.85, value_name = "X", allow_hyphen_values = true, help_heading = "Problem")]
    pub damping: f64,
    /// Nodes to print, highest first
    #[arg(long, default_value_t = 10, value_name = "N", allow_negative_numbers = true, help_heading = "Problem")]
    pub top: usize,

    #[command(flatten)]
    run: RunOptions,
}

/// Runs the command; the exit status.
pub fn run(args: &PageRankArgs) -> Result<u8> {
    let ready = args.run.ready(format!("pagerank:damping={}", args.damping))?;
    if !(0.0..1.0).contains(&args.damping) {
        return Err(Error::usage("--damping", args.damping, "at least 0, below 1"));
    }
    let graph = read_graph(&args.graph)?;
    let transition = Transition::of_links(&graph.links)?;
    let options = PageRankOptions { run: args.run.options(), damping: args.damping, personalization: None };
    ready.run(
        transition.matrix(),
        |products| pagerank(products, &transition, &options),
        |answer| {
            let scores = &answer.value.scores;
            // Once more at the master, from the graph as read.
            let error = transition.error(scores, &options)?;
            let ranking = answer.value.ranking();
            let (mut lines, mut text) = (String::new(), String::new());
            for (place, &node) in ranking.iter().enumerate() {
                if place < args.top {
                    let _ = writeln!(lines, "  {:>6}  node {:<12} {:.9e}", place + 1, graph.names[node], scores[node]);
                }
                let _ = writeln!(text, "{} {:?}", graph.names[node], scores[node]);
            }
            let top = ranking.iter().take(args.top);
            Ok(Shown {
                rows: vec![
                    ("dangling nodes", transition.dangling().len().to_string()),
                    ("errors of all scores", format!("add up to at most {error:.3e}")),
                ],
                lines,
                json: json!({
                    "dangling": transition.dangling().len(), "error": error,
                    "top": top.map(|&i| json!({"node": graph.names[i], "score": scores[i]})).collect::<Vec<_>>(),
                }),
                text,
            })
        },
    )
}
