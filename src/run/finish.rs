//! The end of a run: the objective once more in f64 on the data as read, and how far above the optimum it can be.

use crate::data::Matrix;
use crate::method::Outcome;
use crate::objective::Objective;
use crate::trace::FinalRecord;

/// Facts about final weights, from the data itself and not from any worker.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalEvaluation {
    /// F(w).
    pub objective: f64,
    /// n x K.
    pub margins: Vec<f64>,
    /// The same, where the objective has a non-smooth part.
    pub duality_gap: Option<f64>,
    /// How far F(w) can be above the optimum: [`Objective::duality_gap_centred`].
    pub gap_bound: Option<f64>,
}

/// Evaluates the objective, and the bound on its gap, with one product and one pullback in f64.
pub fn evaluate(features: &Matrix<f64>, labels: &[f64], objective: &Objective, weights: &[f64]) -> FinalEvaluation {
    let k = objective.loss.outputs();
    let mut margins = vec![0.0; features.rows() * k];
    features.multiply(weights, k, &mut margins);
    let mut residuals = vec![0.0; margins.len()];
    objective.residuals(&margins, labels, &mut residuals);
    let mut gradient = vec![0.0; weights.len()];
    features.multiply_transposed(&residuals, k, &mut gradient);
    let mut means = vec![0.0; features.cols()];
    features.multiply_transposed(&vec![1.0 / labels.len() as f64; labels.len()], 1, &mut means);
    let gap_bound = objective.duality_gap_centred(&margins, labels, weights, &gradient, &means);
    let duality_gap = gap_bound.filter(|_| objective.regularizer.is_some());
    FinalEvaluation { objective: objective.value(&margins, labels, weights), margins, duality_gap, gap_bound }
}

/// Writes the end of a run that came to one.
pub fn end_of_outcome(end: &mut FinalRecord, outcome: &Outcome, facts: &FinalEvaluation) {
    end.status = outcome.status.name().into();
    end.objective = facts.objective;
    end.duality_gap = facts.duality_gap;
    end.gap_bound = facts.gap_bound;
    end.margin_drift = outcome.margin_drift;
    end.weights_norm = outcome.weights.iter().map(|w| w * w).sum::<f64>().sqrt();
}
