//! Orthonormal fast transforms of N = 2^k numbers, of many columns at once.

use crate::kernel::walsh_hadamard;

/// An orthonormal N x N matrix Q with a fast product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    /// Walsh-Hadamard, symmetric: N log2(N) additions.
    Hadamard,
    /// Haar wavelets, one a row: about 2 N multiply-adds.
    Haar,
    /// The eigenvectors of the tensor power of the 4 x 4 Hadamard matrix `J - 2 R` (R reverses the order), N = 4^k: 2 N log2(N)
    /// multiply-adds.
    Graphical,
}

/// Eigenvectors of `J - 2 R`, one a column; the last belongs to the eigenvalue -2, the others to 2.
const GRAPHICAL: [[f64; 4]; 4] = {
    const H: f64 = 0.5;
    const R: f64 = std::f64::consts::FRAC_1_SQRT_2;
    [[H, R, 0.0, H], [H, 0.0, R, -H], [H, 0.0, -R, -H], [H, -R, 0.0, H]]
};

impl Transform {
    /// `values = Q values`, in place; rows x cols, row-major.
    pub fn forward(self, values: &mut [f64], cols: usize) {
        match self {
            Transform::Hadamard => hadamard(values, cols),
            Transform::Haar => haar(values, cols),
            Transform::Graphical => graphical(values, cols, false),
        }
    }

    /// `values = Q' values`, in place.
    pub fn backward(self, values: &mut [f64], cols: usize) {
        match self {
            Transform::Hadamard => hadamard(values, cols),
            Transform::Haar => haar_transposed(values, cols),
            Transform::Graphical => graphical(values, cols, true),
        }
    }

    /// For the eigenvectors of the graphical matrix: whether column `at` belongs to the eigenvalue `-sqrt(N)`, an odd number of
    /// factors that belong to -2.
    pub fn is_negative(at: usize) -> bool {
        let mut rest = at;
        let mut odd = false;
        while rest > 0 {
            odd ^= rest % 4 == 3;
            rest /= 4;
        }
        odd
    }
}

fn hadamard(values: &mut [f64], cols: usize) {
    let rows = values.len() / cols.max(1);
    walsh_hadamard(values, cols);
    let scale = (rows as f64).sqrt().recip();
    values.iter_mut().for_each(|x| *x *= scale);
}

/// Averages to the front, differences behind them, then the averages again.
fn haar(values: &mut [f64], cols: usize) {
    let mut scratch = vec![0.0; values.len()];
    let mut active = values.len();
    while active > cols {
        let (sums, differences) = scratch[..active].split_at_mut(active / 2);
        let pairs = values[..active].chunks_exact(2 * cols);
        for ((pair, sum), difference) in pairs.zip(sums.chunks_exact_mut(cols)).zip(differences.chunks_exact_mut(cols))
        {
            let (even, odd) = pair.split_at(cols);
            for c in 0..cols {
                sum[c] = (even[c] + odd[c]) * std::f64::consts::FRAC_1_SQRT_2;
                difference[c] = (even[c] - odd[c]) * std::f64::consts::FRAC_1_SQRT_2;
            }
        }
        values[..active].copy_from_slice(&scratch[..active]);
        active /= 2;
    }
}

fn haar_transposed(values: &mut [f64], cols: usize) {
    let mut scratch = vec![0.0; values.len()];
    let mut active = 2 * cols;
    while active > 0 && active <= values.len() {
        let (sums, differences) = values[..active].split_at(active / 2);
        let pairs = scratch[..active].chunks_exact_mut(2 * cols);
        for ((pair, sum), difference) in pairs.zip(sums.chunks_exact(cols)).zip(differences.chunks_exact(cols)) {
            let (even, odd) = pair.split_at_mut(cols);
            for c in 0..cols {
                even[c] = (sum[c] + difference[c]) * std::f64::consts::FRAC_1_SQRT_2;
                odd[c] = (sum[c] - difference[c]) * std::f64::consts::FRAC_1_SQRT_2;
            }
        }
        values[..active].copy_from_slice(&scratch[..active]);
        active *= 2;
    }
}

/// The same 4 x 4 matrix (or its transpose) in every digit of base 4.
fn graphical(values: &mut [f64], cols: usize, transposed: bool) {
    let mut quarter = cols;
    while quarter > 0 && quarter < values.len() {
        for block in values.chunks_exact_mut(4 * quarter) {
            for at in 0..quarter {
                let old = [0, 1, 2, 3].map(|part| block[part * quarter + at]);
                for part in 0..4 {
                    let entry = |j: usize| if transposed { GRAPHICAL[j][part] } else { GRAPHICAL[part][j] };
                    block[part * quarter + at] =
                        (entry(0) * old[0] + entry(1) * old[1]) + (entry(2) * old[2] + entry(3) * old[3]);
                }
            }
        }
        quarter *= 4;
    }
}
