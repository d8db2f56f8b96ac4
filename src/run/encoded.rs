//! Training on encoded data: which frame a configuration asks for, and the fleet that it runs on.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};

use super::config::{DeviceKind, FleetKind, TrainConfig};
use super::fleets::{Opened, Truth, plan, takes_gpu};
use super::prepare::Prepared;
use super::task::HINGE;
use crate::coding::{Encoding, FRAMES, frame_by_name, is_frame};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::fleet::{BlockFleet, Clock, Delay, Gather};
use crate::kernel::HadamardDevice;
use crate::method::Problem;
use crate::objective::Objective;
use crate::oracle::{EncodedLeastSquares, EncodedOracle, LiftedBlocks, MasterProducts};
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::trace::{CodeRecord, EncodedRecord};

/// The frame of a method on encoded data where none is named.
const DEFAULT_FRAME: &str = "hadamard";
/// The method that encodes columns; the others encode rows.
const COLUMNS: &str = "encoded-coordinate-descent";
/// Up to so many columns the curvature of F is computed for the published bound.
const MOST_COLUMNS: usize = 512;

/// Workers with encoded data.
pub(super) enum Encoded {
    /// Rows, for least squares.
    Rows(Box<EncodedLeastSquares>),
    /// Columns.
    Columns(Box<LiftedBlocks>),
}

impl TrainConfig {
    /// Whether the code is a frame, or the method one on encoded data.
    pub(super) fn is_encoded(&self) -> bool {
        self.method.trim().starts_with("encoded-") || self.code.as_deref().is_some_and(is_frame)
    }

    /// The method on encoded data for an objective.
    pub(super) fn encoded_method(&self, objective: &Objective) -> &str {
        match (self.method.as_str(), objective.loss.id().name.as_str(), &objective.regularizer) {
            ("auto", "squared", None) => "encoded-lbfgs",
            ("auto", "squared", Some(_)) => "encoded-proximal-gradient",
            ("auto", ..) => COLUMNS,
            (given, ..) => given,
        }
    }

    fn encoded_code(&self) -> &str {
        self.code.as_deref().unwrap_or(DEFAULT_FRAME)
    }

    /// k.
    pub(super) fn first(&self) -> Result<usize> {
        let Some(name) = &self.gather else { return Ok(self.workers.saturating_sub(self.stragglers)) };
        match Gather::parse(name)? {
            Gather::All => Ok(self.workers),
            Gather::First(k) => Ok(k),
            other => Err(Error::usage("--gather with encoded data", other, "first:k=K, all")),
        }
    }

    /// k, for least squares on encoded rows that are no training; refuses what they can't be run with.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(super) fn check_encoded_rows(&self) -> Result<usize> {
        TrainConfig { method: "encoded-lbfgs".into(), ..self.clone() }.check()?;
        if matches!(self.device, DeviceKind::Gpu | DeviceKind::GpuSoftware) {
            return Err(Error::usage("--device", "a GPU", "auto or cpu"));
        }
        self.first()
    }

    /// Refuses options that mean nothing for workers with encoded data, as far as it takes no data to say so.
    pub(super) fn check_encoded(&self) -> Result<()> {
        let refuse = |option: &str, got: &str, allowed: &str| {
            Err(Error::usage(format!("{option} with encoded data"), got, allowed))
        };
        let code = self.encoded_code();
        let name = code.split(':').next().unwrap_or_default().trim();
        if !is_frame(code) && name != "uncoded" && name != "replication" {
            let allowed = format!("{}, and to compare with uncoded, replication:factor=N", FRAMES.join(", "));
            return refuse("--code", code, &allowed);
        }
        if !self.method.starts_with("encoded-") && self.method != "auto" {
            let allowed =
                "auto, encoded-gradient-descent, encoded-lbfgs, encoded-proximal-gradient, encoded-coordinate-descent";
            return refuse("--method", &self.method, allowed);
        }
        if self.task.as_deref() == Some(HINGE) {
            return refuse("--task", HINGE, "squared-hinge, with encoded-coordinate-descent");
        }
        if let Some(aggregator) = &self.aggregator {
            return refuse("--aggregator", aggregator, "none: replies are added up");
        }
        if self.liars > 0 {
            let liars = self.liars.to_string();
            return refuse("--liars", &liars, "0: nothing is decoded, so no lie is found (real-parity finds them)");
        }
        if let Some(keys) = self.keys.filter(|&keys| keys > 0) {
            return refuse("--keys", &keys.to_string(), "none: keys check products");
        }
        if self.fleet == FleetKind::Tcp {
            return refuse("--fleet", "tcp", "simulated");
        }
        let gpu = matches!(self.device, DeviceKind::Gpu | DeviceKind::GpuSoftware);
        if gpu && name != DEFAULT_FRAME {
            let got = format!("a GPU, and --code {code}");
            return refuse("--device", &got, "auto or cpu; a GPU with --code hadamard, whose transform it has");
        }
        // A GPU encodes in f32; whatever encoded, workers compute in f64.
        let kept = if gpu { Precision::F32 } else { Precision::F64 };
        if let Some(precision) = self.precision.filter(|&p| p != kept) {
            return refuse("--precision", &precision.to_string(), &format!("auto or {kept}"));
        }
        Gather::First(self.first()?).check(self.workers)
    }
}

