//! Methods by name, and the one that `--method auto` takes.

use super::{
    CodedDino, CoordinateDescent, Dingo, Dino, Disco, DualBarrier, EncodedCoordinateDescent, EncodedGradientDescent,
    EncodedLbfgs, EncodedProximalGradient, Fista, Giant, GradientDescent, HessianFreeGiant, InexactDane, Lbfgs, Method,
    Newton, NewtonOptions, ProximalGradient, RobustGd, Sgd, SgdOptions, SynchronousSgd,
};
use crate::error::Result;
use crate::objective::Objective;
use crate::params::Params;

/// The names that [`by_name`] takes.
pub const NAMES: [&str; 25] = [
    "gradient-descent",
    "proximal-gradient",
    "fista",
    "lbfgs",
    "newton",
    "oversketched-newton",
    "giant",
    "dual-barrier",
    "oversketched-dual-barrier",
    "coordinate-descent",
    "robust-gd",
    "dino",
    "hessian-free-giant",
    "dingo",
    "disco",
    "inexact-dane",
    "aide",
    "synchronous-sgd",
    "coded-dino",
    "coded-giant",
    "sgd",
    "encoded-gradient-descent",
    "encoded-lbfgs",
    "encoded-proximal-gradient",
    "encoded-coordinate-descent",
];

/// A method by its name on the command line, with parameters (not `auto`, which needs the objective: [`for_objective`]).
///
/// # Errors
/// [`crate::Error::Usage`] with the allowed names.
pub fn by_name(name: &str) -> Result<Box<dyn Method>> {
    let mut options = Params::parse("method", name)?;
    let method: Box<dyn Method> = match options.name() {
        "gradient-descent" => Box::new(GradientDescent::default()),
        "proximal-gradient" => Box::new(ProximalGradient::default()),
        "fista" => Box::new(Fista::default()),
        "lbfgs" => Box::new(Lbfgs::default()),
        "newton" => Box::new(Newton::exact(NewtonOptions::parse(&mut options)?)),
        "oversketched-newton" => Box::new(Newton::oversketched(NewtonOptions::parse(&mut options)?)),
        "dual-barrier" => Box::new(DualBarrier::exact()),
        "oversketched-dual-barrier" => Box::new(DualBarrier::oversketched()),
        "coordinate-descent" => Box::new(CoordinateDescent::parse(&mut options)?),
        "robust-gd" => Box::new(RobustGd::parse(&mut options)?),
        "sgd" => Box::new(Sgd::new(SgdOptions::parse(&mut options)?)),
        "encoded-gradient-descent" => Box::new(EncodedGradientDescent::parse(&mut options)?),
        "encoded-lbfgs" => Box::new(EncodedLbfgs::parse(&mut options)?),
        "encoded-proximal-gradient" => Box::new(EncodedProximalGradient::parse(&mut options)?),
        "encoded-coordinate-descent" => Box::new(EncodedCoordinateDescent::parse(&mut options)?),
        "giant" => Box::new(Giant::parse(&mut options)?),
        "dino" => Box::new(Dino::parse(&mut options)?),
        "coded-dino" => Box::new(CodedDino::parse(&mut options)?),
        "coded-giant" => Box::new(CodedDino::parse_giant(&mut options)?),
        "hessian-free-giant" => Box::new(HessianFreeGiant::parse(&mut options)?),
        "dingo" => Box::new(Dingo::parse(&mut options)?),
        "disco" => Box::new(Disco::parse(&mut options)?),
        "inexact-dane" => Box::new(InexactDane::parse(&mut options)?),
        "aide" => Box::new(InexactDane::parse_accelerated(&mut options)?),
        "synchronous-sgd" => Box::new(SynchronousSgd::parse(&mut options)?),
        _ => return Err(options.unknown(format!("auto, {}", NAMES.join(", ")))),
    };
    options.finish()?;
    Ok(method)
}

/// A method by name, checked against the objective; `auto` is L-BFGS for a smooth objective, else FISTA.
///
/// # Errors
/// [`crate::Error::Usage`] for an unknown name, or a method that can't solve such an objective.
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
