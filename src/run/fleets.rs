//! From a configuration to a fleet with its shards loaded: precision, device, carrier, faults.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use super::config::{DeviceKind, FleetKind, TrainConfig};
use crate::coding::DataCode;
use crate::data::Matrix;
#[cfg(feature = "gpu")]
use crate::device::gpu;
use crate::device::{CpuDevice, Device, DeviceInfo};
use crate::error::{Error, Result};
use crate::fleet::{Attack, Clock, Delay, FaultPlan, Faults, Gather, Injected, SimulatedFleet, Witness};
use crate::oracle::{CodedOracle, OracleOptions, ProductOracle};
use crate::scalar::{Element, Precision};
use crate::seed::Seed;
use crate::trace::{self, IterationRecord, Observer};

/// Completes each record with what was injected; the master never sees it.
#[derive(Debug)]
pub struct Truth {
    witness: Option<Witness>,
}

impl Observer for Truth {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        if let Some(witness) = &self.witness {
            let Injected { heard, slow, dead, .. } = witness.take();
            record.injected = Some(trace::Injected { liars: heard, slow, dead });
        }
        Ok(())
    }
}

/// An oracle on a loaded fleet, the observer of the truth, and what the fleet is.
pub type Opened<'a> = (Box<dyn ProductOracle + 'a>, Truth, String);

/// Opens the fleet a configuration asks for and loads the encoded data.
///
/// # Errors
/// [`Error::Usage`] for names or numbers that can't be used, or a GPU that is not there; failures of the device.
pub fn open<'a>(config: &TrainConfig, code: &Arc<dyn DataCode>, features: &'a Matrix<f64>) -> Result<Opened<'a>> {
    let gpu = takes_gpu(config)?;
    match config.precision.unwrap_or(if gpu { Precision::F32 } else { Precision::F64 }) {
        Precision::F64 => open_as(config, code, features, cpu::<f64>(config)?),
        Precision::F32 if gpu => open_as(config, code, features, hardware::<f32>()?),
        Precision::F16 if gpu => open_as(config, code, features, hardware::<half::f16>()?),
        Precision::F32 => open_as(config, code, features, cpu::<f32>(config)?),
        Precision::F16 => open_as(config, code, features, cpu::<half::f16>(config)?),
    }
}

/// Whether a configuration means a GPU: when it says so, or says `auto` in a precision that a GPU has and there is one.
fn takes_gpu(config: &TrainConfig) -> Result<bool> {
    let found = |hardware_only: bool| adapters().iter().any(|a| !(hardware_only && a.software));
    match config.device {
        DeviceKind::Cpu => Ok(false),
        DeviceKind::Auto => {
            Ok(config.fleet == FleetKind::Simulated && config.precision != Some(Precision::F64) && found(true))
        }
        DeviceKind::Gpu if found(false) => Ok(true),
        DeviceKind::Gpu if cfg!(feature = "gpu") => Err(Error::usage(
            "--device",
            "gpu, with no adapter on this machine",
            "cpu, auto, or gpu with a Vulkan, Metal or DX12 driver",
        )),
        DeviceKind::Gpu => Err(Error::usage("--device", "gpu, in a build without the feature gpu", "cpu, auto")),
    }
}

fn cpu<T: Element>(config: &TrainConfig) -> Result<Box<dyn Device<T>>> {
    Ok(Box::new(CpuDevice::new(config.threads)?))
}

#[cfg(feature = "gpu")]
fn adapters() -> Vec<DeviceInfo> {
    gpu::adapters()
}

#[cfg(not(feature = "gpu"))]
fn adapters() -> Vec<DeviceInfo> {
    Vec::new()
}

#[cfg(feature = "gpu")]
fn hardware<T: gpu::GpuElement>() -> Result<Box<dyn Device<T>>> {
    Ok(Box::new(gpu::GpuDevice::open(&gpu::Adapter::Any, gpu::GpuOptions::default())?))
}

#[cfg(not(feature = "gpu"))]
fn hardware<T: Element>() -> Result<Box<dyn Device<T>>> {
    Err(Error::usage("--device", "gpu, in a build without the feature gpu", "cpu, auto"))
}

fn open_as<'a, T: Element>(
    config: &TrainConfig,
    code: &Arc<dyn DataCode>,
    features: &'a Matrix<f64>,
    device: Box<dyn Device<T>>,
) -> Result<Opened<'a>> {
    let seed = Seed(config.seed);
    let options = OracleOptions { gather: Gather::parse(&config.gather_name())?, keys: config.key_count(), seed };
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed, ..Clock::default() };
    let (faults, witness) = plan(config, &**code)?;
    let fleet = SimulatedFleet::new(device, faults, clock);
    // Stored as read, a matrix is encoded where it is; else it is rounded once.
    let stored: Cow<'a, Matrix<T>> = match (features as &dyn Any).downcast_ref::<Matrix<T>>() {
        Some(same) => Cow::Borrowed(same),
        None => Cow::Owned(features.convert()),
    };
    let oracle = CodedOracle::new(stored, code.clone(), fleet, &options)?;
    let described = oracle.describe();
    Ok((Box::new(oracle), Truth { witness }, described))
}

/// The private fault plan, and its witness when there is anything to see.
fn plan(config: &TrainConfig, code: &dyn DataCode) -> Result<(Faults, Option<Witness>)> {
    if config.inject_liars + config.inject_slow + config.inject_dead == 0 {
        return Ok((Faults::none(code.workers()), None));
    }
    let plan = FaultPlan::new(code.workers(), Seed(config.seed))
        .liars(config.inject_liars, Attack::parse(&config.attack)?)
        .changing(!config.fixed_liars)
        .slow(config.inject_slow)
        .dead(config.inject_dead)
        .parity_check(code.parity_check());
    let (faults, witness) = plan.split()?;
    Ok((faults, Some(witness)))
}
