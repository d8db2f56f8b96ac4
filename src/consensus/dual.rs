//! Dual methods: every node finds the minimum of its own function with a linear term, exactly.

use super::system::Chebyshev;
use super::{Algorithm, System};
use crate::device::NodeVector;
use crate::error::Result;

/// SSDA and, with Chebyshev gossip, MSDA (Scaman et al. 2017, algorithms 1 and 2): Nesterov's method on the dual. A primal
/// iterate is what the nodes minimize to at the start of an iteration.
#[derive(Debug)]
pub(super) struct Dual {
    chebyshev: Option<Chebyshev>,
    eta: f64,
    momentum: f64,
    x: NodeVector,
    y: NodeVector,
    primal: NodeVector,
    image: NodeVector,
}

impl Dual {
    pub(super) fn new(system: &mut System<'_>, gossip: bool) -> Result<Self> {
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
        let (x, y, primal, image) = (system.vector()?, system.vector()?, system.vector()?, system.vector()?);
        Ok(Dual { chebyshev, eta, momentum, x, y, primal, image })
    }
}

impl Algorithm for Dual {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let Dual { eta, momentum, x, y, primal, image, .. } = *self;
        system.minimize(x, None, primal)?;
        match &self.chebyshev {
            Some(chebyshev) => system.gossip(chebyshev, primal, image)?,
            None => system.multiply(primal, image)?,
        }
        // y+ takes the place of the image, and then of y.
        system.combine(&[(1.0, x), (-eta, image)], image)?;
        system.combine(&[(1.0 + momentum, image), (-momentum, y)], x)?;
        std::mem::swap(&mut self.y, &mut self.image);
        Ok(())
    }

    fn point(&self) -> NodeVector {
        self.primal
    }
}

/// Dual decomposition (Notarnicola, Carli and Notarstefano 2017), all nodes at once: gradient ascent on the multipliers of the
/// edges, of which each node keeps the sum. `O(kappa chi log 1/eps)` rounds.
#[derive(Debug)]
pub(super) struct DualAscent {
    eta: f64,
    y: NodeVector,
    primal: NodeVector,
    image: NodeVector,
}

impl DualAscent {
    pub(super) fn new(system: &mut System<'_>) -> Result<Self> {
        let eta = system.strong_convexity("dual-decomposition")? / system.spectrum().0;
        Ok(DualAscent { eta, y: system.vector()?, primal: system.vector()?, image: system.vector()? })
    }
}

impl Algorithm for DualAscent {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        system.minimize(self.y, None, self.primal)?;
        system.multiply(self.primal, self.image)?;
        system.combine(&[(1.0, self.y), (-self.eta, self.image)], self.y)
    }

    fn point(&self) -> NodeVector {
        self.primal
    }
}

/// Asynchronous dual decomposition (Notarnicola, Carli and Notarstefano 2017): a node that wakes up solves its own problem with
/// the multipliers that it has and moves those of its edges; nobody waits for anybody. An iteration is as many wake-ups as there
/// are nodes, drawn at random, and counts as one round.
#[derive(Debug)]
pub(super) struct AsynchronousDual(DualAscent);

impl AsynchronousDual {
    pub(super) fn new(system: &mut System<'_>) -> Result<Self> {
        let ascent = DualAscent::new(system)?;
        // Nodes that have not been awake yet have the minima of their functions.
        system.minima(ascent.y, ascent.primal)?;
        Ok(AsynchronousDual(ascent))
    }
}

impl Algorithm for AsynchronousDual {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        system.wake(self.0.eta, self.0.primal, self.0.y)
    }

    fn point(&self) -> NodeVector {
        self.0.primal
    }
}
