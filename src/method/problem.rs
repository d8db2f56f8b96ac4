//! What a method works on: certified products, an objective, labels; and the tally of the rounds that it asks for.

mod blocks;
mod directions;
mod encoded;
mod gradients;
mod hessians;
mod local;
mod samples;

use super::iterate::Iterate;
use super::rounding::Rounding;
use super::vector::{add_scaled, distance, dot, norm};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::oracle::{Certainty, Counters, HessianOracle, HessianRound, ProductOracle, Rounds};
use crate::seed::Seed;
use directions::DirectionRef;
use encoded::EncodedRef;
use gradients::GradientRef;
use hessians::HessianRef;
use local::LocalRef;

/// A problem as a method sees it: `F(w) = mean loss + l2 + regularizer`, with every product of X from an oracle. A method
/// asks for rounds here and nowhere else, so each one is counted and its certificate kept.
#[derive(Debug)]
pub struct Problem<'a> {
    oracle: OracleRef<'a>,
    objective: &'a Objective,
    labels: &'a [f64],
    tally: Rounds,
    rounding: Rounding,
    /// `X'1 / n`, once it was asked for.
    column_means: Vec<f64>,
    hessian: Option<HessianRef<'a>>,
    directions: Option<DirectionRef<'a>>,
    gradients: Option<GradientRef<'a>>,
    encoded: Option<EncodedRef<'a>>,
    local: Option<LocalRef<'a>>,
    seed: Seed,
    curvature: Vec<f64>,
    /// Made of what the last Hessian was.
    last_hessian: Option<HessianRound>,
}

struct OracleRef<'a>(&'a mut dyn ProductOracle);

impl std::fmt::Debug for OracleRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProductOracle({} x {})", self.0.rows(), self.0.cols())
    }
}

impl<'a> Problem<'a> {
    /// Joins an oracle of X (n x d), an objective and n labels.
    ///
    /// # Errors
    /// [`Error::Usage`] when the labels don't match the rows, or l2 is negative or not finite; [`Error::Input`] for a label
    /// that the loss does not take.
    pub fn new(oracle: &'a mut dyn ProductOracle, objective: &'a Objective, labels: &'a [f64]) -> Result<Self> {
        let (n, d) = (oracle.rows(), oracle.cols());
        if n == 0 || d == 0 {
            return Err(Error::usage("data", format!("{n} x {d}"), "at least one row and one column"));
        }
        if labels.len() != n {
            return Err(Error::usage("labels", labels.len(), format!("one a row: {n}")));
        }
        objective.check(labels)?;
        let rounding = Rounding::new(oracle.unit_roundoff(), n, d);
        Ok(Problem {
            oracle: OracleRef(oracle),
            objective,
            labels,
            tally: no_rounds(),
            rounding,
            column_means: vec![],
            hessian: None,
            directions: None,
            gradients: None,
            encoded: None,
            local: None,
            seed: Seed::default(),
            curvature: vec![],
            last_hessian: None,
        })
    }

    /// With an oracle that forms Hessians, for methods that want one.
    pub fn with_hessian(mut self, oracle: Option<&'a mut dyn HessianOracle>) -> Self {
        self.hessian = oracle.map(HessianRef);
        self
    }

    /// With a seed for the method's own random choices; without one it is 0.
    pub fn with_seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// Of the method's own random choices.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// n.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// K d: the numbers of a weight vector, K rows of d.
    pub fn dimension(&self) -> usize {
        self.objective.loss.outputs() * self.oracle.0.cols()
    }

    /// n K: the numbers of a margin vector, n rows of K.
    pub fn margin_count(&self) -> usize {
        self.rows() * self.objective.loss.outputs()
    }

