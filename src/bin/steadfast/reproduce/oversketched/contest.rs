//! Methods side by side on one problem: each with the fleets it would be given, all in virtual time.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use steadfast::coding::{CodeOptions, Tolerance, code_by_name};
use steadfast::data::Matrix;
use steadfast::device::CpuDevice;
use steadfast::fleet::{BlockFleet, Clock, CostModel, Delay, Enough, Faults, Gather, SimulatedFleet};
use steadfast::method::{Iterate, Method, Problem, SolveOptions, Step, by_name, solve};
use steadfast::objective::Objective;
use steadfast::oracle::{
    BlockHessian, CodedOracle, DirectionOracle, DirectionPlan, HessianOracle, HessianPlan, LocalDirections,
    OracleOptions,
};
use steadfast::seed::{Seed, mix};
use steadfast::sketch::BlockSketch;
use steadfast::trace::Recorder;
use steadfast::{Error, Result};

/// A problem with its optimal value.
pub struct Contest<'a> {
    pub features: &'a Matrix<f64>,
    pub labels: &'a [f64],
    pub objective: &'a Objective,
    pub optimum: f64,
    /// Most iterations of anybody.
    pub iterations: usize,
    pub seed: Seed,
}

/// Workers beside those of the products.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Second {
    /// None: a first-order method.
    None,
    /// Blocks of the exact Hessian, the slowest tenth started again.
    Exact { workers: usize },
    /// N + e sketches of `factor d / N` rows, each in `columns (columns + 1) / 2` parts.
    Sketched { factor: usize, blocks: usize, extra: usize, columns: usize },
    /// Local Newton directions.
    Local { workers: usize, plan: DirectionPlan },
}

/// One method with its fleets.
#[derive(Debug, Clone)]
pub struct Entrant {
    pub name: &'static str,
    pub method: &'static str,
    /// Of the products: code, workers, stragglers that it carries, policy.
    pub code: &'static str,
    pub workers: usize,
    pub stragglers: usize,
    pub gather: Gather,
    pub second: Second,
    pub delay: Delay,
    pub cost: CostModel,
}

/// One iteration of a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Point {
    pub seconds: f64,
    /// `(F(w) - F*) / F*`.
    pub gap: f64,
    #[serde(skip)]
    pub weights: Vec<f64>,
}

/// A run, from the start on.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Curve {
    pub name: &'static str,
    /// Of the products and of the second order, together.
    pub workers: usize,
    pub points: Vec<Point>,
}

impl Curve {
    /// Iterations and virtual seconds until the gap is at most `gap`; `None` if it never is.
    pub fn reaches(&self, gap: f64) -> Option<(usize, f64)> {
        self.points.iter().position(|p| p.gap <= gap).map(|at| (at, self.points[at].seconds))
    }

    /// Virtual seconds of an iteration, in the mean; the start is nobody's iteration.
    pub fn seconds_an_iteration(&self) -> f64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) if self.points.len() > 1 => {
                (last.seconds - first.seconds) / (self.points.len() - 1) as f64
            }
            _ => 0.0,
        }
    }
}

/// A method that remembers where it was.
#[derive(Debug)]
struct Remembering {
    inner: Box<dyn Method>,
    path: Vec<Vec<f64>>,
}

impl Method for Remembering {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        self.inner.check(objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.inner.start(problem, iterate)?;
        self.path.push(iterate.weights.clone());
        Ok(())
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        let step = self.inner.step(problem, iterate)?;
        if step != Step::Stuck {
            self.path.push(iterate.weights.clone());
        }
        Ok(step)
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.inner.verify(problem, iterate)
    }

    fn restart(&mut self) {
        self.inner.restart();
    }
}

/// Relative gap at which a curve ends: below the smallest one that is asked for.
const STOP: f64 = 1e-9;

