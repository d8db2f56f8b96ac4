//! # Newton's method, exact or over-sketched
//!
//! **Algorithm.** `p = -H^-1 g`, with the gradient g from coded products and the Hessian H exact, or sketched anew in every
//! iteration (paper 001, Algorithm 3: OverSketched Newton), plus the l2 term, which is never sketched; then a step along p
//! (Armijo, from 1; the paper's own unit step by choice). Where H has no Cholesky factor (weakly convex problems)
//! `p = -H^+ g`, and the step is the first of 1, 1/2, 1/4, … with `|g(w + a p)|^2 <= |g|^2 + 2 a c p'H g` (ibid., section 2.4), all
//! candidates in one round. With a constraint or another non-smooth part h the point `argmin_u <g, u - w> + (u - w)'H(u - w)/2 +
//! h(u)` (ibid., eq. (8)) takes the place of `w + p`. Where the d K x d K matrix is too large, p comes from conjugate gradients
//! on the exact Hessian, each product two coded rounds.
//!
//! Where workers make parts of the Hessian and different blocks are missing in different parts, the matrix may have negative
//! eigenvalues; then whole blocks are waited for.
//!
//! Near the optimum a sketch of m rows leaves a linear rate of about `sqrt(d/m)`. What was paid for speeds it up. Earlier sketches
//! are averaged with the new one, as far as the Hessian has stood still since (`average=false` takes the newest alone). And the margins
//! of the last directions are at the master, with them the exact Hessian in their span, so the sketched step is combined with
//! them as the exact second-order model has it (`subspace=false`). The paper does neither.
//!
//! **Requires** a loss that is convex in its margins, with second derivatives.
//!
//! **Cost.** Three rounds an iteration: the Hessian, `X p` for the whole line search, `X' r` for the new gradient. The master
//! factors a d K x d K matrix.

mod average;
mod conjugate_gradient;
mod factor;
mod model;
mod subspace;

use super::iterate::Iterate;
use super::line_search::LineSearch;
use super::problem::Problem;
use super::ray::Ray;
use super::vector::{add_scaled, dot, norm};
use super::{Method, Step};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::params::Params;
use average::Average;
use conjugate_gradient::ConjugateGradient;
use factor::{Direction, is_definite, newton_direction};
use model::Model;
use subspace::Subspace;

/// Steps of the search on the gradient's norm: 1, 1/2, …, tried together in one round.
const CANDIDATES: usize = 12;
/// c of that search, and of Armijo's.
const DECREASE: f64 = 1e-4;
/// A sketch is doubled when an iteration leaves more than this share of the gradient's norm (the remark after Theorem 2.1).
const SLOW: f64 = 0.5;

/// What Newton's methods can be told beside their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewtonOptions {
    /// The unit step of paper 001's Algorithm 3, whatever F does there, in place of a line search.
    pub unit_step: bool,
    /// Doubles the sketch whenever progress becomes slow.
    pub growing: bool,
    /// Combines a sketched step with the last directions, by the exact Hessian in their span; costs no round.
    pub subspace: bool,
    /// Takes a mean of the sketched Hessians so far, as far as they are still true; costs no round.
    pub average: bool,
}

impl Default for NewtonOptions {
    fn default() -> Self {
        NewtonOptions { unit_step: false, growing: false, subspace: true, average: true }
    }
}

impl NewtonOptions {
    /// Takes `step=search|unit`, and `grow`, `subspace` and `average`, each true or false.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let step: String = options.take("step", "search".into())?;
        let unit_step = match step.as_str() {
            "search" => false,
            "unit" => true,
            other => return Err(options.refuse("step", other, "search or unit")),
        };
        let defaults = NewtonOptions::default();
        Ok(NewtonOptions {
            unit_step,
            growing: options.take("grow", defaults.growing)?,
            subspace: options.take("subspace", defaults.subspace)?,
            average: options.take("average", defaults.average)?,
        })
    }
}

/// Newton's method.
///
/// ```
/// use steadfast::method::{Method, Newton, NewtonOptions};
/// assert_eq!(Newton::exact(NewtonOptions::default()).name(), "newton");
/// assert_eq!(Newton::oversketched(NewtonOptions::default()).name(), "oversketched-newton");
/// ```
#[derive(Debug)]
pub struct Newton {
    name: &'static str,
    options: NewtonOptions,
    hessian: Vec<f64>,
    subspace: Subspace,
    average: Average,
    sketched: bool,
    model: Model,
    conjugate: ConjugateGradient,
    direction: Vec<f64>,
    /// `H p`, for the search on the gradient's norm.
    curved: Vec<f64>,
    ray: Ray,
    residuals: Vec<f64>,
    candidates: Vec<f64>,
    gradients: Vec<f64>,
    /// Stationarity before the last step.
    before: f64,
}

