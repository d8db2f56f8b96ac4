//! Hessians of generalized linear models, formed or sketched by workers that read the data as they are.
//!
//! A Hessian block is a d K x d K matrix, too much to protect with a code; it needs none. In an *over-sketched* Hessian any N of
//! N + e independent blocks give an unbiased estimate (paper 001, section 2.3), and what a wrong Hessian can do is spoil a
//! direction: gradient, line search and certificate stand on coded products.

use std::borrow::Cow;

use crate::data::Matrix;
use crate::device::{CpuHessian, HessianDevice};
use crate::error::{Error, Result};
use crate::fleet::{Arrived, BlockFleet, BlockWork, Counters, Enough};
use crate::kernel::{Curvature, SketchBlock};
use crate::objective::CurvatureForm;
use crate::scalar::{Accumulator, Element};
use crate::sketch::{BlockSketch, Sketch};

/// What one Hessian was made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HessianRound {
    /// Virtual seconds of the round.
    pub seconds: f64,
    /// Blocks in it: of a sketch the fewest that a part of the matrix was averaged over; 1 for the exact one.
    pub blocks: usize,
    /// Rows of the sketch, m = N b; `None` for the exact one.
    pub sketch_dimension: Option<usize>,
    /// Whether parts of the matrix were averaged over different blocks: such a matrix need not be positive semidefinite, and
    /// there is [`HessianOracle::whole`].
    pub pieced: bool,
}

/// Where a method gets second derivatives from.
pub trait HessianOracle: Send {
    /// Writes `sum_i X_i' L_i X_i / n` (d K x d K, row-major, both halves), where L_i is the loss's K x K second derivative at
    /// row i, given by `numbers` (see [`crate::objective::Objective::curvature`]); l2 is the caller's.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when too few blocks are left; [`Error::Usage`] for numbers that don't fit.
    fn hessian(&mut self, form: CurvatureForm, numbers: &[f64], out: &mut [f64]) -> Result<HessianRound>;

    /// The last Hessian once more, with the same numbers, from those blocks of its sketch that are there as a whole: positive
    /// semidefinite always. The seconds are those for which they are waited for after the last one was there.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when no block will ever be whole; [`Error::Usage`] when there is nothing to make whole.
    fn whole(&mut self, form: CurvatureForm, out: &mut [f64]) -> Result<HessianRound>;

    /// Doubles the sketch, or gives it up for the exact Hessian where A has no more rows than the doubled one. False where there is
    /// none.
    fn grow(&mut self) -> bool;

    /// The fleet's counts so far.
    fn counters(&self) -> Counters;
}

/// How a Hessian is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HessianPlan {
    /// All rows, split over the workers; who waits for whom is `enough`'s.
    Exact {
        /// [`Enough::All`] or [`Enough::Speculative`].
        enough: Enough,
    },
    /// N + e independent sketches of b rows each, split into `columns (columns + 1) / 2` parts of the symmetric matrix: worker
    /// `block * parts + part` makes one part of one block.
    Sketched {
        /// N of N + e blocks.
        sketch: BlockSketch,
        /// Block columns that a block is split into.
        columns: usize,
    },
}

impl HessianPlan {
    /// Share of the workers that an exact Hessian waits for, at most, before the others' work is started again.
    pub const SHARE: f64 = 0.9;
}

/// [`HessianOracle`] over simulated workers that share one copy of the data.
///
/// With a sketch, every part of the matrix is the mean over the first N of the N + e copies of it to arrive, or over all that
/// are left where fewer are alive: the number used, not N, is what the sum is divided by. Work that is not waited for is not
/// done here, though it is counted.
///
/// ```
/// use std::borrow::Cow;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::fleet::{BlockFleet, Clock, Enough, Faults};
/// use steadfast::objective::CurvatureForm;
/// use steadfast::oracle::{BlockHessian, HessianOracle, HessianPlan};
/// let x = Matrix::Dense(Dense::new(2, 2, vec![1.0, 2.0, 3.0, 4.0])?);
/// let fleet = BlockFleet::new(Faults::none(4), Clock::default());
/// let mut oracle = BlockHessian::new(Cow::Borrowed(&x), fleet, HessianPlan::Exact { enough: Enough::All })?;
/// let mut hessian = [0.0; 4];
/// oracle.hessian(CurvatureForm::Scalar, &[1.0, 1.0], &mut hessian)?;
/// // X'X / 2.
/// for (h, exact) in hessian.iter().zip([5.0, 7.0, 7.0, 10.0]) {
///     assert!((h - exact).abs() < 1e-12f64);
/// }
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct BlockHessian<'a, T: Element> {
    device: Box<dyn HessianDevice<T> + 'a>,
    fleet: BlockFleet,
    plan: HessianPlan,
    iteration: u64,
    numbers: Vec<T::Acc>,
    /// The exact block as the device writes it.
    block: Vec<T::Acc>,
    /// Who was in time for the last Hessian, and when each block would have been whole.
    arrived: Option<Arrived>,
}

