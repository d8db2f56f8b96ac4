//! Sums over the master's long vectors, in a fixed order and with several partial sums, so that rounding grows with the
//! number of blocks rather than with the length.

/// Numbers summed by one set of partial sums.
const BLOCK: usize = 1024;

/// `a . b`: eight partial sums inside blocks, and the blocks' sums added in order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|(a, b)| block_dot(a, b)).sum()
}

fn block_dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (x, y) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

/// Euclidean norm. Safe against overflow of the squares: gradients of an exponential loss reach 1e200.
pub(super) fn norm(a: &[f64]) -> f64 {
    let squares = dot(a, a);
    if squares.is_finite() && squares > f64::MIN_POSITIVE / f64::EPSILON {
        return squares.sqrt();
    }
    let largest = a.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return if a.iter().any(|x| x.is_nan()) { f64::NAN } else { largest };
    }
    largest * a.iter().map(|x| (x / largest) * (x / largest)).sum::<f64>().sqrt()
}

/// Euclidean norm of `a - b`.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let sum: f64 = a
        .chunks(BLOCK)
        .zip(b.chunks(BLOCK))
        .map(|(a, b)| a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>())
        .sum();
    sum.sqrt()
}

/// `y += scale x`.
pub(super) fn add_scaled(y: &mut [f64], scale: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += scale * x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_and_norm_agree_with_exact_sums() {
        // Integers below 2^53 add without rounding, so any order gives the same sum.
        let a: Vec<f64> = (0..2503).map(|i| f64::from(i % 17)).collect();
        let b: Vec<f64> = (0..2503).map(|i| f64::from(i % 5)).collect();
        let exact: i64 = (0..2503i64).map(|i| (i % 17) * (i % 5)).sum();
        assert_eq!(dot(&a, &b), exact as f64);
        assert!((norm(&[3e200, 4e200]) / 5e200 - 1.0).abs() < 1e-15);
        assert!((norm(&[3e-200, 4e-200]) / 5e-200 - 1.0).abs() < 1e-15);
        assert_eq!(norm(&[]), 0.0);
        assert!(norm(&[f64::NAN, 1.0]).is_nan());
        assert_eq!(distance(&[1.0, 2.0], &[1.0, 5.0]), 3.0);
    }
}
