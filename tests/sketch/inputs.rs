//! Seeded data and curvatures, and sums whose error can be told.

use nalgebra::DMatrix;
use rand::RngExt;
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::kernel::Curvature;
use steadfast::scalar::Element;
use steadfast::seed::{Purpose, Seed};
use steadfast::sketch::FactorRows;

/// Uniform on [-1, 1), from the crate's own generator of streams.
pub fn numbers(count: usize, stream: u64) -> Vec<f64> {
    let mut rng = Seed(20_261_122).stream(Purpose::Experiment, 0, stream);
    (0..count).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect()
}

pub fn dense<T: Element>(rows: usize, cols: usize, stream: u64) -> Matrix<T> {
    let values = numbers(rows * cols, stream).into_iter().map(T::from_f64).collect();
    Matrix::Dense(Dense::new(rows, cols, values).unwrap())
}

/// About three entries of ten; some rows are empty.
pub fn sparse<T: Element>(rows: usize, cols: usize, stream: u64) -> Csr<T> {
    let (value, chance) = (numbers(rows * cols, stream), numbers(rows * cols, stream + 1));
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        for j in 0..cols {
            if i % 7 != 3 && chance[i * cols + j] < -0.4 {
                indices.push(j as u32);
                values.push(T::from_f64(value[i * cols + j]));
            }
        }
        offsets.push(values.len());
    }
    Csr::new(rows, cols, offsets, indices, values).unwrap()
}

/// Roots for one class, probabilities for more.
pub struct Curved<A> {
    values: Vec<A>,
    classes: usize,
    scale: A,
}

impl<A: Element> Curved<A> {
    pub fn new(examples: usize, classes: usize, stream: u64) -> Self {
        let mut values: Vec<f64> = numbers(examples * classes, stream).into_iter().map(|x| 0.6 + 0.5 * x).collect();
        if classes > 1 {
            for row in values.chunks_exact_mut(classes) {
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|p| *p /= sum);
            }
        }
        let values = values.into_iter().map(A::from_f64).collect();
        Curved { values, classes, scale: A::from_f64(1.0 / examples.max(1) as f64) }
    }

    pub fn curvature(&self) -> Curvature<'_, A> {
        match self.classes {
            1 => Curvature::Scalar(&self.values),
            classes => Curvature::Softmax { probabilities: &self.values, classes, scale: self.scale },
        }
    }

    /// The same numbers in f64.
    pub fn widened(&self) -> Curved<f64> {
        let values = self.values.iter().map(|x| x.to_f64()).collect();
        Curved { values, classes: self.classes, scale: self.scale.to_f64() }
    }
}

/// A sum of products in twice the precision of f64, and the sum of their magnitudes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    high: f64,
    low: f64,
    magnitude: f64,
    terms: usize,
}

impl Sum {
    pub fn add(&mut self, a: f64, b: f64) {
        let product = a * b;
        let product_error = a.mul_add(b, -product);
        let sum = self.high + product;
        let back = sum - self.high;
        let sum_error = (self.high - (sum - back)) + (product - back);
        self.high = sum;
        self.low += sum_error + product_error;
        self.magnitude += product.abs();
        self.terms += 1;
    }

    /// Whether `value` is what at most `k` roundings of `T`'s arithmetic on a term's way, `wide` of f64, and results below the
    /// normal numbers can make of the sum.
    pub fn agrees<T: Element>(&self, value: f64, k: usize, wide: usize) -> bool {
        let gamma = |k: usize, u: f64| k as f64 * u / (1.0 - k as f64 * u);
        let relative = gamma(k, T::PRECISION.unit_roundoff()) + gamma(wide, f64::EPSILON / 2.0);
        let tiny = if size_of::<T::Acc>() == 4 { f64::from(f32::from_bits(1)) } else { f64::from_bits(1) };
        // A term is made by up to four products, each of which may fall below the normal numbers.
        let bound = 1.01 * relative * self.magnitude + 4.0 * self.terms as f64 * tiny;
        ((value - self.high) - self.low).abs() <= bound
    }
}

/// Runs `work` with 1 and with 2 threads and expects the same bits.
pub fn on_threads<A: Element>(work: impl Fn() -> Vec<A> + Sync + Send) -> Vec<A> {
    let [one, two] = [1, 2].map(|n| rayon_pool(n, &work));
    assert_eq!(bytemuck::cast_slice::<A, u8>(&one), bytemuck::cast_slice::<A, u8>(&two), "1 and 2 threads");
    one
}

fn rayon_pool<R: Send>(threads: usize, work: impl Fn() -> R + Send + Sync) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// A random matrix with orthonormal columns.
pub struct Orthonormal(DMatrix<f64>);

pub fn orthonormal(rows: usize, cols: usize) -> Orthonormal {
    Orthonormal(DMatrix::from_vec(rows, cols, numbers(rows * cols, 77)).qr().q())
}

impl FactorRows for Orthonormal {
    fn rows(&self) -> usize {
        self.0.nrows()
    }

    fn cols(&self) -> usize {
        self.0.ncols()
    }

    fn add_row(&self, row: usize, scale: f64, out: &mut [f64]) {
        out.iter_mut().zip(self.0.row(row).iter()).for_each(|(to, x)| *to += scale * x);
    }
}
