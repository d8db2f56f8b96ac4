//! F along a ray, at the price of one round for the whole ray.

use super::iterate::Iterate;
use super::line_search::{Accepted, LineSearch, Sample};
use super::problem::Problem;
use super::vector::add_scaled;
use crate::error::Result;

/// `phi(a) = F(w + a p)` of a smooth objective: the margins along the ray are `X w + a X p`, so that one product serves
/// every trial of a line search.
#[derive(Debug, Default)]
pub(super) struct Ray {
    /// `X p`.
    direction_margins: Vec<f64>,
    /// n K numbers that hold nothing between calls.
    scratch: Vec<f64>,
}

impl Ray {
    /// Sizes the buffers for a problem.
    pub fn resize(&mut self, problem: &Problem<'_>) {
        self.direction_margins.resize(problem.margin_count(), 0.0);
        self.scratch.resize(problem.margin_count(), 0.0);
    }

    /// A buffer of n K numbers that holds nothing between searches.
    pub fn scratch(&mut self) -> &mut [f64] {
        &mut self.scratch
    }

    /// Searches along `direction` from the step `first`, or from the minimizer of the second-order model at 0 (exact for
    /// squared loss) where that is `None`: one round. When a step is found, moves the iterate's weights, margins, residuals
    /// and value there; the gradient is left as it was. `None` when no step is found.
    pub fn search(
        &mut self,
        problem: &mut Problem<'_>,
        iterate: &mut Iterate,
        direction: &[f64],
        search: LineSearch,
        first: Option<f64>,
    ) -> Result<Option<(Sample, Accepted)>> {
        problem.margins(direction, &mut self.direction_margins)?;
        let phi = |step| {
            let (objective, labels) = (problem.objective(), problem.labels());
            let (z, dz) = (&iterate.margins, &self.direction_margins);
            let at = objective.line_value(z, dz, labels, &iterate.weights, direction, step);
            Sample { step, value: at.value, slope: at.slope }
        };
        let start = phi(0.0);
        let first = first.unwrap_or_else(|| {
            let penalized = problem.penalized_dot(direction, direction);
            let margins = &iterate.margins;
            -start.slope / problem.curvature_along(margins, &self.direction_margins, penalized, &mut self.scratch)
        });
        let noise = problem.rounding().along_a_ray(start.value);
        let Some(found) = search.search(start, first, noise, phi) else { return Ok(None) };
        add_scaled(&mut iterate.weights, found.0.step, direction);
        add_scaled(&mut iterate.margins, found.0.step, &self.direction_margins);
        problem.residuals(&iterate.margins, &mut iterate.residuals);
        iterate.value = found.0.value;
        iterate.age += 1;
        Ok(Some(found))
    }
}
