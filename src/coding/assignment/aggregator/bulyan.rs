//! Bulyan over Krum.

use super::Aggregator;
use super::coordinates::{each_column, median_of};
use super::krum::{distances, ranked};

/// Bulyan (El Mhamdi, Guerraoui and Rouault, ICML 2018): Krum picks theta = n - 2f vectors one after the other; each coordinate is then
/// the mean of the theta - 2f picked values that are closest to their median. It asks for n >= 4f + 3.
#[derive(Debug, Clone, Copy)]
pub struct Bulyan;

impl Aggregator for Bulyan {
    fn name(&self) -> String {
        "bulyan".into()
    }

    fn needs(&self, liars: usize) -> (usize, &'static str) {
        (liars.saturating_mul(4) + 3, "n >= 4f + 3")
    }

    fn aggregate(&self, vectors: &[&[f64]], liars: usize, _previous: &[f64], out: &mut [f64]) {
        let n = vectors.len();
        let distances = distances(vectors);
        let mut left: Vec<usize> = (0..n).collect();
        let mut picked = Vec::new();
        while picked.len() < n - 2 * liars {
            let best = ranked(&distances, n, &left, liars)[0];
            left.retain(|&i| i != best);
            picked.push(vectors[best]);
        }
        let kept = picked.len() - 2 * liars;
        each_column(&picked, out, |column| {
            let median = median_of(column);
            // The closest values are neighbours among sorted ones: the window whose farther end is nearest.
            let reach = |first: usize| (median - column[first]).max(column[first + kept - 1] - median);
            let starts = 0..=column.len() - kept;
            let first = starts.min_by(|&a, &b| reach(a).total_cmp(&reach(b))).unwrap_or(0);
            column[first..first + kept].iter().sum::<f64>() / kept as f64
        });
    }
}
