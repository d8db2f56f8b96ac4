//! Reference sets that are made from another one by a rule.

use rayon::prelude::*;

use super::dataset::{Dataset, Labels};
use super::matrix::{Dense, Matrix};
use super::preprocess::Standardization;
use crate::error::Result;

/// How a reference set is made from the file's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Derivation {
    /// As it stands there.
    AsRead,
    /// Two classes: +1 for labels that meet the condition, else -1.
    Binary(Positive),
    /// The same, and the features all monomials of degree 1 to 3 of the file's, standardized.
    Cubic(Positive),
}

/// Which labels become +1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Positive {
    AtMost(f64),
    Even,
}

impl Derivation {
    /// Reads a rule as `reference.json` words it; `None` for one that is not known.
    pub(super) fn from_rule(rule: &str) -> Option<Self> {
        let positive = if rule.contains("+1 if digit even else -1") {
            Positive::Even
        } else {
            let (_, condition) = rule.split_once("+1 if label<=")?;
            Positive::AtMost(condition.split_once(' ')?.0.parse().ok()?)
        };
        let cubic = rule.contains("monomials of degree 1..3");
        Some(if cubic { Derivation::Cubic(positive) } else { Derivation::Binary(positive) })
    }

    pub(super) fn apply(self, data: Dataset<f64>) -> Result<Dataset<f64>> {
        let positive = match self {
            Derivation::AsRead => return Ok(data),
            Derivation::Binary(positive) | Derivation::Cubic(positive) => positive,
        };
        let sign = |label: f64| {
            let meets = match positive {
                Positive::AtMost(bound) => label <= bound,
                Positive::Even => label % 2.0 == 0.0,
            };
            if meets { 1.0 } else { -1.0 }
        };
        let labels = Labels::Real(data.labels.real()?.into_iter().map(sign).collect());
        let features = if matches!(self, Derivation::Cubic(_)) {
            let expanded = monomials(&data.features);
            Standardization::fit(&expanded)?.apply(expanded)?
        } else {
            data.features
        };
        Dataset::new(features, labels, Vec::new())
    }
}

/// All monomials of degree 1 to 3 of the columns: first those of degree 1, then 2, then 3, each in lexicographic order of
/// the factors' columns.
fn monomials(features: &Matrix<f64>) -> Matrix<f64> {
    let (rows, d) = (features.rows(), features.cols());
    let cols = d + d * (d + 1) / 2 + d * (d + 1) * (d + 2) / 6;
    let mut out = Dense::zeros(rows, cols);
    out.values_mut().par_chunks_mut(cols.max(1)).enumerate().for_each(|(i, out)| {
        let mut x = vec![0.0; d];
        features.for_each_in_row(i, |j, v| x[j] = v);
        let one = x.iter().copied();
        let two = (0..d).flat_map(|a| x[a..].iter().map(move |b| (a, b))).map(|(a, b)| x[a] * b);
        let x = &x;
        let three = (0..d)
            .flat_map(|a| (a..d).map(move |b| (a, b)))
            .flat_map(|(a, b)| x[b..].iter().map(move |c| x[a] * x[b] * c));
        out.iter_mut().zip(one.chain(two).chain(three)).for_each(|(o, v)| *o = v);
    });
    Matrix::Dense(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_their_words() {
        let rule = "all monomials of degree 1..3 of the columns; +1 if label<=12 else -1";
        assert_eq!(Derivation::from_rule(rule), Some(Derivation::Cubic(Positive::AtMost(12.0))));
        assert_eq!(Derivation::from_rule("+1 if digit even else -1"), Some(Derivation::Binary(Positive::Even)));
        assert_eq!(Derivation::from_rule("something new"), None);
    }

    #[test]
    fn monomials_come_by_degree_then_by_columns() {
        let x = Matrix::Dense(Dense::new(1, 2, vec![2.0, 3.0]).unwrap());
        let Matrix::Dense(z) = monomials(&x) else { panic!("dense") };
        assert_eq!(z.values(), [2.0, 3.0, 4.0, 6.0, 9.0, 8.0, 12.0, 18.0, 27.0]);
    }
}
