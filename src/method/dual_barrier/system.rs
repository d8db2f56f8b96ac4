//! The Newton system `(tau I + X C X') z = r` of the dual barrier: a Cholesky factor of it as it was made, exact or sketched, and
//! conjugate gradients with exact products, preconditioned by that.

use faer::linalg::solvers::{Llt, Solve};
use faer::{MatMut, MatRef, Side};

use crate::error::{Error, Result};
use crate::method::problem::Problem;
use crate::method::vector::{add_scaled, dot};

/// Most steps of conjugate gradients. What they leave is in the primal point's gap, so a sketch may cost many.
const STEPS: usize = 40;
/// A residual this small against the right-hand side, both measured by the factor, is small enough.
const RESIDUAL: f64 = 1e-10;
/// The first shift of the diagonal where round-off lets a factorization fail, relative to the diagonal; it grows tenfold each time.
const SHIFT: f64 = 1e-15;

/// A Cholesky factor of the n x n matrix, its diagonal scaled to 1.
pub(super) struct Factor {
    scale: Vec<f64>,
    llt: Llt<f64>,
}

impl Factor {
    /// Factors `h`, which it overwrites.
    pub(super) fn new(h: &mut [f64], n: usize) -> Result<Self> {
        if h.iter().any(|x| !x.is_finite()) {
            return Err(Error::Numerical("the Hessian of the dual barrier is not finite; scale the features".into()));
        }
        let scale: Vec<f64> = (0..n).map(|i| 1.0 / h[i * n + i].max(f64::MIN_POSITIVE).sqrt()).collect();
        for (i, row) in h.chunks_exact_mut(n).enumerate() {
            row.iter_mut().zip(&scale).for_each(|(x, s)| *x *= scale[i] * s);
        }
        let mut shift = 0.0;
        loop {
            (0..n).for_each(|i| h[i * n + i] = 1.0 + shift);
            match Llt::new(MatRef::from_column_major_slice(h, n, n), Side::Lower) {
                Ok(llt) => return Ok(Factor { scale, llt }),
                Err(_) if shift < 1.0 => shift = if shift == 0.0 { SHIFT } else { 10.0 * shift },
                Err(_) => return Err(Error::Numerical("the Hessian of the dual barrier is not definite".into())),
            }
        }
    }

    fn solve(&self, r: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = r.iter().zip(&self.scale).map(|(r, s)| r * s).collect();
        let n = x.len();
        self.llt.solve_in_place(MatMut::from_column_major_slice_mut(&mut x, n, 1));
        x.iter_mut().zip(&self.scale).for_each(|(x, s)| *x *= s);
        x
    }
}

/// An approximate solution z of one system.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// n numbers.
    pub z: Vec<f64>,
    /// `X'z`, d numbers.
    pub image: Vec<f64>,
    /// What is left of the right-hand side, n numbers.
    pub left: Vec<f64>,
}

impl Solution {
    /// The solution of the sum of systems `self + weight * other`.
    pub(super) fn plus(&self, weight: f64, other: &Solution) -> Solution {
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + weight * b).collect();
        Solution {
            z: sum(&self.z, &other.z),
            image: sum(&self.image, &other.image),
            left: sum(&self.left, &other.left),
        }
    }
}

/// One system on its way.
struct Run {
    solution: Solution,
    direction: Vec<f64>,
    energy: f64,
    enough: f64,
}

impl Run {
    fn done(&self) -> bool {
        self.energy <= self.enough
    }

    /// One step of conjugate gradients, from `X'p` and `H p` of its direction p.
    fn advance(&mut self, factor: &Factor, image: &[f64], curved: &[f64]) -> Result<()> {
        let curvature = dot(&self.direction, curved);
        if !(curvature.is_normal() && curvature > 0.0 && self.energy.is_finite()) {
            return Err(Error::Numerical("a Newton step of the dual barrier is not finite; scale the features".into()));
        }
        let step = self.energy / curvature;
        add_scaled(&mut self.solution.z, step, &self.direction);
        add_scaled(&mut self.solution.image, step, image);
        add_scaled(&mut self.solution.left, -step, curved);
        let next = factor.solve(&self.solution.left);
        let before = std::mem::replace(&mut self.energy, dot(&self.solution.left, &next));
        self.direction.iter_mut().zip(&next).for_each(|(p, x)| *p = x + self.energy / before * *p);
        Ok(())
    }
}

/// Solves for two right-hand sides at once, so that a step of both takes two rounds.
pub(super) fn solve(
    problem: &mut Problem<'_>,
    factor: &Factor,
    tau: f64,
    curvature: &[f64],
    right: [Vec<f64>; 2],
) -> Result<[Solution; 2]> {
    let (n, d) = (right[0].len(), curvature.len());
    let mut runs = right.map(|left| {
        let direction = factor.solve(&left);
        let energy = dot(&left, &direction);
        let solution = Solution { z: vec![0.0; n], image: vec![0.0; d], left };
        Run { solution, direction, energy, enough: RESIDUAL * RESIDUAL * energy }
    });
    let (mut pair, mut images, mut curved) = (vec![0.0; 2 * n], vec![0.0; 2 * d], vec![0.0; 2 * n]);
    for _ in 0..STEPS {
        if runs.iter().all(Run::done) {
            break;
        }
        for (c, run) in runs.iter().enumerate() {
            run.direction.iter().enumerate().for_each(|(i, p)| pair[2 * i + c] = *p);
        }
        problem.pullback(&pair, &mut images)?;
        let weighted: Vec<f64> = images.iter().enumerate().map(|(k, a)| curvature[k % d] * a).collect();
        problem.margins(&weighted, &mut curved)?;
        for (c, run) in runs.iter_mut().enumerate().filter(|(_, run)| !run.done()) {
            let product: Vec<f64> =
                run.direction.iter().enumerate().map(|(i, p)| tau * p + curved[2 * i + c]).collect();
            run.advance(factor, &images[c * d..(c + 1) * d], &product)?;
        }
    }
    Ok(runs.map(|run| run.solution))
}
