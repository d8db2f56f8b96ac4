//! # Block coordinate descent, model parallel
//!
//! **Algorithm.** Paper 002, section 5.2: with U a set of tau block rows of the code and f(U) its coordinates (at most q tau),
//! an iteration is two coded rounds, `g = X_f(U)' r` with n numbers broadcast, and `X_f(U) (w+ - w)_f(U)` with only the changed
//! coordinates broadcast; the running margins `X w` are the master's. Between the two the master takes the proximal step
//! `w+ = prox(w - g / L)` on f(U) alone (eq. (25), and eq. (2) for the non-smooth part). L is the block's own: the smallest
//! constant found under which the quadratic upper bound of the smooth part holds along the step, kept from visit to visit,
//! raised and the step repeated where the bound fails, lowered where it is slack. So F never rises by more than rounding.
//!
//! **Requires** a loss of one output and a non-smooth part that is a sum over coordinates: none, l1, a box. `fraction` is
//! tau / p2: 1 is proximal gradient. Blocks are fixed sets of neighbouring block rows, taken in turn, at random (each drawn
//! from all, seeded), or greedily.
//!
//! **Cost.** Two rounds an iteration, of `p1 q tau + n tau` multiply-adds a worker, one more for each step that was too long,
//! and none where a step changes nothing. `greedy` asks for the whole gradient in place of the block's. After every
//! ceil(p2 / tau) iterations the margins are computed in full (one round) against the drift of a sum of products, and so they are
//! before a run may stop; [`Iterate::drift`] keeps the largest change seen. A refused round ends the run, before anything was
//! added to the margins. A whole gradient for the stopping test is asked for when what is known of the blocks' gradients says
//! that the gap (or the gradient) has fallen to a quarter of what it was at the last one, and every tenth time the margins are.
//! In between, the norm in the records is made of each block's last visit; the duality gap stands on the last whole gradient.

mod order;

use std::ops::Range;

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{distance, dot, norm};
use super::{Method, Step};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::params::Params;

pub use order::Order;

/// Trials of one block: each raises its constant at least by the first factor and at most by the second.
const TRIALS: usize = 100;
const RAISE: (f64, f64) = (1.4, 10.0);
/// A bound that holds with this share of the constant, or less, was slack; the constant is then lowered by it.
const SLACK: f64 = 0.9;
/// A whole gradient is due once the estimate has fallen to this share of what the last one said.
const DUE: f64 = 0.25;
/// And after so many passes over the margins in any case.
const PASSES: usize = 10;

/// Block coordinate descent on coded blocks of coordinates (paper 002, section 5): two rounds an iteration, on a part of the
/// coordinates. The step is `1 / L` with L found on each block by backtracking.
///
/// ```
/// use steadfast::method::{CoordinateDescent, Method, Order};
/// let method = CoordinateDescent::new(Order::Greedy, 0.1)?;
/// assert_eq!(method.name(), "coordinate-descent");
/// assert!(CoordinateDescent::new(Order::Cyclic, 0.0).is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct CoordinateDescent {
    order: Order,
    fraction: f64,
    /// q, and the block rows of each block.
    width: usize,
    blocks: Vec<Range<usize>>,
    /// L of each block, and the length of its last proximal-gradient step `L |w+ - w|`.
    constants: Vec<f64>,
    lengths: Vec<f64>,
    /// The mean loss's gradient, each block's part from its last visit.
    gradient: Vec<f64>,
    /// The lower bound of F's minimum that the last whole gradient gave.
    lower: Option<f64>,
    /// Gap or stationarity at the last whole gradient.
    seen: f64,
    iteration: u64,
    /// Iterations since the margins were computed in full, and how often they were since the last whole gradient.
    since: usize,
    passes: usize,
    next: Vec<f64>,
    change: Vec<f64>,
    trial_margins: Vec<f64>,
    trial_residuals: Vec<f64>,
}

impl CoordinateDescent {
    /// With blocks of a fraction of the coordinates, rounded to whole block rows, at least one.
    ///
    /// # Errors
    /// [`Error::Usage`] unless the fraction is above 0 and at most 1.
    pub fn new(order: Order, fraction: f64) -> Result<Self> {
        if !(fraction > 0.0 && fraction <= 1.0) {
            return Err(Error::usage("coordinate-descent: fraction", fraction, "above 0, at most 1"));
        }
        Ok(CoordinateDescent {
            order,
            fraction,
            width: 0,
            blocks: vec![],
            constants: vec![],
            lengths: vec![],
            gradient: vec![],
            lower: None,
            seen: f64::INFINITY,
            iteration: 0,
            since: 0,
            passes: 0,
            next: vec![],
            change: vec![],
            trial_margins: vec![],
            trial_residuals: vec![],
        })
    }

