//! Workers that send gradients: the assignment code or aggregator a configuration asks for, and the fleet that it runs on.

use std::borrow::Cow;
use std::sync::Arc;

use super::config::{DeviceKind, FleetKind, TrainConfig};
use super::fleets::{Opened, Truth, plan};
use crate::coding::{AssignmentCode, Lagrange, Tolerance, assignment_by_name};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{Attack, BlockFleet, Clock, Delay};
use crate::objective::Objective;
use crate::oracle::{GradientOracle, LagrangeGradients, LocalGradients, MasterProducts};
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::trace::CodeRecord;

/// A code whose workers send gradients.
pub(super) enum GradientCode {
    /// Of the rows and labels that they hold.
    Assignment(Arc<dyn AssignmentCode>),
    /// Of linear regression on encoded rows.
    Lagrange(Lagrange),
}

impl GradientCode {
    pub fn name(&self) -> String {
        match self {
            GradientCode::Assignment(code) => code.name(),
            GradientCode::Lagrange(_) => "lagrange".into(),
        }
    }

    /// As a record has it.
    pub fn record(&self, config: &TrainConfig) -> CodeRecord {
        let (blocks, redundancy, exact) = match self {
            GradientCode::Assignment(code) => (code.parts(), code.redundancy(), code.is_exact()),
            GradientCode::Lagrange(code) => (code.blocks(), code.redundancy(), true),
        };
        CodeRecord {
            name: self.name(),
            workers: config.workers,
            blocks,
            redundancy,
            liars: config.liars,
            stragglers: config.stragglers,
            approximate: !exact,
            encoded: None,
        }
    }
}

impl TrainConfig {
    /// The code or aggregator of gradients that `code` and `aggregator` name; nothing where workers compute products.
    ///
    /// # Errors
    /// [`Error::Usage`] for a parameter or a tolerance that it can't have.
    pub(super) fn gradient_code(&self) -> Result<Option<GradientCode>> {
        let name = match (&self.code, &self.aggregator) {
            (None, None) => return Ok(None),
            (Some(name), _) => name,
            (None, Some(_)) => "uncoded",
        };
        let tolerance = Tolerance { liars: self.liars, stragglers: self.stragglers };
        let seed = Seed(self.seed);
        if name == "lagrange" && self.aggregator.is_none() {
            return Ok(Some(GradientCode::Lagrange(Lagrange::new(self.workers, tolerance, seed)?)));
        }
        let made = assignment_by_name(name, self.aggregator.as_deref(), self.workers, tolerance, seed)?;
        Ok(made.map(GradientCode::Assignment))
    }

    /// Refuses options that mean nothing for workers that send gradients.
    pub(super) fn check_gradients(&self, code: &GradientCode) -> Result<()> {
        let refuse = |option: &str, got: String, allowed: &str| {
            Err(Error::usage(format!("{option} with workers that send gradients ({})", code.name()), got, allowed))
        };
        if matches!(code, GradientCode::Lagrange(_)) && Attack::parse(&self.attack)?.poisons_labels() {
            return refuse("--attack", self.attack.clone(), "another: their workers hold no labels");
        }
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

/// The workers, the master's own products for the values in the record, the observer of the truth, and what the fleet is.
///
/// # Errors
/// [`Error::Usage`] for names that can't be used, and more parts than rows.
pub(super) fn open<'a>(
    config: &TrainConfig,
    code: &GradientCode,
    objective: &Objective,
    features: &'a Matrix<f64>,
    labels: &[f64],
) -> Result<(Box<dyn GradientOracle>, Opened<'a>)> {
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed: Seed(config.seed), ..Clock::default() };
    let (faults, witness) = plan(config, config.workers, &[])?;
    let fleet = BlockFleet::new(faults, clock);
    let (oracle, what): (Box<dyn GradientOracle>, &str) = match code {
        GradientCode::Assignment(code) => {
            let loss = objective.loss.clone();
            (Box::new(LocalGradients::new(features, labels, loss, fleet, code.clone())?), "rows")
        }
        GradientCode::Lagrange(code) => {
            let loss = objective.loss.id().name;
            if loss != "squared" {
                let allowed = "task squared: its gradient is a polynomial of the data";
                return Err(Error::usage("--code lagrange", format!("task {loss}"), allowed));
            }
            (Box::new(LagrangeGradients::new(features, labels, fleet, code.clone())?), "encoded rows")
        }
    };
    let described = format!("{} simulated workers that hold {what} and send gradients (cpu, f64)", config.workers);
    let products = MasterProducts::new(Cow::Borrowed(features));
    Ok((oracle, (Box::new(products), Truth { witness }, described)))
}
