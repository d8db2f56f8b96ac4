//! Moving the rows of a matrix about: permuting, selecting, cutting, and appending a column. Dense matrices are changed
//! in place; sparse ones are rebuilt, so that at most two copies exist at a time.

use super::matrix::{Csr, Dense, Matrix};
use crate::scalar::Element;

impl<T: Element> Dense<T> {
    /// Row i of the result is row `order[i]` of this matrix; in place, with one spare row.
    ///
    /// # Panics
    /// When `order` is not a permutation of the rows.
    fn permute_rows(&mut self, order: &[usize]) {
        assert_eq!(order.len(), self.rows, "one entry a row");
        let cols = self.cols;
        let mut moved = vec![false; self.rows];
        let mut spare = Vec::with_capacity(cols);
        for start in 0..self.rows {
            if moved[start] {
                continue;
            }
            // One cycle of the permutation: each row goes where the next one was taken from.
            spare.clear();
            spare.extend_from_slice(self.row(start));
            let mut to = start;
            loop {
                assert!(!std::mem::replace(&mut moved[to], true), "a permutation takes each row once");
                let from = order[to];
                if from == start {
                    break;
                }
                self.values.copy_within(from * cols..(from + 1) * cols, to * cols);
                to = from;
            }
            self.row_mut(to).copy_from_slice(&spare);
        }
    }

    fn append_column(&mut self, value: T) {
        let (rows, cols) = (self.rows, self.cols);
        self.values.reserve_exact(rows);
        self.values.resize(rows * (cols + 1), value);
        // From the last row to the first, so that no row is written over before it has moved.
        for i in (0..rows).rev() {
            self.values.copy_within(i * cols..(i + 1) * cols, i * (cols + 1));
            self.values[i * (cols + 1) + cols] = value;
        }
        self.cols += 1;
    }
}

impl<T: Element> Csr<T> {
    fn select_rows(&self, rows: &[usize]) -> Self {
        let stored = rows.iter().map(|&i| self.offsets[i + 1] - self.offsets[i]).sum();
        let mut out = Csr {
            rows: rows.len(),
            cols: self.cols,
            offsets: Vec::with_capacity(rows.len() + 1),
            indices: Vec::with_capacity(stored),
            values: Vec::with_capacity(stored),
        };
        out.offsets.push(0);
        for &i in rows {
            let (columns, values) = self.row(i);
            out.indices.extend_from_slice(columns);
            out.values.extend_from_slice(values);
            out.offsets.push(out.values.len());
        }
        out
    }

    fn append_column(self, value: T) -> Self {
        let stored = self.values.len() + self.rows;
        let column = self.cols as u32;
        let mut indices = Vec::with_capacity(stored);
        let mut values = Vec::with_capacity(stored);
        for i in 0..self.rows {
            let (row_columns, row_values) = self.row(i);
            indices.extend_from_slice(row_columns);
            indices.push(column);
            values.extend_from_slice(row_values);
            values.push(value);
        }
        let offsets = self.offsets.iter().enumerate().map(|(i, &o)| o + i).collect();
        Csr { rows: self.rows, cols: self.cols + 1, offsets, indices, values }
    }
}

impl<T: Element> Matrix<T> {
    /// The matrix whose row i is row `order[i]` of this one. Dense: in place with one spare row; sparse: a second copy
    /// while it is made.
    ///
    /// # Panics
    /// When `order` is not a permutation of the rows.
    pub fn permute_rows(self, order: &[usize]) -> Self {
        match self {
            Matrix::Dense(mut a) => {
                a.permute_rows(order);
                Matrix::Dense(a)
            }
            Matrix::Csr(a) => {
                assert_eq!(order.len(), a.rows, "one entry a row");
                Matrix::Csr(a.select_rows(order))
            }
        }
    }

    /// A copy of the rows `rows`, in that order; a row may be taken more than once.
    ///
    /// # Panics
    /// When an entry of `rows` is not a row.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        match self {
            Matrix::Dense(a) => {
                let values = rows.iter().flat_map(|&i| a.row(i)).copied().collect();
                Matrix::Dense(Dense { rows: rows.len(), cols: a.cols, values })
            }
            Matrix::Csr(a) => Matrix::Csr(a.select_rows(rows)),
        }
    }

    /// Cuts the matrix: keeps its first `at` rows and returns the others.
    ///
    /// # Panics
    /// When there are fewer than `at` rows.
    pub fn split_off_rows(&mut self, at: usize) -> Self {
        match self {
            Matrix::Dense(a) => {
                let values = a.values.split_off(at * a.cols);
                let rows = std::mem::replace(&mut a.rows, at) - at;
                Matrix::Dense(Dense { rows, cols: a.cols, values })
            }
            Matrix::Csr(a) => {
                let cut = a.offsets[at];
                let offsets = a.offsets[at..].iter().map(|o| o - cut).collect();
                a.offsets.truncate(at + 1);
                let rows = std::mem::replace(&mut a.rows, at) - at;
                let (indices, values) = (a.indices.split_off(cut), a.values.split_off(cut));
                Matrix::Csr(Csr { rows, cols: a.cols, offsets, indices, values })
            }
        }
    }

    /// The matrix with one more column, all `value`; its form is kept.
    pub fn append_column(self, value: T) -> Self {
        match self {
            Matrix::Dense(mut a) => {
                a.append_column(value);
                Matrix::Dense(a)
            }
            Matrix::Csr(a) => Matrix::Csr(a.append_column(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same 4 x 3 matrix in both forms; entry (i, j) is 10 i + j, the others zero.
    fn both() -> [Matrix<f64>; 2] {
        let values = vec![1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 21.0, 0.0, 30.0, 31.0, 32.0];
        let csr = Csr::new(4, 3, vec![0, 2, 2, 3, 6], vec![0, 2, 1, 0, 1, 2], vec![1.0, 2.0, 21.0, 30.0, 31.0, 32.0]);
        [Matrix::Dense(Dense::new(4, 3, values).unwrap()), Matrix::Csr(csr.unwrap())]
    }

    fn entries(a: &Matrix<f64>) -> Vec<Vec<f64>> {
        let mut out = vec![vec![0.0; a.cols()]; a.rows()];
        for (i, row) in out.iter_mut().enumerate() {
            a.for_each_in_row(i, |j, x| row[j] = x);
        }
        out
    }

    #[test]
    fn permuting_takes_each_row_from_where_the_order_says() {
        for order in [[0, 1, 2, 3], [3, 0, 2, 1], [1, 2, 3, 0], [2, 3, 0, 1]] {
            for a in both() {
                let before = entries(&a);
                let expected: Vec<_> = order.iter().map(|&i| before[i].clone()).collect();
                assert_eq!(entries(&a.select_rows(&order)), expected);
                assert_eq!(entries(&a.permute_rows(&order)), expected);
            }
        }
    }

    #[test]
    fn cutting_and_appending_keep_the_entries() {
        for at in 0..=4 {
            for mut a in both() {
                let before = entries(&a);
                let tail = a.split_off_rows(at);
                assert_eq!((entries(&a), entries(&tail)), (before[..at].to_vec(), before[at..].to_vec()));
                assert_eq!((a.rows(), tail.rows()), (at, 4 - at));
            }
        }
        for a in both() {
            let sparse = a.is_sparse();
            let mut expected = entries(&a);
            expected.iter_mut().for_each(|row| row.push(7.0));
            let wider = a.append_column(7.0);
            assert_eq!((entries(&wider), wider.is_sparse()), (expected, sparse));
        }
    }
}
