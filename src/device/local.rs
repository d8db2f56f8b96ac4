//! The door to workers that solve with the Hessians of their own rows: the methods of paper 003.
//!
//! An inner solve is a chain of operations on vectors that stay where they are, the same chain at every worker; scalars are kept beside
//! the vectors and come back once a chain. So LSMR and the conjugate methods are written once, for every device.

use super::{DeviceInfo, Svrg};
use crate::error::{Error, Result};

/// Vectors that each worker has.
pub const VECTORS: usize = 6;
/// Scalars that each worker has.
pub const SCALARS: usize = 8;

/// A vector of K d numbers (class after class) at every worker, below [`VECTORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vector(pub usize);

/// A number at every worker, below [`SCALARS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar(pub usize);

/// All scalars of one worker.
pub type Scalars = [f64; SCALARS];

/// A number made of scalars: `over / under`, or minus that, with 1 for what is not there, and 0 where `under` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Factor {
    /// True for minus.
    pub negative: bool,
    /// The numerator.
    pub over: Option<Scalar>,
    /// The denominator.
    pub under: Option<Scalar>,
}

impl Factor {
    /// 1.
    pub const ONE: Factor = Factor { negative: false, over: None, under: None };

    /// A scalar.
    pub const fn of(scalar: Scalar) -> Factor {
        Factor { negative: false, over: Some(scalar), under: None }
    }

    /// One over a scalar.
    pub const fn inverse(scalar: Scalar) -> Factor {
        Factor { negative: false, over: None, under: Some(scalar) }
    }

    /// The quotient of two.
    pub const fn ratio(over: Scalar, under: Scalar) -> Factor {
        Factor { negative: false, over: Some(over), under: Some(under) }
    }

    /// Minus this.
    pub const fn minus(self) -> Factor {
        Factor { negative: !self.negative, ..self }
    }

    /// Its value.
    pub(super) fn value(self, scalars: &Scalars) -> f64 {
        let number = |scalar: Option<Scalar>| scalar.map_or(1.0, |scalar| scalars[scalar.0]);
        let (over, under) = (number(self.over), number(self.under));
        let value = if under == 0.0 { 0.0 } else { over / under };
        if self.negative { -value } else { value }
    }
}

/// One operation at each of some workers i.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `to = H_i from`.
    Product {
        /// Read.
        from: Vector,
        /// Written; another one.
        to: Vector,
    },
    /// `to = keep to + times from`; without `keep` what was there does not matter.
    Combine {
        /// Written.
        to: Vector,
        /// What it is multiplied by before.
        keep: Option<Factor>,
        /// Read; another one.
        from: Vector,
        /// What that is multiplied by.
        times: Factor,
    },
    /// `to = <a, b>`.
    Dot {
        /// One.
        a: Vector,
        /// The other, or the same.
        b: Vector,
        /// Written.
        to: Scalar,
    },
    /// `to = |a|`.
    Norm {
        /// The vector.
        a: Vector,
        /// Written.
        to: Scalar,
    },
}

impl Op {
    /// Refuses what no worker has, and vectors that are read and written at once.
    fn check(&self) -> Result<()> {
        let mut scalars = Vec::new();
        let (vectors, apart) = match *self {
            Op::Product { from, to } => ([from, to], true),
            Op::Combine { to, keep, from, times } => {
                scalars.extend([keep.unwrap_or_default(), times].iter().flat_map(|f| [f.over, f.under]).flatten());
                ([from, to], true)
            }
            Op::Dot { a, b, to } => {
                scalars.push(to);
                ([a, b], false)
            }
            Op::Norm { a, to } => {
                scalars.push(to);
                ([a, a], false)
            }
        };
        let there = vectors.iter().all(|v| v.0 < VECTORS) && scalars.iter().all(|s| s.0 < SCALARS);
        if !there || (apart && vectors[0] == vectors[1]) {
            let allowed = format!("{VECTORS} vectors, those read and written apart, and {SCALARS} scalars");
            return Err(Error::usage("local operation", format!("{self:?}"), allowed));
        }
        Ok(())
    }
}

/// What the Hessians of all workers i have in common: `H_i = scale X_i' D_i X_i + l2 J`, with the loss's second derivatives D_i at the
/// rows of i, and J the identity but for columns that are not penalized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalForm {
    /// K.
    pub classes: usize,
    /// `m / n`: the mean of the workers' functions is then the mean over all rows.
    pub scale: f64,
    /// Weight of `|w|^2 / 2`.
    pub l2: f64,
    /// The first columns so many, of d, are penalized.
    pub penalized: usize,
}

/// The loss's second derivatives at the rows of each worker.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalCurvature {
    /// K x K numbers a row, row-major.
    Full(Vec<Vec<f64>>),
    /// K probabilities p a row, which stand for `diag(p) - p p'`.
    Softmax(Vec<Vec<f64>>),
}

impl LocalCurvature {
    /// The numbers of each worker.
    pub fn numbers(&self) -> &[Vec<f64>] {
        let (LocalCurvature::Full(numbers) | LocalCurvature::Softmax(numbers)) = self;
        numbers
    }

    /// Numbers of a row.
    pub fn width(&self, classes: usize) -> usize {
        match self {
            LocalCurvature::Full(_) => classes * classes,
            LocalCurvature::Softmax(_) => classes,
        }
    }

