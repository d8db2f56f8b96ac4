//! # Gradient descent on encoded rows
//!
//! **Algorithm.** `w+ = w - a g` with the gradient g of a first-k round and `a = 2 zeta/(M (1 + eps))`, zeta = 1/2 (Karakus et al. 2019,
//! theorem on gradient descent): M is F's largest curvature, from 20 steps of the power method on the master's data, 1 + eps what was
//! measured over subsets of k workers; or the step is given, `encoded-gradient-descent:step=X`.
//!
//! **Requires** the squared loss, no regularizer.
//!
//! **Cost.** One round an iteration. It ends where the gradient vanishes, or on a plateau of what the rounds say.

use super::plateau::Plateau;
use super::{bounded_step, require_squared};
use crate::error::Result;
use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::vector::{add_scaled, norm};
use crate::method::{Method, Step, require_smooth};
use crate::objective::Objective;
use crate::params::Params;

/// Encoded gradient descent with a fixed step.
///
/// ```
/// use steadfast::method::{EncodedGradientDescent, Method, by_name};
/// assert_eq!(by_name("encoded-gradient-descent:step=0.5")?.name(), EncodedGradientDescent::default().name());
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct EncodedGradientDescent {
    given: Option<f64>,
    step: f64,
    /// What the last round said of F.
    estimate: f64,
    plateau: Plateau,
}

impl EncodedGradientDescent {
    /// Of the parsed name.
    pub(in crate::method) fn parse(options: &mut Params) -> Result<Self> {
        let fine = |x: &f64| x.is_finite() && *x > 0.0;
        let given = options.take_within("step", "a finite number above 0", fine)?;
        Ok(EncodedGradientDescent { given, ..EncodedGradientDescent::default() })
    }
}

impl Method for EncodedGradientDescent {
    fn name(&self) -> &'static str {
        "encoded-gradient-descent"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)?;
        require_squared(self.name(), objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.step = match self.given {
            Some(step) => step,
            None => bounded_step(problem, &iterate.margins)?,
        };
        self.plateau = Plateau::default();
        self.estimate = problem.encoded_gradient(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        if self.plateau.reached(self.estimate, iterate.stationarity) {
            return Ok(Step::Plateau);
        }
        add_scaled(&mut iterate.weights, -self.step, &iterate.gradient);
        self.estimate = problem.encoded_gradient(iterate)?;
        problem.observe(iterate)?;
        iterate.stationarity = norm(&iterate.gradient);
        Ok(Step::Moved { length: self.step })
    }

    fn restart(&mut self) {}
}
