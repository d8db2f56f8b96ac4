//! What the tests share: an oracle of blocks without workers or codes, data, and runs that keep every iterate.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand_distr::{Distribution, StandardNormal};
use steadfast::Result;
use steadfast::coding::{Certainty, DataCode, RealParity, Tolerance};
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::device::CpuDevice;
use steadfast::fleet::{Clock, Counters, Faults, Gather, SimulatedFleet};
use steadfast::method::{CoordinateDescent, Iterate, Method, Order, Outcome, Problem, SolveOptions, solve};
use steadfast::objective::Objective;
use steadfast::oracle::{BlockOracle, CodedOracle, OracleOptions, ProductOracle, Rounds};
use steadfast::scalar::Element;
use steadfast::seed::{Purpose, Seed};

pub fn tolerance(liars: usize, stragglers: usize) -> Tolerance {
    Tolerance { liars, stragglers }
}

/// X ~ N(0, 1) (n x d) and labels from a third of the coordinates, with noise: the experiment of paper 002, section 7.
pub fn experiment(n: usize, d: usize, seed: u64) -> (Matrix<f64>, Vec<f64>) {
    let mut rng = Seed(seed).stream(Purpose::Experiment, 0, 0);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let values: Vec<f64> = (0..n * d).map(|_| normal()).collect();
    let model: Vec<f64> = (0..d).map(|j| if j % 3 == 0 { 2.0 * normal() } else { 0.0 }).collect();
    let labels =
        values.chunks_exact(d).map(|row| row.iter().zip(&model).map(|(x, w)| x * w).sum::<f64>() + normal()).collect();
    (Matrix::Dense(Dense::new(n, d, values).expect("n x d values")), labels)
}

/// The same with about two entries in three left out.
pub fn sparse(n: usize, d: usize, seed: u64) -> (Matrix<f64>, Vec<f64>) {
    let (Matrix::Dense(full), labels) = experiment(n, d, seed) else { unreachable!("it is dense") };
    let (mut offsets, mut indices, mut values) = (vec![0], vec![], vec![]);
    for (i, row) in full.values().chunks_exact(d).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            if (i * 7 + j * 5).is_multiple_of(3) {
                indices.push(u32::try_from(j).expect("few columns"));
                values.push(x);
            }
        }
        offsets.push(indices.len());
    }
    (Matrix::Csr(Csr::new(n, d, offsets, indices, values).expect("ascending columns")), labels)
}

pub fn code(m: usize, liars: usize, stragglers: usize) -> Arc<dyn DataCode> {
    Arc::new(RealParity::new(m, tolerance(liars, stragglers)).expect("a code"))
}

pub fn coded<'a, T: Element>(
    data: &'a Matrix<T>,
    code: &Arc<dyn DataCode>,
    faults: Faults,
    gather: Gather,
) -> CodedOracle<'a, SimulatedFleet<T>> {
    let device = Box::new(CpuDevice::new(Some(1)).expect("a thread"));
    let fleet = SimulatedFleet::new(device, faults, Clock::default());
    let options = OracleOptions { gather, keys: 0, seed: Seed(3) };
    CodedOracle::with_blocks(Cow::Borrowed(data), code.clone(), fleet, &options).expect("a loaded fleet")
}

/// Blocks of width q without workers: plain coordinate descent, for dense X.
pub struct Plain<'a> {
    data: &'a Matrix<f64>,
    width: usize,
    counters: Counters,
}

impl<'a> Plain<'a> {
    pub fn new(data: &'a Matrix<f64>, width: usize) -> Self {
        Plain { data, width, counters: Counters::default() }
    }

    fn rows_of(&self, i: usize, at: &Range<usize>) -> Vec<f64> {
        match self.data {
            Matrix::Dense(a) => a.values()[i * a.cols()..(i + 1) * a.cols()][at.clone()].to_vec(),
            Matrix::Csr(a) => {
                let (columns, values) = a.row(i);
                let mut row = vec![0.0; a.cols()];
                columns.iter().zip(values).for_each(|(&j, &x)| row[j as usize] = x);
                row[at.clone()].to_vec()
            }
        }
    }

