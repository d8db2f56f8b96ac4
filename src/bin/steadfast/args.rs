//! The command line's arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use steadfast::data::RowOrder;
use steadfast::run::{Checkpoint, TrainConfig};

use crate::consensus::{ConsensusArgs, NetworkArgs};
use crate::encoded::{FactorizeArgs, ProjectArgs};
use crate::fleet_options::{FleetOptions, PrecisionArg};
use crate::linear::{EigenArgs, PageRankArgs, SolveArgs};

/// Trains models on workers that may be slow, dead or lying, and returns the answer a fault-free fleet would have
/// returned, or says clearly that it could not.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model
    Train(Box<TrainArgs>),
    /// Predict with a trained model, and score it where the data has labels
    Predict(PredictArgs),
    /// Storage, compute and communication of each code for a problem's size
    Plan(PlanArgs),
    /// Solve a linear program by the barrier method (paper 001)
    Lp(Box<LpArgs>),
    /// Eigenpairs of a matrix, largest in modulus first
    Eigen(Box<EigenArgs>),
    /// PageRank scores of a graph's nodes
    Pagerank(Box<PageRankArgs>),
    /// Solve a linear system
    Solve(Box<SolveArgs>),
    /// Factorize ratings by alternating ridge problems, the large ones on workers with encoded data (paper 000)
    ///
    /// --code takes a frame, uncoded or replication, of which the first replies count, and mds or product, which decode [default: steiner]
    Factorize(Box<FactorizeArgs>),
    /// Project a point onto an affine set or a polyhedron, on workers with encoded data (paper 000)
    ///
    /// --code takes a frame, uncoded or replication [default: hadamard]
    Project(Box<ProjectArgs>),
    /// Sizes, spectrum and condition numbers of a network (paper 004)
    Network(NetworkArgs),
    /// Minimize a sum of functions spread over a network, by exchanges between neighbours alone (paper 004)
    Consensus(Box<ConsensusArgs>),
    /// What this program can run on, and what `--device auto` would take
    Devices(JsonArgs),
    /// A table or figure of a paper, beside the paper's number
    Reproduce(ReproduceArgs),
    /// A worker process of `--fleet tcp`; started by the program itself
    #[command(hide = true)]
    Worker,
}

#[derive(Debug, Args)]
pub struct JsonArgs {
    /// A machine-readable result on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// LIBSVM text (plain, .gz, .xz), CSV with a header, or `synthetic:KIND,rows=…,cols=…`
    pub data: String,

    /// squared, logistic, softmax, huber:delta=…, poisson, squared-hinge, hinge (through its dual) [default: from the labels]
    #[arg(long, help_heading = "Problem")]
    pub task: Option<String>,
    /// Weight of |w|^2/2
    #[arg(long, default_value_t = 0.0, help_heading = "Problem", allow_hyphen_values = true)]
    pub l2: f64,
    /// Weight of |w|_1
    #[arg(long, default_value_t = 0.0, help_heading = "Problem", allow_hyphen_values = true)]
    pub l1: f64,
    /// box:lo=…,hi=…, simplex:radius=…, l2-ball:radius=…, or non-negative
    #[arg(long, help_heading = "Problem")]
    pub constraint: Option<String>,
    /// Add a constant column, never penalized
    #[arg(long, help_heading = "Problem")]
    pub intercept: bool,
    /// Center and scale the columns (sparse data: scale only)
    #[arg(long, help_heading = "Problem")]
    pub standardize: bool,
    /// Rows that join the encoded data at the workers: the run is that of both files
    #[arg(long, value_name = "FILE", conflicts_with = "test_fraction", help_heading = "Problem")]
    pub append: Option<String>,
    /// Data to score the model on
    #[arg(long, value_name = "FILE", conflicts_with = "test_fraction", help_heading = "Problem")]
    pub test: Option<String>,
    /// Share of the rows to keep for scoring
    #[arg(long, value_name = "X", help_heading = "Problem", allow_hyphen_values = true)]
    pub test_fraction: Option<f64>,
    /// The label's column of a CSV
    #[arg(long, value_name = "NAME", help_heading = "Problem")]
    pub label: Option<String>,
    /// Turn text columns of a CSV into one column a value
    #[arg(long, help_heading = "Problem")]
    pub one_hot: bool,
    /// Order of the rows before encoding: contiguous, shuffled or sorted
    #[arg(long, default_value = "contiguous", help_heading = "Problem")]
    pub partition: RowOrder,

