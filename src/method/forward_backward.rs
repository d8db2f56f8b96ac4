//! The forward-backward step that proximal gradient and FISTA share: from a point y with a known gradient to
//! `x+ = prox_s(y - s g)`, with s found by backtracking on the quadratic upper bound (Beck and Teboulle, *SIAM J. Imaging
//! Sci.* 2, 2009, eq. (2.5)), and grown again where the bound is slack.

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, distance, dot, norm};
use crate::error::{Error, Result};

/// Trials of one backtracking: each shortens the step at least by [`SHRINK`].
const TRIALS: usize = 100;
/// Most a rejected step keeps, and least.
const SHRINK: (f64, f64) = (0.1, 0.7);
/// What a step grows by when the bound was slack by more than this factor.
const GROW: f64 = 0.9;

/// Buffers and state of the step. The iterate's `residuals` and `gradient` are those of the point y.
#[derive(Debug, Default)]
pub(super) struct ForwardBackward {
    /// s.
    pub step: f64,
    /// The candidate for the next step: s, or a little more.
    pub next_step: f64,
    point: Vec<f64>,
    point_margins: Vec<f64>,
    point_loss: f64,
    /// The weights and margins before the last step; while backtracking, the trial's.
    other: Vec<f64>,
    other_margins: Vec<f64>,
    trial_residuals: Vec<f64>,
    /// The best lower bound of F's minimum that a dual point gave.
    lower: Option<f64>,
    /// Whether that bound was made at the weights themselves.
    own: bool,
}

/// What an accepted step says to an acceleration scheme.
pub(super) struct Taken {
    /// `(y - x+) . (x+ - x)`: positive when the momentum points uphill (O'Donoghue and Candes, 2015, eq. (12)).
    pub against: f64,
    /// F rose by more than the rounding of its sum.
    pub rose: bool,
}

impl ForwardBackward {
    /// Begins at the iterate: y = x, its gradient, and a first step from the curvature along that gradient. Two rounds.
    pub fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        for buffer in [&mut self.point, &mut self.other] {
            buffer.resize(problem.dimension(), 0.0);
        }
        for buffer in [&mut self.point_margins, &mut self.other_margins, &mut self.trial_residuals] {
            buffer.resize(problem.margin_count(), 0.0);
        }
        (self.lower, self.own) = (None, false);
        problem.prepare_duality_gap()?;
        self.move_point(problem, iterate, 0.0)?;

