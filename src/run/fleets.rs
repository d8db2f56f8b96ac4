//! From a configuration to a fleet with its shards loaded: precision, device, carrier, faults.

use std::any::Any;
use std::borrow::Cow;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use super::config::{DeviceKind, FleetKind, TrainConfig};
use crate::coding::DataCode;
use crate::data::{Matrix, ShardGrowth};
#[cfg(feature = "gpu")]
use crate::device::gpu;
use crate::device::{CpuDevice, Device, DeviceInfo};
use crate::error::{Error, Result};
use crate::fleet::tcp::{DeviceFactory, Invitation};
use crate::fleet::{
    Arrivals, Attack, Clock, Delay, FaultPlan, Faults, Fleet, Gather, Injected, SimulatedFleet, TcpFleet, TcpOptions,
    Witness, serve_worker,
};
use crate::method::CoordinateDescent;
use crate::oracle::{CodedOracle, OracleOptions, ProductOracle, StreamingOracle};
use crate::scalar::{Element, Precision};
use crate::seed::Seed;
use crate::trace::{self, IterationRecord, Observer};

/// Environment variable that tells a worker process how many threads to use.
const WORKER_THREADS: &str = "STEADFAST_WORKER_THREADS";

/// How a worker process is started: a program that calls [`serve`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

struct CpuFactory {
    threads: usize,
}

impl DeviceFactory for CpuFactory {
    fn make<T: Element>(&self) -> Result<Box<dyn Device<T>>> {
        Ok(Box::new(CpuDevice::new(Some(self.threads))?))
    }
}

/// Serves as a worker process of a fleet over TCP, as invited by the environment; returns when the master is through.
///
/// # Errors
/// [`Error::Usage`] without an invitation, failures of the connection or the device.
pub fn serve() -> Result<()> {
    let invitation = Invitation::from_env()?
        .ok_or_else(|| Error::usage("worker", "no invitation in the environment", "being started by `--fleet tcp`"))?;
    let threads = std::env::var(WORKER_THREADS).ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    serve_worker(&invitation, &CpuFactory { threads }).map(|_| ())
}

/// Completes each record with what was injected; the master never sees it.
#[derive(Debug)]
pub struct Truth {
    pub(super) witness: Option<Witness>,
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
pub fn open<'a>(
    config: &TrainConfig,
    code: &Arc<dyn DataCode>,
    features: &'a Matrix<f64>,
    launch: Option<&WorkerCommand>,
) -> Result<Opened<'a>> {
    open_growing(config, code, Rows { features, appended: 0, arrivals: None }, launch)
}

/// What is loaded.
pub(super) struct Rows<'a> {
    /// All rows.
    pub(super) features: &'a Matrix<f64>,
    /// The last ones, which are appended when the others are at their workers.
    pub(super) appended: usize,
    /// Of an earlier run, whose replies are taken again.
    pub(super) arrivals: Option<Arrivals>,
}

/// [`open`] with rows that come later.
///
/// # Errors
/// As [`open`]; where rows are appended [`Error::Usage`] for a GPU, whose shards don't grow.
pub(super) fn open_growing<'a>(
    config: &TrainConfig,
    code: &Arc<dyn DataCode>,
    rows: Rows<'a>,
    launch: Option<&WorkerCommand>,
) -> Result<Opened<'a>> {
    if config.fleet == FleetKind::Tcp {
        let launch = launch.ok_or_else(|| {
            Error::usage(
                "fleet",
                "tcp without a command that starts a worker",
                "Training::worker_command, or simulated",
            )
        })?;
        return match config.precision.unwrap_or(Precision::F64) {
            Precision::F64 => open_tcp::<f64>(config, code, rows, launch),
            Precision::F32 => open_tcp::<f32>(config, code, rows, launch),
            Precision::F16 => open_tcp::<half::f16>(config, code, rows, launch),
        };
    }
    let gpu = takes_gpu(config)? && !(rows.appended > 0 && config.device == DeviceKind::Auto);
    match config.precision.unwrap_or(if gpu { Precision::F32 } else { Precision::F64 }) {
        Precision::F64 => open_as(config, code, rows, cpu::<f64>(config)?),
        Precision::F32 if gpu => open_as(config, code, rows, adapter::<f32>(config)?),
        Precision::F16 if gpu => open_as(config, code, rows, adapter::<half::f16>(config)?),
        Precision::F32 => open_as(config, code, rows, cpu::<f32>(config)?),
        Precision::F16 => open_as(config, code, rows, cpu::<half::f16>(config)?),
    }
}

