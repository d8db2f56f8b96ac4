//! An oracle over a dense matrix in memory, in f64 or in the arithmetic of f32 workers.

use std::ops::Range;

use rand::RngExt;
use steadfast::Result;
use steadfast::coding::Certainty;
use steadfast::error::Error;
use steadfast::fleet::Counters;
use steadfast::oracle::{BlockOracle, ProductOracle, Rounds};
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};

pub struct DenseOracle {
    pub rows: usize,
    pub cols: usize,
    values: Vec<f64>,
    frobenius: f64,
    precision: Precision,
    pub rounds: u64,
    floats_down: u64,
    floats_up: u64,
    bound: f64,
    since_drain: u64,
    /// Rounds after which every further one is refused.
    pub refuse_after: Option<u64>,
    /// Adds an error of this size, relative to the product's norm, to each round; the bound says so.
    pub disturb: f64,
    /// What the honest bound is multiplied by: a pessimistic certificate, or none at all (infinity).
    pub pessimism: f64,
}

impl DenseOracle {
    pub fn new(rows: usize, cols: usize, values: Vec<f64>) -> Self {
        Self::with_precision(rows, cols, values, Precision::F64)
    }

    pub fn with_precision(rows: usize, cols: usize, mut values: Vec<f64>, precision: Precision) -> Self {
        assert_eq!(values.len(), rows * cols);
        if precision == Precision::F32 {
            values.iter_mut().for_each(|v| *v = f64::from(*v as f32));
        }
        let frobenius = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        DenseOracle {
            rows,
            cols,
            values,
            frobenius,
            precision,
            rounds: 0,
            floats_down: 0,
            floats_up: 0,
            bound: 0.0,
            since_drain: 0,
            refuse_after: None,
            disturb: 0.0,
            pessimism: 1.0,
        }
    }

    pub fn matrix(&self) -> nalgebra::DMatrix<f64> {
        nalgebra::DMatrix::from_row_slice(self.rows, self.cols, &self.values)
    }

    fn count(&mut self, input: &[f64], output: usize, length: usize) -> Result<()> {
        if self.refuse_after.is_some_and(|limit| self.rounds >= limit) {
            return Err(Error::TooManyFaults {
                reason: "test".into(),
                erased: vec![],
                suspected: vec![3],
                tolerance: "none".into(),
            });
        }
        self.rounds += 1;
        self.since_drain += 1;
        self.floats_down += input.len() as u64;
        self.floats_up += output as u64;
        // Entry by entry a dot product of `length` terms errs by at most length u |x_i| |v| (first order); the rounding of
        // the broadcast adds one more u.
        let norm = input.iter().map(|x| x * x).sum::<f64>().sqrt();
        let bound = (length + 1) as f64 * self.precision.unit_roundoff() * self.frobenius * norm;
        self.bound = self.bound.max(bound * self.pessimism);
        Ok(())
    }

    /// An error that changes from round to round, like a lie too small to be told from rounding.
    fn add_disturbance(&mut self, out: &mut [f64]) {
        if self.disturb == 0.0 {
            return;
        }
        let size = self.disturb * out.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut rng = Seed(self.rounds).stream(Purpose::Attack, 0, 0);
        let noise: Vec<f64> = out.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let norm = noise.iter().map(|x| x * x).sum::<f64>().sqrt();
        out.iter_mut().zip(&noise).for_each(|(o, e)| *o += size * e / norm);
        self.bound += size;
    }

    fn dot(&self, n: usize, mut term: impl FnMut(usize) -> (f64, f64)) -> f64 {
        if self.precision == Precision::F64 {
            let mut sums = [0.0; 8];
            for i in 0..n {
                let (a, b) = term(i);
                sums[i % 8] += a * b;
            }
            sums.iter().sum()
        } else {
            let mut sum = 0f32;
            for i in 0..n {
                let (a, b) = term(i);
                sum += a as f32 * b as f32;
            }
            f64::from(sum)
        }
    }
}

/// Coordinates of a block row.
const WIDTH: usize = 3;

impl DenseOracle {
    fn coordinates(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * WIDTH..(rows.end * WIDTH).min(self.cols)
    }
}

/// By whole products.
impl BlockOracle for DenseOracle {
    fn width(&self) -> usize {
        WIDTH
    }

    fn block_rows(&self) -> usize {
        self.cols.div_ceil(WIDTH)
    }

    fn block_pullback(&mut self, rows: Range<usize>, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        let mut whole = vec![0.0; self.cols];
        self.pullback(residuals, &mut whole)?;
        out.copy_from_slice(&whole[self.coordinates(&rows)]);
        Ok(())
    }

    fn block_margins(&mut self, rows: Range<usize>, delta: &[f64], out: &mut [f64]) -> Result<()> {
        let mut whole = vec![0.0; self.cols];
        whole[self.coordinates(&rows)].copy_from_slice(delta);
        self.margins(&whole, out)
    }
}

impl ProductOracle for DenseOracle {
    fn blocks(&mut self) -> Option<&mut dyn BlockOracle> {
        Some(self)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn cols(&self) -> usize {
        self.cols
    }

    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
        let (d, k) = (self.cols, weights.len() / self.cols);
        assert_eq!((weights.len(), out.len()), (k * d, self.rows * k));
        self.count(weights, out.len(), d)?;
        for i in 0..self.rows {
            let row = &self.values[i * d..(i + 1) * d];
            for class in 0..k {
                let w = &weights[class * d..(class + 1) * d];
                out[i * k + class] = self.dot(d, |j| (row[j], w[j]));
            }
        }
        self.add_disturbance(out);
        Ok(())
    }

    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        let (d, k) = (self.cols, residuals.len() / self.rows);
        assert_eq!((residuals.len(), out.len()), (self.rows * k, k * d));
        self.count(residuals, out.len(), self.rows)?;
        if self.precision == Precision::F64 {
            // Row by row into f64 sums: cache-friendly, error within the same bound.
            out.fill(0.0);
            for (row, r) in self.values.chunks_exact(d).zip(residuals.chunks_exact(k)) {
                for (class, &r) in r.iter().enumerate() {
                    out[class * d..(class + 1) * d].iter_mut().zip(row).for_each(|(o, x)| *o += r * x);
                }
            }
        } else {
            let mut sums = vec![0f32; k * d];
            for (row, r) in self.values.chunks_exact(d).zip(residuals.chunks_exact(k)) {
                for (class, &r) in r.iter().enumerate() {
                    let r = r as f32;
                    sums[class * d..(class + 1) * d].iter_mut().zip(row).for_each(|(o, x)| *o += r * *x as f32);
                }
            }
            out.iter_mut().zip(&sums).for_each(|(o, s)| *o = f64::from(*s));
        }
        self.add_disturbance(out);
        Ok(())
    }

    fn drain(&mut self) -> Rounds {
        let rounds = Rounds {
            late: vec![],
            liars: vec![],
            residual: 0.0,
            bound: std::mem::take(&mut self.bound),
            certainty: Certainty::Certified,
            seconds: self.since_drain as f64 * 0.25,
        };
        self.since_drain = 0;
        rounds
    }

    fn counters(&self) -> Counters {
        Counters {
            rounds: self.rounds,
            floats_down: self.floats_down,
            floats_up: self.floats_up,
            ..Counters::default()
        }
    }

    fn unit_roundoff(&self) -> f64 {
        self.precision.unit_roundoff()
    }
}
