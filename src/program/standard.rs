//! The reduction of a linear program to `minimize c'u, A u <= b`.

use std::collections::BTreeMap;

use super::eliminate::{Solutions, solutions};
use super::linear::{LinearProgram, Row};
use super::normal::{Exact, NormalMatrix};
use super::vector::{dot, largest, norm, sum};
use crate::data::Dense;
use crate::error::{Error, Result};

/// Violations of rows of unit norm up to this, relative to the largest |b_i|, count as round-off.
pub(super) const ROUND_OFF: f64 = 1e-9;

/// A row of unit norm of which the equations leave no more than this is constant.
const CONSTANT: f64 = 1e-9;

/// The same for the cost.
const COST: f64 = 1e-12;

/// Most entries of a dense matrix made here: 2^27 numbers take 1 GiB.
const LARGEST: usize = 1 << 27;

/// `minimize constant + c'u, A u <= b`, and how u gives the variables of the program it was made of:
/// `x = origin + basis u`. The rows of A (m x d) have unit norm and max |b_i| is at most 1.
#[derive(Debug, Clone)]
pub struct Standard {
    pub(super) matrix: Dense<f64>,
    pub(super) bound: Vec<f64>,
    pub(super) cost: Vec<f64>,
    pub(super) constant: f64,
    origin: Vec<f64>,
    basis: Dense<f64>,
    /// A unit of b in the units of the scaled rows.
    pub(super) unit: f64,
}

/// What a reduction ends with.
#[derive(Debug, Clone)]
pub enum Reduced {
    /// The program.
    Program(Standard),
    /// Equations or constant rows contradict each other: some row (scaled to unit norm) is violated by at least
    /// `violation`.
    Infeasible {
        /// A lower bound on the largest violation.
        violation: f64,
    },
}

/// A row without the fixed variables.
struct Rest {
    entries: Vec<(usize, f64)>,
    lower: f64,
    upper: f64,
}

/// Rows `a'x <= b` and `a'x = b` of the scaled program, each of unit norm and once.
#[derive(Default)]
struct Collected {
    inequalities: BTreeMap<Vec<(usize, u64)>, f64>,
    order: Vec<Vec<(usize, u64)>>,
    equations: Vec<(Vec<(usize, f64)>, f64)>,
    /// The largest violation of a row or bounds that can't be met whatever x is.
    violation: f64,
}

impl Collected {
    /// Adds `lower <= a'x <= upper`, where `a` is not yet of unit norm.
    fn add(&mut self, entries: &[(usize, f64)], lower: f64, upper: f64) {
        let length = sum(entries.iter().map(|e| e.1 * e.1)).sqrt();
        if length == 0.0 {
            self.violation = self.violation.max(lower).max(-upper);
            return;
        }
        let unit: Vec<(usize, f64)> = entries.iter().map(|&(j, a)| (j, a / length)).collect();
        let (lower, upper) = (lower / length, upper / length);
        self.violation = self.violation.max((lower - upper) / 2.0);
        if lower == upper {
            self.equations.push((unit, upper));
            return;
        }
        if upper < f64::INFINITY {
            self.inequality(unit.iter().map(|&(j, a)| (j, a.to_bits())).collect(), upper);
        }
        if lower > f64::NEG_INFINITY {
            self.inequality(unit.iter().map(|&(j, a)| (j, (-a).to_bits())).collect(), -lower);
        }
    }

    /// Of rows that are the same but for b, the tightest is kept.
    fn inequality(&mut self, row: Vec<(usize, u64)>, bound: f64) {
        let order = &mut self.order;
        self.inequalities.entry(row).and_modify(|b| *b = b.min(bound)).or_insert_with_key(|row| {
            order.push(row.clone());
            bound
        });
    }
}