/// Encodes the data for simulated workers. Beside them: the master's own products for the values in the record, the observer of the
/// truth, and what the fleet is; and the code as a record has it.
///
/// # Errors
/// [`Error::Usage`] for a frame or a number of replies that the data or the workers don't allow.
pub(super) fn open<'a>(
    config: &TrainConfig,
    method: &str,
    objective: &Objective,
    prepared: &'a Prepared,
) -> Result<(Encoded, Opened<'a>, CodeRecord)> {
    let (seed, first, features) = (Seed(config.seed), config.first()?, &prepared.features);
    let clock = Clock { delay: Delay::parse(&config.delay)?, seed, ..Clock::default() };
    let (faults, witness) = plan(config, config.workers, &[])?;
    let fleet = BlockFleet::new(faults, clock);
    let lifted = method == COLUMNS;
    let encoded_size = if lifted { features.cols() } else { features.rows() };
    let encoding = frame_by_name(config.encoded_code(), encoded_size, config.workers, seed)?;
    // What is encoded by columns is exact in the limit whoever answers.
    encoding.check_first(first, config.uncertified || lifted)?;
    let code = encoded_code(&encoding, first, lifted);
    let what = if lifted { "columns" } else { "rows" };
    // `auto` stays on the CPU: a transform is a small part of a run, and f32 a large part of its error.
    let mut device = match config.device {
        DeviceKind::Gpu | DeviceKind::GpuSoftware if takes_gpu(config)? => Some(transformer(config)?),
        _ => None,
    };
    let by = device.as_ref().map_or(String::new(), |device| format!("; encoded in f32 by gpu {}", device.name()));
    let described = format!("{} simulated workers that hold encoded {what} (cpu, f64{by})", config.workers);
    let device = device.as_mut().map(|device| &mut **device as &mut dyn HadamardDevice);
    let encoded = if lifted {
        Encoded::Columns(Box::new(LiftedBlocks::on(device, features, encoding, fleet, first)?))
    } else {
        if objective.loss.id().name != "squared" {
            let allowed = "task squared; encoded-coordinate-descent, which encodes columns, for others";
            return Err(Error::usage(
                format!("method {method}"),
                format!("task {}", objective.loss.id().name),
                allowed,
            ));
        }
        let oracle = EncodedLeastSquares::on(device, features, &prepared.labels, encoding, fleet, first, seed)?;
        Encoded::Rows(Box::new(oracle))
    };
    let products = MasterProducts::new(Cow::Borrowed(features));
    Ok((encoded, (Box::new(products), Truth { witness }, described), code))
}

