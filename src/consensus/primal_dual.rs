//! PAPC and its accelerated forms (Kovalev, Salim and Richtarik 2020), and the extragradient method: gradients alone.

use super::system::Chebyshev;
use super::vector::axpy;
use super::{Algorithm, System};
use crate::error::Result;

/// Algorithm 1: `O((kappa + chi) log 1/eps)` gradients and rounds.
#[derive(Debug)]
pub(super) struct Papc {
    eta: f64,
    theta: f64,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Papc {
    pub(super) fn new(system: &System<'_>) -> Self {
        let eta = 1.0 / system.smoothness();
        let n = system.len();
        Papc { eta, theta: 1.0 / (eta * system.spectrum().0), x: vec![0.0; n], y: vec![0.0; n] }
    }
}

impl Algorithm for Papc {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let n = self.x.len();
        let (mut slope, mut image) = (vec![0.0; n], vec![0.0; n]);
        system.gradient(&self.x, &mut slope);
        // x - eta grad F(x), with either y.
        axpy(&mut self.x, -self.eta, &slope);
        let mut ahead = self.x.clone();
        axpy(&mut ahead, -self.eta, &self.y);
        system.multiply(&ahead, &mut image);
        axpy(&mut self.y, self.theta, &image);
        axpy(&mut self.x, -self.eta, &self.y);
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}

/// Algorithm 2, and with Chebyshev gossip algorithm 3 (OPAPC): `O(sqrt(kappa) log 1/eps)` gradients and
/// `O(sqrt(kappa chi) log 1/eps)` rounds.
#[derive(Debug)]
pub(super) struct Apapc {
    chebyshev: Option<Chebyshev>,
    tau: f64,
    eta: f64,
    theta: f64,
    alpha: f64,
    x: Vec<f64>,
    /// x_f.
    fast: Vec<f64>,
    y: Vec<f64>,
}

impl Apapc {
    pub(super) fn new(system: &System<'_>, gossip: bool) -> Result<Self> {
        let alpha = system.strong_convexity(if gossip { "opapc" } else { "apapc" })?;
        let kappa = system.smoothness() / alpha;
        let (largest, chi) = system.spectrum();
        let (chebyshev, tau, scale) = if gossip {
            let chebyshev = Chebyshev::of(chi);
            let c = chebyshev.power;
            let scale = (1.0 + c) * (1.0 + c) / (1.0 + c * c);
            (Some(chebyshev), (1.0 + c) / (2.0 * kappa.sqrt() * (1.0 - c)), scale)
        } else {
            (None, 0.5 * (chi / kappa).sqrt(), largest)
        };
        let tau = tau.min(1.0);
        let eta = 1.0 / (4.0 * tau * system.smoothness());
        let zero = vec![0.0; system.len()];
        let theta = 1.0 / (eta * scale);
        Ok(Apapc { chebyshev, tau, eta, theta, alpha, x: zero.clone(), fast: zero.clone(), y: zero })
    }
}

impl Algorithm for Apapc {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let n = self.x.len();
        let shrink = 1.0 / (1.0 + self.eta * self.alpha);
        let (mut slope, mut image) = (vec![0.0; n], vec![0.0; n]);
        // x_g = tau x + (1 - tau) x_f
        let middle: Vec<f64> =
            self.x.iter().zip(&self.fast).map(|(x, f)| self.tau * x + (1.0 - self.tau) * f).collect();
        system.gradient(&middle, &mut slope);
        let base: Vec<f64> = (0..n).map(|k| self.x[k] - self.eta * (slope[k] - self.alpha * middle[k])).collect();
        let eta = self.eta;
        let primal =
            |y: &[f64]| -> Vec<f64> { base.iter().zip(y).map(|(base, y)| shrink * (base - eta * y)).collect() };
        let ahead = primal(&self.y);
        match &self.chebyshev {
            Some(chebyshev) => system.gossip(chebyshev, &ahead, &mut image),
            None => system.multiply(&ahead, &mut image),
        }
        axpy(&mut self.y, self.theta, &image);
        let next = primal(&self.y);
        let factor = 2.0 * self.tau / (2.0 - self.tau);
        self.fast = (0..n).map(|k| middle[k] + factor * (next[k] - self.x[k])).collect();
        self.x = next;
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}

/// Korpelevich's extragradient method on the saddle point of `F(X) + Z' sqrt(W) X`, in terms of `Y = sqrt(W) Z`: two gradients and
/// two rounds an iteration. Scaled by the steps, its
/// operator has a Lipschitz constant of at most `eta L + sqrt(eta theta lambda_max)`, which must be below 1.
#[derive(Debug)]
pub(super) struct Extragradient {
    eta: f64,
    theta: f64,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Extragradient {
    pub(super) fn new(system: &System<'_>) -> Self {
        // 0.45 + 0.45 < 1.
        let eta = 0.45 / system.smoothness();
        let n = system.len();
        Extragradient { eta, theta: 0.2025 / (eta * system.spectrum().0), x: vec![0.0; n], y: vec![0.0; n] }
    }
}

impl Algorithm for Extragradient {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let n = self.x.len();
        let (mut slope, mut image) = (vec![0.0; n], vec![0.0; n]);
        let (mut x, mut y) = (self.x.clone(), self.y.clone());
        // A step to look ahead, and one from the same place with the values found there.
        system.gradient(&self.x, &mut slope);
        system.multiply(&self.x, &mut image);
        (0..n).for_each(|k| x[k] -= self.eta * (slope[k] + self.y[k]));
        axpy(&mut y, self.theta, &image);
        system.gradient(&x, &mut slope);
        system.multiply(&x, &mut image);
        (0..n).for_each(|k| self.x[k] -= self.eta * (slope[k] + y[k]));
        axpy(&mut self.y, self.theta, &image);
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}
