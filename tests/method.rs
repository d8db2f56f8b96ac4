//! Methods and the solve loop over oracles in memory: no fleet, no code.

#[path = "method/composite.rs"]
mod composite;
#[path = "method/duality.rs"]
mod duality;
#[path = "method/losses.rs"]
mod losses;
#[path = "method/oracle.rs"]
mod oracle;
#[path = "method/real_sets.rs"]
mod real_sets;
#[path = "method/rounding.rs"]
mod rounding;
#[path = "method/run.rs"]
mod run_loop;
#[path = "method/smooth.rs"]
mod smooth;

use oracle::DenseOracle;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::borrow::Cow;
use std::sync::atomic::AtomicBool;
use steadfast::Result;
use steadfast::data::{Dense, Matrix};
use steadfast::fleet::{BlockFleet, Clock, Faults};
use steadfast::method::{Outcome, Problem, SolveOptions, for_objective, solve};
use steadfast::objective::Objective;
use steadfast::oracle::{DirectionPlan, LocalDirections};
use steadfast::seed::{Purpose, Seed};
use steadfast::trace::{IterationRecord, Observer};

/// Keeps every record.
#[derive(Default)]
pub struct Records(pub Vec<IterationRecord>);

impl Observer for Records {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        self.0.push(record.clone());
        Ok(())
    }
}

/// Solves from 0 and returns what was found and every record.
pub fn run(
    oracle: &mut DenseOracle,
    objective: &Objective,
    labels: &[f64],
    method: &str,
    options: &SolveOptions,
) -> Result<(Outcome, Vec<IterationRecord>)> {
    let mut method = for_objective(method, objective)?;
    // For the methods that ask for them; the others never do.
    let values = oracle.matrix().transpose().as_slice().to_vec();
    let data = Matrix::Dense(Dense::new(oracle.rows, oracle.cols, values)?);
    let workers = BlockFleet::new(Faults::none(4), Clock::default());
    let mut directions = LocalDirections::new(Cow::Borrowed(&data), workers, DirectionPlan::Wait)?;
    let mut problem = Problem::new(oracle, objective, labels)?.with_directions(Some(&mut directions));
    let start = vec![0.0; problem.dimension()];
    let mut records = Records::default();
    let observers: &mut [&mut dyn Observer] = &mut [&mut records];
    let outcome = solve(method.as_mut(), &mut problem, start, options, observers, &AtomicBool::new(false))?;
    Ok((outcome, records.0))
}

/// A Gaussian n x d matrix whose columns are scaled from 1 down to `smallest`, and labels from a linear model with noise.
pub fn gaussian(n: usize, d: usize, smallest: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = Seed(seed).stream(Purpose::Experiment, 0, 0);
    let scale = |j: usize| smallest.powf(j as f64 / (d.max(2) - 1) as f64);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let values: Vec<f64> = (0..n * d).map(|at| scale(at % d) * normal()).collect();
    let model: Vec<f64> = (0..d).map(|_| normal()).collect();
    let labels = values
        .chunks_exact(d)
        .map(|row| row.iter().zip(&model).map(|(x, w)| x * w).sum::<f64>() + 0.5 * normal())
        .collect();
    (values, labels)
}

/// Labels -1 and 1 with the sign of a real label.
pub fn signs(labels: &[f64]) -> Vec<f64> {
    labels.iter().map(|y| if *y >= 0.0 { 1.0 } else { -1.0 }).collect()
}

/// Labels 0..k, at random but repeatable.
pub fn classes(n: usize, k: usize, seed: u64) -> Vec<f64> {
    let mut rng = Seed(seed).stream(Purpose::Experiment, 1, 0);
    (0..n).map(|_| rng.random_range(0..k) as f64).collect()
}
