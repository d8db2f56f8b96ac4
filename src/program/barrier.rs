//! The logarithmic barrier method: Newton's method on `tau c'x + B(x)` for growing tau, where B is the barrier of a set.
//!
//! Along a line `x + a p` a barrier of order m is `-sum_i log(1 - a t_i)` plus a constant, with m rates t_i; all that is
//! needed of it follows from these. `p'H p = sum t_i^2`. For a Newton step (tau c + grad B = -H p) the multipliers
//! `y_i = (1 + t_i) / (tau s_i)` satisfy the dual equations exactly; they are not negative where no rate is below -1, and
//! the gap between the primal and the dual value is `(m + sum t_i) / tau`.

use std::borrow::Cow;

use super::newton::{Factor, line_search, solve};
use super::vector::{dot, norm, sum};
use crate::error::Result;

/// A self-concordant barrier at a point inside its set.
pub(super) trait Barrier {
    /// d.
    fn variables(&self) -> usize;

    /// Length of `T p` below.
    fn terms(&self) -> usize;

    /// m: the number of rates, and the parameter of the barrier.
    fn order(&self) -> usize {
        self.terms()
    }

    /// The gradient at the point.
    fn gradient(&mut self, out: &mut [f64]) -> Result<()>;

    /// The Hessian at the point, or an approximation of it (d x d).
    fn hessian(&mut self, out: &mut [f64]) -> Result<()>;

    /// The rates of a direction, as `T p` with `H = T'T`: for a matrix barrier the matrix whose eigenvalues they are.
    fn rates(&mut self, direction: &[f64], out: &mut [f64]) -> Result<()>;

    /// `T' t`: so `H p` is this of the rates of p.
    fn pull_back(&mut self, rates: &[f64], out: &mut [f64]) -> Result<()>;

    /// The m rates themselves.
    fn spectrum<'a>(&self, rates: &'a [f64]) -> Cow<'a, [f64]> {
        Cow::Borrowed(rates)
    }

    /// A share up to `fraction`, as large as is known to keep the rates `rates + share * along` at most `fraction`.
    fn share(&self, rates: &[f64], along: &[f64], fraction: f64) -> f64 {
        rates
            .iter()
            .zip(along)
            .fold(fraction, |share, (t, a)| if *a > 0.0 { share.min((fraction - t) / a) } else { share })
    }

    /// Moves the point by `direction`, whose rates are all below 1.
    fn advance(&mut self, direction: &[f64], rates: &[f64]) -> Result<()>;

    /// Bound on the norm of the error of the product behind the last gradient, [`Barrier::rates`] (each times its distance from
    /// the boundary) or [`Barrier::pull_back`].
    fn error(&self) -> f64 {
        0.0
    }

    /// What an error of unit norm in the distances from the boundary can add to the gap at a centre.
    fn leverage(&self, _tau: f64, _rates: &[f64]) -> f64 {
        0.0
    }

    /// Told of every Newton step of `minimize cost . x`, before the point moves: see [`super::normal::NewtonStep`].
    fn newton_step(&mut self, _cost: &[f64], _tau: f64, _decrement: f64, _gap: Option<f64>) -> Result<()> {
        Ok(())
    }

    /// True where the point is all that was looked for (phase I: inside with a margin).
    fn arrived(&self) -> bool {
        false
    }
}

/// A point close to the centre of its tau: what is known there.
pub(super) struct Centre<'a> {
    pub tau: f64,
    /// Bound on the objective's distance from its infimum.
    pub gap: f64,
    /// The same if all products were without errors.
    pub exact: f64,
    /// Rates of the Newton step, for the multipliers.
    pub rates: &'a [f64],
}

/// How a path ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The observer stopped it.
    Stopped,
    /// [`Barrier::arrived`].
    Arrived,
    /// Newton's method does not come closer to a centre any more, or most of the gap is errors of products.
    Rounding,
    /// The allowed number of Newton steps passed first.
    Limit,
}

/// Within this distance (the norm of the Newton step's rates) a point counts as centred. Below 1 the dual point is feasible.
const CENTRED: f64 = 0.5;
/// Share of the way to the boundary that a step along the path goes, at first and at most.
const FRACTION: f64 = 0.9;
const LARGEST_FRACTION: f64 = 0.999;
/// Newton steps for one tau after which the rest is rounding: each takes a fixed amount off the barrier function, and the
/// function is off by no more than some tens of such amounts after a step along the path.
const CORRECTIONS: usize = 60;
/// Once errors of distances from the boundary make up this share of the gap, following the path further does not shrink it.
const WRONG: f64 = 0.9;
/// The same for all errors of products. Those of gradients count as far as the set reaches, which is far more than they do:
/// an observer with a better bound may go on for long.
const HOPELESS: f64 = 1.0 - 1e-6;

