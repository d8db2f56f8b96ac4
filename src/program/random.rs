//! Random programs with an optimum, for experiments.

use rand::RngExt;
use rand_distr::StandardNormal;

use super::linear::LinearProgram;
use super::vector::{dot, sum};
use crate::error::Result;
use crate::seed::{Purpose, Seed};

/// `minimize c'x` over `A x <= b` with x free: A (rows x cols) has standard normal entries, b leaves a random point slacks
/// between 0 and 1, and c is minus a combination of the rows with weights between 0 and 1, which bounds it from below.
///
/// ```
/// use steadfast::program::{Outcome, SolveOptions, random_program, solve};
/// use steadfast::seed::Seed;
/// let program = random_program(60, 4, Seed(1))?;
/// assert!(matches!(solve(&program, &SolveOptions::default())?, Outcome::Optimal(_)));
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`crate::Error::Usage`] for no columns.
pub fn random_program(rows: usize, cols: usize, seed: Seed) -> Result<LinearProgram> {
    let mut rng = seed.stream(Purpose::Data, 0, 0);
    let matrix: Vec<Vec<f64>> = (0..rows).map(|_| (0..cols).map(|_| rng.sample(StandardNormal)).collect()).collect();
    let inside: Vec<f64> = (0..cols).map(|_| rng.sample(StandardNormal)).collect();
    let weights: Vec<f64> = (0..rows).map(|_| rng.random::<f64>()).collect();
    let cost: Vec<f64> = (0..cols).map(|j| -sum(matrix.iter().zip(&weights).map(|(row, w)| w * row[j]))).collect();
    let mut program = LinearProgram::minimize(&cost)?;
    for j in 0..cols {
        program.set_bounds(j, f64::NEG_INFINITY, f64::INFINITY)?;
    }
    for row in &matrix {
        let entries: Vec<(usize, f64)> = row.iter().copied().enumerate().collect();
        program.add_row(&entries, f64::NEG_INFINITY, dot(row, &inside) + rng.random::<f64>())?;
    }
    Ok(program)
}