impl Newton {
    fn named(name: &'static str, options: NewtonOptions) -> Self {
        Newton {
            name,
            options,
            hessian: Vec::new(),
            subspace: Subspace::default(),
            average: Average::default(),
            sketched: false,
            model: Model::default(),
            conjugate: ConjugateGradient::default(),
            direction: Vec::new(),
            curved: Vec::new(),
            ray: Ray::default(),
            residuals: Vec::new(),
            candidates: Vec::new(),
            gradients: Vec::new(),
            before: f64::INFINITY,
        }
    }

    /// With the Hessian of all rows; the oracle of the problem must give that.
    pub fn exact(options: NewtonOptions) -> Self {
        Newton::named("newton", options)
    }

    /// With a sketched Hessian where a sketch is cheaper.
    pub fn oversketched(options: NewtonOptions) -> Self {
        Newton::named("oversketched-newton", options)
    }

    /// The Hessian at the iterate, or nothing where it is only multiplied with.
    fn take_hessian(&mut self, problem: &mut Problem<'_>, iterate: &Iterate) -> Result<bool> {
        if !problem.forms_hessian() {
            return Ok(false);
        }
        let d = problem.dimension();
        self.hessian.resize(d * d, 0.0);
        let mut round = problem.hessian(iterate, &mut self.hessian)?;
        if round.pieced && !is_definite(&self.hessian, d) {
            round = problem.whole_hessian(&mut self.hessian)?;
        }
        self.sketched = round.sketch_dimension.is_some();
        match round.sketch_dimension.filter(|_| self.options.average) {
            Some(rows) => {
                let margins = self.ray.direction_margins();
                self.average.take(problem, iterate, &self.direction, margins, rows, &mut self.hessian);
            }
            None => self.average.forget(),
        }
        Ok(true)
    }

    /// One step of a smooth problem.
    fn smooth(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if !self.take_hessian(problem, iterate)? {
            self.conjugate.solve(problem, iterate, &mut self.direction)?;
            return self.search(problem, iterate);
        }
        match newton_direction(&self.hessian, &iterate.gradient, &mut self.direction)? {
            Direction::Definite => self.search(problem, iterate),
            Direction::Singular => {
                let d = iterate.weights.len();
                self.curved.clear();
                self.curved.extend(self.hessian.chunks_exact(d).map(|row| dot(row, &self.direction)));
                self.search_gradient(problem, iterate)
            }
        }
    }

    /// Keeps what the next sketch's mean must know of the direction about to be taken.
    fn leave(&mut self, problem: &Problem<'_>, iterate: &Iterate) {
        if self.sketched && self.options.average {
            self.average.leave(problem, iterate, &self.direction, self.ray.direction_margins());
        }
    }

    /// Along the direction, by values: one round for all steps.
    fn search(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        self.ray.aim(problem, &self.direction)?;
        if self.sketched && self.options.subspace && !self.options.unit_step {
            self.subspace.improve(problem, iterate, &mut self.direction, &mut self.ray)?;
        }
        self.leave(problem, iterate);
        let step = if self.options.unit_step {
            self.ray.land(problem, iterate, &self.direction, 1.0);
            Some(1.0)
        } else {
            let found = self.ray.search_aimed(problem, iterate, &self.direction, LineSearch::ARMIJO, Some(1.0))?;
            found.map(|(sample, _)| sample.step)
        };
        match step {
            Some(length) => {
                self.ray.follow(problem, iterate)?;
                Ok(Step::Moved { length })
            }
            None => Ok(Step::Stuck),
        }
    }

    /// Along the direction, by norms of the gradient: a round for `X p` and one for all candidates' gradients.
    fn search_gradient(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let (d, nk) = (problem.dimension(), problem.margin_count());
        let k = nk / problem.rows();
        self.ray.aim(problem, &self.direction)?;
        // Candidate c's residuals are columns c K to (c + 1) K, so that one product brings all gradients.
        self.candidates.resize(nk * CANDIDATES, 0.0);
        self.residuals.resize(nk, 0.0);
        for c in 0..CANDIDATES {
            self.ray.residuals_at(problem, iterate, 0.5f64.powi(c as i32), &mut self.residuals);
            for (row, from) in self.candidates.chunks_exact_mut(k * CANDIDATES).zip(self.residuals.chunks_exact(k)) {
                row[c * k..(c + 1) * k].copy_from_slice(from);
            }
        }
        self.gradients.resize(d * CANDIDATES, 0.0);
        problem.pullback(&self.candidates, &mut self.gradients)?;
        let square = dot(&iterate.gradient, &iterate.gradient);
        let along = dot(&self.curved, &iterate.gradient);
        for (c, gradient) in self.gradients.chunks_exact_mut(d).enumerate() {
            let step = 0.5f64.powi(c as i32);
            // Of the weights there, for the l2 part.
            let mut weights = iterate.weights.clone();
            add_scaled(&mut weights, step, &self.direction);
            problem.objective().add_l2_gradient(&weights, gradient);
            if dot(gradient, gradient) <= square + 2.0 * step * DECREASE * along {
                self.ray.land(problem, iterate, &self.direction, step);
                iterate.gradient.copy_from_slice(gradient);
                iterate.stationarity = norm(gradient);
                return Ok(Step::Moved { length: step });
            }
        }
        Ok(Step::Stuck)
    }

