//! Dense (row-major) and compressed-sparse-row matrices of any storage [`Element`].

use crate::error::{Error, Result};
use crate::scalar::Element;

/// A dense matrix, row-major: entry (i, j) is `values[i * cols + j]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense<T> {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) values: Vec<T>,
}

impl<T: Element> Dense<T> {
    /// A matrix from row-major values.
    ///
    /// # Errors
    /// [`Error::Usage`] unless `values.len() == rows * cols`.
    pub fn new(rows: usize, cols: usize, values: Vec<T>) -> Result<Self> {
        if values.len() != rows * cols {
            return Err(Error::usage(
                "dense matrix",
                format!("{} values", values.len()),
                format!("{rows} x {cols} values"),
            ));
        }
        Ok(Dense { rows, cols, values })
    }

    /// All zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Dense { rows, cols, values: vec![T::from_f64(0.0); rows * cols] }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[T] {
        &self.values[i * self.cols..(i + 1) * self.cols]
    }

    /// Row `i`, writable.
    pub fn row_mut(&mut self, i: usize) -> &mut [T] {
        &mut self.values[i * self.cols..(i + 1) * self.cols]
    }

    /// All values, row-major.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, row-major, writable.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}

/// A sparse matrix by compressed rows: row i has columns `indices[offsets[i]..offsets[i+1]]`, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr<T> {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) offsets: Vec<usize>,
    pub(super) indices: Vec<u32>,
    pub(super) values: Vec<T>,
}