/// Follows the central path of `minimize cost . x` from the barrier's point, and counts Newton steps in `steps` up to
/// `limit`. `observe` sees the centres and stops it by returning true.
pub(super) fn follow<B: Barrier>(
    barrier: &mut B,
    cost: &[f64],
    refinements: usize,
    (steps, limit): (&mut usize, usize),
    mut observe: impl FnMut(&B, &Centre<'_>) -> Result<bool>,
) -> Result<End> {
    let (d, order) = (barrier.variables(), barrier.order() as f64);
    let (mut gradient, mut hessian) = (vec![0.0; d], vec![0.0; d * d]);
    let mut tau = None;
    let mut fraction = FRACTION;
    let mut corrections = 0;
    // Bound on the norm of the error of the distances from the boundary, which are carried along.
    let mut drift = barrier.error();
    while *steps < limit {
        *steps += 1;
        barrier.gradient(&mut gradient)?;
        let blur = barrier.error();
        barrier.hessian(&mut hessian)?;
        let factor = Factor::new(&mut hessian, d)?;
        // The Newton step for any tau is `inward + tau * along`; the path's tangent is `along`.
        let inward = solve(barrier, &factor, &negated(&gradient), refinements)?;
        let along = solve(barrier, &factor, &negated(cost), refinements)?;
        let tau = tau.get_or_insert_with(|| first(&inward.rates, &along.rates));
        let combine =
            |a: &[f64], b: &[f64], weight: f64| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + weight * b).collect() };
        let (newton, rates) = (combine(&inward.x, &along.x, *tau), combine(&inward.rates, &along.rates, *tau));
        let decrement = norm(&rates);
        let gap = (decrement <= CENTRED).then(|| {
            // What the solver left of the system is a violation r/tau of the dual equations. A feasible point is no further
            // than m + 2 sqrt m from a centre in the norm of H, so this is what it can add to the gap.
            let left = inward.residual + *tau * along.residual;
            let blur = blur + inward.blur + *tau * along.blur;
            let blurred = if blur > 0.0 { factor.inverse_norm() * blur } else { 0.0 };
            let reach = order + 2.0 * order.sqrt();
            let exact = (order + sum(barrier.spectrum(&rates).iter().copied()) + left * reach) / *tau;
            // The gap is the distances from the boundary, weighted by the multipliers: so is what is wrong with them.
            let wrong = if drift > 0.0 { drift * barrier.leverage(*tau, &rates) } else { 0.0 };
            (exact, wrong, exact + blurred * reach / *tau + wrong)
        });
        barrier.newton_step(cost, *tau, decrement, gap.map(|(.., gap)| gap))?;

        if let Some((exact, wrong, gap)) = gap {
            if observe(barrier, &Centre { tau: *tau, gap, exact, rates: &rates })? {
                return Ok(End::Stopped);
            }
            if wrong > WRONG * gap || gap - exact > HOPELESS * gap {
                return Ok(End::Rounding);
            }
            if corrections <= 1 {
                fraction = (1.0 - (1.0 - fraction) / 3.0).min(LARGEST_FRACTION);
            } else if corrections > 4 {
                fraction = FRACTION;
            }
            corrections = 0;
            // The path is nearly straight in 1/tau: from 1/tau to (1 - share)/tau goes `share * tau * along`.
            let path = scaled(&along.rates, *tau);
            let share = barrier.share(&rates, &path, fraction);
            let (step, rates) = (combine(&newton, &along.x, share * *tau), combine(&rates, &path, share));
            barrier.advance(&step, &rates)?;
            drift += inward.slip + (1.0 + share) * *tau * along.slip;
            *tau /= 1.0 - share;
        } else {
            corrections += 1;
            if corrections > CORRECTIONS {
                return Ok(End::Rounding);
            }
            let slope = *tau * dot(cost, &newton) + dot(&gradient, &newton);
            let step = line_search(slope, &barrier.spectrum(&rates));
            if step.is_nan() || step <= 0.0 {
                return Ok(End::Rounding);
            }
            barrier.advance(&scaled(&newton, step), &scaled(&rates, step))?;
            drift += step * (inward.slip + *tau * along.slip);
        }
        if barrier.arrived() {
            return Ok(End::Arrived);
        }
    }
    Ok(End::Limit)
}

/// The first tau: where the point is closest to a centre, but not so small that the cost counts for nothing.
fn first(inward: &[f64], along: &[f64]) -> f64 {
    let cost = norm(along);
    let closest = -dot(inward, along) / (cost * cost);
    closest.max(SMALLEST / cost)
}

/// The distance from the centre without cost to the first centre, at least.
const SMALLEST: f64 = 0.1;

fn negated(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| -x).collect()
}

fn scaled(x: &[f64], a: f64) -> Vec<f64> {
    x.iter().map(|x| a * x).collect()
}