    /// One step of a problem with a non-smooth part: to the minimizer of its model, or part of the way.
    fn composite(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if !self.take_hessian(problem, iterate)? {
            return Err(Error::usage(
                "oversketched-newton with a constraint or an l1 part",
                format!("{} weights, too many to form a Hessian", problem.dimension()),
                "fista",
            ));
        }
        let target = self.model.minimize(problem, iterate, &self.hessian);
        self.direction.clear();
        self.direction.extend(target.iter().zip(&iterate.weights).map(|(u, w)| u - w));
        let before = problem.nonsmooth_value(&iterate.weights);
        let expected = dot(&iterate.gradient, &self.direction) + problem.nonsmooth_value(target) - before;
        let noise = problem.rounding().along_a_ray(iterate.value);
        if expected.is_nan() || expected >= 0.0 {
            return Ok(Step::Stuck);
        }
        self.ray.aim(problem, &self.direction)?;
        self.leave(problem, iterate);
        let mut step = 1.0;
        for _ in 0..LineSearch::ARMIJO.trials {
            let smooth = self.ray.value_at(problem, iterate, &self.direction, step);
            let mut there = iterate.weights.clone();
            add_scaled(&mut there, step, &self.direction);
            let value = smooth + problem.nonsmooth_value(&there);
            if value <= iterate.value + DECREASE * step * expected + noise {
                self.ray.land(problem, iterate, &self.direction, step);
                iterate.value = value;
                self.ray.follow(problem, iterate)?;
                self.judge(problem, iterate);
                return Ok(Step::Moved { length: step });
            }
            step *= 0.5;
        }
        Ok(Step::Stuck)
    }

    /// One step of whatever kind the problem takes.
    fn advance(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if problem.objective().regularizer.is_some() {
            self.composite(problem, iterate)
        } else {
            self.smooth(problem, iterate)
        }
    }

    /// Stationarity and duality gap of a composite problem at the iterate.
    fn judge(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) {
        self.residuals.resize(iterate.weights.len(), 0.0);
        iterate.stationarity =
            problem.proximal_step_norm(&iterate.weights, &iterate.gradient, 1.0, &mut self.residuals);
        // The gap wants the loss's gradient without l2's.
        let mut loss_gradient = vec![0.0; iterate.weights.len()];
        problem.objective().add_l2_gradient(&iterate.weights, &mut loss_gradient);
        loss_gradient.iter_mut().zip(&iterate.gradient).for_each(|(l, g)| *l = g - *l);
        iterate.duality_gap = problem.duality_gap(&iterate.margins, &iterate.weights, &loss_gradient).map(|gap| {
            let noise = problem.rounding().value(iterate.value, norm(&iterate.weights), norm(&iterate.residuals));
            gap.max(noise)
        });
    }
}

impl Method for Newton {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        if objective.loss.is_convex() {
            return Ok(());
        }
        Err(Error::usage(
            format!("method {} with loss {}", self.name, objective.loss.id().name),
            "a loss that is not convex",
            "lbfgs or gradient-descent for it",
        ))
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.restart();
        self.direction.resize(problem.dimension(), 0.0);
        problem.prepare_duality_gap()?;
        self.ray.start(problem, iterate)?;
        if problem.objective().regularizer.is_some() {
            self.judge(problem, iterate);
        }
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if self.options.growing && iterate.stationarity > SLOW * self.before {
            problem.grow_sketch();
        }
        self.before = iterate.stationarity;
        let step = self.advance(problem, iterate)?;
        if step != Step::Stuck || iterate.age == 0 {
            return Ok(step);
        }
        // The margins may have drifted.
        self.verify(problem, iterate)?;
        self.advance(problem, iterate)
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.age == 0 {
            return Ok(());
        }
        self.ray.refresh(problem, iterate)?;
        if problem.objective().regularizer.is_some() {
            self.judge(problem, iterate);
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.before = f64::INFINITY;
        self.subspace.forget();
        self.average.forget();
    }
}
