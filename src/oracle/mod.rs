//! The only place where replies meet codes. A method asks an oracle and never sees a worker.
//!
//! [`ProductOracle`] is what a method needs: `X w` and `X' u`, each one round, with what happened in it. [`CodedOracle`] is
//! the one over a fleet: any [`DataCode`](crate::coding::DataCode), any [`Fleet`](crate::fleet::Fleet).
//!
//! ```
//! use std::{borrow::Cow, sync::Arc};
//! use steadfast::coding::{RealParity, Tolerance};
//! use steadfast::data::{Dense, Matrix};
//! use steadfast::device::CpuDevice;
//! use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
//! use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle};
//! use steadfast::seed::Seed;
//!
//! let x = Matrix::Dense(Dense::new(40, 3, (0..120).map(|i| f64::from(i % 7)).collect())?);
//! let code = Arc::new(RealParity::new(9, Tolerance { liars: 2, stragglers: 0 })?);
//! let (faults, _) = FaultPlan::new(9, Seed(1)).liars(2, Attack::SignFlip { scale: 1.0 }).split()?;
//! let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(Some(1))?), faults, Clock::default());
//! let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
//! let mut oracle = CodedOracle::new(Cow::Borrowed(&x), code, fleet, &options)?;
//!
//! let mut margins = vec![0.0; 40];
//! oracle.margins(&[1.0, -1.0, 0.5], &mut margins)?;
//! let round = oracle.drain();
//! assert_eq!(round.liars.len(), 2);
//! // Row 0 is (0, 1, 2).
//! assert!(margins[0].abs() <= round.bound && round.bound < 1e-9);
//! # Ok::<(), steadfast::Error>(())
//! ```

use crate::coding::Report;
use crate::error::Result;

// Part of what an oracle returns; its callers need not know the modules these come from.
mod block;
mod coded;
mod direction;
mod encoded;
mod hessian;
mod lagrange;
mod local;
mod local_gradient;
mod local_newton;
mod master_products;
mod payload;

pub use crate::coding::Certainty;
pub use crate::fleet::{Arrivals, Counters};
pub use block::BlockOracle;
pub use coded::{CodedOracle, OracleOptions, StreamingOracle};
pub use direction::{DirectionOracle, DirectionPlan, DirectionRound, LocalDirections, PointCurvature};
pub use encoded::{EncodedLeastSquares, EncodedOracle, EncodedRound, LiftedBlocks, Overlap};
pub use hessian::{BlockHessian, HessianOracle, HessianPlan, HessianRound};
pub use lagrange::LagrangeGradients;
pub use local::{Conjugate, Inner, KeptRound, LocalOracle, LocalTask, LocalWorkers, STEPS, Safeguard, candidate};
pub use local_gradient::{GradientOracle, LocalGradients};
pub use local_newton::MOST_FACTORED;
pub use master_products::MasterProducts;

/// What happened in one round, as far as the master can know.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundReport {
    /// The decoder's certificate.
    pub report: Report,
    /// Workers whose reply was not used because it came too late or never.
    pub late: Vec<usize>,
    /// The carrier's seconds: virtual in a simulated fleet.
    pub seconds: f64,
}

/// Sums over the rounds since the last call of [`ProductOracle::drain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rounds {
    /// Late or silent workers, ascending.
    pub late: Vec<usize>,
    /// Named liars, ascending.
    pub liars: Vec<usize>,
    /// Largest residual.
    pub residual: f64,
    /// Largest bound.
    pub bound: f64,
    /// The worst certainty.
    pub certainty: Certainty,
    /// The carrier's seconds, added up.
    pub seconds: f64,
}

impl Rounds {
    /// Of no rounds yet.
    pub fn none() -> Self {
        Rounds { late: vec![], liars: vec![], residual: 0.0, bound: 0.0, certainty: Certainty::Certified, seconds: 0.0 }
    }

    /// Adds what happened in others.
    pub fn merge(&mut self, more: &Rounds) {
        for (all, more) in [(&mut self.late, &more.late), (&mut self.liars, &more.liars)] {
            for &worker in more {
                if let Err(place) = all.binary_search(&worker) {
                    all.insert(place, worker);
                }
            }
        }
        self.residual = self.residual.max(more.residual);
        self.bound = self.bound.max(more.bound);
        self.certainty = self.certainty.worst(more.certainty);
        self.seconds += more.seconds;
    }
}

/// Certified products with the data matrix X (n x d), K vectors at a time: all that a first-order method needs of a fleet.
pub trait ProductOracle {
    /// n.
    fn rows(&self) -> usize;

    /// d.
    fn cols(&self) -> usize;

    /// `X W'` for W (r x d, row-major) into `out` (n x r, row-major): one round.
    ///
    /// # Errors
    /// [`crate::error::Error::TooManyFaults`] when the round can't be certified; failures of the fleet.
    fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()>;

    /// `U' X` for U (n x r, row-major) into `out` (r x d, row-major): one round.
    ///
    /// # Errors
    /// As [`ProductOracle::margins`].
    fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()>;

    /// The same oracle as one of products with blocks of columns, where it is one.
    fn blocks(&mut self) -> Option<&mut dyn BlockOracle> {
        None
    }

    /// What happened in the rounds since the last call.
    fn drain(&mut self) -> Rounds;

    /// Whose replies counted, round by round; nothing where no replies are gathered.
    fn arrivals(&self) -> Option<&Arrivals> {
        None
    }

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;

    /// Relative error of one entry of a product that honest round-off alone explains (unit round-off of the workers'
    /// arithmetic, storage rounding not included).
    fn unit_roundoff(&self) -> f64;

    /// The same oracle as one of single rows, for those that can give them.
    fn sampler(&mut self) -> Option<&mut dyn SampleOracle> {
        None
    }
}

/// Single rows of X: all that a stochastic gradient needs, of any loss (paper 002, section 6.1).
pub trait SampleOracle {
    /// The rows numbered `rows` of X as it is stored, into `out` (rows x d, row-major): one round, in which the workers
    /// compute nothing.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] for a row that does not exist, no rows, or a length that does not fit;
    /// [`crate::error::Error::TooManyFaults`] when the round can't be certified; failures of the fleet.
    fn samples(&mut self, rows: &[usize], out: &mut [f64]) -> Result<()>;

    /// A number that no row's Euclidean norm passes.
    fn longest_row(&self) -> f64;
}