/// Reduces `program`: fixed variables are put in, rows and columns scaled, empty rows checked, duplicate rows dropped,
/// equations eliminated by a null-space basis (QR with column pivoting); inequality rows and bounds become `A u <= b`.
///
/// # Errors
/// [`Error::Usage`] for a program too large for dense matrices, [`Error::Numerical`] where scaling leaves the finite
/// numbers.
///
/// ```
/// use steadfast::program::{LinearProgram, Reduced, reduce};
/// let mut program = LinearProgram::minimize(&[1.0, 2.0])?;
/// program.add_row(&[(0, 1.0), (1, 1.0)], 1.0, 1.0)?; // x + y = 1 leaves one degree of freedom,
/// let Reduced::Program(standard) = reduce(&program)? else { panic!("feasible") };
/// assert_eq!((standard.matrix().rows(), standard.matrix().cols()), (2, 1)); // bounded by x >= 0 and y >= 0
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn reduce(program: &LinearProgram) -> Result<Reduced> {
    let variables = &program.variables;
    let mut column = vec![None; variables.len()];
    let mut kept = Vec::new();
    let mut origin = vec![0.0; variables.len()];
    for (j, v) in variables.iter().enumerate() {
        if v.lower == v.upper {
            origin[j] = v.lower;
        } else {
            column[j] = Some(kept.len());
            kept.push(j);
        }
    }
    let d = kept.len();
    let rows = program.rows.len() + 2 * d;
    if rows.saturating_mul(d) > LARGEST || d.saturating_mul(d) > LARGEST {
        let allowed = format!("at most {LARGEST} entries of dense matrices");
        return Err(Error::usage("linear program", format!("{rows} rows and bounds, {d} free variables"), allowed));
    }
    // What is left of each row, and its limits, once the fixed variables are put in.
    let rest: Vec<Rest> = program
        .rows
        .iter()
        .map(|row: &Row| {
            let fixed = sum(row.entries.iter().filter(|e| column[e.0].is_none()).map(|&(j, a)| a * origin[j]));
            let entries = row.entries.iter().filter_map(|&(j, a)| Some((column[j]?, a))).filter(|e| e.1 != 0.0);
            Rest { entries: entries.collect(), lower: row.lower - fixed, upper: row.upper - fixed }
        })
        .collect();
    let scale = column_scale(rest.iter().map(|r| r.entries.as_slice()), d);

    let mut collected = Collected::default();
    for Rest { entries, lower, upper } in &rest {
        let scaled: Vec<(usize, f64)> = entries.iter().map(|&(j, a)| (j, a * scale[j])).collect();
        collected.add(&scaled, *lower, *upper);
    }
    for (at, &j) in kept.iter().enumerate() {
        collected.add(&[(at, scale[at])], variables[j].lower, variables[j].upper);
    }
    let largest_limit = collected.equations.iter().map(|e| e.1.abs()).fold(1.0, f64::max);
    if collected.violation > ROUND_OFF * largest_limit {
        return Ok(Reduced::Infeasible { violation: collected.violation });
    }

    let sign = if program.maximize { -1.0 } else { 1.0 };
    let constant = sign * (program.constant + sum(variables.iter().zip(&origin).map(|(v, x)| v.cost * x)));
    let cost = kept.iter().zip(&scale).map(|(&j, s)| sign * variables[j].cost * s).collect();
    let mut basis = Dense::zeros(variables.len(), d);
    for (at, &j) in kept.iter().enumerate() {
        basis.row_mut(j)[at] = scale[at];
    }
    let mut matrix = Dense::zeros(collected.order.len(), d);
    let mut bound = Vec::with_capacity(collected.order.len());
    for (i, key) in collected.order.iter().enumerate() {
        key.iter().for_each(|&(j, bits)| matrix.row_mut(i)[j] = f64::from_bits(bits));
        bound.push(collected.inequalities[key]);
    }
    let mut equations = Dense::zeros(collected.equations.len(), d);
    for (i, (entries, _)) in collected.equations.iter().enumerate() {
        entries.iter().for_each(|&(j, a)| equations.row_mut(i)[j] = a);
    }
    let right: Vec<f64> = collected.equations.iter().map(|e| e.1).collect();
    let standard = Standard { matrix, bound, cost, constant, origin, basis, unit: 1.0 };
    standard.eliminate(&equations, &right, &vec![true; standard.bound.len()])
}

/// One factor a column: the entries of the rows, divided by their rows' norms, get a geometric mean of one, in a few sweeps.
fn column_scale<'a>(rows: impl Iterator<Item = &'a [(usize, f64)]> + Clone, d: usize) -> Vec<f64> {
    let mut scale = vec![1.0; d];
    for _ in 0..4 {
        let mut logs = vec![(0.0f64, 0usize); d];
        for row in rows.clone() {
            let length = sum(row.iter().map(|&(j, a)| (a * scale[j]).powi(2))).sqrt();
            for &(j, a) in row {
                let log = ((a * scale[j]).abs() / length).log2();
                if log.is_finite() {
                    logs[j] = (logs[j].0 + log, logs[j].1 + 1);
                }
            }
        }
        for (s, (log, count)) in scale.iter_mut().zip(logs) {
            if count > 0 {
                // Powers of two, so that scaling rounds nothing.
                *s *= (-log / count as f64).round().exp2();
            }
        }
    }
    scale
}

impl Standard {
    /// A: m x d, rows of unit norm.
    pub fn matrix(&self) -> &Dense<f64> {
        &self.matrix
    }

    /// b: m values, at most 1 in magnitude.
    pub fn bound(&self) -> &[f64] {
        &self.bound
    }

