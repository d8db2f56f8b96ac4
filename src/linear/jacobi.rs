//! Jacobi's iteration, and the diagonal dominance that makes it converge.

use super::structure::{check_right, square};
use super::vector::{norm, sum};
use super::{Answer, Options, Products, Status};
use crate::data::Matrix;
use crate::error::{Error, Result};

/// The diagonal of a matrix that is weakly chained diagonally dominant: no row's off-diagonal absolute values add up to
/// more than its diagonal's, and from each row a chain of non-zeros leads to a row where they add up to less. Such a
/// matrix is not singular (Shivakumar and Chew, *A sufficient condition for nonvanishing of determinants*, 1974) and
/// Jacobi's iteration converges.
#[derive(Debug, Clone, PartialEq)]
pub struct Dominant {
    diagonal: Vec<f64>,
    /// Largest ratio of a row's off-diagonal sum to its diagonal.
    ratio: f64,
}

impl Dominant {
    /// Checks a matrix.
    ///
    /// # Errors
    /// [`Error::Input`] with the row (from 1): for a zero on the diagonal, a row that is not dominant, or one without a
    /// chain to a strictly dominant row (the matrix may be singular); for a matrix that is not square.
    ///
    /// ```
    /// use steadfast::data::{Dense, Matrix};
    /// use steadfast::linear::Dominant;
    /// let matrix = |values: [f64; 4]| Matrix::Dense(Dense::new(2, 2, values.to_vec()).expect("2 x 2"));
    /// assert_eq!(Dominant::check(&matrix([4.0, 1.0, 2.0, 4.0]))?.ratio(), 0.5);
    /// let singular = Dominant::check(&matrix([1.0, -1.0, -1.0, 1.0])).unwrap_err();
    /// assert!(singular.to_string().contains("row 1"));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn check(matrix: &Matrix<f64>) -> Result<Self> {
        square(matrix)?;
        let n = matrix.rows();
        let (mut diagonal, mut ratio) = (vec![0.0; n], 0.0f64);
        // Rows that lead to row j by one step, and those from which a strictly dominant row is known to be reached.
        let mut into: Vec<Vec<usize>> = vec![Vec::new(); n];
        let mut reached = vec![false; n];
        for i in 0..n {
            let mut off = Vec::new();
            matrix.for_each_in_row(i, |j, x| {
                if i == j {
                    diagonal[i] = x;
                } else if x != 0.0 {
                    off.push(x.abs());
                    into[j].push(i);
                }
            });
            let (center, off) = (diagonal[i].abs(), sum(off.into_iter()));
            if center == 0.0 {
                return refuse(i, "zero on the diagonal".into(), "a diagonal without zeros");
            }
            if off > center {
                let got = format!("{center:.6e} on the diagonal, {off:.6e} beside it (absolute values)");
                return refuse(i, got, "a diagonal at least as large as the rest of its row");
            }
            reached[i] = off < center;
            ratio = ratio.max(off / center);
        }
        let mut next: Vec<usize> = (0..n).filter(|&i| reached[i]).collect();
        while let Some(j) = next.pop() {
            for &i in &into[j] {
                if !reached[i] {
                    reached[i] = true;
                    next.push(i);
                }
            }
        }
        match reached.iter().position(|r| !r) {
            Some(i) => refuse(
                i,
                "only equality of the diagonal and the rest, here and in every row it is coupled to (singular?)".into(),
                "a chain of non-zeros to a row whose diagonal is larger than the rest",
            ),
            None => Ok(Dominant { diagonal, ratio }),
        }
    }

    /// `max_i sum_(j != i) |a_ij| / |a_ii|`: at most 1; the iteration's rate where it is below.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }
}

fn refuse<T>(row: usize, got: String, allowed: &str) -> Result<T> {
    Err(Error::input(format!("matrix, row {}", row + 1), got, allowed))
}

