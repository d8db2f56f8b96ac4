//! The builder that joins data, objective, code, fleet, method and observers into one training run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::call::{Call, call_setters};
use super::checkpoint::{Checkpoint, Checkpoints};
use super::config::TrainConfig;
use super::finish::{end_of_outcome, evaluate, record_of};
use super::fleets::Rows;
use super::model::{Model, ModelForm};
use super::svm::{Dual, Units};
use super::task::Task;
use super::{directions, encoded, fleets, gradients, hessian, local, prepare, replay};
use crate::coding::{CodeOptions, DataCode, Tolerance, code_by_name};
use crate::data::{Dataset, OneHot};
use crate::error::{Error, Result};
use crate::method::{self, Problem, SolveOptions};
use crate::objective::Loss;
use crate::oracle::{DirectionOracle, GradientOracle, HessianOracle, LocalOracle};
use crate::seed::Seed;
use crate::trace::{CodeRecord, DataRecord, Observer, Recorder, RunRecord};

/// A training run, ready to start.
///
/// ```
/// use steadfast::data::{LoadOptions, Source, load};
/// use steadfast::run::{TrainConfig, Training};
///
/// let source: Source = "synthetic:regression,rows=300,cols=12".parse()?;
/// let data = load(&source, &LoadOptions::default())?.data;
/// let config = TrainConfig { l2: 1e-3, liars: 4, inject_liars: 4, ..TrainConfig::default() };
/// let trained = Training::new(config).run(data)?;
/// assert!(trained.error.is_none());
/// assert_eq!(trained.record.end.naming.map(|n| n.innocents_accused), Some(0));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub struct Training<'a> {
    config: TrainConfig,
    call: Call<'a>,
    data_name: String,
    appended: Option<Dataset<f64>>,
    test: Option<Dataset<f64>>,
    init: Option<Model>,
    checkpoint: Option<Checkpoint>,
    replayed: Option<RunRecord>,
    loss: Option<Arc<dyn Loss>>,
    one_hot: Option<OneHot>,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Trained {
    /// Everything that happened.
    pub record: RunRecord,
    /// The model; `None` when an error cut the run short.
    pub model: Option<Model>,
    /// The error that ended the run after it began; the record holds the iterations up to it. Beside a model: of the
    /// last checkpoint, which could not be written.
    pub error: Option<Error>,
    /// 0, or what the command line should exit with.
    pub exit_status: u8,
}

impl<'a> Training<'a> {
    /// A run with these options and no observers.
    pub fn new(config: TrainConfig) -> Self {
        Training {
            config,
            call: Call::default(),
            data_name: "data".into(),
            appended: None,
            test: None,
            init: None,
            checkpoint: None,
            replayed: None,
            loss: None,
            one_hot: None,
        }
    }

    call_setters!();

    /// The data's name, for the model.
    pub fn data_name(mut self, name: impl Into<String>) -> Self {
        self.data_name = name.into();
        self
    }

    /// Rows that come when the others are encoded and at their workers: they are encoded by themselves and joined to what is there
    /// ([`StreamingOracle`](crate::oracle::StreamingOracle)), and the run is that of all rows.
    pub fn append(mut self, rows: Option<Dataset<f64>>) -> Self {
        self.appended = rows;
        self
    }

    /// Data to score the model on.
    pub fn test(mut self, test: Option<Dataset<f64>>) -> Self {
        self.test = test;
        self
    }

    /// A model to start from.
    pub fn init(mut self, model: Option<Model>) -> Self {
        self.init = model;
        self
    }

    /// Where to keep the model found so far, while the run goes on.
    pub fn checkpoint(mut self, checkpoint: Option<Checkpoint>) -> Self {
        self.checkpoint = checkpoint;
        self
    }

    /// The record of an earlier run of the same options and data, whose replies are taken again: every round counts those that
    /// counted then, and so the numbers are the same, bit for bit, on whatever carrier either runs. Rounds beyond it gather by the
    /// policy.
    pub fn replay(mut self, record: Option<RunRecord>) -> Self {
        self.replayed = record;
        self
    }

    /// A loss of your own, in place of one by name; [`TrainConfig::task`] is then not read. Labels are what
    /// [`Task::of_loss`] makes of them. Workers never see the loss, so every fleet, device and code takes it; but
    /// [`Model::read`] knows only the losses of the registry.
    pub fn loss(mut self, loss: Arc<dyn Loss>) -> Self {
        self.loss = Some(loss);
        self
    }

    /// How the reader turned text columns into numbers, for the model.
    pub fn one_hot(mut self, mapping: Option<OneHot>) -> Self {
        self.one_hot = mapping;
        self
    }

