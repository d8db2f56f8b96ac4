//! What is broadcast: its size, its scale, its order.

use crate::scalar::Precision;

/// The largest magnitude; NaN where there is one.
pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most: f64, x| if x.abs() > most || x.is_nan() { x.abs() } else { most })
}

/// What numbers of this size are divided by before they are sent, so that no square of them, here or at a worker, leaves the range
/// of its type: a power of two, which changes no digit, and 1 for all but extreme sizes.
pub(super) fn scale(largest: f64, precision: Precision) -> f64 {
    let most = match precision {
        Precision::F64 => 300,
        Precision::F32 | Precision::F16 => 30,
    };
    // Powers of two that are normal numbers, so that dividing by one is exact.
    #[allow(clippy::cast_possible_truncation, reason = "the exponent of an f64")]
    let exponent = (largest.max(f64::MIN_POSITIVE).log2().floor() as i32).clamp(-1000, 1000);
    if largest == 0.0 || exponent.abs() <= most { 1.0 } else { 2f64.powi(exponent) }
}

/// Euclidean norm by blocks, so that long vectors lose no digits.
pub(super) fn norm(values: &[f64]) -> f64 {
    let sums: f64 = values.chunks(256).map(|c| c.iter().map(|x| x * x).sum::<f64>()).sum();
    sums.sqrt()
}

/// `out = in'` for a row-major rows x cols `values`.
pub(super) fn transpose(values: &[f64], cols: usize, out: &mut [f64]) {
    let rows = values.len() / cols.max(1);
    for (i, row) in values.chunks_exact(cols).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            out[j * rows + i] = x;
        }
    }
}
