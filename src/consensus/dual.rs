//! Dual methods: every node finds the minimum of its own function with a linear term, exactly.

use super::system::Chebyshev;
use super::vector::axpy;
use super::{Algorithm, System};
use crate::error::Result;

/// SSDA and, with Chebyshev gossip, MSDA (Scaman et al. 2017, algorithms 1 and 2): Nesterov's method on the dual. A primal
/// iterate is what the nodes minimize to at the start of an iteration.
#[derive(Debug)]
pub(super) struct Dual {
    chebyshev: Option<Chebyshev>,
    eta: f64,
    momentum: f64,
    x: Vec<f64>,
    y: Vec<f64>,
    primal: Vec<f64>,
}

impl Dual {
    pub(super) fn new(system: &System<'_>, gossip: bool) -> Result<Self> {
        let mu = system.strong_convexity(if gossip { "msda" } else { "ssda" })?;
        let root = (system.smoothness() / mu).sqrt();
        let (largest, chi) = system.spectrum();
        let (chebyshev, eta, momentum) = if gossip {
            let chebyshev = Chebyshev::of(chi);
            let c = chebyshev.power;
            let momentum = ((1.0 + c) * root - 1.0 + c) / ((1.0 + c) * root + 1.0 - c);
            (Some(chebyshev), mu * (1.0 + c * c) / ((1.0 + c) * (1.0 + c)), momentum)
        } else {
            let gap = (1.0 / chi).sqrt();
            (None, mu / largest, (root - gap) / (root + gap))
        };
        let zero = vec![0.0; system.len()];
        Ok(Dual { chebyshev, eta, momentum, x: zero.clone(), y: zero.clone(), primal: zero })
    }
}

impl Algorithm for Dual {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        system.minimize(&self.x, None, &mut self.primal)?;
        let mut image = vec![0.0; self.x.len()];
        match &self.chebyshev {
            Some(chebyshev) => system.gossip(chebyshev, &self.primal, &mut image),
            None => system.multiply(&self.primal, &mut image),
        }
        for ((x, y), w) in self.x.iter_mut().zip(&mut self.y).zip(&image) {
            let next = *x - self.eta * w;
            *x = (1.0 + self.momentum) * next - self.momentum * *y;
            *y = next;
        }
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.primal
    }
}

/// Dual decomposition (Notarnicola, Carli and Notarstefano 2017), all nodes at once: gradient ascent on the multipliers of the
/// edges, of which each node keeps the sum. `O(kappa chi log 1/eps)` rounds.
#[derive(Debug)]
pub(super) struct DualAscent {
    eta: f64,
    y: Vec<f64>,
    primal: Vec<f64>,
}

impl DualAscent {
    pub(super) fn new(system: &System<'_>) -> Result<Self> {
        let eta = system.strong_convexity("dual-decomposition")? / system.spectrum().0;
        Ok(DualAscent { eta, y: vec![0.0; system.len()], primal: vec![0.0; system.len()] })
    }
}

impl Algorithm for DualAscent {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        system.minimize(&self.y, None, &mut self.primal)?;
        let mut image = vec![0.0; self.y.len()];
        system.multiply(&self.primal, &mut image);
        axpy(&mut self.y, -self.eta, &image);
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.primal
    }
}
