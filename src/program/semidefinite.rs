//! Semidefinite programs by the same method: the barrier is `-log det F(x)`.

use std::borrow::Cow;

use nalgebra::{Cholesky, DMatrix};

use super::barrier::{Barrier, End, follow};
use super::normal::{Exact, NormalMatrix};
use super::solve::{SolveOptions, Status};
use super::vector::{dot, largest, sum};
use crate::data::Dense;
use crate::error::{Error, Result};

/// `minimize c'x` such that `F(x) = F_0 + sum_i x_i F_i` is positive semidefinite, for symmetric matrices F_i (n x n).
///
/// ```
/// use steadfast::data::Dense;
/// use steadfast::program::{SemidefiniteOutcome, SemidefiniteProgram, SolveOptions, solve_semidefinite};
/// // The least x with [[x, 1], [1, x]] positive semidefinite is 1.
/// let constant = Dense::new(2, 2, vec![0.0, 1.0, 1.0, 0.0])?;
/// let identity = Dense::new(2, 2, vec![1.0, 0.0, 0.0, 1.0])?;
/// let program = SemidefiniteProgram::new(vec![1.0], constant, vec![identity])?;
/// let outcome = solve_semidefinite(&program, &SolveOptions::default())?;
/// let SemidefiniteOutcome::Optimal(optimum) = outcome else { panic!("feasible") };
/// assert!((optimum.objective - 1.0).abs() < 1e-8);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SemidefiniteProgram {
    cost: Vec<f64>,
    constant: Dense<f64>,
    matrices: Vec<Dense<f64>>,
}

impl SemidefiniteProgram {
    /// From c (d values), F_0 and F_1 to F_d.
    ///
    /// # Errors
    /// [`Error::Usage`] unless there are d >= 1 costs and d matrices, all of one size n x n with n >= 1, symmetric and finite.
    pub fn new(cost: Vec<f64>, constant: Dense<f64>, matrices: Vec<Dense<f64>>) -> Result<Self> {
        let n = constant.rows();
        if cost.is_empty() || cost.len() != matrices.len() {
            let got = format!("{} costs, {} matrices", cost.len(), matrices.len());
            return Err(Error::usage("semidefinite program", got, "one matrix a cost, at least one"));
        }
        for (i, f) in std::iter::once(&constant).chain(&matrices).enumerate() {
            if f.rows() != n || f.cols() != n || n == 0 {
                let got = format!("matrix {i} of {} x {}", f.rows(), f.cols());
                return Err(Error::usage("semidefinite program", got, "square matrices of one size, at least 1 x 1"));
            }
            let symmetric = (0..n).all(|r| (0..r).all(|c| f.row(r)[c] == f.row(c)[r]));
            if !symmetric || f.values().iter().any(|x| !x.is_finite()) {
                let got = format!("matrix {i} with entries not finite or not symmetric");
                return Err(Error::usage("semidefinite program", got, "symmetric finite matrices"));
            }
        }
        if let Some(bad) = cost.iter().find(|c| !c.is_finite()) {
            return Err(Error::usage("cost", bad, "finite numbers"));
        }
        Ok(SemidefiniteProgram { cost, constant, matrices })
    }

    /// Phase I: minimize s with `F(x) + s I` positive semidefinite and, so that steps stay short, `s >= -lowest`, which is one
    /// more diagonal entry.
    fn lifted(&self, lowest: f64) -> SemidefiniteProgram {
        let n = self.constant.rows();
        let bordered = |matrix: &Dense<f64>, corner: f64| {
            let mut out = Dense::zeros(n + 1, n + 1);
            (0..n).for_each(|i| out.row_mut(i)[..n].copy_from_slice(matrix.row(i)));
            out.row_mut(n)[n] = corner;
            out
        };
        let mut identity = Dense::zeros(n, n);
        (0..n).for_each(|i| identity.row_mut(i)[i] = 1.0);
        let mut cost = vec![0.0; self.cost.len()];
        cost.push(1.0);
        let matrices = self.matrices.iter().map(|f| bordered(f, 0.0)).chain([bordered(&identity, 1.0)]).collect();
        SemidefiniteProgram { cost, constant: bordered(&self.constant, lowest), matrices }
    }
}

/// The best point found.
#[derive(Debug, Clone)]
pub struct SemidefiniteOptimum {
    /// x: d values.
    pub point: Vec<f64>,
    /// c'x.
    pub objective: f64,
    /// The objective is at most this much above the infimum.
    pub gap: f64,
    /// The dual point that proves the gap: Z (n x n), positive semidefinite with `tr(F_i Z) = c_i`.
    pub dual: Dense<f64>,
    /// Newton steps, phase I included.
    pub iterations: usize,
    /// How it ended.
    pub status: Status,
}

