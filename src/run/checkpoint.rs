//! The model found so far, in a file while the run goes on: what a killed run leaves.

use std::path::PathBuf;

use super::model::{Model, ModelForm};
use super::prepare::Prepared;
use super::svm::Dual;
use crate::error::{Error, Result};
use crate::trace::{IterationRecord, Observer};

/// Where a run keeps the model of every N-th iteration, of the last one before an error, and at the end of itself.
///
/// Each is written whole or not at all, over the one before; the start is not written. A checkpoint is a [`Model`] like any
/// other: it predicts, and [`Training::init`](super::Training::init) goes on from it with a method that begins anew. A
/// checkpoint that can't be written stops the run: the one before it stands.
///
/// ```
/// use steadfast::data::{LoadOptions, Source, load};
/// use steadfast::run::{Checkpoint, Model, TrainConfig, Training};
///
/// let source: Source = "synthetic:logistic,rows=300,cols=12".parse()?;
/// let data = load(&source, &LoadOptions::default())?.data;
/// # let folder = std::env::temp_dir().join(format!("steadfast-checkpoint-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).map_err(|e| steadfast::Error::Fleet(e.to_string()))?;
/// # let path = folder.join("so_far.json");
/// let config = TrainConfig { l2: 1e-3, ..TrainConfig::default() };
/// let short = TrainConfig { iterations: 4, ..config.clone() };
/// let checkpoint = Checkpoint { path: path.clone(), every: 2 };
/// Training::new(short).checkpoint(Some(checkpoint)).run(data.clone())?;
/// let trained = Training::new(config).init(Some(Model::read(&path)?)).run(data)?;
/// assert_eq!(trained.record.end.status, "converged");
/// # std::fs::remove_dir_all(&folder).map_err(|e| steadfast::Error::Fleet(e.to_string()))?;
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// N, iterations; at least 1.
    pub every: usize,
}

impl Checkpoint {
    /// # Errors
    /// [`Error::Usage`] when `every` is 0.
    pub fn check(&self) -> Result<()> {
        if self.every == 0 {
            return Err(Error::usage("--checkpoint-every", self.every, "at least 1"));
        }
        Ok(())
    }
}

/// The observer that writes them.
pub(super) struct Checkpoints<'r> {
    plan: Checkpoint,
    form: &'r ModelForm,
    dual: Option<&'r Dual>,
    prepared: &'r Prepared,
    certified: bool,
    /// Of the last iteration: its number, F, and the variables. Empty once written.
    unwritten: Option<(usize, f64, Vec<f64>)>,
}

impl<'r> Checkpoints<'r> {
    pub fn new(plan: Checkpoint, form: &'r ModelForm, dual: Option<&'r Dual>, prepared: &'r Prepared) -> Self {
        Checkpoints { plan, form, dual, prepared, certified: true, unwritten: None }
    }

    /// The run ended by itself, with this model.
    pub fn end_with(self, model: &Model) -> Result<()> {
        model.write(&self.plan.path)
    }

    /// An error cut it short: the last iteration is what there is.
    pub fn end_early(mut self) -> Result<()> {
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let Some((iteration, mut objective, mut weights)) = self.unwritten.take() else { return Ok(()) };
        if let Some(dual) = self.dual {
            let duals = weights;
            weights = dual.primal(&duals);
            objective = dual.evaluate(self.prepared, &duals, &weights).objective;
        }
        let status = format!("checkpoint, iteration {iteration}");
        self.form.fill(&weights, status, objective, self.certified).write(&self.plan.path)
    }
}