    /// auto, gradient-descent, proximal-gradient, fista, lbfgs, newton or oversketched-newton (both with step=search|unit
    /// and grow=true|false), giant:stragglers=wait|coding|ignore (of them --stragglers),
    /// coordinate-descent:blocks=cyclic|random|greedy,fraction=0.1, dual-barrier or oversketched-dual-barrier (the lasso),
    /// on encoded data (a frame's --code) encoded-lbfgs, encoded-gradient-descent, encoded-proximal-gradient and
    /// encoded-coordinate-descent (any loss with one output, exact in the limit);
    /// robust-gd:step=…, sgd:batch=B,step=A,schedule=constant|inverse|sqrt,average=true,steps=N (of one iteration; an epoch
    /// unless given); with rows of its own at every worker: dino or dingo (theta=…,phi=…), hessian-free-giant,
    /// disco:preconditioner=none|first,mu=…, inexact-dane:step=…, aide:step=…,tau=…, synchronous-sgd:step=…; with rows and
    /// shards: coded-dino, coded-giant (theta=…)
    #[arg(long, default_value = "auto", help_heading = "Method")]
    pub method: String,
    /// Of the Hessian: oversketch:factor=…,block=…,extra=…, count-sketch or uniform (the oversketched methods)
    #[arg(long, default_value = "oversketch", value_name = "NAME", help_heading = "Method")]
    pub sketch: String,
    /// Most iterations
    #[arg(long, default_value_t = 5000, help_heading = "Method", allow_negative_numbers = true)]
    pub iterations: usize,
    /// On the gradient norm (l1 and constraints: duality gap, else the proximal step)
    #[arg(long, default_value_t = 1e-8, help_heading = "Method", allow_hyphen_values = true)]
    pub tolerance: f64,
    /// Wall seconds
    #[arg(long, value_name = "S", help_heading = "Method", allow_hyphen_values = true)]
    pub time_limit: Option<f64>,
    /// Of a run on encoded data, bound at the end how far above the optimum it is, by one evaluation on the data as read
    #[arg(long, help_heading = "Method")]
    pub true_gap: bool,
    /// Start from a model file or a checkpoint
    #[arg(long, value_name = "MODEL", help_heading = "Method")]
    pub init: Option<PathBuf>,
    /// Take in every round the replies that counted in the run of this record (same options and data): the same numbers
    #[arg(long, value_name = "RECORD", help_heading = "Method")]
    pub replay: Option<PathBuf>,

    #[command(flatten)]
    pub fleet_options: FleetOptions,

    /// Keep the model found so far in this file while the run goes on (JSON); --init goes on from it
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub checkpoint: Option<PathBuf>,
    /// Iterations between checkpoints
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        requires = "checkpoint",
        allow_negative_numbers = true,
        help_heading = "Output"
    )]
    pub checkpoint_every: usize,
    /// Write the model (JSON)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub model: Option<PathBuf>,
    /// Write the record of the run (JSON)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub record: Option<PathBuf>,
    /// Write a plot of the run (SVG)
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub plot: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub quiet: bool,
    /// A machine-readable result on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

