//! Workers with rows of their own, for the methods of paper 003: without a code, or beside one.

use std::borrow::Cow;

use super::config::{DeviceKind, FleetKind, TrainConfig};
#[cfg(feature = "gpu")]
use super::fleets::choice;
use super::fleets::{Opened, Truth, plan, takes_gpu};
use super::hessian::stored_as;
use crate::data::Matrix;
#[cfg(feature = "gpu")]
use crate::device::gpu;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay, Faults};
use crate::method::CodedDino;
use crate::objective::Objective;
use crate::oracle::{LocalOracle, LocalWorkers, MasterProducts};
use crate::scalar::{Element, Precision};
use crate::seed::{Seed, mix};
use crate::trace::CodeRecord;

/// Methods whose inner solves, products with Hessians or steps of SVRG a GPU computes.
const ON_GPU: [&str; 6] = ["dino", "dingo", "hessian-free-giant", "disco", "inexact-dane", "aide"];

impl TrainConfig {
    /// Refuses options that mean nothing for workers with rows of their own and no code.
    pub(super) fn check_local(&self) -> Result<()> {
        let refuse = |option: &str, got: String, allowed: &str| {
            Err(Error::usage(format!("{option} with --method {}", self.method), got, allowed))
        };
        if let Some(code) = self.code.as_ref().or(self.aggregator.as_ref()).filter(|&name| name != "uncoded") {
            return refuse("--code or --aggregator", code.clone(), "none: every worker has rows of its own");
        }
        let faults = self.liars + self.stragglers + self.inject_liars + self.keys.unwrap_or(0);
        if faults > 0 || self.uncertified {
            return refuse(
                "--liars, --stragglers, --inject-liars, --keys or --uncertified",
                format!("{faults}"),
                "none: without a code no liar is found and every worker is waited for",
            );
        }
        if self.fleet == FleetKind::Tcp {
            return refuse("--fleet", "tcp".into(), "simulated");
        }
        let method = self.method.split(':').next().unwrap_or_default();
        if self.device != DeviceKind::Auto && self.device != DeviceKind::Cpu && !ON_GPU.contains(&method) {
            let solved = format!("auto or cpu; on a GPU {} solve", ON_GPU.join(", "));
            return refuse("--device", "a GPU".into(), &solved);
        }
        if let Some(gather) = &self.gather {
            return refuse("--gather", gather.clone(), "none: all are waited for");
        }
        Ok(())
    }
}

/// The workers, the master's own products for what rounding explains, the observer of the truth, what the fleet is; and the record of
/// a code that is none.
///
/// # Errors
/// [`Error::Usage`] for options that mean nothing here, and more workers than rows.
pub(super) fn open<'a>(
    config: &TrainConfig,
    objective: &Objective,
    features: &'a Matrix<f64>,
    labels: &[f64],
) -> Result<(Box<dyn LocalOracle>, Opened<'a>, CodeRecord)> {
    let (faults, witness) = plan(config, config.workers, &[])?;
    let (workers, solver) = workers(config, objective, features, labels, faults, Seed(config.seed))?;
    let described = format!("{} simulated workers with rows of their own ({solver})", config.workers);
    let record = CodeRecord {
        name: "uncoded".into(),
        workers: config.workers,
        blocks: config.workers,
        redundancy: 1.0,
        ..CodeRecord::default()
    };
    let products = MasterProducts::new(Cow::Borrowed(features));
    Ok((workers, (Box::new(products), Truth { witness }, described), record))
}

/// The rows that the workers of coded-dino and coded-giant hold beside their shards; nothing for other methods. The same of them lie
/// and are slow; their delays are others.
///
/// # Errors
/// As [`open`].
pub(super) fn beside(
    config: &TrainConfig,
    objective: &Objective,
    features: &Matrix<f64>,
    labels: &[f64],
) -> Result<Option<Box<dyn LocalOracle>>> {
    if !CodedDino::is_meant(&config.method) {
        return Ok(None);
    }
    let (faults, _) = plan(config, config.workers, &[])?;
    workers(config, objective, features, labels, faults, Seed(mix(config.seed))).map(|(workers, _)| Some(workers))
}

/// The workers, and where they solve. A GPU is taken where one is asked for: `auto` means the CPU and f64.
fn workers(
    config: &TrainConfig,
    objective: &Objective,
    features: &Matrix<f64>,
    labels: &[f64],
    faults: Faults,
    delays: Seed,
) -> Result<(Box<dyn LocalOracle>, String)> {
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed: delays, ..Clock::default() };
    let open = Open { config, objective, features, labels, fleet: BlockFleet::new(faults, clock) };
    let gpu = config.device != DeviceKind::Auto && takes_gpu(config)?;
    match config.precision.unwrap_or(if gpu { Precision::F32 } else { Precision::F64 }) {
        Precision::F64 => finish(config, open.store::<f64>()?),
        Precision::F32 if gpu => finish(config, adapter(config, open.store::<f32>()?)?),
        Precision::F16 if gpu => finish(config, adapter(config, open.store::<half::f16>()?)?),
        Precision::F32 => finish(config, open.store::<f32>()?),
        Precision::F16 => finish(config, open.store::<half::f16>()?),
    }
}

/// What workers are made of.
struct Open<'o> {
    config: &'o TrainConfig,
    objective: &'o Objective,
    features: &'o Matrix<f64>,
    labels: &'o [f64],
    fleet: BlockFleet,
}

impl Open<'_> {
    /// Rows rounded once to T.
    fn store<T: Element>(self) -> Result<LocalWorkers<T>> {
        let seed = Seed(self.config.seed);
        LocalWorkers::new(&*stored_as::<T>(self.features), self.labels, self.objective, self.fleet, seed)
    }
}

fn finish<T: Element>(config: &TrainConfig, workers: LocalWorkers<T>) -> Result<(Box<dyn LocalOracle>, String)> {
    let info = workers.device();
    let device = if info.kind == "cpu" { info.kind } else { format!("{} {}", info.kind, info.name) };
    let solver = format!("{device}, {}", T::PRECISION);
    Ok((Box::new(workers.without(config.stragglers)), solver))
}

/// Their Hessians on the adapter of a configuration that means a GPU.
#[cfg(feature = "gpu")]
fn adapter<T: gpu::GpuElement>(config: &TrainConfig, workers: LocalWorkers<T>) -> Result<LocalWorkers<T>> {
    let open = |parts: Vec<_>, form| gpu::GpuLocal::open(&choice(config), gpu::GpuOptions::default(), &parts, form);
    workers.on(|parts, form| Ok(Box::new(open(parts, form)?)))
}

#[cfg(not(feature = "gpu"))]
fn adapter<T: Element>(_config: &TrainConfig, _workers: LocalWorkers<T>) -> Result<LocalWorkers<T>> {
    Err(Error::usage("--device", "a GPU, in a build without the feature gpu", "auto, cpu"))
}