        self.step = 1.0;
        let square = dot(&iterate.gradient, &iterate.gradient);
        if square > 0.0 {
            problem.margins(&iterate.gradient, &mut self.other_margins)?;
            let penalized = problem.penalized_dot(&iterate.gradient, &iterate.gradient);
            let curvature =
                problem.curvature_along(&iterate.margins, &self.other_margins, penalized, &mut self.trial_residuals);
            if (square / curvature).is_normal() {
                self.step = square / curvature;
            }
        }
        self.next_step = self.step;
        iterate.stationarity =
            problem.proximal_step_norm(&iterate.weights, &iterate.gradient, self.step, &mut self.other);
        Ok(())
    }

    /// The step from y: one round a trial. Moves the iterate's weights, margins and value to x+ and keeps x.
    pub fn take(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Taken> {
        // `other` becomes x+ below; x itself stays in the iterate until the trial is accepted.
        self.step = self.next_step;
        for _ in 0..TRIALS {
            for ((to, y), g) in self.other.iter_mut().zip(&self.point).zip(&iterate.gradient) {
                *to = y - self.step * g;
            }
            problem.prox(self.step, &mut self.other);
            problem.margins(&self.other, &mut self.other_margins)?;
            let Some(slack) = self.judge(problem, iterate) else { continue };
            self.next_step = if slack < GROW * GROW { self.step / GROW } else { self.step };
            return Ok(self.accept(problem, iterate));
        }
        Err(Error::Numerical(format!(
            "no step above {:e} keeps the objective under its quadratic bound; the loss's value and derivative may disagree",
            self.step
        )))
    }

    /// The quadratic bound at the trial: `Some(curvature s)` when it holds, else `None` with a shorter step set.
    ///
    /// The Bregman distance is taken from margins alone, so that rounding in the gradient does not enter; where it is
    /// below the rounding of F, its symmetric form `(r+ - r) . (z+ - z) / 2` stands for it, equal to third order.
    fn judge(&mut self, problem: &Problem<'_>, iterate: &Iterate) -> Option<f64> {
        let (trial, trial_margins) = (&self.other, &self.other_margins);
        let square = distance(trial, &self.point).powi(2);
        if square == 0.0 {
            return Some(1.0);
        }
        problem.residuals(trial_margins, &mut self.trial_residuals);
        let (mut tangent, mut symmetric, mut change) = (0.0, 0.0, 0.0);
        let margins = trial_margins.chunks(64).zip(self.point_margins.chunks(64));
        let residuals = self.trial_residuals.chunks(64).zip(iterate.residuals.chunks(64));
        for ((z1, z0), (r1, r0)) in margins.zip(residuals) {
            let (mut block_tangent, mut block_symmetric, mut block_change) = (0.0, 0.0, 0.0);
            for (((z1, z0), r1), r0) in z1.iter().zip(z0).zip(r1).zip(r0) {
                block_tangent += r0 * (z1 - z0);
                block_symmetric += (r1 - r0) * (z1 - z0);
                block_change += (r1 - r0) * (r1 - r0);
            }
            tangent += block_tangent;
            symmetric += block_symmetric;
            change += block_change;
        }
        let loss = problem.objective().mean_loss(trial_margins, problem.labels());
        let limit = 0.5 * square / self.step;
        let noise = problem.rounding().along_a_ray(self.point_loss);
        let l2 = 0.5 * problem.objective().l2 * problem.penalized_distance(trial, &self.point).powi(2);
        let by_values = loss - self.point_loss - tangent;
        let bregman = l2 + if by_values.abs() > 100.0 * noise { by_values } else { 0.5 * symmetric };
        if !(bregman.is_finite() && loss.is_finite()) {
            self.step *= SHRINK.0;
            return None;
        }
        // Each of two products may be off by this much; what it does to the distance is no reason to step back.
        let allowance = 2.0 * problem.rounding().margins(norm(trial)) * change.sqrt();
        if bregman - allowance <= limit || self.below_certificate(problem, iterate) {
            return Some(bregman / limit);
        }
        self.step *= (0.95 * limit / bregman).clamp(SHRINK.0, SHRINK.1);
        None
    }

    /// True where a rejection could come from the error that the certificate leaves in the margins, and the step is already
    /// well below the shortest that the smooth part's largest curvature asks for.
    fn below_certificate(&self, problem: &Problem<'_>, iterate: &Iterate) -> bool {
        let rounding = problem.rounding();
        if distance(&self.other_margins, &self.point_margins) > 4.0 * rounding.margins_at_most(norm(&self.other)) {
            return false;
        }
        let curvature = problem.curvature_bound(&iterate.margins);
        self.step * rounding.lipschitz(curvature, problem.objective().l2) <= 0.25
    }

    fn accept(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) -> Taken {
        let mut against = 0.0;
        for ((next, y), x) in self.other.chunks(64).zip(self.point.chunks(64)).zip(iterate.weights.chunks(64)) {
            against += next.iter().zip(y).zip(x).map(|((next, y), x)| (y - next) * (next - x)).sum::<f64>();
        }
        iterate.stationarity = distance(&self.point, &self.other) / self.step;
        std::mem::swap(&mut iterate.weights, &mut self.other);
        std::mem::swap(&mut iterate.margins, &mut self.other_margins);
        let value =
            problem.smooth_value(&iterate.weights, &iterate.margins) + problem.nonsmooth_value(&iterate.weights);
        let rose = value > iterate.value + problem.rounding().along_a_ray(value);
        iterate.value = value;
        Taken { against, rose }
    }

    /// Sets `y = x + momentum (x - x_before)` with its margins, which are the same combination, and its gradient: one round.
    /// Also brings the duality gap up to date.
    pub fn move_point(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate, momentum: f64) -> Result<()> {
        extrapolate(&mut self.point, &iterate.weights, &self.other, momentum);
        extrapolate(&mut self.point_margins, &iterate.margins, &self.other_margins, momentum);
        problem.residuals(&self.point_margins, &mut iterate.residuals);
        problem.pullback(&iterate.residuals, &mut iterate.gradient)?;
        self.point_loss = problem.objective().mean_loss(&self.point_margins, problem.labels());
        let bound = self.lower_bound(problem, iterate);
        problem.objective().add_l2_gradient(&self.point, &mut iterate.gradient);
        iterate.duality_gap = None;
        if let Some(bound) = bound {
            let best = self.lower.is_none_or(|lower| lower <= bound);
            if best {
                self.lower = Some(bound);
            }
            self.own = best && momentum == 0.0;
            self.report(problem, iterate);
        }
        Ok(())
    }

    /// Before a gap may end the run: the gap of the weights by their own dual point, so that whoever makes the dual point of
    /// them finds what the run stopped at. One round, unless the bound at hand is theirs. The point y stays.
    pub fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.duality_gap.is_none() || self.own {
            return Ok(());
        }
        problem.residuals(&iterate.margins, &mut self.trial_residuals);
        problem.pullback(&self.trial_residuals, &mut self.other)?;
        self.lower =
            problem.duality_gap(&iterate.margins, &iterate.weights, &self.other).map(|gap| iterate.value - gap);
        self.own = true;
        self.report(problem, iterate);
        Ok(())
    }

    /// Brings the iterate's gap up to date with the best bound.
    fn report(&self, problem: &Problem<'_>, iterate: &mut Iterate) {
        iterate.duality_gap = self.lower.map(|lower| {
            let noise = problem.rounding().value(iterate.value, norm(&iterate.weights), norm(&iterate.residuals));
            (iterate.value - lower).max(noise)
        });
    }

    /// A dual point made at y bounds F's minimum from below for every x: `F(y) - gap(y)`. Where y is outside a constraint,
    /// the same dual point with x in y's place gives it: `F(y)` then takes the regularizer's value and l2 at x, and
    /// `<g, x - y>` makes up for margins that are y's.
    fn lower_bound(&self, problem: &Problem<'_>, iterate: &Iterate) -> Option<f64> {
        let objective = problem.objective();
        let regularizer = objective.regularizer.as_ref()?;
        let (gradient, margins) = (&iterate.gradient, &self.point_margins);
        let nonsmooth = regularizer.value(&self.point);
        let bound = if nonsmooth.is_finite() {
            let value = self.point_loss + objective.l2_value(&self.point) + nonsmooth;
            value - problem.duality_gap(margins, &self.point, gradient)?
        } else {
            let dual: Vec<f64> = gradient.iter().map(|g| -g).collect();
            if objective.intercept || regularizer.dual_scale(&dual) < 1.0 {
                return None;
            }
            let x = &iterate.weights;
            let value = self.point_loss + objective.l2_value(x) + regularizer.value(x);
            value + dot(gradient, x) - dot(gradient, &self.point) - problem.duality_gap(margins, x, gradient)?
        };
        bound.is_finite().then_some(bound)
    }
}

/// `to = a + momentum (a - b)`.
fn extrapolate(to: &mut [f64], a: &[f64], b: &[f64], momentum: f64) {
    to.copy_from_slice(a);
    if momentum != 0.0 {
        add_scaled(to, momentum, a);
        add_scaled(to, -momentum, b);
    }
}
