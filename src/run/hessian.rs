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
use crate::sketch::{HessianForm, MOST_COLUMNS};

/// The oracle of a second-order method; nothing for others, and where the matrix is too large or the loss has no form for it.
///
/// The over-sketched methods sketch where that is cheaper ([`HessianForm`]). Else, and for the exact ones, the Hessian is split over
/// the workers of the run, with speculative execution. The dual barrier's workers hold X', so their A has d rows and the Hessian
/// is n x n.
///
/// # Errors
/// Names and numbers that can't be used.
pub fn open<'a>(
    config: &TrainConfig,
    method: &str,
    objective: &Objective,
    features: &'a Matrix<f64>,
) -> Result<Option<Box<dyn HessianOracle + 'a>>> {
    let dual = matches!(method, "dual-barrier" | "oversketched-dual-barrier");
    let newton = matches!(method, "newton" | "oversketched-newton");
    if !(dual || newton) || objective.loss.curvature_form().is_none() {
        return Ok(None);
    }
    let sketched = method.starts_with("oversketched-");
    let features = if dual { Cow::Owned(features.transposed()?) } else { Cow::Borrowed(features) };
    let (rows, cols, classes) = (features.rows(), features.cols(), objective.loss.outputs());
    let (plan, workers) = match HessianForm::choose(&config.sketch, sketched, rows, cols, classes, Seed(config.seed))? {
        HessianForm::Products if dual => {
            let allowed = format!("at most {MOST_COLUMNS} rows: it factors a matrix of as many rows and columns");
            return Err(Error::usage(format!("method {method}"), format!("{cols} rows"), allowed));
        }
        HessianForm::Products => return Ok(None),
        HessianForm::Sketched(sketch) => (HessianPlan::Sketched { sketch, columns: 1 }, sketch.made()),
        HessianForm::Exact => (exact_plan(config), config.workers),
    };
    // On a GPU where the products are.
    let gpu = takes_gpu(config)?;
    let fleet = block_fleet(config, workers)?;
    Ok(Some(match config.precision.unwrap_or(if gpu { Precision::F32 } else { Precision::F64 }) {
        Precision::F64 => Box::new(BlockHessian::on(cpu::<f64>(features), fleet, plan)?),
        Precision::F32 if gpu => Box::new(BlockHessian::on(adapter::<f32>(config, &features)?, fleet, plan)?),
        Precision::F16 if gpu => Box::new(BlockHessian::on(adapter::<half::f16>(config, &features)?, fleet, plan)?),
        Precision::F32 => Box::new(BlockHessian::on(cpu::<f32>(features), fleet, plan)?),
        Precision::F16 => Box::new(BlockHessian::on(cpu::<half::f16>(features), fleet, plan)?),
    }))
}

/// Every worker's share of the rows, what is missing started again once all are there but the stragglers that are expected.
pub(super) fn exact_plan(config: &TrainConfig) -> HessianPlan {
    // Half a worker less, so that rounding up gives the number that is meant.
    let present = config.workers.saturating_sub(config.stragglers) as f64 - 0.5;
    HessianPlan::Exact {
        enough: Enough::Speculative { share: HessianPlan::SHARE.min(present / config.workers as f64) },
    }
}

fn cpu<'a, T: Element>(features: Cow<'a, Matrix<f64>>) -> Box<dyn HessianDevice<T> + 'a> {
    Box::new(CpuHessian::new(match features {
        Cow::Borrowed(features) => stored_as::<T>(features),
        Cow::Owned(features) => Cow::Owned(stored_as::<T>(&features).into_owned()),
    }))
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
