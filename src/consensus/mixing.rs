//! Methods that mix neighbours' copies with `M = I - W / lambda_max` and step along gradients.

use super::vector::axpy;
use super::{Algorithm, System};
use crate::error::Result;

/// Decentralized gradient descent (Nedic and Ozdaglar 2009): `x <- M x - a grad F(x)`. A constant step leaves a bias.
#[derive(Debug)]
pub(super) struct Dgd {
    step: f64,
    x: Vec<f64>,
}

impl Dgd {
    pub(super) fn new(system: &System<'_>, step: f64) -> Self {
        Dgd { step, x: vec![0.0; system.len()] }
    }
}

impl Algorithm for Dgd {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let (mut slope, mut mixed) = (vec![0.0; self.x.len()], vec![0.0; self.x.len()]);
        system.gradient(&self.x, &mut slope);
        system.mix(&self.x, &mut mixed);
        axpy(&mut mixed, -self.step, &slope);
        self.x = mixed;
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}

/// The iterate before, its gradient, and its mixture where a method keeps that.
#[derive(Debug, Default)]
struct Before {
    x: Vec<f64>,
    slope: Vec<f64>,
    mixed: Vec<f64>,
}

/// EXTRA (Shi, Ling, Wu and Yin 2015): `x2 = (I + M) x1 - (I + M) x0 / 2 - a (grad F(x1) - grad F(x0))`. `M x0` is known.
#[derive(Debug)]
pub(super) struct Extra {
    step: f64,
    x: Vec<f64>,
    before: Option<Before>,
}

impl Extra {
    pub(super) fn new(system: &System<'_>, step: f64) -> Self {
        Extra { step, x: vec![0.0; system.len()], before: None }
    }
}

impl Algorithm for Extra {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let n = self.x.len();
        let (mut slope, mut mixed) = (vec![0.0; n], vec![0.0; n]);
        system.gradient(&self.x, &mut slope);
        system.mix(&self.x, &mut mixed);
        let next = (0..n)
            .map(|k| match &self.before {
                None => mixed[k] - self.step * slope[k],
                Some(before) => {
                    self.x[k] + mixed[k]
                        - 0.5 * (before.x[k] + before.mixed[k])
                        - self.step * (slope[k] - before.slope[k])
                }
            })
            .collect();
        let x = std::mem::replace(&mut self.x, next);
        self.before = Some(Before { x, slope, mixed });
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}

/// NIDS (Li, Shi and Yan 2019): `x2 = (I + M)/2 (2 x1 - x0 - a (grad F(x1) - grad F(x0)))`; the first step is each node's own.
#[derive(Debug)]
pub(super) struct Nids {
    step: f64,
    x: Vec<f64>,
    before: Option<Before>,
}

impl Nids {
    pub(super) fn new(system: &System<'_>, step: f64) -> Self {
        Nids { step, x: vec![0.0; system.len()], before: None }
    }
}

impl Algorithm for Nids {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let n = self.x.len();
        let mut slope = vec![0.0; n];
        system.gradient(&self.x, &mut slope);
        let next = match &self.before {
            None => (0..n).map(|k| self.x[k] - self.step * slope[k]).collect(),
            Some(before) => {
                let ahead: Vec<f64> =
                    (0..n).map(|k| 2.0 * self.x[k] - before.x[k] - self.step * (slope[k] - before.slope[k])).collect();
                let mut mixed = vec![0.0; n];
                system.mix(&ahead, &mut mixed);
                ahead.iter().zip(&mixed).map(|(ahead, mixed)| 0.5 * (ahead + mixed)).collect()
            }
        };
        let x = std::mem::replace(&mut self.x, next);
        self.before = Some(Before { x, slope, mixed: Vec::new() });
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}

/// Gradient tracking (DIGing: Nedic, Olshevsky and Shi 2017): s follows the mean of the gradients. Two rounds an iteration.
#[derive(Debug)]
pub(super) struct GradientTracking {
    step: f64,
    x: Vec<f64>,
    /// s and the gradient at x, once there is one.
    tracked: Option<(Vec<f64>, Vec<f64>)>,
}

impl GradientTracking {
    pub(super) fn new(system: &System<'_>, step: f64) -> Self {
        GradientTracking { step, x: vec![0.0; system.len()], tracked: None }
    }
}

impl Algorithm for GradientTracking {
    fn step(&mut self, system: &mut System<'_>) -> Result<()> {
        let n = self.x.len();
        let (mut direction, slope) = self.tracked.take().unwrap_or_else(|| {
            let mut slope = vec![0.0; n];
            system.gradient(&self.x, &mut slope);
            (slope.clone(), slope)
        });
        let (mut mixed, mut next) = (vec![0.0; n], vec![0.0; n]);
        system.mix(&self.x, &mut mixed);
        axpy(&mut mixed, -self.step, &direction);
        self.x.copy_from_slice(&mixed);
        system.gradient(&self.x, &mut next);
        system.mix(&direction, &mut mixed);
        (0..n).for_each(|k| direction[k] = mixed[k] + next[k] - slope[k]);
        self.tracked = Some((direction, next));
        Ok(())
    }

    fn point(&self) -> &[f64] {
        &self.x
    }
}