impl Contest<'_> {
    /// Runs one entrant to a gap of [`STOP`] or to the iteration limit.
    pub fn run(&self, entrant: &Entrant) -> Result<Curve> {
        let tolerance = Tolerance { liars: 0, stragglers: entrant.stragglers };
        let options = CodeOptions { seed: self.seed, ..CodeOptions::default() };
        let code = code_by_name(entrant.code, entrant.workers, tolerance, options)?;
        let clock = |seed| Clock { delay: entrant.delay.clone(), cost: entrant.cost, seed };
        let device = Box::new(CpuDevice::new(None)?);
        let fleet = SimulatedFleet::<f64>::new(device, Faults::none(entrant.workers), clock(self.seed));
        let gathering = OracleOptions { gather: entrant.gather, keys: 0, seed: self.seed };
        let mut oracle = CodedOracle::new(Cow::Borrowed(self.features), code, fleet, &gathering)?;
        // Delays of their own.
        let blocks = |workers| BlockFleet::new(Faults::none(workers), clock(Seed(mix(self.seed.0))));
        let (mut hessian, mut directions) = (None, None);
        let data = Cow::Borrowed(self.features);
        let more = match entrant.second {
            Second::None => 0,
            Second::Exact { workers } => {
                let plan = HessianPlan::Exact { enough: Enough::Speculative { share: 0.9 } };
                hessian = Some(BlockHessian::new(data, blocks(workers), plan)?);
                workers
            }
            Second::Sketched { factor, blocks: needed, extra, columns } => {
                let workers = (needed + extra) * columns * (columns + 1) / 2;
                let buckets = (factor * self.features.cols()).div_ceil(needed);
                let sketch = BlockSketch::oversketch(self.seed, needed, extra, buckets)?;
                let plan = HessianPlan::Sketched { sketch, columns };
                hessian = Some(BlockHessian::new(data, blocks(workers), plan)?);
                workers
            }
            Second::Local { workers, plan } => {
                directions = Some(LocalDirections::new(data, blocks(workers), plan)?);
                // The same ones hold the shards.
                0
            }
        };
        let mut method = Remembering { inner: by_name(entrant.method)?, path: Vec::new() };
        let mut recorder = Recorder::default();
        let mut problem = Problem::new(&mut oracle, self.objective, self.labels)?
            .with_hessian(hessian.as_mut().map(|oracle| oracle as &mut dyn HessianOracle))
            .with_directions(directions.as_mut().map(|oracle| oracle as &mut dyn DirectionOracle));
        // F(w) - F* <= |g|^2 / (2 l2).
        let tolerance = (2.0 * self.objective.l2 * STOP * self.optimum).sqrt();
        let options = SolveOptions { iterations: self.iterations, tolerance, time_limit: None };
        let start = vec![0.0; problem.dimension()];
        solve(&mut method, &mut problem, start, &options, &mut [&mut recorder], &AtomicBool::new(false))?;
        let points = recorder.iterations.iter().zip(method.path).map(|(record, weights)| Point {
            seconds: record.virtual_seconds,
            gap: (record.objective - self.optimum) / self.optimum,
            weights,
        });
        let mut points: Vec<Point> = points.collect();
        // The bound that ended the run may be far above the true gap.
        if let Some(enough) = points.iter().position(|point| point.gap <= STOP) {
            points.truncate(enough + 1);
        }
        Ok(Curve { name: entrant.name, workers: entrant.workers + more, points })
    }
}

/// The least value of an objective, by exact Newton steps on one worker and in no time, to rounding.
pub fn optimum(features: &Matrix<f64>, labels: &[f64], objective: &Objective) -> Result<f64> {
    let code = code_by_name("uncoded", 1, Tolerance::default(), CodeOptions::default())?;
    let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(None)?), Faults::none(1), Clock::default());
    let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(0) };
    let mut oracle = CodedOracle::new(Cow::Borrowed(features), code, fleet, &options)?;
    let plan = HessianPlan::Exact { enough: Enough::All };
    let workers = BlockFleet::new(Faults::none(1), Clock::default());
    let mut hessian = BlockHessian::new(Cow::Borrowed(features), workers, plan)?;
    let mut problem = Problem::new(&mut oracle, objective, labels)?.with_hessian(Some(&mut hessian));
    let start = vec![0.0; problem.dimension()];
    let options = SolveOptions { iterations: 200, tolerance: 0.0, time_limit: None };
    let outcome = solve(&mut *by_name("newton")?, &mut problem, start, &options, &mut [], &AtomicBool::new(false))?;
    if outcome.status.is_solved() {
        return Ok(outcome.last.objective);
    }
    Err(Error::Numerical(format!("the reference run ended as {}", outcome.status)))
}
