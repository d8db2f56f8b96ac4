//! Sums over vectors, in several partial sums.

/// A sum in eight partial sums.
pub(super) fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut sums = [0.0; 8];
    for (k, term) in terms.enumerate() {
        sums[k & 7] += term;
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// Inner product.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum(a.iter().zip(b).map(|(x, y)| x * y))
}

/// Euclidean norm.
pub(super) fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `y += a x`.
pub(super) fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// `x *= a`.
pub(super) fn scale(x: &mut [f64], a: f64) {
    x.iter_mut().for_each(|x| *x *= a);
}
