//! Conjugate gradients and conjugate residuals on the Hessians of all workers at once, or on their damped squares.

use super::solved::{Solved, passes, scaled, unit};
use crate::device::{Factor, LocalDevice, Op, SCALARS, Scalar, Vector};
use crate::error::Result;

/// When an inner solve of a worker ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inner {
    /// Most iterations.
    pub iterations: usize,
    /// Residual it ends at, relative to the right-hand side.
    pub tolerance: f64,
}

impl Default for Inner {
    /// What paper 003 runs: 50 iterations, 1e-4.
    fn default() -> Self {
        Inner { iterations: 50, tolerance: 1e-4 }
    }
}

/// Which Krylov method solves a worker's positive definite systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conjugate {
    /// Conjugate residuals: the residual never grows, so condition (4b) of paper 003 holds with a number below 1 whenever it is cut
    /// short.
    #[default]
    Residuals,
    /// Conjugate gradients, as the paper's authors run it: cut short, its residual may exceed the right-hand side.
    Gradients,
}

/// The matrix A_i of a system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum System {
    /// `H_i`.
    Hessian,
    /// `H_i^2 + damp^2 I`.
    DampedSquare {
        /// damp.
        damp: f64,
    },
    /// `H_i + shift I`.
    Shifted {
        /// shift.
        shift: f64,
    },
}

/// So many round-offs of the right-hand side are all that is left of a residual that has no curvature any more.
const ALL_ROUNDING: f64 = 2e3;

const X: Vector = Vector(0);
const RESIDUAL: Vector = Vector(1);
const ALONG: Vector = Vector(2);
const IMAGE: Vector = Vector(3);
/// Gradients: the iterate of least residual. Residuals: the image of the search direction.
const OTHER: Vector = Vector(4);
/// `H_i v` on the way to `H_i^2 v`.
const HALF: Vector = Vector(5);
const SQUARE: Scalar = Scalar(0);
const CURVATURE: Scalar = Scalar(1);
const NEXT: Scalar = Scalar(2);
/// 1 where the last iterate was the best, and 0 there.
const TAKE: Scalar = Scalar(3);
const STAY: Scalar = Scalar(4);
const LENGTH: Scalar = Scalar(5);
/// Weight of the identity.
const IDENTITY: Scalar = Scalar(6);

impl System {
    /// `IMAGE = A_i from`.
    fn product(self, from: Vector) -> Vec<Op> {
        match self {
            System::Hessian => vec![Op::Product { from, to: IMAGE }],
            System::DampedSquare { .. } => vec![
                Op::Product { from, to: HALF },
                Op::Product { from: HALF, to: IMAGE },
                add(IMAGE, Factor::ONE, from, Factor::of(IDENTITY)),
            ],
            System::Shifted { .. } => {
                vec![Op::Product { from, to: IMAGE }, add(IMAGE, Factor::ONE, from, Factor::of(IDENTITY))]
            }
        }
    }

    /// Scalars of as many workers, the identity's weight in its place.
    fn scalars(self, workers: usize) -> Vec<[f64; SCALARS]> {
        let mut scalars = [0.0; SCALARS];
        scalars[IDENTITY.0] = match self {
            System::Hessian => 0.0,
            System::DampedSquare { damp } => damp * damp,
            System::Shifted { shift } => shift,
        };
        vec![scalars; workers]
    }
}

fn add(to: Vector, keep: Factor, from: Vector, times: Factor) -> Op {
    Op::Combine { to, keep: Some(keep), from, times }
}

/// A residual of one round-off of the right-hand side is as small as a solution can have it.
fn enough(inner: Inner, roundoff: f64) -> f64 {
    inner.tolerance.max(roundoff)
}

/// The solutions of `A_i x = b` from 0 at all workers; none where a direction of curvature at most 0 shows that A_i is not positive
/// definite. Only `workers` compute; what is returned for others is no solution.
pub(super) fn solve(
    method: Conjugate,
    system: System,
    device: &mut dyn LocalDevice,
    workers: &[usize],
    b: &[f64],
    inner: Inner,
) -> Result<Vec<Solved>> {
    let zeros = vec![0.0; b.len()];
    device.write(X, &zeros)?;
    device.write(OTHER, &zeros)?;
    let unit = unit(b);
    let right = scaled(b, unit);
    device.write(RESIDUAL, &right)?;
    device.write(ALONG, &right)?;
    let mut found = match method {
        Conjugate::Gradients => gradients(system, device, workers, inner)?,
        Conjugate::Residuals => residuals(system, device, workers, inner)?,
    };
    for x in found.iter_mut().filter_map(|solved| solved.x.as_mut()) {
        *x = scaled(x, 1.0 / unit);
    }
    Ok(found)
}

