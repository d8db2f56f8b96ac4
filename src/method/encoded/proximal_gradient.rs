//! # Proximal gradient on encoded rows
//!
//! **Algorithm.** `w+ = prox_a(w - a g)` with the gradient g of a first-k round and a fixed step, `1/(M (1 + eps))` as in
//! [`EncodedGradientDescent`](super::EncodedGradientDescent), or the one given: `encoded-proximal-gradient:step=X` (Karakus et al. 2019,
//! the theorem on proximal gradient).
//!
//! **Requires** the squared loss; any regularizer with a proximal operator (lasso, elastic net, constraints), or none.
//!
//! **Cost.** One round an iteration. It ends where the proximal step vanishes, or on a plateau of what the rounds say.

use super::plateau::Plateau;
use super::{bounded_step, require_squared};
use crate::error::Result;
use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::vector::add_scaled;
use crate::method::{Method, Step};
use crate::objective::Objective;
use crate::params::Params;

/// Encoded proximal gradient with a fixed step.
///
/// ```
/// use steadfast::method::{EncodedProximalGradient, Method};
/// assert_eq!(EncodedProximalGradient::default().name(), "encoded-proximal-gradient");
/// ```
#[derive(Debug, Default)]
pub struct EncodedProximalGradient {
    given: Option<f64>,
    step: f64,
    estimate: f64,
    plateau: Plateau,
    scratch: Vec<f64>,
}

impl EncodedProximalGradient {
    /// Of the parsed name.
    pub(in crate::method) fn parse(options: &mut Params) -> Result<Self> {
        let fine = |x: &f64| x.is_finite() && *x > 0.0;
        let given = options.take_within("step", "a finite number above 0", fine)?;
        Ok(EncodedProximalGradient { given, ..EncodedProximalGradient::default() })
    }

    /// A round at the iterate: its gradient, and what it says of F.
    fn look(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        let smooth = problem.encoded_gradient(iterate)?;
        self.estimate = smooth + problem.nonsmooth_value(&iterate.weights);
        iterate.stationarity =
            problem.proximal_step_norm(&iterate.weights, &iterate.gradient, self.step, &mut self.scratch);
        Ok(())
    }
}

impl Method for EncodedProximalGradient {
    fn name(&self) -> &'static str {
        "encoded-proximal-gradient"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_squared(self.name(), objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.step = match self.given {
            Some(step) => step,
            None => bounded_step(problem, &iterate.margins)?,
        };
        self.plateau = Plateau::default();
        self.scratch.resize(problem.dimension(), 0.0);
        self.look(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if self.plateau.reached(self.estimate, iterate.stationarity) {
            return Ok(Step::Plateau);
        }
        add_scaled(&mut iterate.weights, -self.step, &iterate.gradient);
        problem.prox(self.step, &mut iterate.weights);
        self.look(problem, iterate)?;
        problem.observe(iterate)?;
        Ok(Step::Moved { length: self.step })
    }

    fn restart(&mut self) {}
}
