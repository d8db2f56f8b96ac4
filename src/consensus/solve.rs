//! The loop: iterations until the copies are as close to the optimum as asked.

use std::sync::atomic::{AtomicBool, Ordering};

use super::vector::{distance, norm};
use super::{Algorithm, Counters, System};
use crate::error::{Error, Result};

/// The distance, relative to the optimum, beyond which a method has diverged.
const DIVERGED: f64 = 1e6;

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// `|X - X*| / |X*|` over all stored copies, X* being copies of the optimum of the stacked problem.
    pub tolerance: f64,
    /// Rounds allowed; an iteration that has begun is finished.
    pub rounds: u64,
    /// Iterations from one look at the copies to the next, at least 1: only then are they read from the device, held against the
    /// optimum, and recorded.
    pub every: usize,
    /// Set from outside to stop after the current iteration.
    pub cancel: Option<&'a AtomicBool>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { tolerance: 1e-8, rounds: 100_000, every: 1, cancel: None }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The tolerance was met.
    Converged,
    /// The allowed rounds passed first.
    RoundLimit,
    /// The user stopped it.
    Interrupted,
}

impl Status {
    /// The kebab-case name in records.
    pub fn name(self) -> &'static str {
        match self {
            Status::Converged => "converged",
            Status::RoundLimit => "round-limit",
            Status::Interrupted => "interrupted",
        }
    }

    /// The command line's exit status: 0 solved, 4 stopped by the limit, 130 interrupted.
    pub fn exit_status(self) -> u8 {
        match self {
            Status::Converged => 0,
            Status::RoundLimit => 4,
            Status::Interrupted => 130,
        }
    }
}

/// An iteration after which the copies were looked at, as in the record.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ConsensusIteration {
    /// From 1 on.
    pub iteration: usize,
    /// Rounds, numbers sent, time and dropped links since the start.
    #[serde(flatten)]
    pub counters: Counters,
    /// Gradients or minima that each node has computed since the start.
    pub gradients: u64,
    /// `|X - X*| / |X*|`.
    pub error: f64,
    /// Distance of the copies from their means, relative to `|X*|`.
    pub disagreement: f64,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// The means of the nodes' copies: a point of the stacked problem.
    pub point: Vec<f64>,
    /// Look by look.
    pub iterations: Vec<ConsensusIteration>,
}

/// Runs `method` on `system` until its copies are within the tolerance of `optimum`
/// ([`PartitionedProblem::optimum`](super::PartitionedProblem::optimum)), which the method itself never sees.
///
/// ```
/// use steadfast::consensus::{LinkFaults, Options, Ridge, Status, System, method_by_name, random_problem, solve};
/// use steadfast::network::{MatrixKind, Weighting, crown_users, graph_by_name};
/// use steadfast::seed::Seed;
/// let graph = graph_by_name("ring-of-cliques:cliques=4,size=4", Seed(0))?;
/// let problem = random_problem("random:block=2", &crown_users(4, 4), Seed(0))?;
/// let optimum = problem.optimum()?;
/// let (kind, weighting) = (MatrixKind::Partitioned, Weighting::Unit);
/// let mut system = System::new(&problem, &graph, kind, weighting, Ridge::Same, LinkFaults::default(), Seed(0))?;
/// let mut method = method_by_name("msda", &mut system)?;
/// let answer = solve(&mut system, method.as_mut(), &optimum, &Options::default())?;
/// assert_eq!(answer.status, Status::Converged);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for a tolerance that is none or no look at all; [`Error::Numerical`] where the method diverges or a node's
/// minimum can't be found; failures of the device.
pub fn solve(
    system: &mut System<'_>,
    method: &mut dyn Algorithm,
    optimum: &[f64],
    options: &Options<'_>,
) -> Result<Answer> {
    if !(options.tolerance.is_finite() && options.tolerance >= 0.0) {
        return Err(Error::usage("--tolerance", options.tolerance, "a finite number, at least 0"));
    }
    if options.every == 0 {
        return Err(Error::usage("--every", 0, "1 or more iterations"));
    }
    let wanted = system.copies(optimum);
    // An optimum of 0 has no relative distance.
    let scale = if norm(&wanted) > 0.0 { norm(&wanted) } else { 1.0 };
    let mut iterations = Vec::new();
    let mut point = vec![0.0; system.len()];
    let mut iteration = 0;
    loop {
        iteration += 1;
        method.step(system)?;
        let counters = system.exchange().counters();
        let cancelled = options.cancel.is_some_and(|flag| flag.load(Ordering::SeqCst));
        if !(iteration % options.every == 0 || cancelled || counters.rounds >= options.rounds) {
            continue;
        }
        system.read(method.point(), &mut point)?;
        let error = distance(&point, &wanted) / scale;
        if !error.is_finite() || error > DIVERGED {
            return Err(Error::Numerical(format!(
                "the method diverged: error {error:.3e} after iteration {iteration}"
            )));
        }
        let mean = system.mean(&point);
        iterations.push(ConsensusIteration {
            iteration,
            counters,
            gradients: system.gradients(),
            error,
            disagreement: distance(&point, &system.copies(&mean)) / scale,
        });
        let status = if error <= options.tolerance {
            Status::Converged
        } else if cancelled {
            Status::Interrupted
        } else if counters.rounds >= options.rounds {
            Status::RoundLimit
        } else {
            continue;
        };
        return Ok(Answer { status, point: mean, iterations });
    }
}