/// What `at` of each worker holds, but for those that `failed`.
fn solved(device: &mut dyn LocalDevice, at: Vector, failed: &[usize], spent: Vec<u64>) -> Result<Vec<Solved>> {
    let solutions = device.read(at)?.into_iter().zip(spent).enumerate();
    Ok(solutions.map(|(worker, (x, passes))| Solved { x: (!failed.contains(&worker)).then_some(x), passes }).collect())
}

/// Nocedal and Wright, *Numerical Optimization*, 2nd ed., algorithm 5.2. What is returned is the iterate of least residual.
fn gradients(system: System, device: &mut dyn LocalDevice, workers: &[usize], inner: Inner) -> Result<Vec<Solved>> {
    let keep = [add(OTHER, Factor::of(STAY), X, Factor::of(TAKE))];
    let step = [
        &system.product(ALONG)[..],
        &[
            Op::Dot { a: ALONG, b: IMAGE, to: CURVATURE },
            add(X, Factor::ONE, ALONG, Factor::ratio(SQUARE, CURVATURE)),
            add(RESIDUAL, Factor::ONE, IMAGE, Factor::ratio(SQUARE, CURVATURE).minus()),
            Op::Dot { a: RESIDUAL, b: RESIDUAL, to: NEXT },
            add(ALONG, Factor::ratio(NEXT, SQUARE), RESIDUAL, Factor::ONE),
        ],
    ]
    .concat();
    let enough = enough(inner, device.roundoff()).powi(2);
    let mut scalars = system.scalars(device.workers());
    device.run(&[Op::Dot { a: RESIDUAL, b: RESIDUAL, to: SQUARE }], workers, &mut scalars)?;
    let start: Vec<f64> = scalars.iter().map(|s| s[SQUARE.0]).collect();
    let (mut least, mut spent) = (vec![f64::INFINITY; start.len()], vec![0; start.len()]);
    let (mut active, mut failed) = (workers.to_vec(), Vec::new());
    active.retain(|&worker| start[worker] != 0.0);
    let mut chain = step.clone();
    for iteration in 1..=inner.iterations {
        if active.is_empty() {
            break;
        }
        device.run(&chain, &active, &mut scalars)?;
        // From the second step on it is first seen to that the one before may have been the best.
        chain = [&keep[..], &step].concat();
        let mut ended = Vec::new();
        active.retain(|&worker| {
            let s = &mut scalars[worker];
            spent[worker] += passes(&step);
            if s[CURVATURE.0].is_nan() || s[CURVATURE.0] <= 0.0 {
                failed.push(worker);
                return false;
            }
            let better = s[NEXT.0] < least[worker];
            (s[TAKE.0], s[STAY.0]) = if better { (1.0, 0.0) } else { (0.0, 1.0) };
            least[worker] = least[worker].min(s[NEXT.0]);
            s[SQUARE.0] = s[NEXT.0];
            let ends = iteration == inner.iterations || s[NEXT.0] <= enough * start[worker];
            if ends {
                ended.push(worker);
            }
            !ends
        });
        if !ended.is_empty() {
            device.run(&keep, &ended, &mut scalars)?;
        }
    }
    solved(device, OTHER, &failed, spent)
}

/// Saad, *Iterative Methods for Sparse Linear Systems*, 2nd ed., algorithm 6.20: one product an iteration, and one at the start.
fn residuals(system: System, device: &mut dyn LocalDevice, workers: &[usize], inner: Inner) -> Result<Vec<Solved>> {
    let begin = [
        &system.product(RESIDUAL)[..],
        &[
            Op::Combine { to: OTHER, keep: None, from: IMAGE, times: Factor::ONE },
            Op::Dot { a: RESIDUAL, b: IMAGE, to: CURVATURE },
            Op::Norm { a: RESIDUAL, to: LENGTH },
        ],
    ]
    .concat();
    let step = [
        &[
            Op::Dot { a: OTHER, b: OTHER, to: SQUARE },
            add(X, Factor::ONE, ALONG, Factor::ratio(CURVATURE, SQUARE)),
            add(RESIDUAL, Factor::ONE, OTHER, Factor::ratio(CURVATURE, SQUARE).minus()),
        ][..],
        &system.product(RESIDUAL),
        &[
            Op::Dot { a: RESIDUAL, b: IMAGE, to: NEXT },
            Op::Norm { a: RESIDUAL, to: LENGTH },
            add(ALONG, Factor::ratio(NEXT, CURVATURE), RESIDUAL, Factor::ONE),
            add(OTHER, Factor::ratio(NEXT, CURVATURE), IMAGE, Factor::ONE),
        ],
    ]
    .concat();
    let (roundoff, enough) = (device.roundoff(), enough(inner, device.roundoff()));
    let mut scalars = system.scalars(device.workers());
    device.run(&begin, workers, &mut scalars)?;
    let start: Vec<f64> = scalars.iter().map(|s| s[LENGTH.0]).collect();
    let (mut active, mut failed) = (workers.to_vec(), Vec::new());
    let mut spent = vec![0; start.len()];
    workers.iter().for_each(|&worker| spent[worker] = passes(&begin));
    for _ in 0..inner.iterations {
        active.retain(|&worker| {
            let (length, curvature) = (scalars[worker][LENGTH.0], scalars[worker][CURVATURE.0]);
            if length <= enough * start[worker] {
                return false;
            }
            let bent = curvature.is_nan() || curvature <= 0.0;
            if bent {
                failed.push(worker);
            }
            !bent
        });
        if active.is_empty() {
            break;
        }
        device.run(&step, &active, &mut scalars)?;
        active.retain(|&worker| {
            let s = &mut scalars[worker];
            spent[worker] += passes(&step);
            s[CURVATURE.0] = s[NEXT.0];
            // Else rounding has eaten what was left of the residual.
            s[NEXT.0] > 0.0 || s[LENGTH.0] > ALL_ROUNDING * roundoff * start[worker]
        });
    }
    solved(device, X, &failed, spent)
}

