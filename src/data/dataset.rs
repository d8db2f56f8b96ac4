//! A data set: a feature matrix and what is to be predicted from each row.

use super::matrix::Matrix;
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
}
