//! Sums over vectors of copies, in a fixed order and blocked.

/// Numbers summed by one set of partial sums.
const BLOCK: usize = 512;
/// Numbers that several passes over parts of vectors find in the cache.
pub(super) const CHUNK: usize = 1024;

/// `a . b`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let block = |a: &[f64], b: &[f64]| {
        let mut sums = [0.0; 4];
        a.iter().zip(b).enumerate().for_each(|(k, (x, y))| sums[k & 3] += x * y);
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|(a, b)| block(a, b)).sum()
}

/// Euclidean norm.
pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Euclidean norm of `a - b`.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(x, y)| x - y).collect::<Vec<f64>>())
}

/// `y += scale x`.
pub(super) fn axpy(y: &mut [f64], scale: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += scale * x);
}
