//! The solve loop: what every method shares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::iterate::Iterate;
use super::problem::{Problem, merge};
use super::rounding::{Floor, Stall, floor};
use super::status::{Criterion, Status};
use super::{Method, Step};
use crate::error::{Error, Result};
use crate::oracle::Rounds;
use crate::trace::{IterationRecord, Observer};

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolveOptions {
    /// Iterations allowed.
    pub iterations: usize,
    /// The gradient norm, duality gap or proximal-step norm to reach; 0 goes on until rounding.
    pub tolerance: f64,
    /// Wall time allowed, checked between iterations.
    pub time_limit: Option<Duration>,
}

impl Default for SolveOptions {
    fn default() -> Self {
        SolveOptions { iterations: 5_000, tolerance: 1e-9, time_limit: None }
    }
}

impl SolveOptions {
    fn check(&self) -> Result<()> {
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(Error::usage("tolerance", self.tolerance, "a finite number, at least 0"));
        }
        Ok(())
    }
}

/// What a run found.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// w, K x d, row-major.
    pub weights: Vec<f64>,
    /// How it ended.
    pub status: Status,
    /// The record of the last iteration: F, norms, rounds, floats, times.
    pub last: IterationRecord,
    /// Every worker that was named a liar in some round, ascending.
    pub liars: Vec<usize>,
    /// Every worker that was late or silent in some round, ascending.
    pub late: Vec<usize>,
    /// Typical rounding error of F at w.
    pub value_error: f64,
    /// Largest error of the gradient at w that the certificates and rounding allow.
    pub gradient_error: f64,
    /// Bound on F(w) - F*, rounding included, where there is one: `(|g| + error)^2 / (2 l2)` for a smooth objective
    /// whose every weight is penalized; where the method has a duality gap, that and what errors of `X' r` (times `|w|_1`:
    /// a dual point scaled back into its set) and of F do to it.
    pub gap_bound: Option<f64>,
    /// Largest relative difference between margins carried along and margins computed in full.
    pub margin_drift: f64,
}

/// Runs `method` from `start` (K x d) until a criterion, rounding or a limit ends it.
///
/// Observers see the start as iteration 0 and then each finished iteration, in order; what an error cuts short, they have
/// seen up to the last finished one. `cancel` is read between iterations.
///
/// # Errors
/// [`Error::Usage`] for a start or options that can't be used or a method that can't solve the objective; those of the
/// rounds, [`Error::TooManyFaults`] first of all; [`Error::Numerical`] when F leaves the finite numbers or no step
/// decreases it although its gradient is above rounding; those of the observers.
///
/// ```
/// # use std::sync::Arc;
/// # use std::sync::atomic::AtomicBool;
/// # use steadfast::coding::Certainty;
/// # use steadfast::fleet::Counters;
/// # use steadfast::method::{Problem, SolveOptions, for_objective, solve};
/// # use steadfast::objective::{LeastSquares, Objective};
/// # use steadfast::oracle::{ProductOracle, Rounds};
/// /// X = [2], in place of a fleet.
/// struct Two(Counters);
/// impl ProductOracle for Two {
///     fn rows(&self) -> usize { 1 }
///     fn cols(&self) -> usize { 1 }
///     fn margins(&mut self, w: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
///         self.0.rounds += 1;
///         out[0] = 2.0 * w[0];
///         Ok(())
///     }
///     fn pullback(&mut self, r: &[f64], out: &mut [f64]) -> steadfast::Result<()> {
///         self.margins(r, out)
///     }
/// #   fn drain(&mut self) -> Rounds {
/// #       let certainty = Certainty::Certified;
/// #       Rounds { late: vec![], liars: vec![], residual: 0.0, bound: 0.0, certainty, seconds: 0.0 }
/// #   }
/// #   fn counters(&self) -> Counters { self.0 }
/// #   fn unit_roundoff(&self) -> f64 { f64::EPSILON / 2.0 }
///     // ... what happened in the rounds, the fleet's counts, the unit round-off
/// }
/// let objective = Objective { loss: Arc::new(LeastSquares), l2: 1.0, regularizer: None, intercept: false };
/// let mut oracle = Two(Counters::default());
/// let mut problem = Problem::new(&mut oracle, &objective, &[5.0])?;
/// let mut method = for_objective("auto", &objective)?;
/// let options = SolveOptions::default();
/// let outcome = solve(method.as_mut(), &mut problem, vec![0.0], &options, &mut [], &AtomicBool::new(false))?;
/// // (2w - 5)^2 / 2 + w^2 / 2 is least at w = 2, found by one step along the gradient.
/// assert!((outcome.weights[0] - 2.0).abs() < 1e-9 && outcome.status.is_solved());
/// assert_eq!(outcome.last.iteration, 1);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn solve(
    method: &mut dyn Method,
    problem: &mut Problem<'_>,
    start: Vec<f64>,
    options: &SolveOptions,
    observers: &mut [&mut dyn Observer],
    cancel: &AtomicBool,
) -> Result<Outcome> {
    options.check()?;
    method.check(problem.objective())?;
    let mut run = Run::begin(options, observers, cancel);
    let mut iterate = Iterate::new(problem, start)?;
    method.start(problem, &mut iterate)?;
    let mut ended = run.finish_iteration(method, problem, &mut iterate, 0.0)?;
    let status = loop {
        if let Some(status) = ended {
            break status;
        }
        ended = match method.step(problem, &mut iterate)? {
            Step::Moved { length } => run.finish_iteration(method, problem, &mut iterate, length)?,
            Step::Rounding => {
                run.account(problem);
                Some(Status::Rounding)
            }
            Step::Plateau => {
                run.account(problem);
                Some(Status::Plateau)
            }
            Step::Stuck => Some(run.stuck(problem, &iterate)?),
        };
    };
    Ok(run.outcome(problem, iterate, status))
}