/// The answer to a semidefinite program.
#[derive(Debug, Clone)]
pub enum SemidefiniteOutcome {
    /// It has points inside, and this is the best one found.
    Optimal(SemidefiniteOptimum),
    /// The least eigenvalue of F(x) is at most `-violation` for every x.
    Infeasible {
        /// A lower bound on the violation.
        violation: f64,
        /// Newton steps that the proof took.
        iterations: usize,
    },
}

/// `-log det F(x)` at a point inside, with F = L L'.
struct Spectrahedron<'a> {
    program: &'a SemidefiniteProgram,
    point: Vec<f64>,
    lower: DMatrix<f64>,
    /// n^2 x d: column i is vec(inv(L) F_i inv(L)'), so that the Hessian is its Gram matrix.
    columns: Dense<f64>,
    /// Phase I: the last variable is to fall below this.
    goal: Option<f64>,
}

impl<'a> Spectrahedron<'a> {
    fn new(program: &'a SemidefiniteProgram, point: Vec<f64>, goal: Option<f64>) -> Result<Self> {
        let (n, d) = (program.constant.rows(), point.len());
        let (lower, columns) = (DMatrix::identity(n, n), Dense::zeros(n * n, d));
        let mut barrier = Spectrahedron { program, point, lower, columns, goal };
        if !barrier.refresh() {
            return Err(lost());
        }
        Ok(barrier)
    }

    /// Factors F(x) anew and fills the columns. False, and nothing done, where F(x) as computed is not positive definite.
    fn refresh(&mut self) -> bool {
        let n = self.size();
        let mut f = DMatrix::from_row_slice(n, n, self.program.constant.values());
        for (x, matrix) in self.point.iter().zip(&self.program.matrices) {
            f += *x * DMatrix::from_row_slice(n, n, matrix.values());
        }
        let Some(factor) = Cholesky::new(f) else { return false };
        self.lower = factor.unpack();
        for (i, matrix) in self.program.matrices.iter().enumerate() {
            matrix.values().iter().enumerate().for_each(|(row, value)| self.columns.row_mut(row)[i] = *value);
        }
        let lower = self.lower.clone();
        self.transform(&lower)
    }

    fn size(&self) -> usize {
        self.lower.nrows()
    }

    fn matrix(&self, rates: &[f64]) -> DMatrix<f64> {
        DMatrix::from_row_slice(self.size(), self.size(), rates)
    }

    /// Each column M_i becomes `inv(K) M_i inv(K)'`, for a lower triangular K.
    fn transform(&mut self, k: &DMatrix<f64>) -> bool {
        let n = self.size();
        for i in 0..self.point.len() {
            let column: Vec<f64> = (0..n * n).map(|row| self.columns.row(row)[i]).collect();
            let half = k.solve_lower_triangular(&self.matrix(&column));
            let Some(whole) = half.and_then(|half| k.solve_lower_triangular(&half.transpose())) else { return false };
            for row in 0..n {
                for col in 0..n {
                    self.columns.row_mut(row * n + col)[i] = 0.5 * (whole[(row, col)] + whole[(col, row)]);
                }
            }
        }
        true
    }

    /// `inv(L)' (I + R) inv(L) / tau`, for the rates R of a Newton step.
    fn dual(&self, tau: f64, rates: &[f64]) -> Option<Dense<f64>> {
        let n = self.size();
        let middle = DMatrix::identity(n, n) + self.matrix(rates);
        let upper = self.lower.transpose();
        let half = upper.solve_upper_triangular(&middle)?;
        let whole = upper.solve_upper_triangular(&half.transpose())? / tau;
        Dense::new(n, n, whole.iter().copied().collect()).ok()
    }
}

fn lost() -> Error {
    Error::Numerical("the matrix of the barrier is not positive definite any more".into())
}