    /// Trains.
    ///
    /// # Errors
    /// What is wrong with options or data, before the run begins. An error of the run itself (too many faults, a lost
    /// device) is in [`Trained::error`], with the record up to it.
    pub fn run(mut self, mut data: Dataset<f64>) -> Result<Trained> {
        let config = self.config.clone();
        config.check()?;
        self.checkpoint.as_ref().map_or(Ok(()), Checkpoint::check)?;
        let replayed = self.replayed.take();
        let arrivals = replayed.as_ref().map(|record| config.check_replay(None, record)).transpose()?;
        let appended = match self.appended.take() {
            Some(more) => {
                config.check_growth()?;
                let rows = more.rows();
                data.append(more)?;
                rows
            }
            None => 0,
        };
        let (task, labels) = match &self.loss {
            Some(loss) => Task::of_loss(&**loss, &data.labels)?,
            None => Task::new(config.task.as_deref(), &data.labels)?,
        };
        let through_dual = self.loss.is_none() && task.is_hinge();
        let test = match self.test.take() {
            Some(test) => Some((task.map_labels(&test.labels)?, test.features)),
            None => None,
        };
        let columns = data.columns.clone();
        let raw_features = data.features.cols();
        let prepared = prepare::prepare(&config, data, labels)?;
        let dual = through_dual.then(|| Dual::of(&config, &prepared)).transpose()?;
        let objective = match &dual {
            Some(dual) => dual.objective.clone(),
            None => {
                let loss = self.loss.take().map_or_else(|| task.make_loss(), Ok)?;
                prepare::objective(&config, loss, &prepared)?
            }
        };
        // What is encoded, with the labels of its rows.
        let (features, targets) = match &dual {
            Some(dual) => (&dual.features, &dual.labels),
            None => (&prepared.features, &prepared.labels),
        };
        let (n, d) = (prepared.features.rows(), prepared.features.cols());
        let size = DataRecord { rows: n, cols: d, nnz: prepared.features.stored() };
        if let Some(record) = &replayed {
            replay::check_data(record, size)?;
        }
        let gradient_code = if config.is_encoded() { None } else { config.gradient_code()? };
        let name = match &gradient_code {
            // Nothing else does without products.
            Some(_) if config.method == "auto" => "robust-gd",
            None if config.is_encoded() => config.encoded_method(&objective),
            _ => &config.method,
        };
        let mut method = method::for_objective(name, &objective)?;
        if config.workers > n {
            return Err(Error::usage("--workers", config.workers, format!("at most the {n} rows of the data")));
        }
        let start = match &dual {
            Some(_) if self.init.is_some() => {
                return Err(Error::usage(
                    "--init with --task hinge",
                    "a model",
                    "none: it does not hold the dual's variables",
                ));
            }
            Some(_) if gradient_code.is_some() => {
                return Err(Error::usage(
                    "--task hinge",
                    "workers that send gradients",
                    "a code for products: its dual is solved by them",
                ));
            }
            Some(dual) => vec![0.0; dual.features.cols()],
            None => self.start(&task, &prepared, objective.loss.outputs() * d)?,
        };
        let (mut local_workers, mut encoded, mut workers) = (None, None, None);
        let (opened, code_record) = match &gradient_code {
            _ if method.is_local() => {
                let (local, products, record) = local::open(&config, &objective, &prepared.features, &prepared.labels)?;
                local_workers = Some(local);
                (products, record)
            }
            None if config.is_encoded() => {
                let (holders, products, record) = encoded::open(&config, method.name(), &objective, &prepared)?;
                encoded = Some(holders);
                (products, record)
            }
            Some(code) => {
                let (gradients, products) =
                    gradients::open(&config, code, &objective, &prepared.features, &prepared.labels)?;
                workers = Some(gradients);
                (products, code.record(&config))
            }
            None => {
                let code = make_code(&config)?;
                let launch = self.call.worker_command.as_ref();
                let opened = fleets::open_growing(&config, &code, Rows { features, appended, arrivals }, launch)?;
                local_workers = local::beside(&config, &objective, features, targets)?;
                (opened, code_record(&*code, &config))
            }
        };
        let (mut oracle, mut witness, described) = opened;
        let mut hessian = hessian::open(&config, method.name(), &objective, features)?;
        let mut directions = directions::open(&config, features)?;

        let form = ModelForm {
            features: raw_features,
            columns,
            intercept: prepared.intercept,
            standardization: prepared.standardization.clone(),
            one_hot: self.one_hot.take(),
            command: self.call.command.clone(),
            data: std::mem::take(&mut self.data_name),
            task,
        };
        let mut checkpoints =
            self.checkpoint.take().map(|plan| Checkpoints::new(plan, &form, dual.as_ref(), &prepared));
        let mut recorder = Recorder::default();
        let never = AtomicBool::new(false);
        let options = SolveOptions {
            iterations: config.iterations,
            tolerance: config.tolerance * dual.as_ref().map_or(1.0, |dual| dual.scale),
            time_limit: config.time_limit.map(std::time::Duration::from_secs_f64),
        };
        let result = {
            let mut problem = Problem::new(&mut *oracle, &objective, targets)?
                .with_seed(Seed(config.seed))
                .with_hessian(hessian.as_mut().map(|oracle| &mut **oracle as &mut dyn HessianOracle))
                .with_directions(directions.as_mut().map(|oracle| &mut **oracle as &mut dyn DirectionOracle))
                .with_gradients(workers.as_mut().map(|oracle| &mut **oracle as &mut dyn GradientOracle))
                .with_local(local_workers.as_mut().map(|oracle| &mut **oracle as &mut dyn LocalOracle));
            if let Some(encoded) = &mut encoded {
                problem = encoded.attach(problem);
            }
            let mut units = Units(dual.as_ref().map_or(1.0, |dual| dual.scale));
            let mut observers: Vec<&mut dyn Observer> = vec![&mut units, &mut witness, &mut recorder];
            observers.extend(checkpoints.as_mut().map(|checkpoints| checkpoints as &mut dyn Observer));
            observers.extend(self.call.observers.iter_mut().map(|o| &mut **o as &mut dyn Observer));
            let cancel = self.call.cancel.unwrap_or(&never);
            method::solve(&mut *method, &mut problem, start, &options, &mut observers, cancel)
        };

        let command = self.call.command.clone();
        let mut record = record_of(command, &config, described, size, code_record, recorder.iterations);
        record.arrivals = oracle.arrivals().map(replay::record);
        match result {
            Ok(mut outcome) => {
                let mut facts = match &dual {
                    Some(dual) => {
                        let duals = std::mem::take(&mut outcome.weights);
                        outcome.weights = dual.primal(&duals);
                        dual.evaluate(&prepared, &duals, &outcome.weights)
                    }
                    None => evaluate(&prepared.features, &prepared.labels, &objective, &outcome.weights),
                };
                if let (Some(encoded), Some(record)) = (&mut encoded, &mut record.code.encoded) {
                    facts.gap_bound = facts.gap_bound.filter(|_| config.true_gap);
                    encoded.complete(record, &prepared.features, objective.l2, facts.gap_bound)?;
                }
                end_of_outcome(&mut record.end, &outcome, &facts);
                let end = &mut record.end;
                let model = form.fill(&outcome.weights, end.status.clone(), end.objective, end.certified);
                let error = checkpoints.and_then(|checkpoints| checkpoints.end_with(&model).err());
                end.train_score = Some(form.task.score(&facts.margins, &prepared.labels).value());
                if let Some((labels, features)) = test {
                    end.test_score = Some(form.task.score(&model.margins(&features)?, &labels).value());
                }
                let exit_status = error.as_ref().map_or(outcome.status.exit_status(), Error::exit_status);
                Ok(Trained { record, model: Some(model), error, exit_status })
            }
            Err(error) => {
                // What failed is the run: a disk that is full as well changes nothing of that, and an older checkpoint stands.
                let _ = checkpoints.map_or(Ok(()), Checkpoints::end_early);
                record.end.status = error.kind().into();
                record.end.error = Some(error.to_string());
                let exit_status = error.exit_status();
                Ok(Trained { record, model: None, error: Some(error), exit_status })
            }
        }
    }

