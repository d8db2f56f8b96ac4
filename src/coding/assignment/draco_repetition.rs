//! DRACO by fractional repetition (Chen, Wang, Charles and Papailiopoulos, ICML 2018, section 4.2): groups of 2t + 1 workers compute the
//! same, and the majority of each is right.

use super::vote::{Groups, plurality};
use super::{AssignmentCode, GradientReplies, mean_rounding, norm};
use crate::coding::{Certainty, Report, Tolerance};
use crate::error::Result;

/// m workers in groups of r = 2 (t + s) + 1 that hold the same r of m parts and send their sum: a missing reply counts as a lie, as in
/// the paper. The redundancy is r. Exact for any t liars, who are named.
///
/// ```
/// use steadfast::coding::{AssignmentCode, DracoRepetition, Tolerance};
/// let code = DracoRepetition::new(15, Tolerance { liars: 2, stragglers: 0 })?;
/// assert_eq!(code.redundancy(), 5.0);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DracoRepetition {
    groups: Groups,
    tolerance: Tolerance,
}

impl DracoRepetition {
    /// For m `workers`.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] when 2 (t + s) + 1 does not divide m.
    pub fn new(workers: usize, tolerance: Tolerance) -> Result<Self> {
        let faults = tolerance.liars.saturating_add(tolerance.stragglers);
        let size = faults.saturating_mul(2).saturating_add(1);
        Ok(DracoRepetition { groups: Groups::new("draco:layout=repetition", workers, size)?, tolerance })
    }
}

impl AssignmentCode for DracoRepetition {
    fn name(&self) -> String {
        "draco:layout=repetition".into()
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
        self.groups.assigned(worker)
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn combine(&self, replies: &GradientReplies<'_>, out: &mut [f64]) -> Result<Report> {
        replies.check(self, out)?;
        let mut liars = replies.named();
        let majority = self.groups.size / 2 + 1;
        let mut longest = 0.0f64;
        out.fill(0.0);
        for group in 0..self.groups.count() {
            let members = self.groups.members(group);
            let Some((winner, _)) = plurality(replies, members.clone()).filter(|&(_, votes)| votes >= majority) else {
                let reason = format!("fewer than {majority} workers of group {group} agree");
                liars.sort_unstable();
                return Err(replies.refuse(self, reason, liars));
            };
            let value = replies.row(winner);
            liars.extend(members.filter(|&i| replies.usable(i) && replies.row(i) != value));
            longest = longest.max(norm(value));
            out.iter_mut().zip(value).for_each(|(sum, g)| *sum += g);
        }
        let parts = self.parts() as f64;
        out.iter_mut().for_each(|sum| *sum /= parts);
        liars.sort_unstable();
        Ok(Report {
            erased: replies.absent(),
            liars,
            residual: 0.0,
            noise: 0.0,
            // Of the sums at the workers and of the one here.
            bound: mean_rounding(self.groups.size + self.groups.count(), longest),
            certainty: Certainty::Certified,
        })
    }
}
