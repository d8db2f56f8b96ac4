//! Losses by name: what the command line reads, and what a rank makes of a [`LossId`] from the wire.

use super::losses::{Huber, LeastSquares, Logistic, NonlinearLeastSquares, Poisson, Softmax, SquaredHinge};
use super::{Loss, LossId};
use crate::error::{Error, Result};
use crate::params::Params;
use std::sync::Arc;

/// The registered losses, with their parameters.
pub const LOSS_NAMES: [&str; 7] = [
    "squared",
    "logistic",
    "softmax:classes=K",
    "huber:delta=1",
    "poisson",
    "squared-hinge",
    "nonlinear-least-squares",
];

fn unknown(name: &str) -> Error {
    Error::usage("loss", name, LOSS_NAMES.join(", "))
}

/// The loss that an id names.
///
/// # Errors
/// [`Error::Usage`] for an unknown name, the wrong number of parameters or one out of range.
///
/// ```
/// use steadfast::objective::{LossId, loss_by_id};
/// let loss = loss_by_id(&LossId { name: "huber".into(), parameters: vec![1.5] })?;
/// assert_eq!(loss.value(&[4.0], 1.0), 1.5 * (3.0 - 0.75));
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn loss_by_id(id: &LossId) -> Result<Arc<dyn Loss>> {
    let given = id.parameters.len();
    let loss: (Arc<dyn Loss>, usize) = match (id.name.as_str(), id.parameters.as_slice()) {
        ("squared", _) => (Arc::new(LeastSquares), 0),
        ("logistic", _) => (Arc::new(Logistic), 0),
        ("poisson", _) => (Arc::new(Poisson), 0),
        ("squared-hinge", _) => (Arc::new(SquaredHinge), 0),
        ("nonlinear-least-squares", _) => (Arc::new(NonlinearLeastSquares), 0),
        ("huber", &[delta, ..]) => (Arc::new(Huber::new(delta)?), 1),
        ("softmax", &[classes, ..]) => (Arc::new(Softmax::new(whole(classes)?)?), 1),
        ("huber" | "softmax", []) => return Err(Error::usage(id.name.as_str(), "no parameter", "1 parameter")),
        (name, _) => return Err(unknown(name)),
    };
    if given != loss.1 {
        return Err(Error::usage(id.name.as_str(), format!("{given} parameters"), format!("{} parameters", loss.1)));
    }
    Ok(loss.0)
}

/// The loss that `name` or `name:key=value` names, see [`LOSS_NAMES`].
///
/// # Errors
/// [`Error::Usage`] for an unknown name or parameter, or a value out of range.
///
/// ```
/// use steadfast::objective::loss_by_name;
/// assert_eq!(loss_by_name("softmax:classes=3")?.outputs(), 3);
/// assert!(loss_by_name("hinge").is_err());
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn loss_by_name(text: &str) -> Result<Arc<dyn Loss>> {
    let mut params = Params::parse("loss", text)?;
    let name = params.name().to_owned();
    let parameters = match name.as_str() {
        "huber" => vec![params.take("delta", 1.0)?],
        "softmax" => vec![params.require::<u32>("classes")?.into()],
        _ => vec![],
    };
    let loss = loss_by_id(&LossId { name, parameters })?;
    params.finish()?;
    Ok(loss)
}

/// A count that travelled as a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a whole number in range")]
fn whole(value: f64) -> Result<usize> {
    if value >= 0.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 {
        Ok(value as usize)
    } else {
        Err(Error::usage("softmax: classes", value, "a whole number of at least 2"))
    }
}