#[cfg(test)]
mod tests {
    use super::super::solved::tests::matrices;
    use super::*;
    use nalgebra::{DMatrix, DVector};

    #[test]
    fn both_solve_definite_systems_and_say_where_one_is_not() {
        let diagonal = DVector::from_vec(vec![1.0, 2.0, 5.0, 9.0]);
        let bent = DVector::from_vec(vec![-9.0, 2.0, -5.0, 1.0]);
        let b = DVector::from_vec(vec![1.0, -1.0, 2.0, 3.0]);
        let inner = Inner { iterations: 6, tolerance: 1e-13 };
        for method in [Conjugate::Gradients, Conjugate::Residuals] {
            // Workers that end at different steps, one of them in failure, do not disturb each other; the last one is not asked.
            let all = [&diagonal, &bent, &DVector::from_element(4, 2.0), &diagonal].map(DMatrix::from_diagonal);
            let mut device = matrices(&all);
            let found = solve(method, System::Hessian, &mut device, &[0, 1, 2], b.as_slice(), inner).expect("a solve");
            for (solved, want) in [(&found[0], b.component_div(&diagonal)), (&found[2], &b * 0.5)] {
                let x = DVector::from_column_slice(solved.x.as_ref().expect("definite"));
                // The residual over the smallest eigenvalue, 1.
                assert!((x - &want).norm() <= 2e-13 * b.norm(), "{method:?}");
            }
            assert!(found[1].x.is_none(), "{method:?}");
            assert!(found[2].passes < found[0].passes && found[3].passes == 0, "{method:?} {found:?}");
            // Shifted by more than its negative curvature the second is definite.
            let found = solve(method, System::Shifted { shift: 10.0 }, &mut device, &[0, 1], b.as_slice(), inner);
            for (solved, diagonal) in found.expect("a solve").iter().zip([&diagonal, &bent]) {
                let x = DVector::from_column_slice(solved.x.as_ref().expect("definite"));
                assert!((x - b.component_div(&diagonal.add_scalar(10.0))).norm() <= 2e-13 * b.norm(), "{method:?}");
            }
            // Squares of both are definite.
            let damp = 0.5;
            let square = System::DampedSquare { damp };
            let found = solve(method, square, &mut device, &[0, 1], b.as_slice(), inner).expect("a solve");
            for (solved, diagonal) in found.iter().zip([&diagonal, &bent]) {
                let x = DVector::from_column_slice(solved.x.as_ref().expect("definite"));
                let want = b.component_div(&diagonal.map(|h| h * h + damp * damp));
                assert!((x - want).norm() <= 2e-13 * b.norm(), "{method:?}");
            }
        }
    }

    /// Cut short on an ill-conditioned matrix: the residual of conjugate residuals is below the right-hand side.
    #[test]
    fn conjugate_residuals_never_leave_more_than_they_began_with() {
        let diagonal = DVector::from_fn(40, |i, _| 10f64.powi(-((i % 13) as i32)));
        let b = DVector::from_fn(40, |i, _| 1.0 + (i as f64).sin());
        let mut device = matrices(&[DMatrix::from_diagonal(&diagonal)]);
        for iterations in 1..20 {
            let inner = Inner { iterations, tolerance: 0.0 };
            let solved = solve(Conjugate::Residuals, System::Hessian, &mut device, &[0], b.as_slice(), inner);
            let x = DVector::from_vec(solved.expect("a solve").remove(0).x.expect("definite"));
            let left = (diagonal.component_mul(&x) - &b).norm();
            assert!(left < b.norm() && x.dot(&b) > 0.0, "{iterations}: {left}");
        }
    }
}
