//! `steadfast solve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use steadfast::data::{Matrix, read_market};
use steadfast::linear::{Dominant, JacobiOptions, asymmetry, conjugate_gradient, diagonal, jacobi};
use steadfast::{Error, Result};

use super::{RunOptions, Shown, norm};

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SystemMethod {
    /// Conjugate gradients: symmetric positive definite matrices
    Cg,
    /// Jacobi's iteration: diagonally dominant matrices
    Jacobi,
}

#[derive(Debug, Args)]
pub struct SolveArgs {
    /// A square matrix: MatrixMarket (plain, .gz, .xz)
    pub matrix: PathBuf,
    /// The right-hand side: MatrixMarket with one column
    pub right: PathBuf,
    /// How
    #[arg(long, value_enum, default_value = "cg", help_heading = "Method")]
    pub method: SystemMethod,
    /// Of jacobi: above 0, at most 1
    #[arg(long, default_value_t = 1.0, value_name = "X", allow_hyphen_values = true, help_heading = "Method")]
    pub damping: f64,

    #[command(flatten)]
    run: RunOptions,
}

/// Runs the command; the exit status.
pub fn run(args: &SolveArgs) -> Result<u8> {
    let ready = args.run.ready(match args.method {
        SystemMethod::Cg => "solve:method=cg".into(),
        SystemMethod::Jacobi => format!("solve:method=jacobi,damping={}", args.damping),
    })?;
    if !(args.damping > 0.0 && args.damping <= 1.0) {
        return Err(Error::usage("--damping", args.damping, "above 0, at most 1"));
    }
    let matrix = read_market(&args.matrix)?;
    let right = column(args, matrix.rows())?;
    let options = args.run.options();
    let show = |x: &[f64]| {
        let mut image = vec![0.0; matrix.rows()];
        matrix.multiply(x, 1, &mut image);
        let relative = norm(image.iter().zip(&right).map(|(ax, b)| b - ax)) / norm(right.iter().copied());
        Shown {
            rows: vec![("relative residual", format!("{relative:.3e}, from the matrix as read"))],
            lines: String::new(),
            json: json!({"relative_residual": relative, "solution": x}),
            text: x.iter().map(|x| format!("{x:?}\n")).collect(),
        }
    };
    match args.method {
        SystemMethod::Cg => {
            definite(args, &matrix)?;
            ready.run(&matrix, |products| conjugate_gradient(products, &right, &options), |a| Ok(show(&a.value)))
        }
        SystemMethod::Jacobi => {
            let dominant = Dominant::check(&matrix)?;
            let options = JacobiOptions { run: options, damping: args.damping };
            ready.run(&matrix, |products| jacobi(products, &dominant, &right, &options), |a| Ok(show(&a.value)))
        }
    }
}

/// The right-hand side: one column with as many rows as the matrix.
fn column(args: &SolveArgs, rows: usize) -> Result<Vec<f64>> {
    let read = read_market(&args.right)?;
    if (read.rows(), read.cols()) != (rows, 1) {
        let got = format!("{} x {}", read.rows(), read.cols());
        return Err(Error::input(args.right.display().to_string(), got, format!("{rows} x 1, as the matrix has rows")));
    }
    let mut right = vec![0.0; rows];
    read.multiply(&[1.0], 1, &mut right);
    if right.iter().all(|b| *b == 0.0) {
        let got = "nothing but zeros, whose solution is zero";
        return Err(Error::input(args.right.display().to_string(), got, "a right-hand side that is not zero"));
    }
    Ok(right)
}

/// What can be told of a matrix that is not positive definite before any product.
fn definite(args: &SolveArgs, matrix: &Matrix<f64>) -> Result<()> {
    let refuse = |got: String| {
        let allowed = "a symmetric positive definite matrix (--method jacobi takes diagonally dominant ones)";
        Err(Error::input(args.matrix.display().to_string(), got, allowed))
    };
    if let Some((i, j, off)) = asymmetry(matrix)? {
        return refuse(format!("entries {}, {} and {1}, {0} that differ by {off:.3e}", i + 1, j + 1));
    }
    match diagonal(matrix)?.iter().position(|d| *d <= 0.0) {
        Some(i) => refuse(format!("a diagonal entry that is not positive in row {}", i + 1)),
        None => Ok(()),
    }
}
