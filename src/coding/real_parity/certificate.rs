//! The certificate of a decoded value: how far it can be off, undetected lies included.

use super::RealParity;
use super::bound::smallest_singular;
use super::dense::norm;
use super::noise;
use super::repair::Plan;
use super::svd::LeftSvd;
use crate::coding::Replies;

/// What the certificate of one round is made from.
pub(super) struct Certificate<'a> {
    pub code: &'a RealParity,
    pub replies: &'a Replies<'a>,
    /// Expected round-off of each worker for a broadcast vector of norm 1.
    pub sigma: &'a [f64],
    /// Inverse norms of the broadcast vectors, 0 for zero vectors.
    pub inverse_norms: &'a [f64],
    /// Combined replies of the workers kept, m x width.
    pub words: &'a [f64],
    pub width: usize,
    pub plan: &'a Plan,
    /// Located liars, ascending, and what they sent, combined.
    pub liars: &'a [usize],
    pub sent: &'a [f64],
    /// Norm of the parity check over the replies kept.
    pub residual: f64,
    /// Liars known without the code.
    pub named: usize,
}

impl Certificate<'_> {
    /// The noise level of one entry and the bound on the Euclidean error of the value.
    ///
    /// Lies that the decoder did not find sit on at most as many workers L as may still be unknown, and may hide behind the
    /// columns of the faulty workers E that it left out; what they do to the value and to the repaired blocks is at
    /// most (residual + noise) / sigma_min(H restricted to L and E). Honest round-off passes through the copied blocks as it is and
    /// through the repaired ones amplified by at most 1 / sigma_min(H_E).
    pub(super) fn noise_and_bound(&self) -> (f64, f64) {
        let Certificate { code, replies, plan, residual, named, .. } = *self;
        let columns = (replies.layout.shard_rows * replies.vectors) as f64;
        let broadcast = norm(replies.broadcast) * (replies.layout.shard_rows as f64).sqrt();
        let kept: f64 = plan.kept.iter().map(|&i| self.sigma[i].powi(2)).sum::<f64>();
        let expected = kept.sqrt() * broadcast;
        let seen = expected * (plan.checks as f64 / plan.kept.len().max(1) as f64).sqrt();
        let level = if seen > 0.0 { (residual / seen).max(noise::FLOOR) } else { 0.0 };
        let entry = expected / (columns * plan.kept.len().max(1) as f64).sqrt();
        let mut unknown = code.unknown(named);
        if self.surely_lied(residual + expected * level.max(1.0), unknown) {
            unknown -= self.liars.len();
        }
        // Round-off that the check can't see (common to all workers) is taken at its expected size.
        let honest = expected * level.max(1.0);
        let amplified = if plan.faulty.is_empty() { honest } else { honest * (1.0 + 1.0 / plan.smallest) };
        let hidden = if unknown == 0 {
            0.0
        } else {
            let size = plan.faulty.len() + unknown;
            let smallest = if size > code.checks { 0.0 } else { code.worst.smallest(size) };
            if smallest > 0.0 { (residual + honest) / smallest } else { f64::INFINITY }
        };
        (level * entry, amplified + hidden)
    }

    /// True when every set of `unknown` liars that explains the replies contains all those located, so that fewer can hide.
    ///
    /// Let X be the located lies and E those of a set S that explains the replies: H_I X = H_S E + N with |N| at most the
    /// residual and the noise, `slack`. Then H_I = H_S E X^+ + N X^+, so a located worker i outside S would have a column within
    /// |N| / sigma_min(X) of the span of S; but no column is nearer to that of others than sigma_min of all of them. (The same
    /// with the erased workers in S.) The combinations are orthonormal, so sigma_min of the combined X is at most that of X.
    fn surely_lied(&self, slack: f64, unknown: usize) -> bool {
        let (plan, n, r) = (self.plan, self.liars.len(), self.width);
        if n == 0 || n > unknown || n > r {
            return false;
        }
        let others = plan.faulty.len() - n + unknown + 1;
        if others > self.code.checks {
            return false;
        }
        let largest = self.sigma.iter().copied().fold(0.0, f64::max);
        let lies = plan.lies(self.liars, self.sent, self.words, r);
        let weakest = smallest_singular(&lies, n, r, &mut LeftSvd::default()) * largest;
        let shortest = self.inverse_norms.iter().copied().fold(0.0, f64::max);
        // Twice, because the singular value of a large matrix is found by iteration.
        weakest > 2.0 * slack * shortest / self.code.worst.smallest(others)
    }
}
