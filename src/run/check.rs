//! What can be found wrong with a configuration before any work is done.

use super::config::{DeviceKind, FleetKind, TrainConfig};
use super::task::HINGE;
use super::train::make_code;
use crate::data::RowOrder;
use crate::error::{Error, Result};
use crate::fleet::{Attack, Delay, Gather};
use crate::method;
use crate::objective::{LOSS_NAMES, Penalized, Penalty};
use crate::oracle::DirectionPlan;
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::sketch::block_sketch;

/// Refuses numbers outside their range.
fn at_least(what: &str, got: f64, least: f64, open: bool) -> Result<()> {
    let fine = got.is_finite() && if open { got > least } else { got >= least };
    if fine {
        return Ok(());
    }
    let sign = if open { "above" } else { "at least" };
    Err(Error::usage(what, got, format!("a finite number {sign} {least}")))
}

impl TrainConfig {
    /// Refuses what can't be run, whatever the data.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self) -> Result<()> {
        at_least("--l2", self.l2, 0.0, false)?;
        at_least("--l1", self.l1, 0.0, false)?;
        at_least("--tolerance", self.tolerance, 0.0, false)?;
        if let Some(limit) = self.time_limit {
            at_least("--time-limit", limit, 0.0, true)?;
        }
        if self.workers == 0 {
            return Err(Error::usage("--workers", 0, "at least 1"));
        }
        if self.threads == Some(0) {
            return Err(Error::usage("--threads", 0, "at least 1"));
        }
        if self.l1 > 0.0 && self.constraint.is_some() {
            return Err(Error::usage("--l1 with --constraint", "both", "one of the two"));
        }
        let faulty = self.inject_liars + self.inject_slow + self.inject_dead;
        if faulty > self.workers {
            return Err(Error::usage(
                "--inject-liars, --inject-slow and --inject-dead together",
                faulty,
                format!("at most the {} workers", self.workers),
            ));
        }
        let gpu = matches!(self.device, DeviceKind::Gpu | DeviceKind::GpuSoftware);
        if gpu && self.precision == Some(Precision::F64) {
            return Err(Error::usage("--device gpu with --precision", "f64", "f32 or f16 (f64 runs on the CPU)"));
        }
        if gpu && method::CoordinateDescent::is_meant(&self.method) {
            return Err(Error::usage(
                "--method coordinate-descent with --device",
                "gpu, which multiplies with whole shards only",
                "cpu or auto",
            ));
        }
        if gpu && self.samples_rows() {
            return Err(Error::usage(
                "--device gpu with --method",
                &self.method,
                "cpu or auto: rows are recovered there",
            ));
        }
        if self.fleet == FleetKind::Tcp && gpu {
            return Err(Error::usage(
                "--fleet tcp with --device",
                "gpu",
                "cpu or auto: worker processes compute on the CPU",
            ));
        }
        self.check_names()
    }

    /// Refuses what can't be run where rows come after others were encoded.
    pub(super) fn check_growth(&self) -> Result<()> {
        let refuse =
            |what: &str, got: &str, allowed: &str| Err(Error::usage(format!("--append with {what}"), got, allowed));
        if self.standardize {
            return refuse("--standardize", "columns scaled by moments of all rows", "columns as they are");
        }
        if self.partition != RowOrder::Contiguous {
            return refuse("--partition", self.partition.name(), "contiguous: later rows come last");
        }
        if self.task.as_deref() == Some(HINGE) {
            return refuse("--task", HINGE, "a task whose rows are encoded as they are");
        }
        if method::CoordinateDescent::is_meant(&self.method) {
            return refuse("--method", &self.method, "a method that multiplies with whole shards");
        }
        if self.is_encoded() || self.is_local()? || method::CodedDino::is_meant(&self.method) {
            return refuse("--method", &self.method, "a method over a code for products, whose shards can grow");
        }
        if let Some(code) = self.gradient_code()? {
            return refuse(
                "--code",
                &code.name(),
                "a code for products: uncoded, replication, real-parity, mds or product",
            );
        }
        Ok(())
    }

    /// Whether the method's workers have rows of their own and no code.
    pub(super) fn is_local(&self) -> Result<bool> {
        Ok(self.method != "auto" && method::by_name(&self.method)?.is_local())
    }

    /// Whether the method recovers single rows, which devices other than the CPU don't send.
    pub(super) fn samples_rows(&self) -> bool {
        self.method.split(':').next().unwrap_or_default().trim() == "sgd"
    }

    /// Refuses names and parameters that nothing has, so that a long read of the data does not come first.
    fn check_names(&self) -> Result<()> {
        let name = self.task.as_deref().unwrap_or("squared").split(':').next().unwrap_or_default();
        let is_loss = LOSS_NAMES.iter().any(|known| known.split(':').next() == Some(name));
        if !(is_loss || self.task.as_deref() == Some(HINGE)) {
            return Err(Error::usage("--task", name, format!("{}, {HINGE}", LOSS_NAMES.join(", "))));
        }
        if let Some(constraint) = &self.constraint {
            Penalty::parse(constraint, Penalized::new(1, false)?)?;
        }
        let local = self.is_local()?;
        self.direction_plan()?;
        // One column and one row: what is left to find is a sketch that the data don't allow.
        block_sketch(&self.sketch, 1 << 20, 1, Seed(self.seed))?;
        Attack::parse(&self.attack)?;
        let delay = Delay::parse(&self.delay)?;
        if self.fleet == FleetKind::Tcp && delay != Delay::None {
            return Err(Error::usage("--delay with --fleet tcp", &self.delay, "none: real workers take real time"));
        }
        if local {
            return self.check_local();
        }
        if self.is_encoded() {
            return self.check_encoded();
        }
        if self.true_gap {
            return Err(Error::usage(
                "--true-gap",
                "a code that is not approximate",
                "a frame's --code, or without it",
            ));
        }
        if let Some(code) = self.gradient_code()? {
            return self.check_gradients(&code);
        }
        if self.inject_liars > 0 && Attack::parse(&self.attack)?.poisons_labels() {
            let allowed = "an attack on products; or workers that hold labels: --code draco, detox, gradient-coding, --aggregator";
            return Err(Error::usage("--attack", &self.attack, allowed));
        }
        let code = make_code(self)?;
        let gather = Gather::parse(&self.gather_name())?;
        if self.fleet == FleetKind::Tcp && matches!(gather, Gather::Speculative(_)) {
            let allowed = "all, first, decodable or deadline: it has no fresh workers to start a task on";
            return Err(Error::usage("--gather with --fleet tcp", gather, allowed));
        }
        gather.check(code.workers())
    }

    /// The code's name with parameters: as asked, or what the tolerance needs; for GIANT with gradient coding the same repetition
    /// as its directions have.
    pub fn code_name(&self) -> String {
        match &self.code {
            Some(name) => name.clone(),
            None if self.liars == 0 && matches!(self.direction_plan(), Ok(Some(DirectionPlan::Coding { .. }))) => {
                "replication".into()
            }
            None if self.liars > 0 || self.stragglers > 0 => "real-parity".into(),
            None => "uncoded".into(),
        }
    }

    /// Secret check vectors a worker: as asked, or two where collusion could not be resisted otherwise.
    pub fn key_count(&self) -> usize {
        let parity = self.code_name().starts_with("real-parity");
        // Keys belong to whole shards, and coordinate descent multiplies with parts.
        let whole = !method::CoordinateDescent::is_meant(&self.method);
        self.keys.unwrap_or(if parity && whole && self.workers > 16 && self.liars > 0 { 2 } else { 0 })
    }

    /// The gather policy's name: as asked, or what the tolerance needs.
    pub fn gather_name(&self) -> String {
        match &self.gather {
            Some(name) => name.clone(),
            None if self.stragglers > 0 => "decodable".into(),
            None => "all".into(),
        }
    }
}
