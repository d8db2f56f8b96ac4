//! `steadfast project`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;
use steadfast::data::{Matrix, read_market};
use steadfast::run::{Projected, Projection, TrainConfig};
use steadfast::trace::{answer_table, write_whole};
use steadfast::{Error, Result};

use crate::fleet_options::FleetOptions;
use crate::{interrupt, output};

/// `--onto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// A x = b: exact whoever is late
    Affine,
    /// A x <= b: exact with all workers, near with the first k
    Polyhedron,
}

#[derive(Debug, Args)]
pub struct ProjectArgs {
    /// A, a row an equation or inequality: MatrixMarket (plain, .gz, .xz)
    pub matrix: PathBuf,
    /// b: MatrixMarket with one column
    pub right: PathBuf,
    /// The point to project: MatrixMarket with one column [default: the origin]
    #[arg(long, value_name = "FILE", help_heading = "Problem")]
    pub point: Option<PathBuf>,
    /// The set
    #[arg(long, value_enum, default_value = "affine", help_heading = "Problem")]
    pub onto: Set,
    /// Most iterations
    #[arg(long, default_value_t = 5000, help_heading = "Method", value_name = "N", allow_negative_numbers = true)]
    pub iterations: usize,
    /// On the norm of the gradient (polyhedron: of the proximal step)
    #[arg(long, default_value_t = 1e-11, help_heading = "Method", value_name = "X", allow_hyphen_values = true)]
    pub tolerance: f64,

    #[command(flatten)]
    pub fleet_options: FleetOptions,

    /// Write the projection as text, a number a line
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Write the record of the run (JSON)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub record: Option<PathBuf>,
    /// A machine-readable result on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Runs the command; the exit status.
pub fn run(args: &ProjectArgs) -> Result<u8> {
    let config = args.fleet_options.config();
    let projection = Projection::of(&TrainConfig { iterations: args.iterations, tolerance: args.tolerance, ..config })?;
    output::check(&[("--output", args.output.as_ref()), ("--record", args.record.as_ref())])?;
    let matrix = read_market(&args.matrix)?;
    let right = column(&args.right, matrix.rows(), "rows")?;
    let from = match &args.point {
        Some(path) => column(path, matrix.cols(), "columns")?,
        None => vec![0.0; matrix.cols()],
    };
    let stop = interrupt::watch()?;
    let mut found = match args.onto {
        Set::Affine => projection.onto_affine_until(&matrix, &right, &from, stop),
        Set::Polyhedron => projection.onto_polyhedron_until(&matrix, &right, &from, stop),
    }?;
    found.record.command = output::called();
    let mut written: Vec<&Path> = Vec::new();
    if let Some(path) = &args.record {
        found.record.write(path)?;
        written.push(path);
    }
    if let Some(path) = &args.output {
        let text: String = found.point.iter().map(|x| format!("{x:?}\n")).collect();
        write_whole(path, text.as_bytes())?;
        written.push(path);
    }
    let moved = distance(&found.point, &from);
    if args.json {
        output::json(&json!({
            "final": found.record.end, "violation": found.violation, "distance": moved, "point": found.point,
            "code": found.record.code, "written": written,
        }))?;
    } else {
        output::text(&format!("{}{}", table(args, &matrix, &found, moved), output::wrote(&written)))?;
    }
    Ok(found.status.exit_status())
}

fn table(args: &ProjectArgs, matrix: &Matrix<f64>, found: &Projected, moved: f64) -> String {
    let set = match args.onto {
        Set::Affine => "equations",
        Set::Polyhedron => "inequalities",
    };
    let rows = vec![
        ("distance", format!("{moved:.12e}")),
        ("largest violation", format!("{:.3e}", found.violation)),
        ("last step's norm", format!("{:.3e}", found.record.end.gradient_norm)),
    ];
    format!(
        "{} {set} of {} variables ({} stored values)\n{}\n{}",
        matrix.rows(),
        matrix.cols(),
        matrix.stored(),
        found.record.fleet,
        answer_table(rows, &found.record)
    )
}

/// One column with as many rows as the matrix has `what`.
fn column(path: &Path, rows: usize, what: &str) -> Result<Vec<f64>> {
    let read = read_market(path)?;
    if (read.rows(), read.cols()) != (rows, 1) {
        let got = format!("{} x {}", read.rows(), read.cols());
        return Err(Error::input(path.display().to_string(), got, format!("{rows} x 1, as the matrix has {what}")));
    }
    let mut column = vec![0.0; rows];
    read.multiply(&[1.0], 1, &mut column);
    Ok(column)
}

/// The distance of two points.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    a.iter().zip(b).enumerate().for_each(|(k, (a, b))| sums[k & 3] += (a - b) * (a - b));
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sqrt()
}
