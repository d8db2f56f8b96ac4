//! Encoded optimization (paper 000): workers run the plain method on encoded data, the master takes the first k replies and never
//! decodes. Neither the gradient of a round nor the answer is exact, and no lie is found: [`EncodedOracle`] is the approximate neighbour of
//! [`ProductOracle`](super::ProductOracle).

mod least_squares;
mod lifted;

pub use least_squares::EncodedLeastSquares;
pub use lifted::LiftedBlocks;

use super::{Certainty, RoundReport};
use crate::coding::{Report, SubsetSpectrum};
use crate::error::{Error, Result};
use crate::fleet::{Arrived, Counters};

/// Where a method gets gradients of encoded least squares from, one worker set A a round. Every sum over A is weighted so that it is
/// an estimate of the sum over all data ([`Encoding::weights`](crate::coding::Encoding::weights)).
pub trait EncodedOracle: Send {
    /// Writes `m/(n beta |A|) sum over A of X'S_i'(S_i X w - S_i y)` at `weights` (d), without l2; the value is
    /// `m/(2 n beta |A|) sum over A of |S_i (X w - y)|^2`. One round.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when fewer than k replies can come; [`Error::Usage`] for lengths that don't fit.
    fn gradient(&mut self, weights: &[f64], out: &mut [f64]) -> Result<EncodedRound>;

    /// The value is `m/(n beta |D|) sum over D of |S_i X d|^2` for a direction d, with the set D of a round of its own.
    ///
    /// # Errors
    /// As [`EncodedOracle::gradient`].
    fn curvature(&mut self, direction: &[f64]) -> Result<EncodedRound>;

    /// Writes the change between the last two gradients as those workers see it that are in both sets (without l2).
    fn change(&mut self, out: &mut [f64]) -> Overlap;

    /// What subsets of k workers keep of the data, measured when it is first asked for.
    ///
    /// # Errors
    /// As [`Encoding::spectrum`](crate::coding::Encoding::spectrum).
    fn spectrum(&mut self) -> Result<SubsetSpectrum>;

    /// Overlaps so far that had fewer rows than the data.
    fn thin_overlaps(&self) -> u64;

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;
}

/// One first-k round.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedRound {
    /// The estimate that the round is asked for.
    pub value: f64,
    /// Who was late; certainty is [`Certainty::Approximate`].
    pub round: RoundReport,
}

/// The workers that two rounds have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// How many.
    pub workers: usize,
    /// How many encoded rows they hold.
    pub rows: usize,
}

/// Takes replies that hold NaN or an infinity out, and refuses fewer than `first`.
fn usable(arrived: &mut Arrived, replies: &[f64], first: usize) -> Result<()> {
    let width = replies.len() / arrived.present.len();
    for (reply, there) in replies.chunks_exact(width).zip(&mut arrived.present) {
        *there &= reply.iter().all(|x| x.is_finite());
    }
    let missing: Vec<usize> = (0..arrived.present.len()).filter(|&i| !arrived.present[i]).collect();
    let workers = arrived.present.len();
    if workers - missing.len() >= first {
        return Ok(());
    }
    Err(Error::TooManyFaults {
        reason: format!("{} replies can be used of the {first} that a round waits for", workers - missing.len()),
        erased: missing,
        suspected: vec![],
        tolerance: format!("{} stragglers of {workers} workers", workers - first),
    })
}

/// What is known of a round that nobody decodes.
fn report(arrived: &Arrived) -> RoundReport {
    let late: Vec<usize> = (0..arrived.present.len()).filter(|&i| !arrived.present[i]).collect();
    let certainty = Certainty::Approximate;
    let report =
        Report { erased: late.clone(), liars: vec![], residual: 0.0, noise: 0.0, bound: f64::INFINITY, certainty };
    RoundReport { report, late, seconds: arrived.seconds }
}

/// Workers whose replies are added before their sum is.
const BLOCK: usize = 16;

/// `out = sum_i c_i reply_i` over rows of `out.len()` numbers or more, of which the first count.
fn weighted_sum(replies: &[f64], width: usize, weights: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    let mut partial = vec![0.0; out.len()];
    for (replies, weights) in replies.chunks(BLOCK * width).zip(weights.chunks(BLOCK)) {
        partial.fill(0.0);
        for (reply, &weight) in replies.chunks_exact(width).zip(weights).filter(|(_, weight)| **weight != 0.0) {
            partial.iter_mut().zip(reply).for_each(|(sum, x)| *sum += weight * x);
        }
        out.iter_mut().zip(&partial).for_each(|(sum, x)| *sum += x);
    }
}

/// The square of a vector, in partial sums of 256 terms.
fn square(values: &[f64]) -> f64 {
    values.chunks(256).map(|c| c.iter().map(|x| x * x).sum::<f64>()).sum()
}
