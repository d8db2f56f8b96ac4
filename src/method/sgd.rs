//! # Stochastic gradient descent
//!
//! **Algorithm** (paper 002, section 6.1, eq. (32), with mini-batches and a proximal step). The master draws B rows, recovers
//! them from the workers' encoded X' in one round, takes the mean g of their losses' gradients at w, and steps
//! `w+ = prox_a(w - a (g + l2 w))`. An epoch visits every row once, in a random order of its own (its last batch may be
//! smaller).
//!
//! **Step.** With T steps an epoch, step k from 0 has the length a, `a / (1 + k / T)` or `a / sqrt(1 + k / T)` for the
//! schedules `constant`, `inverse` and `sqrt`. Unless given, `a = 1 / (c R^2 + l2)` with R the norm of the longest row and c
//! the bound of the loss's second derivative (where it has none, the largest at the start): no batch's loss curves more, so that
//! no step overshoots. A constant step ends in a cloud around the optimum whose size it sets; the others shrink it.
//!
//! **Average.** With `average=true` the iterate is the polynomial-decay average of all steps' weights (Shamir and Zhang, 2013,
//! section 4, with eta = 3), which forgets the first ones.
//!
//! **Requires** any differentiable loss, convex or not, and any regularizer with a proximal operator: the master has the data
//! points themselves.
//!
//! **Cost.** One round a step, in which workers send p2 = ceil(d / q) numbers an example and compute nothing. An iteration is an
//! epoch, or as many steps as asked for, and two rounds of products for what is recorded: F and its gradient at the iterate
//! are certified products, and convergence means what it means for every method. It is rarely met: SGD ends by its limits.

use super::iterate::Iterate;
use super::problem::Problem;
use super::vector::{add_scaled, dot, norm};
use super::{Method, Step};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::params::Params;
use crate::seed::Purpose;
use rand::seq::SliceRandom;

/// Rows of a batch where there are so many.
const BATCH: usize = 32;

/// eta of the polynomial-decay average.
const DECAY: f64 = 3.0;

/// Examples whose gradients are added before the sum joins the others.
const BLOCK: usize = 64;

/// How the steps of SGD shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// With the epochs passed, `1 / (1 + e)`.
    Inverse,
    /// With their root, `1 / sqrt(1 + e)`.
    #[default]
    Sqrt,
}

impl Schedule {
    fn parse(options: &mut Params) -> Result<Self> {
        let name: String = options.take("schedule", "sqrt".into())?;
        match name.as_str() {
            "constant" => Ok(Schedule::Constant),
            "inverse" => Ok(Schedule::Inverse),
            "sqrt" => Ok(Schedule::Sqrt),
            other => Err(options.refuse("schedule", other, "constant, inverse or sqrt")),
        }
    }

    /// The share of the first step after so many epochs.
    fn share(self, epochs: f64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Inverse => 1.0 / (1.0 + epochs),
            Schedule::Sqrt => 1.0 / (1.0 + epochs).sqrt(),
        }
    }
}

/// What [`Sgd`] can be told.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SgdOptions {
    /// B; `None`: 32, or all rows where there are fewer.
    pub batch: Option<usize>,
    /// The first step; `None`: from the longest row and the loss's curvature.
    pub step: Option<f64>,
    /// How steps shrink.
    pub schedule: Schedule,
    /// Whether the iterate is an average.
    pub average: bool,
    /// Steps an iteration; `None`: an epoch.
    pub steps: Option<usize>,
}

impl SgdOptions {
    /// Takes `batch`, `step`, `schedule`, `average` and `steps`.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Ok(SgdOptions {
            batch: options.count("batch")?,
            step: options.take_within("step", "a finite number above 0", |x: &f64| x.is_finite() && *x > 0.0)?,
            schedule: Schedule::parse(options)?,
            average: options.take("average", false)?,
            steps: options.count("steps")?,
        })
    }
}

/// Stochastic gradient descent, one round a step.
///
/// ```
/// use steadfast::method::{Method, Sgd, SgdOptions, by_name};
/// assert_eq!(by_name("sgd:batch=8,schedule=constant,average=true")?.name(), "sgd");
/// assert_eq!(Sgd::new(SgdOptions { batch: Some(8), ..SgdOptions::default() }).name(), "sgd");
/// assert!(by_name("sgd:batch=0").is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Sgd {
    options: SgdOptions,
    batch: usize,
    first_step: f64,
    /// Steps taken in this run.
    taken: u64,
    epochs: u64,
    /// The rows in this epoch's order, and how many of them were visited.
    order: Vec<usize>,
    visited: usize,
    /// The last step's weights.
    weights: Vec<f64>,
    average: Vec<f64>,
    examples: Vec<f64>,
    labels: Vec<f64>,
    margins: Vec<f64>,
    residuals: Vec<f64>,
    partial: Vec<f64>,
    gradient: Vec<f64>,
}

impl Sgd {
    /// With these options.
    pub fn new(options: SgdOptions) -> Self {
        Sgd { options, ..Sgd::default() }
    }

    fn steps_an_epoch(&self, rows: usize) -> usize {
        rows.div_ceil(self.batch)
    }

