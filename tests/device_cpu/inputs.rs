//! Matrices and vectors of seeded random numbers.

use rand::RngExt;
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::scalar::Element;
use steadfast::seed::{Purpose, Seed};

/// Uniform on [-1, 1), from the crate's own generator of streams.
pub fn numbers(count: usize, stream: u64) -> Vec<f64> {
    let mut rng = Seed(20_240_817).stream(Purpose::Experiment, 0, stream);
    (0..count).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect()
}

pub fn stored<T: Element>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&x| T::from_f64(x)).collect()
}

pub fn dense<T: Element>(rows: usize, cols: usize, stream: u64) -> Matrix<T> {
    Matrix::Dense(Dense::new(rows, cols, stored(&numbers(rows * cols, stream))).unwrap())
}

/// About `share` of the entries, but row 0 is empty and row 1 is full.
pub fn sparse<T: Element>(rows: usize, cols: usize, share: f64, stream: u64) -> Matrix<T> {
    let chance = numbers(rows * cols, stream + 1);
    let value = numbers(rows * cols, stream);
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        for j in 0..cols {
            if i == 1 || (i > 1 && chance[i * cols + j] < 2.0 * share - 1.0) {
                indices.push(j as u32);
                values.push(T::from_f64(value[i * cols + j]));
            }
        }
        offsets.push(values.len());
    }
    Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).unwrap())
}
