//! The sparse generator: q workers hold plain rows of the data, the others combinations of them.

use super::dense::transposed;
use faer::MatRef;
use faer::linalg::solvers::Solve;

/// A generator in systematic form.
pub(super) struct Systematic {
    /// m x q, row-major; row `plain[j]` is the unit vector j.
    pub generator: Vec<f64>,
    /// The workers that hold plain rows, ascending.
    pub plain: Vec<usize>,
}

/// Entries of the generator above this are removed by exchanging a plain and a parity worker. At a set J of locally
/// maximal volume all entries are at most 1; pivoted QR alone leaves some above 1.3 for a few hundred workers.
const LARGEST_ENTRY: f64 = 1.2;

/// `G inv(G_J)` for a null-space basis G (m x q, row-major): J from QR with column pivoting of G', then exchanges of one
/// worker at a time until no entry exceeds 1.2. Each exchange multiplies the volume of G_J by more than 1.2, so they end.
pub(super) fn from_null_space(null: &[f64], m: usize, q: usize) -> Systematic {
    let by_worker = MatRef::from_column_major_slice(null, q, m);
    let pivoted = by_worker.col_piv_qr();
    let mut plain: Vec<usize> = pivoted.P().arrays().0[..q].to_vec();
    let mut generator = solve(null, m, q, &plain);
    for _ in 0..4 * m {
        let (at, entry) = generator
            .iter()
            .enumerate()
            .map(|(at, x)| (at, x.abs()))
            .fold((0, 0.0), |best, item| if item.1 > best.1 { item } else { best });
        if entry <= LARGEST_ENTRY {
            break;
        }
        exchange(&mut generator, m, q, at / q, at % q);
        plain[at % q] = at / q;
    }
    plain.sort_unstable();
    // Once more from the start, so that the exchanges' round-off is gone.
    Systematic { generator: solve(null, m, q, &plain), plain }
}

/// Row `row` becomes the unit vector `column`, and whichever row was it becomes a combination.
fn exchange(generator: &mut [f64], m: usize, q: usize, row: usize, column: usize) {
    let pivot = generator[row * q + column];
    let mut leaving: Vec<f64> = generator[row * q..(row + 1) * q].to_vec();
    leaving[column] -= 1.0;
    for i in 0..m {
        let factor = generator[i * q + column] / pivot;
        for (x, l) in generator[i * q..(i + 1) * q].iter_mut().zip(&leaving) {
            *x -= factor * l;
        }
    }
}

/// `G inv(G_J)` with exact unit rows at J.
fn solve(null: &[f64], m: usize, q: usize, plain: &[usize]) -> Vec<f64> {
    let rows: Vec<f64> = plain.iter().flat_map(|&i| null[i * q..(i + 1) * q].iter().copied()).collect();
    // Y inv(B) = (inv(B') Y')'; the transposes of row-major blocks are column-major views.
    let lu = MatRef::from_column_major_slice(&rows, q, q).partial_piv_lu();
    let solution = lu.solve(MatRef::from_column_major_slice(null, q, m));
    let mut flat: Vec<f64> = Vec::with_capacity(m * q);
    for i in 0..m {
        flat.extend((0..q).map(|j| solution[(j, i)]));
    }
    for (j, &worker) in plain.iter().enumerate() {
        flat[worker * q..(worker + 1) * q].fill(0.0);
        flat[worker * q + j] = 1.0;
    }
    flat
}

/// A generator that is already systematic (row echelon form): its unit rows are the plain workers.
pub(super) fn already(null: &[f64], m: usize, q: usize) -> Systematic {
    Systematic { generator: null.to_vec(), plain: (m - q..m).collect() }
}

/// An orthonormal basis (k x m, row-major) of the row space of `check` (k x m) with column i multiplied by `scale[i]`.
pub(super) fn scaled_check(check: &[f64], scale: &[f64], k: usize) -> Vec<f64> {
    let m = scale.len();
    let scaled: Vec<f64> = check.chunks_exact(m).flat_map(|row| row.iter().zip(scale).map(|(x, s)| x * s)).collect();
    let qr = MatRef::from_column_major_slice(&scaled, m, k).qr();
    let q = qr.compute_thin_Q();
    let mut columns = vec![0.0; m * k];
    for i in 0..m {
        for a in 0..k {
            columns[i * k + a] = q[(i, a)];
        }
    }
    transposed(&columns, m, k)
}
