//! Certified products with one square matrix, and the account of the rounds they took.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::vector::norm;
use super::{Report, Status};
use crate::error::{Error, Result};
use crate::oracle::{ProductOracle, Rounds};
use crate::trace::{IterationRecord, Observer};

/// Iterations without a smaller residual after which noise is suspected.
const PATIENCE: usize = 20;

/// Products with a square matrix A from an oracle, one round each.
pub struct Products<'a> {
    oracle: &'a mut dyn ProductOracle,
    observers: Vec<&'a mut dyn Observer>,
    cancel: Option<&'a AtomicBool>,
    began: Instant,
    rounds_before: u64,
    iteration: usize,
    since_record: Rounds,
    since_start: Rounds,
    /// Largest `|A v| / |v|` seen: a lower bound of |A|.
    operator: f64,
    best: f64,
    waited: usize,
}

impl std::fmt::Debug for Products<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Products({0} x {0}, iteration {1})", self.size(), self.iteration)
    }
}

/// What is known of a product beside its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    /// The certificate: the error's norm is at most this; infinite without one.
    pub bound: f64,
    /// What certificate, or without one the workers' round-off, can do to it.
    pub noise: f64,
}

impl<'a> Products<'a> {
    /// Products with the oracle's matrix.
    ///
    /// # Errors
    /// [`Error::Input`] for a matrix that is not square, or is empty.
    pub fn new(oracle: &'a mut dyn ProductOracle) -> Result<Self> {
        let (rows, cols) = (oracle.rows(), oracle.cols());
        if rows != cols || rows == 0 {
            return Err(Error::input("matrix", format!("{rows} x {cols}"), "as many rows as columns, at least one"));
        }
        // Rounds of an earlier use are not part of this one's account.
        oracle.drain();
        Ok(Products {
            rounds_before: oracle.counters().rounds,
            oracle,
            observers: Vec::new(),
            cancel: None,
            began: Instant::now(),
            iteration: 0,
            since_record: Rounds::none(),
            since_start: Rounds::none(),
            operator: 0.0,
            best: f64::INFINITY,
            waited: 0,
        })
    }

    /// Adds an observer: it sees a record an iteration, with the residual as [`IterationRecord::gradient_norm`].
    #[must_use]
    pub fn observe(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }

    /// A flag that ends the run with [`Error::Interrupted`] when it becomes true.
    #[must_use]
    pub fn cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// n, the rows and columns of A.
    pub fn size(&self) -> usize {
        self.oracle.rows()
    }

    /// `A V'` for `vectors` (r x n, row-major) into `out` (n x r, row-major): one round. The vectors are first rounded,
    /// in place, to what the workers compute in: what comes back is then a product with the very vectors that the
    /// caller holds.
    ///
    /// # Errors
    /// [`Error::Interrupted`], those of the round, [`Error::Numerical`] for a value that is not finite.
    pub(super) fn multiply(&mut self, vectors: &mut [f64], out: &mut [f64]) -> Result<Product> {
        if self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(Error::Interrupted);
        }
        if self.oracle.unit_roundoff() > f64::EPSILON {
            vectors.iter_mut().for_each(|x| *x = f64::from(*x as f32));
        }
        self.oracle.margins(vectors, out)?;
        let round = self.oracle.drain();
        let bound = round.bound;
        self.since_record.merge(&round);
        self.since_start.merge(&round);
        let (length, value) = (norm(vectors), norm(out));
        if !value.is_finite() {
            return Err(Error::Numerical(format!(
                "a product left the finite numbers (norm {value}); scale the matrix"
            )));
        }
        if length > 0.0 {
            self.operator = self.operator.max(value / length);
        }
        // Without a certificate: what a dot product of n terms can lose, with |A|_F <= sqrt(n) |A|.
        let n = self.size() as f64;
        let blind = n * n.sqrt() * self.oracle.unit_roundoff() * self.operator * length;
        Ok(Product { bound, noise: if bound.is_finite() { bound } else { blind } })
    }

    /// Error of rounding a vector of norm `length` to the workers' arithmetic, carried through A; and the master's own
    /// few roundings of numbers of that size.
    pub(super) fn rounding(&self, length: f64) -> f64 {
        4.0 * self.oracle.unit_roundoff() * self.operator * length
    }

    /// Tells observers of a finished iteration: `value` is the number that the algorithm is after, where it is one
    /// number.
    ///
    /// # Errors
    /// Those of the observers.
    pub(super) fn record(&mut self, value: f64, residual: f64, step: f64) -> Result<()> {
        let rounds = std::mem::replace(&mut self.since_record, Rounds::none());
        let counters = self.oracle.counters();
        let mut record = IterationRecord {
            iteration: self.iteration,
            objective: value,
            gradient_norm: residual,
            step,
            rounds: counters.rounds - self.rounds_before,
            // A round is a broadcast and a gather.
            communications: 2 * (counters.rounds - self.rounds_before),
            floats_down: counters.floats_down,
            floats_up: counters.floats_up,
            virtual_seconds: self.since_start.seconds,
            wall_seconds: self.began.elapsed().as_secs_f64(),
            late: rounds.late,
            liars: rounds.liars,
            residual: rounds.residual,
            bound: rounds.bound,
            certified: rounds.certainty.is_certified(),
            keyed: rounds.certainty.is_keyed(),
            ..IterationRecord::default()
        };
        self.iteration += 1;
        for observer in &mut self.observers {
            observer.iteration(&mut record)?;
        }
        Ok(())
    }

    /// True when `residual` has not become smaller for a while although it is at most `floor`, which errors of the
    /// products alone can make it.
    pub(super) fn stalled(&mut self, residual: f64, floor: f64) -> bool {
        if residual < self.best {
            (self.best, self.waited) = (residual, 0);
        } else {
            self.waited += 1;
        }
        self.waited >= PATIENCE && residual <= floor
    }

    /// The report of an algorithm that ended with this residual, from a product with error `bound` and numbers of size
    /// `magnitude` at the master.
    pub(super) fn report(&self, status: Status, residual: f64, bound: f64, magnitude: f64) -> Report {
        let all = &self.since_start;
        Report {
            status,
            rounds: self.oracle.counters().rounds - self.rounds_before,
            residual,
            residual_bound: residual + bound + 8.0 * f64::EPSILON * magnitude,
            bound: all.bound,
            certainty: all.certainty,
            liars: all.liars.clone(),
            late: all.late.clone(),
            seconds: all.seconds,
        }
    }
}
