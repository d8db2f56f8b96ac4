//! The builder for linear programs on a fleet: code, fleet, faults and record around [`crate::program`].
//!
//! The products of the barrier method are coded rounds on the run's fleet. Its Hessian is made by workers that read the rows as
//! they are, exact or over-sketched (paper 001, eqs. (11)-(12)): it only preconditions, so a wrong one costs time and nothing else.

mod normal;

use super::call::{Call, call_setters};
use super::config::TrainConfig;
use super::finish::record_of;
use super::train::{code_record, make_code};
use crate::data::{Dense, Matrix};
use crate::error::{Error, Result};
use crate::program::{LinearProgram, Outcome, SolveOptions, Status, solve_with};
use crate::scalar::Precision;
use crate::seed::Seed;
use crate::sketch::block_sketch;
use crate::trace::RunRecord;
use normal::{Fleets, Ledger};

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
        block_sketch(text, 1 << 20, 1, Seed(0))?;
        Ok(HessianKind::Sketched(text.into()))
    }
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
    call: Call<'a>,
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
        ProgramRun { config, hessian: HessianKind::Exact, call: Call::default() }
    }

    /// How Newton systems are made.
    #[must_use]
    pub fn hessian(mut self, kind: HessianKind) -> Self {
        self.hessian = kind;
        self
    }

    call_setters!();

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
            launch: self.call.worker_command,
            matrix: Matrix::Dense(Dense::zeros(0, 0)),
            ledger: Ledger::new(self.call.observers, self.call.cancel),
            config,
        };
        let result = solve_with(program, options, &mut normal);
        let Fleets { code, config, ledger, .. } = normal;
        if ledger.steps.iterations.is_empty()
            && let Err(error) = result
        {
            return Err(error);
        }
        let (steps, encoded) = (ledger.steps.iterations, code_record(&*code, &config));
        let mut record = record_of(self.call.command, &config, ledger.described, ledger.data, encoded, steps);
        record.algorithm = Some("lp".into());
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
