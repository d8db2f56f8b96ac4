//! Phase I of the barrier method: an interior point, or the proof that there is none.

use super::barrier::{End, follow};
use super::newton::Factor;
use super::normal::{Exact, NormalMatrix};
use super::polyhedron::{MARGIN, Polyhedron};
use super::solve::SolveOptions;
use super::standard::{ROUND_OFF, Standard};
use super::vector::{dot, sum};
use crate::error::{Error, Result};

/// What phase I finds.
pub(super) enum Interior {
    /// A point with all slacks positive.
    Point(Vec<f64>),
    /// Some row is violated by at least this much anywhere.
    Violated(f64),
    /// These rows are equations in all feasible points.
    Flat(Vec<usize>),
}

/// Phase I: minimizes s over `A u - s <= b`, in a box of the given radius.
pub(super) fn interior(
    standard: &Standard,
    matrix: &mut dyn NormalMatrix,
    radius: f64,
    options: &SolveOptions,
    iterations: &mut usize,
) -> Result<Interior> {
    let d = standard.cost.len();
    let origin = vec![0.0; d];
    let violation = standard.bound.iter().fold(f64::NEG_INFINITY, |top, b| top.max(-b));
    if violation <= -MARGIN {
        return Ok(Interior::Point(origin));
    }
    let mut cost = vec![0.0; d + 1];
    cost[d] = 1.0;
    let mut polyhedron = Polyhedron::new(matrix, &standard.bound, &origin, Some(violation.max(0.0) + 1.0), radius)?;
    let mut found = None;
    let end = follow(&mut polyhedron, &cost, options.refinements, (iterations, options.iterations), |at, centre| {
        let (s, gap) = (at.violation(), centre.gap);
        found = if s < -ROUND_OFF && centre.exact <= -0.5 * s {
            // Thin, but as far inside as one gets within a factor of two.
            Some(Interior::Point(at.u().to_vec()))
        } else if s - gap > ROUND_OFF && gap <= INFEASIBLE * s {
            Some(Interior::Violated(s - gap))
        } else if centre.exact <= FLAT {
            decide(standard, radius, at, at.multipliers(centre.tau, centre.rates))?
        } else {
            None
        };
        Ok(found.is_some())
    })?;
    match (end, found) {
        (End::Arrived, _) => Ok(Interior::Point(polyhedron.u().to_vec())),
        (_, Some(Interior::Flat(rows))) if rows.is_empty() => Err(no_interior("no row is implied by the others")),
        (_, Some(found)) => Ok(found),
        (End::Limit, None) => Err(no_interior(&format!("the limit of {} iterations passed", options.iterations))),
        (_, None) if polyhedron.violation() < -ROUND_OFF => Ok(Interior::Point(polyhedron.u().to_vec())),
        (_, None) => Err(no_interior("round-off stopped phase I")),
    }
}

/// Phase I has proved infeasibility when its gap is this share of the violation: the bound then holds for all points up to
/// the inverse of it times the box's radius away.
const INFEASIBLE: f64 = 1e-3;
/// The gap at which a violation of zero is taken for one.
const FLAT: f64 = 1e-10;

/// What the master finds at a centre so far along the path that the optimum is all but zero, if that is enough.
fn decide(standard: &Standard, radius: f64, at: &Polyhedron<'_>, multipliers: Vec<f64>) -> Result<Option<Interior>> {
    let flat = |i: &usize| at.slack[*i] <= 0.1 * ROUND_OFF && multipliers[*i] > at.slack[*i];
    let rows: Vec<usize> = (0..multipliers.len()).filter(flat).collect();
    let least = least_violation(standard, multipliers, radius)?;
    Ok(if largest_violation(standard, at.u())? - least > ROUND_OFF {
        None
    } else if least > ROUND_OFF {
        Some(Interior::Violated(least))
    } else {
        Some(Interior::Flat(rows))
    })
}

/// `max (A u - b)`, by the master itself.
fn largest_violation(standard: &Standard, u: &[f64]) -> Result<f64> {
    let mut image = vec![0.0; standard.bound.len()];
    Exact::new(&standard.matrix).multiply(u, &mut image)?;
    Ok(image.iter().zip(&standard.bound).fold(f64::NEG_INFINITY, |top, (a, b)| top.max(a - b)))
}

/// What some row is violated by at least, at any point of the box: `-(b'y + R |A'y|_1)` for multipliers y >= 0 that sum to 1,
/// which these are scaled to and then moved, in the metric of diag(y)^-2, to where `A'y = 0` as far as round-off allows.
/// The master multiplies itself: whether a set is flat is decided once, and the bounds on the errors of coded products, which
/// count at each point of the box, are too wide to decide it.
fn least_violation(standard: &Standard, mut y: Vec<f64>, radius: f64) -> Result<f64> {
    let d = standard.cost.len();
    let mut exact = Exact::new(&standard.matrix);
    let (mut pull, mut gram, mut moved) = (vec![0.0; d], vec![0.0; d * d], vec![0.0; y.len()]);
    for _ in 0..POLISH {
        exact.gram(&y, &mut gram)?;
        exact.multiply_transposed(&y, &mut pull)?;
        exact.multiply(&Factor::new(&mut gram, d)?.solve(&pull), &mut moved)?;
        y.iter_mut().zip(&moved).for_each(|(y, m)| *y = (*y - *y * *y * m).max(0.0));
    }
    exact.multiply_transposed(&y, &mut pull)?;
    let total = sum(y.iter().copied());
    Ok(-(dot(&standard.bound, &y) + radius * sum(pull.iter().map(|p| p.abs()))) / total)
}

/// Times that multipliers are moved; the second takes away the round-off of the first.
const POLISH: usize = 2;

fn no_interior(why: &str) -> Error {
    Error::Numerical(format!("no interior point found, nor a proof that there is none ({why})"))
}
