//! Gradients that workers compute of rows and labels they hold, combined by an assignment code or a robust aggregator.

use std::sync::Arc;

use rayon::prelude::*;

use super::RoundReport;
use crate::coding::{AssignmentCode, GradientReplies};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, BlockWork, Counters, Labels, RowWork};
use crate::objective::Loss;

/// Where a method gets whole gradients from.
pub trait GradientOracle: Send {
    /// Writes `(1/n) sum_i loss'(x_i . w, y_i) x_i` at `weights` (K d), without l2, or the code's estimate of it: one round.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when the code can't combine what came; [`Error::Usage`] for lengths that don't fit.
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> Result<RoundReport>;

    /// False where it is an estimate.
    fn is_exact(&self) -> bool;

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;
}

/// [`GradientOracle`] over simulated workers that hold the rows and labels of their parts; the rows are cut into contiguous parts.
/// Everything is computed in f64.
///
/// A part of several workers is computed here once: they would get the same bits. All of their work is counted.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::coding::{DracoRepetition, Tolerance};
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{Attack, BlockFleet, Clock, FaultPlan};
/// use steadfast::objective::LeastSquares;
/// use steadfast::oracle::{GradientOracle, LocalGradients};
/// use steadfast::seed::Seed;
/// let x = Matrix::Dense(Dense::new(3, 1, vec![1.0, 2.0, 3.0])?);
/// let code = Arc::new(DracoRepetition::new(3, Tolerance { liars: 1, stragglers: 0 })?);
/// let (faults, _) = FaultPlan::new(3, Seed(1)).liars(1, Attack::LabelFlip).split()?;
/// let fleet = BlockFleet::new(faults, Clock::default());
/// let mut oracle = LocalGradients::new(&x, &[1.0, 1.0, 1.0], Arc::new(LeastSquares), fleet, code)?;
/// let mut gradient = [0.0];
/// let round = oracle.gradient(&[1.0], &mut gradient)?;
/// // Residuals 0, 1, 2: (0 * 1 + 1 * 2 + 2 * 3) / 3.
/// assert!((gradient[0] - 8.0 / 3.0).abs() < 1e-15);
/// assert_eq!(round.report.liars.len(), 1);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalGradients {
    parts: Vec<Part>,
    rows: usize,
    loss: Arc<dyn Loss>,
    code: Arc<dyn AssignmentCode>,
    fleet: BlockFleet,
    stored: u64,
    replies: Vec<f64>,
    previous: Vec<f64>,
}

/// Rows of one part.
#[derive(Debug)]
struct Part {
    features: Matrix<f64>,
    labels: Vec<f64>,
}

impl LocalGradients {
    /// Gives the parts of `data` (n x d) with `labels` to the workers of `fleet`.
    ///
    /// # Errors
    /// [`Error::Usage`] when code and fleet disagree on the number of workers, there are more parts than rows, or labels and
    /// rows don't match.
    pub fn new(
        data: &Matrix<f64>,
        labels: &[f64],
        loss: Arc<dyn Loss>,
        fleet: BlockFleet,
        code: Arc<dyn AssignmentCode>,
    ) -> Result<Self> {
        let (n, workers, count) = (data.rows(), code.workers(), code.parts());
        if fleet.workers() != workers {
            return Err(Error::usage("workers of the fleet", fleet.workers(), format!("{workers}, as the code has")));
        }
        if count > n || labels.len() != n {
            return Err(Error::usage(
                "parts of the rows",
                format!("{count} parts, {} labels", labels.len()),
                format!("at most as many parts as the {n} rows, and a label a row"),
            ));
        }
        let part = |at: usize| {
            let rows: Vec<usize> = (n * at / count..n * (at + 1) / count).collect();
            Part { labels: rows.iter().map(|&i| labels[i]).collect(), features: data.select_rows(&rows) }
        };
        let parts: Vec<Part> = (0..count).map(part).collect();
        let held = |worker| code.assigned(worker, 0).iter().map(|&(part, _)| parts[part].features.stored() as u64);
        let stored = (0..workers).flat_map(held).sum();
        Ok(LocalGradients { parts, rows: n, loss, code, fleet, stored, replies: vec![], previous: vec![] })
    }

    /// The code.
    pub fn code(&self) -> &dyn AssignmentCode {
        &*self.code
    }
}

