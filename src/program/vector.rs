//! Sums over vectors, in several partial sums.

/// Inner product, in eight partial sums.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in (&mut left).zip(&mut right) {
        for l in 0..8 {
            sums[l] += x[l] * y[l];
        }
    }
    for (l, (x, y)) in left.remainder().iter().zip(right.remainder()).enumerate() {
        sums[l] += x * y;
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// A sum in four partial sums.
pub(super) fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut sums = [0.0; 4];
    for (k, term) in terms.enumerate() {
        sums[k & 3] += term;
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// Euclidean norm.
pub(super) fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `y += a x`.
pub(super) fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// The largest absolute value.
pub(super) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |top, x| top.max(x.abs()))
}
