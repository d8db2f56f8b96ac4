//! Matrices that grow: rows at the end, which may replace the last ones, and columns at the right.

use std::ops::Range;

use super::matrix::{Csr, Dense, Matrix};
use super::shard::Growth;
use crate::error::{Error, Result};
use crate::scalar::Element;

impl<T: Element> Dense<T> {
    fn grow_rows(&mut self, part: &Dense<T>, from: usize) {
        self.values.truncate(from * self.cols);
        self.values.extend_from_slice(&part.values);
        self.rows = from + part.rows;
    }

    /// Moves every row once.
    fn grow_columns(&mut self, part: &Dense<T>) {
        let (old, new) = (self.cols, self.cols + part.cols);
        self.values.resize(self.rows * new, T::from_f64(0.0));
        // From the last row to the first, so that no row is written over before it has moved.
        for i in (0..self.rows).rev() {
            self.values.copy_within(i * old..(i + 1) * old, i * new);
            self.values[i * new + old..(i + 1) * new].copy_from_slice(part.row(i));
        }
        self.cols = new;
    }
}

impl<T: Element> Csr<T> {
    fn grow_rows(&mut self, part: &Csr<T>, from: usize) {
        self.offsets.truncate(from + 1);
        let end = self.offsets[from];
        self.indices.truncate(end);
        self.values.truncate(end);
        self.indices.extend_from_slice(&part.indices);
        self.values.extend_from_slice(&part.values);
        self.offsets.extend(part.offsets[1..].iter().map(|o| end + o));
        self.rows = from + part.rows;
    }

    fn grow_columns(&mut self, part: &Csr<T>) -> Result<()> {
        let cols = self.cols + part.cols;
        if u32::try_from(cols).is_err() {
            return Err(Error::usage("columns of a sparse matrix", cols, "at most 2^32 - 1"));
        }
        let shift = self.cols as u32;
        let mut indices = Vec::with_capacity(self.values.len() + part.values.len());
        let mut values = Vec::with_capacity(indices.capacity());
        for i in 0..self.rows {
            for (from, shift) in [(&*self, 0), (part, shift)] {
                let (columns, numbers) = from.row(i);
                indices.extend(columns.iter().map(|c| c + shift));
                values.extend_from_slice(numbers);
            }
        }
        self.offsets.iter_mut().zip(&part.offsets).for_each(|(all, more)| *all += more);
        (self.indices, self.values, self.cols) = (indices, values, cols);
        Ok(())
    }
}

