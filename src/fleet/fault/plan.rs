//! The plan: how many workers are faulty, in which way, and whether they change.

use super::attack::Attack;
use super::faults::Faults;
use super::witness::Witness;
use crate::error::{Error, Result};
use crate::seed::Seed;

/// Who will be slow, dead or lying; the workers themselves are drawn from the seed. The three kinds never fall on the same
/// worker unless there are too few workers for that (then a liar is also slow before it is also dead, and a dead liar
/// sends no lie).
///
/// ```
/// use steadfast::fleet::{Attack, FaultPlan};
/// use steadfast::seed::Seed;
/// let (faults, witness) = FaultPlan::new(15, Seed(1))
///     .liars(4, Attack::parse("sign-flip:scale=4")?)
///     .changing(true)
///     .slow(1)
///     .split()?;
/// assert!(witness.take().liars.is_empty()); // no round yet
/// # drop(faults);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FaultPlan {
    pub(super) workers: usize,
    pub(super) seed: Seed,
    pub(super) liars: usize,
    pub(super) attack: Attack,
    pub(super) changing: bool,
    pub(super) slow: usize,
    pub(super) slow_factor: f64,
    pub(super) slow_floor: f64,
    pub(super) dead: usize,
    pub(super) parity_check: Vec<f64>,
}

impl FaultPlan {
    /// A plan without faults for `workers` workers.
    pub fn new(workers: usize, seed: Seed) -> Self {
        FaultPlan {
            workers,
            seed,
            liars: 0,
            attack: Attack::Zero,
            changing: false,
            slow: 0,
            slow_factor: 10.0,
            slow_floor: 0.1,
            dead: 0,
            parity_check: Vec::new(),
        }
    }

    /// `count` workers lie, all with the same attack.
    pub fn liars(mut self, count: usize, attack: Attack) -> Self {
        self.liars = count;
        self.attack = attack;
        self
    }

    /// True: the liars and the slow are drawn anew each round. False (the default): they stay the same. The dead always
    /// stay dead.
    pub fn changing(mut self, changing: bool) -> Self {
        self.changing = changing;
        self
    }

    /// `count` workers are slow.
    pub fn slow(mut self, count: usize) -> Self {
        self.slow = count;
        self
    }

    /// What slow means: `factor` (at least 1; default 10) times the time, plus `floor` seconds (above 0; default 0.1).
    pub fn slow_by(mut self, factor: f64, floor: f64) -> Self {
        self.slow_factor = factor;
        self.slow_floor = floor;
        self
    }

    /// `count` workers are dead from the start.
    pub fn dead(mut self, count: usize) -> Self {
        self.dead = count;
        self
    }

    /// The parity check of the code in use (rows of one number a worker, row-major), which the liars know: `near-code`
    /// needs it.
    pub fn parity_check(mut self, rows: &[f64]) -> Self {
        self.parity_check = rows.to_vec();
        self
    }

    /// m.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The half that the carrier owns, and the half that an observer asks.
    ///
    /// # Errors
    /// [`Error::Usage`] for more faulty workers of a kind than there are workers, a slow-down that is none, a parity check
    /// of the wrong length, or `near-code` without one.
    pub fn split(self) -> Result<(Faults, Witness)> {
        for (what, count) in [("liars", self.liars), ("slow workers", self.slow), ("dead workers", self.dead)] {
            if count > self.workers {
                return Err(Error::usage(format!("injected {what}"), count, format!("0 to {} workers", self.workers)));
            }
        }
        let fine = |x: f64, least: f64| x.is_finite() && x >= least;
        if !fine(self.slow_factor, 1.0) || !fine(self.slow_floor, f64::MIN_POSITIVE) {
            return Err(Error::usage(
                "slow-down",
                format!("factor {} and floor {} s", self.slow_factor, self.slow_floor),
                "a factor from 1 and seconds above 0",
            ));
        }
        if !self.parity_check.len().is_multiple_of(self.workers.max(1))
            || self.parity_check.iter().any(|x| !x.is_finite())
        {
            return Err(Error::usage(
                "parity check of the attack",
                format!("{} numbers", self.parity_check.len()),
                format!("rows of {} finite numbers", self.workers),
            ));
        }
        if self.liars > 0 && matches!(self.attack, Attack::NearCode { .. }) && self.parity_check.is_empty() {
            return Err(Error::usage(
                "attack near-code",
                "a code without parity check",
                "a code that has one: real-parity",
            ));
        }
        let witness = Witness::new(self.workers);
        Ok((Faults::new(self, witness.clone()), witness))
    }
}
