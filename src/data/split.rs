//! The order of the rows: how they are dealt to the workers, and which are held out for a test.

use std::str::FromStr;

use rand::seq::SliceRandom;

use super::dataset::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::scalar::Element;
use crate::seed::{Purpose, Seed};

/// In which order the rows are cut into the workers' parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowOrder {
    /// By a random permutation.
    Shuffled,
    /// As they are in the file.
    #[default]
    Contiguous,
    /// By label, the hardest case for methods whose workers solve local problems.
    Sorted,
}

impl RowOrder {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            RowOrder::Shuffled => "shuffled",
            RowOrder::Contiguous => "contiguous",
            RowOrder::Sorted => "sorted",
        }
    }

    /// The permutation: row i of the reordered data is row `order[i]`. Equal labels keep their order.
    pub fn permutation(self, labels: &Labels, seed: Seed) -> Vec<usize> {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        match (self, labels) {
            (RowOrder::Contiguous, _) => {}
            (RowOrder::Shuffled, _) => order.shuffle(&mut seed.stream(Purpose::Partition, 0, 0)),
            (RowOrder::Sorted, Labels::Real(y)) => order.sort_by(|&a, &b| y[a].total_cmp(&y[b])),
            (RowOrder::Sorted, Labels::Classes { index, .. }) => order.sort_by_key(|&i| index[i]),
        }
        order
    }
}

impl FromStr for RowOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [RowOrder::Shuffled, RowOrder::Contiguous, RowOrder::Sorted]
            .into_iter()
            .find(|o| o.name() == text)
            .ok_or_else(|| Error::usage("--partition", text, "shuffled, contiguous, sorted"))
    }
}

impl<T: Element> Dataset<T> {
    /// The data set whose row i is row `order[i]` of this one. Dense features are permuted in place.
    ///
    /// # Panics
    /// When `order` is not a permutation of the rows.
    pub fn permute(self, order: &[usize]) -> Self {
        Dataset {
            labels: self.labels.select(order),
            features: self.features.permute_rows(order),
            columns: self.columns,
        }
    }

    /// Shuffles the rows by `seed` and cuts them into a training and a test set, the latter with `test_fraction` of the
    /// rows, rounded, but at least one.
    ///
    /// # Errors
    /// [`Error::Usage`] when the fraction is not between 0 and 1 or leaves no row to train on.
    ///
    /// ```
    /// use steadfast::data::{Synthetic, SyntheticKind};
    /// use steadfast::seed::Seed;
    /// let wanted = Synthetic { rows: 50, cols: 3, kind: SyntheticKind::Regression { noise: 1.0 } };
    /// let (train, test) = wanted.generate::<f64>(Seed(1))?.data.split(0.2, Seed(1))?;
    /// assert_eq!((train.rows(), test.rows()), (40, 10));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn split(self, test_fraction: f64, seed: Seed) -> Result<(Self, Self)> {
        let refuse = |allowed: &str| Err(Error::usage("--test-fraction", test_fraction, allowed));
        if !(test_fraction > 0.0 && test_fraction < 1.0) {
            return refuse("above 0 and below 1");
        }
        let rows = self.rows();
        let test_rows = ((test_fraction * rows as f64).round() as usize).max(1);
        if test_rows >= rows {
            return refuse(&format!("a fraction that leaves a row of {rows} to train on"));
        }
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(&mut seed.stream(Purpose::Partition, 1, 0));
        let mut train = self.permute(&order);
        let at = rows - test_rows;
        let features = train.features.split_off_rows(at);
        let (head, tail): (Vec<_>, Vec<_>) = ((0..at).collect(), (at..rows).collect());
        let labels = train.labels.select(&tail);
        train.labels = train.labels.select(&head);
        let columns = train.columns.clone();
        Ok((train, Dataset { features, labels, columns }))
    }
}
