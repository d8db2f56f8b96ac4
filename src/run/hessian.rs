//! Which Hessian a configuration and its data ask for, and the fleet that makes it.

use std::any::Any;
use std::borrow::Cow;

use super::config::TrainConfig;
use super::fleets::takes_gpu;
use crate::data::Matrix;
#[cfg(feature = "gpu")]
use crate::device::gpu;
use crate::device::{CpuHessian, HessianDevice};
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay, Enough, FaultPlan, Faults};
use crate::objective::Objective;
use crate::oracle::{BlockHessian, HessianOracle, HessianPlan};
use crate::scalar::{Element, Precision};
use crate::seed::{Seed, mix};
use crate::sketch::{Sketch, sketch_by_name};

/// Columns of the Hessian up to which it is formed: three such matrices of f64 are 400 MB, and a factorization takes a second.
/// Beyond, directions come from products.
const MOST_COLUMNS: usize = 4096;

/// A sketch is taken when the rows of A are this many times its own: below, the exact product costs about the same.
const WORTH: usize = 2;

/// Share of the workers that an exact Hessian waits for before the others' work is started again.
const SHARE: f64 = 0.9;

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
    let classes = objective.loss.outputs();
    let width = classes * features.cols();
    let second_order = matches!(method, "newton" | "oversketched-newton");
    if !second_order || objective.loss.curvature_form().is_none() || width > MOST_COLUMNS {
        return Ok(None);
    }
    let rows = features.rows() * classes;
    let sketch = sketch_by_name(&config.sketch, rows, width, Seed(config.seed))?;
    let Some(&sketch) = sketch.blocks() else {
        return Err(Error::usage(
            "--sketch",
            sketch.name(),
            "oversketch, count-sketch or uniform: what workers can make alone",
        ));
    };
    let (plan, workers) = if method == "oversketched-newton" && rows >= WORTH * sketch.dimension() {
        (HessianPlan::Sketched { sketch, columns: 1 }, sketch.made())
    } else {
        (HessianPlan::Exact { enough: Enough::Speculative { share: SHARE } }, config.workers)
    };
    // On a GPU where the products are.
    let gpu = takes_gpu(config)?;
    let fleet = block_fleet(config, workers)?;
    Ok(Some(match config.precision.unwrap_or(if gpu { Precision::F32 } else { Precision::F64 }) {
        Precision::F64 => Box::new(BlockHessian::on(cpu::<f64>(features), fleet, plan)?),
        Precision::F32 if gpu => Box::new(BlockHessian::on(adapter::<f32>(config, features)?, fleet, plan)?),
        Precision::F16 if gpu => Box::new(BlockHessian::on(adapter::<half::f16>(config, features)?, fleet, plan)?),
        Precision::F32 => Box::new(BlockHessian::on(cpu::<f32>(features), fleet, plan)?),
        Precision::F16 => Box::new(BlockHessian::on(cpu::<half::f16>(features), fleet, plan)?),
    }))
}

fn cpu<'a, T: Element>(features: &'a Matrix<f64>) -> Box<dyn HessianDevice<T> + 'a> {
    Box::new(CpuHessian::new(stored_as::<T>(features)))
}

#[cfg(feature = "gpu")]
fn adapter<T: gpu::GpuElement>(config: &TrainConfig, features: &Matrix<f64>) -> Result<Box<dyn HessianDevice<T>>> {
    let options = gpu::GpuOptions::default();
    Ok(Box::new(gpu::GpuHessian::open(&super::fleets::choice(config), options, &*stored_as::<T>(features))?))
}

#[cfg(not(feature = "gpu"))]
fn adapter<T: Element>(_config: &TrainConfig, _features: &Matrix<f64>) -> Result<Box<dyn HessianDevice<T>>> {
    Err(Error::usage("--device", "a GPU, in a build without the feature gpu", "cpu, auto"))
}

/// The features as read, or rounded once to what workers store.
pub(super) fn stored_as<T: Element>(features: &Matrix<f64>) -> Cow<'_, Matrix<T>> {
    match (features as &dyn Any).downcast_ref::<Matrix<T>>() {
        Some(same) => Cow::Borrowed(same),
        None => Cow::Owned(features.convert()),
    }
}

/// Workers that read the data as they are, in the run's delays; seeded apart from those that hold encoded shards: the same number
/// is another worker here.
pub(super) fn block_fleet(config: &TrainConfig, workers: usize) -> Result<BlockFleet> {
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed: Seed(mix(config.seed)), ..Clock::default() };
    Ok(BlockFleet::new(block_faults(config, workers)?, clock))
}

/// As large a share of these workers is slow or dead as of the run's own, rounded up; liars there are none (see [`BlockFleet`]).
fn block_faults(config: &TrainConfig, workers: usize) -> Result<Faults> {
    let share = |count: usize| (count * workers).div_ceil(config.workers);
    let (slow, dead) = (share(config.inject_slow), share(config.inject_dead));
    if slow + dead == 0 {
        return Ok(Faults::none(workers));
    }
    let plan = FaultPlan::new(workers, Seed(mix(config.seed)));
    Ok(plan.changing(!config.fixed_liars).slow(slow).dead(dead).split()?.0)
}
