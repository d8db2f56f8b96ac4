//! Data-parallel encoding: worker i holds `(S_i X, S_i y)`.

use rayon::prelude::*;

use super::{EncodedOracle, EncodedRound, Overlap, report, square, usable, weighted_sum};
use crate::coding::{EncodedShard, Encoding, SubsetSpectrum, encode_rows, encode_rows_on};
use crate::data::{Dense, Matrix};
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, BlockWork, Counters, Labels, RowWork};
use crate::kernel::HadamardDevice;
use crate::seed::Seed;

/// Subsets of workers that are looked at.
const SUBSETS: usize = 60;

/// [`EncodedOracle`] over simulated workers, in f64.
///
/// ```
/// use steadfast::coding::frame_by_name;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{BlockFleet, Clock, FaultPlan};
/// use steadfast::oracle::{EncodedLeastSquares, EncodedOracle};
/// use steadfast::seed::Seed;
/// let x = Matrix::Dense(Dense::new(3, 1, vec![1.0, 2.0, 3.0])?);
/// let encoding = frame_by_name("hadamard", 3, 4, Seed(1))?;
/// let (faults, _) = FaultPlan::new(4, Seed(1)).split()?;
/// let fleet = BlockFleet::new(faults, Clock::default());
/// let mut oracle = EncodedLeastSquares::new(&x, &[1.0, 1.0, 1.0], encoding, fleet, 4, Seed(1))?;
/// let mut gradient = [0.0];
/// let round = oracle.gradient(&[1.0], &mut gradient)?;
/// // Residuals 0, 1, 2; with all workers a tight frame changes nothing.
/// assert!((gradient[0] - 8.0 / 3.0).abs() < 1e-14 && (round.value - 5.0 / 6.0).abs() < 1e-14);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct EncodedLeastSquares {
    encoding: Encoding,
    shards: Vec<EncodedShard>,
    /// `S_i y`.
    labels: Vec<Vec<f64>>,
    rows: usize,
    cols: usize,
    fleet: BlockFleet,
    first: usize,
    /// Once it was asked for.
    spectrum: Option<SubsetSpectrum>,
    seed: Seed,
    /// Gradients and values of the last two gradient rounds, and who was there.
    latest: Gathered,
    before: Gathered,
    thin: u64,
}

#[derive(Debug, Default)]
struct Gathered {
    /// A row of d + 1 numbers a worker.
    replies: Vec<f64>,
    present: Vec<bool>,
}

impl EncodedLeastSquares {
    /// Encodes `data` (n x d) and `labels` for the workers of `fleet`, of whose replies the `first` are taken in each round (those that
    /// arrive at the same instant as the last of them, too). `seed` draws the subsets of the spectrum.
    ///
    /// # Errors
    /// [`Error::Usage`] when fleet, encoding, labels and rows don't fit each other, or more replies are waited for than there are
    /// workers.
    pub fn new(
        data: &Matrix<f64>,
        labels: &[f64],
        encoding: Encoding,
        fleet: BlockFleet,
        first: usize,
        seed: Seed,
    ) -> Result<Self> {
        Self::on(None, data, labels, encoding, fleet, first, seed)
    }

    /// [`EncodedLeastSquares::new`] with the data encoded on a device ([`encode_rows_on`] says how precisely), where one is given; labels
    /// are encoded in f64 all the same.
    ///
    /// # Errors
    /// As [`EncodedLeastSquares::new`] and [`encode_rows_on`].
    pub fn on(
        device: Option<&mut dyn HadamardDevice>,
        data: &Matrix<f64>,
        labels: &[f64],
        encoding: Encoding,
        fleet: BlockFleet,
        first: usize,
        seed: Seed,
    ) -> Result<Self> {
        let (n, m) = (data.rows(), encoding.workers());
        if fleet.workers() != m || labels.len() != n {
            let got = format!("{} workers, {} labels", fleet.workers(), labels.len());
            return Err(Error::usage("encoded least squares", got, format!("{m} workers, {n} labels")));
        }
        encoding.check_first(first, true)?;
        let column = Matrix::Dense(Dense::new(n, 1, labels.to_vec())?);
        let one = |shard: &EncodedShard| {
            let mut values = vec![0.0; shard.rows()];
            shard.multiply(&[1.0], &mut values);
            values
        };
        let labels = encode_rows(&encoding, &column)?.iter().map(one).collect();
        let shards = encode_rows_on(device, &encoding, data)?;
        Ok(EncodedLeastSquares {
            encoding,
            shards,
            labels,
            rows: n,
            cols: data.cols(),
            fleet,
            first,
            spectrum: None,
            seed,
            latest: Gathered::default(),
            before: Gathered::default(),
            thin: 0,
        })
    }

