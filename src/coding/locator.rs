//! Who lied, for codes whose words satisfy `sum_i v_i z_i^l c_i = 0`, l = 0 … k - 1, at known nodes z_i (Reed and Solomon's, over the
//! complex or the real numbers): the polynomial method that DRACO's and Lagrange coding's authors decode with.
//!
//! Errors at the workers I give the power sums `S_l = sum_{i in I} v_i e_i z_i^l`, which the coefficients of `prod_{i in I} (x -
//! z_i)` annihilate (Prony; Peterson over finite fields). They are solved for by least squares in a few random combinations of the
//! columns; the nodes where the polynomial is smallest are the suspects, and a guess counts only if what it leaves of the whole
//! parity check passes for rounding.

use nalgebra::{Complex, DMatrix};
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};

/// Random combinations of the columns: one would miss a lie with chance 0, but may come close.
const COMBINATIONS: usize = 3;

/// A located and measured set of errors.
#[derive(Debug)]
pub(super) struct Correction {
    /// Workers, ascending.
    pub workers: Vec<usize>,
    /// What they should have sent, a row a worker.
    pub values: DMatrix<Complex<f64>>,
    /// Frobenius norm of the parity check that the errors leave.
    pub residual: f64,
}

/// The nodes with their power sums.
#[derive(Debug, Clone)]
pub(super) struct Locator {
    nodes: Vec<Complex<f64>>,
    /// k x m: row l is `v_i z_i^l`.
    powers: DMatrix<Complex<f64>>,
    /// Orthonormal rows that span the same.
    check: DMatrix<Complex<f64>>,
    /// Smallest singular value found of `check` restricted to k columns: neighbours, where powers are most alike.
    smallest: f64,
}

impl Locator {
    /// For m `nodes` with multipliers v and k power sums.
    ///
    /// # Errors
    /// [`Error::Numerical`] when a singular value is not found.
    pub fn new(nodes: Vec<Complex<f64>>, multipliers: &[Complex<f64>], k: usize) -> Result<Self> {
        let m = nodes.len();
        let powers = DMatrix::from_fn(k, m, |l, i| multipliers[i] * nodes[i].powu(l as u32));
        // A code that carries nothing has nothing to factor.
        let check = if k == 0 { powers.clone() } else { powers.adjoint().qr().q().adjoint() };
        let mut smallest = 1.0f64;
        for first in 0..if k == 0 { 0 } else { m } {
            let window: Vec<usize> = (0..k).map(|i| (first + i) % m).collect();
            let svd = real(&check.select_columns(&window)).try_svd(false, false, f64::EPSILON, 10_000);
            let svd = svd.ok_or_else(|| Error::Numerical("no singular values of a code's check".into()))?;
            smallest = smallest.min(svd.singular_values.min());
        }
        Ok(Locator { nodes, powers, check, smallest })
    }

    /// The least factor by which k errors show in the check (the worst of neighbouring workers).
    pub fn smallest(&self) -> f64 {
        self.smallest
    }

    /// The smallest set of at most `most` errors that explains `replies` (m x p) up to `tolerance` in the Frobenius norm of the check;
    /// `None` when there is none. `forced` workers, whose rows are zeros, are errors in any case.
    pub fn correct(
        &self,
        replies: &DMatrix<Complex<f64>>,
        forced: &[usize],
        most: usize,
        tolerance: f64,
        seed: Seed,
        round: u64,
    ) -> Option<Correction> {
        let stream = &mut seed.stream(Purpose::Locator, 0, round);
        let mix = DMatrix::from_fn(replies.ncols(), COMBINATIONS, |_, _| {
            Complex::new(Distribution::<f64>::sample(&StandardNormal, stream), 0.0)
        });
        let sums = self.without(forced, &self.powers * (replies * mix))?;
        (0..=most.checked_sub(forced.len())?).find_map(|count| {
            let mut workers = self.suspects(&sums, count)?;
            workers.extend(forced);
            workers.sort_unstable();
            workers.dedup();
            self.recover(replies, workers).filter(|found| found.residual <= tolerance)
        })
    }

