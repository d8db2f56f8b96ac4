//! Equations out of the way: all solutions of `E u = f` as `u0 + Z v`.

use faer::MatRef;

use crate::data::Dense;
use crate::error::Result;

/// A pivot of the factorization (of rows of unit norm) up to this is round-off: the row depends on those before it.
const DEPENDENT: f64 = 1e-10;

/// A dependent row may miss its right-hand side by this much, relative to the largest right-hand side.
const CONSISTENT: f64 = 1e-9;

/// The solutions of a system of equations.
pub(super) enum Solutions {
    /// `particular + basis v` for any v; the basis (d x (d - rank)) is orthonormal, the particular solution the shortest.
    Affine { particular: Vec<f64>, basis: Dense<f64> },
    /// None: whatever u is, some equation is missed by at least this much.
    None { violation: f64 },
}

/// Solves `rows u = right` (k x d, rows of unit norm) by QR with column pivoting of the transpose.
pub(super) fn solutions(rows: &Dense<f64>, right: &[f64]) -> Result<Solutions> {
    let (k, d) = (rows.rows(), rows.cols());
    // The row-major k x d block is the column-major d x k one.
    let qr = MatRef::from_column_major_slice(rows.values(), d, k).col_piv_qr();
    let (r, order) = (qr.thin_R(), qr.P().arrays().0);
    let size = k.min(d);
    let rank = (0..size).take_while(|&i| r[(i, i)].abs() > DEPENDENT).count();
    // R11' w = f at the pivots; then u = Q1 w.
    let mut w = vec![0.0; rank];
    for i in 0..rank {
        let known = super::vector::sum((0..i).map(|j| r[(j, i)] * w[j]));
        w[i] = (right[order[i]] - known) / r[(i, i)];
    }
    let scale = super::vector::largest(right).max(1.0);
    for i in rank..k {
        let missed = right[order[i]] - super::vector::sum((0..rank).map(|j| r[(j, i)] * w[j]));
        if missed.abs() > CONSISTENT * scale {
            // The row is a combination of the pivots'. Its miss is spread over all of them at best.
            let mut weights = vec![0.0; rank];
            for j in (0..rank).rev() {
                let known = super::vector::sum((j + 1..rank).map(|l| r[(j, l)] * weights[l]));
                weights[j] = (r[(j, i)] - known) / r[(j, j)];
            }
            let total = 1.0 + super::vector::sum(weights.iter().map(|w| w.abs()));
            return Ok(Solutions::None { violation: missed.abs() / total });
        }
    }

    let q = qr.compute_Q();
    let mut particular = vec![0.0; d];
    let mut basis = Dense::zeros(d, d - rank);
    for i in 0..d {
        particular[i] = super::vector::sum((0..rank).map(|j| q[(i, j)] * w[j]));
        for (j, z) in basis.row_mut(i).iter_mut().enumerate() {
            *z = q[(i, rank + j)];
        }
    }
    Ok(Solutions::Affine { particular, basis })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependent_rows_are_dropped_and_contradictory_ones_named() {
        let h = 0.5f64.sqrt();
        let rows = Dense::new(3, 3, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, h, h, 0.0]).unwrap();
        let Solutions::Affine { particular, basis } = solutions(&rows, &[1.0, 2.0, 3.0 * h]).unwrap() else {
            panic!("(1, 2, anything)")
        };
        assert_eq!((basis.rows(), basis.cols()), (3, 1));
        // A handful of operations on numbers up to 3.
        let tolerance = 32.0 * f64::EPSILON;
        for (x, expected) in particular.iter().zip([1.0, 2.0, 0.0]) {
            assert!((x - expected).abs() < tolerance, "{particular:?}");
        }
        assert!((basis.row(2)[0].abs() - 1.0).abs() < tolerance && basis.row(0)[0].abs() < tolerance);

        // x = 1, y = 2 and (x + y)/sqrt 2 = 3/sqrt 2 + 1: all three are missed by 1/(1 + sqrt 2) at best.
        let Solutions::None { violation } = solutions(&rows, &[1.0, 2.0, 3.0 * h + 1.0]).unwrap() else {
            panic!("no solution")
        };
        assert!((violation - 1.0 / (1.0 + 2.0 * h)).abs() < tolerance, "{violation}");
    }
}