/// Whether a configuration means a GPU: when it says so, or says `auto` in a precision that a GPU has and there is one.
pub(super) fn takes_gpu(config: &TrainConfig) -> Result<bool> {
    let found = |hardware_only: bool| adapters().iter().any(|a| !(hardware_only && a.software));
    match config.device {
        DeviceKind::Cpu => Ok(false),
        DeviceKind::Auto => {
            let takes_cpu = config.precision == Some(Precision::F64)
                || CoordinateDescent::is_meant(&config.method)
                || config.samples_rows();
            Ok(config.fleet == FleetKind::Simulated && !takes_cpu && found(true))
        }
        DeviceKind::Gpu if found(false) => Ok(true),
        DeviceKind::GpuSoftware if adapters().iter().any(|a| a.software) => Ok(true),
        DeviceKind::Gpu if cfg!(feature = "gpu") => Err(Error::usage(
            "--device",
            "gpu, with no adapter on this machine",
            "cpu, auto, or gpu with a Vulkan, Metal or DX12 driver",
        )),
        DeviceKind::GpuSoftware if cfg!(feature = "gpu") => Err(Error::usage(
            "--device",
            "gpu-software, with no emulated adapter on this machine",
            "cpu, auto, or gpu-software with a software Vulkan driver",
        )),
        DeviceKind::Gpu | DeviceKind::GpuSoftware => {
            Err(Error::usage("--device", "a GPU, in a build without the feature gpu", "cpu, auto"))
        }
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
fn adapter<T: gpu::GpuElement>(config: &TrainConfig) -> Result<Box<dyn Device<T>>> {
    Ok(Box::new(gpu::GpuDevice::open(&choice(config), gpu::GpuOptions::default())?))
}

/// The adapter of a configuration that means a GPU.
#[cfg(feature = "gpu")]
pub(super) fn choice(config: &TrainConfig) -> gpu::Adapter {
    if config.device == DeviceKind::GpuSoftware { gpu::Adapter::Software } else { gpu::Adapter::Any }
}

#[cfg(not(feature = "gpu"))]
fn adapter<T: Element>(_config: &TrainConfig) -> Result<Box<dyn Device<T>>> {
    Err(Error::usage("--device", "a GPU, in a build without the feature gpu", "cpu, auto"))
}

fn open_as<'a, T: Element>(
    config: &TrainConfig,
    code: &Arc<dyn DataCode>,
    rows: Rows<'a>,
    device: Box<dyn Device<T>>,
) -> Result<Opened<'a>> {
    let seed = Seed(config.seed);
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed, ..Clock::default() };
    let (faults, witness) = plan(config, code.workers(), code.parity_check())?;
    load(config, code, rows, SimulatedFleet::new(device, faults, clock), witness)
}

fn open_tcp<'a, T: Element>(
    config: &TrainConfig,
    code: &Arc<dyn DataCode>,
    rows: Rows<'a>,
    launch: &WorkerCommand,
) -> Result<Opened<'a>> {
    let (faults, witness) = plan(config, code.workers(), code.parity_check())?;
    let threads = config.threads.unwrap_or(1).to_string();
    let fleet = TcpFleet::<T>::start(faults, TcpOptions::default(), &mut |invitation| {
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments).env(WORKER_THREADS, &threads);
        invitation.give(&mut command).spawn().map(Some)
    })?;
    load(config, code, rows, fleet, witness)
}

/// Encodes the data into a fleet.
fn load<'a, T: Element, F: Fleet + ShardGrowth<T> + 'a>(
    config: &TrainConfig,
    code: &Arc<dyn DataCode>,
    rows: Rows<'a>,
    fleet: F,
    witness: Option<Witness>,
) -> Result<Opened<'a>> {
    let options = OracleOptions {
        gather: Gather::parse(&config.gather_name())?,
        keys: config.key_count(),
        seed: Seed(config.seed),
    };
    let Rows { features, appended, arrivals } = rows;
    // Stored as read, a matrix is encoded where it is; else it is rounded once.
    let stored: Cow<'a, Matrix<T>> = match (features as &dyn Any).downcast_ref::<Matrix<T>>() {
        Some(same) => Cow::Borrowed(same),
        None => Cow::Owned(features.convert()),
    };
    let oracle = if appended > 0 {
        let mut first = stored.into_owned();
        let more = first.split_off_rows(first.rows() - appended);
        let mut stream = StreamingOracle::new(Cow::Owned(first), code.clone(), fleet, &options)?;
        stream.append_rows(&more)?;
        stream.into_oracle()
    } else if CoordinateDescent::is_meant(&config.method) {
        CodedOracle::with_blocks(stored, code.clone(), fleet, &options)?
    } else {
        CodedOracle::new(stored, code.clone(), fleet, &options)?
    };
    let oracle = oracle.replay(arrivals.unwrap_or_default());
    let described = oracle.describe();
    Ok((Box::new(oracle), Truth { witness }, described))
}

/// The private fault plan of so many workers, whose liars know the parity check, and its witness when there is anything to see.
pub(super) fn plan(config: &TrainConfig, workers: usize, check: &[f64]) -> Result<(Faults, Option<Witness>)> {
    split(fault_plan(config, workers)?.map(|plan| plan.parity_check(check)).as_ref(), workers)
}

/// What a configuration injects; nothing where it injects nothing.
pub(super) fn fault_plan(config: &TrainConfig, workers: usize) -> Result<Option<FaultPlan>> {
    if config.inject_liars + config.inject_slow + config.inject_dead == 0 {
        return Ok(None);
    }
    let plan = FaultPlan::new(workers, Seed(config.seed))
        .liars(config.inject_liars, Attack::parse(&config.attack)?)
        .changing(!config.fixed_liars)
        .slow(config.inject_slow)
        .dead(config.inject_dead);
    Ok(Some(plan))
}

/// A plan for the carrier and for an observer; without one nobody is faulty.
pub(super) fn split(plan: Option<&FaultPlan>, workers: usize) -> Result<(Faults, Option<Witness>)> {
    match plan {
        None => Ok((Faults::none(workers), None)),
        Some(plan) => plan.clone().split().map(|(faults, witness)| (faults, Some(witness))),
    }
}
