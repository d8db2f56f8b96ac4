//! Model-parallel encoding: the weights are lifted to `w = S'v`, and worker i holds `X S_i'` and its part `v_i`.

use rayon::prelude::*;

use super::{report, square, usable};
use crate::coding::{EncodedShard, Encoding, encode_rows_on};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, BlockWork, Counters, Labels, RowWork};
use crate::kernel::HadamardDevice;
use crate::oracle::RoundReport;

/// Block coordinate descent on `phi(X S'v) + (beta l2/2) |v|^2`, whose minimum over v with `S'v = w` is that of
/// `phi(Xw) + (l2/2) |w|^2` where S is tight. In a round the master broadcasts `r = phi'(z)` for the margins `z = sum_i u_i`, worker i
/// makes `v_i <- v_i - a (S_i X' r + beta l2 v_i)` and replies `u_i = X S_i' v_i`; of those that are among the first k the update
/// stands, and the others hear with the next request that theirs did not. So the margins are always those of the v that workers
/// hold, and the limit is the exact optimum, whoever is late.
///
/// ```
/// use steadfast::coding::frame_by_name;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{BlockFleet, Clock, FaultPlan};
/// use steadfast::oracle::LiftedBlocks;
/// use steadfast::seed::Seed;
/// // (w_1 + w_2 - 3)^2 / 2 with l2 = 1: w = (1, 1).
/// let x = Matrix::Dense(Dense::new(1, 2, vec![1.0, 1.0])?);
/// let (faults, _) = FaultPlan::new(2, Seed(1)).split()?;
/// let encoding = frame_by_name("hadamard", 2, 2, Seed(1))?;
/// let mut blocks = LiftedBlocks::new(&x, encoding, BlockFleet::new(faults, Clock::default()), 1)?;
/// for _ in 0..200 {
///     let residuals = [blocks.margins()[0] - 3.0];
///     blocks.step(&residuals, 0.15, 1.0)?;
/// }
/// let mut weights = [0.0; 2];
/// blocks.weights(&mut weights);
/// assert!((weights[0] - 1.0).abs() < 1e-9 && (weights[1] - 1.0).abs() < 1e-9);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct LiftedBlocks {
    encoding: Encoding,
    /// `S_i X'`.
    shards: Vec<EncodedShard>,
    /// v_i.
    parts: Vec<Vec<f64>>,
    /// n numbers a worker: u_i.
    products: Vec<f64>,
    /// Squares of the workers' last gradients, as they reported them.
    squares: Vec<f64>,
    /// z.
    margins: Vec<f64>,
    fleet: BlockFleet,
    first: usize,
}

impl LiftedBlocks {
    /// Gives each worker of `fleet` its columns of `X S'` for `data` X (n x d), an encoding of d; every v is 0. The `first` replies of a
    /// round count.
    ///
    /// # Errors
    /// [`Error::Usage`] when fleet, encoding and data don't fit each other, the frame is not tight, or more replies are waited for
    /// than there are workers.
    pub fn new(data: &Matrix<f64>, encoding: Encoding, fleet: BlockFleet, first: usize) -> Result<Self> {
        Self::on(None, data, encoding, fleet, first)
    }

    /// [`LiftedBlocks::new`] with the columns encoded on a device ([`encode_rows_on`] says how precisely), where one is given.
    ///
    /// # Errors
    /// As [`LiftedBlocks::new`] and [`encode_rows_on`].
    pub fn on(
        device: Option<&mut dyn HadamardDevice>,
        data: &Matrix<f64>,
        encoding: Encoding,
        fleet: BlockFleet,
        first: usize,
    ) -> Result<Self> {
        let m = encoding.workers();
        if fleet.workers() != m {
            return Err(Error::usage("lifted blocks", format!("{} workers", fleet.workers()), format!("{m}")));
        }
        if !encoding.frame().is_tight() {
            let allowed = "a tight frame: steiner, hadamard, paley, hadamard-etf, haar-wavelet";
            return Err(Error::usage("encoded coordinate descent", encoding.frame().name(), allowed));
        }
        encoding.check_first(first, true)?;
        let shards = encode_rows_on(device, &encoding, &data.transposed()?)?;
        let parts = shards.iter().map(|shard| vec![0.0; shard.rows()]).collect();
        let n = data.rows();
        Ok(LiftedBlocks {
            encoding,
            shards,
            parts,
            products: vec![0.0; m * n],
            squares: vec![f64::INFINITY; m],
            margins: vec![0.0; n],
            fleet,
            first,
        })
    }

    /// beta: what scales gradients and l2 between v and w.
    pub fn redundancy(&self) -> f64 {
        // Plain copies of a part are all there.
        self.encoding.row_count() as f64 / self.encoding.frame().columns() as f64
    }

