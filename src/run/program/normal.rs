//! The fleets of a linear program, one a polyhedron, and the Newton systems that they make.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::HessianKind;
use crate::coding::DataCode;
use crate::data::{Dense, Matrix};
use crate::error::{Error, Result};
use crate::objective::CurvatureForm;
use crate::oracle::{BlockHessian, Counters, HessianOracle, HessianPlan, ProductOracle, Rounds};
use crate::program::{Exact, MakeNormal, NewtonStep, NormalMatrix};
use crate::run::config::TrainConfig;
use crate::run::fleets::{self, Truth, WorkerCommand};
use crate::run::hessian::{block_fleet, exact_plan};
use crate::seed::Seed;
use crate::sketch::{Sketch, block_sketch};
use crate::trace::{DataRecord, IterationRecord, Observer, Recorder};

/// One fleet after the other, one a polyhedron.
pub(super) struct Fleets<'o> {
    pub(super) config: TrainConfig,
    pub(super) code: Arc<dyn DataCode>,
    pub(super) hessian: HessianKind,
    pub(super) launch: Option<WorkerCommand>,
    /// The rows of the polyhedron at hand.
    pub(super) matrix: Matrix<f64>,
    pub(super) ledger: Ledger<'o>,
}

impl Fleets<'_> {
    /// The plan for a Hessian of the matrix at hand, and its number of workers.
    fn plan(&self) -> Result<(HessianPlan, usize)> {
        let workers = self.config.workers;
        if let HessianKind::Sketched(text) = &self.hessian {
            let size = (self.matrix.rows(), self.matrix.cols());
            let sketch = block_sketch(text, size.0, size.1, Seed(self.config.seed))?;
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
pub(super) struct Ledger<'o> {
    pub(super) observers: Vec<&'o mut dyn Observer>,
    pub(super) steps: Recorder,
    pub(super) cancel: Option<&'o AtomicBool>,
    pub(super) began: Instant,
    /// Of the fleets before the one at hand, and of that.
    pub(super) past: Counters,
    pub(super) present: Counters,
    pub(super) seconds: f64,
    pub(super) described: String,
    /// Size of the first polyhedron.
    pub(super) data: DataRecord,
}

impl<'o> Ledger<'o> {
    pub(super) fn new(observers: Vec<&'o mut dyn Observer>, cancel: Option<&'o AtomicBool>) -> Self {
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
