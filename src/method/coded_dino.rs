//! # DINO and GIANT beside a code
//!
//! **Algorithm.** Directions of paper 003's workers, values and gradients of certified products. A worker that holds rows of its own,
//! and a shard of the encoded data, sends p_i as DINO's does (or GIANT's, by conjugate gradients); the master keeps it where
//! `<p_i, g> <= -theta |g|^2` with the certified g and `|p_i| <= 10` times the median length, and steps along the mean. F and its
//! slopes on that line come from the certified margins X w and X p.
//!
//! **Requires** a smooth objective. As many liars and stragglers as the code tolerates, and fewer than half the workers: liars can
//! make the direction worse, never the gradient or a value, so that a run ends where a fault-free one does.
//!
//! **Cost.** Three rounds, six communications an iteration: the directions, X p, X' r. The last carries numbers for every row, which
//! is what Table 2's methods do without.

use super::dino::{inner, safeguard};
use super::iterate::Iterate;
use super::line_search::LineSearch;
use super::problem::Problem;
use super::ray::Ray;
use super::{Method, Step, require_smooth};
use crate::error::Result;
use crate::objective::Objective;
use crate::oracle::{Inner, LocalTask, Safeguard};
use crate::params::Params;

/// What workers solve.
#[derive(Debug, Clone, Copy)]
enum Local {
    Dino(Safeguard),
    Newton(Inner),
}

/// DINO, or GIANT without Hessians, with certified gradients.
///
/// ```
/// use steadfast::method::{Method, by_name};
/// assert_eq!(by_name("coded-dino:theta=1")?.name(), "coded-dino");
/// assert_eq!(by_name("coded-giant:theta=0.01")?.name(), "coded-giant");
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct CodedDino {
    local: Local,
    theta: f64,
    direction: Vec<f64>,
    ray: Ray,
}

impl CodedDino {
    /// The names on the command line.
    pub const NAMES: [&str; 2] = ["coded-dino", "coded-giant"];

    /// Whether a method's name with parameters is one of these.
    pub fn is_meant(method: &str) -> bool {
        Self::NAMES.contains(&method.split(':').next().unwrap_or_default().trim())
    }

    /// Of the parsed name `coded-dino`.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        let safeguard = safeguard(options)?;
        Ok(Self::new(Local::Dino(safeguard), safeguard.theta))
    }

    /// Of the parsed name `coded-giant`.
    pub(super) fn parse_giant(options: &mut Params) -> Result<Self> {
        let theta = options.positive("theta", 1e-4)?;
        Ok(Self::new(Local::Newton(inner(options)?), theta))
    }

    fn new(local: Local, theta: f64) -> Self {
        CodedDino { local, theta, direction: Vec::new(), ray: Ray::default() }
    }

    /// One step from margins as they are.
    fn along_kept_directions(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let (weights, gradient) = (Some(iterate.weights.as_slice()), iterate.gradient.as_slice());
        let task = match self.local {
            Local::Dino(safeguard) => LocalTask::Dino { weights, gradient, safeguard },
            Local::Newton(inner) => LocalTask::Newton { weights, gradient, inner },
        };
        problem.kept_mean(&task, self.theta, &mut self.direction)?;
        match self.ray.search(problem, iterate, &self.direction, LineSearch::ARMIJO, Some(1.0))? {
            Some((sample, _)) => {
                self.ray.follow(problem, iterate)?;
                Ok(Step::Moved { length: sample.step })
            }
            None => Ok(Step::Stuck),
        }
    }
}

impl Method for CodedDino {
    fn name(&self) -> &'static str {
        match self.local {
            Local::Dino(_) => Self::NAMES[0],
            Local::Newton(_) => Self::NAMES[1],
        }
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.direction.resize(problem.dimension(), 0.0);
        self.ray.start(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let step = self.along_kept_directions(problem, iterate)?;
        if step != Step::Stuck || iterate.age == 0 {
            return Ok(step);
        }
        // The margins may have drifted.
        self.verify(problem, iterate)?;
        self.along_kept_directions(problem, iterate)
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.ray.verify(problem, iterate)
    }

    fn restart(&mut self) {}
}
