//! What every command that runs on a fleet can be told of it.

use clap::{Args, ValueEnum};
use steadfast::run::{DeviceKind, FleetKind, TrainConfig, WorkerCommand};
use steadfast::scalar::Precision;
use steadfast::seed::Seed;

/// `--precision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionArg {
    /// f64 on the CPU, f32 on a GPU
    Auto,
    F64,
    F32,
    F16,
}

impl PrecisionArg {
    /// `None` for `auto`.
    pub fn precision(self) -> Option<Precision> {
        match self {
            PrecisionArg::Auto => None,
            PrecisionArg::F64 => Some(Precision::F64),
            PrecisionArg::F32 => Some(Precision::F32),
            PrecisionArg::F16 => Some(Precision::F16),
        }
    }
}

#[derive(Debug, Args)]
pub struct FleetOptions {
    #[command(flatten)]
    tolerated: Tolerated,
    #[command(flatten)]
    faults: Faults,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What the code must tolerate")]
struct Tolerated {
    /// Workers m [default: 15]
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    workers: Option<usize>,
    /// uncoded, replication, real-parity, mds, product, or short-dot (with parameters `name:key=value,…`); for workers that send gradients
    /// (`train`) gradient-coding, draco, detox or lagrange; for approximate answers from the first replies (`train`) the frames
    /// hadamard, steiner, paley, hadamard-etf, gaussian, haar-wavelet [default: real-parity with --liars or --stragglers, else uncoded]
    #[arg(long, value_name = "NAME")]
    code: Option<String>,
    /// Robust aggregation without a code, or over detox (`train`): mean, median, trimmed-mean, geometric-median, krum, multi-krum,
    /// bulyan, centered-clipping
    #[arg(long, value_name = "NAME")]
    aggregator: Option<String>,
    /// Lying workers to tolerate
    #[arg(long, default_value_t = 0, value_name = "T", allow_negative_numbers = true)]
    liars: usize,
    /// Slow or dead workers to tolerate
    #[arg(long, default_value_t = 0, value_name = "S", allow_negative_numbers = true)]
    stragglers: usize,
    /// Secret check vectors a worker [default: 2 for more than 16 workers with liars, else 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    keys: Option<usize>,
    /// Beyond the code's guarantee, go on and say so
    #[arg(long)]
    uncertified: bool,
    /// all, first:k=K, decodable, deadline:s=S, or speculative:wait=X [default: decodable with --stragglers, else all]
    #[arg(long)]
    gather: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What the fleet does")]
struct Faults {
    /// Workers that lie
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    inject_liars: usize,
    /// What they send: gaussian, sign-flip, scale, zero, constant, replay, nan, entries, collude, all-ones, near-code,
    /// threshold, alie, inner-product, mimic, label-flip (where workers hold labels)
    #[arg(long, default_value = "gaussian", value_name = "NAME")]
    attack: String,
    /// The same workers lie in every round (else others each round)
    #[arg(long)]
    fixed_liars: bool,
    /// Workers that are slow
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    inject_slow: usize,
    /// Workers that are dead
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    inject_dead: usize,
    /// none, exponential, lognormal, pareto, bimodal, trimodal, lambda, or trace:FILE
    #[arg(long, default_value = "none", value_name = "MODEL")]
    delay: String,
    /// Simulated in this process, or worker processes over TCP on this machine
    #[arg(long, value_enum, default_value_t)]
    fleet: FleetKind,
    /// Where simulated workers compute
    #[arg(long, value_enum, default_value_t)]
    device: DeviceKind,
    /// How shards are stored
    #[arg(long, value_enum, default_value = "auto")]
    precision: PrecisionArg,
    /// Threads of the CPU device [default: all cores]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    threads: Option<usize>,
    /// The one seed of everything random
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    seed: u64,
}

impl FleetOptions {
    /// The one seed of everything random.
    pub fn seed(&self) -> Seed {
        Seed(self.faults.seed)
    }

    /// Whether anything was said of a fleet, for commands that can do without one.
    pub fn given(&self) -> bool {
        self.tolerated.workers.is_some() || self.config() != TrainConfig::default()
    }

    /// The options as the library takes them, in a configuration with defaults elsewhere.
    pub fn config(&self) -> TrainConfig {
        let (code, fleet) = (&self.tolerated, &self.faults);
        TrainConfig {
            workers: code.workers.unwrap_or(TrainConfig::default().workers),
            code: code.code.clone(),
            aggregator: code.aggregator.clone(),
            liars: code.liars,
            stragglers: code.stragglers,
            keys: code.keys,
            uncertified: code.uncertified,
            gather: code.gather.clone(),
            inject_liars: fleet.inject_liars,
            attack: fleet.attack.clone(),
            fixed_liars: fleet.fixed_liars,
            inject_slow: fleet.inject_slow,
            inject_dead: fleet.inject_dead,
            delay: fleet.delay.clone(),
            fleet: fleet.fleet,
            device: fleet.device,
            precision: fleet.precision.precision(),
            threads: fleet.threads,
            seed: fleet.seed,
            ..TrainConfig::default()
        }
    }
}

/// How a worker process of `--fleet tcp` is started: this program again.
pub fn worker_command() -> Option<WorkerCommand> {
    let program = std::env::current_exe().ok()?;
    Some(WorkerCommand { program, arguments: vec!["worker".into()] })
}
