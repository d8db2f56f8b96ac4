//! Rules that treat every coordinate by itself.

use super::Aggregator;
use crate::coding::assignment::mean_of;

/// Writes `rule(sorted column)` of every coordinate.
pub(super) fn each_column(vectors: &[&[f64]], out: &mut [f64], rule: impl Fn(&[f64]) -> f64) {
    let mut column = vec![0.0; vectors.len()];
    for (at, value) in out.iter_mut().enumerate() {
        column.iter_mut().zip(vectors).for_each(|(x, vector)| *x = vector[at]);
        column.sort_unstable_by(f64::total_cmp);
        *value = rule(&column);
    }
}

/// The median of sorted numbers; of an even number, the mean of the two in the middle.
pub(super) fn median_of(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}

/// The plain mean, which one liar moves anywhere: what the others are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Mean;

impl Aggregator for Mean {
    fn name(&self) -> String {
        "mean".into()
    }

    fn needs(&self, _liars: usize) -> (usize, &'static str) {
        (0, "any number")
    }

    fn aggregate(&self, vectors: &[&[f64]], _liars: usize, _previous: &[f64], out: &mut [f64]) {
        mean_of(vectors.iter().copied(), out);
    }
}

/// The coordinate-wise median (Yin, Chen, Ramchandran and Bartlett, ICML 2018, definition 1).
#[derive(Debug, Clone, Copy)]
pub struct Median;

impl Aggregator for Median {
    fn name(&self) -> String {
        "median".into()
    }

    fn needs(&self, liars: usize) -> (usize, &'static str) {
        (liars.saturating_mul(2) + 1, "n >= 2f + 1")
    }

    fn aggregate(&self, vectors: &[&[f64]], _liars: usize, _previous: &[f64], out: &mut [f64]) {
        each_column(vectors, out, median_of);
    }
}

/// The coordinate-wise trimmed mean without the f smallest and the f largest (Yin et al., 2018, definition 2, with a share beta = f / n).
#[derive(Debug, Clone, Copy)]
pub struct TrimmedMean;

impl Aggregator for TrimmedMean {
    fn name(&self) -> String {
        "trimmed-mean".into()
    }

    fn needs(&self, liars: usize) -> (usize, &'static str) {
        (liars.saturating_mul(2) + 1, "n >= 2f + 1")
    }

    fn aggregate(&self, vectors: &[&[f64]], liars: usize, _previous: &[f64], out: &mut [f64]) {
        each_column(vectors, out, |column| {
            let kept = &column[liars..column.len() - liars];
            kept.iter().sum::<f64>() / kept.len() as f64
        });
    }
}
