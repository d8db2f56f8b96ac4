//! Which form of a Hessian is the cheapest: exact, sketched, or never formed.

use super::{BlockSketch, Sketch, sketch_by_name};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// Columns of the Hessian up to which it is formed: three such matrices of f64 are 400 MB, and a factorization takes a second.
pub const MOST_COLUMNS: usize = 4096;

/// A sketch is taken when the rows of A are this many times its own: below, the exact product costs about the same.
const WORTH: usize = 2;

/// What a second-order method does about the (d K x d K) Hessian `A'A`, A of n K rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HessianForm {
    /// `A'A`, its rows split over the workers.
    Exact,
    /// `(S'A)'(S'A)`, a block of the sketch a worker.
    Sketched(BlockSketch),
    /// Too large to form: directions come from products with it.
    Products,
}

/// What OverSketched Newton would do with data of some size, and what a Hessian costs either way.
///
/// ```
/// use steadfast::sketch::HessianCost;
/// let plan = HessianCost::new("oversketch", 60_000, 500, 1, None)?;
/// assert_eq!((plan.choice.as_str(), plan.dimension), ("sketched", Some(5_000)));
/// // 9,000 rows are fewer than twice the 5,000 of the sketch.
/// assert_eq!(HessianCost::new("oversketch", 9_000, 500, 1, None)?.choice, "exact");
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HessianCost {
    /// The sketch, as asked for.
    pub sketch: String,
    /// Columns of the Hessian, d K.
    pub columns: usize,
    /// Rows of A, n K.
    pub rows: usize,
    /// `exact`, `sketched` or `products`: what `--method oversketched-newton` takes.
    pub choice: String,
    /// m, the rows of the sketch; none where A is too wide to form a Hessian at all.
    pub dimension: Option<usize>,
    /// Blocks needed, and workers asked for one each.
    pub blocks: Option<[usize; 2]>,
    /// Multiply-adds of the exact Hessian, one symmetric half, all workers together.
    pub exact_multiply_adds: f64,
    /// The same of the sketched one, the blocks needed: walking the data, and the Gram blocks.
    pub sketched_multiply_adds: Option<f64>,
}

impl HessianForm {
    /// For n `rows`, d `cols` and K `classes`, with the sketch that `spec` names where `sketched` says that one is wanted: it is
    /// taken where A has at least twice as many rows as the sketch.
    ///
    /// # Errors
    /// As [`sketch_by_name`]; [`Error::Usage`] for a sketch that workers can't make alone.
    pub fn choose(spec: &str, sketched: bool, rows: usize, cols: usize, classes: usize, seed: Seed) -> Result<Self> {
        let width = classes.saturating_mul(cols);
        if width > MOST_COLUMNS {
            return Ok(HessianForm::Products);
        }
        let rows = rows.saturating_mul(classes);
        let sketch = block_sketch(spec, rows, width, seed)?;
        Ok(if sketched && rows >= WORTH.saturating_mul(sketch.dimension()) {
            HessianForm::Sketched(sketch)
        } else {
            HessianForm::Exact
        })
    }
}

/// The sketch that `spec` names, which workers can make block by block.
///
/// # Errors
/// As [`sketch_by_name`]; [`Error::Usage`] for one that only the master can make.
pub fn block_sketch(spec: &str, rows: usize, cols: usize, seed: Seed) -> Result<BlockSketch> {
    let sketch = sketch_by_name(spec, rows, cols, seed)?;
    sketch.blocks().copied().ok_or_else(|| {
        Error::usage("--sketch", sketch.name(), "oversketch, count-sketch or uniform: what workers can make alone")
    })
}

impl HessianCost {
    /// For n `rows`, d `cols` and K `classes`, of which `stored` values are not zero (all of them by default).
    ///
    /// # Errors
    /// As [`HessianForm::choose`]; [`Error::Usage`] for no classes.
    pub fn new(spec: &str, rows: usize, cols: usize, classes: usize, stored: Option<usize>) -> Result<Self> {
        if classes == 0 {
            return Err(Error::usage("classes", 0, "1 or more"));
        }
        let seed = Seed(0);
        let (columns, long) = (classes.saturating_mul(cols), rows.saturating_mul(classes));
        let form = HessianForm::choose(spec, true, rows, cols, classes, seed)?;
        let sketch = match form {
            HessianForm::Products => None,
            HessianForm::Exact | HessianForm::Sketched(_) => Some(block_sketch(spec, long, columns, seed)?),
        };
        // Every row of A, K numbers for each one of the data, goes into one bucket of every block.
        let walked = stored.map_or(rows as f64 * cols as f64, |s| s as f64) * (classes * classes) as f64;
        Ok(HessianCost {
            sketch: spec.into(),
            columns,
            rows: long,
            choice: match form {
                HessianForm::Exact => "exact",
                HessianForm::Sketched(_) => "sketched",
                HessianForm::Products => "products",
            }
            .into(),
            dimension: sketch.map(|s| s.dimension()),
            blocks: sketch.map(|s| [s.needed(), s.made()]),
            // Of the K^2 blocks of classes one half, each a symmetric d x d product over n rows.
            exact_multiply_adds: rows as f64 * half_square(classes) * half_square(cols),
            sketched_multiply_adds: sketch
                .map(|s| s.needed() as f64 * walked + s.dimension() as f64 * half_square(columns)),
        })
    }
}

/// Pairs (i, j) with j <= i < n.
fn half_square(n: usize) -> f64 {
    n as f64 * (n as f64 + 1.0) / 2.0
}
