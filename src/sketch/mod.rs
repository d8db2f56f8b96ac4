//! Random sketches S with `E[S S'] = I`: the Hessian `A'A` of many rows becomes `(S'A)'(S'A)` of few.
//!
//! | name | S | made by |
//! |---|---|---|
//! | `oversketch` | N of N + e independent count-sketches, over `sqrt(N)` (paper 001, eq. (4)) | workers, block by block |
//! | `count-sketch` | each row, with a random sign, into a random bucket | a worker |
//! | `uniform` | rows drawn uniformly | a worker |
//! | `gaussian` | independent normal entries | the master |
//! | `srht` | rows drawn from a randomized Hadamard transform | the master |
//! | `leverage` | rows drawn by their leverage scores | the master |
//!
//! The first three are [`BlockSketch`]es, each block known to all by a few numbers ([`crate::kernel::SketchBlock`]); the fast
//! kernels for them are [`crate::device::HessianDevice`]'s. What is here is computed in f64, in a fixed order,
//! in one thread: the reference, and the baselines.

mod blocks;
mod factor;
mod form;
mod gaussian;
mod leverage;
mod registry;
mod srht;

pub use blocks::BlockSketch;
pub use factor::{FactorRows, HessianFactor};
pub use form::{HessianCost, HessianForm, MOST_COLUMNS, block_sketch};
pub use gaussian::Gaussian;
pub use leverage::Leverage;
pub use registry::{SKETCHES, sketch_by_name};
pub use srht::Srht;

use crate::data::Dense;
use crate::error::{Error, Result};

/// A distribution over matrices S of m columns with `E[S S'] = I`.
///
/// ```
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::kernel::Curvature;
/// use steadfast::seed::Seed;
/// use steadfast::sketch::{HessianFactor, sketch_by_name};
/// let data = Matrix::Dense(Dense::new(40, 2, (0..80).map(f64::from).collect())?);
/// let roots = [0.5; 40];
/// let a = HessianFactor::new(&data, Curvature::Scalar(&roots))?;
/// let sketch = sketch_by_name("oversketch:factor=10", 40, 2, Seed(1))?;
/// let rows = sketch.apply(&a, 0)?;
/// assert_eq!((rows.rows(), rows.cols()), (20, 2));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub trait Sketch: std::fmt::Debug + Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// m, the rows of `S'A`.
    fn dimension(&self) -> usize;

    /// `S'A` (m x columns of A) with the S of an iteration: the same arguments give the same numbers, and S does not depend on
    /// what A holds, but for [`Leverage`].
    ///
    /// # Errors
    /// [`Error::Usage`] when m is below the columns of A (the sketched Hessian would be singular) or the sketch can't take that
    /// many rows; [`Error::Numerical`] when A is not finite and the sketch must know it.
    fn apply(&self, a: &dyn FactorRows, iteration: u64) -> Result<Dense<f64>>;

    /// The blocks that it is made of, where workers can make them from a few numbers.
    fn blocks(&self) -> Option<&BlockSketch> {
        None
    }
}

/// # Errors
/// [`Error::Usage`] for fewer rows than columns.
fn check_dimension(name: &str, dimension: usize, cols: usize) -> Result<()> {
    if dimension < cols {
        let allowed = format!("at least {cols}, the columns of the Hessian, or it would be singular");
        return Err(Error::usage(format!("dimension of the sketch {name}"), dimension, allowed));
    }
    Ok(())
}

/// Rows of A that are handled together: the longest chain of additions.
const PANEL: usize = 256;

/// Calls `visit(first row, rows)` for A's rows, a panel of at most [`PANEL`] (row-major) at a time.
fn for_each_panel(a: &dyn FactorRows, mut visit: impl FnMut(usize, &[f64])) {
    let cols = a.cols();
    let mut panel = vec![0.0; PANEL.min(a.rows()) * cols];
    for first in (0..a.rows()).step_by(PANEL) {
        let panel = &mut panel[..PANEL.min(a.rows() - first) * cols];
        panel.fill(0.0);
        for (i, row) in panel.chunks_exact_mut(cols.max(1)).enumerate() {
            a.add_row(first + i, 1.0, row);
        }
        visit(first, panel);
    }
}
