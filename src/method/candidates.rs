//! The distributed line search of paper 003: all candidate steps in one round, the largest that passes is taken.

use super::problem::Problem;
use crate::error::Result;
use crate::oracle::{LocalTask, STEPS, candidate};

/// rho: the share of the expected decrease that a step must bring.
pub(super) const SHARE: f64 = 1e-4;
/// Values closer than this, relative to F, can't be told apart: 8 round-offs.
const SAME: f64 = 4.0 * f64::EPSILON;

/// The largest step of 1, 1/2, .. 2^-50 along `direction` (whose slope at `weights` is `slope`) with sufficient decrease of F:
/// one round. `None` when none passes. Where F and its start differ by rounding only, the slope there decides, by Hager and
/// Zhang's approximate condition: differences of F stop meaning anything long before the gradient does.
pub(super) fn search(
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
