//! SGD on data as they are: what coded runs are held against.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{distance, number, rows_of};
use steadfast::data::Matrix;
use steadfast::error::Result;
use steadfast::fleet::Counters;
use steadfast::method::{Outcome, Problem, SolveOptions, for_objective, solve};
use steadfast::objective::{Loss, Objective};
use steadfast::oracle::{ProductOracle, Rounds, SampleOracle};
use steadfast::seed::Seed;
use steadfast::trace::{IterationRecord, Observer};

/// Plain SGD needs an oracle of plain data.
pub struct Plain<'a> {
    pub data: &'a Matrix<f64>,
    pub counters: Counters,
}

impl ProductOracle for Plain<'_> {
    fn rows(&self) -> usize {
        self.data.rows()
    }
    fn cols(&self) -> usize {
        self.data.cols()
    }
    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
        self.counters.rounds += 1;
        self.data.multiply(weights, weights.len() / self.data.cols(), out);
        Ok(())
    }
    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
        self.counters.rounds += 1;
        self.data.multiply_transposed(residuals, residuals.len() / self.data.rows(), out);
        Ok(())
    }
    fn drain(&mut self) -> Rounds {
        Rounds::none()
    }
    fn counters(&self) -> Counters {
        self.counters
    }
    fn unit_roundoff(&self) -> f64 {
        f64::EPSILON / 2.0
    }
    fn sampler(&mut self) -> Option<&mut dyn SampleOracle> {
        Some(self)
    }
}

impl SampleOracle for Plain<'_> {
    fn samples(&mut self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        self.counters.rounds += 1;
        out.copy_from_slice(&rows_of(self.data, rows));
        Ok(())
    }
    fn longest_row(&self) -> f64 {
        let rows = (0..self.data.rows()).map(|i| rows_of(self.data, &[i]));
        rows.map(|row| distance(&row, &vec![0.0; row.len()])).fold(0.0, f64::max)
    }
}

#[derive(Default)]
struct Records(Vec<IterationRecord>);

impl Observer for Records {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        self.0.push(record.clone());
        Ok(())
    }
}

pub fn run(
    oracle: &mut dyn ProductOracle,
    objective: &Objective,
    labels: &[f64],
    method: &str,
    iterations: usize,
) -> Result<(Outcome, Vec<IterationRecord>)> {
    let mut problem = Problem::new(oracle, objective, labels)?.with_seed(Seed(11));
    let mut method = for_objective(method, objective)?;
    let (start, options) = (vec![0.0; problem.dimension()], SolveOptions { iterations, ..Default::default() });
    let mut records = Records::default();
    let observers: &mut [&mut dyn Observer] = &mut [&mut records];
    let outcome = solve(method.as_mut(), &mut problem, start, &options, observers, &AtomicBool::new(false))?;
    Ok((outcome, records.0))
}

pub fn smooth(loss: impl Loss + 'static, l2: f64) -> Objective {
    Objective { loss: Arc::new(loss), l2, regularizer: None, intercept: false }
}

pub fn signs(n: usize) -> Vec<f64> {
    (0..n as u64).map(|i| if number(!i) > 0.0 { 1.0 } else { -1.0 }).collect()
}
