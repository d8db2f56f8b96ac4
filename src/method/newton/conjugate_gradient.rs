//! Newton's direction without a matrix: conjugate gradients on the exact Hessian (Nocedal and Wright, *Numerical Optimization*,
//! 2nd ed., algorithm 7.1), each product two coded rounds.

use crate::error::Result;
use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::vector::{add_scaled, dot, norm};

/// Products a direction may cost.
const INNER: usize = 500;

/// Buffers of the inner loop.
#[derive(Debug, Default)]
pub(super) struct ConjugateGradient {
    residual: Vec<f64>,
    along: Vec<f64>,
    product: Vec<f64>,
    margins: Vec<f64>,
}

impl ConjugateGradient {
    /// `direction` with `|H p + g| <= min(1/2, sqrt|g|) |g|`: superlinear convergence of the outer loop (ibid., theorem 7.2).
    pub(super) fn solve(&mut self, problem: &mut Problem<'_>, iterate: &Iterate, direction: &mut [f64]) -> Result<()> {
        let gradient_norm = norm(&iterate.gradient);
        let tolerance = gradient_norm.sqrt().min(0.5) * gradient_norm;
        direction.fill(0.0);
        self.residual.clear();
        self.residual.extend_from_slice(&iterate.gradient);
        self.along.clear();
        self.along.extend(iterate.gradient.iter().map(|g| -g));
        self.product.resize(direction.len(), 0.0);
        self.margins.resize(iterate.margins.len(), 0.0);
        let mut square = dot(&self.residual, &self.residual);
        for _ in 0..INNER {
            problem.hessian_product(iterate, &self.along, &mut self.margins, &mut self.product)?;
            let curvature = dot(&self.along, &self.product);
            if curvature.is_nan() || curvature <= 0.0 {
                // Nothing curves this way: the gradient where it is the first, else what was found.
                if direction.iter().all(|p| *p == 0.0) {
                    direction.copy_from_slice(&self.along);
                }
                return Ok(());
            }
            let step = square / curvature;
            add_scaled(direction, step, &self.along);
            add_scaled(&mut self.residual, step, &self.product);
            let next = dot(&self.residual, &self.residual);
            if next.sqrt() <= tolerance {
                return Ok(());
            }
            let beta = next / square;
            self.along.iter_mut().zip(&self.residual).for_each(|(p, r)| *p = beta * *p - r);
            square = next;
        }
        Ok(())
    }
}