    /// Refuses what does not fit workers with so many rows.
    pub(super) fn check(&self, classes: usize, rows: &[usize]) -> Result<()> {
        let (numbers, width) = (self.numbers(), self.width(classes));
        if numbers.len() == rows.len() && numbers.iter().zip(rows).all(|(own, rows)| own.len() == rows * width) {
            return Ok(());
        }
        let got: Vec<usize> = numbers.iter().map(Vec::len).collect();
        Err(Error::usage("local curvature", format!("{got:?} numbers"), format!("{width} for each of {rows:?} rows")))
    }
}

/// Workers' rows on a device, and what is made of them: products with the Hessians `H_i` and vector arithmetic, all workers at once.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::{CpuLocal, LocalCurvature, LocalDevice, LocalForm, Op, Scalar, Vector};
/// // Two workers, a row each, d = 1: H = scale d x^2 + l2.
/// let rows = |x: f64| Ok::<_, steadfast::Error>(Arc::new(Matrix::Dense(Dense::new(1, 1, vec![x])?)));
/// let form = LocalForm { classes: 1, scale: 1.0, l2: 0.5, penalized: 1 };
/// let mut device = CpuLocal::new(vec![rows(2.0)?, rows(3.0)?], form)?;
/// device.curve(&LocalCurvature::Full(vec![vec![1.0], vec![-1.0]]))?;
/// device.write(Vector(0), &[2.0])?;
/// let mut scalars = [[0.0; 8]; 2];
/// let chain = [Op::Product { from: Vector(0), to: Vector(1) }, Op::Dot { a: Vector(0), b: Vector(1), to: Scalar(0) }];
/// device.run(&chain, &[0, 1], &mut scalars)?;
/// assert_eq!(device.read(Vector(1))?, [vec![9.0], vec![-17.0]]);
/// assert_eq!([scalars[0][0], scalars[1][0]], [18.0, -34.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub trait LocalDevice: Send + std::fmt::Debug {
    /// What it is.
    fn info(&self) -> DeviceInfo;

    /// m.
    fn workers(&self) -> usize;

    /// K d, the numbers of a vector.
    fn width(&self) -> usize;

    /// The unit round-off of its arithmetic.
    fn roundoff(&self) -> f64;

    /// Makes these the second derivatives at the workers' rows.
    ///
    /// # Errors
    /// [`Error::Usage`] for numbers that don't fit the rows; [`Error::Device`] when the device failed.
    fn curve(&mut self, curvature: &LocalCurvature) -> Result<()>;

    /// Writes the same K d numbers to a vector of every worker.
    ///
    /// # Errors
    /// [`Error::Usage`] for another number of them; [`Error::Device`] when the device failed.
    fn write(&mut self, vector: Vector, numbers: &[f64]) -> Result<()>;

    /// A vector of every worker.
    ///
    /// # Errors
    /// [`Error::Usage`] for one that is not there; [`Error::Device`] when the device failed.
    fn read(&mut self, vector: Vector) -> Result<Vec<Vec<f64>>>;

    /// Does all operations one after the other at each of `workers` (ascending), whose `scalars` (of all m) go there before and come
    /// back after: on a GPU one submission and one read-back.
    ///
    /// # Errors
    /// [`Error::Usage`] for an operation that can't be, or products without curvature; [`Error::Device`] when the device failed.
    fn run(&mut self, chain: &[Op], workers: &[usize], scalars: &mut [Scalars]) -> Result<()>;

    /// Makes steps of SVRG at all workers and returns where each ends (K d). Their first vectors are overwritten.
    ///
    /// # Errors
    /// [`Error::Usage`] for samples that don't fit the rows, and a loss whose derivative the device does not have; [`Error::Device`]
    /// when the device failed.
    fn svrg(&mut self, round: &Svrg<'_>) -> Result<Vec<Vec<f64>>>;
}

/// Refuses a call of [`LocalDevice::run`] that can't be.
pub(super) fn check_chain(
    chain: &[Op],
    workers: &[usize],
    scalars: &[Scalars],
    all: usize,
    curved: bool,
) -> Result<()> {
    chain.iter().try_for_each(Op::check)?;
    if scalars.len() != all || !workers.is_sorted_by(|a, b| a < b) || workers.last().is_some_and(|&last| last >= all) {
        let got = format!("workers {workers:?} with scalars of {}", scalars.len());
        return Err(Error::usage("local operations", got, format!("ascending workers below {all}, scalars of all")));
    }
    if !curved && chain.iter().any(|op| matches!(op, Op::Product { .. })) {
        return Err(Error::usage("local operations", "a product without curvature", "LocalDevice::curve before"));
    }
    Ok(())
}

/// Refuses a vector that is not there, and another number of numbers.
pub(super) fn check_vector(vector: Vector, numbers: usize, width: usize) -> Result<()> {
    if vector.0 >= VECTORS || numbers != width {
        let got = format!("{vector:?} of {numbers} numbers");
        return Err(Error::usage("local vector", got, format!("one of {VECTORS}, of {width} numbers")));
    }
    Ok(())
}

/// Refuses rows that no Hessians can be made of.
pub(super) fn check_parts(shapes: &[(usize, usize)], form: &LocalForm) -> Result<()> {
    let cols = shapes.first().map_or(0, |shape| shape.1);
    let same = shapes.iter().all(|&(rows, own)| rows > 0 && own == cols);
    if form.classes == 0 || cols == 0 || !same || form.penalized > cols {
        let got = format!("{form:?} of {shapes:?}");
        return Err(Error::usage(
            "local work",
            got,
            "at least a class, and rows of one number of columns at every worker",
        ));
    }
    Ok(())
}
