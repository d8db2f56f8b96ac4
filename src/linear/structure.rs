//! What the master can tell of a matrix before it asks for a product.

use crate::data::Matrix;
use crate::error::{Error, Result};

/// The diagonal of a square matrix (n numbers).
///
/// # Errors
/// [`Error::Input`] for a matrix that is not square.
pub fn diagonal(matrix: &Matrix<f64>) -> Result<Vec<f64>> {
    square(matrix)?;
    let mut entries = vec![0.0; matrix.rows()];
    for (i, entry) in entries.iter_mut().enumerate() {
        matrix.for_each_in_row(i, |j, x| {
            if i == j {
                *entry = x;
            }
        });
    }
    Ok(entries)
}

/// The place (row, column, from 0) of the largest `|a_ij - a_ji|` of a square matrix, and that number; `None` for a
/// symmetric matrix.
///
/// # Errors
/// [`Error::Input`] for a matrix that is not square.
pub fn asymmetry(matrix: &Matrix<f64>) -> Result<Option<(usize, usize, f64)>> {
    square(matrix)?;
    let mut worst: Option<(usize, usize, f64)> = None;
    let mut off = |i: usize, j: usize, x: f64| {
        if x.abs() > worst.map_or(0.0, |(_, _, most)| most) {
            worst = Some((i, j, x.abs()));
        }
    };
    // Rows in ascending order find the entries of each row of the transpose in ascending order, too.
    let mut transposed: Vec<Vec<(usize, f64)>> = vec![Vec::new(); matrix.rows()];
    for i in 0..matrix.rows() {
        matrix.for_each_in_row(i, |j, x| transposed[j].push((i, x)));
    }
    for (i, mirrored) in transposed.iter().enumerate() {
        let mut rest = mirrored.iter().copied().peekable();
        matrix.for_each_in_row(i, |j, x| {
            while let Some((k, y)) = rest.next_if(|&(k, _)| k < j) {
                off(i, k, y);
            }
            let opposite = rest.next_if(|&(k, _)| k == j).map_or(0.0, |(_, y)| y);
            off(i, j, x - opposite);
        });
        rest.for_each(|(k, y)| off(i, k, y));
    }
    Ok(worst)
}

pub(super) fn square(matrix: &Matrix<f64>) -> Result<()> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    if rows == cols && rows > 0 {
        return Ok(());
    }
    Err(Error::input("matrix", format!("{rows} x {cols}"), "as many rows as columns, at least one"))
}

/// Refuses a right-hand side that does not go with n rows.
pub(super) fn check_right(b: &[f64], n: usize) -> Result<()> {
    if b.len() != n {
        return Err(Error::usage(
            "right-hand side",
            format!("{} numbers", b.len()),
            format!("{n}, the rows of the matrix"),
        ));
    }
    match b.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Error::usage("right-hand side", format!("{} at row {}", b[at], at + 1), "finite numbers")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Csr, Dense};

    #[test]
    fn asymmetry_finds_the_worst_pair_in_either_form() {
        // a_01 = 1 without a mirror; a_12 = 2 against a_21 = 5.
        let csr = Csr::new(3, 3, vec![0, 1, 2, 4], vec![1, 2, 1, 2], vec![1.0, 2.0, 5.0, 7.0]).unwrap();
        for matrix in [Matrix::Dense(csr.to_dense()), Matrix::Csr(csr)] {
            let (i, j, off) = asymmetry(&matrix).unwrap().unwrap();
            assert_eq!((i.min(j), i.max(j), off), (1, 2, 3.0));
            assert_eq!(diagonal(&matrix).unwrap(), [0.0, 0.0, 7.0]);
        }
        let symmetric = Csr::new(3, 3, vec![0, 1, 3, 4], vec![1, 0, 2, 1], vec![1.0, 1.0, 2.0, 2.0]).unwrap();
        assert_eq!(asymmetry(&Matrix::Csr(symmetric)).unwrap(), None);
        let one = Csr::new(2, 2, vec![0, 0, 1], vec![0], vec![4.0]).unwrap();
        assert_eq!(asymmetry(&Matrix::Csr(one)).unwrap().map(|w| w.2), Some(4.0));
        assert!(asymmetry(&Matrix::Dense(Dense::zeros(2, 3))).is_err());
    }
}
