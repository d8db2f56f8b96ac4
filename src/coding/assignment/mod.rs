//! Assignment codes and robust aggregation. The rows are cut into P parts with the gradients `G_1 … G_P` (K d numbers each), scaled so
//! that the gradient wanted is their mean. Every worker computes the gradients of the parts it was given and sends one
//! combination of them,
//!
//! ```text
//! R_i = sum_j b_ij G_j,      b_ij = 0 where worker i does not have part j,
//! ```
//!
//! and the master makes `(1/P) sum_j G_j`, or an estimate of it, of the replies that came. Nothing is encoded but the gradient, so
//! any loss will do, and the price of t liars is 2t + 1 copies of the data where a data code pays m / (m - 2t). A code that
//! recovers the mean whatever t liars send is exact; an [`Aggregator`] only keeps them from steering far, and reports
//! [`Certainty::Approximate`](super::Certainty::Approximate).

mod aggregated;
mod aggregator;
mod detox;
mod draco_cyclic;
mod draco_repetition;
mod gradient_coding;
mod registry;
mod vote;

pub use aggregated::Aggregated;
pub use aggregator::{
    AGGREGATORS, Aggregator, Bulyan, CenteredClipping, GeometricMedian, Krum, Mean, Median, TrimmedMean,
    aggregator_by_name,
};
pub use detox::Detox;
pub use draco_cyclic::DracoCyclic;
pub use draco_repetition::DracoRepetition;
pub use gradient_coding::GradientCoding;
pub use registry::{ASSIGNMENT_CODES, assignment_by_name};

use super::{Report, Tolerance};
use crate::error::{Error, Result};

/// What is known of one round's replies.
#[derive(Debug, Clone, Copy)]
pub struct GradientReplies<'a> {
    /// m rows of `planes * dimension` numbers; the row of an absent worker holds anything.
    pub values: &'a [f64],
    /// Which workers' replies are there.
    pub present: &'a [bool],
    /// Replies that hold NaN or an infinity: lies by themselves, and numbers that no sum may take in.
    pub implausible: &'a [bool],
    /// K d, the numbers of a gradient.
    pub dimension: usize,
    /// What the master made of the round before; zeros at first.
    pub previous: &'a [f64],
    /// Counts the rounds of a run: a new number makes a decoder draw new random combinations.
    pub round: u64,
}

impl<'a> GradientReplies<'a> {
    /// Checks the lengths for a code, and the room for the value.
    ///
    /// # Errors
    /// [`Error::Usage`] for lengths that don't fit.
    pub(super) fn check(&self, code: &dyn AssignmentCode, out: &[f64]) -> Result<()> {
        let (m, width) = (code.workers(), code.planes() * self.dimension);
        let fits = self.values.len() == m * width
            && [self.present.len(), self.implausible.len()] == [m; 2]
            && [self.previous.len(), out.len()] == [self.dimension; 2];
        if fits {
            return Ok(());
        }
        Err(Error::usage(
            "gradient replies to combine",
            format!("{} numbers of {} workers, {} to write", self.values.len(), self.present.len(), out.len()),
            format!("{width} numbers of each of {m} workers and {} to write", self.dimension),
        ))
    }

    /// The numbers that `worker` sent.
    pub(super) fn row(&self, worker: usize) -> &'a [f64] {
        let width = self.values.len() / self.present.len();
        &self.values[worker * width..(worker + 1) * width]
    }

    /// Whether the reply of `worker` can be worked with.
    pub(super) fn usable(&self, worker: usize) -> bool {
        self.present[worker] && !self.implausible[worker]
    }

    /// Workers without a reply.
    pub(super) fn absent(&self) -> Vec<usize> {
        (0..self.present.len()).filter(|&i| !self.present[i]).collect()
    }

    /// Workers whose reply names them a liar.
    pub(super) fn named(&self) -> Vec<usize> {
        (0..self.present.len()).filter(|&i| self.present[i] && self.implausible[i]).collect()
    }

    /// The error of a round that can't be combined.
    pub(super) fn refuse(&self, code: &dyn AssignmentCode, reason: impl Into<String>, suspected: Vec<usize>) -> Error {
        let tolerance = format!("{} of {} workers ({})", code.tolerance(), code.workers(), code.name());
        Error::TooManyFaults { reason: reason.into(), erased: self.absent(), suspected, tolerance }
    }
}

