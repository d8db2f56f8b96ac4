//! PAPC and its accelerated forms (Kovalev, Salim and Richtarik 2020), and the extragradient method: gradients alone.

use super::system::Chebyshev;
use super::{Algorithm, System};
use crate::device::NodeVector;
use crate::error::Result;

/// Algorithm 1: `O((kappa + chi) log 1/eps)` gradients and rounds.
#[derive(Debug)]
pub(super) struct Papc {
    eta: f64,
    theta: f64,
    x: NodeVector,
    y: NodeVector,
    slope: NodeVector,
    ahead: NodeVector,
    image: NodeVector,
}

impl Papc {
    pub(super) fn new(system: &mut System<'_>) -> Result<Self> {
        let eta = 1.0 / system.smoothness();
        let theta = 1.0 / (eta * system.spectrum().0);
        let (x, y) = (system.vector()?, system.vector()?);
        Ok(Papc { eta, theta, x, y, slope: system.vector()?, ahead: system.vector()?, image: system.vector()? })
    }
}

impl Algorithm for Papc {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let Papc { eta, theta, x, y, slope, ahead, image } = *self;
        system.gradient(x, slope)?;
        // x - eta grad F(x), with either y.
        system.combine(&[(1.0, x), (-eta, slope)], x)?;
        system.combine(&[(1.0, x), (-eta, y)], ahead)?;
        system.multiply(ahead, image)?;
        system.combine(&[(1.0, y), (theta, image)], y)?;
        system.combine(&[(1.0, x), (-eta, y)], x)
    }

    fn point(&self) -> NodeVector {
        self.x
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
    x: NodeVector,
    /// x_f.
    fast: NodeVector,
    y: NodeVector,
    /// x_g.
    middle: NodeVector,
    slope: NodeVector,
    base: NodeVector,
    ahead: NodeVector,
    image: NodeVector,
}

impl Apapc {
    pub(super) fn new(system: &mut System<'_>, gossip: bool) -> Result<Self> {
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
        let theta = 1.0 / (eta * scale);
        let (x, fast, y, middle) = (system.vector()?, system.vector()?, system.vector()?, system.vector()?);
        let (slope, base, ahead, image) = (system.vector()?, system.vector()?, system.vector()?, system.vector()?);
        Ok(Apapc { chebyshev, tau, eta, theta, alpha, x, fast, y, middle, slope, base, ahead, image })
    }
}

impl Algorithm for Apapc {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let Apapc { tau, eta, theta, alpha, x, fast, y, middle, slope, base, ahead, image, .. } = *self;
        // What (1 + eta alpha) x is made of, but for y.
        let shrink = 1.0 / (1.0 + eta * alpha);
        system.combine(&[(tau, x), (1.0 - tau, fast)], middle)?;
        system.gradient(middle, slope)?;
        system.combine(&[(shrink, x), (-shrink * eta, slope), (shrink * eta * alpha, middle)], base)?;
        system.combine(&[(1.0, base), (-shrink * eta, y)], ahead)?;
        match &self.chebyshev {
            Some(chebyshev) => system.gossip(chebyshev, ahead, image)?,
            None => system.multiply(ahead, image)?,
        }
        system.combine(&[(1.0, y), (theta, image)], y)?;
        // The next x takes the place of what was ahead, and then of x.
        let next = ahead;
        system.combine(&[(1.0, base), (-shrink * eta, y)], next)?;
        let factor = 2.0 * tau / (2.0 - tau);
        system.combine(&[(1.0, middle), (factor, next), (-factor, x)], fast)?;
        (self.x, self.ahead) = (next, x);
        Ok(())
    }

    fn point(&self) -> NodeVector {
        self.x
    }
}

/// Korpelevich's extragradient method on the saddle point of `F(X) + Z' sqrt(W) X`, in terms of `Y = sqrt(W) Z`: two gradients and
/// two rounds an iteration. Scaled by the steps, its
/// operator has a Lipschitz constant of at most `eta L + sqrt(eta theta lambda_max)`, which must be below 1.
#[derive(Debug)]
pub(super) struct Extragradient {
    eta: f64,
    theta: f64,
    x: NodeVector,
    y: NodeVector,
    slope: NodeVector,
    image: NodeVector,
    /// x and y a step ahead.
    ahead: [NodeVector; 2],
}

impl Extragradient {
    pub(super) fn new(system: &mut System<'_>) -> Result<Self> {
        // 0.45 + 0.45 < 1.
        let eta = 0.45 / system.smoothness();
        let theta = 0.2025 / (eta * system.spectrum().0);
        let (x, y, slope, image) = (system.vector()?, system.vector()?, system.vector()?, system.vector()?);
        Ok(Extragradient { eta, theta, x, y, slope, image, ahead: [system.vector()?, system.vector()?] })
    }
}

impl Algorithm for Extragradient {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let Extragradient { eta, theta, x, y, slope, image, ahead: [ahead_x, ahead_y] } = *self;
        // A step to look ahead, and one from the same place with the values found there.
        system.gradient(x, slope)?;
        system.multiply(x, image)?;
        system.combine(&[(1.0, x), (-eta, slope), (-eta, y)], ahead_x)?;
        system.combine(&[(1.0, y), (theta, image)], ahead_y)?;
        system.gradient(ahead_x, slope)?;
        system.multiply(ahead_x, image)?;
        system.combine(&[(1.0, x), (-eta, slope), (-eta, ahead_y)], x)?;
        system.combine(&[(1.0, y), (theta, image)], y)
    }

    fn point(&self) -> NodeVector {
        self.x
    }
}
