//! The order of pairwise sums of parts that come one after the other, with memory for one sum a level: parts `2k` and
//! `2k + 1` are added, then those sums in pairs, and so on; at the end what is left is added from the latest to the earliest.

/// Levels that 2^32 parts need, more than any matrix has blocks.
pub(super) const LEVELS: usize = 32;

/// Levels that `parts` parts need.
pub(super) fn levels(parts: usize) -> usize {
    (usize::BITS - parts.leading_zeros()) as usize
}

/// How the parts so far are held: bit `l` of the count says that level `l` holds the sum of `2^l` parts.
#[derive(Clone, Copy, Default)]
pub(super) struct Tree {
    parts: usize,
}

impl Tree {
    /// Counts one more part. It is to be added to the sums of levels `0..level` in turn (each the left operand) and kept at
    /// `level`, which is returned.
    #[inline(always)]
    pub(super) fn push(&mut self) -> usize {
        let level = self.parts.trailing_ones() as usize;
        self.parts += 1;
        level
    }

    /// The level of the latest sum, and a mask of the levels above it whose sums are to be added to it, from the lowest to
    /// the highest (each the left operand).
    #[inline(always)]
    pub(super) fn finish(self) -> (usize, Remaining) {
        let first = self.parts.trailing_zeros() as usize;
        (first, Remaining(self.parts & self.parts.wrapping_sub(1)))
    }
}

/// Levels still to be added.
pub(super) struct Remaining(usize);

impl Iterator for Remaining {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let level = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(level)
    }
}
