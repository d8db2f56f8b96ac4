//! A data set: a feature matrix and what is to be predicted from each row.

use super::matrix::Matrix;
use super::shard::Growth;
use crate::error::{Error, Result};
use crate::scalar::Element;

/// What a row is labelled with.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// One real number a row.
    Real(Vec<f64>),
    /// One class a row: the index into `names`, which are in ascending order (numeric where all are numbers).
    Classes {
        /// Class of each row.
        index: Vec<u32>,
        /// The class names.
        names: Vec<String>,
    },
}

impl Labels {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Labels::Real(y) => y.len(),
            Labels::Classes { index, .. } => index.len(),
        }
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Features (n x d) with a label a row.
///
/// ```
/// use steadfast::data::{Dataset, Dense, Labels, Matrix};
/// let features = Matrix::Dense(Dense::new(2, 3, vec![1.0, 0.0, 2.0, 0.0, 1.0, 1.0])?);
/// let data = Dataset::new(features, Labels::Real(vec![1.0, -1.0]), Vec::new())?;
/// assert_eq!((data.rows(), data.cols()), (2, 3));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dataset<T = f64> {
    /// n x d.
    pub features: Matrix<T>,
    /// n labels.
    pub labels: Labels,
    /// A name a column where the file had them, else empty.
    pub columns: Vec<String>,
}

impl<T: Element> Dataset<T> {
    /// A data set from its parts.
    ///
    /// # Errors
    /// [`Error::Usage`] when the numbers of rows and labels, or of columns and names, differ.
    pub fn new(features: Matrix<T>, labels: Labels, columns: Vec<String>) -> Result<Self> {
        if features.rows() != labels.len() {
            return Err(Error::usage(
                "data set",
                format!("{} labels", labels.len()),
                format!("{} labels, one a row", features.rows()),
            ));
        }
        if !columns.is_empty() && columns.len() != features.cols() {
            return Err(Error::usage(
                "data set",
                format!("{} column names", columns.len()),
                format!("{} names or none", features.cols()),
            ));
        }
        Ok(Dataset { features, labels, columns })
    }

    /// n, the number of rows.
    pub fn rows(&self) -> usize {
        self.features.rows()
    }

    /// d, the number of features.
    pub fn cols(&self) -> usize {
        self.features.cols()
    }

    /// Joins the rows of `more` at the end, as if they had stood in one file: a dense part makes the whole dense.
    ///
    /// # Errors
    /// [`Error::Usage`] when the numbers of features, or their names where both have names, differ.
    ///
    /// ```
    /// use steadfast::data::{Dataset, Dense, Labels, Matrix};
    /// let rows = |values: &[f64], labels: &[f64]| {
    ///     let features = Matrix::Dense(Dense::new(labels.len(), values.len() / labels.len(), values.to_vec())?);
    ///     Dataset::new(features, Labels::Real(labels.to_vec()), Vec::new())
    /// };
    /// let mut data = rows(&[1.0, 0.0], &[1.0])?;
    /// data.append(rows(&[0.0, 1.0, 2.0, 2.0], &[-1.0, 1.0])?)?;
    /// assert_eq!((data.rows(), data.labels), (3, Labels::Real(vec![1.0, -1.0, 1.0])));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn append(&mut self, more: Dataset<T>) -> Result<()> {
        if let Some((name, other)) = self.columns.iter().zip(&more.columns).find(|(name, other)| name != other) {
            return Err(Error::usage(
                "rows to append",
                format!("column {other}"),
                format!("column {name} in its place"),
            ));
        }
        let dense = !(self.features.is_sparse() && more.features.is_sparse());
        let form = |matrix: &mut Matrix<T>| {
            if let (true, Matrix::Csr(a)) = (dense, &*matrix) {
                *matrix = Matrix::Dense(a.to_dense());
            }
        };
        let mut part = more.features;
        // Refused before anything changes.
        if part.cols() != self.cols() {
            let got = format!("{} features", part.cols());
            return Err(Error::usage("rows to append", got, format!("{}, as the others have", self.cols())));
        }
        form(&mut self.features);
        form(&mut part);
        let from = self.rows();
        self.features.grow(&part, Growth::Rows { from })?;
        self.labels = self.labels.joined(&more.labels);
        Ok(())
    }
}
