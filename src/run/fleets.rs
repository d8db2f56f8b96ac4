//! From a configuration to a fleet with its shards loaded: precision, device, carrier, faults.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use super::config::TrainConfig;
use crate::coding::DataCode;
use crate::data::Matrix;
use crate::device::{CpuDevice, Device};
use crate::error::Result;
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
pub type Opened = (Box<dyn ProductOracle>, Truth, String);

/// The storage precision a configuration means.
pub fn precision(config: &TrainConfig) -> Precision {
    config.precision.unwrap_or(Precision::F64)
}

/// Opens the fleet a configuration asks for and loads the encoded data.
///
/// # Errors
/// [`crate::error::Error::Usage`] for names or numbers that can't be used; failures of the device.
pub fn open(config: &TrainConfig, code: &Arc<dyn DataCode>, features: &Matrix<f64>) -> Result<Opened> {
    match precision(config) {
        Precision::F64 => open_as::<f64>(config, code, features),
        Precision::F32 => open_as::<f32>(config, code, features),
        Precision::F16 => open_as::<half::f16>(config, code, features),
    }
}

fn open_as<T: Element>(config: &TrainConfig, code: &Arc<dyn DataCode>, features: &Matrix<f64>) -> Result<Opened> {
    let seed = Seed(config.seed);
    let options = OracleOptions {
        gather: Gather::parse(&config.gather_name())?,
        keys: config.key_count(),
        seed,
    };
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed, ..Clock::default() };
    let (faults, witness) = plan(config, &**code)?;
    let device: Box<dyn Device<T>> = Box::new(CpuDevice::<T>::new(config.threads)?);
    let fleet = SimulatedFleet::new(device, faults, clock);
    // Stored as read, a matrix is encoded where it is; else it is rounded once.
    let stored: Cow<'_, Matrix<T>> = match (features as &dyn Any).downcast_ref::<Matrix<T>>() {
        Some(same) => Cow::Borrowed(same),
        None => Cow::Owned(features.convert()),
    };
    let oracle = CodedOracle::new(&*stored, code.clone(), fleet, &options)?;
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