/// The state of a run that is not the method's.
struct Run<'r, 'o> {
    options: &'r SolveOptions,
    observers: &'r mut [&'o mut dyn Observer],
    cancel: &'r AtomicBool,
    began: Instant,
    virtual_seconds: f64,
    stall: Stall,
    next: usize,
    last: IterationRecord,
    liars: Vec<usize>,
    late: Vec<usize>,
}

impl<'r, 'o> Run<'r, 'o> {
    fn begin(options: &'r SolveOptions, observers: &'r mut [&'o mut dyn Observer], cancel: &'r AtomicBool) -> Self {
        Run {
            options,
            observers,
            cancel,
            began: Instant::now(),
            virtual_seconds: 0.0,
            stall: Stall::new(),
            next: 0,
            last: IterationRecord::default(),
            liars: vec![],
            late: vec![],
        }
    }

    /// Verifies a claimed convergence, records the iteration, and says whether the run is over.
    fn finish_iteration(
        &mut self,
        method: &mut dyn Method,
        problem: &mut Problem<'_>,
        iterate: &mut Iterate,
        step: f64,
    ) -> Result<Option<Status>> {
        if self.converged(problem, iterate).is_some() {
            method.verify(problem, iterate)?;
        }
        if !(iterate.value.is_finite() && iterate.stationarity.is_finite()) {
            let (value, norm) = (iterate.value, iterate.stationarity);
            return Err(Error::Numerical(format!("the objective became {value}, its gradient norm {norm}")));
        }
        self.record(problem, iterate, step)?;
        if let Some(criterion) = self.converged(problem, iterate) {
            return Ok(Some(Status::Converged { criterion }));
        }
        if self.stall.notice(problem, iterate) {
            if iterate.stationarity <= floor(problem, iterate).gradient {
                return Ok(Some(Status::Rounding));
            }
            method.restart();
        }
        Ok(self.limit())
    }

    fn converged(&self, problem: &Problem<'_>, iterate: &Iterate) -> Option<Criterion> {
        let (criterion, measure) = match (iterate.duality_gap, &problem.objective().regularizer) {
            (Some(gap), _) => (Criterion::DualityGap, gap),
            (None, Some(_)) => (Criterion::ProximalStep, iterate.stationarity),
            (None, None) => (Criterion::GradientNorm, iterate.stationarity),
        };
        (measure <= self.options.tolerance).then_some(criterion)
    }

    /// Of time, by the clock that the last record was made with: the record of a run that ended by it shows that it did.
    fn limit(&self) -> Option<Status> {
        if self.cancel.load(Ordering::Relaxed) {
            Some(Status::Interrupted)
        } else if self.next > self.options.iterations {
            Some(Status::IterationLimit)
        } else if self.options.time_limit.is_some_and(|limit| self.last.wall_seconds >= limit.as_secs_f64()) {
            Some(Status::TimeLimit)
        } else {
            None
        }
    }

    /// No step is left: rounding, when it explains the gradient.
    fn stuck(&mut self, problem: &mut Problem<'_>, iterate: &Iterate) -> Result<Status> {
        self.account(problem);
        let floor = floor(problem, iterate);
        if iterate.stationarity <= floor.gradient {
            return Ok(Status::Rounding);
        }
        Err(Error::Numerical(format!(
            "no step decreases the objective {:e} although its gradient norm {:e} is above rounding ({:e}); the loss's value and derivative may disagree",
            iterate.value, iterate.stationarity, floor.gradient
        )))
    }

    /// Takes the rounds since the last call into the run's sums.
    fn account(&mut self, problem: &mut Problem<'_>) -> Rounds {
        let tally = problem.take_tally();
        self.virtual_seconds += tally.seconds;
        merge(&mut self.liars, &tally.liars);
        merge(&mut self.late, &tally.late);
        tally
    }

    fn record(&mut self, problem: &mut Problem<'_>, iterate: &Iterate, step: f64) -> Result<()> {
        let tally = self.account(problem);
        let counters = problem.counters();
        let mut record = IterationRecord {
            iteration: self.next,
            objective: iterate.value,
            gradient_norm: iterate.stationarity,
            duality_gap: iterate.duality_gap,
            step,
            rounds: counters.rounds,
            // A round is a broadcast, where there is anything to say, and a gather.
            communications: 2 * counters.rounds - counters.unsent,
            floats_down: counters.floats_down,
            floats_up: counters.floats_up,
            virtual_seconds: self.virtual_seconds,
            wall_seconds: self.began.elapsed().as_secs_f64(),
            late: tally.late,
            liars: tally.liars,
            residual: tally.residual,
            bound: tally.bound,
            certified: tally.certainty.is_certified(),
            keyed: tally.certainty.is_keyed(),
            sketch_dimension: problem.take_last_hessian().map(|round| round.sketch_dimension.unwrap_or(0)),
            injected: None,
        };
        self.next += 1;
        for observer in self.observers.iter_mut() {
            observer.iteration(&mut record)?;
        }
        for observer in self.observers.iter_mut() {
            observer.iterate(&record, &iterate.weights)?;
        }
        self.last = record;
        Ok(())
    }

    fn outcome(self, problem: &Problem<'_>, iterate: Iterate, status: Status) -> Outcome {
        let Floor { value, gradient } = floor(problem, &iterate);
        let objective = problem.objective();
        let penalized = objective.l2 > 0.0 && !objective.intercept;
        let strongly_convex = objective.regularizer.is_none() && penalized && problem.knows_gradients();
        let by_curvature = strongly_convex.then(|| (iterate.stationarity + gradient).powi(2) / (2.0 * objective.l2));
        let weights_l1: f64 = iterate.weights.iter().map(|w| w.abs()).sum();
        let by_duality = iterate.duality_gap.map(|gap| gap + value + gradient * weights_l1);
        Outcome {
            status,
            last: self.last,
            liars: self.liars,
            late: self.late,
            value_error: value,
            gradient_error: gradient,
            gap_bound: by_duality.or(by_curvature),
            margin_drift: iterate.drift,
            weights: iterate.weights,
        }
    }
}
