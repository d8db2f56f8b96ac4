//! From data as read to data as encoded: order of the rows, standardization, intercept; and the objective over it.

use std::sync::Arc;

use super::config::TrainConfig;
use crate::data::{Dataset, Matrix, RowOrder, Standardization, with_intercept};
use crate::error::Result;
use crate::objective::{L1, Loss, Objective, Penalized, Penalty, Regularizer};
use crate::seed::Seed;

/// Data ready to encode.
#[derive(Debug)]
pub struct Prepared {
    /// n x d, an intercept's column last.
    pub features: Matrix<f64>,
    /// As the loss takes them.
    pub labels: Vec<f64>,
    /// What was done to the columns.
    pub standardization: Option<Standardization>,
    /// True when the last column is the constant.
    pub intercept: bool,
}

/// Orders the rows, standardizes, appends the constant column.
///
/// # Errors
/// None today beyond those of its parts.
pub fn prepare(config: &TrainConfig, data: Dataset<f64>, mut labels: Vec<f64>) -> Result<Prepared> {
    let mut features = data.features;
    if config.partition != RowOrder::Contiguous {
        let order = config.partition.permutation(&data.labels, Seed(config.seed));
        features = features.permute_rows(&order);
        labels = order.iter().map(|&i| labels[i]).collect();
    }
    let mut standardization = None;
    if config.standardize {
        let description = Standardization::fit(&features)?;
        features = description.apply(features)?;
        standardization = Some(description);
    }
    if config.intercept {
        features = with_intercept(features);
    }
    Ok(Prepared { features, labels, standardization, intercept: config.intercept })
}

/// The objective of a configuration over prepared data.
///
/// # Errors
/// An unknown constraint; an l2 or labels that the objective does not take.
pub fn objective(config: &TrainConfig, loss: Arc<dyn Loss>, prepared: &Prepared) -> Result<Objective> {
    let on = Penalized::new(prepared.features.cols(), config.intercept)?;
    let mut l2 = config.l2;
    let regularizer: Option<Arc<dyn Regularizer>> = match &config.constraint {
        Some(name) => {
            let penalty = Penalty::parse(name, on)?;
            l2 += penalty.l2;
            penalty.regularizer
        }
        None if config.l1 > 0.0 => Some(Arc::new(L1::new(config.l1, on)?)),
        None => None,
    };
    let objective = Objective { loss, l2, regularizer, intercept: config.intercept };
    objective.check(&prepared.labels)?;
    Ok(objective)
}