    /// The objective.
    pub fn objective(&self) -> &'a Objective {
        self.objective
    }

    /// The labels, one a row.
    pub fn labels(&self) -> &'a [f64] {
        self.labels
    }

    /// What rounding can explain, from what was seen so far.
    pub fn rounding(&self) -> &Rounding {
        &self.rounding
    }

    /// Runs `work`, whose products are neither margins of weights nor gradients: their certificates say nothing of those.
    pub(super) fn aside<V>(&mut self, work: impl FnOnce(&mut Self) -> Result<V>) -> Result<V> {
        let before = self.rounding;
        let done = work(self);
        self.rounding = self.rounding.with_bounds_of(before);
        done
    }

    /// The fleet's counts so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.oracle.0.counters();
        if let Some(oracle) = &self.hessian {
            counters.add(&oracle.0.counters());
        }
        if let Some(oracle) = &self.directions {
            counters.add(&oracle.0.counters());
        }
        if let Some(oracle) = &self.gradients {
            counters.add(&oracle.0.counters());
        }
        if let Some(oracle) = &self.encoded {
            counters.add(&oracle.counters());
        }
        if let Some(oracle) = &self.local {
            counters.add(&oracle.0.counters());
        }
        counters
    }

    /// What the Hessian of the last step was made of; nothing where none was formed.
    pub(super) fn take_last_hessian(&mut self) -> Option<HessianRound> {
        self.last_hessian.take()
    }

    /// What happened in the rounds since the last call.
    pub fn take_tally(&mut self) -> Rounds {
        std::mem::replace(&mut self.tally, no_rounds())
    }

    /// `X W'` for `weights` (K x d) into `out` (n x K): one round.
    ///
    /// # Errors
    /// As [`ProductOracle::margins`]; [`Error::Numerical`] when the value is not finite.
    pub fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
        self.oracle.0.margins(weights, out)?;
        let bound = self.count_round();
        let (broadcast, value) = (norm(weights), norm(out));
        self.rounding.saw_margins(broadcast, value, bound);
        finite(value, "margins")
    }

    /// `U' X` for `residuals` (n x K) into `out` (K x d): one round.
    ///
    /// # Errors
    /// As [`ProductOracle::pullback`]; [`Error::Numerical`] when the value is not finite.
    pub fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        self.oracle.0.pullback(residuals, out)?;
        let bound = self.count_round();
        let (broadcast, value) = (norm(residuals), norm(out));
        self.rounding.saw_pullback(broadcast, value, bound);
        finite(value, "the gradient")
    }

    /// Adds the last round to the tally and returns the certificate's bound.
    fn count_round(&mut self) -> f64 {
        let round = self.oracle.0.drain();
        let bound = round.bound;
        merge(&mut self.tally.late, &round.late);
        merge(&mut self.tally.liars, &round.liars);
        self.tally.residual = self.tally.residual.max(round.residual);
        self.tally.bound = self.tally.bound.max(round.bound);
        self.tally.certainty = self.tally.certainty.worst(round.certainty);
        self.tally.seconds += round.seconds;
        bound
    }

    /// The smooth part of F: mean loss and l2, no round.
    pub fn smooth_value(&self, weights: &[f64], margins: &[f64]) -> f64 {
        self.objective.mean_loss(margins, self.labels) + self.objective.l2_value(weights)
    }

    /// The regularizer's part of F; 0 without one.
    pub fn nonsmooth_value(&self, weights: &[f64]) -> f64 {
        self.objective.regularizer.as_ref().map_or(0.0, |h| h.value(weights))
    }

    /// The mean loss's derivatives at the margins (n x K), no round.
    pub fn residuals(&self, margins: &[f64], out: &mut [f64]) {
        self.objective.residuals(margins, self.labels, out);
    }

    /// `argmin_u step h(u) + |u - w|^2 / 2`, in place; nothing without a regularizer.
    pub fn prox(&self, step: f64, weights: &mut [f64]) {
        if let Some(regularizer) = &self.objective.regularizer {
            regularizer.prox(step, weights);
        }
    }

    /// `a . b` without the intercept's entries: the inner product whose square is `|w|^2` of the l2 term.
    pub fn penalized_dot(&self, a: &[f64], b: &[f64]) -> f64 {
        if !self.objective.intercept {
            return dot(a, b);
        }
        let d = self.oracle.0.cols();
        a.chunks_exact(d).zip(b.chunks_exact(d)).map(|(a, b)| dot(&a[..d - 1], &b[..d - 1])).sum()
    }

    /// `|a - b|` without the intercept's entries.
    pub fn penalized_distance(&self, a: &[f64], b: &[f64]) -> f64 {
        if !self.objective.intercept {
            return distance(a, b);
        }
        let d = self.oracle.0.cols();
        let squares = a.chunks_exact(d).zip(b.chunks_exact(d)).map(|(a, b)| distance(&a[..d - 1], &b[..d - 1]).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// Second derivative of the smooth part along a direction with margins `direction_margins` and penalized square
    /// `penalized_square`: no round. `scratch` holds n K numbers.
    pub fn curvature_along(
        &self,
        margins: &[f64],
        direction_margins: &[f64],
        penalized_square: f64,
        scratch: &mut [f64],
    ) -> f64 {
        self.objective.hessian_residuals(margins, self.labels, direction_margins, scratch);
        dot(scratch, direction_margins) + self.objective.l2 * penalized_square
    }

    /// An upper bound of the loss's second derivative at these margins: the loss's own, or else the largest Frobenius
    /// norm of the K x K second derivatives.
    pub fn curvature_bound(&self, margins: &[f64]) -> f64 {
        let loss = &self.objective.loss;
        loss.curvature_bound().unwrap_or_else(|| {
            let k = loss.outputs();
            let (mut basis, mut column) = (vec![0.0; k], vec![0.0; k]);
            let square = self.labels.iter().zip(margins.chunks_exact(k)).fold(0.0, |largest: f64, (&label, z)| {
                let mut square = 0.0;
                for j in 0..k {
                    basis[j] = 1.0;
                    loss.second_derivative(z, label, &basis, &mut column);
                    basis[j] = 0.0;
                    square += column.iter().map(|x| x * x).sum::<f64>();
                }
                largest.max(square)
            });
            square.sqrt()
        })
    }

    /// The duality gap at `weights`, where the objective has one; `loss_gradient` is `X' r` without l2. No round.
    pub fn duality_gap(&self, margins: &[f64], weights: &[f64], loss_gradient: &[f64]) -> Option<f64> {
        self.objective.duality_gap_centred(margins, self.labels, weights, loss_gradient, &self.column_means)
    }

    /// Computes the column means `X'1 / n` that the duality gap needs beside a free intercept: one round then, none else.
    ///
    /// # Errors
    /// As [`Problem::pullback`].
    pub(super) fn prepare_duality_gap(&mut self) -> Result<()> {
        if self.objective.intercept && self.objective.regularizer.is_some() && self.column_means.is_empty() {
            let mut means = vec![0.0; self.oracle.0.cols()];
            self.pullback(&vec![1.0 / self.rows() as f64; self.rows()], &mut means)?;
            self.column_means = means;
        }
        Ok(())
    }

    /// Gradient of the smooth part at the iterate, from its residuals, or of workers that send whole gradients: one round.
    ///
    /// # Errors
    /// As [`Problem::pullback`] and [`GradientOracle::gradient`](crate::oracle::GradientOracle::gradient).
    pub fn gradient(&mut self, iterate: &mut Iterate) -> Result<()> {
        if !self.worker_gradient(&iterate.weights, &mut iterate.gradient)? {
            self.pullback(&iterate.residuals, &mut iterate.gradient)?;
        }
        self.objective.add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        Ok(())
    }

    /// Computes the iterate's margins, value and residuals afresh: one round. Keeps the relative change of the margins in
    /// [`Iterate::drift`].
    ///
    /// # Errors
    /// As [`Problem::margins`].
    pub fn refresh(&mut self, iterate: &mut Iterate, scratch: &mut [f64]) -> Result<()> {
        self.margins(&iterate.weights, scratch)?;
        let change = distance(scratch, &iterate.margins);
        let size = norm(scratch);
        iterate.drift = iterate.drift.max(if change > 0.0 { change / size } else { 0.0 });
        iterate.margins.copy_from_slice(scratch);
        self.evaluate(iterate);
        Ok(())
    }

    /// The same at weights that margins were not carried along to.
    ///
    /// # Errors
    /// As [`Problem::margins`].
    pub(super) fn observe(&mut self, iterate: &mut Iterate) -> Result<()> {
        self.margins(&iterate.weights, &mut iterate.margins)?;
        self.evaluate(iterate);
        Ok(())
    }

    /// Value and residuals of the iterate's fresh margins: no round.
    fn evaluate(&self, iterate: &mut Iterate) {
        iterate.age = 0;
        iterate.value = self.smooth_value(&iterate.weights, &iterate.margins) + self.nonsmooth_value(&iterate.weights);
        self.residuals(&iterate.margins, &mut iterate.residuals);
    }

    /// `|w - prox(w - s g)| / s`, the norm of the proximal-gradient step at `weights` (the gradient's norm without a
    /// regularizer): no round. `scratch` holds K d numbers.
    pub fn proximal_step_norm(&self, weights: &[f64], gradient: &[f64], step: f64, scratch: &mut [f64]) -> f64 {
        if self.objective.regularizer.is_none() {
            return norm(gradient);
        }
        scratch.copy_from_slice(weights);
        add_scaled(scratch, -step, gradient);
        self.prox(step, scratch);
        distance(weights, scratch) / step
    }
}

fn no_rounds() -> Rounds {
    Rounds { late: vec![], liars: vec![], residual: 0.0, bound: 0.0, certainty: Certainty::Certified, seconds: 0.0 }
}

/// Adds the numbers of `more` to the ascending list `all`.
pub(super) fn merge(all: &mut Vec<usize>, more: &[usize]) {
    for &worker in more {
        if let Err(place) = all.binary_search(&worker) {
            all.insert(place, worker);
        }
    }
}

fn finite(norm: f64, what: &str) -> Result<()> {
    if norm.is_finite() {
        return Ok(());
    }
    Err(Error::Numerical(format!("{what} left the finite numbers (norm {norm}); scale the features or raise l2")))
}
