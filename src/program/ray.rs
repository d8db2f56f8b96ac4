//! The proof that an objective falls without bound: a direction in which no row is ever reached.

use super::barrier::follow;
use super::phase_one::{Interior, interior};
use super::polyhedron::Polyhedron;
use super::solve::{MakeNormal, SolveOptions};
use super::standard::{Reduced, Standard};
use super::vector::{dot, largest, norm};
use crate::error::Result;

/// What round-off leaves of the product of a row and a unit direction, at least.
const ROUND_OFF: f64 = 1e-14;
/// A direction that round-off lets run into a row is still a proof while only multipliers with a sum above this many times the
/// norm of the cost could refute it.
const MULTIPLIERS: f64 = 1e3;
/// A fall below this share of the cost's norm (on the solutions of the equations) is none.
const SLOWEST: f64 = 1e-7;
/// The search stops once the fall is known up to this share.
const SHARE: f64 = 0.1;

/// A unit direction d with `A d <= 0` (to round-off) and `c'd < 0`, if there is one: `minimize c'd` over `A d <= 0` in the box
/// of radius 1, by the same method as the program itself. Rows that are equations in the whole cone are eliminated.
pub(super) fn find(
    standard: &Standard,
    normal: &mut impl MakeNormal,
    options: &SolveOptions,
    iterations: &mut usize,
) -> Result<Option<Vec<f64>>> {
    let mut cone = standard.cone();
    loop {
        if largest(&cone.cost) == 0.0 {
            return Ok(None);
        }
        let mut matrix = normal.make(&cone.matrix)?;
        let start = match interior(&cone, matrix.as_mut(), 1.0, options, iterations)? {
            Interior::Point(start) => start,
            Interior::Violated(_) => return Ok(None),
            Interior::Flat(rows) => {
                drop(matrix);
                let Reduced::Program(face) = cone.restrict(&rows)? else { return Ok(None) };
                cone = face;
                continue;
            }
        };
        let slowest = SLOWEST * norm(&cone.cost);
        let mut polyhedron = Polyhedron::new(matrix.as_mut(), &cone.bound, &start, None, 1.0)?;
        let limits = (iterations, options.iterations);
        follow(&mut polyhedron, &cone.cost, options.refinements, limits, |at, centre| {
            let fall = -dot(&cone.cost, at.u());
            Ok(centre.gap <= SHARE * fall.max(slowest))
        })?;
        let ray = cone.point(polyhedron.u());
        let length = norm(&ray);
        let ray: Vec<f64> = ray.iter().map(|r| r / length).collect();
        let toward = (0..standard.matrix.rows()).map(|i| dot(standard.matrix.row(i), &ray)).fold(ROUND_OFF, f64::max);
        let fall = -dot(&standard.cost, &ray);
        // Were there an optimum, multipliers y >= 0 would have A'y = -c, so the fall y'A d would be at most `toward` times their sum.
        return Ok((fall > MULTIPLIERS * toward * norm(&standard.cost)).then_some(ray));
    }
}
