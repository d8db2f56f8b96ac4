//! F along a ray, at the price of one round for the whole ray.

use super::iterate::Iterate;
use super::line_search::{Accepted, LineSearch, Sample};
use super::problem::Problem;
use super::vector::{add_scaled, dot};
use crate::error::Result;

/// `phi(a) = F(w + a p)` of a smooth objective: the margins along the ray are `X w + a X p`, so that one product serves
/// every trial of a line search.
#[derive(Debug, Default)]
pub(super) struct Ray {
    /// `X p`.
    direction_margins: Vec<f64>,
    /// Margins and residuals at the last trial.
    margins: Vec<f64>,
    residuals: Vec<f64>,
    /// `w . p` and `p . p`, each without the intercept, times l2.
    linear: f64,
    quadratic: f64,
    l2_start: f64,
    start: Option<Sample>,
}

impl Ray {
    /// Sizes the buffers for a problem.
    pub fn resize(&mut self, problem: &Problem<'_>) {
        for buffer in [&mut self.direction_margins, &mut self.margins, &mut self.residuals] {
            buffer.resize(problem.margin_count(), 0.0);
        }
    }

    /// A buffer of n K numbers that holds nothing between searches.
    pub fn scratch(&mut self) -> &mut [f64] {
        &mut self.margins
    }

    /// Aims along `direction` from the iterate: one round.
    pub fn aim(&mut self, problem: &mut Problem<'_>, iterate: &Iterate, direction: &[f64]) -> Result<()> {
        problem.margins(direction, &mut self.direction_margins)?;
        let l2 = problem.objective().l2;
        self.linear = l2 * problem.penalized_dot(&iterate.weights, direction);
        self.quadratic = l2 * problem.penalized_dot(direction, direction);
        self.l2_start = problem.objective().l2_value(&iterate.weights);
        let slope = dot(&iterate.residuals, &self.direction_margins) + self.linear;
        self.start = Some(Sample { step: 0.0, value: iterate.value, slope });
        Ok(())
    }

    /// The minimizer of phi's second-order model at 0: exact for squared loss. `None` where phi does not curve upwards.
    pub fn newton_step(&self, problem: &Problem<'_>, iterate: &Iterate) -> Option<f64> {
        let l2 = problem.objective().l2;
        let square = if l2 > 0.0 { self.quadratic / l2 } else { 0.0 };
        let curvature = problem.curvature_along(&iterate.margins, &self.direction_margins, square);
        let step = -self.start?.slope / curvature;
        (step.is_finite() && step > 0.0).then_some(step)
    }

    /// Searches from the step `first` (no round) and, when a step is found, moves the iterate's weights, margins, residuals
    /// and value there. The gradient is left as it was.
    pub fn search(
        &mut self,
        problem: &Problem<'_>,
        iterate: &mut Iterate,
        direction: &[f64],
        search: LineSearch,
        first: f64,
    ) -> Option<(Sample, Accepted)> {
        let start = self.start?;
        let noise = problem.rounding().along_a_ray(start.value);
        let found = search.search(start, first, noise, |step| self.sample(problem, iterate, step))?;
        add_scaled(&mut iterate.weights, found.0.step, direction);
        std::mem::swap(&mut iterate.margins, &mut self.margins);
        std::mem::swap(&mut iterate.residuals, &mut self.residuals);
        iterate.value = found.0.value;
        iterate.age += 1;
        Some(found)
    }

    fn sample(&mut self, problem: &Problem<'_>, iterate: &Iterate, step: f64) -> Sample {
        let moved = iterate.margins.iter().zip(&self.direction_margins).map(|(z, dz)| z + step * dz);
        self.margins.iter_mut().zip(moved).for_each(|(to, z)| *to = z);
        let loss = problem.objective().mean_loss(&self.margins, problem.labels());
        let value = loss + self.l2_start + step * (self.linear + 0.5 * step * self.quadratic);
        if !value.is_finite() {
            return Sample { step, value, slope: f64::NAN };
        }
        problem.residuals(&self.margins, &mut self.residuals);
        let slope = dot(&self.residuals, &self.direction_margins) + self.linear + step * self.quadratic;
        Sample { step, value, slope }
    }
}