    /// c: d values. A program to be maximized has it negated.
    pub fn cost(&self) -> &[f64] {
        &self.cost
    }

    /// `constant + c'u`: the objective, negated for a program to be maximized.
    pub fn objective(&self, u: &[f64]) -> f64 {
        self.constant + dot(&self.cost, u)
    }

    /// The variables of the program this was made of: `origin + basis u`.
    pub fn point(&self, u: &[f64]) -> Vec<f64> {
        self.origin.iter().zip(self.direction(u)).map(|(o, x)| o + x).collect()
    }

    /// The change of those variables for a change `u`: `basis u`.
    pub fn direction(&self, u: &[f64]) -> Vec<f64> {
        (0..self.basis.rows()).map(|i| dot(self.basis.row(i), u)).collect()
    }

    /// `minimize c'd, A d <= 0`: the directions that never meet a row, with d as the variables.
    pub(super) fn cone(&self) -> Standard {
        let d = self.cost.len();
        let mut basis = Dense::zeros(d, d);
        (0..d).for_each(|i| basis.row_mut(i)[i] = 1.0);
        Standard {
            matrix: self.matrix.clone(),
            bound: vec![0.0; self.bound.len()],
            cost: self.cost.clone(),
            constant: 0.0,
            origin: vec![0.0; d],
            basis,
            unit: 1.0,
        }
    }

    /// The same program with the given rows as equations, which are eliminated.
    pub(super) fn restrict(&self, rows: &[usize]) -> Result<Reduced> {
        let mut equations = Dense::zeros(rows.len(), self.cost.len());
        let mut keep = vec![true; self.bound.len()];
        for (at, &i) in rows.iter().enumerate() {
            equations.row_mut(at).copy_from_slice(self.matrix.row(i));
            keep[i] = false;
        }
        let right: Vec<f64> = rows.iter().map(|&i| self.bound[i]).collect();
        self.eliminate(&equations, &right, &keep)
    }

    /// Puts in `u = particular + basis v`, drops what became constant, and scales.
    fn eliminate(&self, equations: &Dense<f64>, right: &[f64], keep: &[bool]) -> Result<Reduced> {
        let (particular, null) = match solutions(equations, right)? {
            Solutions::Affine { particular, basis } => (particular, basis),
            Solutions::None { violation } => return Ok(Reduced::Infeasible { violation: violation * self.unit }),
        };
        let d = null.cols();
        let reach = largest(&self.bound).max(largest(right)).max(1.0);
        let mut matrix = Vec::new();
        let mut bound = Vec::new();
        for i in (0..self.bound.len()).filter(|&i| keep[i]) {
            let row = combined(self.matrix.row(i), &null)?;
            let (length, b) = (norm(&row), self.bound[i] - dot(self.matrix.row(i), &particular));
            if length > CONSTANT {
                matrix.extend(row.iter().map(|a| a / length));
                bound.push(b / length);
            } else if b < -ROUND_OFF * reach {
                return Ok(Reduced::Infeasible { violation: -b * self.unit });
            }
        }
        let size = largest(&bound);
        let size = if size > 0.0 { size } else { 1.0 };
        bound.iter_mut().for_each(|b| *b /= size);
        let mut cost: Vec<f64> = combined(&self.cost, &null)?.iter().map(|c| c * size).collect();
        if norm(&cost) <= COST * size * norm(&self.cost) {
            // Constant on the solutions of the equations; what is left is round-off.
            cost.fill(0.0);
        }
        let mut basis = Vec::with_capacity(self.basis.rows() * d);
        for i in 0..self.basis.rows() {
            basis.extend(combined(self.basis.row(i), &null)?.iter().map(|x| x * size));
        }
        let standard = Standard {
            matrix: Dense::new(bound.len(), d, matrix)?,
            bound,
            cost,
            constant: self.objective(&particular),
            origin: self.point(&particular),
            basis: Dense::new(self.basis.rows(), d, basis)?,
            unit: self.unit * size,
        };
        let parts =
            [standard.matrix.values(), &standard.bound, &standard.cost, &standard.origin, standard.basis.values()];
        if parts.iter().any(|part| part.iter().any(|x| !x.is_finite())) || !standard.constant.is_finite() {
            return Err(Error::Numerical("the coefficients of the program leave the range of f64 when scaled".into()));
        }
        Ok(Reduced::Program(standard))
    }
}

/// `row' null`.
fn combined(row: &[f64], null: &Dense<f64>) -> Result<Vec<f64>> {
    let mut out = vec![0.0; null.cols()];
    Exact::new(null).multiply_transposed(row, &mut out)?;
    Ok(out)
}
