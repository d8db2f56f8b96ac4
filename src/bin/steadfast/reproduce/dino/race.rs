//! The methods of paper 003 side by side on one problem, each with the same workers and the same number of communications.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use steadfast::coding::Uncoded;
use steadfast::data::{Dataset, Matrix, RowOrder};
use steadfast::device::CpuDevice;
use steadfast::fleet::{BlockFleet, Clock, Enough, Faults, Gather, SimulatedFleet};
use steadfast::method::{Problem, SolveOptions, by_name, solve};
use steadfast::objective::Objective;
use steadfast::oracle::{BlockHessian, CodedOracle, HessianPlan, LocalWorkers, MasterProducts, OracleOptions};
use steadfast::seed::Seed;
use steadfast::trace::{IterationRecord, Observer};
use steadfast::{Error, Result};

/// Learning rates and acceleration parameters that are tried.
const GRID: [f64; 11] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5];

/// The methods, in the order of the paper's tables.
pub const METHODS: [&str; 7] =
    ["dino", "dingo", "hessian-free-giant", "disco", "inexact-dane", "aide", "synchronous-sgd"];

/// What they are held against: DiSCO with its authors' preconditioner, which the paper leaves out; exact Newton's method; gradient descent
/// with a line search.
pub const ANCHORS: [&str; 3] = ["disco:preconditioner=first", "newton", "gradient-descent"];

/// A problem whose rows are given to workers in order.
pub struct Race {
    pub features: Matrix<f64>,
    pub labels: Vec<f64>,
    pub objective: Objective,
    pub workers: usize,
    pub start: Vec<f64>,
    /// Runs end with the first iteration that has taken so many.
    pub communications: u64,
    /// Gradient norm that is close enough.
    pub tolerance: f64,
    pub clock: Clock,
    pub seed: Seed,
}

/// One iterate.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Point {
    pub communications: u64,
    pub objective: f64,
    pub gradient_norm: f64,
    #[serde(skip)]
    pub seconds: f64,
}

/// A run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Curve {
    /// The method with its parameters.
    pub method: String,
    pub points: Vec<Point>,
    /// Why it could not go on, if it could not.
    pub failure: Option<String>,
}

impl Curve {
    /// The last value; infinite where it left the numbers.
    pub fn last(&self) -> f64 {
        self.points.last().map_or(f64::INFINITY, |p| p.objective)
    }

    /// Communications until F is at most `value`.
    pub fn reaches(&self, value: f64) -> Option<u64> {
        self.points.iter().find(|p| p.objective <= value).map(|p| p.communications)
    }

    /// Communications of each iteration.
    pub fn iterations(&self) -> impl Iterator<Item = u64> {
        self.points.windows(2).map(|pair| pair[1].communications - pair[0].communications)
    }

    /// Virtual seconds of an iteration, in the mean.
    pub fn seconds_an_iteration(&self) -> f64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) if self.points.len() > 1 => {
                (last.seconds - first.seconds) / (self.points.len() - 1) as f64
            }
            _ => f64::NAN,
        }
    }
}

/// Ends a run when it has communicated enough.
struct Meter<'m> {
    most: u64,
    enough: &'m AtomicBool,
    points: Vec<Point>,
}

impl Observer for Meter<'_> {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        self.points.push(Point {
            communications: record.communications,
            objective: record.objective,
            gradient_norm: record.gradient_norm,
            seconds: record.virtual_seconds,
        });
        self.enough.store(record.communications >= self.most, Ordering::Relaxed);
        Ok(())
    }
}

impl Race {
    /// The rows of `data` in an order, the first of them that divide evenly among the workers.
    pub fn rows(
        data: &Dataset<f64>,
        labels: &[f64],
        order: RowOrder,
        workers: usize,
        seed: Seed,
    ) -> (Matrix<f64>, Vec<f64>) {
        let mut rows = order.permutation(&data.labels, seed);
        rows.truncate(rows.len() / workers * workers);
        (data.features.select_rows(&rows), rows.iter().map(|&i| labels[i]).collect())
    }

    /// Leaves the first rows alone.
    pub fn truncate(&mut self, rows: usize) {
        let kept: Vec<usize> = (0..rows.min(self.labels.len())).collect();
        self.features = self.features.select_rows(&kept);
        self.labels.truncate(kept.len());
    }