impl Observer for Checkpoints<'_> {
    fn iteration(&mut self, _: &mut IterationRecord) -> Result<()> {
        Ok(())
    }

    fn iterate(&mut self, record: &IterationRecord, weights: &[f64]) -> Result<()> {
        self.certified &= record.certified;
        if record.iteration == 0 {
            return Ok(());
        }
        self.unwritten = Some((record.iteration, record.objective, weights.to_vec()));
        if record.iteration.is_multiple_of(self.plan.every) { self.write() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, LoadOptions, load};
    use crate::run::{TrainConfig, Trained, Training};
    use std::path::Path;

    fn data(name: &str) -> Dataset<f64> {
        load(&name.parse().unwrap(), &LoadOptions::default()).unwrap().data
    }

    /// Does something at the iteration with this number.
    struct At<F>(usize, F);

    impl<F: FnMut() -> Result<()>> Observer for At<F> {
        fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
            if record.iteration == self.0 { (self.1)() } else { Ok(()) }
        }
    }

    fn lost() -> Error {
        Error::Device { device: "gpu".into(), message: "lost".into() }
    }

    fn run(config: TrainConfig, name: &str, path: &Path, every: usize, observer: &mut dyn Observer) -> Trained {
        let checkpoint = Checkpoint { path: path.into(), every };
        Training::new(config).checkpoint(Some(checkpoint)).observe(observer).run(data(name)).unwrap()
    }

    const LOGISTIC: &str = "synthetic:logistic,rows=400,cols=20,condition=100";

    fn logistic() -> TrainConfig {
        TrainConfig { l2: 1e-4, intercept: true, standardize: true, ..TrainConfig::default() }
    }

    #[test]
    fn an_error_leaves_the_last_finished_iteration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("so_far.json");
        for every in [1, 4, 100] {
            let trained = run(logistic(), LOGISTIC, &path, every, &mut At(7, || Err(lost())));
            assert!(trained.model.is_none() && trained.error.is_some_and(|e| e.to_string() == lost().to_string()));
            let model = Model::read(&path).unwrap();
            assert_eq!(model.provenance.status, "checkpoint, iteration 6", "every {every}");
            assert_eq!((model.provenance.certified, model.columns.len(), model.features), (false, 0, 20));
            assert_eq!(model.provenance.objective, trained.record.iterations[6].objective);
            // It goes on from there: the first record is of the same point, by margins computed in full. Those here are sums of
            // six steps, each a product of 21 columns: 6 * 21 * 4 u = 6e-14.
            let more = Training::new(logistic()).init(Some(model)).run(data(LOGISTIC)).unwrap();
            let (was, is) = (trained.record.iterations[6].objective, more.record.iterations[0].objective);
            assert!((was - is).abs() <= 1e-13 * was, "{was} {is}");
            assert_eq!(more.record.end.status, "converged");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_run_that_ends_leaves_its_model_and_one_without_an_iteration_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("so_far.json");
        let trained = run(logistic(), LOGISTIC, &path, 3, &mut At(0, || Ok(())));
        assert_eq!(Some(Model::read(&path).unwrap()), trained.model);
        assert_eq!(trained.exit_status, 0);
        let before = std::fs::read(&path).unwrap();
        run(logistic(), LOGISTIC, &path, 1, &mut At(0, || Err(lost())));
        assert_eq!(std::fs::read(&path).unwrap(), before, "the start is nothing that was found");
    }

    /// A support vector machine's variables are the dual's: what is kept is the primal model, with its own objective.
    #[test]
    fn of_a_support_vector_machine_the_primal_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("so_far.json");
        let config = TrainConfig { l2: 1e-2, task: Some("hinge".into()), ..TrainConfig::default() };
        let trained = run(config, LOGISTIC, &path, 100, &mut At(9, || Err(lost())));
        let model = Model::read(&path).unwrap();
        let samples = data(LOGISTIC);
        let margins = model.margins(&samples.features).unwrap();
        let classes: Vec<f64> = model.task.map_labels(&samples.labels).unwrap();
        let losses: f64 = margins.iter().zip(&classes).map(|(z, y)| (1.0 - y * z).max(0.0)).sum();
        let square: f64 = model.weights.iter().map(|w| w * w).sum();
        let primal = losses / 400.0 + 0.5 * 1e-2 * square;
        assert!((primal - model.provenance.objective).abs() <= 1e-12 * primal);
        // P = D + gap, and the record has -D.
        let last = &trained.record.iterations[8];
        assert!(primal >= -last.objective && model.provenance.status.ends_with(" 8"));
    }

    #[test]
    fn a_checkpoint_that_can_not_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let path = inner.join("so_far.json");
        let remove = || {
            std::fs::remove_dir_all(&inner).unwrap();
            Ok(())
        };
        std::fs::create_dir(&inner).unwrap();
        // While the run goes on: it ends there.
        let trained = run(logistic(), LOGISTIC, &path, 2, &mut At(5, remove));
        assert!(trained.model.is_none() && trained.exit_status == 1);
        assert!(trained.error.is_some_and(|e| e.to_string().contains("so_far.json")));
        assert_eq!(trained.record.iterations.len(), 7);
        // At its end: nothing of the result is lost.
        std::fs::create_dir(&inner).unwrap();
        let trained = run(logistic(), LOGISTIC, &path, 100_000, &mut At(5, remove));
        assert!(trained.error.is_some_and(|e| e.to_string().contains("so_far.json")));
        assert_eq!((trained.exit_status, trained.record.end.status.as_str()), (1, "converged"));
        assert!(trained.model.is_some());

        let never = Checkpoint { path, every: 0 };
        let error = Training::new(logistic()).checkpoint(Some(never)).run(data(LOGISTIC)).unwrap_err();
        assert_eq!(error.to_string(), "--checkpoint-every: got 0; allowed: at least 1");
    }
}
