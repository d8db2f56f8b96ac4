//! Solves a linear program: reduction, phase I, the central path, and the proofs where there is no optimum.

use super::barrier::{End, follow};
use super::linear::LinearProgram;
use super::normal::{Exact, NormalMatrix};
use super::phase_one::{Interior, interior};
use super::polyhedron::Polyhedron;
use super::ray;
use super::standard::{Reduced, Standard, reduce};
use super::vector::{largest, norm};
use crate::data::Dense;
use crate::error::{Error, Result};

/// When to stop, and how exactly Newton systems are solved.
#[derive(Debug, Clone, PartialEq)]
pub struct SolveOptions {
    /// On the gap, relative to the objective or to 1, whichever is larger.
    pub tolerance: f64,
    /// Most Newton steps, phase I included.
    pub iterations: usize,
    /// Most steps of conjugate gradients a Newton system, preconditioned with the (approximate) Gram matrix. One is the
    /// plain step with that matrix in place of the Hessian, scaled to the minimum of the true model.
    pub refinements: usize,
}

impl Default for SolveOptions {
    fn default() -> Self {
        SolveOptions { tolerance: 1e-9, iterations: 1000, refinements: 8 }
    }
}

impl SolveOptions {
    pub(super) fn check(&self) -> Result<()> {
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(Error::usage("tolerance", self.tolerance, "numbers between 0 and 1"));
        }
        if self.iterations == 0 || self.refinements == 0 {
            let got = format!("{} iterations, {} refinements", self.iterations, self.refinements);
            return Err(Error::usage("barrier method", got, "at least one of each"));
        }
        Ok(())
    }
}

/// How the path to an optimum ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The gap is within the tolerance.
    Converged,
    /// Round-off lets the gap shrink no further; it is as given.
    Rounding,
    /// The allowed number of Newton steps passed first; the gap is as given.
    IterationLimit,
}

/// The best point found.
#[derive(Debug, Clone)]
pub struct Optimum {
    /// One value a variable.
    pub point: Vec<f64>,
    /// The objective there, as stated (constant included).
    pub objective: f64,
    /// The objective is at most this much from the optimal one, by the multipliers of the last centre.
    pub gap: f64,
    /// Newton steps, phase I included.
    pub iterations: usize,
    /// How it ended.
    pub status: Status,
}

/// The answer to a linear program.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It has an optimum.
    Optimal(Optimum),
    /// No point satisfies all rows and bounds.
    Infeasible {
        /// Some row or bound, scaled to unit norm, is violated by at least this much at any point, in the scaled variables.
        violation: f64,
        /// Newton steps that the proof took.
        iterations: usize,
    },
    /// The objective falls (or grows, where maximized) without bound.
    Unbounded {
        /// A feasible point.
        point: Vec<f64>,
        /// Every `point + a ray` with a >= 0 is feasible, and the objective changes all along.
        ray: Vec<f64>,
        /// Newton steps that the proof took.
        iterations: usize,
    },
}

impl Outcome {
    /// The name of an ending, on the command line and in records.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Optimal(optimum) => match optimum.status {
                Status::Converged => "converged",
                Status::Rounding => "rounding",
                Status::IterationLimit => "iteration-limit",
            },
            Outcome::Infeasible { .. } => "infeasible",
            Outcome::Unbounded { .. } => "unbounded",
        }
    }
}

/// Box radius around the origin of the reduced variables (max |b_i| is at most 1), how it grows when the box turns out active,
/// and how far.
const RADIUS: f64 = 1e3;
const GROWTH: f64 = 1e2;
const LARGEST_RADIUS: f64 = 1e8;

/// Multipliers of the box above this share of the cost's make it active.
const ACTIVE: f64 = 1e-6;

/// A gap above this share of the objective does not rule out that there is no optimum.
const VAGUE: f64 = 1e-3;

/// Where the Newton systems of a solve come from.
pub trait MakeNormal {
    /// The [`NormalMatrix`] of `matrix` (m x d, rows of unit norm). It is called for each polyhedron that a solve meets.
    ///
    /// # Errors
    /// What distributing the matrix reports.
    fn make<'a>(&'a mut self, matrix: &'a Dense<f64>) -> Result<Box<dyn NormalMatrix + 'a>>;
}

/// Exact Newton systems in memory.
struct InMemory;

impl MakeNormal for InMemory {
    fn make<'a>(&'a mut self, matrix: &'a Dense<f64>) -> Result<Box<dyn NormalMatrix + 'a>> {
        Ok(Box::new(Exact::new(matrix)))
    }
}

/// Solves `program` with exact Newton systems. See [`solve_with`].
///
/// # Errors
/// As [`solve_with`].
///
/// ```
/// use steadfast::program::{LinearProgram, Outcome, SolveOptions, solve};
/// let mut program = LinearProgram::minimize(&[-1.0, 0.0])?;
/// let outcome = solve(&program, &SolveOptions::default())?;
/// assert!(matches!(outcome, Outcome::Unbounded { ref ray, .. } if ray[0] > 0.0));
/// program.add_row(&[(0, 1.0), (1, 1.0)], f64::NEG_INFINITY, -1.0)?;
/// let outcome = solve(&program, &SolveOptions::default())?;
/// assert!(matches!(outcome, Outcome::Infeasible { .. }));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn solve(program: &LinearProgram, options: &SolveOptions) -> Result<Outcome> {
    solve_with(program, options, &mut InMemory)
}

