//! Methods by name, and the one that `--method auto` takes.

use super::{Fista, GradientDescent, Lbfgs, Method, ProximalGradient};
use crate::error::{Error, Result};
use crate::objective::Objective;

/// The names that [`by_name`] takes.
pub const NAMES: [&str; 4] = ["gradient-descent", "proximal-gradient", "fista", "lbfgs"];

/// A method by its name on the command line (not `auto`, which needs the objective: [`for_objective`]).
///
/// # Errors
/// [`Error::Usage`] with the allowed names.
pub fn by_name(name: &str) -> Result<Box<dyn Method>> {
    Ok(match name {
        "gradient-descent" => Box::new(GradientDescent::default()),
        "proximal-gradient" => Box::new(ProximalGradient::default()),
        "fista" => Box::new(Fista::default()),
        "lbfgs" => Box::new(Lbfgs::default()),
        _ => return Err(Error::usage("method", name, format!("auto, {}", NAMES.join(", ")))),
    })
}

/// A method by name, checked against the objective; `auto` is L-BFGS for a smooth objective, else FISTA.
///
/// # Errors
/// [`Error::Usage`] for an unknown name, or a method that can't solve such an objective.
pub fn for_objective(name: &str, objective: &Objective) -> Result<Box<dyn Method>> {
    let chosen = match (name, &objective.regularizer) {
        ("auto", None) => "lbfgs",
        ("auto", Some(_)) => "fista",
        (given, _) => given,
    };
    let method = by_name(chosen)?;
    method.check(objective)?;
    Ok(method)
}