/// An encoding as a record has it; what is measured comes when the run is over.
pub(super) fn encoded_code(encoding: &Encoding, first: usize, lifted: bool) -> CodeRecord {
    let frame = encoding.frame();
    CodeRecord {
        name: frame.name(),
        workers: encoding.workers(),
        blocks: encoding.workers(),
        redundancy: encoding.row_count() as f64 / frame.columns() as f64,
        liars: 0,
        stragglers: encoding.workers() - first,
        approximate: true,
        encoded: Some(EncodedRecord {
            columns: lifted,
            first,
            tight: frame.is_tight(),
            equiangular: frame.is_equiangular(),
            ..EncodedRecord::default()
        }),
    }
}

/// The GPU that a configuration means.
#[cfg(feature = "gpu")]
fn transformer(config: &TrainConfig) -> Result<Box<dyn HadamardDevice>> {
    let choice = super::fleets::choice(config);
    Ok(Box::new(crate::device::gpu::GpuHadamard::open(&choice, crate::device::gpu::GpuOptions::default())?))
}

#[cfg(not(feature = "gpu"))]
fn transformer(_config: &TrainConfig) -> Result<Box<dyn HadamardDevice>> {
    Err(Error::usage("--device", "a GPU, in a build without the feature gpu", "cpu, auto"))
}

impl Encoded {
    /// Joins it to a problem.
    pub fn attach<'a>(&'a mut self, problem: Problem<'a>) -> Problem<'a> {
        match self {
            Encoded::Rows(oracle) => problem.with_encoded(&mut **oracle),
            Encoded::Columns(blocks) => problem.with_lifted(blocks),
        }
    }

    /// Completes the record with what is known once the run is over. `gap` is the bound on F - F* from one uncoded evaluation, where it
    /// was asked for.
    ///
    /// # Errors
    /// Eigenvalues that can't be found.
    pub fn complete(
        &mut self,
        record: &mut EncodedRecord,
        features: &Matrix<f64>,
        l2: f64,
        gap: Option<f64>,
    ) -> Result<()> {
        record.true_gap = gap;
        match self {
            Encoded::Rows(oracle) => measure(oracle, record, features, l2),
            Encoded::Columns(_) => Ok(()),
        }
    }
}

/// Completes the record of encoded rows with what their subsets keep, and whether the published bound applies.
///
/// # Errors
/// Eigenvalues that can't be found.
pub(super) fn measure(
    oracle: &mut EncodedLeastSquares,
    record: &mut EncodedRecord,
    features: &Matrix<f64>,
    l2: f64,
) -> Result<()> {
    let spectrum = oracle.spectrum()?;
    record.subsets = spectrum.subsets;
    record.exhaustive = spectrum.exhaustive;
    record.smallest = spectrum.smallest;
    record.median_smallest = spectrum.median_smallest;
    record.largest = spectrum.largest;
    record.epsilon = spectrum.epsilon();
    record.thin_overlaps = oracle.thin_overlaps();
    // mu <= M: from eps = 1/2 on the bound says nothing about any data.
    if record.epsilon < 0.5 {
        record.conditioning = conditioning(features, l2);
    }
    record.contraction = record.conditioning.map(|conditioning| spectrum.contraction(conditioning));
    record.bound_applies = record.contraction.is_some_and(|contraction| contraction < 1.0);
    Ok(())
}

/// mu / M: the extreme eigenvalues of `X'X/n + l2 I`; nothing for more than 512 columns.
fn conditioning(features: &Matrix<f64>, l2: f64) -> Option<f64> {
    let (n, d) = (features.rows(), features.cols());
    if d > MOST_COLUMNS {
        return None;
    }
    let mut gram = Mat::<f64>::zeros(d, d);
    for start in (0..n).step_by(256) {
        let rows = start..(start + 256).min(n);
        let mut dense = vec![0.0; rows.len() * d];
        for (i, to) in rows.clone().zip(dense.chunks_exact_mut(d)) {
            features.for_each_in_row(i, |j, x| to[j] = x);
        }
        let block = MatRef::from_row_major_slice(&dense, rows.len(), d);
        matmul(gram.as_mut(), Accum::Add, block.transpose(), block, 1.0 / n as f64, Par::Seq);
    }
    let values = gram.self_adjoint_eigenvalues(Side::Lower).ok()?;
    Some((values[0].max(0.0) + l2) / (values[d - 1] + l2))
}