    /// Sets `v = S w / beta`, of which `S'v = w`: no round.
    pub fn start(&mut self, weights: &[f64]) {
        let mut lifted = vec![0.0; self.encoding.frame().rows()];
        self.encoding.frame().apply(1, weights, &mut lifted);
        let beta = self.redundancy();
        for (worker, part) in self.parts.iter_mut().enumerate() {
            part.iter_mut().zip(self.encoding.rows_of(worker)).for_each(|(v, &row)| *v = lifted[row] / beta);
        }
        let n = self.margins.len();
        let (shards, parts) = (&self.shards, &self.parts);
        self.products.par_chunks_mut(n).enumerate().for_each(|(i, u)| shards[i].multiply_transposed(&parts[i], u));
        self.squares.fill(f64::INFINITY);
        self.add_up();
    }

    /// z = X w, of the updates that stand.
    pub fn margins(&self) -> &[f64] {
        &self.margins
    }

    /// `w = S'v`: what workers send once, at the end.
    pub fn weights(&self, out: &mut [f64]) {
        let mut lifted = vec![0.0; self.encoding.frame().rows()];
        for (worker, part) in self.parts.iter().enumerate() {
            part.iter().zip(self.encoding.rows_of(worker)).for_each(|(v, &row)| lifted[row] = *v);
        }
        self.encoding.frame().apply_transposed(1, &lifted, out);
    }

    /// The norm of F's gradient as workers last saw their parts of it; infinite until all have been heard.
    pub fn gradient_norm(&self) -> f64 {
        (self.squares.iter().sum::<f64>() / self.redundancy()).sqrt()
    }

    /// One round: steps of length `step` along the gradients at `residuals` (n, mean-loss derivatives at the margins) with l2.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when fewer than k replies can come; [`Error::Usage`] for a length that does not fit.
    pub fn step(&mut self, residuals: &[f64], step: f64, l2: f64) -> Result<RoundReport> {
        let n = self.margins.len();
        if residuals.len() != n {
            return Err(Error::usage("residuals of lifted blocks", residuals.len(), format!("{n} numbers")));
        }
        let ridge = self.redundancy() * l2;
        let updated = |(shard, part): (&EncodedShard, &Vec<f64>)| {
            let mut gradient = vec![0.0; part.len()];
            shard.multiply(residuals, &mut gradient);
            gradient.iter_mut().zip(part).for_each(|(g, v)| *g += ridge * v);
            let moved: Vec<f64> = part.iter().zip(&gradient).map(|(v, g)| v - step * g).collect();
            let mut reply = vec![0.0; n + 1];
            shard.multiply_transposed(&moved, &mut reply[..n]);
            reply[n] = square(&gradient);
            (moved, reply)
        };
        let (moved, own): (Vec<_>, Vec<_>) = self.shards.par_iter().zip(&self.parts).map(updated).unzip();
        let mut replies = vec![0.0; own.len() * (n + 1)];
        let job = Job { shards: &self.shards, own: &own };
        let enough = |present: &[bool]| present.iter().filter(|there| **there).count() >= self.first;
        let mut arrived = self.fleet.collect(&job, residuals, 1, &enough, &mut replies)?;
        usable(&mut arrived, &replies, self.first)?;
        for (worker, part) in moved.into_iter().enumerate().filter(|(worker, _)| arrived.present[*worker]) {
            self.parts[worker] = part;
            let reply = &replies[worker * (n + 1)..(worker + 1) * (n + 1)];
            self.products[worker * n..(worker + 1) * n].copy_from_slice(&reply[..n]);
            self.squares[worker] = reply[n];
        }
        self.add_up();
        Ok(report(&arrived))
    }

    fn add_up(&mut self) {
        let weights = vec![1.0; self.parts.len()];
        super::weighted_sum(&self.products, self.margins.len(), &weights, &mut self.margins);
    }

    /// The fleet's counts so far.
    pub fn counters(&self) -> Counters {
        let stored = self.shards.iter().map(|shard| shard.stored() as u64).sum();
        Counters { stored, ..self.fleet.counters() }
    }
}

struct Job<'j> {
    shards: &'j [EncodedShard],
    own: &'j [Vec<f64>],
}

impl RowWork for Job<'_> {
    fn cost(&self, worker: usize) -> BlockWork {
        let length = self.own[worker].len();
        BlockWork { multiply_adds: 2 * self.shards[worker].stored() as u64, down: length - 1, up: length }
    }

    fn reply(&self, worker: usize, labels: Labels, out: &mut [f64]) -> Result<()> {
        if labels == Labels::Flipped {
            return Err(Error::usage("attack label-flip", "workers that hold no labels", "an attack on replies"));
        }
        out.copy_from_slice(&self.own[worker]);
        Ok(())
    }
}
