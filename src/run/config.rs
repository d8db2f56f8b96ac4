//! Everything a training run can be told, with the command line's defaults and names.

use crate::data::RowOrder;
use crate::scalar::Precision;

/// Which carrier moves the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum FleetKind {
    /// Workers simulated in this process, in virtual time.
    #[default]
    Simulated,
    /// Worker processes on this machine, started by the program.
    Tcp,
}

/// Which device simulated workers compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DeviceKind {
    /// A hardware GPU where there is one and the precision allows it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU; the software adapter too, when there is no other.
    Gpu,
    /// A GPU emulated on the CPU, also where there is a hardware one.
    GpuSoftware,
}

/// A training run. [`TrainConfig::default`] is what the command line does without options.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct TrainConfig {
    /// Loss by name with parameters (`logistic`, `huber:delta=1`, …); `None` takes it from the labels. `hinge` is the support
    /// vector machine `(1/n) sum_i max(0, 1 - y_i x_i . w) + (l2/2) |w|^2`, its intercept penalized like a weight, solved through its
    /// dual (paper 002, section 2.1): by `fista` (`auto`), `proximal-gradient` or `coordinate-descent`, on the matrix
    /// `X' diag(y)`, until the duality gap is at most the tolerance. Its iterations record the dual's value, negated; the end the
    /// primal's and the gap.
    pub task: Option<String>,
    /// Weight of `|w|^2 / 2`.
    pub l2: f64,
    /// Weight of `|w|_1`.
    pub l1: f64,
    /// A constraint by name (`box:lo=-1,hi=1`, `simplex`, `l2-ball:radius=1`, `non-negative`).
    pub constraint: Option<String>,
    /// Adds a constant column that is not penalized.
    pub intercept: bool,
    /// Centers and scales the columns (sparse data: scales only).
    pub standardize: bool,
    /// Order of the rows.
    pub partition: RowOrder,
    /// Method by name with parameters, or `auto`.
    pub method: String,
    /// Sketch of the Hessian, for the over-sketched methods.
    pub sketch: String,
    /// Most iterations.
    pub iterations: usize,
    /// On the gradient norm, the duality gap or the proximal step: see [`crate::method`].
    pub tolerance: f64,
    /// Wall seconds after which it stops.
    pub time_limit: Option<f64>,
    /// m.
    pub workers: usize,
    /// Code by name with parameters; `None`: `uncoded`, or `real-parity` where liars or stragglers must be tolerated.
    pub code: Option<String>,
    /// Robust aggregator of the gradients of workers, without a code or over the groups of `detox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregator: Option<String>,
    /// Liars the code must tolerate.
    pub liars: usize,
    /// Stragglers the code must tolerate.
    pub stragglers: usize,
    /// Secret check vectors a worker; `None`: 2 for more than 16 workers with liars, else none.
    pub keys: Option<usize>,
    /// Of an approximate run on encoded data, bounds F - F* at the end by one evaluation on the data as read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub true_gap: bool,
    /// Goes on beyond the code's guarantee and says so, where it would refuse.
    pub uncertified: bool,
    /// Gather policy; `None`: `decodable` where stragglers are tolerated, else `all`.
    pub gather: Option<String>,
    /// Liars among the simulated workers.
    pub inject_liars: usize,
    /// What they send.
    pub attack: String,
    /// True: the same workers lie in every round; false: others each round.
    pub fixed_liars: bool,
    /// Slow workers.
    pub inject_slow: usize,
    /// Dead workers.
    pub inject_dead: usize,
    /// Delay model.
    pub delay: String,
    /// Carrier.
    pub fleet: FleetKind,
    /// Device.
    pub device: DeviceKind,
    /// Storage precision; `None`: f64 on the CPU, f32 on a GPU.
    pub precision: Option<Precision>,
    /// Threads of the CPU device; `None`: all cores.
    pub threads: Option<usize>,
    /// The one seed.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            task: None,
            l2: 0.0,
            l1: 0.0,
            constraint: None,
            intercept: false,
            standardize: false,
            partition: RowOrder::Contiguous,
            method: "auto".into(),
            sketch: "oversketch".into(),
            iterations: 5000,
            tolerance: 1e-8,
            time_limit: None,
            workers: 15,
            code: None,
            aggregator: None,
            liars: 0,
            stragglers: 0,
            keys: None,
            true_gap: false,
            uncertified: false,
            gather: None,
            inject_liars: 0,
            attack: "gaussian".into(),
            fixed_liars: false,
            inject_slow: 0,
            inject_dead: 0,
            delay: "none".into(),
            fleet: FleetKind::Simulated,
            device: DeviceKind::Auto,
            precision: None,
            threads: None,
            seed: 0,
        }
    }
}
