//! The best combination of a new direction with earlier ones, from products that were already paid for.

use crate::error::Result;
use crate::method::iterate::Iterate;
use crate::method::problem::Problem;
use crate::method::ray::Ray;
use crate::method::vector::{add_scaled, dot};

/// Directions kept.
const KEPT: usize = 6;

/// Earlier directions p_j with their margins X p_j. The exact Hessian within their span is `(X P)' L (X P) / n + l2 P'P`, which the
/// master has without a round; so the model of F is minimized exactly there.
#[derive(Debug, Default)]
pub(super) struct Subspace {
    /// The newest last.
    kept: Vec<Kept>,
    curved: Vec<f64>,
}

#[derive(Debug, Default)]
struct Kept {
    direction: Vec<f64>,
    margins: Vec<f64>,
}

impl Subspace {
    /// Replaces `direction`, at which `ray` aims, by the minimizer of the second-order model in the span of it and of the earlier
    /// ones, and keeps what it was. No round.
    pub(super) fn improve(
        &mut self,
        problem: &Problem<'_>,
        iterate: &Iterate,
        direction: &mut [f64],
        ray: &mut Ray,
    ) -> Result<()> {
        let mut newest = if self.kept.len() < KEPT { Kept::default() } else { self.kept.remove(0) };
        newest.direction.clear();
        newest.direction.extend_from_slice(direction);
        newest.margins.clear();
        newest.margins.extend_from_slice(ray.direction_margins());
        self.kept.push(newest);
        let count = self.kept.len();
        self.curved.resize(iterate.margins.len(), 0.0);
        let mut matrix = nalgebra::DMatrix::<f64>::zeros(count, count);
        let mut right = nalgebra::DVector::<f64>::zeros(count);
        let objective = problem.objective();
        for i in 0..count {
            let (head, tail) = self.kept.split_at(i);
            let own = &tail[0];
            objective.hessian_residuals(&iterate.margins, problem.labels(), &own.margins, &mut self.curved);
            for (j, other) in head.iter().chain([own]).enumerate() {
                let penalized = problem.penalized_dot(&own.direction, &other.direction);
                let value = dot(&self.curved, &other.margins) + objective.l2 * penalized;
                matrix[(i, j)] = value;
                matrix[(j, i)] = value;
            }
            right[i] = -dot(&iterate.gradient, &own.direction);
        }
        // In units of each direction's own curvature; nearly dependent ones are left out by the eigenvalues' limit.
        let scales: Vec<f64> = (0..count).map(|i| 1.0 / matrix[(i, i)].max(f64::MIN_POSITIVE).sqrt()).collect();
        for i in 0..count {
            for j in 0..count {
                matrix[(i, j)] *= scales[i] * scales[j];
            }
            right[i] *= scales[i];
        }
        let solution = matrix.svd(true, true).solve(&right, 1e-10).unwrap_or(right);
        if solution.iter().all(|a| a.is_finite()) {
            direction.fill(0.0);
            let margins = ray.direction_margins_mut();
            margins.fill(0.0);
            for ((kept, scale), a) in self.kept.iter().zip(&scales).zip(solution.iter()) {
                add_scaled(direction, a * scale, &kept.direction);
                add_scaled(margins, a * scale, &kept.margins);
            }
        }
        Ok(())
    }

    /// Starts again.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }
}
