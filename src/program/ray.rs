//! The proof that an objective falls without bound: a direction in which no row is ever reached.

use super::eliminate::{Solutions, solutions};
use super::normal::{Exact, NormalMatrix};
use super::standard::Standard;
use super::vector::{dot, norm};
use crate::data::Dense;
use crate::error::Result;

/// Rows whose slack falls by less than this along the (unit) direction are taken for parallel to it.
const PARALLEL: f64 = 1e-5;
/// What round-off may leave of a product of two unit vectors.
const ROUND_OFF: f64 = 1e-12;
/// The objective must fall at least this fast along a unit direction, relative to the norm of the cost.
const FALL: f64 = 1e-7;

/// The unit direction d near `u` with `A d <= 0` (to round-off) and `c'd < 0`, if there is one: rows all but parallel to `u` are
/// made parallel by a projection.
pub(super) fn certified(standard: &Standard, u: &[f64]) -> Result<Option<Vec<f64>>> {
    let length = norm(u);
    if length == 0.0 {
        return Ok(None);
    }
    let mut ray: Vec<f64> = u.iter().map(|u| u / length).collect();
    let parallel: Vec<f64> = (0..standard.matrix.rows())
        .map(|i| standard.matrix.row(i))
        .filter(|row| dot(row, &ray).abs() < PARALLEL)
        .flatten()
        .copied()
        .collect();
    let count = parallel.len() / u.len();
    let parallel = Dense::new(count, u.len(), parallel)?;
    let Solutions::Affine { basis, .. } = solutions(&parallel, &vec![0.0; count])? else { return Ok(None) };
    // The projection on the rows' null space: Z Z'd.
    let mut inside = vec![0.0; basis.cols()];
    let mut projection = Exact::new(&basis);
    projection.multiply_transposed(&ray, &mut inside)?;
    projection.multiply(&inside, &mut ray)?;
    let length = norm(&ray);
    ray.iter_mut().for_each(|r| *r /= length);
    let leaves = (0..standard.matrix.rows()).any(|i| dot(standard.matrix.row(i), &ray) > ROUND_OFF);
    let falls = dot(&standard.cost, &ray) < -FALL * norm(&standard.cost);
    Ok((falls && !leaves && length.is_normal()).then_some(ray))
}
