//! The barrier of `A u <= b` and of a box around the origin; in phase I of `A u - s <= b`, with the violation s as one more
//! variable.

use super::barrier::Barrier;
use super::normal::{NewtonStep, NormalMatrix};
use super::vector::{dot, norm, sum};
use crate::error::Result;

/// Phase I ends at a point this far inside all rows (of unit norm, max |b_i| at most 1).
pub(super) const MARGIN: f64 = 1e-3;

/// `-sum log(b - A u + s) - sum log(R - u_j) - sum log(R + u_j)`. The box keeps centres finite where the feasible points or
/// the best ones are unbounded; as long as it is not active it changes nothing but adds its part to the gap.
pub(super) struct Polyhedron<'a> {
    matrix: &'a mut dyn NormalMatrix,
    /// u, and s behind it in phase I.
    pub point: Vec<f64>,
    /// `b - A u + s`. It is carried along, for differences of large numbers would lose the small ones.
    pub slack: Vec<f64>,
    radius: f64,
    lifted: bool,
    rows: Vec<f64>,
}

impl<'a> Polyhedron<'a> {
    /// The barrier at `u`, which must be strictly inside (with `violation` larger than that of any row in phase I).
    pub(super) fn new(
        matrix: &'a mut dyn NormalMatrix,
        bound: &[f64],
        u: &[f64],
        violation: Option<f64>,
        radius: f64,
    ) -> Result<Self> {
        let mut slack = vec![0.0; bound.len()];
        matrix.multiply(u, &mut slack)?;
        let s = violation.unwrap_or(0.0);
        slack.iter_mut().zip(bound).for_each(|(slack, b)| *slack = b - *slack + s);
        let rows = vec![0.0; bound.len()];
        let point = u.iter().copied().chain(violation).collect();
        Ok(Polyhedron { matrix, point, slack, radius, lifted: violation.is_some(), rows })
    }

    fn dimension(&self) -> usize {
        self.matrix.cols()
    }

    /// u.
    pub(super) fn u(&self) -> &[f64] {
        &self.point[..self.dimension()]
    }

    /// s; zero outside phase I.
    pub(super) fn violation(&self) -> f64 {
        if self.lifted { self.point[self.dimension()] } else { 0.0 }
    }

    /// The multipliers of the rows at a centre.
    pub(super) fn multipliers(&self, tau: f64, rates: &[f64]) -> Vec<f64> {
        self.slack.iter().zip(rates).map(|(s, t)| (1.0 + t) / (tau * s)).collect()
    }

    /// The largest multiplier of the box at a centre: how much the objective would still gain by leaving it.
    pub(super) fn pull(&self, tau: f64, rates: &[f64]) -> f64 {
        let d = self.dimension();
        let sides = &rates[self.slack.len()..];
        let each = self
            .u()
            .iter()
            .enumerate()
            .flat_map(|(j, &u)| [(1.0 + sides[j]) / (self.radius - u), (1.0 + sides[d + j]) / (self.radius + u)]);
        each.fold(0.0, f64::max) / tau
    }
}

impl Barrier for Polyhedron<'_> {
    fn variables(&self) -> usize {
        self.point.len()
    }

    fn terms(&self) -> usize {
        self.slack.len() + 2 * self.dimension()
    }

    fn gradient(&mut self, out: &mut [f64]) -> Result<()> {
        let ones = vec![1.0; self.terms()];
        self.pull_back(&ones, out)
    }

    fn hessian(&mut self, out: &mut [f64]) -> Result<()> {
        let (d, n) = (self.dimension(), self.point.len());
        let beta: Vec<f64> = self.slack.iter().map(|s| 1.0 / s).collect();
        let mut gram = vec![0.0; d * d];
        self.matrix.gram(&beta, &mut gram)?;
        for j in 0..d {
            out[j * n..j * n + d].copy_from_slice(&gram[j * d..(j + 1) * d]);
            out[j * n + j] += (self.radius - self.point[j]).powi(-2) + (self.radius + self.point[j]).powi(-2);
        }
        if self.lifted {
            let squares: Vec<f64> = beta.iter().map(|b| b * b).collect();
            let mut column = vec![0.0; d];
            self.matrix.multiply_transposed(&squares, &mut column)?;
            for (j, c) in column.iter().enumerate() {
                out[j * n + d] = -c;
                out[d * n + j] = -c;
            }
            out[d * n + d] = dot(&beta, &beta);
        }
        Ok(())
    }

    fn rates(&mut self, direction: &[f64], out: &mut [f64]) -> Result<()> {
        let (d, m) = (self.dimension(), self.slack.len());
        self.matrix.multiply(&direction[..d], &mut out[..m])?;
        let s = if self.lifted { direction[d] } else { 0.0 };
        out[..m].iter_mut().zip(&self.slack).for_each(|(o, slack)| *o = (*o - s) / slack);
        for j in 0..d {
            out[m + j] = direction[j] / (self.radius - self.point[j]);
            out[m + d + j] = -direction[j] / (self.radius + self.point[j]);
        }
        Ok(())
    }

    fn pull_back(&mut self, rates: &[f64], out: &mut [f64]) -> Result<()> {
        let (d, m) = (self.dimension(), self.slack.len());
        self.rows.iter_mut().zip(rates.iter().zip(&self.slack)).for_each(|(r, (t, s))| *r = t / s);
        self.matrix.multiply_transposed(&self.rows, &mut out[..d])?;
        for j in 0..d {
            out[j] += rates[m + j] / (self.radius - self.point[j]) - rates[m + d + j] / (self.radius + self.point[j]);
        }
        if self.lifted {
            out[d] = -sum(self.rows.iter().copied());
        }
        Ok(())
    }

    fn advance(&mut self, direction: &[f64], rates: &[f64]) -> Result<()> {
        self.point.iter_mut().zip(direction).for_each(|(x, p)| *x += p);
        self.slack.iter_mut().zip(rates).for_each(|(s, t)| *s *= 1.0 - t);
        Ok(())
    }

    fn error(&self) -> f64 {
        self.matrix.error()
    }

    fn leverage(&self, tau: f64, rates: &[f64]) -> f64 {
        norm(&self.multipliers(tau, rates))
    }

    fn newton_step(&mut self, cost: &[f64], tau: f64, decrement: f64, gap: Option<f64>) -> Result<()> {
        let objective = dot(cost, &self.point);
        self.matrix.newton_step(&NewtonStep { tau, objective, decrement, gap })
    }

    fn arrived(&self) -> bool {
        self.lifted && self.violation() <= -MARGIN
    }
}