/// What Jacobi's iteration can be told beside [`Options`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JacobiOptions {
    /// When it ends.
    pub run: Options,
    /// omega, above 0, at most 1.
    pub damping: f64,
}

impl Default for JacobiOptions {
    fn default() -> Self {
        JacobiOptions { run: Options::default(), damping: 1.0 }
    }
}

/// Solves `A x = b` by Jacobi's iteration `x <- x + omega D^-1 (b - A x)` from x = 0 (Saad, *Iterative Methods for
/// Sparse Linear Systems*, section 4.1): one round an iteration. D is the diagonal of A, `matrix` the check of A's
/// dominance.
///
/// It ends when `|b - A x| <= tolerance |b|`.
///
/// # Errors
/// [`Error::Usage`] for a `b` or a check of another size, numbers that are not finite, or a damping outside (0, 1];
/// those of the rounds.
///
/// ```
/// # use std::{borrow::Cow, sync::Arc};
/// # use steadfast::coding::{RealParity, Tolerance};
/// # use steadfast::data::{Dense, Matrix};
/// # use steadfast::device::CpuDevice;
/// # use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
/// # use steadfast::oracle::{CodedOracle, OracleOptions};
/// # use steadfast::seed::Seed;
/// use steadfast::linear::{Dominant, JacobiOptions, Products, jacobi};
///
/// let a = Matrix::Dense(Dense::new(3, 3, vec![4.0, -1.0, 0.0, 1.0, 4.0, 1.0, 0.0, 2.0, 4.0])?);
/// let code = Arc::new(RealParity::new(5, Tolerance { liars: 1, stragglers: 0 })?);
/// let (faults, _) = FaultPlan::new(5, Seed(1)).liars(1, Attack::SignFlip { scale: 1.0 }).split()?;
/// let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(Some(1))?), faults, Clock::default());
/// let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
/// let mut oracle = CodedOracle::new(Cow::Borrowed(&a), code, fleet, &options)?;
///
/// let mut products = Products::new(&mut oracle)?;
/// let answer = jacobi(&mut products, &Dominant::check(&a)?, &[2.0, 12.0, 16.0], &JacobiOptions::default())?;
/// assert!(answer.value.iter().zip([1.0, 2.0, 3.0]).all(|(x, y)| (x - y).abs() < 1e-8));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn jacobi(
    products: &mut Products<'_>,
    matrix: &Dominant,
    b: &[f64],
    options: &JacobiOptions,
) -> Result<Answer<Vec<f64>>> {
    options.run.check()?;
    let n = products.size();
    check_right(b, n)?;
    if matrix.diagonal.len() != n {
        return Err(Error::usage("checked matrix", format!("{} rows", matrix.diagonal.len()), format!("{n} rows")));
    }
    if !(options.damping > 0.0 && options.damping <= 1.0) {
        return Err(Error::usage("damping", options.damping, "above 0, at most 1"));
    }
    let length = norm(b);
    let (mut x, mut image) = (vec![0.0; n], vec![0.0; n]);
    let mut iteration = 0;
    loop {
        let product = products.multiply(&mut x, &mut image)?;
        let residual: Vec<f64> = b.iter().zip(&image).map(|(b, ax)| b - ax).collect();
        let found = norm(&residual);
        products.record(0.0, found, options.damping)?;
        let size = norm(&x);
        let status = if found <= options.run.tolerance * length {
            Some(Status::Converged)
        } else if products.stalled(found, product.noise + products.rounding(size)) {
            Some(Status::Rounding)
        } else {
            (iteration >= options.run.iterations).then_some(Status::IterationLimit)
        };
        if let Some(status) = status {
            let report = products.report(status, found, product.bound, length + norm(&image));
            return Ok(Answer { value: x, report });
        }
        for ((x, r), d) in x.iter_mut().zip(&residual).zip(&matrix.diagonal) {
            *x += options.damping * r / d;
        }
        iteration += 1;
    }
}
