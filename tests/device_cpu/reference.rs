//! Products in twice the precision, and what an order of summation may be off from them.

use steadfast::data::Matrix;
use steadfast::scalar::Element;

/// A product, exact to about 2^-100, and the sum of the products' magnitudes.
#[derive(Clone, Copy, Default)]
pub struct Reference {
    high: f64,
    low: f64,
    magnitude: f64,
}

impl Reference {
    fn add(&mut self, a: f64, b: f64) {
        let product = a * b;
        let product_error = a.mul_add(b, -product);
        let sum = self.high + product;
        let back = sum - self.high;
        let sum_error = (self.high - (sum - back)) + (product - back);
        self.high = sum;
        self.low += sum_error + product_error;
        self.magnitude += product.abs();
    }

    /// How far `value` is from it.
    pub fn distance(&self, value: f64) -> f64 {
        ((value - self.high) - self.low).abs()
    }
}

/// `A V'` or `A' V'`.
pub fn reference<T: Element>(matrix: &Matrix<T>, vectors: &[T::Acc], r: usize, transposed: bool) -> Vec<Reference> {
    let (inner, outer) = if transposed { (matrix.rows(), matrix.cols()) } else { (matrix.cols(), matrix.rows()) };
    let mut out = vec![Reference::default(); outer * r];
    for i in 0..matrix.rows() {
        matrix.for_each_in_row(i, |j, x| {
            let (to, from) = if transposed { (j, i) } else { (i, j) };
            for v in 0..r {
                out[to * r + v].add(x.to_f64(), vectors[v * inner + from].to_f64());
            }
        });
    }
    out
}

fn log2_blocks(n: usize, block: usize) -> usize {
    n.div_ceil(block).max(1).next_power_of_two().trailing_zeros() as usize
}

/// The depth of the sum of n products, as the module's table says.
pub fn depth<T: Element>(matrix: &Matrix<T>, r: usize, transposed: bool) -> usize {
    let n = if transposed { matrix.rows() } else { matrix.cols() };
    match (matrix.is_sparse(), transposed) {
        (true, _) => 67 + log2_blocks(n, 256),
        (false, true) => 64 + log2_blocks(n, 64),
        (false, false) if r > 8 => 256 + log2_blocks(n, 256),
        (false, false) => 69 + log2_blocks(n, 128 * 64 / size_of::<T::Acc>()),
    }
}

/// gamma_k times the magnitudes, and half the smallest number for every product that may have fallen below the normal ones.
pub fn bound<T: Element>(k: usize, n: usize, reference: &Reference) -> f64 {
    let ku = k as f64 * T::PRECISION.unit_roundoff();
    let tiny = if size_of::<T::Acc>() == 4 { f64::from(f32::from_bits(1)) } else { f64::from_bits(1) };
    ku / (1.0 - ku) * reference.magnitude + n as f64 * tiny
}