impl<T: Element> std::fmt::Debug for BlockHessian<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockHessian")
            .field("device", &self.device.info())
            .field("shape", &self.device.shape())
            .field("fleet", &self.fleet)
            .field("plan", &self.plan)
            .field("iteration", &self.iteration)
            .finish_non_exhaustive()
    }
}

impl<'a, T: Element> BlockHessian<'a, T> {
    /// Workers that all read `data` (n x d), on the CPU.
    ///
    /// # Errors
    /// [`Error::Usage`] when the plan does not fit the workers.
    pub fn new(data: Cow<'a, Matrix<T>>, fleet: BlockFleet, plan: HessianPlan) -> Result<Self> {
        Self::on(Box::new(CpuHessian::new(data)), fleet, plan)
    }

    /// Workers that all read the matrix of a device.
    ///
    /// # Errors
    /// [`Error::Usage`] when the plan does not fit the workers.
    pub fn on(device: Box<dyn HessianDevice<T> + 'a>, fleet: BlockFleet, plan: HessianPlan) -> Result<Self> {
        if let HessianPlan::Sketched { sketch, columns } = plan {
            let wanted = sketch.made() * parts(columns);
            if columns == 0 || fleet.workers() != wanted {
                return Err(Error::usage(
                    "workers of a sketched Hessian",
                    fleet.workers(),
                    format!("{wanted}: {} blocks in {} parts each (at least 1)", sketch.made(), parts(columns)),
                ));
            }
        }
        Ok(BlockHessian { device, fleet, plan, iteration: 0, numbers: Vec::new(), block: Vec::new(), arrived: None })
    }

    /// What one worker does: of a sketch its pass over the rows and its part of the product, else its share of the exact one.
    fn work(&self, classes: usize) -> BlockWork {
        let ((n, cols), stored) = (self.device.shape(), self.device.stored());
        let width = classes * cols;
        let triangle = width * (width + 1) / 2;
        match self.plan {
            HessianPlan::Exact { .. } => {
                let workers = self.fleet.workers();
                // Of sparse rows only what is stored is multiplied.
                let per_row = stored.div_ceil(n.max(1));
                let products = classes * (classes + 1) / 2 * per_row * (per_row + 1) / 2;
                BlockWork { multiply_adds: (n.div_ceil(workers) * products) as u64, down: n * classes, up: triangle }
            }
            HessianPlan::Sketched { sketch, columns } => {
                let (parts, buckets) = (parts(columns), sketch.buckets());
                // A part reads the two block columns that it multiplies.
                let share = if columns == 1 { 1.0 } else { 2.0 / columns as f64 };
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a count that fits"
                )]
                let pass = (share * (stored * classes * classes) as f64) as u64;
                BlockWork {
                    multiply_adds: pass + (buckets * triangle).div_ceil(parts) as u64,
                    down: n * classes,
                    up: triangle.div_ceil(parts),
                }
            }
        }
    }
}

