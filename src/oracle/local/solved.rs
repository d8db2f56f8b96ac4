//! What an inner solve leaves.

use crate::device::Op;

/// One worker's solution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solved {
    /// K d numbers; `None` where a direction of curvature at most 0 was met.
    pub(super) x: Option<Vec<f64>>,
    /// Passes over the rows: two a product.
    pub(super) passes: u64,
}

/// The power of two that takes the largest of `numbers` to 1 or up to twice that. What is solved for is multiplied by it and the solution
/// divided, which changes no bit in f64 and keeps squares within the range of a device that computes in f32.
pub(super) fn unit(numbers: &[f64]) -> f64 {
    let largest = numbers.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    if largest.is_normal() { (-largest.log2().floor()).exp2() } else { 1.0 }
}

/// The numbers times a power of two.
pub(super) fn scaled(numbers: &[f64], unit: f64) -> Vec<f64> {
    numbers.iter().map(|x| x * unit).collect()
}

/// Passes over the rows that a chain takes.
pub(super) fn passes(chain: &[Op]) -> u64 {
    chain.iter().map(|op| if matches!(op, Op::Product { .. }) { 2 } else { 0 }).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use nalgebra::DMatrix;

    use crate::data::{Dense, Matrix};
    use crate::device::{CpuLocal, LocalCurvature, LocalDevice, LocalForm};

    /// Workers whose Hessians are these symmetric matrices: rows are the eigenvectors, second derivatives the eigenvalues.
    pub(in crate::oracle::local) fn matrices(all: &[DMatrix<f64>]) -> CpuLocal<f64> {
        let (mut parts, mut numbers) = (Vec::new(), Vec::new());
        for matrix in all {
            let eigen = matrix.clone().symmetric_eigen();
            // Column-major eigenvectors are rows of row-major numbers.
            let rows = eigen.eigenvectors.as_slice().to_vec();
            parts.push(Arc::new(Matrix::Dense(Dense::new(matrix.nrows(), matrix.ncols(), rows).expect("a shape"))));
            numbers.push(eigen.eigenvalues.as_slice().to_vec());
        }
        let form = LocalForm { classes: 1, scale: 1.0, l2: 0.0, penalized: all[0].ncols() };
        let mut device = CpuLocal::new(parts, form).expect("workers");
        device.curve(&LocalCurvature::Full(numbers)).expect("a number a row");
        device
    }
}
