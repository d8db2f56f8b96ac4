//! Workers with rows of their own, for the methods of paper 003: without a code, or beside one.

use std::borrow::Cow;

use super::config::{DeviceKind, FleetKind, TrainConfig};
use super::fleets::{Opened, Truth, plan};
use super::hessian::stored_as;
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay, Faults};
use crate::method::CodedDino;
use crate::objective::Objective;
use crate::oracle::{LocalOracle, LocalWorkers, MasterProducts};
use crate::scalar::{Element, Precision};
use crate::seed::{Seed, mix};
use crate::trace::CodeRecord;

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
        if matches!(self.device, DeviceKind::Gpu | DeviceKind::GpuSoftware) {
            return refuse("--device", "a GPU".into(), "auto or cpu");
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
    let workers = workers(config, objective, features, labels, faults, Seed(config.seed))?;
    let precision = config.precision.unwrap_or(Precision::F64);
    let described = format!("{} simulated workers with rows of their own (cpu, {precision})", config.workers);
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
    workers(config, objective, features, labels, faults, Seed(mix(config.seed))).map(Some)
}

fn workers(
    config: &TrainConfig,
    objective: &Objective,
    features: &Matrix<f64>,
    labels: &[f64],
    faults: Faults,
    delays: Seed,
) -> Result<Box<dyn LocalOracle>> {
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed: delays, ..Clock::default() };
    let fleet = BlockFleet::new(faults, clock);
    match config.precision.unwrap_or(Precision::F64) {
        Precision::F64 => store::<f64>(config, objective, features, labels, fleet),
        Precision::F32 => store::<f32>(config, objective, features, labels, fleet),
        Precision::F16 => store::<half::f16>(config, objective, features, labels, fleet),
    }
}

/// Rows rounded once to T; the arithmetic is f64's.
fn store<T: Element>(
    config: &TrainConfig,
    objective: &Objective,
    features: &Matrix<f64>,
    labels: &[f64],
    fleet: BlockFleet,
) -> Result<Box<dyn LocalOracle>> {
    let workers = LocalWorkers::new(&*stored_as::<T>(features), labels, objective, fleet, Seed(config.seed))?;
    Ok(Box::new(workers.without(config.stragglers)))
}
