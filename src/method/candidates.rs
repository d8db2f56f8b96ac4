//! The distributed line search of paper 003: all candidate steps in one round, the largest that passes is taken.

use super::Step;
use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, dot};
use crate::error::Result;
use crate::oracle::{LocalTask, STEPS, candidate};

/// rho: the share of the expected decrease that a step must bring.
pub(super) const SHARE: f64 = 1e-4;
/// Values closer than this, relative to F, can't be told apart: 8 round-offs.
const SAME: f64 = 4.0 * f64::EPSILON;

/// Moves the iterate along `direction` by the step that [`search`] finds and asks for the gradient there, which takes one number:
/// two rounds.
pub(super) fn descend(problem: &mut Problem<'_>, iterate: &mut Iterate, direction: &[f64]) -> Result<Step> {
    let slope = dot(direction, &iterate.gradient);
    let Some(length) = search(problem, &iterate.weights, direction, iterate.value, slope)? else {
        return Ok(Step::Stuck);
    };
    add_scaled(&mut iterate.weights, length, direction);
    problem.local_gradient(iterate, 1)?;
    Ok(Step::Moved { length })
}

/// The largest step of 1, 1/2, .. 2^-50 along `direction` (whose slope at `weights` is `slope`) with sufficient decrease of F:
/// one round. `None` when none passes. Where F and its start differ by rounding only, the slope there decides, by Hager and
/// Zhang's approximate condition: differences of F stop meaning anything long before the gradient does.
fn search(
    problem: &mut Problem<'_>,
    weights: &[f64],
    direction: &[f64],
    value: f64,
    slope: f64,
) -> Result<Option<f64>> {
    let mut sent = vec![0.0; 2 * STEPS];
    problem.local_mean(&LocalTask::Values { weights, direction }, &mut sent)?;
    let passes = |k: &usize| {
        let (there, slope_there) = (sent[*k], sent[STEPS + k]);
        let same = (there - value).abs() <= SAME * value.abs();
        there <= value + SHARE * candidate(*k) * slope || (same && slope_there <= (2.0 * SHARE - 1.0) * slope)
    };
    Ok((0..STEPS).find(passes).map(candidate))
}
