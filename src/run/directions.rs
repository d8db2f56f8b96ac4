//! The workers of GIANT: which local directions a configuration asks for, and the fleet that makes them.

use super::config::TrainConfig;
use super::hessian::{block_fleet, stored_as};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::method::{Giant, Stragglers};
use crate::oracle::{DirectionOracle, DirectionPlan, LocalDirections};
use crate::scalar::{Element, Precision};

impl TrainConfig {
    /// The plan of local directions, for a method that wants them.
    ///
    /// # Errors
    /// [`Error::Usage`] when stragglers are to be coded for or ignored and their number is not from 1 to m - 1.
    pub(super) fn direction_plan(&self) -> Result<Option<DirectionPlan>> {
        let Some(handling) = Giant::stragglers_of(&self.method)? else { return Ok(None) };
        let stragglers = self.stragglers;
        if handling != Stragglers::Wait && !(1..self.workers).contains(&stragglers) {
            return Err(Error::usage(
                format!("--stragglers with --method {}", self.method),
                stragglers,
                format!("1 to {}: how many to expect", self.workers.saturating_sub(1)),
            ));
        }
        Ok(Some(match handling {
            Stragglers::Wait => DirectionPlan::Wait,
            Stragglers::Coding => DirectionPlan::Coding { stragglers },
            Stragglers::Ignore => DirectionPlan::Ignore { stragglers },
        }))
    }
}

/// The oracle of GIANT; nothing for other methods.
///
/// # Errors
/// Names and numbers that can't be used.
pub fn open<'a>(config: &TrainConfig, features: &'a Matrix<f64>) -> Result<Option<Box<dyn DirectionOracle + 'a>>> {
    let Some(plan) = config.direction_plan()? else { return Ok(None) };
    Ok(Some(match config.precision.unwrap_or(Precision::F64) {
        Precision::F64 => make::<f64>(config, features, plan)?,
        Precision::F32 => make::<f32>(config, features, plan)?,
        Precision::F16 => make::<half::f16>(config, features, plan)?,
    }))
}

fn make<'a, T: Element>(
    config: &TrainConfig,
    features: &'a Matrix<f64>,
    plan: DirectionPlan,
) -> Result<Box<dyn DirectionOracle + 'a>> {
    let fleet = block_fleet(config, config.workers)?;
    Ok(Box::new(LocalDirections::new(stored_as::<T>(features), fleet, plan)?))
}
