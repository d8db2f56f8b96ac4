//! A linear program as stated: variables with bounds, rows with a lower and an upper limit, a cost to minimize or maximize.

use super::vector::sum;
use crate::error::{Error, Result};

/// A variable: `lower <= x <= upper`, with `cost * x` in the objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name in the file, or `x0`, `x1`, ...
    pub name: String,
    /// Its coefficient in the objective.
    pub cost: f64,
    /// Least value; minus infinity for none.
    pub lower: f64,
    /// Largest value; infinity for none.
    pub upper: f64,
}

/// A row: `lower <= sum a_j x_j <= upper`; equal limits make it an equation.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name in the file, or `r0`, `r1`, ...
    pub name: String,
    /// Least value; minus infinity for none.
    pub lower: f64,
    /// Largest value; infinity for none.
    pub upper: f64,
    /// Variable and coefficient, each variable once.
    pub entries: Vec<(usize, f64)>,
}

/// A linear program: minimize (or maximize) `constant + cost . x` over rows and bounds. [`super::solve`] solves it.
///
/// ```
/// use steadfast::program::{LinearProgram, Outcome, SolveOptions, solve};
/// // Maximize 3 x + 2 y with x + y <= 4, x + 3 y <= 6, x <= 3 and nothing negative.
/// let mut program = LinearProgram::maximize(&[3.0, 2.0])?;
/// program.add_row(&[(0, 1.0), (1, 1.0)], f64::NEG_INFINITY, 4.0)?;
/// program.add_row(&[(0, 1.0), (1, 3.0)], f64::NEG_INFINITY, 6.0)?;
/// program.set_bounds(0, 0.0, 3.0)?;
/// let Outcome::Optimal(optimum) = solve(&program, &SolveOptions::default())? else { panic!("it has an optimum") };
/// assert!((optimum.objective - 11.0).abs() < 1e-7); // at (3, 1)
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProgram {
    pub(super) name: String,
    pub(super) maximize: bool,
    pub(super) constant: f64,
    pub(super) variables: Vec<Variable>,
    pub(super) rows: Vec<Row>,
}

impl LinearProgram {
    /// Minimizes `cost . x` over `x >= 0`, so far without rows.
    ///
    /// # Errors
    /// [`Error::Usage`] for no variables or a cost that is not finite.
    pub fn minimize(cost: &[f64]) -> Result<Self> {
        if cost.is_empty() {
            return Err(Error::usage("linear program", "no variables", "at least one"));
        }
        let variables = cost
            .iter()
            .enumerate()
            .map(|(j, &cost)| {
                finite(cost, "cost")?;
                Ok(Variable { name: format!("x{j}"), cost, lower: 0.0, upper: f64::INFINITY })
            })
            .collect::<Result<_>>()?;
        Ok(LinearProgram { name: String::new(), maximize: false, constant: 0.0, variables, rows: Vec::new() })
    }

    /// Maximizes `cost . x` over `x >= 0`, so far without rows.
    ///
    /// # Errors
    /// As [`LinearProgram::minimize`].
    pub fn maximize(cost: &[f64]) -> Result<Self> {
        Ok(LinearProgram { maximize: true, ..Self::minimize(cost)? })
    }

    /// Adds the row `lower <= sum a_j x_j <= upper`; the pairs are (j, a_j).
    ///
    /// # Errors
    /// [`Error::Usage`] for a variable that is not there or comes twice, a coefficient that is not finite, or limits that
    /// are no numbers. Limits that cross are no error: the program is then infeasible.
    pub fn add_row(&mut self, entries: &[(usize, f64)], lower: f64, upper: f64) -> Result<&mut Self> {
        limits(lower, upper, "row")?;
        let mut seen: Vec<usize> = entries.iter().map(|e| e.0).collect();
        seen.sort_unstable();
        if let Some(twice) = seen.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::usage("row", format!("variable {} twice", twice[0]), "each variable once"));
        }
        for &(j, a) in entries {
            self.variable_mut(j)?;
            finite(a, "coefficient")?;
        }
        let name = format!("r{}", self.rows.len());
        self.rows.push(Row { name, lower, upper, entries: entries.to_vec() });
        Ok(self)
    }

    /// Bounds variable `j`: `lower <= x_j <= upper`, in place of `0 <= x_j`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a variable that is not there or limits that are no numbers.
    pub fn set_bounds(&mut self, j: usize, lower: f64, upper: f64) -> Result<&mut Self> {
        limits(lower, upper, "bounds")?;
        let variable = self.variable_mut(j)?;
        (variable.lower, variable.upper) = (lower, upper);
        Ok(self)
    }

    fn variable_mut(&mut self, j: usize) -> Result<&mut Variable> {
        let count = self.variables.len();
        self.variables
            .get_mut(j)
            .ok_or_else(|| Error::usage("linear program", format!("variable {j}"), format!("0 to {}", count - 1)))
    }

    /// The name in the file; empty for a program built in code.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True when the objective is maximized.
    pub fn is_maximized(&self) -> bool {
        self.maximize
    }

    /// The variables.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The rows, without the objective.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The objective at `point` (one value a variable), as stated: its constant included, not negated for a maximum.
    pub fn objective(&self, point: &[f64]) -> f64 {
        self.constant + sum(self.variables.iter().zip(point).map(|(v, x)| v.cost * x))
    }

    /// By how much `point` violates the rows and bounds, at most; rows longer than 1 are scaled to unit norm. Zero at a
    /// feasible point.
    pub fn violation(&self, point: &[f64]) -> f64 {
        let bounds = self.variables.iter().zip(point).map(|(v, x)| (v.lower - x).max(x - v.upper));
        let rows = self.rows.iter().map(|row| {
            let value = sum(row.entries.iter().map(|&(j, a)| a * point[j]));
            let norm = sum(row.entries.iter().map(|&(_, a)| a * a)).sqrt();
            (row.lower - value).max(value - row.upper) / norm.max(1.0)
        });
        bounds.chain(rows).fold(0.0, f64::max)
    }
}

fn finite(value: f64, what: &str) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::usage(what, value, "finite numbers")) }
}

fn limits(lower: f64, upper: f64, what: &str) -> Result<()> {
    if lower.is_nan() || upper.is_nan() || lower == f64::INFINITY || upper == f64::NEG_INFINITY {
        let allowed = "a lower limit below infinity and an upper one above minus infinity";
        return Err(Error::usage(what, format!("limits {lower} and {upper}"), allowed));
    }
    Ok(())
}
