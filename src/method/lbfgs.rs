//! # L-BFGS
//!
//! **Algorithm.** The limited-memory BFGS method: the direction `p = -H g` comes from the last pairs `s = w+ - w`,
//! `y = g+ - g` by the two-loop recursion, the step along it from a strong Wolfe line search (Nocedal and Wright,
//! *Numerical Optimization*, 2nd ed., algorithms 7.4 and 7.5; Liu and Nocedal, *Math. Programming* 45, 1989).
//!
//! **Requires** a smooth objective; convex or not (a pair of too small curvature is skipped). No step size is asked for.
//!
//! **Cost.** Two rounds an iteration: `X p` for the whole line search, `X' r` for the new gradient. Margins along the ray
//! are `X w + a X p`; every 30 iterations, when a line search fails and before convergence is accepted they are computed
//! in full: one more round. Memory: 2 x 20 vectors of K d numbers, taken as the pairs come.

use super::iterate::Iterate;
use super::line_search::LineSearch;
use super::problem::Problem;
use super::ray::Ray;
use super::vector::{add_scaled, dot, norm};
use super::{Method, Step, require_smooth};
use crate::error::{Error, Result};
use crate::objective::Objective;

/// L-BFGS with a strong Wolfe line search.
///
/// ```
/// use steadfast::method::{Lbfgs, Method};
/// assert_eq!(Lbfgs::default().name(), "lbfgs");
/// assert!(Lbfgs::with_memory(0).is_err());
/// ```
#[derive(Debug)]
pub struct Lbfgs {
    memory: usize,
    pairs: Vec<Pair>,
    /// Slot of the oldest pair once the memory is full.
    oldest: usize,
    /// Buffers of a skipped or forgotten pair, used again.
    spare: Vec<Pair>,
    pub(super) direction: Vec<f64>,
    ray: Ray,
}

#[derive(Debug, Default)]
pub(super) struct Pair {
    pub s: Vec<f64>,
    pub y: Vec<f64>,
    /// `s . y` and `y . y`.
    curvature: f64,
    y_square: f64,
    weight: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs { memory: 20, pairs: vec![], oldest: 0, spare: vec![], direction: vec![], ray: Ray::default() }
    }
}

impl Lbfgs {
    /// With the given number of pairs.
    ///
    /// # Errors
    /// [`Error::Usage`] for 0.
    pub fn with_memory(memory: usize) -> Result<Self> {
        if memory == 0 {
            return Err(Error::usage("lbfgs memory", 0, "at least 1 pair"));
        }
        Ok(Lbfgs { memory, ..Lbfgs::default() })
    }

    /// `direction = -H gradient` by the two-loop recursion.
    pub(super) fn find_direction(&mut self, gradient: &[f64]) {
        let p = &mut self.direction;
        p.iter_mut().zip(gradient).for_each(|(p, g)| *p = -g);
        let (newer, older) = self.pairs.split_at_mut(self.oldest);
        for pair in newer.iter_mut().rev().chain(older.iter_mut().rev()) {
            pair.weight = dot(&pair.s, p) / pair.curvature;
            add_scaled(p, -pair.weight, &pair.y);
        }
        let newest = newer.last().or(older.last());
        if let Some(pair) = newest {
            let scale = pair.curvature / pair.y_square;
            p.iter_mut().for_each(|p| *p *= scale);
        }
        for pair in older.iter().chain(newer.iter()) {
            let correction = pair.weight - dot(&pair.y, p) / pair.curvature;
            add_scaled(p, correction, &pair.s);
        }
    }

    /// Keeps the pair unless its curvature is within the gradients' rounding.
    pub(super) fn keep(&mut self, mut pair: Pair, gradient_noise: f64) {
        pair.curvature = dot(&pair.s, &pair.y);
        pair.y_square = dot(&pair.y, &pair.y);
        if !(pair.curvature > 2.0 * gradient_noise * norm(&pair.s) && pair.curvature.is_normal()) {
            self.spare.push(pair);
        } else if self.pairs.len() < self.memory {
            self.pairs.push(pair);
        } else {
            self.spare.push(std::mem::replace(&mut self.pairs[self.oldest], pair));
            self.oldest = (self.oldest + 1) % self.memory;
        }
    }