/// Solves `program` by the logarithmic barrier method (paper 001, eqs. (10)-(12)) on its reduction to `A u <= b`, with
/// Newton systems from `normal`.
///
/// Phase I minimizes the largest violation and stops at the first point well inside. Where its optimum is above zero the
/// program is infeasible; where it is zero, the rows with positive multipliers are equations that the others imply: they
/// are eliminated and it starts again. Violations up to 1e-9 of the largest limit count as round-off throughout.
///
/// # Errors
/// [`Error::Usage`] for options out of range or a program too large (see [`reduce`]); [`Error::Numerical`] where neither an
/// interior point nor a proof that there is none is found, or the optimum lies too far out; what `normal` reports.
pub fn solve_with(program: &LinearProgram, options: &SolveOptions, normal: &mut impl MakeNormal) -> Result<Outcome> {
    options.check()?;
    let mut iterations = 0;
    let mut reduced = reduce(program)?;
    loop {
        let standard = match reduced {
            Reduced::Program(standard) => standard,
            Reduced::Infeasible { violation } => return Ok(Outcome::Infeasible { violation, iterations }),
        };
        if standard.cost.is_empty() || standard.bound.is_empty() && largest(&standard.cost) == 0.0 {
            // One point, or all of them.
            return Ok(optimal(
                program,
                &standard,
                &vec![0.0; standard.cost.len()],
                0.0,
                iterations,
                Status::Converged,
            ));
        }
        let mut matrix = normal.make(&standard.matrix)?;
        let start = match interior(&standard, matrix.as_mut(), RADIUS, options, &mut iterations)? {
            Interior::Point(u) => u,
            Interior::Violated(by) => {
                return Ok(Outcome::Infeasible { violation: by * standard.unit, iterations });
            }
            Interior::Flat(rows) => {
                drop(matrix);
                reduced = standard.restrict(&rows)?;
                continue;
            }
        };
        if largest(&standard.cost) == 0.0 {
            return Ok(optimal(program, &standard, &start, 0.0, iterations, Status::Converged));
        }
        drop(matrix);
        return descend(program, &standard, normal, &start, options, &mut iterations);
    }
}

fn optimal(
    program: &LinearProgram,
    standard: &Standard,
    u: &[f64],
    gap: f64,
    iterations: usize,
    status: Status,
) -> Outcome {
    let point = standard.point(u);
    let objective = program.objective(&point);
    Outcome::Optimal(Optimum { point, objective, gap, iterations, status })
}

/// Phase II from an interior point.
fn descend(
    program: &LinearProgram,
    standard: &Standard,
    normal: &mut impl MakeNormal,
    start: &[f64],
    options: &SolveOptions,
    iterations: &mut usize,
) -> Result<Outcome> {
    let mut radius = RADIUS;
    let mut bounded = false;
    loop {
        let mut matrix = normal.make(&standard.matrix)?;
        let mut polyhedron = Polyhedron::new(matrix.as_mut(), &standard.bound, start, None, radius)?;
        let (mut gap, mut pull) = (f64::INFINITY, f64::INFINITY);
        let end = follow(
            &mut polyhedron,
            &standard.cost,
            options.refinements,
            (iterations, options.iterations),
            |at, centre| {
                (gap, pull) = (centre.gap, at.pull(centre.tau, centre.rates));
                Ok(gap <= options.tolerance * standard.objective(at.u()).abs().max(1.0))
            },
        )?;
        let status = match end {
            End::Stopped | End::Arrived => Status::Converged,
            End::Rounding => Status::Rounding,
            End::Limit => Status::IterationLimit,
        };
        let u = polyhedron.u().to_vec();
        let objective = standard.objective(&u);
        let inactive = pull <= ACTIVE * norm(&standard.cost);
        // Where round-off ends a path far from an optimum, multipliers say little.
        let vague = end == End::Rounding && gap > VAGUE * objective.abs().max(1.0);
        if end == End::Limit || inactive && (bounded || !vague) {
            return Ok(optimal(program, standard, &u, gap, *iterations, status));
        }
        // The search for a ray makes its own.
        drop(matrix);
        if !bounded && let Some(ray) = ray::find(standard, normal, options, iterations)? {
            let (point, ray) = (standard.point(start), standard.direction(&ray));
            return Ok(Outcome::Unbounded { point, ray, iterations: *iterations });
        }
        if inactive {
            return Ok(optimal(program, standard, &u, gap, *iterations, status));
        }
        bounded = true;
        radius *= GROWTH;
        if radius > LARGEST_RADIUS {
            return Err(Error::Numerical(format!(
                "the optimum lies more than {LARGEST_RADIUS:e} times the limits of the scaled rows away, and no ray is found"
            )));
        }
    }
}