    fn multiply(&mut self, at: Range<usize>, vector: &[f64], out: &mut [f64]) {
        self.counters.rounds += 1;
        for (i, out) in out.iter_mut().enumerate() {
            // Pairwise, so that the comparison is with few roundings.
            *out = pairwise(&self.rows_of(i, &at).iter().zip(vector).map(|(x, v)| x * v).collect::<Vec<_>>());
        }
    }

    fn multiply_transposed(&mut self, at: Range<usize>, vector: &[f64], out: &mut [f64]) {
        self.counters.rounds += 1;
        let rows: Vec<Vec<f64>> = (0..self.data.rows()).map(|i| self.rows_of(i, &at)).collect();
        for (j, out) in out.iter_mut().enumerate() {
            *out = pairwise(&rows.iter().zip(vector).map(|(row, v)| row[j] * v).collect::<Vec<_>>());
        }
    }

    fn coordinates(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * self.width..(rows.end * self.width).min(self.data.cols())
    }
}

fn pairwise(values: &[f64]) -> f64 {
    if values.len() <= 8 {
        return values.iter().sum();
    }
    let (a, b) = values.split_at(values.len() / 2);
    pairwise(a) + pairwise(b)
}

impl ProductOracle for Plain<'_> {
    fn rows(&self) -> usize {
        self.data.rows()
    }
    fn cols(&self) -> usize {
        self.data.cols()
    }
    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
        self.multiply(0..self.data.cols(), weights, out);
        Ok(())
    }
    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        self.multiply_transposed(0..self.data.cols(), residuals, out);
        Ok(())
    }
    fn blocks(&mut self) -> Option<&mut dyn BlockOracle> {
        Some(self)
    }
    fn drain(&mut self) -> Rounds {
        let certainty = Certainty::Certified;
        Rounds { late: vec![], liars: vec![], residual: 0.0, bound: 0.0, certainty, seconds: 0.0 }
    }
    fn counters(&self) -> Counters {
        self.counters
    }
    fn unit_roundoff(&self) -> f64 {
        f64::EPSILON / 2.0
    }
}

impl BlockOracle for Plain<'_> {
    fn width(&self) -> usize {
        self.width
    }
    fn block_rows(&self) -> usize {
        self.data.cols().div_ceil(self.width)
    }
    fn block_pullback(&mut self, rows: Range<usize>, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        self.multiply_transposed(self.coordinates(&rows), residuals, out);
        Ok(())
    }
    fn block_margins(&mut self, rows: Range<usize>, delta: &[f64], out: &mut [f64]) -> Result<()> {
        self.multiply(self.coordinates(&rows), delta, out);
        Ok(())
    }
}

/// What a run went through.
pub struct Path {
    /// The weights after each iteration.
    pub weights: Vec<Vec<f64>>,
    /// Largest relative change of the margins that a full product showed.
    pub drift: f64,
}

/// `iterations` iterations from 0.
pub fn walk(
    oracle: &mut dyn ProductOracle,
    objective: &Objective,
    labels: &[f64],
    order: Order,
    fraction: f64,
    iterations: usize,
) -> Result<Path> {
    let mut problem = Problem::new(oracle, objective, labels)?;
    let mut method = CoordinateDescent::new(order, fraction)?;
    let start = vec![0.0; problem.dimension()];
    let mut iterate = Iterate::new(&mut problem, start)?;
    method.start(&mut problem, &mut iterate)?;
    let mut weights = vec![];
    for _ in 0..iterations {
        method.step(&mut problem, &mut iterate)?;
        weights.push(iterate.weights.clone());
    }
    Ok(Path { weights, drift: iterate.drift })
}

/// A whole run through the solve loop.
pub fn finish(
    oracle: &mut dyn ProductOracle,
    objective: &Objective,
    labels: &[f64],
    (order, fraction): (Order, f64),
    options: &SolveOptions,
) -> Result<Outcome> {
    let mut problem = Problem::new(oracle, objective, labels)?;
    let mut method = CoordinateDescent::new(order, fraction)?;
    let start = vec![0.0; problem.dimension()];
    solve(&mut method, &mut problem, start, options, &mut [], &AtomicBool::new(false))
}
