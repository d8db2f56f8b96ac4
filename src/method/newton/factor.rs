//! `-H^-1 g`, or `-H^+ g` where H is singular.

use crate::error::{Error, Result};
use faer::linalg::solvers::{Llt, Solve};
use faer::{MatMut, MatRef, Side};

/// Which direction was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// H has a Cholesky factor.
    Definite,
    /// It has none; the pseudo-inverse was taken.
    Singular,
}

/// Whether the d x d row-major symmetric `hessian` has a Cholesky factor in f64.
pub(super) fn is_definite(hessian: &[f64], d: usize) -> bool {
    Llt::new(MatRef::from_row_major_slice(hessian, d, d), Side::Lower).is_ok()
}

/// `direction = -H^-1 gradient` for the d x d row-major symmetric `hessian`, by Cholesky in f64; where that fails, or where
/// the pivots span more than `1 / (d u)`, by the eigenvalues above `d u` of the largest.
pub(super) fn newton_direction(hessian: &[f64], gradient: &[f64], direction: &mut [f64]) -> Result<Direction> {
    let d = gradient.len();
    if let Some(bad) = hessian.iter().find(|x| !x.is_finite()) {
        return Err(Error::Numerical(format!("an entry of the Hessian is {bad}; scale the features")));
    }
    direction.iter_mut().zip(gradient).for_each(|(p, g)| *p = -g);
    let matrix = MatRef::from_row_major_slice(hessian, d, d);
    if let Ok(factor) = Llt::new(matrix, Side::Lower) {
        let diagonal = (0..d).map(|i| factor.L()[(i, i)]);
        let (least, most) = diagonal.fold((f64::INFINITY, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
        // A factor's diagonal is of the order of roots of eigenvalues.
        if least * least > most * most * f64::EPSILON * d as f64 {
            factor.solve_in_place(MatMut::from_column_major_slice_mut(direction, d, 1));
            return Ok(Direction::Definite);
        }
    }
    let eigen = matrix
        .self_adjoint_eigen(Side::Lower)
        .map_err(|e| Error::Numerical(format!("the Hessian's eigenvalues were not found: {e:?}")))?;
    let (values, vectors) = (eigen.S(), eigen.U());
    let largest = (0..d).map(|i| values[i]).fold(0.0, f64::max);
    let right = MatRef::from_column_major_slice(direction, d, 1);
    let mut coordinates = vectors.transpose() * right;
    for i in 0..d {
        let value = values[i];
        coordinates[(i, 0)] = if value > largest * f64::EPSILON * d as f64 { coordinates[(i, 0)] / value } else { 0.0 };
    }
    let solution = vectors * coordinates;
    direction.iter_mut().enumerate().for_each(|(i, p)| *p = solution[(i, 0)]);
    Ok(Direction::Singular)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_and_singular_matrices_are_told_apart() {
        let mut direction = [0.0; 2];
        let kind = newton_direction(&[4.0, 1.0, 1.0, 3.0], &[1.0, 2.0], &mut direction).expect("finite");
        assert_eq!(kind, Direction::Definite);
        // inv([[4, 1], [1, 3]]) = [[3, -1], [-1, 4]] / 11.
        assert!((direction[0] + 1.0 / 11.0).abs() < 1e-15 && (direction[1] + 7.0 / 11.0).abs() < 1e-15);
        let kind = newton_direction(&[2.0, 2.0, 2.0, 2.0], &[1.0, 1.0], &mut direction).expect("finite");
        assert_eq!(kind, Direction::Singular);
        // The pseudo-inverse of 2 e e' is e e' / 8.
        assert!((direction[0] + 0.25).abs() < 1e-15 && (direction[1] + 0.25).abs() < 1e-15);
        assert!(newton_direction(&[f64::NAN; 4], &[1.0, 1.0], &mut direction).is_err());
    }
}