    /// Runs a round of which each worker's reply, `width` numbers, is computed by `work`.
    fn round(
        &mut self,
        broadcast: &[f64],
        width: usize,
        products: u64,
        work: impl Fn(&EncodedShard, &[f64], &mut [f64]) + Sync,
        gathered: &mut Gathered,
    ) -> Result<EncodedRound> {
        if broadcast.len() != self.cols {
            return Err(Error::usage("encoded least squares", broadcast.len(), format!("{} numbers", self.cols)));
        }
        let mut own = vec![0.0; self.shards.len() * width];
        let workers = self.shards.par_iter().zip(&self.labels);
        own.par_chunks_mut(width).zip(workers).for_each(|(out, (shard, labels))| work(shard, labels, out));
        gathered.replies.resize(own.len(), 0.0);
        let job = Job { shards: &self.shards, own: &own, width, down: self.cols, products };
        let enough = |present: &[bool]| present.iter().filter(|there| **there).count() >= self.first;
        let mut arrived = self.fleet.collect(&job, broadcast, 1, &enough, &mut gathered.replies)?;
        usable(&mut arrived, &gathered.replies, self.first)?;
        gathered.present.clone_from(&arrived.present);
        Ok(EncodedRound { value: 0.0, round: report(&arrived) })
    }
}

/// The workers' side of a round.
struct Job<'j> {
    shards: &'j [EncodedShard],
    /// What honest workers reply, a row each.
    own: &'j [f64],
    width: usize,
    down: usize,
    /// Multiplications with the shard.
    products: u64,
}

impl RowWork for Job<'_> {
    fn cost(&self, worker: usize) -> BlockWork {
        let multiply_adds = self.products * self.shards[worker].stored() as u64;
        BlockWork { multiply_adds, down: self.down, up: self.width }
    }

    fn reply(&self, worker: usize, labels: Labels, out: &mut [f64]) -> Result<()> {
        if labels == Labels::Flipped {
            return Err(Error::usage("attack label-flip", "workers of encoded labels", "an attack on replies"));
        }
        out.copy_from_slice(&self.own[worker * self.width..(worker + 1) * self.width]);
        Ok(())
    }
}

impl EncodedOracle for EncodedLeastSquares {
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> Result<EncodedRound> {
        let d = self.cols;
        if out.len() != d {
            return Err(Error::usage("gradient of encoded least squares", out.len(), format!("{d} numbers")));
        }
        let work = |shard: &EncodedShard, labels: &[f64], out: &mut [f64]| {
            let mut residuals = vec![0.0; shard.rows()];
            shard.multiply(weights, &mut residuals);
            residuals.iter_mut().zip(labels).for_each(|(r, y)| *r -= y);
            shard.multiply_transposed(&residuals, &mut out[..d]);
            out[d] = 0.5 * square(&residuals);
        };
        std::mem::swap(&mut self.latest, &mut self.before);
        let mut latest = std::mem::take(&mut self.latest);
        let round = self.round(weights, d + 1, 2, work, &mut latest);
        self.latest = latest;
        let round = round?;
        let factors = self.encoding.weights(&self.latest.present);
        let mut sums = vec![0.0; d + 1];
        weighted_sum(&self.latest.replies, d + 1, &factors, &mut sums);
        let n = self.rows as f64;
        out.iter_mut().zip(&sums).for_each(|(g, sum)| *g = sum / n);
        Ok(EncodedRound { value: sums[d] / n, ..round })
    }

    fn curvature(&mut self, direction: &[f64]) -> Result<EncodedRound> {
        let work = |shard: &EncodedShard, _: &[f64], out: &mut [f64]| {
            let mut products = vec![0.0; shard.rows()];
            shard.multiply(direction, &mut products);
            out[0] = square(&products);
        };
        let mut gathered = Gathered::default();
        let round = self.round(direction, 1, 1, work, &mut gathered)?;
        let mut sum = [0.0];
        weighted_sum(&gathered.replies, 1, &self.encoding.weights(&gathered.present), &mut sum);
        Ok(EncodedRound { value: sum[0] / self.rows as f64, ..round })
    }

    fn change(&mut self, out: &mut [f64]) -> Overlap {
        let width = self.cols + 1;
        let both: Vec<bool> = self.latest.present.iter().zip(&self.before.present).map(|(a, b)| *a && *b).collect();
        let workers = both.iter().filter(|there| **there).count();
        let rows = (0..both.len()).filter(|&i| both[i]).map(|i| self.shards[i].rows()).sum();
        self.thin += u64::from(rows < self.rows);
        out.fill(0.0);
        if workers > 0 {
            let factors = self.encoding.weights(&both);
            let mut earlier = vec![0.0; out.len()];
            weighted_sum(&self.latest.replies, width, &factors, out);
            weighted_sum(&self.before.replies, width, &factors, &mut earlier);
            let n = self.rows as f64;
            out.iter_mut().zip(&earlier).for_each(|(r, earlier)| *r = (*r - earlier) / n);
        }
        Overlap { workers, rows }
    }

    fn spectrum(&mut self) -> Result<SubsetSpectrum> {
        if let Some(known) = self.spectrum {
            return Ok(known);
        }
        let measured = self.encoding.spectrum(self.first, SUBSETS, self.seed)?;
        self.spectrum = Some(measured);
        Ok(measured)
    }

    fn thin_overlaps(&self) -> u64 {
        self.thin
    }

    fn counters(&self) -> Counters {
        let labels = self.labels.iter().map(Vec::len).sum::<usize>();
        let stored = self.shards.iter().map(EncodedShard::stored).sum::<usize>() + labels;
        Counters { stored: stored as u64, ..self.fleet.counters() }
    }
}
