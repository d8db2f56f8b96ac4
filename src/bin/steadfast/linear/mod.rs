//! `steadfast eigen`, `pagerank` and `solve`: one matrix on a fleet, and what is the same for the three.

pub mod eigen;
pub mod pagerank;
pub mod solve;

pub use eigen::EigenArgs;
pub use pagerank::PageRankArgs;
pub use solve::SolveArgs;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use steadfast::Result;
use steadfast::data::Matrix;
use steadfast::linear::{Answer, Options, Products};
use steadfast::run::{Finished, LinearRun, TrainConfig};
use steadfast::trace::{RunRecord, answer_table, write_whole};

use crate::fleet_options::{FleetOptions, worker_command};
use crate::{interrupt, output};

/// What the three commands share.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Most iterations
    #[arg(long, default_value_t = 10_000, help_heading = "Method", value_name = "N", allow_negative_numbers = true)]
    iterations: usize,
    /// On the residual, relative to the eigenvalue or the right-hand side (PageRank: as it is)
    #[arg(long, default_value_t = 1e-10, help_heading = "Method", value_name = "X", allow_hyphen_values = true)]
    tolerance: f64,

    /// Take in every round the replies that counted in the run of this record (same command, options and data): the same numbers
    #[arg(long, value_name = "RECORD", help_heading = "Method")]
    replay: Option<PathBuf>,

    #[command(flatten)]
    fleet_options: FleetOptions,

    /// Write the whole answer as text, one row a line
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write the record of the run (JSON)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    record: Option<PathBuf>,
    /// A machine-readable result on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// What an answer looks like.
struct Shown {
    /// Rows of the table, above what is the same for all.
    rows: Vec<(&'static str, String)>,
    /// Lines below the table.
    lines: String,
    /// The value in JSON.
    json: Value,
    /// The file of `--output`.
    text: String,
}

impl RunOptions {
    /// Refuses what can be refused before the data are read. The algorithm is named with its parameters.
    fn ready(&self, algorithm: String) -> Result<Ready<'_>> {
        let mut config = self.fleet_options.config();
        (config.iterations, config.tolerance) = (self.iterations, self.tolerance);
        config.check()?;
        output::check(&[("--output", self.output.as_ref()), ("--record", self.record.as_ref())])?;
        let replayed = self.replay.as_deref().map(RunRecord::read).transpose()?;
        if let Some(record) = &replayed {
            config.check_replay(Some(&algorithm), record)?;
        }
        Ok(Ready { options: self, config, algorithm, replayed })
    }

    fn options(&self) -> Options {
        Options { iterations: self.iterations, tolerance: self.tolerance, seed: self.fleet_options.seed() }
    }
}

/// A run whose options are checked.
struct Ready<'a> {
    options: &'a RunOptions,
    config: TrainConfig,
    algorithm: String,
    replayed: Option<RunRecord>,
}

impl Ready<'_> {
    /// Runs `algorithm` with the products of `matrix` and prints what it finds; the exit status.
    fn run<V>(
        self,
        matrix: &Matrix<f64>,
        algorithm: impl FnOnce(&mut Products<'_>) -> Result<Answer<V>>,
        show: impl FnOnce(&Answer<V>) -> Result<Shown>,
    ) -> Result<u8> {
        let Ready { options, config, algorithm: name, replayed } = self;
        let finished = LinearRun::new(config)
            .command(output::called())
            .cancel(interrupt::watch()?)
            .worker_command(worker_command())
            .algorithm(name)
            .replay(replayed)
            .run(matrix, algorithm)?;
        let mut written = Vec::new();
        if let Some(path) = &options.record {
            finished.record.write(path)?;
            written.push(path.clone());
        }
        let Some(answer) = &finished.answer else {
            if let Some(error) = &finished.error {
                output::error(error, options.json);
            }
            return Ok(finished.exit_status);
        };
        let shown = show(answer)?;
        if let Some(path) = &options.output {
            write_whole(path, shown.text.as_bytes())?;
            written.push(path.clone());
        }
        if options.json {
            output::json(&record(&finished, answer, shown, &written))?;
        } else {
            output::text(&table(&finished, answer, shown, &written))?;
        }
        Ok(finished.exit_status)
    }
}

fn table<V>(finished: &Finished<V>, answer: &Answer<V>, shown: Shown, written: &[PathBuf]) -> String {
    let record = &finished.record;
    let report = &answer.report;
    let mut rows = shown.rows;
    let bounded = if report.residual_bound.is_finite() {
        format!(", certified at most {:.3e}", report.residual_bound)
    } else {
        String::new()
    };
    rows.push(("residual", format!("{:.3e}{bounded}", report.residual)));
    rows.push(("stored at the workers", format!("{:.3} times the matrix and its transpose", finished.fill)));
    format!(
        "{} rows x {} columns ({} stored values)\n{}\n{}{}{}",
        record.data.rows,
        record.data.cols,
        record.data.nnz,
        record.fleet,
        answer_table(rows, record),
        shown.lines,
        output::wrote(written)
    )
}

fn record<V>(finished: &Finished<V>, answer: &Answer<V>, shown: Shown, written: &[PathBuf]) -> Value {
    let (end, report) = (&finished.record.end, &answer.report);
    json!({
        "final": {
            "status": end.status, "residual": report.residual, "residual_bound": report.residual_bound,
            "iterations": end.iterations, "rounds": end.rounds, "fill": finished.fill,
            "virtual_seconds": end.virtual_seconds, "wall_seconds": end.wall_seconds,
            "liars": end.liars, "late": end.late, "certified": end.certified, "keyed": end.keyed, "bound": end.bound,
            "naming": end.naming,
        },
        "answer": shown.json,
        "written": written,
    })
}

/// Norm of a residual that the master computes once more, in f64 from the matrix as read.
fn norm(values: impl Iterator<Item = f64>) -> f64 {
    let mut sums = [0.0; 4];
    values.enumerate().for_each(|(k, x)| sums[k & 3] += x * x);
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sqrt()
}
