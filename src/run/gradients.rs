//! Workers that send gradients: the assignment code or aggregator a configuration asks for, and the fleet that it runs on.

use std::borrow::Cow;
use std::sync::Arc;

use super::config::{DeviceKind, FleetKind, TrainConfig};
use super::fleets::{Opened, Truth, plan};
use crate::coding::{AssignmentCode, Tolerance, assignment_by_name};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay};
use crate::objective::Objective;
use crate::oracle::{GradientOracle, LocalGradients, MasterProducts};
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::trace::CodeRecord;

impl TrainConfig {
    /// The assignment code or aggregator that `code` and `aggregator` name; nothing where workers compute products.
    ///
    /// # Errors
    /// [`Error::Usage`] for a parameter or a tolerance that it can't have.
    pub fn assignment(&self) -> Result<Option<Arc<dyn AssignmentCode>>> {
        let name = match (&self.code, &self.aggregator) {
            (None, None) => return Ok(None),
            (Some(name), _) => name,
            (None, Some(_)) => "uncoded",
        };
        let tolerance = Tolerance { liars: self.liars, stragglers: self.stragglers };
        assignment_by_name(name, self.aggregator.as_deref(), self.workers, tolerance, Seed(self.seed))
    }

    /// Refuses options that mean nothing for workers that send gradients.
    pub(super) fn check_gradients(&self, code: &dyn AssignmentCode) -> Result<()> {
        let refuse = |option: &str, got: String, allowed: &str| {
            Err(Error::usage(format!("{option} with workers that send gradients ({})", code.name()), got, allowed))
        };
        if self.method != "auto" && self.method.split(':').next() != Some("robust-gd") {
            return refuse("--method", self.method.clone(), "auto or robust-gd: nothing else does without products");
        }
        if self.fleet == FleetKind::Tcp {
            return refuse("--fleet", "tcp".into(), "simulated");
        }
        if matches!(self.device, DeviceKind::Gpu | DeviceKind::GpuSoftware) {
            return refuse("--device", "a GPU".into(), "auto or cpu");
        }
        if let Some(precision) = self.precision.filter(|&p| p != Precision::F64) {
            return refuse("--precision", precision.to_string(), "auto or f64");
        }
        if let Some(keys) = self.keys.filter(|&keys| keys > 0) {
            return refuse("--keys", keys.to_string(), "none: keys check products");
        }
        if self.uncertified {
            return refuse("--uncertified", "the option".into(), "none: these codes say what they can't certify");
        }
        if let Some(gather) = &self.gather {
            return refuse("--gather", gather.clone(), "none: a round ends as soon as the code has enough");
        }
        Ok(())
    }
}

/// The code as a record has it.
pub(super) fn code_record(code: &dyn AssignmentCode) -> CodeRecord {
    CodeRecord {
        name: code.name(),
        workers: code.workers(),
        blocks: code.parts(),
        redundancy: code.redundancy(),
        liars: code.tolerance().liars,
        stragglers: code.tolerance().stragglers,
        approximate: !code.is_exact(),
    }
}

/// The workers, the master's own products for the values in the record, the observer of the truth, and what the fleet is.
///
/// # Errors
/// [`Error::Usage`] for names that can't be used, and more parts than rows.
pub fn open<'a>(
    config: &TrainConfig,
    code: &Arc<dyn AssignmentCode>,
    objective: &Objective,
    features: &'a Matrix<f64>,
    labels: &[f64],
) -> Result<(Box<dyn GradientOracle>, Opened<'a>)> {
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed: Seed(config.seed), ..Clock::default() };
    let (faults, witness) = plan(config, code.workers(), &[])?;
    let fleet = BlockFleet::new(faults, clock);
    let oracle = LocalGradients::new(features, labels, objective.loss.clone(), fleet, code.clone())?;
    let described = format!("{} simulated workers that hold rows and send gradients (cpu, f64)", code.workers());
    let products = MasterProducts::new(Cow::Borrowed(features));
    Ok((Box::new(oracle), (Box::new(products), Truth { witness }, described)))
}
