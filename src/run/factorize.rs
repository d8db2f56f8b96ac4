//! Matrix factorization by alternating ridge problems, the large ones on workers with encoded data.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::TrainConfig;
use super::factors::{Factors, rating};
use super::fleets::{fault_plan, split};
use super::ratings::Ratings;
use crate::coding::{CodeOptions, Tolerance, code_by_name, frame_by_name, is_frame};
use crate::data::{Dense, Matrix};
use crate::device::CpuDevice;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, CostModel, Delay, FaultPlan, Gather, SimulatedFleet};
use crate::method::{Problem, SolveOptions, by_name, solve};
use crate::objective::{LeastSquares, Objective};
use crate::oracle::{CodedOracle, EncodedLeastSquares, MasterProducts, OracleOptions};
use crate::seed::{Purpose, Seed, mix};
use crate::trace::Recorder;

/// A factorization: `r = mean + u_user + v_item + x_user . y_item`, with the least `sum of squares / 2 + l2/2 (|X|^2 + |Y|^2 + |u|^2 + |v|^2)`
/// (paper 000; Karakus et al. 2017).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Factorization {
    /// Numbers in x and in y.
    pub rank: usize,
    /// Of all of them.
    pub l2: f64,
    /// Times that all users and then all items are solved for.
    pub sweeps: usize,
    /// m.
    pub workers: usize,
    /// k.
    pub first: usize,
    /// A frame, `uncoded` or `replication`; or with `exact` a code that decodes with m - k stragglers.
    pub code: String,
    /// Decode.
    pub exact: bool,
    /// From so many equations a user or an item is solved for by the workers, with less at the master.
    pub large: usize,
    /// Iterations of L-BFGS.
    pub iterations: usize,
    /// Delay model of the workers.
    pub delay: String,
    /// What is injected, beside the delays.
    pub faults: Option<FaultPlan>,
    /// The one seed.
    pub seed: u64,
}

impl Default for Factorization {
    fn default() -> Self {
        Factorization {
            rank: 15,
            l2: 10.0,
            sweeps: 5,
            workers: 8,
            first: 8,
            code: "steiner".into(),
            exact: false,
            large: 500,
            iterations: 10,
            delay: "none".into(),
            faults: None,
            seed: 0,
        }
    }
}

/// What is known after a sweep.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Sweep {
    /// Virtual seconds since the start; the master's own solves cost their flops.
    pub seconds: f64,
    /// Rounds since the start.
    pub rounds: u64,
    /// Problems that workers solved since the start.
    pub encoded: usize,
    /// Numbers broadcast since the start, and sent back.
    pub floats_down: u64,
    /// The same.
    pub floats_up: u64,
    /// Workers that were late or silent in some round of this sweep.
    pub late: Vec<usize>,
    /// The sum of squares and penalties that is made small.
    pub objective: f64,
    /// Root mean square error on the ratings, and on those held out.
    pub train_rmse: f64,
    /// Not a number without any.
    pub test_rmse: f64,
}

/// What a factorization ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Factorized {
    /// The factors.
    pub factors: Factors,
    /// Sweep by sweep; the last may have been cut short.
    pub sweeps: Vec<Sweep>,
    /// True where it was stopped before its last sweep was done.
    pub interrupted: bool,
}

/// Users or items: (rank + 1) numbers each, the bias last; and the equations of each, by number of the other side.
struct Side {
    factors: Vec<f64>,
    equations: Vec<Vec<(usize, f64)>>,
}

impl Factorization {
    /// What a configuration says of code, fleet and seed; a code that decodes (mds, product) is `exact`.
    ///
    /// # Errors
    /// [`Error::Usage`] for what it can't be run with.
    pub fn of(config: &TrainConfig) -> Result<Self> {
        let default = Factorization::default();
        let code = config.code.clone().unwrap_or(default.code.clone());
        let name = code.split(':').next().unwrap_or_default().trim();
        let exact = matches!(name, "mds" | "product");
        if !exact && !is_frame(name) && !matches!(name, "uncoded" | "replication") {
            let allowed = "a frame (steiner, hadamard, paley, ...), uncoded, replication, mds or product";
            return Err(Error::usage("--code of a factorization", code, allowed));
        }
        // What a frame can't be run with, the codes that decode are not run with here, either.
        let checked = if exact { default.code.clone() } else { code.clone() };
        Ok(Factorization {
            workers: config.workers,
            first: TrainConfig { code: Some(checked), ..config.clone() }.check_encoded_rows()?,
            code,
            exact,
            delay: config.delay.clone(),
            faults: fault_plan(config, config.workers)?,
            seed: config.seed,
            ..default
        })
    }

