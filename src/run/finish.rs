//! The end of a run: the objective once more in f64 on the data as read, and how far above the optimum it can be.

use crate::data::Matrix;
use crate::method::Outcome;
use crate::objective::Objective;
use crate::trace::{CodeRecord, DataRecord, FinalRecord, IterationRecord, NamingScore, RunRecord, SCHEMA};

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

/// The record of a run's iterations, with what they alone say of its end.
pub(super) fn record_of(
    command: String,
    config: &impl serde::Serialize,
    fleet: String,
    data: DataRecord,
    code: CodeRecord,
    iterations: Vec<IterationRecord>,
) -> RunRecord {
    let mut record = RunRecord {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        command,
        config: serde_json::to_value(config).unwrap_or_default(),
        fleet,
        data,
        code,
        iterations,
        ..RunRecord::default()
    };
    end_of_iterations(&mut record);
    record
}

/// What the iterations alone say of the end.
fn end_of_iterations(record: &mut RunRecord) {
    let mut liars = Vec::new();
    let mut late = Vec::new();
    for i in &record.iterations {
        liars.extend_from_slice(&i.liars);
        late.extend_from_slice(&i.late);
    }
    for names in [&mut liars, &mut late] {
        names.sort_unstable();
        names.dedup();
    }
    let end = &mut record.end;
    end.certified = !record.iterations.is_empty() && record.iterations.iter().all(|i| i.certified);
    end.keyed = record.iterations.iter().any(|i| i.keyed);
    end.bound = record.iterations.iter().map(|i| i.bound).fold(0.0, f64::max);
    end.naming = NamingScore::of(&record.iterations);
    (end.liars, end.late) = (liars, late);
    if let Some(last) = record.iterations.last() {
        end.objective = last.objective;
        end.gradient_norm = last.gradient_norm;
        end.iterations = last.iteration;
        end.rounds = last.rounds;
        end.virtual_seconds = last.virtual_seconds;
        end.wall_seconds = last.wall_seconds;
    }
}

/// What the outcome and an evaluation on the data as read add to it.
pub(super) fn end_of_outcome(end: &mut FinalRecord, outcome: &Outcome, facts: &FinalEvaluation) {
    end.status = outcome.status.name().into();
    end.objective = facts.objective;
    end.duality_gap = facts.duality_gap;
    end.gap_bound = facts.gap_bound;
    end.margin_drift = outcome.margin_drift;
    end.weights_norm = outcome.weights.iter().map(|w| w * w).sum::<f64>().sqrt();
}
