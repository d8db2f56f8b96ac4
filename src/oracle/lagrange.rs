//! Gradients of linear regression from workers that hold Lagrange-coded rows.

use super::RoundReport;
use super::local_gradient::GradientOracle;
use crate::coding::{Lagrange, encode_shard};
use crate::data::{Matrix, Operand};
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, BlockWork, Counters, Labels, RowWork};

/// [`GradientOracle`] of the squared loss: worker i sends `u_i' u_i w` of its encoded rows, the master decodes `X'X w` and takes `X'y` off,
/// which it has computed once itself, as the authors' does.
///
/// ```
/// use steadfast::coding::{Lagrange, Tolerance};
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{Attack, BlockFleet, Clock, FaultPlan};
/// use steadfast::oracle::{GradientOracle, LagrangeGradients};
/// use steadfast::seed::Seed;
/// let x = Matrix::Dense(Dense::new(3, 1, vec![1.0, 2.0, 3.0])?);
/// let code = Lagrange::new(5, Tolerance { liars: 1, stragglers: 0 }, Seed(0))?;
/// let (faults, _) = FaultPlan::new(5, Seed(1)).liars(1, Attack::SignFlip { scale: 1.0 }).split()?;
/// let fleet = BlockFleet::new(faults, Clock::default());
/// let mut oracle = LagrangeGradients::new(&x, &[1.0, 1.0, 1.0], fleet, code)?;
/// let mut gradient = [0.0];
/// let round = oracle.gradient(&[1.0], &mut gradient)?;
/// // (14 w - 6) / 3.
/// assert!((gradient[0] - 8.0 / 3.0).abs() < 1e-12);
/// assert_eq!(round.report.liars.len(), 1);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct LagrangeGradients {
    shards: Vec<Matrix<f64>>,
    rows: usize,
    /// `X'y`.
    moments: Vec<f64>,
    code: Lagrange,
    fleet: BlockFleet,
    replies: Vec<f64>,
}

impl LagrangeGradients {
    /// Encodes `data` (n x d) for the workers of `fleet`; the labels stay with the master.
    ///
    /// # Errors
    /// [`Error::Usage`] when code and fleet disagree on the number of workers, or labels and rows don't match.
    pub fn new(data: &Matrix<f64>, labels: &[f64], fleet: BlockFleet, code: Lagrange) -> Result<Self> {
        let workers = code.workers();
        if fleet.workers() != workers || labels.len() != data.rows() {
            let got = format!("{} workers, {} labels", fleet.workers(), labels.len());
            return Err(Error::usage("lagrange", got, format!("{workers} workers, {} labels", data.rows())));
        }
        let encoded = |worker| Ok(encode_shard(data, Operand::ROWS, code.combination(worker))?.0);
        let shards = (0..workers).map(encoded).collect::<Result<_>>()?;
        let mut moments = vec![0.0; data.cols()];
        data.multiply_transposed(labels, 1, &mut moments);
        Ok(LagrangeGradients { shards, rows: data.rows(), moments, code, fleet, replies: vec![] })
    }
}

struct Job<'j> {
    shards: &'j [Matrix<f64>],
    weights: &'j [f64],
}

impl RowWork for Job<'_> {
    fn cost(&self, worker: usize) -> BlockWork {
        let d = self.weights.len();
        BlockWork { multiply_adds: 2 * self.shards[worker].stored() as u64, down: d, up: d }
    }

    fn reply(&self, worker: usize, labels: Labels, out: &mut [f64]) -> Result<()> {
        if labels == Labels::Flipped {
            return Err(Error::usage("attack label-flip", "workers that hold no labels", "an attack on replies"));
        }
        let shard = &self.shards[worker];
        let mut margins = vec![0.0; shard.rows()];
        shard.multiply(self.weights, 1, &mut margins);
        shard.multiply_transposed(&margins, 1, out);
        Ok(())
    }
}

impl GradientOracle for LagrangeGradients {
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> Result<RoundReport> {
        let d = self.moments.len();
        if weights.len() != d || out.len() != d {
            let got = format!("{} weights, {} to write", weights.len(), out.len());
            return Err(Error::usage("gradient", got, format!("{d} of both")));
        }
        self.replies.resize(self.code.workers() * d, 0.0);
        let round = self.fleet.counters().rounds;
        let job = Job { shards: &self.shards, weights };
        let spare = self.code.tolerance().stragglers;
        let enough = |present: &[bool]| present.iter().filter(|&&there| !there).count() <= spare;
        let arrived = self.fleet.collect(&job, weights, 1, &enough, &mut self.replies)?;
        let late: Vec<usize> = (0..arrived.present.len()).filter(|&worker| !arrived.present[worker]).collect();
        let mut report = self.code.decode(&self.replies, &late, round, out)?;
        let rows = self.rows as f64;
        out.iter_mut().zip(&self.moments).for_each(|(g, moment)| *g = (*g - moment) / rows);
        report.bound /= rows;
        Ok(RoundReport { report, late, seconds: arrived.seconds })
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        let stored = self.shards.iter().map(|shard| shard.stored() as u64).sum();
        Counters { stored, ..self.fleet.counters() }
    }
}
