//! Methods by name.

use super::admm::Admm;
use super::dual::{AsynchronousDual, Dual, DualAscent};
use super::mixing::{Dgd, Extra, GradientTracking, Nids};
use super::primal_dual::{Apapc, Extragradient, Papc};
use super::{Shape, System};
use crate::device::NodeVector;
use crate::error::{Error, Result};
use crate::params::Params;

/// What [`method_by_name`] knows.
pub const METHOD_NAMES: &str = "opapc, apapc, papc, msda, ssda, dual-decomposition, asynchronous-dual, extra:step=…, nids:step=…, \
    gradient-tracking:step=…, dgd:step=…, extragradient, admm:penalty=…";

/// What a GPU can do, with the functions that it can do it for.
const ON_GPU: &str = "opapc, apapc, papc, extra, nids, gradient-tracking, dgd, extragradient; for quadratics also msda, ssda, \
    dual-decomposition";

/// A method: from copies that are all 0 towards copies that agree and are optimal.
pub trait Algorithm: std::fmt::Debug {
    /// One iteration.
    ///
    /// # Errors
    /// [`Error::Numerical`](crate::Error::Numerical) where a node's minimum can't be found; failures of the device.
    fn step(&mut self, system: &mut System<'_>) -> Result<()>;

    /// The copies it has found so far.
    fn point(&self) -> NodeVector;
}

/// The method that `text` names, for one system. Steps are given in units of `1/L`, ADMM's penalty in units of L.
///
/// # Errors
/// [`Error::Usage`](crate::Error::Usage) for an unknown name or parameter, and for a method that needs strong convexity where
/// the system has none or a device that can't compute its steps.
pub fn method_by_name(text: &str, system: &mut System<'_>) -> Result<Box<dyn Algorithm>> {
    let mut given = Params::parse("--method", text)?;
    if system.problem().is_game() && given.name() != "extragradient" {
        let got = format!("{} for a game", given.name());
        return Err(Error::usage("--method", got, "extragradient, whose steps need no function"));
    }
    if system.device().kind == "gpu" {
        check_gpu(given.name(), system)?;
    }
    let unit = 1.0 / system.smoothness();
    let made: Box<dyn Algorithm> = match given.name() {
        "opapc" => Box::new(Apapc::new(system, true)?),
        "apapc" => Box::new(Apapc::new(system, false)?),
        "papc" => Box::new(Papc::new(system)?),
        "msda" => Box::new(Dual::new(system, true)?),
        "ssda" => Box::new(Dual::new(system, false)?),
        "dual-decomposition" => Box::new(DualAscent::new(system)?),
        "asynchronous-dual" => Box::new(AsynchronousDual::new(system)?),
        "extra" => Box::new(Extra::new(system, unit * given.positive("step", 0.99)?)?),
        "nids" => Box::new(Nids::new(system, unit * given.positive("step", 1.9)?)?),
        "gradient-tracking" => Box::new(GradientTracking::new(system, unit * given.positive("step", 0.25)?)?),
        "dgd" => Box::new(Dgd::new(system, unit * given.positive("step", 0.1)?)?),
        "extragradient" => Box::new(Extragradient::new(system)?),
        "admm" => Box::new(Admm::new(system, given.positive("penalty", 0.03)? / unit)?),
        _ => return Err(given.unknown(METHOD_NAMES)),
    };
    given.finish()?;
    Ok(made)
}

/// Refuses methods whose steps no kernel computes.
fn check_gpu(name: &str, system: &System<'_>) -> Result<()> {
    let is_quadratic = |shape: &Shape| matches!(shape, Shape::Quadratic { .. } | Shape::Separable { .. });
    let got = match name {
        "admm" | "asynchronous-dual" => format!("{name} on a GPU"),
        "msda" | "ssda" | "dual-decomposition"
            if !system.problem().nodes().iter().all(|node| is_quadratic(&node.shape)) =>
        {
            format!("{name} on a GPU for functions that are not quadratic")
        }
        _ => return Ok(()),
    };
    Err(Error::usage("--method", got, ON_GPU))
}