    /// Takes `blocks=cyclic|random|greedy`, `fraction=X` (0.1) and `seed=N`.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let order = Order::parse(options)?;
        CoordinateDescent::new(order, options.take("fraction", 0.1)?)
    }

    /// Whether a method's name on the command line is this one, whose oracle must know blocks.
    pub fn is_meant(method: &str) -> bool {
        method.split(':').next() == Some("coordinate-descent")
    }

    fn coordinates(&self, block: usize) -> Range<usize> {
        let Range { start, end } = self.blocks[block];
        start * self.width..(end * self.width).min(self.gradient.len())
    }

    /// The whole gradient at the iterate, whose residuals are up to date, and all that follows from it: one round.
    fn look_at_all(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        problem.pullback(&iterate.residuals, &mut self.gradient)?;
        self.take_stock(problem, iterate);
        Ok(())
    }

    /// What follows from the whole gradient at the iterate: a bound, and every block's part of the proximal-gradient step.
    fn take_stock(&mut self, problem: &Problem<'_>, iterate: &mut Iterate) {
        if problem.objective().regularizer.is_some()
            && let Some(gap) = problem.duality_gap(&iterate.margins, &iterate.weights, &self.gradient)
        {
            // The latest and not the best, so that a run ends where its own dual point, and not an earlier one's, is good enough.
            self.lower = Some(iterate.value - gap).filter(|bound| bound.is_finite());
        }
        iterate.gradient.copy_from_slice(&self.gradient);
        problem.objective().add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        // One constant for all, so that the norm is that of one proximal-gradient step.
        let constant = self.constants.iter().copied().fold(0.0, f64::max);
        self.next.copy_from_slice(&iterate.weights);
        self.next.iter_mut().zip(&iterate.gradient).for_each(|(w, g)| *w -= g / constant);
        problem.prox(1.0 / constant, &mut self.next);
        for block in 0..self.blocks.len() {
            let at = self.coordinates(block);
            self.lengths[block] = constant * distance(&self.next[at.clone()], &iterate.weights[at]);
        }
        self.passes = 0;
        self.report(problem, iterate);
        self.seen = iterate.duality_gap.unwrap_or(iterate.stationarity);
    }

    /// Brings the iterate's norm and gap up to date with what is known.
    fn report(&self, problem: &Problem<'_>, iterate: &mut Iterate) {
        iterate.stationarity = norm(&self.lengths);
        iterate.duality_gap = self.lower.map(|lower| {
            let noise = problem.rounding().value(iterate.value, norm(&iterate.weights), norm(&iterate.residuals));
            (iterate.value - lower).max(noise)
        });
    }

    /// One proximal step on a block, its gradient known; the step's length in units of `1 / L`, or nothing where no
    /// coordinate moves.
    fn descend(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate, block: usize) -> Result<Option<f64>> {
        let at = self.coordinates(block);
        for _ in 0..TRIALS {
            let constant = self.constants[block];
            self.next.copy_from_slice(&iterate.weights);
            let gradient = &iterate.gradient[at.clone()];
            self.next[at.clone()].iter_mut().zip(gradient).for_each(|(w, g)| *w -= g / constant);
            problem.prox(1.0 / constant, &mut self.next);
            let (next, weights) = (&self.next[at.clone()], &iterate.weights[at.clone()]);
            self.change.clear();
            self.change.extend(next.iter().zip(weights).map(|(next, w)| next - w));
            let square = dot(&self.change, &self.change);
            self.lengths[block] = constant * square.sqrt();
            if square == 0.0 {
                return Ok(None);
            }
            let bound = problem.block_margins(self.blocks[block].clone(), &self.change, &mut self.trial_margins)?;
            let moved = norm(&self.trial_margins);
            self.trial_margins.iter_mut().zip(&iterate.margins).for_each(|(change, z)| *change += z);
            let curvature = self.curvature(problem, iterate, square);
            let rounding = problem.rounding();
            // What is left of a step within the error of its own product decides nothing.
            let lost = moved <= 4.0 * bound + 16.0 * rounding.margins(square.sqrt()) && {
                let most = problem.curvature_bound(&iterate.margins);
                constant >= 4.0 * rounding.lipschitz(most, problem.objective().l2)
            };
            if curvature <= constant || lost {
                if curvature < SLACK * SLACK * constant {
                    self.constants[block] = SLACK * constant;
                }
                self.accept(problem, iterate, &at);
                return Ok(Some(1.0 / constant));
            }
            let wanted = if curvature.is_finite() { 1.05 * curvature } else { f64::INFINITY };
            self.constants[block] = wanted.clamp(RAISE.0 * constant, RAISE.1 * constant);
        }
        Err(Error::Numerical(format!(
            "no step above {:e} on block {block} keeps the objective under its quadratic bound; the loss's value and derivative may disagree",
            1.0 / self.constants[block]
        )))
    }

    /// The smooth part's curvature along the trial step of square `square`: twice its Bregman distance over the square. Where
    /// the distance is below the rounding of F its symmetric form `(r+ - r) . (z+ - z) / 2` stands for it.
    fn curvature(&mut self, problem: &Problem<'_>, iterate: &Iterate, square: f64) -> f64 {
        problem.residuals(&self.trial_margins, &mut self.trial_residuals);
        let (mut tangent, mut symmetric, mut change) = (0.0, 0.0, 0.0);
        let margins = self.trial_margins.chunks(64).zip(iterate.margins.chunks(64));
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
        let objective = problem.objective();
        let before = objective.mean_loss(&iterate.margins, problem.labels());
        let by_values = objective.mean_loss(&self.trial_margins, problem.labels()) - before - tangent;
        if !by_values.is_finite() {
            return f64::INFINITY;
        }
        let noise = problem.rounding().along_a_ray(before);
        let bregman = if by_values.abs() > 100.0 * noise { by_values } else { 0.5 * symmetric };
        // The product may be off by this much; what it does to the distance is no reason for a shorter step.
        let allowance = 2.0 * problem.rounding().margins(square.sqrt()) * change.sqrt();
        2.0 * (bregman - allowance) / square + objective.l2
    }

    fn accept(&mut self, problem: &Problem<'_>, iterate: &mut Iterate, at: &Range<usize>) {
        iterate.weights[at.clone()].copy_from_slice(&self.next[at.clone()]);
        std::mem::swap(&mut iterate.margins, &mut self.trial_margins);
        std::mem::swap(&mut iterate.residuals, &mut self.trial_residuals);
        iterate.value =
            problem.smooth_value(&iterate.weights, &iterate.margins) + problem.nonsmooth_value(&iterate.weights);
        iterate.age += 1;
    }

    /// Margins in full, and the whole gradient where it is due.
    fn look_back(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.since = 0;
        if iterate.age > 0 {
            problem.refresh(iterate, &mut self.trial_margins)?;
        }
        self.passes += 1;
        let estimate = problem
            .duality_gap(&iterate.margins, &iterate.weights, &self.gradient)
            .filter(|_| self.lower.is_some())
            .unwrap_or(iterate.stationarity);
        if estimate <= DUE * self.seen || self.passes >= PASSES {
            self.look_at_all(problem, iterate)?;
        }
        Ok(())
    }
}