    /// Factorizes `train`; `test` is only scored.
    ///
    /// # Errors
    /// [`Error::Usage`] for no ratings, no rank, l2 that is not above 0, and a code or k that can't be had; those of the rounds.
    ///
    /// ```
    /// use steadfast::run::{Factorization, Ratings};
    /// // A matrix of rank 1 but for a mean.
    /// let entries: Vec<_> = (0..30).flat_map(|u| (0..20).map(move |i| (u, i, 3.0 + (u % 3) as f64 * (i % 2) as f64))).collect();
    /// let ratings = Ratings { users: 30, items: 20, entries };
    /// let none = Ratings { entries: vec![], ..ratings.clone() };
    /// let plan = Factorization { rank: 2, l2: 0.01, large: 25, first: 6, ..Factorization::default() };
    /// let found = plan.run(&ratings, &none)?;
    /// assert!(found.sweeps[4].encoded > 0 && found.sweeps[4].train_rmse < 0.05);
    /// assert!((found.factors.predict(2, 1)? - 5.0).abs() < 0.2);
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn run(&self, train: &Ratings, test: &Ratings) -> Result<Factorized> {
        self.run_until(train, test, &AtomicBool::new(false))
    }

    /// The same, until `stop` is set: then the factors as far as they have come, after the user or item that is being solved for.
    ///
    /// # Errors
    /// As [`Factorization::run`].
    pub fn run_until(&self, train: &Ratings, test: &Ratings, stop: &AtomicBool) -> Result<Factorized> {
        if (train.users, train.items) != (test.users, test.items) {
            let of = |ratings: &Ratings| format!("{} users and {} items", ratings.users, ratings.items);
            return Err(Error::usage("ratings held out", of(test), format!("{}, as the others", of(train))));
        }
        if train.entries.is_empty() || self.rank == 0 || !(self.l2 > 0.0 && self.l2.is_finite()) {
            let got = format!("{} ratings, rank {}, l2 = {}", train.entries.len(), self.rank, self.l2);
            return Err(Error::usage("factorization", got, "ratings, a rank of 1 or more, and l2 above 0"));
        }
        Gather::First(self.first).check(self.workers)?;
        let mean = blocked_sum(train.entries.iter().map(|entry| entry.2)) / train.entries.len() as f64;
        let mut users = self.side(train.users, 0, train.entries.iter().map(|&(u, i, r)| (u, i, r - mean)));
        let mut items = self.side(train.items, 1, train.entries.iter().map(|&(u, i, r)| (i, u, r - mean)));
        let mut sweep = Sweep {
            seconds: 0.0,
            rounds: 0,
            encoded: 0,
            floats_down: 0,
            floats_up: 0,
            late: vec![],
            objective: f64::NAN,
            train_rmse: f64::NAN,
            test_rmse: f64::NAN,
        };
        let mut sweeps = Vec::new();
        let mut whole = true;
        while whole && sweeps.len() < self.sweeps {
            sweep.late.clear();
            whole = self.solve_side(&mut users, &items, &mut sweep, stop)?
                && self.solve_side(&mut items, &users, &mut sweep, stop)?;
            sweep.late.sort_unstable();
            sweep.late.dedup();
            sweep.train_rmse = self.rmse(train, mean, &users, &items);
            sweep.test_rmse = self.rmse(test, mean, &users, &items);
            let squares = |side: &Side| blocked_sum(side.factors.iter().map(|x| x * x));
            sweep.objective = 0.5
                * (train.entries.len() as f64 * sweep.train_rmse.powi(2)
                    + self.l2 * (squares(&users) + squares(&items)));
            sweeps.push(sweep.clone());
        }
        Ok(Factorized {
            factors: Factors::new(self.rank, mean, users.factors, items.factors),
            sweeps,
            interrupted: !whole,
        })
    }

    fn side(&self, count: usize, number: u64, ratings: impl Iterator<Item = (usize, usize, f64)>) -> Side {
        let mut equations = vec![Vec::new(); count];
        ratings.for_each(|(own, other, rating)| equations[own].push((other, rating)));
        let mut stream = Seed(self.seed).stream(Purpose::Method, number, 0);
        let width = self.rank + 1;
        let mut factors = vec![0.0; count * width];
        for row in factors.chunks_exact_mut(width) {
            row[..self.rank].iter_mut().for_each(|x| *x = 0.1 * stream.sample::<f64, _>(StandardNormal));
        }
        Side { factors, equations }
    }

