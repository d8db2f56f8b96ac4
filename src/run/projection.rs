//! Projections onto affine sets and polyhedra as least squares on encoded data.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::TrainConfig;
use super::encoded::{encoded_code, measure};
use super::finish::record_of;
use super::fleets::{Truth, fault_plan, split};
use crate::coding::frame_by_name;
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay, FaultPlan};
use crate::method::{Problem, SolveOptions, Status, by_name, solve};
use crate::objective::{LeastSquares, LinearCost, Objective, Regularizer};
use crate::oracle::{EncodedLeastSquares, MasterProducts};
use crate::seed::Seed;
use crate::trace::{DataRecord, Recorder, RunRecord};

/// Projects a point onto `{x: A x = b}` or `{x: A x <= b}` with workers that hold encoded rows, of which the first k of m count.
///
/// Onto an affine set it is the shortest move d with `A d = b - A x`, which gradient methods from 0 find. Its residual is 0, and then
/// whichever workers are late: the limit is the projection itself. Onto a polyhedron the multipliers of the inequalities are the
/// least of `|A'a - x|^2 / 2 + b'a` over `a >= 0`, of whose rows, the coordinates of x, k < m workers make an approximate problem.
///
/// ```
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::run::Projection;
/// let plane = Matrix::Dense(Dense::new(1, 3, vec![1.0, 1.0, 1.0])?);
/// let found = Projection { workers: 2, first: 2, ..Projection::default() }.onto_affine(&plane, &[3.0], &[0.0; 3])?;
/// assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-9));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Projection {
    /// A frame, `uncoded` or `replication`.
    pub code: String,
    /// m.
    pub workers: usize,
    /// k.
    pub first: usize,
    /// Delay model.
    pub delay: String,
    /// Most iterations.
    pub iterations: usize,
    /// On the norm of the gradient, or of the proximal step.
    pub tolerance: f64,
    /// Go on with fewer replies than hold as many encoded rows as there are rows.
    pub uncertified: bool,
    /// What is injected, beside the delays.
    pub faults: Option<FaultPlan>,
    /// The one seed.
    pub seed: u64,
}

impl Default for Projection {
    fn default() -> Self {
        Projection {
            code: "hadamard".into(),
            workers: 8,
            first: 8,
            delay: "none".into(),
            iterations: 5000,
            tolerance: 1e-11,
            uncertified: false,
            faults: None,
            seed: 0,
        }
    }
}

/// Where a projection ended.
#[derive(Debug, Clone)]
pub struct Projected {
    /// The point.
    pub point: Vec<f64>,
    /// The largest violation of an equation or inequality there.
    pub violation: f64,
    /// Iterations.
    pub iterations: usize,
    /// Virtual seconds.
    pub seconds: f64,
    /// How.
    pub status: Status,
    /// Everything that happened; F is that of the least squares.
    pub record: RunRecord,
}

/// What the least squares leave.
struct Solved {
    weights: Vec<f64>,
    status: Status,
    record: RunRecord,
}

impl Solved {
    fn at(self, point: Vec<f64>, violation: f64) -> Projected {
        let Solved { status, record, .. } = self;
        let (iterations, seconds) = (record.end.iterations, record.end.virtual_seconds);
        Projected { point, violation, iterations, seconds, status, record }
    }
}

impl Projection {
    /// What a configuration says of code, fleet, limits and seed.
    ///
    /// # Errors
    /// [`Error::Usage`] for what it can't be run with.
    pub fn of(config: &TrainConfig) -> Result<Self> {
        let code = config.code.clone().unwrap_or_else(|| Projection::default().code);
        let config = TrainConfig { code: Some(code.clone()), ..config.clone() };
        Ok(Projection {
            code,
            workers: config.workers,
            first: config.check_encoded_rows()?,
            delay: config.delay.clone(),
            iterations: config.iterations,
            tolerance: config.tolerance,
            uncertified: config.uncertified,
            faults: fault_plan(&config, config.workers)?,
            seed: config.seed,
        })
    }

    /// The point of `{x: A x = b}` next to `from`, for consistent equations A (p x d).
    ///
    /// # Errors
    /// [`Error::Usage`] for lengths that don't fit and codes that can't be had; those of the rounds.
    pub fn onto_affine(&self, equations: &Matrix<f64>, right: &[f64], from: &[f64]) -> Result<Projected> {
        self.onto_affine_until(equations, right, from, &AtomicBool::new(false))
    }