    /// Runs a method. What it can't do on this problem is in the curve.
    pub fn run(&self, method: &str) -> Result<Curve> {
        let fleet = BlockFleet::new(Faults::none(self.workers), self.clock.clone());
        let mut workers = LocalWorkers::new(&self.features, &self.labels, &self.objective, fleet, self.seed)?;
        let mut products = MasterProducts::new(Cow::Borrowed(&self.features));
        self.solve(method, Problem::new(&mut products, &self.objective, &self.labels)?.with_local(Some(&mut workers)))
    }

    /// [`ANCHORS`], the last two by products with the rows of the same workers; exact Newton's splits its Hessian over them, too, and is
    /// left out where the loss is not convex. Their communications are those of products, so they are others than those of local work.
    pub fn anchors(&self, mut done: impl FnMut(&Curve)) -> Result<Vec<Curve>> {
        let run = |method: &str| {
            let code = Arc::new(Uncoded::new(self.workers)?);
            let device = Box::new(CpuDevice::<f64>::new(None)?);
            let fleet = SimulatedFleet::new(device, Faults::none(self.workers), self.clock.clone());
            let options = OracleOptions { gather: Gather::All, keys: 0, seed: self.seed };
            let mut products = CodedOracle::new(Cow::Borrowed(&self.features), code, fleet, &options)?;
            let fleet = BlockFleet::new(Faults::none(self.workers), self.clock.clone());
            let plan = HessianPlan::Exact { enough: Enough::All };
            let mut hessian = BlockHessian::<f64>::new(Cow::Borrowed(&self.features), fleet, plan)?;
            let problem = Problem::new(&mut products, &self.objective, &self.labels)?;
            self.solve(method, problem.with_hessian(Some(&mut hessian)))
        };
        let mut curves = Vec::with_capacity(ANCHORS.len());
        let convex = self.objective.loss.is_convex();
        for method in ANCHORS.into_iter().filter(|method| convex || *method != "newton") {
            let curve = if by_name(method)?.is_local() { self.run(method)? } else { run(method)? };
            done(&curve);
            curves.push(curve);
        }
        Ok(curves)
    }

    /// Runs a method on a problem with its workers.
    fn solve(&self, method: &str, mut problem: Problem<'_>) -> Result<Curve> {
        let enough = AtomicBool::new(false);
        let mut meter = Meter { most: self.communications, enough: &enough, points: Vec::new() };
        let options = SolveOptions { iterations: usize::MAX, tolerance: self.tolerance, time_limit: None };
        let ended =
            solve(&mut *by_name(method)?, &mut problem, self.start.clone(), &options, &mut [&mut meter], &enough);
        let failure = match ended {
            Ok(_) => None,
            Err(Error::Numerical(why)) => Some(why),
            Err(error) => return Err(error),
        };
        Ok(Curve { method: method.into(), points: meter.points, failure })
    }

    /// The best of a method's runs with each of these in place of `?`: the one that ends lowest.
    fn best(&self, pattern: &str) -> Result<Curve> {
        let mut best: Option<Curve> = None;
        for value in GRID {
            let curve = self.run(&pattern.replace('?', &format!("{value:e}")))?;
            let lower = |best: &Curve| curve.last() < best.last();
            if curve.failure.is_none() && best.as_ref().is_none_or(lower) {
                best = Some(curve);
            }
        }
        best.map_or_else(|| self.run(&pattern.replace('?', &format!("{:e}", GRID[0]))), Ok)
    }

    /// All of [`METHODS`]; learning rates, and AIDE's tau with InexactDANE's rate, are the best of a grid, as in the paper.
    pub fn all(&self, mut done: impl FnMut(&Curve)) -> Result<Vec<Curve>> {
        let mut curves: Vec<Curve> = Vec::with_capacity(METHODS.len());
        for method in METHODS {
            let curve = match method {
                "inexact-dane" | "synchronous-sgd" => self.best(&format!("{method}:step=?"))?,
                "aide" => {
                    let rate = curves.last().and_then(|dane| dane.method.split_once(':')).map_or("", |(_, rate)| rate);
                    self.best(&format!("{method}:{rate},tau=?"))?
                }
                _ => self.run(method)?,
            };
            done(&curve);
            curves.push(curve);
        }
        Ok(curves)
    }
}
