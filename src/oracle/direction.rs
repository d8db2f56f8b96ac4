//! Local Newton directions: every worker solves with the Hessian of its own rows, and the master averages.
//!
//! Such a direction needs no code to be right: gradient, line search and certificate stand on coded products, and what a
//! missing or a wrong direction can do is spoil a step.

use std::borrow::Cow;
use std::ops::Range;

use super::hessian::stored_curvature;
use super::local_newton::{LocalCurvature, Solver};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, BlockWork, Counters, Enough};
use crate::objective::CurvatureForm;
use crate::scalar::Element;

/// Which workers a direction is averaged over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectionPlan {
    /// Every worker has a part of the rows to itself; all are waited for.
    Wait,
    /// Every worker has a part to itself; the first m - s count, and the others' rows have no say.
    Ignore {
        /// s.
        stragglers: usize,
    },
    /// Gradient coding by fractional repetition (Tandon, Lei, Dimakis and Karampatziakis, 2017, section 3.1): groups of
    /// r >= s + 1 workers, r the least such divisor of m, hold the same r parts. The first of a group speaks for it, so any
    /// m - s bring all rows. Worker w is of group `w % (m / r)`, as in [`crate::coding::Replication`].
    Coding {
        /// s.
        stragglers: usize,
    },
}

impl DirectionPlan {
    /// Parts that the rows are cut into for m workers, and when a round has enough.
    fn layout(self, workers: usize) -> Result<(usize, Enough)> {
        let refuse = |stragglers: usize, plan: &str| {
            Err(Error::usage(
                format!("stragglers of local directions ({plan})"),
                stragglers,
                format!("1 to {}, fewer than the {workers} workers", workers.saturating_sub(1)),
            ))
        };
        match self {
            DirectionPlan::Wait => Ok((workers, Enough::All)),
            DirectionPlan::Ignore { stragglers } if stragglers == 0 || stragglers >= workers => {
                refuse(stragglers, "ignore")
            }
            DirectionPlan::Ignore { stragglers } => {
                Ok((workers, Enough::FirstOfGroup { groups: 1, needed: workers - stragglers }))
            }
            DirectionPlan::Coding { stragglers } if stragglers == 0 || stragglers >= workers => {
                refuse(stragglers, "coding")
            }
            DirectionPlan::Coding { stragglers } => {
                let copies = (stragglers + 1..=workers).find(|&r| workers.is_multiple_of(r)).unwrap_or(workers);
                let groups = workers / copies;
                Ok((groups, Enough::FirstOfGroup { groups, needed: 1 }))
            }
        }
    }
}

/// The smooth part's second derivatives at a point, as workers are told them.
#[derive(Debug, Clone, Copy)]
pub struct PointCurvature<'a> {
    /// How `numbers` give them.
    pub form: CurvatureForm,
    /// n second derivatives or n K probabilities: see [`crate::objective::Objective::curvature`].
    pub numbers: &'a [f64],
    /// Weight of `|w|^2 / 2`, above 0.
    pub l2: f64,
    /// Columns of the d that l2 penalizes, the first ones.
    pub penalized: usize,
}

/// Who made a direction.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectionRound {
    /// Virtual seconds of the round.
    pub seconds: f64,
    /// Parts that were averaged over.
    pub parts: usize,
    /// Workers whose direction counts, ascending.
    pub heard: Vec<usize>,
}

/// Where a method gets averaged local directions from.
pub trait DirectionOracle: Send {
    /// Writes `-mean_i H_i^-1 g` (K d) over the parts i in time, H_i being the Hessian of the mean loss over part i's rows and of
    /// l2, and `gradient` (K d) that of all rows: one round.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when a part that is needed will never come; [`Error::Numerical`] for a part whose Hessian is not
    /// positive definite; [`Error::Usage`] for lengths that don't fit or an l2 that is not above 0.
    fn direction(
        &mut self,
        curvature: &PointCurvature<'_>,
        gradient: &[f64],
        out: &mut [f64],
    ) -> Result<DirectionRound>;

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;
}

