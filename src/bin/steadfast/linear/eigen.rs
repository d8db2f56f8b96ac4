//! `steadfast eigen`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use steadfast::data::{Matrix, read_market};
use steadfast::linear::{Answer, Eigenpair, asymmetry, dominant, leading};
use steadfast::{Error, Result};

use super::{RunOptions, Shown, norm};

#[derive(Debug, Args)]
pub struct EigenArgs {
    /// A square matrix: MatrixMarket (plain, .gz, .xz)
    pub matrix: PathBuf,
    /// Eigenpairs, largest in modulus first; of more than one, the matrix must be symmetric
    #[arg(long, default_value_t = 1, value_name = "K", allow_negative_numbers = true, help_heading = "Problem")]
    pub count: usize,

    #[command(flatten)]
    run: RunOptions,
}

/// Runs the command; the exit status.
pub fn run(args: &EigenArgs) -> Result<u8> {
    let ready = args.run.ready(format!("eigen:count={}", args.count))?;
    if args.count == 0 {
        return Err(Error::usage("--count", 0, "at least 1"));
    }
    let matrix = read_market(&args.matrix)?;
    let name = args.matrix.display().to_string();
    let worst = asymmetry(&matrix)?;
    if let (Some((i, j, off)), true) = (worst, args.count > 1) {
        let got = format!("entries {}, {} and {1}, {0} that differ by {off:.3e}", i + 1, j + 1);
        return Err(Error::input(name, got, "a symmetric matrix for --count above 1"));
    }
    if args.count > matrix.rows() {
        return Err(Error::usage("--count", args.count, format!("at most the {} rows of the matrix", matrix.rows())));
    }
    let options = args.run.options();
    // A symmetric matrix may have two eigenvalues of the largest modulus, which a block of vectors tells apart.
    let symmetric = worst.is_none();
    ready.run(
        &matrix,
        |products| {
            if symmetric {
                return leading(products, args.count, &options);
            }
            let Answer { value, report } = dominant(products, &options)?;
            Ok(Answer { value: vec![value], report })
        },
        |answer| Ok(show(&matrix, &answer.value)),
    )
}

fn show(matrix: &Matrix<f64>, pairs: &[Eigenpair]) -> Shown {
    let mut image = vec![0.0; matrix.rows()];
    let checked: Vec<f64> = pairs
        .iter()
        .map(|pair| {
            matrix.multiply(&pair.vector, 1, &mut image);
            norm(image.iter().zip(&pair.vector).map(|(w, v)| w - pair.value * v))
        })
        .collect();
    let mut lines = String::new();
    for (pair, checked) in pairs.iter().zip(&checked) {
        let _ = writeln!(lines, "  eigenvalue {:>22.15e}  |A v - lambda v| = {checked:.3e}", pair.value);
    }
    // A row an entry, a column a pair.
    let mut text = String::new();
    for i in 0..matrix.rows() {
        let row: Vec<String> = pairs.iter().map(|pair| format!("{:?}", pair.vector[i])).collect();
        let _ = writeln!(text, "{}", row.join(" "));
    }
    let json = pairs
        .iter()
        .zip(&checked)
        .map(|(pair, checked)| json!({"value": pair.value, "vector": pair.vector, "residual": checked}))
        .collect();
    Shown { rows: vec![("eigenvalues", pairs.len().to_string())], lines, json, text }
}