impl TrainArgs {
    /// Where to keep the model found so far.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint.clone().map(|path| Checkpoint { path, every: self.checkpoint_every })
    }

    /// The options as the library takes them.
    pub fn config(&self) -> TrainConfig {
        TrainConfig {
            task: self.task.clone(),
            l2: self.l2,
            l1: self.l1,
            constraint: self.constraint.clone(),
            intercept: self.intercept,
            standardize: self.standardize,
            partition: self.partition,
            method: self.method.clone(),
            sketch: self.sketch.clone(),
            iterations: self.iterations,
            tolerance: self.tolerance,
            time_limit: self.time_limit,
            true_gap: self.true_gap,
            ..self.fleet_options.config()
        }
    }
}

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// A model written by `steadfast train --model`
    pub model: PathBuf,
    /// LIBSVM text or CSV, as for `train`
    pub data: String,
    /// Write the predictions here, one a line, instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Probabilities of the classes instead of the class
    #[arg(long)]
    pub probabilities: bool,
    /// The label's column of a CSV, for the score
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// A machine-readable result on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Rows n
    #[arg(long)]
    pub rows: usize,
    /// Columns d
    #[arg(long)]
    pub cols: usize,
    /// Stored values, for sparse data
    #[arg(long)]
    pub nnz: Option<usize>,
    /// Classes K, for the Hessian of softmax regression
    #[arg(long, default_value_t = 1)]
    pub classes: usize,
    /// Sketch of the Hessian, as in `train`
    #[arg(long, default_value = "oversketch", value_name = "NAME")]
    pub sketch: String,
    /// Workers m
    #[arg(long, default_value_t = 15)]
    pub workers: usize,
    /// Lying workers to tolerate
    #[arg(long, default_value_t = 0)]
    pub liars: usize,
    /// Slow or dead workers to tolerate
    #[arg(long, default_value_t = 0)]
    pub stragglers: usize,
    /// A machine-readable result on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct LpArgs {
    /// An MPS file, fixed or free (plain, .gz, .xz)
    pub file: PathBuf,
    /// On the gap, relative to the objective or to 1, whichever is larger
    #[arg(long, default_value_t = 1e-9, value_name = "X", allow_hyphen_values = true)]
    pub tolerance: f64,
    /// Most Newton steps
    #[arg(long, default_value_t = 1000, value_name = "N", allow_negative_numbers = true)]
    pub iterations: usize,
    /// Of the barrier, made by a fleet: exact, oversketch:factor=…,block=…,extra=…, count-sketch or uniform [default: exact]
    #[arg(long, value_name = "NAME")]
    pub hessian: Option<String>,
    /// Write the record of a run over a fleet (JSON), one iteration a Newton step
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// A fleet: without any of its options, and without --hessian and --record, the program is solved in this process alone
    #[command(flatten)]
    pub fleet_options: FleetOptions,

    /// A machine-readable result on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// byzantine-grid, byzantine-envelope, byzantine-refusal, byzantine-rounds, byzantine-large, byzantine-devices,
    /// byzantine-rivals, byzantine-fig4, -fig5, oversketched-grid, oversketched-fig1, -fig4, -fig5, -fig6, -fig7, -fig8,
    /// oversketched-lp, encoded-ridge, -lasso, -logistic, -movielens, partitioned-example, partitioned-theorem3.1,
    /// partitioned-corollary3.2, dino-table2, -table3, -fig1, -fig2, -gaps, or all
    pub name: String,
    /// The whole size, where the default is a part of it
    #[arg(long)]
    pub full: bool,
    /// Trials a cell, where there are trials
    #[arg(long, value_name = "N")]
    pub trials: Option<usize>,
    /// Keeps what is done and goes on from it (byzantine-grid)
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Only these data sets (the grids, dino-fig1, dino-gaps), programs (oversketched-lp) or codes M:T (byzantine-envelope), comma-separated
    #[arg(long, value_delimiter = ',')]
    pub sets: Vec<String>,
    /// Only these attacks (byzantine-grid, byzantine-rivals) or lies (byzantine-envelope), comma-separated
    #[arg(long, value_delimiter = ',')]
    pub attacks: Vec<String>,
    /// Write figures (SVG) into this folder (oversketched-fig…, byzantine-rivals, encoded-…, dino-fig…)
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Storage of the shards
    #[arg(long, value_enum, default_value = "auto")]
    pub precision: PrecisionArg,
    /// The one seed
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// A machine-readable result on standard output
    #[arg(long)]
    pub json: bool,
}