/// [`DirectionOracle`] over simulated workers that share one copy of the data, the rows cut into contiguous parts.
///
/// A worker is sent the gradient and the curvature of its rows; it forms its K d x K d Hessian and factors it, or from
/// [`MOST_FACTORED`] on runs conjugate gradients. Parts that nobody waits for are not solved here, though they are counted.
///
/// ```
/// use std::borrow::Cow;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{BlockFleet, Clock, Faults};
/// use steadfast::objective::CurvatureForm;
/// use steadfast::oracle::{DirectionOracle, DirectionPlan, LocalDirections, PointCurvature};
/// let x = Matrix::Dense(Dense::new(2, 1, vec![1.0, 3.0])?);
/// let fleet = BlockFleet::new(Faults::none(2), Clock::default());
/// let mut oracle = LocalDirections::new(Cow::Borrowed(&x), fleet, DirectionPlan::Wait)?;
/// let curvature = PointCurvature { form: CurvatureForm::Scalar, numbers: &[1.0, 1.0], l2: 1.0, penalized: 1 };
/// let mut direction = [0.0];
/// oracle.direction(&curvature, &[1.0], &mut direction)?;
/// // Hessians 1 + 1 and 9 + 1 of the two workers' rows.
/// assert!((direction[0] + (1.0 / 2.0 + 1.0 / 10.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// [`MOST_FACTORED`]: super::MOST_FACTORED
#[derive(Debug)]
pub struct LocalDirections<'a, T: Element> {
    fleet: BlockFleet,
    parts: usize,
    enough: Enough,
    stored: Vec<T::Acc>,
    solver: Solver<'a, T>,
}

impl<'a, T: Element> LocalDirections<'a, T> {
    /// Workers that all read `data` (n x d).
    ///
    /// # Errors
    /// [`Error::Usage`] when the plan does not fit the workers, or there are more parts than rows.
    pub fn new(data: Cow<'a, Matrix<T>>, fleet: BlockFleet, plan: DirectionPlan) -> Result<Self> {
        let (parts, enough) = plan.layout(fleet.workers())?;
        if parts > data.rows() {
            return Err(Error::usage(
                "parts of the rows",
                format!("{parts} parts"),
                format!("at most the {} rows of the data", data.rows()),
            ));
        }
        Ok(LocalDirections { fleet, parts, enough, stored: Vec::new(), solver: Solver::new(data) })
    }

    fn rows_of(&self, part: usize) -> Range<usize> {
        let n = self.solver.data().rows();
        n * part / self.parts..n * (part + 1) / self.parts
    }

    /// What one worker does and is sent: curvature of its rows and the gradient, down; a direction, up.
    fn work(&self, classes: usize) -> BlockWork {
        let data = self.solver.data();
        let rows = data.rows().div_ceil(self.parts);
        let per_row = data.stored().div_ceil(data.rows().max(1));
        let width = classes * data.cols();
        let multiply_adds = Solver::<T>::multiply_adds(rows, per_row, classes, width);
        BlockWork { multiply_adds, down: rows * classes + width, up: width }
    }
}

impl<T: Element> DirectionOracle for LocalDirections<'_, T> {
    fn direction(
        &mut self,
        curvature: &PointCurvature<'_>,
        gradient: &[f64],
        out: &mut [f64],
    ) -> Result<DirectionRound> {
        if curvature.l2.is_nan() || curvature.l2 <= 0.0 {
            return Err(Error::usage("l2 of local Hessians", curvature.l2, "above 0: each must be invertible"));
        }
        let (n, cols) = (self.solver.data().rows(), self.solver.data().cols());
        let classes = stored_curvature::<T>(n, curvature.form, curvature.numbers, &mut self.stored)?;
        let width = classes * cols;
        if out.len() != width || gradient.len() != width {
            return Err(Error::usage("direction", format!("{} numbers", out.len()), format!("{width} = K d numbers")));
        }
        let work = self.work(classes);
        let arrived = self.fleet.run(self.enough, T::PRECISION, &|_| work)?;
        let heard: Vec<usize> = (0..arrived.present.len()).filter(|&worker| arrived.present[worker]).collect();
        let mut parts: Vec<usize> = heard.iter().map(|worker| worker % self.parts).collect();
        parts.sort_unstable();
        let ranges: Vec<Range<usize>> = parts.iter().map(|&part| self.rows_of(part)).collect();
        let curved = LocalCurvature { point: *curvature, stored: &self.stored };
        self.solver.mean_solution(&curved, &ranges, gradient, out)?;
        out.iter_mut().for_each(|p| *p = -*p);
        Ok(DirectionRound { seconds: arrived.seconds, parts: parts.len(), heard })
    }

    fn counters(&self) -> Counters {
        self.fleet.counters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_as_large_as_the_stragglers_ask() {
        let layout = |plan: DirectionPlan, workers| plan.layout(workers).expect("a plan that fits").0;
        assert_eq!(layout(DirectionPlan::Wait, 7), 7);
        assert_eq!(layout(DirectionPlan::Ignore { stragglers: 2 }, 7), 7);
        assert_eq!(layout(DirectionPlan::Coding { stragglers: 1 }, 60), 30);
        // Four do not divide ten: the least divisor above is five.
        assert_eq!(layout(DirectionPlan::Coding { stragglers: 3 }, 10), 2);
        for plan in [DirectionPlan::Coding { stragglers: 5 }, DirectionPlan::Ignore { stragglers: 0 }] {
            assert!(matches!(plan.layout(5), Err(Error::Usage { .. })), "{plan:?}");
        }
    }
}