impl<T: Element> BlockHessian<'_, T> {
    /// The mean of the present parts of every block, into `out`; how many blocks the least covered part has.
    fn add_blocks(
        &mut self,
        form: CurvatureForm,
        sketch: BlockSketch,
        columns: usize,
        present: &[bool],
        out: &mut [f64],
    ) -> Result<usize> {
        let (n, cols) = self.device.shape();
        let curvature = curvature(n, form, &self.numbers);
        let (width, parts) = (curvature.classes() * cols, parts(columns));
        let mut used = vec![0usize; parts];
        // Blocks of which some part is there, and which parts.
        let (mut blocks, mut there): (Vec<SketchBlock>, Vec<&[bool]>) = (Vec::new(), Vec::new());
        for (block, present) in present.chunks_exact(parts).enumerate() {
            if present.contains(&true) {
                used.iter_mut().zip(present).for_each(|(used, present)| *used += usize::from(*present));
                blocks.push(sketch.block(block as u64, self.iteration));
                there.push(present);
            }
        }
        out.fill(0.0);
        let mut take = |at: usize, sum: &[T::Acc]| add_parts(sum, width, columns, there[at], out);
        self.device.sketched_gram(&curvature, &blocks, &mut take)?;
        divide_parts(&used, width, columns, out);
        Ok(used.iter().copied().min().unwrap_or(0))
    }

    fn sketched(&self, seconds: f64, sketch: BlockSketch, blocks: usize, pieced: bool) -> HessianRound {
        HessianRound { seconds, blocks, sketch_dimension: Some(blocks * sketch.buckets()), pieced }
    }
}

/// The curvature as workers take it, into `stored`: roots of the second derivatives over n, or probabilities. Returns K.
///
/// # Errors
/// [`Error::Usage`] for a count that is no multiple of n; [`Error::Numerical`] for a negative or non-finite number.
pub(super) fn stored_curvature<T: Element>(
    n: usize,
    form: CurvatureForm,
    numbers: &[f64],
    stored: &mut Vec<T::Acc>,
) -> Result<usize> {
    if n == 0 || numbers.is_empty() || !numbers.len().is_multiple_of(n) {
        return Err(Error::usage("curvature", format!("{} numbers", numbers.len()), format!("a multiple of {n}")));
    }
    if let Some(bad) = numbers.iter().find(|x| !(x.is_finite() && **x >= 0.0)) {
        return Err(Error::Numerical(format!("a second derivative of the loss is {bad}; a Hessian needs at least 0")));
    }
    stored.clear();
    match form {
        CurvatureForm::Scalar => stored.extend(numbers.iter().map(|x| T::Acc::from_f64((x / n as f64).sqrt()))),
        CurvatureForm::Softmax => stored.extend(numbers.iter().map(|x| T::Acc::from_f64(*x))),
    }
    Ok(numbers.len() / n)
}

/// The factors of a curvature at n rows, from what [`stored_curvature`] made.
pub(super) fn curvature<A: Accumulator>(n: usize, form: CurvatureForm, numbers: &[A]) -> Curvature<'_, A> {
    match form {
        CurvatureForm::Scalar => Curvature::Scalar(numbers),
        CurvatureForm::Softmax => Curvature::Softmax {
            probabilities: numbers,
            classes: numbers.len() / n.max(1),
            scale: A::from_f64(1.0 / n.max(1) as f64),
        },
    }
}

/// Parts of a symmetric matrix of so many block columns.
fn parts(columns: usize) -> usize {
    columns * (columns + 1) / 2
}