    /// The starting weights: zeros, or an earlier model's, turned into this run's standardized coordinates.
    fn start(&self, task: &Task, prepared: &prepare::Prepared, dimension: usize) -> Result<Vec<f64>> {
        let Some(model) = &self.init else { return Ok(vec![0.0; dimension]) };
        if model.task.loss.split(':').next() != task.loss.split(':').next() || model.task.classes != task.classes {
            return Err(Error::usage(
                "--init",
                format!("a model of task {}", model.task.loss),
                format!("a model of task {} with the same classes", task.loss),
            ));
        }
        if model.standardization != prepared.standardization {
            return Err(Error::usage(
                "--init",
                "a model with another standardization",
                "a model trained with the same --standardize on the same data",
            ));
        }
        let width = model.features + usize::from(model.intercept.is_some());
        if width != prepared.features.cols() || model.intercept.is_some() != prepared.intercept {
            return Err(Error::usage(
                "--init",
                format!("a model of {width} columns"),
                format!("{} columns, intercept included", prepared.features.cols()),
            ));
        }
        let outputs = dimension / width;
        let mut start = Vec::with_capacity(dimension);
        for k in 0..outputs {
            start.extend_from_slice(&model.weights[k * model.features..(k + 1) * model.features]);
            start.extend(model.intercept.iter().map(|b| b[k]));
        }
        Ok(start)
    }
}

/// The code a configuration asks for.
///
/// # Errors
/// [`Error::Usage`] for an unknown name or a tolerance the code can't have.
pub fn make_code(config: &TrainConfig) -> Result<Arc<dyn DataCode>> {
    let tolerance = Tolerance { liars: config.liars, stragglers: config.stragglers };
    let options =
        CodeOptions { uncertified: config.uncertified, keyed: config.key_count() > 0, seed: Seed(config.seed) };
    code_by_name(&config.code_name(), config.workers, tolerance, options)
}

pub(super) fn code_record(code: &dyn DataCode, config: &TrainConfig) -> CodeRecord {
    CodeRecord {
        name: code.name(),
        workers: code.workers(),
        blocks: code.blocks(),
        redundancy: code.redundancy(),
        liars: config.liars,
        stragglers: config.stragglers,
        approximate: false,
        encoded: None,
    }
}