    /// The power sums with the errors at `workers` taken out, one fewer for each: `S_{l+1} - z S_l`.
    fn without(&self, workers: &[usize], mut sums: DMatrix<Complex<f64>>) -> Option<DMatrix<Complex<f64>>> {
        for &worker in workers {
            let count = sums.nrows().checked_sub(1)?;
            sums = sums.rows(1, count) - sums.rows(0, count) * self.nodes[worker];
        }
        Some(sums)
    }

    /// The `count` nodes where the polynomial that annihilates the power sums is smallest.
    fn suspects(&self, sums: &DMatrix<Complex<f64>>, count: usize) -> Option<Vec<usize>> {
        let equations = sums.nrows().checked_sub(count)?;
        if count == 0 {
            return Some(Vec::new());
        }
        let rows = equations * sums.ncols();
        let at = |row: usize, shift: usize| sums[(row % equations + shift, row / equations)];
        let matrix = DMatrix::from_fn(rows, count, at);
        let right = DMatrix::from_fn(rows, 1, |row, _| -at(row, count));
        let coefficients = least_squares(&matrix, &right)?;
        let value = |z: Complex<f64>| {
            coefficients.iter().rev().fold(Complex::new(1.0, 0.0), |sum, coefficient| sum * z + coefficient).norm()
        };
        let values: Vec<f64> = self.nodes.iter().map(|&z| value(z)).collect();
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        order.truncate(count);
        Some(order)
    }

    /// What `workers` should have sent, so that the check holds best. Their own replies have no part in it: the rounding of a lie is as
    /// large as the lie.
    fn recover(&self, replies: &DMatrix<Complex<f64>>, workers: Vec<usize>) -> Option<Correction> {
        let mut others = replies.clone();
        workers.iter().for_each(|&worker| others.row_mut(worker).fill(Complex::new(0.0, 0.0)));
        let seen = &self.check * others;
        if workers.is_empty() {
            return Some(Correction { workers, values: DMatrix::zeros(0, replies.ncols()), residual: seen.norm() });
        }
        let columns = self.check.select_columns(&workers);
        // Fewer columns than rows, and independent ones: a QR factorization loses no digits, as the decomposition below does.
        let qr = columns.clone().qr();
        let values = -qr.r().solve_upper_triangular(&(qr.q().adjoint() * &seen))?;
        let residual = (seen + columns * &values).norm();
        Some(Correction { workers, values, residual })
    }
}

/// A complex matrix as a real one of twice the size, which multiplies real parts above imaginary ones.
fn real(matrix: &DMatrix<Complex<f64>>) -> DMatrix<f64> {
    let (rows, cols) = matrix.shape();
    DMatrix::from_fn(2 * rows, 2 * cols, |i, j| {
        let entry = matrix[(i % rows, j % cols)];
        match (i < rows, j < cols) {
            (true, true) | (false, false) => entry.re,
            (true, false) => -entry.im,
            (false, true) => entry.im,
        }
    })
}

/// The shortest x that minimizes `|A x - b|`, singular values at rounding taken for 0. (The decomposition of the complex matrix itself
/// missed pairs of liars that this one finds; here every singular value is there twice, which costs a few digits.)
fn least_squares(matrix: &DMatrix<Complex<f64>>, right: &DMatrix<Complex<f64>>) -> Option<DMatrix<Complex<f64>>> {
    let (rows, unknowns) = matrix.shape();
    let right =
        DMatrix::from_fn(
            2 * rows,
            right.ncols(),
            |i, j| {
                if i < rows { right[(i, j)].re } else { right[(i - rows, j)].im }
            },
        );
    let svd = real(matrix).try_svd(true, true, f64::EPSILON, 10_000)?;
    let cut = svd.singular_values.max() * 1e-14;
    let found = svd.solve(&right, cut).ok()?;
    Some(DMatrix::from_fn(unknowns, found.ncols(), |i, j| Complex::new(found[(i, j)], found[(unknowns + i, j)])))
}
