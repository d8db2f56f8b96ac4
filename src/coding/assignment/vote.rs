//! Groups of workers that hold the same parts, and the vote in a group.
//!
//! The members of a group add the same numbers in the same order, so honest replies are equal to the bit, as the authors of DRACO
//! and DETOX count on, too: there is no tolerance for a liar to use.

use super::GradientReplies;
use crate::error::{Error, Result};

/// m workers in groups of r that hold the same r of m parts; worker w is of group `w / r`.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    pub size: usize,
    /// Of every group, its parts with coefficient 1.
    parts: Vec<(usize, f64)>,
}

impl Groups {
    /// # Errors
    /// [`Error::Usage`] when r does not divide m.
    pub fn new(what: &str, workers: usize, size: usize) -> Result<Self> {
        if workers == 0 || size == 0 || !workers.is_multiple_of(size) {
            let divisors = (1..=workers).filter(|d| workers.is_multiple_of(*d) && *d > size).map(|d| d.to_string());
            let divisors: Vec<String> = divisors.take(3).collect();
            let next = if divisors.is_empty() { String::new() } else { format!(" ({} would)", divisors.join(", ")) };
            return Err(Error::usage(
                format!("{what}: groups on {workers} workers"),
                format!("groups of {size}"),
                format!("a size that divides {workers}{next}"),
            ));
        }
        Ok(Groups { size, parts: (0..workers).map(|part| (part, 1.0)).collect() })
    }

    pub fn workers(&self) -> usize {
        self.parts.len()
    }

    pub fn count(&self) -> usize {
        self.parts.len() / self.size
    }

    pub fn members(&self, group: usize) -> std::ops::Range<usize> {
        group * self.size..(group + 1) * self.size
    }

    /// The parts of a worker.
    pub fn assigned(&self, worker: usize) -> &[(usize, f64)] {
        &self.parts[self.members(worker / self.size)]
    }
}

/// The reply that most usable members of a group sent, the first such one: its sender, and how many sent it. `None` for a group
/// without a usable reply.
pub(super) fn plurality(replies: &GradientReplies<'_>, members: std::ops::Range<usize>) -> Option<(usize, usize)> {
    let usable: Vec<usize> = members.filter(|&i| replies.usable(i)).collect();
    let mut best: Option<(usize, usize)> = None;
    for &candidate in &usable {
        let support = usable.iter().filter(|&&i| replies.row(i) == replies.row(candidate)).count();
        if best.is_none_or(|(_, most)| support > most) {
            best = Some((candidate, support));
        }
    }
    best
}
