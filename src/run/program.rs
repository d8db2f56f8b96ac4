//! The builder for linear programs on a fleet: code, fleet, faults and record around [`crate::program`].
//!
//! The products of the barrier method are coded rounds on the run's fleet. Its Hessian is made by workers that read the rows as
//! they are, exact or over-sketched (paper 001, eqs. (11)-(12)): it only preconditions, so a wrong one costs time and nothing else.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::config::TrainConfig;
use super::fleets::{self, Truth, WorkerCommand};
use super::hessian::{block_fleet, exact_plan};
use super::train::{code_record, end_of_iterations, make_code};
use crate::coding::DataCode;
use crate::data::{Dense, Matrix};
use crate::error::{Error, Result};
use crate::objective::CurvatureForm;
use crate::oracle::{BlockHessian, Counters, HessianOracle, HessianPlan, ProductOracle, Rounds};
use crate::program::{
    Exact, LinearProgram, MakeNormal, NewtonStep, NormalMatrix, Outcome, SolveOptions, Status, solve_with,
};
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::sketch::{BlockSketch, Sketch, sketch_by_name};
use crate::trace::{DataRecord, FinalRecord, IterationRecord, Observer, Recorder, RunRecord, SCHEMA};

/// How the Newton systems of a [`ProgramRun`] are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HessianKind {
    /// `A' D^2 A` of all rows, split over the workers.
    Exact,
    /// A sketch by name (see [`crate::sketch::SKETCHES`]) of those that workers can make; exact for a program with fewer rows
    /// than the sketch.
    Sketched(String),
}

impl HessianKind {
    /// `exact`, or a sketch's name with parameters.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is neither, or a sketch that workers can't make alone.
    ///
    /// ```
    /// use steadfast::run::HessianKind;
    /// assert_eq!(HessianKind::parse("exact")?, HessianKind::Exact);
    /// assert!(HessianKind::parse("oversketch:factor=15").is_ok() && HessianKind::parse("srht").is_err());
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        if text == "exact" {
            return Ok(HessianKind::Exact);
        }
        // One column: what is left to find is a sketch that a program's size does not allow.
        sketch_of(text, (1 << 20, 1), Seed(0))?;
        Ok(HessianKind::Sketched(text.into()))
    }
}

/// The sketch of that name for rows x columns.
fn sketch_of(text: &str, (rows, cols): (usize, usize), seed: Seed) -> Result<BlockSketch> {
    let sketch = sketch_by_name(text, rows, cols, seed)?;
    let allowed = "exact, oversketch, count-sketch or uniform: what workers can make alone";
    sketch.blocks().copied().ok_or_else(|| Error::usage("Hessian of a linear program", sketch.name(), allowed))
}

/// A linear program solved on a fleet. Of the configuration it takes what code and fleet must know, from `workers` on. Workers
/// compute in f64.
///
/// ```
/// use steadfast::program::{LinearProgram, Outcome, SolveOptions};
/// use steadfast::run::{ProgramRun, TrainConfig};
/// let mut program = LinearProgram::maximize(&[3.0, 2.0])?;
/// program.add_row(&[(0, 1.0), (1, 1.0)], f64::NEG_INFINITY, 4.0)?;
/// program.set_bounds(0, 0.0, 3.0)?;
/// let config = TrainConfig { workers: 9, liars: 2, inject_liars: 2, ..TrainConfig::default() };
/// let finished = ProgramRun::new(config).solve(&program, &SolveOptions::default())?;
/// let Some(Outcome::Optimal(optimum)) = finished.outcome else { panic!("it has an optimum") };
/// assert!((optimum.objective - 11.0).abs() <= optimum.gap); // at (3, 1)
/// assert_eq!(finished.record.end.naming.map(|n| (n.misses, n.innocents_accused)), Some((0, 0)));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct ProgramRun<'a> {
    config: TrainConfig,
    hessian: HessianKind,
    command: String,
    observers: Vec<&'a mut dyn Observer>,
    cancel: Option<&'a AtomicBool>,
    worker_command: Option<WorkerCommand>,
}

/// What a run leaves.
#[derive(Debug)]
pub struct FinishedProgram {
    /// Everything that happened, one iteration a Newton step: its objective is the reduced program's `c'u` (in phase I the
    /// largest violation), its gradient norm the distance from the centre in the Hessian's norm.
    pub record: RunRecord,
    /// The answer; `None` when the run ended in an error.
    pub outcome: Option<Outcome>,
    /// The error that ended the run after it began; the record holds the iterations up to it.
    pub error: Option<Error>,
    /// 0, or what the command line should exit with.
    pub exit_status: u8,
}

impl<'a> ProgramRun<'a> {
    /// A run with these options, exact Hessians and no observers.
    pub fn new(config: TrainConfig) -> Self {
        let (observers, command) = (Vec::new(), "library".into());
        ProgramRun { config, hessian: HessianKind::Exact, command, observers, cancel: None, worker_command: None }
    }

