//! Which Hessian a configuration and its data ask for, and the fleet that makes it.

use std::any::Any;
use std::borrow::Cow;

use super::config::TrainConfig;
use crate::data::Matrix;
use crate::error::Result;
use crate::fleet::{BlockFleet, Clock, Delay, Enough, FaultPlan, Faults};
use crate::objective::Objective;
use crate::oracle::{BlockHessian, HessianOracle, HessianPlan, SketchKind};
use crate::params::Params;
use crate::scalar::{Element, Precision};
use crate::seed::Seed;

/// Columns of the Hessian up to which it is formed: three such matrices of f64 are 400 MB, and a factorization takes a second.
/// Beyond, directions come from products.
const MOST_COLUMNS: usize = 4096;

/// A sketch is taken when the rows of A are this many times its own: below, the exact product costs about the same.
const WORTH: usize = 2;

/// Share of the workers that an exact Hessian waits for before the others' work is started again.
const SHARE: f64 = 0.9;

/// The sketch of a Hessian: m = factor d K rows in N blocks, and e blocks more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SketchSpec {
    kind: SketchKind,
    factor: f64,
    blocks: usize,
    extra: usize,
    columns: usize,
}

/// What [`SketchSpec::parse`] takes.
const ALLOWED: &str = "oversketch:factor=X,blocks=N,extra=N,columns=N or uniform-rows with the same parameters";

impl SketchSpec {
    /// A sketch by its name on the command line. `factor` (10) times d K rows in `blocks` (10) blocks, of which `extra` (2)
    /// more are made; each is split into `columns (columns + 1) / 2` parts (1 column).
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown name or a parameter out of range; a factor below 1 leaves the Hessian singular.
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = Params::parse("sketch", text)?;
        let kind = match options.name() {
            "oversketch" => SketchKind::CountSketch,
            "uniform-rows" => SketchKind::UniformRows,
            _ => return Err(options.unknown(ALLOWED)),
        };
        let at_least = |x: &f64| x.is_finite() && *x >= 1.0;
        let spec = SketchSpec {
            kind,
            factor: options
                .take_within("factor", "at least 1: fewer than d rows are singular", at_least)?
                .unwrap_or(10.0),
            blocks: options.count("blocks")?.unwrap_or(10),
            extra: options.take("extra", 2)?,
            columns: options.count("columns")?.unwrap_or(1),
        };
        options.finish()?;
        Ok(spec)
    }

    /// Workers: a part of a block each.
    fn workers(&self) -> usize {
        (self.blocks + self.extra) * self.columns * (self.columns + 1) / 2
    }
}

/// The oracle of a second-order method; nothing for others, and where the matrix is too large or the loss has no form for it.
///
/// `oversketched-newton` sketches where that is cheaper: where A, of n K rows, has at least twice as many as the sketch. Else,
/// and for `newton`, the exact Hessian is split over the workers of the run, with speculative execution.
///
/// # Errors
/// Names and numbers that can't be used.
pub fn open<'a>(
    config: &TrainConfig,
    method: &str,
    objective: &Objective,
    features: &'a Matrix<f64>,
) -> Result<Option<Box<dyn HessianOracle + 'a>>> {
    let spec = SketchSpec::parse(&config.sketch)?;
    let classes = objective.loss.outputs();
    let width = classes * features.cols();
    let second_order = matches!(method, "newton" | "oversketched-newton");
    if !second_order || objective.loss.curvature_form().is_none() || width > MOST_COLUMNS {
        return Ok(None);
    }
    let buckets = rows_a_block(spec, width);
    let sketched = method == "oversketched-newton" && features.rows() * classes >= WORTH * buckets * spec.blocks;
    let (plan, workers) = if sketched {
        let SketchSpec { kind, blocks, columns, .. } = spec;
        (HessianPlan::Sketched { kind, buckets, blocks, columns }, spec.workers())
    } else {
        (HessianPlan::Exact { enough: Enough::Speculative { share: SHARE } }, config.workers)
    };
    Ok(Some(match config.precision.unwrap_or(Precision::F64) {
        Precision::F64 => make::<f64>(config, features, plan, workers)?,
        Precision::F32 => make::<f32>(config, features, plan, workers)?,
        Precision::F16 => make::<half::f16>(config, features, plan, workers)?,
    }))
}

/// b, so that N blocks have `factor` times as many rows as the Hessian.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a finite factor of at least 1")]
fn rows_a_block(spec: SketchSpec, width: usize) -> usize {
    (spec.factor * width as f64 / spec.blocks as f64).ceil() as usize
}

fn make<'a, T: Element>(
    config: &TrainConfig,
    features: &'a Matrix<f64>,
    plan: HessianPlan,
    workers: usize,
) -> Result<Box<dyn HessianOracle + 'a>> {
    let seed = Seed(config.seed);
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed, ..Clock::default() };
    let fleet = BlockFleet::new(block_faults(config, workers)?, clock);
    Ok(Box::new(BlockHessian::new(stored_as::<T>(features), fleet, plan, seed)?))
}

/// The features as read, or rounded once to what workers store.
pub(super) fn stored_as<T: Element>(features: &Matrix<f64>) -> Cow<'_, Matrix<T>> {
    match (features as &dyn Any).downcast_ref::<Matrix<T>>() {
        Some(same) => Cow::Borrowed(same),
        None => Cow::Owned(features.convert()),
    }
}

/// As large a share of these workers is slow or dead as of the run's own, rounded up; liars there are none (see [`BlockFleet`]).
pub(super) fn block_faults(config: &TrainConfig, workers: usize) -> Result<Faults> {
    let share = |count: usize| (count * workers).div_ceil(config.workers);
    let (slow, dead) = (share(config.inject_slow), share(config.inject_dead));
    if slow + dead == 0 {
        return Ok(Faults::none(workers));
    }
    // Seeded apart from the workers that hold encoded shards.
    let plan = FaultPlan::new(workers, Seed(crate::seed::mix(config.seed)));
    Ok(plan.changing(!config.fixed_liars).slow(slow).dead(dead).split()?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sketches_are_read_and_refused() -> Result<()> {
        let spec = SketchSpec::parse("oversketch:factor=15,blocks=5,extra=1,columns=3")?;
        assert_eq!((spec.workers(), rows_a_block(spec, 100)), (36, 300));
        for (text, named) in
            [("oversketch:factor=0.5", "at least 1"), ("srht", "oversketch"), ("oversketch:rows=3", "factor")]
        {
            let error = SketchSpec::parse(text).expect_err(text).to_string();
            assert!(error.contains(named), "{error}");
        }
        Ok(())
    }
}
