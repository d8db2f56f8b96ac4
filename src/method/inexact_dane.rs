//! # InexactDANE and AIDE
//!
//! **Algorithm** (Reddi, Konecny, Richtarik, Poczos and Smola, 2016, as paper 003 compares them). Every worker lowers
//! `f_i(u) - <grad f_i(w) - eta g, u> + (mu/2) |u - w|^2` from u = w by steps of SVRG on samples of its rows; the master averages
//! what they end at. AIDE applies one such iteration to `f + (tau/2) |. - y|^2` and extrapolates y as Nesterov's method does.
//!
//! **Requires** a smooth objective and a step: there is no line search, and too large a one diverges.
//!
//! **Cost.** Four communications an iteration, one less at the start.

use super::iterate::Iterate;
use super::problem::Problem;
use super::{Method, Step, require_smooth};
use crate::error::Result;
use crate::objective::Objective;
use crate::oracle::LocalTask;
use crate::params::Params;

/// Samples of a worker an iteration, as paper 003 runs them.
const SAMPLES: usize = 50;

/// Nesterov's extrapolation of AIDE, without a strong convexity to know: q = 0.
#[derive(Debug)]
struct Acceleration {
    tau: f64,
    zeta: f64,
    point: Vec<f64>,
    before: Vec<f64>,
}

impl Acceleration {
    /// zeta at the start.
    const START: f64 = 0.5;

    fn new(tau: f64) -> Self {
        Acceleration { tau, zeta: Self::START, point: Vec::new(), before: Vec::new() }
    }

    /// y moves beyond `weights`, by how far they came.
    fn extrapolate(&mut self, weights: &[f64]) {
        let square = self.zeta * self.zeta;
        // The root in (0, 1) of z^2 = (1 - z) zeta^2.
        let next = (-square + (square * square + 4.0 * square).sqrt()) / 2.0;
        let beta = self.zeta * (1.0 - self.zeta) / (square + next);
        let moved = weights.iter().zip(&self.before);
        self.point.iter_mut().zip(moved).for_each(|(y, (w, before))| *y = w + beta * (w - before));
        self.zeta = next;
    }
}

/// InexactDANE, or AIDE where it accelerates.
///
/// ```
/// use steadfast::method::{Method, by_name};
/// assert_eq!(by_name("inexact-dane:step=0.1")?.name(), "inexact-dane");
/// assert_eq!(by_name("aide:step=0.1,tau=10")?.name(), "aide");
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct InexactDane {
    step: f64,
    eta: f64,
    mu: f64,
    samples: usize,
    acceleration: Option<Acceleration>,
}

impl InexactDane {
    /// Of the parsed name `inexact-dane`.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let mu = options.take_within("mu", "a finite number, at least 0", |x: &f64| x.is_finite() && *x >= 0.0)?;
        Ok(InexactDane {
            step: options.positive("step", 0.1)?,
            eta: options.positive("eta", 1.0)?,
            mu: mu.unwrap_or(0.0),
            samples: options.count("samples")?.unwrap_or(SAMPLES),
            acceleration: None,
        })
    }

    /// Of the parsed name `aide`.
    pub(super) fn parse_accelerated(options: &mut Params) -> Result<Self> {
        let tau = options.positive("tau", 1.0)?;
        Ok(InexactDane { acceleration: Some(Acceleration::new(tau)), ..Self::parse(options)? })
    }
}

impl Method for InexactDane {
    fn name(&self) -> &'static str {
        if self.acceleration.is_some() { "aide" } else { "inexact-dane" }
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        if let Some(acceleration) = &mut self.acceleration {
            acceleration.zeta = Acceleration::START;
            acceleration.point.clone_from(&iterate.weights);
            acceleration.before.clear();
        }
        problem.local_gradient(iterate, 0)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let (mut gradient, mut pull) = (iterate.gradient.clone(), self.mu);
        if let Some(acceleration) = &mut self.acceleration {
            if !acceleration.before.is_empty() {
                acceleration.extrapolate(&iterate.weights);
            }
            acceleration.before.clone_from(&iterate.weights);
            let tau = acceleration.tau;
            let away = iterate.weights.iter().zip(&acceleration.point);
            gradient.iter_mut().zip(away).for_each(|(g, (w, y))| *g += tau * (w - y));
            pull += tau;
        }
        gradient.iter_mut().for_each(|g| *g *= self.eta);
        let mut mean = vec![0.0; gradient.len()];
        let (step, samples) = (self.step, self.samples);
        let task = LocalTask::Svrg { weights: &iterate.weights, gradient: &gradient, pull, step, samples };
        problem.local_mean(&task, &mut mean)?;
        iterate.weights = mean;
        problem.local_gradient(iterate, gradient.len())?;
        Ok(Step::Moved { length: step })
    }

    fn restart(&mut self) {}
}
