//! Small dense linear algebra of the decoder: row-major blocks, products, and the removal of one direction after another from a
//! set of vectors. Large products are faer's.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// From this many rows on, factorizations and products are faer's; below, the loops of this file are faster.
pub(super) const LARGE: usize = 48;

/// Inner product, in eight partial sums.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in (&mut left).zip(&mut right) {
        for l in 0..8 {
            sums[l] += x[l] * y[l];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

/// `y += a x`.
pub(super) fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Squared Euclidean norm.
pub(in crate::coding) fn energy(x: &[f64]) -> f64 {
    dot(x, x)
}

/// Euclidean norm; the sum of squares is scaled where it would leave the range of f64.
pub(super) fn norm(x: &[f64]) -> f64 {
    let direct = energy(x);
    if direct.is_normal() && direct < f64::MAX {
        return direct.sqrt();
    }
    let largest = x.iter().fold(0.0, |top: f64, x| top.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() || x.iter().any(|x| x.is_nan()) {
        return if x.iter().any(|x| x.is_nan()) { f64::NAN } else { largest };
    }
    largest * x.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// The transpose of a row-major `rows x cols` block.
pub(super) fn transposed(values: &[f64], rows: usize, cols: usize) -> Vec<f64> {
    let mut out = vec![0.0; rows * cols];
    for (i, row) in values.chunks_exact(cols.max(1)).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            out[j * rows + i] = x;
        }
    }
    out
}

/// `c = a b` for row-major `a` (n x l) and `b` (l x r).
pub(in crate::coding) fn product(a: &[f64], b: &[f64], c: &mut [f64], n: usize, l: usize, r: usize) {
    if n * l * r >= LARGE * LARGE * LARGE {
        matmul(
            MatMut::from_row_major_slice_mut(c, n, r),
            Accum::Replace,
            MatRef::from_row_major_slice(a, n, l),
            MatRef::from_row_major_slice(b, l, r),
            1.0,
            Par::Seq,
        );
        return;
    }
    c.fill(0.0);
    for i in 0..n {
        let out = &mut c[i * r..(i + 1) * r];
        for j in 0..l {
            axpy(out, a[i * l + j], &b[j * r..(j + 1) * r]);
        }
    }
}

/// An orthonormal set that grows by one column at a time, and a matrix from which it is removed.
#[derive(Debug, Clone, Default)]
pub(super) struct Peel {
    /// Length of a column.
    pub length: usize,
    /// The orthonormal directions, contiguous.
    pub directions: Vec<f64>,
    /// What is left of the matrix (length x width, row-major).
    pub rest: Vec<f64>,
    width: usize,
    column: Vec<f64>,
    coefficients: Vec<f64>,
}

impl Peel {
    /// Starts with the row-major `length x width` matrix and no direction.
    pub(super) fn start(&mut self, matrix: &[f64], length: usize, width: usize) {
        self.length = length;
        self.width = width;
        self.directions.clear();
        self.rest.clear();
        self.rest.extend_from_slice(matrix);
    }

    /// Removes the direction that `column` adds. False, and nothing done, when it adds none: what is left of it after
    /// the earlier directions are removed is below 1e-12 of its length, which is round-off.
    pub(super) fn remove(&mut self, column: &[f64]) -> bool {
        self.column.clear();
        self.column.extend_from_slice(column);
        let before = energy(column);
        // Twice is enough for orthogonality to working accuracy.
        for _ in 0..2 {
            for q in self.directions.chunks_exact(self.length) {
                let c = dot(q, &self.column);
                axpy(&mut self.column, -c, q);
            }
        }
        let after = energy(&self.column);
        if after <= 1e-24 * before {
            return false;
        }
        let scale = 1.0 / after.sqrt();
        self.column.iter_mut().for_each(|x| *x *= scale);
        let width = self.width;
        if width > 0 {
            self.coefficients.clear();
            self.coefficients.resize(width, 0.0);
            for (row, &q) in self.rest.chunks_exact(width).zip(&self.column) {
                axpy(&mut self.coefficients, q, row);
            }
            for (row, &q) in self.rest.chunks_exact_mut(width).zip(&self.column) {
                axpy(row, -q, &self.coefficients);
            }
        }
        self.directions.extend_from_slice(&self.column);
        true
    }

    /// Squared norm of what is left.
    pub(super) fn energy(&self) -> f64 {
        energy(&self.rest)
    }
}
