//! A trained model as a file: what is needed to predict from new data, and where it came from.

use std::path::Path;

use super::task::Task;
use crate::data::{Matrix, OneHot, Standardization};
use crate::error::{Error, Result};
use crate::trace::write_whole;

/// Version of the model file's layout.
pub const MODEL_SCHEMA: u32 = 1;

/// Where a model came from.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// Version of Steadfast.
    pub version: String,
    /// The command line, or how the library was called.
    pub command: String,
    /// The data's name.
    pub data: String,
    /// Status of the run; of a checkpoint, its iteration.
    pub status: String,
    /// F(w) on the training data; of a checkpoint, as the record of its iteration has it.
    pub objective: f64,
    /// True when every round was certified.
    pub certified: bool,
}

/// A generalized linear model. Weights are those of the raw features: standardization is applied to the features before the
/// product, as it was in training.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Model {
    /// [`MODEL_SCHEMA`].
    pub schema: u32,
    /// Loss and class names.
    pub task: Task,
    /// d, features without an intercept.
    pub features: usize,
    /// Feature names, where the data had them.
    pub columns: Vec<String>,
    /// Constant term of each of the K outputs, where one was fitted.
    pub intercept: Option<Vec<f64>>,
    /// Centering and scaling.
    pub standardization: Option<Standardization>,
    /// How text columns became numbers.
    pub one_hot: Option<OneHot>,
    /// K x d, row-major.
    pub weights: Vec<f64>,
    /// Where it came from.
    pub provenance: Provenance,
}

/// What all models of a run share.
pub(super) struct ModelForm {
    pub task: Task,
    /// d without an intercept.
    pub features: usize,
    pub columns: Vec<String>,
    pub intercept: bool,
    pub standardization: Option<Standardization>,
    pub one_hot: Option<OneHot>,
    pub command: String,
    pub data: String,
}

impl ModelForm {
    /// The model of weights (K x d, an intercept's column last) with F there; `status` says how they were come by.
    pub fn fill(&self, weights: &[f64], status: String, objective: f64, certified: bool) -> Model {
        let rows = weights.chunks_exact(self.features + usize::from(self.intercept));
        Model {
            schema: MODEL_SCHEMA,
            task: self.task.clone(),
            features: self.features,
            columns: self.columns.clone(),
            intercept: self.intercept.then(|| rows.clone().map(|w| w[self.features]).collect()),
            standardization: self.standardization.clone(),
            one_hot: self.one_hot.clone(),
            weights: rows.flat_map(|w| w[..self.features].iter().copied()).collect(),
            provenance: Provenance {
                version: env!("CARGO_PKG_VERSION").into(),
                command: self.command.clone(),
                data: self.data.clone(),
                status,
                objective,
                certified,
            },
        }
    }
}

impl Model {
    /// Writes it as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::Numerical(format!("model can't be written as JSON: {e}")))?;
        write_whole(path, &text)
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::Io`] when it can't be read, [`Error::Input`] when it is no model of this schema or its parts disagree.
    pub fn read(path: &Path) -> Result<Self> {
        let place = || path.display().to_string();
        let text = std::fs::read(path).map_err(Error::reading(path))?;
        let model: Model =
            serde_json::from_slice(&text).map_err(|e| Error::input(place(), e, "a model written by --model"))?;
        if model.schema != MODEL_SCHEMA {
            return Err(Error::input(place(), format!("schema {}", model.schema), format!("schema {MODEL_SCHEMA}")));
        }
        let outputs = model.task.outputs()?;
        let fits = model.weights.len() == outputs * model.features
            && model.intercept.as_ref().is_none_or(|b| b.len() == outputs)
            && model.weights.iter().chain(model.intercept.iter().flatten()).all(|x| x.is_finite());
        if !fits {
            return Err(Error::input(
                place(),
                format!("{} weights", model.weights.len()),
                format!("{outputs} x {} finite weights", model.features),
            ));
        }
        Ok(model)
    }

    /// Margins (n x K, row-major) of raw features.
    ///
    /// # Errors
    /// [`Error::Input`] when the width differs from the training data's.
    pub fn margins(&self, features: &Matrix<f64>) -> Result<Vec<f64>> {
        if features.cols() != self.features {
            return Err(Error::input(
                "data",
                format!("{} features", features.cols()),
                format!("{} features, as in training", self.features),
            ));
        }
        let outputs = self.weights.len() / self.features.max(1);
        let mut margins = vec![0.0; features.rows() * outputs];
        // The weights are taken back to the raw features, instead of standardizing the data.
        let mut weights = self.weights.clone();
        let mut shift = self.intercept.clone().unwrap_or_else(|| vec![0.0; outputs]);
        if let Some(standardization) = &self.standardization {
            for (row, constant) in weights.chunks_exact_mut(self.features).zip(&mut shift) {
                let (raw, folded) = standardization.fold_back(row, *constant)?;
                row.copy_from_slice(&raw);
                *constant = folded;
            }
        }
        features.multiply(&weights, outputs, &mut margins);
        for row in margins.chunks_exact_mut(outputs) {
            row.iter_mut().zip(&shift).for_each(|(z, b)| *z += b);
        }
        Ok(margins)
    }
}
