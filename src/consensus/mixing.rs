//! Methods that mix neighbours' copies with `M = I - W / lambda_max` and step along gradients.

use super::{Algorithm, System};
use crate::device::NodeVector;
use crate::error::Result;

/// Decentralized gradient descent (Nedic and Ozdaglar 2009): `x <- M x - a grad F(x)`. A constant step leaves a bias.
#[derive(Debug)]
pub(super) struct Dgd {
    step: f64,
    x: NodeVector,
    slope: NodeVector,
    mixed: NodeVector,
}

impl Dgd {
    pub(super) fn new(system: &mut System<'_>, step: f64) -> Result<Self> {
        Ok(Dgd { step, x: system.vector()?, slope: system.vector()?, mixed: system.vector()? })
    }
}

impl Algorithm for Dgd {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        system.gradient(self.x, self.slope)?;
        system.mix(self.x, self.mixed)?;
        system.combine(&[(1.0, self.mixed), (-self.step, self.slope)], self.x)
    }

    fn point(&self) -> NodeVector {
        self.x
    }
}

/// An iterate, its gradient, and its mixture where a method keeps that.
#[derive(Debug, Clone, Copy)]
struct Iterate {
    x: NodeVector,
    slope: NodeVector,
    mixed: NodeVector,
}

impl Iterate {
    fn new(system: &mut System<'_>) -> Result<Self> {
        Ok(Iterate { x: system.vector()?, slope: system.vector()?, mixed: system.vector()? })
    }
}

/// EXTRA (Shi, Ling, Wu and Yin 2015): `x2 = (I + M) x1 - (I + M) x0 / 2 - a (grad F(x1) - grad F(x0))`. `M x0` is known.
#[derive(Debug)]
pub(super) struct Extra {
    step: f64,
    now: Iterate,
    before: Iterate,
    is_first: bool,
}

impl Extra {
    pub(super) fn new(system: &mut System<'_>, step: f64) -> Result<Self> {
        Ok(Extra { step, now: Iterate::new(system)?, before: Iterate::new(system)?, is_first: true })
    }
}

impl Algorithm for Extra {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let (a, now, before) = (self.step, self.now, self.before);
        system.gradient(now.x, now.slope)?;
        system.mix(now.x, now.mixed)?;
        if self.is_first {
            system.combine(&[(1.0, now.mixed), (-a, now.slope)], before.x)?;
        } else {
            let [x, mixed, slope] = [(-0.5, before.x), (-0.5, before.mixed), (a, before.slope)];
            system.combine(&[(1.0, now.x), (1.0, now.mixed), x, mixed, (-a, now.slope), slope], before.x)?;
        }
        // The next iterate stands where the one before stood.
        (self.now, self.before, self.is_first) = (before, now, false);
        Ok(())
    }

    fn point(&self) -> NodeVector {
        self.now.x
    }
}

/// NIDS (Li, Shi and Yan 2019): `x2 = (I + M)/2 (2 x1 - x0 - a (grad F(x1) - grad F(x0)))`; the first step is each node's own.
#[derive(Debug)]
pub(super) struct Nids {
    step: f64,
    now: Iterate,
    before: Iterate,
    is_first: bool,
}

impl Nids {
    pub(super) fn new(system: &mut System<'_>, step: f64) -> Result<Self> {
        Ok(Nids { step, now: Iterate::new(system)?, before: Iterate::new(system)?, is_first: true })
    }
}

impl Algorithm for Nids {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let (a, now, before) = (self.step, self.now, self.before);
        system.gradient(now.x, now.slope)?;
        if self.is_first {
            system.combine(&[(1.0, now.x), (-a, now.slope)], before.x)?;
        } else {
            let ahead = before.x;
            system.combine(&[(2.0, now.x), (-1.0, before.x), (-a, now.slope), (a, before.slope)], ahead)?;
            system.mix(ahead, now.mixed)?;
            system.combine(&[(0.5, ahead), (0.5, now.mixed)], before.x)?;
        }
        (self.now, self.before, self.is_first) = (before, now, false);
        Ok(())
    }

    fn point(&self) -> NodeVector {
        self.now.x
    }
}

/// Gradient tracking (DIGing: Nedic, Olshevsky and Shi 2017): s follows the mean of the gradients. Two rounds an iteration.
#[derive(Debug)]
pub(super) struct GradientTracking {
    step: f64,
    x: NodeVector,
    /// s.
    direction: NodeVector,
    slope: NodeVector,
    next: NodeVector,
    mixed: NodeVector,
    is_first: bool,
}

impl GradientTracking {
    pub(super) fn new(system: &mut System<'_>, step: f64) -> Result<Self> {
        let (x, direction, mixed) = (system.vector()?, system.vector()?, system.vector()?);
        let (slope, next) = (system.vector()?, system.vector()?);
        Ok(GradientTracking { step, x, direction, slope, next, mixed, is_first: true })
    }
}

impl Algorithm for GradientTracking {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let GradientTracking { step, x, direction, slope, next, mixed, is_first } = *self;
        if is_first {
            system.gradient(x, slope)?;
            system.combine(&[(1.0, slope)], direction)?;
        }
        system.mix(x, mixed)?;
        system.combine(&[(1.0, mixed), (-step, direction)], x)?;
        system.gradient(x, next)?;
        system.mix(direction, mixed)?;
        system.combine(&[(1.0, mixed), (1.0, next), (-1.0, slope)], direction)?;
        (self.slope, self.next, self.is_first) = (next, slope, false);
        Ok(())
    }

    fn point(&self) -> NodeVector {
        self.x
    }
}