impl<T: Element> HessianOracle for BlockHessian<'_, T> {
    fn hessian(&mut self, form: CurvatureForm, numbers: &[f64], out: &mut [f64]) -> Result<HessianRound> {
        let (n, cols) = self.device.shape();
        let classes = stored_curvature::<T>(n, form, numbers, &mut self.numbers)?;
        let width = classes * cols;
        if out.len() != width * width {
            return Err(Error::usage("Hessian", format!("{} numbers", out.len()), format!("{width} x {width}")));
        }
        let work = self.work(classes);
        let plan = self.plan;
        let enough = match plan {
            HessianPlan::Exact { enough } => enough,
            HessianPlan::Sketched { sketch, columns } => {
                Enough::FirstOfGroup { groups: parts(columns), needed: sketch.needed() }
            }
        };
        let arrived = self.fleet.run(enough, T::PRECISION, &|_| work)?;
        self.iteration += 1;
        let round = match plan {
            HessianPlan::Exact { .. } => {
                let curvature = curvature(n, form, &self.numbers);
                self.block.resize(out.len(), T::Acc::ZERO);
                self.device.exact_gram(&curvature, 0..n, &mut self.block)?;
                out.iter_mut().zip(&self.block).for_each(|(to, from)| *to = from.to_f64());
                HessianRound { seconds: arrived.seconds, blocks: 1, sketch_dimension: None, pieced: false }
            }
            HessianPlan::Sketched { sketch, columns } => {
                let blocks = self.add_blocks(form, sketch, columns, &arrived.present, out)?;
                let parts = parts(columns);
                let pieced = arrived.present.chunks_exact(parts).any(|block| block.contains(&true) != block[0]);
                self.sketched(arrived.seconds, sketch, blocks, pieced)
            }
        };
        self.arrived = Some(arrived);
        Ok(round)
    }

    fn whole(&mut self, form: CurvatureForm, out: &mut [f64]) -> Result<HessianRound> {
        let (HessianPlan::Sketched { sketch, columns }, Some(arrived)) = (self.plan, &self.arrived) else {
            return Err(Error::usage("whole blocks", "a Hessian that was not sketched", "a sketched one"));
        };
        let when = &arrived.whole;
        let mut order: Vec<usize> = (0..when.len()).filter(|&block| when[block].is_finite()).collect();
        order.sort_unstable_by(|&a, &b| when[a].total_cmp(&when[b]).then(a.cmp(&b)));
        order.truncate(sketch.needed());
        let Some(&last) = order.last() else {
            return Err(Error::TooManyFaults {
                reason: "no block of the sketched Hessian will ever be whole".into(),
                erased: Vec::new(),
                suspected: Vec::new(),
                tolerance: "one block of which every part's worker is alive".into(),
            });
        };
        let seconds = (when[last] - arrived.seconds).max(0.0);
        let parts = parts(columns);
        let present: Vec<bool> = (0..when.len() * parts).map(|worker| order.contains(&(worker / parts))).collect();
        let blocks = self.add_blocks(form, sketch, columns, &present, out)?;
        Ok(self.sketched(seconds, sketch, blocks, false))
    }

    fn grow(&mut self) -> bool {
        let HessianPlan::Sketched { sketch, columns } = self.plan else { return false };
        let doubled = sketch.doubled();
        // As many numbers as A has rows.
        self.plan = if doubled.dimension() < self.numbers.len() {
            HessianPlan::Sketched { sketch: doubled, columns }
        } else {
            HessianPlan::Exact { enough: Enough::Speculative { share: HessianPlan::SHARE } }
        };
        true
    }

    fn counters(&self) -> Counters {
        self.fleet.counters()
    }
}

/// Calls `visit(part, rows, columns)` for the parts of the lower half.
fn each_part(
    width: usize,
    columns: usize,
    mut visit: impl FnMut(usize, std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let step = width.div_ceil(columns);
    let range = |c: usize| (c * step).min(width)..((c + 1) * step).min(width);
    let mut part = 0;
    for a in 0..columns {
        for b in 0..=a {
            visit(part, range(a), range(b));
            part += 1;
        }
    }
}

/// Adds the present parts of a symmetric `block` to the lower half of `sum`.
fn add_parts<A: Accumulator>(block: &[A], width: usize, columns: usize, present: &[bool], sum: &mut [f64]) {
    each_part(width, columns, |part, rows, cols| {
        if present[part] {
            for i in rows {
                let end = cols.end.min(i + 1);
                if cols.start < end {
                    let span = i * width + cols.start..i * width + end;
                    sum[span.clone()].iter_mut().zip(&block[span]).for_each(|(s, b)| *s += b.to_f64());
                }
            }
        }
    });
}

/// Divides each part of the lower half by the number of its blocks and fills the upper half.
fn divide_parts(used: &[usize], width: usize, columns: usize, sum: &mut [f64]) {
    each_part(width, columns, |part, rows, cols| {
        let scale = 1.0 / used[part] as f64;
        for i in rows {
            for j in cols.start..cols.end.min(i + 1) {
                sum[i * width + j] *= scale;
                sum[j * width + i] = sum[i * width + j];
            }
        }
    });
}
