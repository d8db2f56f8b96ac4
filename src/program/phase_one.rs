//! Phase I of the barrier method: an interior point, or the proof that there is none.

use super::barrier::{End, follow};
use super::normal::NormalMatrix;
use super::polyhedron::{MARGIN, Polyhedron};
use super::solve::SolveOptions;
use super::standard::{ROUND_OFF, Standard};
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
        found = if s < -ROUND_OFF && gap <= -0.5 * s {
            // Thin, but as far inside as one gets within a factor of two.
            Some(Interior::Point(at.u().to_vec()))
        } else if s - gap > ROUND_OFF && gap <= INFEASIBLE * s {
            Some(Interior::Violated(s - gap))
        } else if gap <= FLAT {
            let multipliers = at.multipliers(centre.tau, centre.rates);
            let flat = |i: &usize| at.slack[*i] <= 0.1 * ROUND_OFF && multipliers[*i] > at.slack[*i];
            let rows: Vec<usize> = (0..multipliers.len()).filter(flat).collect();
            Some(Interior::Flat(rows))
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

fn no_interior(why: &str) -> Error {
    Error::Numerical(format!("no interior point found, nor a proof that there is none ({why})"))
}
