//! F along a ray, at the price of one round for the whole ray.

use super::iterate::Iterate;
use super::line_search::{Accepted, LineSearch, Sample};
use super::problem::Problem;
use super::vector::{add_scaled, norm};
use crate::error::Result;

/// Iterations between full computations of the margins.
const REFRESH: usize = 30;

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
    /// Prepares for a run: sizes the buffers, gives the iterate its gradient (one round).
    pub fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.direction_margins.resize(problem.margin_count(), 0.0);
        self.scratch.resize(problem.margin_count(), 0.0);
        Self::gradient(problem, iterate)
    }

    /// The gradient at the iterate's residuals, and its norm: one round.
    fn gradient(problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        problem.gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(())
    }

    /// Margins in full, and with them the value and the gradient: two rounds.
    pub fn refresh(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        problem.refresh(iterate, &mut self.scratch)?;
        Self::gradient(problem, iterate)
    }

    /// The gradient after a step: one round, two every [`REFRESH`] iterations, when the margins are computed in full.
    pub fn follow(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.age >= REFRESH { self.refresh(problem, iterate) } else { Self::gradient(problem, iterate) }
    }

    /// [`Method::verify`](super::Method::verify) of a method that carries its margins along.
    pub fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.age == 0 { Ok(()) } else { self.refresh(problem, iterate) }
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
        self.aim(problem, direction)?;
        self.search_aimed(problem, iterate, direction, search, first)
    }

    /// [`Ray::search`] along the direction aimed at; no round.
    pub fn search_aimed(
        &mut self,
        problem: &mut Problem<'_>,
        iterate: &mut Iterate,
        direction: &[f64],
        search: LineSearch,
        first: Option<f64>,
    ) -> Result<Option<(Sample, Accepted)>> {
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
        self.land(problem, iterate, direction, found.0.step);
        iterate.value = found.0.value;
        Ok(Some(found))
    }

    /// `X p` of the direction aimed at.
    pub fn direction_margins(&self) -> &[f64] {
        &self.direction_margins
    }

    /// The same, for a direction that is combined from others whose margins are known.
    pub fn direction_margins_mut(&mut self) -> &mut [f64] {
        &mut self.direction_margins
    }

    /// Takes `X p` for what follows: one round.
    pub fn aim(&mut self, problem: &mut Problem<'_>, direction: &[f64]) -> Result<()> {
        problem.margins(direction, &mut self.direction_margins)
    }

    /// The smooth part of F at a step along the direction aimed at; no round.
    pub fn value_at(&self, problem: &Problem<'_>, iterate: &Iterate, direction: &[f64], step: f64) -> f64 {
        let (objective, labels) = (problem.objective(), problem.labels());
        let (z, dz) = (&iterate.margins, &self.direction_margins);
        objective.line_value(z, dz, labels, &iterate.weights, direction, step).value
    }

    /// The residuals at a step along the direction aimed at; no round.
    pub fn residuals_at(&mut self, problem: &Problem<'_>, iterate: &Iterate, step: f64, out: &mut [f64]) {
        self.scratch.copy_from_slice(&iterate.margins);
        add_scaled(&mut self.scratch, step, &self.direction_margins);
        problem.residuals(&self.scratch, out);
    }

    /// Moves the iterate's weights, margins, residuals and smooth value a step along the direction aimed at; no round.
    pub fn land(&mut self, problem: &Problem<'_>, iterate: &mut Iterate, direction: &[f64], step: f64) {
        add_scaled(&mut iterate.weights, step, direction);
        add_scaled(&mut iterate.margins, step, &self.direction_margins);
        problem.residuals(&iterate.margins, &mut iterate.residuals);
        iterate.value = problem.smooth_value(&iterate.weights, &iterate.margins);
        iterate.age += 1;
    }
}
