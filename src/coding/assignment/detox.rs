//! DETOX (Rajput, Wang, Charles and Papailiopoulos, NeurIPS 2019): a vote in small groups that thins the liars out, then a
//! robust aggregator over what the groups voted for.

use super::aggregated::estimate;
use super::vote::{Groups, plurality};
use super::{Aggregator, AssignmentCode, GradientReplies};
use crate::coding::{Report, Tolerance};
use crate::error::{Error, Result};

/// m workers in groups of r (odd; the authors take r near 2 log m, and 3 in their experiments) that hold the same r of m parts and
/// send their mean. A group's value is the reply that most of its members sent; the aggregator combines the m / r values. The
/// redundancy is r.
///
/// (r + 1) / 2 liars in one group take it over, so at most `2t / (r + 1)` groups lie to the aggregator: the authors draw groups at
/// random, here who lies is. Nobody is named but those who sent no numbers: a minority may be the honest one.
///
/// ```
/// use steadfast::coding::{AssignmentCode, Detox, Median, Tolerance};
/// let code = Detox::new(15, Tolerance { liars: 2, stragglers: 0 }, 3, Box::new(Median))?;
/// assert_eq!((code.redundancy(), code.is_exact()), (3.0, false));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Detox {
    groups: Groups,
    shares: Vec<(usize, f64)>,
    tolerance: Tolerance,
    aggregator: Box<dyn Aggregator>,
}

impl Detox {
    /// For m `workers` in groups of `size`.
    ///
    /// # Errors
    /// [`Error::Usage`] for an even size or one that does not divide m, for more stragglers than a group can lose, and when the
    /// aggregator asks for more groups to carry those that t liars can take over.
    pub fn new(workers: usize, tolerance: Tolerance, size: usize, aggregator: Box<dyn Aggregator>) -> Result<Self> {
        if size.is_multiple_of(2) {
            return Err(Error::usage("detox: group", size, "an odd number of workers"));
        }
        let groups = Groups::new("detox", workers, size)?;
        if tolerance.stragglers >= size {
            let allowed = format!("fewer than the {size} workers of a group");
            return Err(Error::usage("detox: stragglers", tolerance.stragglers, allowed));
        }
        aggregator.check(groups.count(), tolerance.liars / (size / 2 + 1))?;
        let shares = (0..workers).map(|part| (part, 1.0 / size as f64)).collect();
        Ok(Detox { groups, shares, tolerance, aggregator })
    }
}

impl AssignmentCode for Detox {
    fn name(&self) -> String {
        format!("detox:group={} with {}", self.groups.size, self.aggregator.name())
    }

    fn workers(&self) -> usize {
        self.groups.workers()
    }

    fn parts(&self) -> usize {
        self.groups.workers()
    }

    fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    fn assigned(&self, worker: usize, _plane: usize) -> &[(usize, f64)] {
        &self.shares[self.groups.members(worker / self.groups.size)]
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn combine(&self, replies: &GradientReplies<'_>, out: &mut [f64]) -> Result<Report> {
        replies.check(self, out)?;
        let liars = replies.named();
        if liars.len() > self.tolerance.liars {
            return Err(replies.refuse(self, "more replies are no numbers than workers may lie", liars));
        }
        let mut votes: Vec<&[f64]> = Vec::with_capacity(self.groups.count());
        for group in 0..self.groups.count() {
            match plurality(replies, self.groups.members(group)) {
                Some((winner, _)) => votes.push(replies.row(winner)),
                None => return Err(replies.refuse(self, format!("nobody of group {group} is heard"), liars)),
            }
        }
        let taken = (self.tolerance.liars - liars.len()) / (self.groups.size / 2 + 1);
        self.aggregator.aggregate(&votes, taken, replies.previous, out);
        Ok(estimate(replies, liars))
    }
}
