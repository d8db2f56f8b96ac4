//! What can be said of medians and orderings from so many seeds: intervals that assume nothing of the values' distribution.

use steadfast::{Error, Result};

use crate::args::ReproduceArgs;
use crate::reproduce::{line, median};

/// What an interval holds the true median with, at least.
const CONFIDENCE: f64 = 0.95;

/// How an interval is derived, for below a table.
pub const DERIVED: &str = "[low, high]: holds the median over all seeds with probability .95 or more, whatever the distribution: the r-th smallest and r-th \
largest of n seeds, r the largest with 1 - 2 P(Bin(n, 1/2) < r) >= .95; an ordering is judged by the median of the differences between \
runs of the same seed";

/// The median of values from independent seeds, and an interval for that of all seeds. Infinite values (what never came) are values as
/// others; with fewer than 6 the interval is everything.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    pub fn of(values: &[f64]) -> Self {
        let mut values = values.to_vec();
        let middle = median(&mut values);
        let n = values.len();
        match rank(n) {
            0 => Estimate { median: middle, low: f64::NEG_INFINITY, high: f64::INFINITY },
            r => Estimate { median: middle, low: values[r - 1], high: values[n - r] },
        }
    }
}

/// r, counted from 1; 0 where no rank is enough.
fn rank(n: usize) -> usize {
    // P(Bin(n, 1/2) < r) for r = 1, 2, ...
    let mut mass = 0.5f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut below = 0.0;
    for r in 0..n / 2 {
        below += mass;
        if 1.0 - 2.0 * below < CONFIDENCE {
            return r;
        }
        mass *= (n - r) as f64 / (r + 1) as f64;
    }
    n / 2
}

/// An ordering that a paper or the spec states, and what the seeds say of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Ordering {
    pub claim: String,
    /// By how much it holds, in the unit of the claim: above 0 where it does.
    pub margin: Estimate,
    /// `holds`, `does not hold`, or `not told apart`.
    pub verdict: &'static str,
}

impl Ordering {
    /// That the `less` are below the `more`, seed by seed.
    pub fn new(claim: String, less: &[f64], more: &[f64]) -> Self {
        // Two that never came are equal.
        let difference = |(less, more): (&f64, &f64)| if less == more { 0.0 } else { more - less };
        let margin = Estimate::of(&less.iter().zip(more).map(difference).collect::<Vec<_>>());
        let verdict = match margin {
            Estimate { low, .. } if low > 0.0 => "holds",
            Estimate { high, .. } if high < 0.0 => "does not hold",
            _ => "not told apart",
        };
        Ordering { claim, margin, verdict }
    }

    pub fn print(&self, args: &ReproduceArgs) {
        let Estimate { median, low, high } = self.margin;
        let [median, low, high] = [median, low, high].map(shown);
        line(args, format!("{}: {}, by {median} [{low}, {high}]", self.claim, self.verdict));
    }
}

/// With two places, or two digits where that would be nothing.
fn shown(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.1 { format!("{value:.1e}") } else { format!("{value:.2}") }
}

/// The seeds of a comparison: those asked for, or 20.
///
/// # Errors
/// [`Error::Usage`] for none.
pub fn seeds(args: &ReproduceArgs) -> Result<usize> {
    match args.trials {
        Some(0) => Err(Error::usage("--trials", 0, "at least 1")),
        asked => Ok(asked.unwrap_or(20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of the sign test: n = 5 has none, 6 to 8 the extremes, 20 the sixth, 30 the tenth.
    #[test]
    fn ranks_are_those_of_the_sign_test() {
        assert_eq!([0, 1, 5, 6, 8, 9, 20, 30, 100].map(rank), [0, 0, 0, 1, 1, 2, 6, 10, 40]);
    }

    #[test]
    fn orderings_are_judged_by_paired_differences() {
        let slow: Vec<f64> = (0..20).map(|k| f64::from(k % 7) * 10.0).collect();
        let fast: Vec<f64> = slow.iter().map(|x| x - 1.0).collect();
        let of = |less: &[f64], more: &[f64]| Ordering::new(String::new(), less, more);
        assert_eq!(of(&fast, &slow).margin, Estimate { median: 1.0, low: 1.0, high: 1.0 });
        assert_eq!((of(&fast, &slow).verdict, of(&slow, &fast).verdict), ("holds", "does not hold"));
        assert_eq!(of(&slow, &slow).verdict, "not told apart");
        assert_eq!(of(&fast[..5], &slow[..5]).verdict, "not told apart");
        let never = [f64::INFINITY; 20];
        assert_eq!((of(&never, &never).verdict, of(&fast, &never).verdict), ("not told apart", "holds"));
    }
}