    /// The next rows of the epoch; a new epoch after the last. Returns where they stand in the order.
    fn draw(&mut self, problem: &Problem<'_>) -> std::ops::Range<usize> {
        let n = problem.rows();
        if self.visited == n || self.order.is_empty() {
            self.order.clear();
            self.order.extend(0..n);
            self.order.shuffle(&mut problem.seed().stream(Purpose::Method, 0, self.epochs));
            self.epochs += 1;
            self.visited = 0;
        }
        let batch = self.visited..n.min(self.visited + self.batch);
        self.visited = batch.end;
        batch
    }

    /// The gradient of the smooth part at the weights, over these rows: one round.
    fn batch_gradient(&mut self, problem: &mut Problem<'_>, batch: std::ops::Range<usize>) -> Result<()> {
        let k = problem.objective().loss.outputs();
        let d = self.weights.len() / k;
        let rows = &self.order[batch];
        self.examples.resize(rows.len() * d, 0.0);
        problem.samples(rows, &mut self.examples)?;
        self.labels.clear();
        self.labels.extend(rows.iter().map(|&row| problem.labels()[row]));
        self.margins.clear();
        for x in self.examples.chunks_exact(d) {
            self.margins.extend(self.weights.chunks_exact(d).map(|w| dot(x, w)));
        }
        self.residuals.resize(self.margins.len(), 0.0);
        let scale = 1.0 / rows.len() as f64;
        problem.objective().loss.derivatives(&self.margins, &self.labels, scale, &mut self.residuals);
        self.gradient.fill(0.0);
        for (examples, residuals) in self.examples.chunks(BLOCK * d).zip(self.residuals.chunks(BLOCK * k)) {
            self.partial.fill(0.0);
            for (x, residuals) in examples.chunks_exact(d).zip(residuals.chunks_exact(k)) {
                for (partial, &residual) in self.partial.chunks_exact_mut(d).zip(residuals) {
                    add_scaled(partial, residual, x);
                }
            }
            add_scaled(&mut self.gradient, 1.0, &self.partial);
        }
        problem.objective().add_l2_gradient(&self.weights, &mut self.gradient);
        Ok(())
    }

    /// One step: one round. Returns its length.
    fn step_once(&mut self, problem: &mut Problem<'_>) -> Result<f64> {
        let batch = self.draw(problem);
        self.batch_gradient(problem, batch)?;
        let epochs = self.taken as f64 / self.steps_an_epoch(problem.rows()) as f64;
        let length = self.first_step * self.options.schedule.share(epochs);
        add_scaled(&mut self.weights, -length, &self.gradient);
        problem.prox(length, &mut self.weights);
        self.taken += 1;
        if !norm(&self.weights).is_finite() {
            return Err(Error::Numerical(format!(
                "step {} of length {length:e} left the finite numbers; give a shorter one (sgd:step=…)",
                self.taken
            )));
        }
        if self.options.average {
            let share = (DECAY + 1.0) / (self.taken as f64 + DECAY);
            self.average.iter_mut().zip(&self.weights).for_each(|(mean, w)| *mean += share * (w - *mean));
        }
        Ok(length)
    }

    /// Gradient and stationarity at the iterate, from its residuals: one round.
    fn measure(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        problem.pullback(&iterate.residuals, &mut iterate.gradient)?;
        let gap = problem.duality_gap(&iterate.margins, &iterate.weights, &iterate.gradient);
        iterate.duality_gap = gap.filter(|_| problem.objective().regularizer.is_some()).map(|gap| {
            let noise = problem.rounding().value(iterate.value, norm(&iterate.weights), norm(&iterate.residuals));
            gap.max(noise)
        });
        problem.objective().add_l2_gradient(&iterate.weights, &mut iterate.gradient);
        iterate.stationarity =
            problem.proximal_step_norm(&iterate.weights, &iterate.gradient, self.first_step, &mut self.partial);
        Ok(())
    }
}

impl Method for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn check(&self, _: &Objective) -> Result<()> {
        Ok(())
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let n = problem.rows();
        self.batch = self.options.batch.unwrap_or(BATCH.min(n));
        if self.batch == 0 || self.batch > n {
            return Err(Error::usage("method sgd:batch", self.batch, format!("1 to {n}, the number of rows")));
        }
        let curvature = problem.curvature_bound(&iterate.margins) * problem.longest_row()?.powi(2);
        let by_curvature = 1.0 / (curvature + problem.objective().l2);
        // Data of zeros leave nothing to bound.
        self.first_step = self.options.step.unwrap_or(if by_curvature.is_finite() { by_curvature } else { 1.0 });
        (self.taken, self.epochs, self.visited) = (0, 0, 0);
        self.order.clear();
        self.weights.clone_from(&iterate.weights);
        self.average.clone_from(&iterate.weights);
        self.partial.resize(iterate.weights.len(), 0.0);
        self.gradient.resize(iterate.weights.len(), 0.0);
        problem.prepare_duality_gap()?;
        self.measure(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let mut length = self.first_step;
        for _ in 0..self.options.steps.unwrap_or(self.steps_an_epoch(problem.rows())) {
            length = self.step_once(problem)?;
        }
        iterate.weights.copy_from_slice(if self.options.average { &self.average } else { &self.weights });
        problem.observe(iterate)?;
        self.measure(problem, iterate)?;
        Ok(Step::Moved { length })
    }

    /// Steps depend on nothing that was learnt; the average is the answer itself.
    fn restart(&mut self) {}
}
