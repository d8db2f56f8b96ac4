//! The builder for the algorithms of [`crate::linear`]: code, fleet, faults and record around one matrix.

use super::call::{Call, call_setters};
use super::config::TrainConfig;
use super::finish::record_of;
use super::fleets::{self, Rows};
use super::replay;
use super::train::{code_record, make_code};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::linear::{Answer, Products};
use crate::trace::{DataRecord, Recorder, RunRecord};

/// A run of an algorithm on a fleet. Of the configuration it takes what code and fleet must know, from `workers` on.
///
/// ```
/// use steadfast::data::parse_edges;
/// use steadfast::linear::{PageRankOptions, Transition, pagerank};
/// use steadfast::run::{LinearRun, TrainConfig};
///
/// let cycle: String = (0..40).map(|i| format!("{i} {}\n", (i + 1) % 40)).collect();
/// let transition = Transition::of_links(&parse_edges(cycle.as_bytes(), "cycle")?.links)?;
/// let config = TrainConfig { liars: 4, inject_liars: 4, ..TrainConfig::default() };
/// let finished = LinearRun::new(config)
///     .run(transition.matrix(), |products| pagerank(products, &transition, &PageRankOptions::default()))?;
/// let answer = finished.answer.expect("no error");
/// assert!(answer.value.scores.iter().all(|x| (x - 1.0 / 40.0).abs() <= answer.value.error_bound));
/// assert_eq!(finished.record.end.naming.map(|n| (n.misses, n.innocents_accused)), Some((0, 0)));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct LinearRun<'a> {
    config: TrainConfig,
    algorithm: Option<String>,
    replayed: Option<RunRecord>,
    call: Call<'a>,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Finished<V> {
    /// Everything that happened; [`FinalRecord::gradient_norm`](crate::trace::FinalRecord::gradient_norm) is the residual.
    pub record: RunRecord,
    /// The answer; `None` when the run ended in an error.
    pub answer: Option<Answer<V>>,
    /// The error that ended the run after it began; the record holds the iterations up to it.
    pub error: Option<Error>,
    /// Numbers stored at the workers for each one of the matrix and its transpose: the redundancy, and of a sparse
    /// matrix the fill of the workers that hold combinations of rows.
    pub fill: f64,
    /// 0, or what the command line should exit with.
    pub exit_status: u8,
}

impl<'a> LinearRun<'a> {
    /// A run with these options and no observers.
    pub fn new(config: TrainConfig) -> Self {
        LinearRun { config, algorithm: None, replayed: None, call: Call::default() }
    }

    call_setters!();

    /// What runs, with its parameters, for the record.
    #[must_use]
    pub fn algorithm(mut self, name: impl Into<String>) -> Self {
        self.algorithm = Some(name.into());
        self
    }

    /// The record of an earlier run of the same options, matrix and algorithm, whose replies are taken again: see
    /// [`Training::replay`](super::Training::replay).
    #[must_use]
    pub fn replay(mut self, record: Option<RunRecord>) -> Self {
        self.replayed = record;
        self
    }

    /// Encodes `matrix`, loads the fleet and runs `algorithm` on its products.
    ///
    /// # Errors
    /// What is wrong with options or matrix, before the run begins. An error of the run itself is in
    /// [`Finished::error`].
    pub fn run<V>(
        mut self,
        matrix: &Matrix<f64>,
        algorithm: impl FnOnce(&mut Products<'_>) -> Result<Answer<V>>,
    ) -> Result<Finished<V>> {
        let config = self.config;
        config.check()?;
        if let Some(code) = config.gradient_code()? {
            let allowed = "uncoded, replication, real-parity, mds or product: it needs products";
            return Err(Error::usage("--code for a linear algorithm", code.name(), allowed));
        }
        let size = DataRecord { rows: matrix.rows(), cols: matrix.cols(), nnz: matrix.stored() };
        let arrivals = match &self.replayed {
            Some(record) => {
                replay::check_data(record, size)?;
                Some(config.check_replay(self.algorithm.as_deref(), record)?)
            }
            None => None,
        };
        let code = make_code(&config)?;
        if code.workers() > matrix.rows() {
            let allowed = format!("at most the {} rows of the matrix", matrix.rows());
            return Err(Error::usage("--workers", code.workers(), allowed));
        }
        let launch = self.call.worker_command.as_ref();
        let (mut oracle, mut witness, described) =
            fleets::open_growing(&config, &code, Rows { features: matrix, appended: 0, arrivals }, launch)?;
        let fill = oracle.counters().stored as f64 / (2 * matrix.stored().max(1)) as f64;
        let mut recorder = Recorder::default();
        let result = {
            let mut products = Products::new(&mut *oracle)?.observe(&mut witness).observe(&mut recorder);
            for observer in &mut self.call.observers {
                products = products.observe(&mut **observer);
            }
            if let Some(flag) = self.call.cancel {
                products = products.cancel(flag);
            }
            algorithm(&mut products)
        };
        let encoded = code_record(&*code, &config);
        let mut record = record_of(self.call.command, &config, described, size, encoded, recorder.iterations);
        record.algorithm = self.algorithm;
        record.arrivals = oracle.arrivals().map(replay::record);
        match result {
            Ok(answer) => {
                record.end.status = answer.report.status.name().into();
                let exit_status = answer.report.status.exit_status();
                Ok(Finished { record, answer: Some(answer), error: None, fill, exit_status })
            }
            Err(error) => {
                record.end.status = error.kind().into();
                record.end.error = Some(error.to_string());
                let exit_status = error.exit_status();
                Ok(Finished { record, answer: None, error: Some(error), fill, exit_status })
            }
        }
    }
}