    /// How Newton systems are made.
    #[must_use]
    pub fn hessian(mut self, kind: HessianKind) -> Self {
        self.hessian = kind;
        self
    }

    /// How it was called, for the record.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// Adds an observer of the Newton steps.
    #[must_use]
    pub fn observe(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }

    /// A flag that stops the run when it becomes true.
    #[must_use]
    pub fn cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// How worker processes are started, for [`FleetKind::Tcp`](super::FleetKind::Tcp).
    #[must_use]
    pub fn worker_command(mut self, command: Option<WorkerCommand>) -> Self {
        self.worker_command = command;
        self
    }

    /// Solves `program` as [`solve_with`] does. The reduced program is encoded anew for each polyhedron that the solve meets.
    ///
    /// Errors that the certificates of the products allow are part of the gap; without a certificate (a code without
    /// redundancy) the gap holds as far as nobody lies.
    ///
    /// # Errors
    /// What is wrong with options or program, before any round. An error of the run itself is in [`FinishedProgram::error`].
    pub fn solve(self, program: &LinearProgram, options: &SolveOptions) -> Result<FinishedProgram> {
        let mut config = self.config;
        if let Some(precision @ (Precision::F32 | Precision::F16)) = config.precision {
            let allowed = "f64: the gap of a barrier method is far below the round-off of the others";
            return Err(Error::usage("--precision of a linear program", precision.name(), allowed));
        }
        config.precision = Some(Precision::F64);
        config.check()?;
        let code = make_code(&config)?;
        let mut normal = Fleets {
            code,
            hessian: self.hessian,
            launch: self.worker_command,
            matrix: Matrix::Dense(Dense::zeros(0, 0)),
            ledger: Ledger::new(self.observers, self.cancel),
            config,
        };
        let result = solve_with(program, options, &mut normal);
        let Fleets { code, config, ledger, .. } = normal;
        if ledger.steps.iterations.is_empty()
            && let Err(error) = result
        {
            return Err(error);
        }
        let mut record = RunRecord {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            command: self.command,
            config: serde_json::to_value(&config).unwrap_or_default(),
            fleet: ledger.described,
            data: ledger.data,
            code: code_record(&*code, &config),
            iterations: ledger.steps.iterations,
            end: FinalRecord::default(),
        };
        end_of_iterations(&mut record);
        let end = &mut record.end;
        match result {
            Ok(outcome) => {
                let exit_status = match &outcome {
                    Outcome::Optimal(optimum) => {
                        (end.objective, end.duality_gap) = (optimum.objective, Some(optimum.gap));
                        if optimum.status == Status::IterationLimit { 4 } else { 0 }
                    }
                    Outcome::Infeasible { .. } | Outcome::Unbounded { .. } => 0,
                };
                end.status = outcome.name().into();
                Ok(FinishedProgram { record, outcome: Some(outcome), error: None, exit_status })
            }
            Err(error) => {
                end.status = error.kind().into();
                end.error = Some(error.to_string());
                let exit_status = error.exit_status();
                Ok(FinishedProgram { record, outcome: None, error: Some(error), exit_status })
            }
        }
    }
}

/// One fleet after the other, one a polyhedron.
struct Fleets<'o> {
    config: TrainConfig,
    code: Arc<dyn DataCode>,
    hessian: HessianKind,
    launch: Option<WorkerCommand>,
    /// The rows of the polyhedron at hand.
    matrix: Matrix<f64>,
    ledger: Ledger<'o>,
}

impl Fleets<'_> {
    /// The plan for a Hessian of the matrix at hand, and its number of workers.
    fn plan(&self) -> Result<(HessianPlan, usize)> {
        let workers = self.config.workers;
        if let HessianKind::Sketched(text) = &self.hessian {
            let size = (self.matrix.rows(), self.matrix.cols());
            let sketch = sketch_of(text, size, Seed(self.config.seed))?;
            if sketch.made() > workers {
                let got = format!("{} + {} blocks", sketch.needed(), sketch.made() - sketch.needed());
                return Err(Error::usage(format!("Hessian {text}"), got, format!("at most the {workers} workers")));
            }
            if sketch.dimension() <= size.0 {
                return Ok((HessianPlan::Sketched { sketch, columns: 1 }, sketch.made()));
            }
        }
        Ok((exact_plan(&self.config), workers))
    }
}

impl MakeNormal for Fleets<'_> {
    fn make<'a>(&'a mut self, matrix: &'a Dense<f64>) -> Result<Box<dyn NormalMatrix + 'a>> {
        if matrix.rows() == 0 || matrix.cols() == 0 {
            // Nothing to spread.
            return Ok(Box::new(Exact::new(matrix)));
        }
        self.matrix = Matrix::Dense(matrix.clone());
        let (plan, workers) = self.plan()?;
        let fleet = block_fleet(&self.config, workers)?;
        let hessian = BlockHessian::new(Cow::Borrowed(&self.matrix), fleet, plan)?;
        let (oracle, truth, described) = fleets::open(&self.config, &self.code, &self.matrix, self.launch.as_ref())?;
        self.ledger.open(described, &self.matrix);
        Ok(Box::new(CodedNormal {
            oracle,
            hessian,
            truth,
            ledger: &mut self.ledger,
            since: Rounds::none(),
            error: 0.0,
            sketch_dimension: None,
            curvature: Vec::new(),
        }))
    }
}

