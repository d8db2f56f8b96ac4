//! Krum and multi-Krum.

use super::Aggregator;
use crate::coding::assignment::{mean_of, square_distance};

/// Krum (Blanchard, El Mhamdi, Guerraoui and Stainer, NeurIPS 2017): the vector whose n - f - 2 nearest others are closest (sum of squared
/// distances); multi-Krum is the mean of the `select` best, by default n - f - 2, the most that the authors' later analysis covers.
/// Both ask for n >= 2f + 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Krum {
    select: Select,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Select {
    One,
    /// `None`: n - f - 2.
    Many(Option<usize>),
}

impl Krum {
    /// Krum itself.
    pub const SINGLE: Krum = Krum { select: Select::One };

    /// Multi-Krum with that many of the best vectors.
    pub fn multi(select: Option<usize>) -> Self {
        Krum { select: Select::Many(select) }
    }
}

/// Squared distances of n vectors, row-major.
pub(super) fn distances(vectors: &[&[f64]]) -> Vec<f64> {
    let n = vectors.len();
    (0..n * n).map(|at| square_distance(vectors[at / n], vectors[at % n])).collect()
}

/// The places in `left` in the order of their scores, best first; ties by number.
pub(super) fn ranked(distances: &[f64], n: usize, left: &[usize], liars: usize) -> Vec<usize> {
    let neighbours = left.len().saturating_sub(liars + 2).max(1);
    let score = |i: usize| {
        let mut others: Vec<f64> = left.iter().filter(|&&j| j != i).map(|&j| distances[i * n + j]).collect();
        others.sort_unstable_by(f64::total_cmp);
        others.iter().take(neighbours).sum::<f64>()
    };
    let mut scored: Vec<(f64, usize)> = left.iter().map(|&i| (score(i), i)).collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, i)| i).collect()
}

impl Aggregator for Krum {
    fn name(&self) -> String {
        match self.select {
            Select::One => "krum".into(),
            Select::Many(None) => "multi-krum".into(),
            Select::Many(Some(count)) => format!("multi-krum:select={count}"),
        }
    }

    fn needs(&self, liars: usize) -> (usize, &'static str) {
        (liars.saturating_mul(2) + 3, "n >= 2f + 3")
    }

    fn aggregate(&self, vectors: &[&[f64]], liars: usize, _previous: &[f64], out: &mut [f64]) {
        let n = vectors.len();
        let all: Vec<usize> = (0..n).collect();
        let count = match self.select {
            Select::One => 1,
            Select::Many(count) => count.unwrap_or(n.saturating_sub(liars + 2)).clamp(1, n),
        };
        let best = ranked(&distances(vectors), n, &all, liars);
        mean_of(best[..count].iter().map(|&i| vectors[i]), out);
    }
}
