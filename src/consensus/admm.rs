//! Consensus ADMM without a centre (Shi, Ling, Yuan, Wu and Yin 2014).

use super::vector::axpy;
use super::{Algorithm, System};
use crate::error::{Error, Result};

/// For a copy of weighted degree D: minimize `f_i + a_i'x + rho sum_j w_ij |x - (x_i + x_j)/2|^2`, then
/// `a_i += rho sum_j w_ij (x_i - x_j)`. One round an iteration, for `sum_j w_ij x_j = D x_i - (W x)_i`.
#[derive(Debug)]
pub(super) struct Admm {
    penalty: f64,
    diagonal: Vec<f64>,
    /// `2 rho D`.
    weight: Vec<f64>,
    x: Vec<f64>,
    /// W x.
    image: Vec<f64>,
    multipliers: Vec<f64>,
}

impl Admm {
    pub(super) fn new(system: &System<'_>, penalty: f64) -> Result<Self> {
        if !penalty.is_finite() {
            return Err(Error::usage("--method admm:penalty", penalty, "a finite number above 0"));
        }
        let diagonal = system.exchange().matrix().diagonal();
        let weight = diagonal.iter().map(|d| 2.0 * penalty * d).collect();
        let zero = vec![0.0; system.len()];
        Ok(Admm { penalty, diagonal, weight, x: zero.clone(), image: zero.clone(), multipliers: zero })
    }
}

impl Algorithm for Admm {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let right: Vec<f64> = (0..self.x.len())
            .map(|k| self.penalty * (2.0 * self.diagonal[k] * self.x[k] - self.image[k]) - self.multipliers[k])
            .collect();
        system.minimize(&right, Some(&self.weight), &mut self.x)?;
        system.multiply(&self.x, &mut self.image);
        axpy(&mut self.multipliers, self.penalty, &self.image);
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}