    /// One round for the ray; the step's length when the iterate moved.
    fn search(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Option<f64>> {
        let found = self.ray.search(problem, iterate, &self.direction, LineSearch::WOLFE, None)?;
        Ok(found.map(|(sample, _)| sample.step))
    }
}

impl Method for Lbfgs {
    fn name(&self) -> &'static str {
        "lbfgs"
    }

    fn check(&self, objective: &Objective) -> Result<()> {
        require_smooth(self.name(), objective)
    }

    fn start(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.restart();
        self.direction.resize(problem.dimension(), 0.0);
        self.ray.start(problem, iterate)
    }

    fn step(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<Step> {
        self.find_direction(&iterate.gradient);
        let mut length = self.search(problem, iterate)?;
        if length.is_none() {
            // The model of the curvature or the margins may be at fault: true margins, and steepest descent.
            self.restart();
            self.ray.refresh(problem, iterate)?;
            self.find_direction(&iterate.gradient);
            length = self.search(problem, iterate)?;
        }
        let Some(length) = length else { return Ok(Step::Stuck) };

        // y = g+ - g is built in place around the round that brings g+.
        let mut pair = self.spare.pop().unwrap_or_default();
        pair.s.clear();
        pair.s.extend(self.direction.iter().map(|p| length * p));
        pair.y.clear();
        pair.y.extend(iterate.gradient.iter().map(|g| -g));
        self.ray.follow(problem, iterate)?;
        add_scaled(&mut pair.y, 1.0, &iterate.gradient);
        let noise = problem.rounding().gradient(norm(&iterate.residuals));
        self.keep(pair, noise);
        Ok(Step::Moved { length })
    }

    fn verify(&mut self, problem: &mut Problem<'_>, iterate: &mut Iterate) -> Result<()> {
        self.ray.verify(problem, iterate)
    }

    fn restart(&mut self) {
        self.spare.append(&mut self.pairs);
        self.oldest = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two-loop recursion against the BFGS update written with full matrices (Nocedal and Wright, eq. (7.16)).
    #[test]
    fn two_loops_equal_the_full_update() {
        let d = 5;
        let mut method = Lbfgs { direction: vec![0.0; d], ..Lbfgs::with_memory(3).unwrap() };
        let value = |i: usize| ((i * 37 + 11) % 29) as f64 / 29.0 - 0.4;
        let mut history = vec![];
        for k in 0..5 {
            let s: Vec<f64> = (0..d).map(|j| value(10 * k + j)).collect();
            let y: Vec<f64> = (0..d).map(|j| (1.0 + j as f64) * s[j] + 0.1 * s[(j + 1) % d]).collect();
            history.push((s.clone(), y.clone()));
            method.keep(Pair { s, y, ..Pair::default() }, 0.0);
        }
        assert_eq!(method.pairs.len(), 3);

        let kept = &history[2..];
        let (s, y) = kept.last().unwrap();
        let scale = dot(s, y) / dot(y, y);
        let mut h = nalgebra::DMatrix::<f64>::identity(d, d) * scale;
        for (s, y) in kept {
            let (s, y) = (nalgebra::DVector::from_column_slice(s), nalgebra::DVector::from_column_slice(y));
            let rho = 1.0 / s.dot(&y);
            let v = nalgebra::DMatrix::<f64>::identity(d, d) - &y * s.transpose() * rho;
            h = v.transpose() * h * v + &s * s.transpose() * rho;
        }
        let gradient: Vec<f64> = (0..d).map(|j| value(100 + j)).collect();
        let expected = -(h * nalgebra::DVector::from_column_slice(&gradient));
        method.find_direction(&gradient);
        for (got, want) in method.direction.iter().zip(expected.iter()) {
            // Some 40 operations on numbers below 10: a few hundred units of round-off.
            assert!((got - want).abs() < 1e-13 * expected.norm(), "{got} {want}");
        }
    }

    #[test]
    fn pairs_without_curvature_are_skipped() {
        let mut method = Lbfgs::default();
        method.keep(Pair { s: vec![1.0, 0.0], y: vec![-1.0, 0.0], ..Pair::default() }, 0.0);
        method.keep(Pair { s: vec![1.0, 0.0], y: vec![0.0, 1.0], ..Pair::default() }, 0.0);
        method.keep(Pair { s: vec![1.0, 0.0], y: vec![1e-9, 0.0], ..Pair::default() }, 1e-9);
        assert!(method.pairs.is_empty() && method.spare.len() == 3);
    }
}