impl Barrier for Spectrahedron<'_> {
    fn variables(&self) -> usize {
        self.point.len()
    }

    fn terms(&self) -> usize {
        self.size() * self.size()
    }

    fn order(&self) -> usize {
        self.size()
    }

    fn gradient(&mut self, out: &mut [f64]) -> Result<()> {
        let identity = DMatrix::<f64>::identity(self.size(), self.size());
        self.pull_back(identity.as_slice(), out)
    }

    fn hessian(&mut self, out: &mut [f64]) -> Result<()> {
        let ones = vec![1.0; self.terms()];
        Exact::new(&self.columns).gram(&ones, out)
    }

    fn rates(&mut self, direction: &[f64], out: &mut [f64]) -> Result<()> {
        Exact::new(&self.columns).multiply(direction, out)?;
        out.iter_mut().for_each(|t| *t = -*t);
        Ok(())
    }

    fn pull_back(&mut self, rates: &[f64], out: &mut [f64]) -> Result<()> {
        Exact::new(&self.columns).multiply_transposed(rates, out)?;
        out.iter_mut().for_each(|g| *g = -*g);
        Ok(())
    }

    fn spectrum<'a>(&self, rates: &'a [f64]) -> Cow<'a, [f64]> {
        Cow::Owned(self.matrix(rates).symmetric_eigenvalues().iter().copied().collect())
    }

    fn share(&self, rates: &[f64], along: &[f64], fraction: f64) -> f64 {
        // The largest eigenvalue of a sum is at most the sum of the largest.
        let top = |rates: &[f64]| self.spectrum(rates).iter().fold(f64::NEG_INFINITY, |top, &t| top.max(t));
        let (now, rate) = (top(rates), top(along));
        if rate > 0.0 { fraction.min((fraction - now) / rate) } else { fraction }
    }

    fn advance(&mut self, direction: &[f64], rates: &[f64]) -> Result<()> {
        self.point.iter_mut().zip(direction).for_each(|(x, p)| *x += p);
        if self.refresh() {
            return Ok(());
        }
        // At the boundary round-off hides the small eigenvalues of F(x): there F becomes `L (I - R) L'` as the rates have it.
        let inner = DMatrix::identity(self.size(), self.size()) - self.matrix(rates);
        let k = Cholesky::new(inner).ok_or_else(lost)?.unpack();
        self.lower = &self.lower * &k;
        if self.transform(&k) { Ok(()) } else { Err(lost()) }
    }

    fn arrived(&self) -> bool {
        self.goal.is_some_and(|goal| self.point.last().is_some_and(|s| *s <= goal))
    }
}

/// Phase I ends this far inside, relative to the largest entry of F_0; violations below the second count as round-off.
const INSIDE: f64 = 1e-3;
const ROUND_OFF: f64 = 1e-9;

/// Solves `program` by the -log det barrier (paper 001, section 3): gradient `tau c_i - tr(inv(F) F_i)`, Hessian A'A with columns
/// vec(F^-1/2 F_i F^-1/2), here with the Cholesky factor for the root, which differs by a rotation. Phase I minimizes s with
/// `F(x) + s I` positive semidefinite.
///
/// # Errors
/// [`Error::Usage`] for options out of range; [`Error::Numerical`] where no interior point is found nor a proof that there
/// is none, and for dependent F_i with a cost that falls along them. Nothing bounds x: a program without optimum ends at the
/// limit of iterations.
pub fn solve_semidefinite(program: &SemidefiniteProgram, options: &SolveOptions) -> Result<SemidefiniteOutcome> {
    options.check()?;
    let (n, d) = (program.constant.rows(), program.cost.len());
    let mut iterations = 0;
    let scale = largest(program.constant.values()).max(1.0);

    let lowest = DMatrix::from_row_slice(n, n, program.constant.values())
        .symmetric_eigenvalues()
        .iter()
        .fold(f64::INFINITY, |low, &e| low.min(e));
    let start = if lowest > INSIDE * scale {
        vec![0.0; d]
    } else {
        let lifted = program.lifted(scale);
        let mut point = vec![0.0; d];
        point.push(scale - lowest);
        let mut barrier = Spectrahedron::new(&lifted, point, Some(-INSIDE * scale))?;
        let mut violation = None;
        let limits = (&mut iterations, options.iterations);
        follow(&mut barrier, &lifted.cost, options.refinements, limits, |at, centre| {
            let s = at.point[d];
            let violated = s - centre.gap > ROUND_OFF * scale;
            violation = violated.then_some(s - centre.gap);
            let thin = s < -ROUND_OFF * scale && centre.gap <= -0.5 * s;
            Ok(violated || thin || centre.gap <= 0.1 * ROUND_OFF * scale)
        })?;
        if let Some(violation) = violation {
            return Ok(SemidefiniteOutcome::Infeasible { violation, iterations });
        }
        let mut point = barrier.point;
        if point.pop().is_none_or(|s| s >= -ROUND_OFF * scale) {
            return Err(Error::Numerical("no interior point found, nor a proof that there is none".into()));
        }
        point
    };

    let mut barrier = Spectrahedron::new(program, start, None)?;
    let (mut gap, mut dual) = (f64::INFINITY, None);
    let limits = (&mut iterations, options.iterations);
    let end = follow(&mut barrier, &program.cost, options.refinements, limits, |at, centre| {
        gap = centre.gap;
        dual = at.dual(centre.tau, centre.rates);
        Ok(gap <= options.tolerance * dot(&program.cost, &at.point).abs().max(1.0))
    })?;
    let status = match end {
        End::Stopped | End::Arrived => Status::Converged,
        End::Rounding => Status::Rounding,
        End::Limit => Status::IterationLimit,
    };
    let Some(dual) = dual else {
        return Err(Error::Numerical("the path has no centre that round-off lets find".into()));
    };
    let objective = sum(program.cost.iter().zip(&barrier.point).map(|(c, x)| c * x));
    let point = barrier.point;
    Ok(SemidefiniteOutcome::Optimal(SemidefiniteOptimum { point, objective, gap, dual, iterations, status }))
}