impl<T: Element> Csr<T> {
    /// A matrix from its three arrays.
    ///
    /// # Errors
    /// [`Error::Usage`] when the offsets do not start at 0, fall, or do not end at the number of values; when a row's
    /// columns are not strictly ascending or reach `cols`; or when `cols` passes `u32`.
    pub fn new(rows: usize, cols: usize, offsets: Vec<usize>, indices: Vec<u32>, values: Vec<T>) -> Result<Self> {
        let bad = |got: String, allowed: &str| Err(Error::usage("sparse matrix", got, allowed));
        if u32::try_from(cols).is_err() {
            return bad(format!("{cols} columns"), "at most 2^32 - 1 columns");
        }
        if offsets.len() != rows + 1
            || offsets[0] != 0
            || offsets[rows] != values.len()
            || indices.len() != values.len()
        {
            return bad(
                format!(
                    "{} offsets, {} indices, {} values for {rows} rows",
                    offsets.len(),
                    indices.len(),
                    values.len()
                ),
                "rows + 1 offsets from 0 to the number of values, one index a value",
            );
        }
        for i in 0..rows {
            if offsets[i] > offsets[i + 1] {
                return bad(format!("falling offsets at row {i}"), "offsets that never fall");
            }
            let row = &indices[offsets[i]..offsets[i + 1]];
            if row.windows(2).any(|w| w[0] >= w[1]) || row.last().is_some_and(|&c| c as usize >= cols) {
                return bad(format!("columns of row {i}"), "strictly ascending columns below the number of columns");
            }
        }
        Ok(Csr { rows, cols, offsets, indices, values })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Columns and values of row `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[T]) {
        let span = self.offsets[i]..self.offsets[i + 1];
        (&self.indices[span.clone()], &self.values[span])
    }

    /// Where each row starts, and the end.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Column of each stored value.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The stored values.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The same matrix with its zeros written out.
    pub fn to_dense(&self) -> Dense<T> {
        let mut out = Dense::zeros(self.rows, self.cols);
        for i in 0..self.rows {
            let (columns, values) = self.row(i);
            let row = out.row_mut(i);
            columns.iter().zip(values).for_each(|(&j, &x)| row[j as usize] = x);
        }
        out
    }

    /// The same matrix in whichever form takes fewer bytes: `size + 4` a stored value against `size` an entry, where
    /// `size` is that of a number. A tie is dense.
    pub fn compact(self) -> Matrix<T> {
        let size = size_of::<T>() as u128;
        let dense = self.rows as u128 * self.cols as u128 * size;
        if self.values.len() as u128 * (size + 4) < dense {
            return Matrix::Csr(self);
        }
        Matrix::Dense(self.to_dense())
    }

    /// The stored values, writable (the pattern stays).
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}

/// A dense or a sparse matrix; which of the two is kept through encoding.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix<T> {
    /// Row-major.
    Dense(Dense<T>),
    /// Compressed rows.
    Csr(Csr<T>),
}

impl<T: Element> Matrix<T> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Matrix::Dense(a) => a.rows(),
            Matrix::Csr(a) => a.rows(),
        }
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        match self {
            Matrix::Dense(a) => a.cols(),
            Matrix::Csr(a) => a.cols(),
        }
    }

    /// Stored values: all of a dense matrix, the non-zeros of a sparse one.
    pub fn stored(&self) -> usize {
        match self {
            Matrix::Dense(a) => a.values().len(),
            Matrix::Csr(a) => a.values().len(),
        }
    }

    /// True for a sparse matrix.
    pub fn is_sparse(&self) -> bool {
        matches!(self, Matrix::Csr(_))
    }

    /// Calls `visit(column, value)` for the stored values of row `i`, in ascending columns.
    pub fn for_each_in_row(&self, i: usize, mut visit: impl FnMut(usize, T)) {
        match self {
            Matrix::Dense(a) => a.row(i).iter().enumerate().for_each(|(j, &x)| visit(j, x)),
            Matrix::Csr(a) => {
                let (columns, values) = a.row(i);
                columns.iter().zip(values).for_each(|(&j, &x)| visit(j as usize, x));
            }
        }
    }

    /// The same matrix in another storage precision (rounded to nearest).
    pub fn convert<U: Element>(&self) -> Matrix<U> {
        let each = |values: &[T]| values.iter().map(|v| U::from_f64(v.to_f64())).collect();
        match self {
            Matrix::Dense(a) => Matrix::Dense(Dense { rows: a.rows, cols: a.cols, values: each(&a.values) }),
            Matrix::Csr(a) => Matrix::Csr(Csr {
                rows: a.rows,
                cols: a.cols,
                offsets: a.offsets.clone(),
                indices: a.indices.clone(),
                values: each(&a.values),
            }),
        }
    }

    /// `out = A V'`, in f64: `vectors` holds `r` vectors of `cols` values each; `out` is `rows x r`, row-major. The plain
    /// reference product, for final evaluations and tests; the fleet's kernels are in [`crate::kernel`].
    pub fn multiply(&self, vectors: &[f64], r: usize, out: &mut [f64]) {
        assert_eq!(vectors.len(), r * self.cols(), "r vectors of cols values");
        assert_eq!(out.len(), r * self.rows(), "rows x r values");
        let cols = self.cols();
        for (i, row) in out.chunks_exact_mut(r.max(1)).enumerate() {
            for (v, o) in row.iter_mut().enumerate() {
                let vector = &vectors[v * cols..(v + 1) * cols];
                // Four partial sums: a single accumulator would lose digits over long rows.
                let mut sums = [0.0; 4];
                let mut at = 0;
                self.for_each_in_row(i, |j, x| {
                    sums[at & 3] += x.to_f64() * vector[j];
                    at += 1;
                });
                *o = (sums[0] + sums[1]) + (sums[2] + sums[3]);
            }
        }
    }

    /// `out = U' A`, in f64: `residuals` holds `rows x r` values, row-major; `out` is `r x cols`, row-major. The plain
    /// reference product beside [`Matrix::multiply`]; rows are added in blocks, so that long columns lose no digits.
    pub fn multiply_transposed(&self, residuals: &[f64], r: usize, out: &mut [f64]) {
        assert_eq!(residuals.len(), r * self.rows(), "rows x r values");
        assert_eq!(out.len(), r * self.cols(), "r vectors of cols values");
        const BLOCK: usize = 128;
        let cols = self.cols();
        out.fill(0.0);
        let mut partial = vec![0.0; out.len()];
        for start in (0..self.rows()).step_by(BLOCK) {
            partial.fill(0.0);
            for i in start..(start + BLOCK).min(self.rows()) {
                for (v, &u) in residuals[i * r..(i + 1) * r].iter().enumerate() {
                    self.for_each_in_row(i, |j, x| partial[v * cols + j] += x.to_f64() * u);
                }
            }
            out.iter_mut().zip(&partial).for_each(|(o, p)| *o += p);
        }
    }
}