impl<T: Element> Matrix<T> {
    /// Joins `part` at the bottom or at the right. New columns move the whole matrix once; new rows move nothing.
    ///
    /// # Errors
    /// [`Error::Usage`] for a part of another width (height, for columns), a sparse part of a dense matrix or the other way
    /// round, and more rows to stay than there are.
    ///
    /// ```
    /// use steadfast::data::{Dense, Growth, Matrix};
    /// let dense = |rows, values: &[f64]| Dense::new(rows, values.len() / rows, values.to_vec()).map(Matrix::Dense);
    /// let mut matrix = dense(2, &[1.0, 2.0, 3.0, 4.0])?;
    /// matrix.grow(&dense(2, &[5.0, 6.0, 7.0, 8.0])?, Growth::Rows { from: 1 })?;
    /// matrix.grow(&dense(3, &[0.1, 0.2, 0.3])?, Growth::Columns)?;
    /// assert_eq!(matrix, dense(3, &[1.0, 2.0, 0.1, 5.0, 6.0, 0.2, 7.0, 8.0, 0.3])?);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn grow(&mut self, part: &Matrix<T>, growth: Growth) -> Result<()> {
        let (rows, cols) = (self.rows(), self.cols());
        let got = format!("{} x {}", part.rows(), part.cols());
        match growth {
            Growth::Rows { .. } if part.cols() != cols => {
                return Err(Error::usage("rows to append", got, format!("rows of {cols} columns")));
            }
            Growth::Rows { from } if from > rows => {
                return Err(Error::usage("rows to keep", from, format!("at most the {rows} there are")));
            }
            Growth::Columns if part.rows() != rows => {
                return Err(Error::usage("columns to append", got, format!("columns of {rows} rows")));
            }
            _ => {}
        }
        match (&mut *self, part, growth) {
            (Matrix::Dense(a), Matrix::Dense(part), Growth::Rows { from }) => a.grow_rows(part, from),
            (Matrix::Dense(a), Matrix::Dense(part), Growth::Columns) => a.grow_columns(part),
            (Matrix::Csr(a), Matrix::Csr(part), Growth::Rows { from }) => a.grow_rows(part, from),
            (Matrix::Csr(a), Matrix::Csr(part), Growth::Columns) => a.grow_columns(part)?,
            _ => {
                let form = |sparse| if sparse { "sparse" } else { "dense" };
                return Err(Error::usage(
                    "part to append",
                    format!("a {} matrix", form(part.is_sparse())),
                    format!("a {} one, as what it is appended to", form(self.is_sparse())),
                ));
            }
        }
        Ok(())
    }

    /// A copy of the columns `columns`.
    ///
    /// # Panics
    /// When the range passes the number of columns.
    pub fn select_columns(&self, columns: Range<usize>) -> Self {
        assert!(columns.start <= columns.end && columns.end <= self.cols(), "columns of the matrix");
        match self {
            Matrix::Dense(a) => {
                let values = (0..a.rows).flat_map(|i| a.row(i)[columns.clone()].iter().copied()).collect();
                Matrix::Dense(Dense { rows: a.rows, cols: columns.len(), values })
            }
            Matrix::Csr(a) => {
                let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
                for i in 0..a.rows {
                    let (stored, numbers) = a.row(i);
                    let at = |column: usize| stored.partition_point(|&c| (c as usize) < column);
                    let span = at(columns.start)..at(columns.end);
                    indices.extend(stored[span.clone()].iter().map(|c| c - columns.start as u32));
                    values.extend_from_slice(&numbers[span]);
                    offsets.push(values.len());
                }
                Matrix::Csr(Csr { rows: a.rows, cols: columns.len(), offsets, indices, values })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> [Matrix<f64>; 2] {
        let sparse =
            Csr::new(3, 4, vec![0, 2, 2, 5], vec![0, 3, 0, 1, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0]).expect("a matrix");
        [Matrix::Dense(sparse.to_dense()), Matrix::Csr(sparse)]
    }

    #[test]
    fn a_matrix_cut_and_grown_again_is_itself() {
        for whole in both() {
            for cut in 0..=4 {
                let mut left = whole.select_columns(0..cut);
                left.grow(&whole.select_columns(cut..4), Growth::Columns).expect("parts of one matrix");
                assert_eq!(left, whole, "columns to {cut}");
            }
            for cut in 0..=3 {
                for stay in 0..=cut {
                    let mut top = whole.select_rows(&(0..cut).collect::<Vec<_>>());
                    let rest = whole.select_rows(&(stay..3).collect::<Vec<_>>());
                    top.grow(&rest, Growth::Rows { from: stay }).expect("parts of one matrix");
                    assert_eq!(top, whole, "rows to {cut}, of which {stay} stay");
                }
            }
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let [dense, sparse] = both();
        let refused = |mut a: Matrix<f64>, part: &Matrix<f64>, growth| a.grow(part, growth).unwrap_err().to_string();
        let narrow = dense.select_columns(0..3);
        assert_eq!(
            refused(dense.clone(), &narrow, Growth::Rows { from: 3 }),
            "rows to append: got 3 x 3; allowed: rows of 4 columns"
        );
        assert!(refused(dense.clone(), &dense, Growth::Rows { from: 4 }).contains("at most the 3"));
        let short = dense.select_rows(&[0]);
        assert!(refused(dense.clone(), &short, Growth::Columns).contains("columns of 3 rows"));
        assert!(refused(dense.clone(), &sparse, Growth::Columns).contains("a dense one"));
        assert!(refused(sparse, &dense, Growth::Rows { from: 0 }).contains("a sparse one"));
    }
}