    /// The same, until `stop` is set: then the point as far as it has come, [`Status::Interrupted`].
    ///
    /// # Errors
    /// As [`Projection::onto_affine`].
    pub fn onto_affine_until(
        &self,
        equations: &Matrix<f64>,
        right: &[f64],
        from: &[f64],
        stop: &AtomicBool,
    ) -> Result<Projected> {
        check(equations, right, from)?;
        let mut labels = vec![0.0; right.len()];
        equations.multiply(from, 1, &mut labels);
        labels.iter_mut().zip(right).for_each(|(y, b)| *y = b - *y);
        let mut solved = self.least_squares(equations, &labels, None, stop)?;
        let mut point = std::mem::take(&mut solved.weights);
        point.iter_mut().zip(from).for_each(|(x, from)| *x += from);
        let violation = residuals(equations, right, &point).map(f64::abs).fold(0.0, f64::max);
        Ok(solved.at(point, violation))
    }

    /// The point of `{x: A x <= b}` next to `from`, for inequalities A (p x d) that some point satisfies.
    ///
    /// # Errors
    /// As [`Projection::onto_affine`].
    pub fn onto_polyhedron(&self, inequalities: &Matrix<f64>, right: &[f64], from: &[f64]) -> Result<Projected> {
        self.onto_polyhedron_until(inequalities, right, from, &AtomicBool::new(false))
    }

    /// The same, until `stop` is set: then the point as far as it has come, [`Status::Interrupted`].
    ///
    /// # Errors
    /// As [`Projection::onto_affine`].
    pub fn onto_polyhedron_until(
        &self,
        inequalities: &Matrix<f64>,
        right: &[f64],
        from: &[f64],
        stop: &AtomicBool,
    ) -> Result<Projected> {
        check(inequalities, right, from)?;
        // F is the mean over the d rows of A'.
        let d = from.len() as f64;
        let costs = LinearCost::new(right.iter().map(|b| b / d).collect())?;
        let turned = inequalities.transposed()?;
        let solved = self.least_squares(&turned, from, Some(Arc::new(costs)), stop)?;
        let mut point = vec![0.0; from.len()];
        inequalities.multiply_transposed(&solved.weights, 1, &mut point);
        point.iter_mut().zip(from).for_each(|(x, from)| *x = from - *x);
        let violation = residuals(inequalities, right, &point).fold(0.0, f64::max);
        Ok(solved.at(point, violation))
    }

    fn least_squares(
        &self,
        data: &Matrix<f64>,
        labels: &[f64],
        regularizer: Option<Arc<dyn Regularizer>>,
        stop: &AtomicBool,
    ) -> Result<Solved> {
        let method = if regularizer.is_some() { "encoded-proximal-gradient" } else { "encoded-lbfgs" };
        let objective = Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer, intercept: false };
        let seed = Seed(self.seed);
        let clock = Clock { delay: Delay::parse(&self.delay)?, seed, ..Clock::default() };
        let encoding = frame_by_name(&self.code, data.rows(), self.workers, seed)?;
        encoding.check_first(self.first, self.uncertified)?;
        let mut code = encoded_code(&encoding, self.first, false);
        let (faults, witness) = split(self.faults.as_ref(), self.workers)?;
        let fleet = BlockFleet::new(faults, clock);
        let mut oracle = EncodedLeastSquares::new(data, labels, encoding, fleet, self.first, seed)?;
        let mut products = MasterProducts::new(Cow::Borrowed(data));
        let mut problem = Problem::new(&mut products, &objective, labels)?.with_encoded(&mut oracle);
        let options = SolveOptions { iterations: self.iterations, tolerance: self.tolerance, time_limit: None };
        let start = vec![0.0; data.cols()];
        let mut method = by_name(method)?;
        let (mut truth, mut recorder) = (Truth { witness }, Recorder::default());
        let outcome = solve(&mut *method, &mut problem, start, &options, &mut [&mut truth, &mut recorder], stop)?;
        if let Some(encoded) = &mut code.encoded {
            measure(&mut oracle, encoded, data, 0.0)?;
        }
        let fleet = format!("{} simulated workers that hold encoded rows (cpu, f64)", self.workers);
        let size = DataRecord { rows: data.rows(), cols: data.cols(), nnz: data.stored() };
        let mut record = record_of("library".into(), self, fleet, size, code, recorder.iterations);
        record.algorithm = Some("project".into());
        record.end.status = outcome.status.name().into();
        Ok(Solved { weights: outcome.weights, status: outcome.status, record })
    }
}

fn check(matrix: &Matrix<f64>, right: &[f64], from: &[f64]) -> Result<()> {
    if (matrix.rows(), matrix.cols()) == (right.len(), from.len()) {
        return Ok(());
    }
    let got = format!("{} right-hand sides, a point of {} numbers", right.len(), from.len());
    Err(Error::usage("projection", got, format!("{} and {}, as the matrix has", matrix.rows(), matrix.cols())))
}

/// `A x - b`.
fn residuals(matrix: &Matrix<f64>, right: &[f64], point: &[f64]) -> impl Iterator<Item = f64> {
    let mut values = vec![0.0; right.len()];
    matrix.multiply(point, 1, &mut values);
    values.into_iter().zip(right.to_vec()).map(|(value, right)| value - right)
}
