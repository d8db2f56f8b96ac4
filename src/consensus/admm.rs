//! Consensus ADMM without a centre (Shi, Ling, Yuan, Wu and Yin 2014).

use super::{Algorithm, System};
use crate::device::NodeVector;
use crate::error::{Error, Result};

/// For a copy of weighted degree D: minimize `f_i + a_i'x + rho sum_j w_ij |x - (x_i + x_j)/2|^2`, then
/// `a_i += rho sum_j w_ij (x_i - x_j)`. One round an iteration: of the distances from the neighbours' means what depends on x is
/// `rho D |x - x_i|^2 + rho (W x)_i'x`.
#[derive(Debug)]
pub(super) struct Admm {
    penalty: f64,
    /// `2 rho D`.
    weight: Vec<f64>,
    x: NodeVector,
    /// W x.
    image: NodeVector,
    multipliers: NodeVector,
    /// `-a - rho W x`.
    pull: NodeVector,
}

impl Admm {
    pub(super) fn new(system: &mut System<'_>, penalty: f64) -> Result<Self> {
        if !penalty.is_finite() {
            return Err(Error::usage("--method admm:penalty", penalty, "a finite number above 0"));
        }
        let weight = system.exchange().matrix().diagonal().iter().map(|d| 2.0 * penalty * d).collect();
        let (x, image, multipliers, pull) = (system.vector()?, system.vector()?, system.vector()?, system.vector()?);
        Ok(Admm { penalty, weight, x, image, multipliers, pull })
    }
}

impl Algorithm for Admm {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let (rho, a) = (self.penalty, self.multipliers);
        system.combine(&[(-1.0, a), (-rho, self.image)], self.pull)?;
        system.minimize(self.pull, Some(&self.weight), self.x)?;
        system.multiply(self.x, self.image)?;
        system.combine(&[(1.0, a), (rho, self.image)], a)
    }

    fn point(&self) -> NodeVector {
        self.x
    }
}