/// The workers' side of a round.
struct Job<'j> {
    parts: &'j [Part],
    loss: &'j dyn Loss,
    code: &'j dyn AssignmentCode,
    weights: &'j [f64],
    /// P / n: the mean of the parts is then the mean over the rows.
    scale: f64,
    /// The gradients of all parts, a row each.
    own: Vec<f64>,
}

impl Job<'_> {
    /// The gradient of one part, into `out` (K d).
    fn part(&self, part: &Part, labels: &[f64], out: &mut [f64]) {
        let k = self.loss.outputs();
        let mut margins = vec![0.0; labels.len() * k];
        part.features.multiply(self.weights, k, &mut margins);
        let mut residuals = vec![0.0; margins.len()];
        self.loss.derivatives(&margins, labels, self.scale, &mut residuals);
        part.features.multiply_transposed(&residuals, k, out);
    }

    /// The labels of a poisoned part: -y, or K - 1 - y where y is the number of a class.
    fn flipped(&self, labels: &[f64]) -> Vec<f64> {
        let last = self.loss.outputs() as f64 - 1.0;
        labels.iter().map(|y| if last > 0.0 { last - y } else { -y }).collect()
    }
}

impl RowWork for Job<'_> {
    fn cost(&self, worker: usize) -> BlockWork {
        let held = self.code.assigned(worker, 0);
        let stored: usize = held.iter().map(|&(part, _)| self.parts[part].features.stored()).sum();
        let p = self.weights.len();
        // Margins and their pullback; then the combination.
        let multiply_adds = 2 * stored * self.loss.outputs() + held.len() * self.code.planes() * p;
        BlockWork { multiply_adds: multiply_adds as u64, down: p, up: self.code.planes() * p }
    }

    fn reply(&self, worker: usize, labels: Labels, out: &mut [f64]) -> Result<()> {
        if labels == Labels::Own {
            self.code.encode(worker, &self.own, out);
            return Ok(());
        }
        let p = self.weights.len();
        let mut poisoned = vec![0.0; self.own.len()];
        for &(at, _) in self.code.assigned(worker, 0) {
            let part = &self.parts[at];
            self.part(part, &self.flipped(&part.labels), &mut poisoned[at * p..(at + 1) * p]);
        }
        self.code.encode(worker, &poisoned, out);
        Ok(())
    }
}

impl GradientOracle for LocalGradients {
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> Result<RoundReport> {
        let (k, d) = (self.loss.outputs(), self.parts[0].features.cols());
        if weights.len() != k * d || out.len() != k * d {
            let got = format!("{} weights, {} to write", weights.len(), out.len());
            return Err(Error::usage("gradient", got, format!("{} = K d of both", k * d)));
        }
        let scale = self.parts.len() as f64 / self.rows as f64;
        let (parts, loss, code) = (&self.parts, &*self.loss, &*self.code);
        let mut job = Job { parts, loss, code, weights, scale, own: vec![] };
        let mut own = vec![0.0; self.parts.len() * out.len()];
        own.par_chunks_mut(out.len()).zip(parts).for_each(|(out, part)| job.part(part, &part.labels, out));
        job.own = own;
        let length = code.planes() * out.len();
        self.replies.resize(code.workers() * length, 0.0);
        let round = self.fleet.counters().rounds;
        let arrived = self.fleet.collect(&job, weights, k, &|present| code.decodable(present), &mut self.replies)?;
        let finite = |row: &[f64]| row.iter().all(|x| x.is_finite());
        let implausible: Vec<bool> = self
            .replies
            .chunks_exact(length)
            .zip(&arrived.present)
            .map(|(row, &there)| there && !finite(row))
            .collect();
        self.previous.resize(out.len(), 0.0);
        let replies = GradientReplies {
            values: &self.replies,
            present: &arrived.present,
            implausible: &implausible,
            dimension: out.len(),
            previous: &self.previous,
            round,
        };
        let report = code.combine(&replies, out)?;
        self.previous.copy_from_slice(out);
        let late = (0..arrived.present.len()).filter(|&worker| !arrived.present[worker]).collect();
        Ok(RoundReport { report, late, seconds: arrived.seconds })
    }

    fn is_exact(&self) -> bool {
        self.code.is_exact()
    }

    fn counters(&self) -> Counters {
        Counters { stored: self.stored, ..self.fleet.counters() }
    }
}
