//! Workers with rows of their own and no code, for the methods of paper 003.

use std::borrow::Cow;

use super::config::{DeviceKind, FleetKind, TrainConfig};
use super::fleets::{Opened, Truth, plan};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay};
use crate::objective::Objective;
use crate::oracle::{LocalOracle, LocalWorkers, MasterProducts};
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::trace::CodeRecord;

/// Refuses options that mean nothing for them.
fn check(config: &TrainConfig) -> Result<()> {
    let refuse = |option: &str, got: String, allowed: &str| {
        Err(Error::usage(format!("{option} with --method {}", config.method), got, allowed))
    };
    if let Some(code) = config.code.as_ref().or(config.aggregator.as_ref()).filter(|&name| name != "uncoded") {
        return refuse("--code or --aggregator", code.clone(), "none: every worker has rows of its own");
    }
    let faults = config.liars + config.stragglers + config.inject_liars + config.keys.unwrap_or(0);
    if faults > 0 || config.uncertified {
        return refuse(
            "--liars, --stragglers, --inject-liars, --keys or --uncertified",
            format!("{faults}"),
            "none: without a code no liar is found and every worker is waited for",
        );
    }
    if config.fleet == FleetKind::Tcp {
        return refuse("--fleet", "tcp".into(), "simulated");
    }
    if matches!(config.device, DeviceKind::Gpu | DeviceKind::GpuSoftware) {
        return refuse("--device", "a GPU".into(), "auto or cpu");
    }
    if let Some(precision) = config.precision.filter(|&p| p != Precision::F64) {
        return refuse("--precision", precision.to_string(), "auto or f64");
    }
    if let Some(gather) = &config.gather {
        return refuse("--gather", gather.clone(), "none: all are waited for");
    }
    Ok(())
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
    check(config)?;
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed: Seed(config.seed), ..Clock::default() };
    let (faults, witness) = plan(config, config.workers, &[])?;
    let fleet = BlockFleet::new(faults, clock);
    let workers = LocalWorkers::new(features, labels, objective, fleet, Seed(config.seed))?;
    let described = format!("{} simulated workers with rows of their own (cpu, f64)", config.workers);
    let record = CodeRecord {
        name: "uncoded".into(),
        workers: config.workers,
        blocks: config.workers,
        redundancy: 1.0,
        ..CodeRecord::default()
    };
    let products = MasterProducts::new(Cow::Borrowed(features));
    Ok((Box::new(workers), (Box::new(products), Truth { witness }, described), record))
}