    /// Solves for all of one side, with the other fixed; false where it was stopped before the last.
    fn solve_side(&self, side: &mut Side, other: &Side, sweep: &mut Sweep, stop: &AtomicBool) -> Result<bool> {
        let width = self.rank + 1;
        for (equations, own) in side.equations.iter().zip(side.factors.chunks_exact_mut(width)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let n = equations.len();
            if n == 0 {
                own.fill(0.0);
                continue;
            }
            let mut values = Vec::with_capacity(n * width);
            let mut labels = Vec::with_capacity(n);
            for &(at, rating) in equations {
                let factors = &other.factors[at * width..(at + 1) * width];
                values.extend_from_slice(&factors[..self.rank]);
                values.push(1.0);
                labels.push(rating - factors[self.rank]);
            }
            if n >= self.large.max(self.workers) {
                let start = own.to_vec();
                own.copy_from_slice(&self.on_workers(Dense::new(n, width, values)?, &labels, start, sweep)?);
                sweep.encoded += 1;
            } else {
                let cost = CostModel::default();
                sweep.seconds += 2.0 * (n * width * width) as f64 / cost.flops_per_second;
                own.copy_from_slice(&self.at_master(&DMatrix::from_row_slice(n, width, &values), labels)?);
            }
        }
        Ok(true)
    }

    fn at_master(&self, matrix: &DMatrix<f64>, labels: Vec<f64>) -> Result<Vec<f64>> {
        let width = matrix.ncols();
        let gram = matrix.transpose() * matrix + DMatrix::identity(width, width) * self.l2;
        let factor = gram.cholesky().ok_or_else(|| Error::Numerical("a ridge problem without curvature".into()))?;
        Ok(factor.solve(&(matrix.transpose() * DVector::from_vec(labels))).iter().copied().collect())
    }

    /// One ridge problem by L-BFGS on the workers, each with its own part of the delays.
    fn on_workers(&self, matrix: Dense<f64>, labels: &[f64], start: Vec<f64>, sweep: &mut Sweep) -> Result<Vec<f64>> {
        let (n, seed) = (matrix.rows(), Seed(mix(self.seed ^ mix(sweep.rounds))));
        let matrix = Matrix::Dense(matrix);
        let loss = Arc::new(LeastSquares);
        let objective = Objective { loss, l2: self.l2 / n as f64, regularizer: None, intercept: false };
        let clock = Clock { delay: Delay::parse(&self.delay)?, seed, ..Clock::default() };
        let options = SolveOptions { iterations: self.iterations, tolerance: 0.0, time_limit: None };
        // Whom it hits, no run knows.
        let (faults, _) = split(self.faults.as_ref(), self.workers)?;
        let mut run = |problem: &mut Problem<'_>, method: &str| -> Result<Vec<f64>> {
            let mut method = by_name(method)?;
            let (never, mut recorder) = (AtomicBool::new(false), Recorder::default());
            let outcome = solve(&mut *method, problem, start.clone(), &options, &mut [&mut recorder], &never)?;
            sweep.seconds += outcome.last.virtual_seconds;
            sweep.rounds += outcome.last.rounds;
            sweep.floats_down += outcome.last.floats_down;
            sweep.floats_up += outcome.last.floats_up;
            sweep.late.extend(recorder.iterations.iter().flat_map(|i| &i.late));
            Ok(outcome.weights)
        };
        if self.exact {
            // A product code promises three; more are peeled where they allow it.
            let most = if self.code.starts_with("product") { 3 } else { self.workers };
            let tolerance = Tolerance { liars: 0, stragglers: most.min(self.workers - self.first) };
            let code =
                code_by_name(&self.code, self.workers, tolerance, CodeOptions { seed, ..CodeOptions::default() })?;
            let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(None)?), faults, clock);
            let options = OracleOptions { gather: Gather::Decodable, keys: 0, seed };
            let mut oracle = CodedOracle::new(Cow::Borrowed(&matrix), code, fleet, &options)?;
            return run(&mut Problem::new(&mut oracle, &objective, labels)?, "lbfgs");
        }
        let encoding = frame_by_name(&self.code, n, self.workers, seed)?;
        let fleet = BlockFleet::new(faults, clock);
        let mut oracle = EncodedLeastSquares::new(&matrix, labels, encoding, fleet, self.first, seed)?;
        let mut products = MasterProducts::new(Cow::Borrowed(&matrix));
        run(&mut Problem::new(&mut products, &objective, labels)?.with_encoded(&mut oracle), "encoded-lbfgs")
    }

    fn rmse(&self, ratings: &Ratings, mean: f64, users: &Side, items: &Side) -> f64 {
        let width = self.rank + 1;
        let error = |&(user, item, value): &(usize, usize, f64)| {
            let (x, y) = (&users.factors[user * width..][..width], &items.factors[item * width..][..width]);
            (value - mean - rating(x, y)).powi(2)
        };
        (blocked_sum(ratings.entries.iter().map(error)) / ratings.entries.len() as f64).sqrt()
    }
}

/// A sum of partial sums of 256 terms.
fn blocked_sum(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.chunks(256).map(|block| block.iter().sum::<f64>()).sum()
}
