use super::{BoxConstraint, L1, L2Ball, Penalized, Simplex};
use crate::error::{Error, Result};
use crate::objective::Regularizer;
use crate::params::Params;
use std::sync::Arc;

/// The regularizers by name, with their parameters.
pub const REGULARIZER_NAMES: [&str; 7] = [
    "none",
    "l1:weight=X",
    "elastic-net:weight=X,ratio=R",
    "box:lo=X,hi=X",
    "non-negative",
    "simplex:radius=1",
    "l2-ball:radius=1",
];

/// What a regularizer's name adds to an objective: an l2 weight (to be added to [`crate::objective::Objective::l2`]) and
/// the part with a proximal operator.
///
/// Only the elastic net has both: `weight (ratio |w|_1 + (1 - ratio) |w|^2 / 2)` is l1 with weight `weight * ratio` and
/// `l2 = weight * (1 - ratio)`.
///
/// ```
/// use steadfast::objective::{Penalized, Penalty};
/// let penalty = Penalty::parse("elastic-net:weight=0.5,ratio=0.25", Penalized::new(10, false)?)?;
/// assert_eq!(penalty.l2, 0.375);
/// assert_eq!(penalty.regularizer.unwrap().name(), "l1:weight=0.125");
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Penalty {
    /// Weight of `|w|^2 / 2`.
    pub l2: f64,
    /// l1 or a constraint.
    pub regularizer: Option<Arc<dyn Regularizer>>,
}

impl Penalty {
    /// `weight (ratio |w|_1 + (1 - ratio) |w|^2 / 2)`.
    ///
    /// # Errors
    /// [`Error::Usage`] unless the weight is finite and at least 0 and the ratio from 0 to 1.
    pub fn elastic_net(weight: f64, ratio: f64, on: Penalized) -> Result<Self> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(Error::usage("elastic-net: ratio", ratio, "0 (all l2) to 1 (all l1)"));
        }
        if !(weight >= 0.0 && weight.is_finite()) {
            return Err(Error::usage("elastic-net: weight", weight, "a finite number of at least 0"));
        }
        let l1 = weight * ratio;
        let regularizer = if l1 > 0.0 { Some(Arc::new(L1::new(l1, on)?) as Arc<dyn Regularizer>) } else { None };
        Ok(Penalty { l2: weight * (1.0 - ratio), regularizer })
    }

    /// What `name` or `name:key=value,…` adds, see [`REGULARIZER_NAMES`].
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown name or parameter, or a value out of range.
    pub fn parse(text: &str, on: Penalized) -> Result<Self> {
        let mut params = Params::parse("regularizer", text)?;
        let regularizer: Option<Arc<dyn Regularizer>> = match params.name() {
            "none" => None,
            "l1" => Some(Arc::new(L1::new(params.require("weight")?, on)?)),
            "elastic-net" => {
                let (weight, ratio) = (params.require("weight")?, params.require("ratio")?);
                params.finish()?;
                return Penalty::elastic_net(weight, ratio, on);
            }
            "box" => Some(Arc::new(BoxConstraint::new(params.require("lo")?, params.require("hi")?, on)?)),
            "non-negative" => Some(Arc::new(BoxConstraint::non_negative(on))),
            "simplex" => Some(Arc::new(Simplex::new(params.take("radius", 1.0)?, on)?)),
            "l2-ball" => Some(Arc::new(L2Ball::new(params.take("radius", 1.0)?, on)?)),
            _ => return Err(params.unknown(REGULARIZER_NAMES.join(", "))),
        };
        params.finish()?;
        Ok(Penalty { l2: 0.0, regularizer })
    }
}
