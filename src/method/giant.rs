//! # GIANT
//!
//! **Algorithm** (Wang, Roosta-Khorasani, Xu and Mahoney, 2018, algorithm 1). Every worker i solves `H_i p_i = -g` with the exact
//! gradient g and the Hessian H_i of its own rows, second derivatives at the iterate and l2 included; the master averages,
//! `p = (1/m) sum_i p_i` (the harmonic mean of the Hessians is what is inverted), and takes an Armijo step along p from 1.
//!
//! **Stragglers** (the three ways of paper 001, section 4.1): `wait` for every worker; `coding`, where groups of workers hold
//! the same rows and the first of each group counts; `ignore`, where the first m - s count. Gradient and line search stand on
//! certified products in all three, so an average over fewer workers is another direction and never another answer.
//!
//! **Requires** a convex smooth loss with second derivatives and l2 > 0, so that every H_i is invertible. Parts should be alike:
//! rows sorted by label make it slow.
//!
//! **Cost.** Three rounds an iteration: the directions, `X p` for the whole line search, `X' r` for the new gradient. A
//! worker factors a d K x d K matrix.

use super::iterate::Iterate;
use super::line_search::LineSearch;
use super::problem::Problem;
use super::ray::Ray;
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::params::Params;

/// Armijo with the share of the expected decrease that GIANT's authors ask for. Averages of inverses are too long where parts differ;
/// a small share would accept unit steps that overshoot the minimizer nearly twofold, and gain next to nothing.
const SEARCH: LineSearch = LineSearch { sufficient_decrease: 0.1, ..LineSearch::ARMIJO };

/// What GIANT's master does about workers that are late with their directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stragglers {
    /// Waits for them.
    #[default]
    Wait,
    /// Has others with the same rows: gradient coding.
    Coding,
    /// Goes on without their rows.
    Ignore,
}

impl Stragglers {
    /// Takes `stragglers=wait|coding|ignore`.
    fn parse(options: &mut Params) -> Result<Self> {
        let name: String = options.take("stragglers", "wait".into())?;
        match name.as_str() {
            "wait" => Ok(Stragglers::Wait),
            "coding" => Ok(Stragglers::Coding),
            "ignore" => Ok(Stragglers::Ignore),
            other => Err(options.refuse("stragglers", other, "wait, coding or ignore")),
        }
    }
}

/// GIANT: globally improved approximate Newton directions.
///
/// ```
/// use steadfast::method::{Giant, Method, Stragglers, by_name};
/// assert_eq!(by_name("giant:stragglers=coding")?.name(), "giant");
/// assert_eq!(Giant::stragglers_of("giant:stragglers=coding")?, Some(Stragglers::Coding));
/// assert_eq!(Giant::stragglers_of("lbfgs")?, None);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Giant {
    direction: Vec<f64>,
    ray: Ray,
}

impl Giant {
    /// What a method's name on the command line says about stragglers; nothing for other methods.
    ///
    /// # Errors
    /// [`Error::Usage`] for another value.
    pub fn stragglers_of(method: &str) -> Result<Option<Stragglers>> {
        let mut options = Params::parse("method", method)?;
        if options.name() != "giant" { Ok(None) } else { Stragglers::parse(&mut options).map(Some) }
    }

    /// Of the parsed name; what the stragglers' handling means for workers is their oracle's.
    pub(super) fn parse(options: &mut Params) -> Result<Self> {
        Stragglers::parse(options).map(|_| Giant::default())
    }

    /// One step from margins as they are.
    fn along_local_directions(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        problem.local_direction(iterate, &mut self.direction)?;
        match self.ray.search(problem, iterate, &self.direction, SEARCH, Some(1.0))? {
            Some((sample, _)) => {
                self.ray.follow(problem, iterate)?;
                Ok(Step::Moved { length: sample.step })
            }
            None => Ok(Step::Stuck),
        }
    }
}

impl Method for Giant {
    fn name(&self) -> &'static str {
        "giant"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)?;
        if objective.l2.is_nan() || objective.l2 <= 0.0 {
            return Err(Error::usage(
                "method giant with --l2",
                objective.l2,
                "above 0: every worker inverts the Hessian of its own rows",
            ));
        }
        if objective.loss.curvature_form().is_some() {
            return Ok(());
        }
        Err(Error::usage(
            format!("method giant with loss {}", objective.loss.id().name),
            "a loss without convex second derivatives",
            "lbfgs or gradient-descent for it",
        ))
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.direction.resize(problem.dimension(), 0.0);
        self.ray.start(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let step = self.along_local_directions(problem, iterate)?;
        if step != Step::Stuck || iterate.age == 0 {
            return Ok(step);
        }
        // The margins may have drifted.
        self.verify(problem, iterate)?;
        self.along_local_directions(problem, iterate)
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.ray.verify(problem, iterate)
    }

    fn restart(&mut self) {}
}