/// Who computes the gradients of which parts, what it sends, and what is made of the replies: the mathematics is stated at
/// the top of this module.
///
/// ```
/// use steadfast::coding::{AssignmentCode, DracoRepetition, GradientReplies, Tolerance};
/// // Three workers, three parts each: one may lie.
/// let code = DracoRepetition::new(3, Tolerance { liars: 1, stragglers: 0 })?;
/// let parts = [1.0, 5.0, 0.0];
/// let mut replies = [0.0; 3];
/// (0..3).for_each(|worker| code.encode(worker, &parts, &mut replies[worker..worker + 1]));
/// replies[1] = 1e6;
/// let round = GradientReplies {
///     values: &replies, present: &[true; 3], implausible: &[false; 3], dimension: 1, previous: &[0.0], round: 0,
/// };
/// let mut mean = [0.0];
/// let report = code.combine(&round, &mut mean)?;
/// assert_eq!((mean[0], report.liars), (2.0, vec![1]));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub trait AssignmentCode: Send + Sync + std::fmt::Debug {
    /// Name on the command line, with parameters.
    fn name(&self) -> String;

    /// m.
    fn workers(&self) -> usize;

    /// P.
    fn parts(&self) -> usize;

    /// What it was built to carry.
    fn tolerance(&self) -> Tolerance;

    /// How many real numbers stand for one of a reply: 2 for a code over the complex numbers, whose replies are all real
    /// parts and then all imaginary parts.
    fn planes(&self) -> usize {
        1
    }

    /// The parts of `worker` with their coefficients `b_ij`, real parts in plane 0 and imaginary ones in plane 1.
    fn assigned(&self, worker: usize, plane: usize) -> &[(usize, f64)];

    /// True where the value is the mean of the parts up to rounding, false where it is an estimate.
    fn is_exact(&self) -> bool;

    /// Copies of the data that the workers hold together.
    fn redundancy(&self) -> f64 {
        let held: usize = (0..self.workers()).map(|worker| self.assigned(worker, 0).len()).sum();
        held as f64 / self.parts() as f64
    }

    /// True when the replies that are `present` suffice.
    fn decodable(&self, present: &[bool]) -> bool {
        present.iter().filter(|&&there| !there).count() <= self.tolerance().stragglers
    }

    /// What `worker` sends, of the P gradients `parts` (P rows): `planes` combinations of its parts, into `out`.
    fn encode(&self, worker: usize, parts: &[f64], out: &mut [f64]) {
        let dimension = out.len() / self.planes();
        out.fill(0.0);
        for (plane, out) in out.chunks_exact_mut(dimension.max(1)).enumerate() {
            for &(part, weight) in self.assigned(worker, plane) {
                let gradient = &parts[part * dimension..(part + 1) * dimension];
                out.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += weight * g);
            }
        }
    }

    /// Writes the mean gradient (`dimension` numbers), or the estimate of it, and says who lied, as far as the scheme tells.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when the replies can't be explained within the code's tolerance; [`Error::Usage`] for lengths
    /// that don't fit.
    fn combine(&self, replies: &GradientReplies<'_>, out: &mut [f64]) -> Result<Report>;
}

/// Euclidean norm by blocks, so that long gradients lose no digits.
fn norm(values: &[f64]) -> f64 {
    values.chunks(128).map(|run| run.iter().map(|x| x * x).sum::<f64>()).sum::<f64>().sqrt()
}

/// Square of the Euclidean distance, by blocks.
fn square_distance(a: &[f64], b: &[f64]) -> f64 {
    let runs = a.chunks(128).zip(b.chunks(128));
    runs.map(|(a, b)| a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>()).sum()
}

/// The mean of some vectors into `out`. As many terms a sum as there are workers; blocks would change nothing.
fn mean_of<'v>(vectors: impl Iterator<Item = &'v [f64]>, out: &mut [f64]) {
    out.fill(0.0);
    let mut count = 0.0;
    for vector in vectors {
        count += 1.0;
        out.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    out.iter_mut().for_each(|sum| *sum /= count);
}

/// The largest rounding error of a mean of `count` vectors of which the longest is so long, all their entries together.
fn mean_rounding(count: usize, longest: f64) -> f64 {
    (count + 1) as f64 * f64::EPSILON / 2.0 * longest
}
