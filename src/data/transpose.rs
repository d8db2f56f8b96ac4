//! The transpose of a matrix, as a matrix of its own.

use super::matrix::{Csr, Dense, Matrix};
use crate::error::Result;
use crate::scalar::Element;

impl<T: Element> Matrix<T> {
    /// The transpose, dense or sparse as the matrix is.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a sparse matrix of more rows than column numbers can tell apart.
    ///
    /// ```
    /// use steadfast::data::{Dense, Matrix};
    /// let matrix = Matrix::Dense(Dense::new(1, 3, vec![1.0, 2.0, 3.0])?);
    /// assert_eq!(matrix.transposed()?, Matrix::Dense(Dense::new(3, 1, vec![1.0, 2.0, 3.0])?));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn transposed(&self) -> Result<Matrix<T>> {
        let (rows, cols) = (self.rows(), self.cols());
        if let Matrix::Dense(from) = self {
            let values = (0..cols).flat_map(|j| (0..rows).map(move |i| from.row(i)[j])).collect();
            return Ok(Matrix::Dense(Dense::new(cols, rows, values)?));
        }
        let mut offsets = vec![0; cols + 1];
        for i in 0..rows {
            self.for_each_in_row(i, |j, _| offsets[j + 1] += 1);
        }
        for j in 0..cols {
            offsets[j + 1] += offsets[j];
        }
        let mut next = offsets.clone();
        let mut indices = vec![0; self.stored()];
        let mut values = vec![T::from_f64(0.0); self.stored()];
        for i in 0..rows {
            let column = u32::try_from(i).map_err(|_| {
                crate::Error::usage("transpose of a sparse matrix", format!("{rows} rows"), "at most 2^32")
            })?;
            self.for_each_in_row(i, |j, x| {
                (indices[next[j]], values[next[j]]) = (column, x);
                next[j] += 1;
            });
        }
        Ok(Matrix::Csr(Csr::new(cols, rows, offsets, indices, values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_and_dense_transposes_agree() {
        let sparse = Csr::new(2, 3, vec![0, 2, 3], vec![0, 2, 1], vec![1.0, 2.0, 3.0]).expect("a matrix");
        let dense = Matrix::Dense(sparse.to_dense()).transposed().expect("a transpose");
        let Matrix::Csr(turned) = Matrix::Csr(sparse.clone()).transposed().expect("a transpose") else {
            panic!("sparse stays sparse")
        };
        assert_eq!(Matrix::Dense(turned.to_dense()), dense);
        assert_eq!(Matrix::Csr(turned).transposed().expect("back"), Matrix::Csr(sparse));
    }
}
