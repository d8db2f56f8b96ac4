//! From labels to a task: which loss, what the labels become, and how a model's scores are read.

use crate::data::{LabelKind, Labels};
use crate::error::{Error, Result};
use crate::objective::{Loss, Softmax, loss_by_name};
use std::sync::Arc;

/// The task of a support vector machine.
pub(super) const HINGE: &str = "hinge";

/// A task as stored in a model file: the loss by name, and the class names where there are classes.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Task {
    /// Loss name with parameters, e.g. `logistic` or `huber:delta=1.5`.
    pub loss: String,
    /// Class names: two for a binary task (the first is -1), all of them for softmax, none for a regression.
    pub classes: Vec<String>,
}

/// The score of predictions.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// Share of rows whose class was predicted.
    Accuracy(f64),
    /// Root mean square error.
    Rmse(f64),
}

impl Score {
    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Score::Accuracy(x) | Score::Rmse(x) => x,
        }
    }
}

/// Refuses the first label that `loss` does not take.
fn check_labels(loss: &dyn Loss, labels: &[f64]) -> Result<()> {
    match labels.iter().enumerate().find_map(|(i, &y)| loss.reject_label(y).map(|allowed| (i, y, allowed))) {
        Some((row, label, allowed)) => Err(Error::input(format!("label of row {}", row + 1), label, allowed)),
        None => Ok(()),
    }
}

impl Task {
    /// The task that `name` asks for, or that the labels suggest; with the labels as the loss takes them.
    ///
    /// # Errors
    /// An unknown loss; labels the loss does not take (one class only, text for a regression, negative counts, …).
    pub fn new(name: Option<&str>, labels: &Labels) -> Result<(Task, Vec<f64>)> {
        let loss = match name {
            Some(name) => name.to_string(),
            None => match labels.infer()? {
                LabelKind::Binary => "logistic".into(),
                LabelKind::MultiClass(_) => "softmax".into(),
                LabelKind::Real => "squared".into(),
            },
        };
        let (values, classes) = match loss.split(':').next().unwrap_or_default() {
            "logistic" | "squared-hinge" | HINGE => {
                let (values, names) = labels.binary()?;
                (values, names.to_vec())
            }
            "softmax" => labels.classes()?,
            _ => (labels.real()?, Vec::new()),
        };
        let task = Task { loss, classes };
        // The binary labels above are all that the hinge takes.
        if !task.is_hinge() {
            check_labels(&*task.make_loss()?, &values)?;
        }
        Ok((task, values))
    }

    /// The task of a loss that is not in the registry: classes become -1 and 1 for a loss of one margin, else 0, 1, …;
    /// numbers stay what they are.
    ///
    /// # Errors
    /// Labels the loss does not take.
    pub fn of_loss(loss: &dyn Loss, labels: &Labels) -> Result<(Task, Vec<f64>)> {
        let (values, classes) = match labels {
            Labels::Real(values) => (values.clone(), Vec::new()),
            Labels::Classes { .. } if loss.outputs() == 1 => {
                let (values, names) = labels.binary()?;
                (values, names.to_vec())
            }
            Labels::Classes { .. } => labels.classes()?,
        };
        check_labels(loss, &values)?;
        Ok((Task { loss: loss.id().name, classes }, values))
    }

    /// The loss.
    ///
    /// # Errors
    /// An unknown name or bad parameters.
    pub fn make_loss(&self) -> Result<Arc<dyn Loss>> {
        // How many classes there are is in the data, not in the name.
        if self.is_softmax() { Ok(Arc::new(Softmax::new(self.classes.len())?)) } else { loss_by_name(&self.loss) }
    }

    /// Labels of other data of the same task, as the loss takes them.
    ///
    /// # Errors
    /// [`Error::Input`] for a class the model does not know.
    pub fn map_labels(&self, labels: &Labels) -> Result<Vec<f64>> {
        match (&self.classes[..], self.is_softmax()) {
            ([], _) => labels.real(),
            ([a, b], false) => labels.binary_as(&[a.clone(), b.clone()]),
            (names, _) => labels.classes_as(names),
        }
    }

    /// Whether it is a support vector machine, which has no differentiable loss and is solved through its dual.
    pub fn is_hinge(&self) -> bool {
        self.loss == HINGE
    }

    /// K: margins of a row.
    ///
    /// # Errors
    /// As [`Task::make_loss`].
    pub fn outputs(&self) -> Result<usize> {
        if self.is_hinge() { Ok(1) } else { self.make_loss().map(|loss| loss.outputs()) }
    }

    fn is_softmax(&self) -> bool {
        self.loss == "softmax"
    }

    /// What is predicted from the K margins of a row: a class index, or a number.
    pub fn predict(&self, margins: &[f64]) -> f64 {
        if self.is_softmax() {
            let best =
                margins.iter().enumerate().fold((0, f64::NEG_INFINITY), |b, (i, &z)| if z > b.1 { (i, z) } else { b });
            best.0 as f64
        } else if self.classes.len() == 2 {
            f64::from(u8::from(margins[0] > 0.0))
        } else if self.loss.starts_with("poisson") {
            margins[0].exp()
        } else {
            margins[0]
        }
    }

    /// The prediction as text: a class name, or the number.
    pub fn predict_text(&self, margins: &[f64]) -> String {
        let value = self.predict(margins);
        // A class index is a small whole number.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index made from a usize above")]
        match self.classes.get(value as usize) {
            Some(name) if !self.classes.is_empty() => name.clone(),
            _ => value.to_string(),
        }
    }

    /// Probability of each class, in the order of [`Task::classes`].
    ///
    /// # Errors
    /// [`Error::Usage`] for a task without probabilities.
    pub fn probabilities(&self, margins: &[f64]) -> Result<Vec<f64>> {
        if self.is_softmax() {
            let top = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = margins.iter().map(|z| (z - top).exp()).collect();
            let sum: f64 = weights.iter().sum();
            Ok(weights.iter().map(|w| w / sum).collect())
        } else if self.loss.starts_with("logistic") {
            let p = 1.0 / (1.0 + (-margins[0]).exp());
            Ok(vec![1.0 - p, p])
        } else {
            Err(Error::usage("--probabilities", &self.loss, "a model of task logistic or softmax"))
        }
    }

    /// Accuracy of classes, root mean square error of numbers; `labels` as the loss takes them, margins n x K.
    pub fn score(&self, margins: &[f64], labels: &[f64]) -> Score {
        let k = margins.len() / labels.len().max(1);
        let rows = margins.chunks_exact(k.max(1)).zip(labels);
        let n = labels.len() as f64;
        if self.classes.is_empty() {
            let square: f64 = rows.map(|(z, y)| (self.predict(z) - y).powi(2)).sum();
            return Score::Rmse((square / n).sqrt());
        }
        let right = rows
            .filter(|(z, y)| {
                let class = if self.is_softmax() { **y } else { f64::from(u8::from(**y > 0.0)) };
                (self.predict(z) - class).abs() < 0.5
            })
            .count();
        Score::Accuracy(right as f64 / n)
    }
}
