//! Robust aggregation without coding: a part a worker, and an [`Aggregator`] over their gradients.

use super::{Aggregator, AssignmentCode, GradientReplies};
use crate::coding::{Certainty, Report, Tolerance};
use crate::error::{Error, Result};

/// Every worker has one part to itself; the value is what the aggregator makes of the gradients that came.
///
/// Replies that are no numbers are left out and their senders named, which leaves that many fewer liars to expect; beyond these
/// an aggregator names nobody.
#[derive(Debug)]
pub struct Aggregated {
    aggregator: Box<dyn Aggregator>,
    tolerance: Tolerance,
    own: Vec<(usize, f64)>,
}

impl Aggregated {
    /// For m `workers`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the aggregator asks for more replies than m - s to carry t liars.
    pub fn new(workers: usize, tolerance: Tolerance, aggregator: Box<dyn Aggregator>) -> Result<Self> {
        let Some(heard) = workers.checked_sub(tolerance.stragglers).filter(|&heard| heard > 0) else {
            return Err(Error::usage("stragglers", tolerance.stragglers, format!("fewer than the {workers} workers")));
        };
        aggregator.check(heard, tolerance.liars)?;
        Ok(Aggregated { aggregator, tolerance, own: (0..workers).map(|part| (part, 1.0)).collect() })
    }
}

impl AssignmentCode for Aggregated {
    fn name(&self) -> String {
        self.aggregator.name()
    }

    fn workers(&self) -> usize {
        self.own.len()
    }

    fn parts(&self) -> usize {
        self.own.len()
    }

    fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    fn assigned(&self, worker: usize, _plane: usize) -> &[(usize, f64)] {
        &self.own[worker..=worker]
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn combine(&self, replies: &GradientReplies<'_>, out: &mut [f64]) -> Result<Report> {
        replies.check(self, out)?;
        let liars = replies.named();
        if !self.decodable(replies.present) {
            return Err(replies.refuse(self, "too few replies came", liars));
        }
        let Some(left) = self.tolerance.liars.checked_sub(liars.len()) else {
            return Err(replies.refuse(self, "more replies are no numbers than workers may lie", liars));
        };
        let vectors: Vec<&[f64]> = (0..self.workers()).filter(|&i| replies.usable(i)).map(|i| replies.row(i)).collect();
        self.aggregator.aggregate(&vectors, left, replies.previous, out);
        Ok(estimate(replies, liars))
    }
}

/// The certificate of an estimate: none.
pub(super) fn estimate(replies: &GradientReplies<'_>, liars: Vec<usize>) -> Report {
    Report {
        erased: replies.absent(),
        liars,
        residual: 0.0,
        noise: 0.0,
        bound: f64::INFINITY,
        certainty: Certainty::Approximate,
    }
}