/// What the fleets of a run did, and who is told.
struct Ledger<'o> {
    observers: Vec<&'o mut dyn Observer>,
    steps: Recorder,
    cancel: Option<&'o AtomicBool>,
    began: Instant,
    /// Of the fleets before the one at hand, and of that.
    past: Counters,
    present: Counters,
    seconds: f64,
    described: String,
    /// Size of the first polyhedron.
    data: DataRecord,
}

impl<'o> Ledger<'o> {
    fn new(observers: Vec<&'o mut dyn Observer>, cancel: Option<&'o AtomicBool>) -> Self {
        Ledger {
            observers,
            steps: Recorder::default(),
            cancel,
            began: Instant::now(),
            past: Counters::default(),
            present: Counters::default(),
            seconds: 0.0,
            described: "no fleet: nothing was left to compute".into(),
            data: DataRecord::default(),
        }
    }

    fn open(&mut self, described: String, matrix: &Matrix<f64>) {
        self.past.add(&std::mem::take(&mut self.present));
        self.described = described;
        if self.data.rows == 0 {
            self.data = DataRecord { rows: matrix.rows(), cols: matrix.cols(), nnz: matrix.stored() };
        }
    }
}

/// The normal matrix of one polyhedron on its fleet.
struct CodedNormal<'a, 'o> {
    oracle: Box<dyn ProductOracle + 'a>,
    hessian: BlockHessian<'a, f64>,
    truth: Truth,
    ledger: &'a mut Ledger<'o>,
    /// The rounds since the last Newton step.
    since: Rounds,
    error: f64,
    sketch_dimension: Option<usize>,
    curvature: Vec<f64>,
}

impl CodedNormal<'_, '_> {
    fn count_round(&mut self) {
        let round = self.oracle.drain();
        self.error = if round.bound.is_finite() { round.bound } else { 0.0 };
        self.since.merge(&round);
    }
}

impl NormalMatrix for CodedNormal<'_, '_> {
    fn rows(&self) -> usize {
        self.oracle.rows()
    }

    fn cols(&self) -> usize {
        self.oracle.cols()
    }

    fn gram(&mut self, scale: &[f64], out: &mut [f64]) -> Result<()> {
        // A Hessian oracle divides by the number of rows.
        let rows = scale.len() as f64;
        self.curvature.clear();
        self.curvature.extend(scale.iter().map(|s| rows * s * s));
        let round = self.hessian.hessian(CurvatureForm::Scalar, &self.curvature, out)?;
        self.since.seconds += round.seconds;
        self.sketch_dimension = Some(round.sketch_dimension.unwrap_or(0));
        Ok(())
    }

    fn multiply(&mut self, x: &[f64], out: &mut [f64]) -> Result<()> {
        self.oracle.margins(x, out)?;
        self.count_round();
        Ok(())
    }

    fn multiply_transposed(&mut self, y: &[f64], out: &mut [f64]) -> Result<()> {
        self.oracle.pullback(y, out)?;
        self.count_round();
        Ok(())
    }

    fn error(&self) -> f64 {
        self.error
    }

    fn newton_step(&mut self, step: &NewtonStep) -> Result<()> {
        let rounds = std::mem::replace(&mut self.since, Rounds::none());
        let ledger = &mut *self.ledger;
        ledger.present = self.oracle.counters();
        ledger.present.add(&self.hessian.counters());
        ledger.seconds += rounds.seconds;
        let mut counters = ledger.past;
        counters.add(&ledger.present);
        let mut record = IterationRecord {
            iteration: ledger.steps.iterations.len() + 1,
            objective: step.objective,
            gradient_norm: step.decrement,
            duality_gap: step.gap,
            rounds: counters.rounds,
            // A round is a broadcast and a gather.
            communications: 2 * counters.rounds,
            floats_down: counters.floats_down,
            floats_up: counters.floats_up,
            virtual_seconds: ledger.seconds,
            wall_seconds: ledger.began.elapsed().as_secs_f64(),
            late: rounds.late,
            liars: rounds.liars,
            residual: rounds.residual,
            bound: rounds.bound,
            certified: rounds.certainty.is_certified(),
            keyed: rounds.certainty.is_keyed(),
            sketch_dimension: self.sketch_dimension,
            ..IterationRecord::default()
        };
        self.truth.iteration(&mut record)?;
        ledger.steps.iteration(&mut record)?;
        for observer in &mut ledger.observers {
            observer.iteration(&mut record)?;
        }
        match ledger.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }
}