impl Method for CoordinateDescent {
    fn name(&self) -> &'static str {
        "coordinate-descent"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        if objective.loss.outputs() != 1 {
            let got = format!("{} outputs", objective.loss.outputs());
            return Err(Error::usage(
                "coordinate-descent: loss",
                got,
                "a loss of one output; lbfgs, fista or newton for softmax",
            ));
        }
        match &objective.regularizer {
            Some(h) if !h.is_separable() => Err(Error::usage(
                format!("coordinate-descent with {}", h.name()),
                "a non-smooth part that joins coordinates",
                "l1, elastic net, box or non-negative; fista or proximal-gradient for others",
            )),
            _ => Ok(()),
        }
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let (width, rows) = problem.block_shape()?;
        let taken = ((self.fraction * rows as f64).round() as usize).clamp(1, rows);
        self.width = width;
        self.blocks = (0..rows).step_by(taken).map(|first| first..rows.min(first + taken)).collect();
        for buffer in [&mut self.gradient, &mut self.next] {
            buffer.resize(problem.dimension(), 0.0);
        }
        for buffer in [&mut self.trial_margins, &mut self.trial_residuals] {
            buffer.resize(problem.margin_count(), 0.0);
        }
        self.lengths = vec![0.0; self.blocks.len()];
        self.constants = vec![1.0; self.blocks.len()];
        (self.lower, self.iteration, self.since) = (None, 0, 0);
        problem.prepare_duality_gap()?;
        problem.pullback(&iterate.residuals, &mut self.gradient)?;
        iterate.gradient.copy_from_slice(&self.gradient);
        problem.objective().add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        // Every block begins with the curvature along the whole gradient.
        let square = dot(&iterate.gradient, &iterate.gradient);
        if square > 0.0 {
            problem.margins(&iterate.gradient, &mut self.trial_margins)?;
            let penalized = problem.penalized_dot(&iterate.gradient, &iterate.gradient);
            let curvature =
                problem.curvature_along(&iterate.margins, &self.trial_margins, penalized, &mut self.trial_residuals);
            if (curvature / square).is_normal() {
                self.constants.fill(curvature / square);
            }
        }
        self.take_stock(problem, iterate);
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if self.order == Order::Greedy {
            self.look_at_all(problem, iterate)?;
        }
        let block = self.order.choose(self.iteration, &self.lengths);
        // Round one: the block's gradient.
        let at = self.coordinates(block);
        if self.order != Order::Greedy {
            problem.block_gradient(self.blocks[block].clone(), iterate, &mut self.gradient[at.clone()])?;
        }
        iterate.gradient.copy_from_slice(&self.gradient);
        problem.objective().add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        // Round two: the margins of the step.
        let step = self.descend(problem, iterate, block)?;
        self.iteration += 1;
        self.since += 1;
        self.report(problem, iterate);
        if self.since >= self.blocks.len() {
            self.look_back(problem, iterate)?;
        }
        Ok(Step::Moved { length: step.unwrap_or(0.0) })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if iterate.age > 0 {
            problem.refresh(iterate, &mut self.trial_margins)?;
        }
        self.look_at_all(problem, iterate)
    }

    fn restart(&mut self) {
        // What is known of the blocks may be old.
        self.seen = f64::INFINITY;
    }
}
