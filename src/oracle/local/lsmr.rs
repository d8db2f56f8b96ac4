//! LSMR on the Hessians of all workers at once (Fong and Saunders, 2011): the vectors on a device, the rotations here.

use super::conjugate::Inner;
use super::solved::{Solved, passes, scaled, unit};
use crate::device::{Factor, LocalDevice, Op, SCALARS, Scalar, Vector};
use crate::error::Result;

// Names as in the paper. U and V are kept unscaled: they are beta u and alpha v.
const X: Vector = Vector(0);
const U: Vector = Vector(1);
const V: Vector = Vector(2);
const H: Vector = Vector(3);
const H_BAR: Vector = Vector(4);
const IMAGE: Vector = Vector(5);
const ALPHA: Scalar = Scalar(0);
const BETA: Scalar = Scalar(1);
const H_BAR_KEEP: Scalar = Scalar(2);
const X_TIMES: Scalar = Scalar(3);
const H_KEEP: Scalar = Scalar(4);

/// `beta_1 u_1 = b`, `alpha_1 v_1 = H u_1`, `h_1 = v_1`.
const START: [Op; 5] = [
    Op::Norm { a: U, to: BETA },
    Op::Product { from: U, to: IMAGE },
    Op::Combine { to: V, keep: None, from: IMAGE, times: Factor::inverse(BETA) },
    Op::Norm { a: V, to: ALPHA },
    Op::Combine { to: H, keep: None, from: V, times: Factor::inverse(ALPHA) },
];

/// `h_bar`, `x` and `h`, once their multipliers are known.
const UPDATE: [Op; 3] = [
    Op::Combine { to: H_BAR, keep: Some(Factor::of(H_BAR_KEEP)), from: H, times: Factor::ONE },
    Op::Combine { to: X, keep: Some(Factor::ONE), from: H_BAR, times: Factor::of(X_TIMES) },
    Op::Combine { to: H, keep: Some(Factor::of(H_KEEP)), from: V, times: Factor::inverse(ALPHA) },
];

/// `beta u = H v - alpha u`, `alpha v = H u - beta v`: the next step of the bidiagonalization.
const STEP: [Op; 6] = [
    Op::Product { from: V, to: IMAGE },
    Op::Combine { to: U, keep: Some(Factor::ratio(ALPHA, BETA).minus()), from: IMAGE, times: Factor::inverse(ALPHA) },
    Op::Norm { a: U, to: BETA },
    Op::Product { from: U, to: IMAGE },
    Op::Combine { to: V, keep: Some(Factor::ratio(BETA, ALPHA).minus()), from: IMAGE, times: Factor::inverse(BETA) },
    Op::Norm { a: V, to: ALPHA },
];

/// The plane rotation that takes (a, b) to (r, 0): cosine, sine, r.
fn rotation(a: f64, b: f64) -> (f64, f64, f64) {
    if b == 0.0 {
        return (if a == 0.0 { 1.0 } else { a.signum() }, 0.0, a.abs());
    }
    if a == 0.0 {
        return (0.0, b.signum(), b.abs());
    }
    let r = a.hypot(b);
    (a / r, b / r, r)
}

/// One worker's recurrences: a bar is one, a tilde another, of the two factorizations.
struct Recurrences {
    /// `|b|` and `|H b|`.
    size: f64,
    start: f64,
    zeta_bar: f64,
    alpha_bar: f64,
    rho: f64,
    rho_bar: f64,
    c_bar: f64,
    s_bar: f64,
    beta_second: f64,
    beta_dot: f64,
    rho_dot: f64,
    tau: f64,
    theta_tilde: f64,
    zeta: f64,
    shed: f64,
}

/// What the vectors are multiplied by.
struct Multipliers {
    h_bar_keep: f64,
    x_times: f64,
    h_keep: f64,
}

impl Recurrences {
    fn new(alpha: f64, beta: f64) -> Self {
        Recurrences {
            size: beta,
            start: alpha * beta,
            zeta_bar: alpha * beta,
            alpha_bar: alpha,
            rho: 1.0,
            rho_bar: 1.0,
            c_bar: 1.0,
            s_bar: 0.0,
            beta_second: beta,
            beta_dot: 0.0,
            rho_dot: 1.0,
            tau: 0.0,
            theta_tilde: 0.0,
            zeta: 0.0,
            shed: 0.0,
        }
    }

    /// Takes a step's alpha and beta in; returns the multipliers and the norm of the damped system's residual.
    fn advance(&mut self, alpha: f64, beta: f64, damp: f64) -> (Multipliers, f64) {
        let (c_hat, s_hat, alpha_hat) = rotation(self.alpha_bar, damp);
        let rho_before = self.rho;
        let (c, s, rho) = rotation(alpha_hat, beta);
        self.rho = rho;
        let theta = s * alpha;
        self.alpha_bar = c * alpha;
        let (rho_bar_before, zeta_before) = (self.rho_bar, self.zeta);
        let theta_bar = self.s_bar * rho;
        (self.c_bar, self.s_bar, self.rho_bar) = rotation(self.c_bar * rho, theta);
        self.zeta = self.c_bar * self.zeta_bar;
        self.zeta_bar *= -self.s_bar;
        let multipliers = Multipliers {
            h_bar_keep: -theta_bar * rho / (rho_before * rho_bar_before),
            x_times: self.zeta / (rho * self.rho_bar),
            h_keep: -theta / rho,
        };
        // The residual's norm, by the recurrences of the paper's section 3.2.
        let (acute, check) = (c_hat * self.beta_second, -s_hat * self.beta_second);
        let hat = c * acute;
        self.beta_second = -s * acute;
        let theta_tilde_before = self.theta_tilde;
        let (c_tilde, s_tilde, rho_tilde) = rotation(self.rho_dot, theta_bar);
        self.theta_tilde = s_tilde * self.rho_bar;
        self.rho_dot = c_tilde * self.rho_bar;
        self.beta_dot = -s_tilde * self.beta_dot + c_tilde * hat;
        self.tau = (zeta_before - theta_tilde_before * self.tau) / rho_tilde;
        let tau_dot = (self.zeta - self.theta_tilde * self.tau) / self.rho_dot;
        self.shed += check * check;
        let residual = (self.shed + (self.beta_dot - tau_dot).powi(2) + self.beta_second * self.beta_second).sqrt();
        (multipliers, residual)
    }

    /// True once further steps add noise: `|H'r|` has fallen to a round-off of its start, or the residual far enough. Where b is
    /// outside H's range the residual alone would never say so.
    fn ends(&self, residual: f64, inner: Inner, roundoff: f64) -> bool {
        residual <= inner.tolerance * self.size || self.zeta_bar.abs() <= roundoff * self.start
    }
}

/// `argmin |H_i x - b|^2 + damp^2 |x|^2` at each worker i, from x = 0. Two products an iteration, one more at the start.
///
/// Ends at `inner.iterations`, when the residual of the damped system is at most `inner.tolerance |b|`, or when `H'r` has vanished in
/// rounding.
pub(super) fn lsmr(device: &mut dyn LocalDevice, b: &[f64], damp: f64, inner: Inner) -> Result<Vec<Solved>> {
    let workers = device.workers();
    let all: Vec<usize> = (0..workers).collect();
    let mut scalars = vec![[0.0; SCALARS]; workers];
    let zeros = vec![0.0; b.len()];
    device.write(X, &zeros)?;
    device.write(H_BAR, &zeros)?;
    let unit = unit(b);
    device.write(U, &scaled(b, unit))?;
    device.run(&START, &all, &mut scalars)?;
    let mut products = vec![passes(&START); workers];
    let mut own: Vec<Recurrences> = scalars.iter().map(|s| Recurrences::new(s[ALPHA.0], s[BETA.0])).collect();
    let mut active: Vec<usize> = all.into_iter().filter(|&worker| own[worker].start != 0.0).collect();
    let mut chain = STEP.to_vec();
    for iteration in 1..=inner.iterations {
        if active.is_empty() {
            break;
        }
        device.run(&chain, &active, &mut scalars)?;
        // From the second step on the update of the one before comes first.
        chain = [&UPDATE[..], &STEP].concat();
        let mut ended = Vec::new();
        active.retain(|&worker| {
            let (scalars, own) = (&mut scalars[worker], &mut own[worker]);
            products[worker] += passes(&STEP);
            let (multipliers, residual) = own.advance(scalars[ALPHA.0], scalars[BETA.0], damp);
            scalars[H_BAR_KEEP.0] = multipliers.h_bar_keep;
            scalars[X_TIMES.0] = multipliers.x_times;
            scalars[H_KEEP.0] = multipliers.h_keep;
            let ends = iteration == inner.iterations || own.ends(residual, inner, device.roundoff());
            if ends {
                ended.push(worker);
            }
            !ends
        });
        if !ended.is_empty() {
            device.run(&UPDATE, &ended, &mut scalars)?;
        }
    }
    let solutions = device.read(X)?;
    let solved = |(x, passes): (Vec<f64>, u64)| Solved { x: Some(scaled(&x, 1.0 / unit)), passes };
    Ok(solutions.into_iter().zip(products).map(solved).collect())
}

#[cfg(test)]
mod tests {
    use super::super::solved::tests::matrices;
    use super::*;
    use nalgebra::{DMatrix, DVector};

    fn one(matrix: &DMatrix<f64>, b: &DVector<f64>, damp: f64, inner: Inner) -> DVector<f64> {
        let mut device = matrices(std::slice::from_ref(matrix));
        let solved = lsmr(&mut device, b.as_slice(), damp, inner).expect("a solve").remove(0);
        DVector::from_vec(solved.x.expect("a solution"))
    }

    /// A cosine matrix of full rank and an indefinite one of rank 2 against dense solves of the normal equations.
    #[test]
    fn it_solves_damped_least_squares() {
        let cosine = |i: usize, j: usize| {
            let (i, j) = (i as f64, j as f64);
            (0.3 * i * j + i + 2.0 * j).cos() + (0.3 * i * j + j + 2.0 * i).cos()
        };
        let full = DMatrix::from_fn(8, 8, cosine);
        let a = DVector::from_fn(8, |i, _| 1.0 + i as f64);
        let low = &a * a.transpose() - DMatrix::from_element(8, 8, 3.0);
        let b = DVector::from_fn(8, |i, _| 1.0 + i as f64);
        for matrix in [full, low] {
            let inner = Inner { iterations: 40, tolerance: 0.0 };
            let x = one(&matrix, &b, 0.5, inner);
            let normal = &matrix * &matrix + DMatrix::identity(8, 8) * 0.25;
            let want = normal.lu().solve(&(&matrix * &b)).expect("definite");
            // Squares of the largest singular value, below 100, over 1/4 condition both; 8 terms a sum, and three sums a product by
            // the matrix's eigenvectors.
            let error = (&x - &want).norm();
            assert!(error <= 3.0 * 8.0 * f64::EPSILON * 4e4 * want.norm(), "{error:e}");
        }
    }

    /// The first iterate by its definition, and the last; workers that end at different steps, and one whose matrix is 0.
    #[test]
    fn its_iterates_are_those_of_the_algorithm() {
        let diagonal = DVector::from_vec(vec![1.0, -2.0, 3.0]);
        let b = DVector::from_vec(vec![1.0, 1.0, 1.0]);
        let matrix = DMatrix::from_diagonal(&diagonal);
        let step = |iterations| one(&matrix, &b, 0.0, Inner { iterations, tolerance: 0.0 });
        // One step minimizes |A'(A x - b)| along A'b = (1, -2, 3): x = t A'b with t = <A^3 b, A b> / |A^3 b|^2.
        let (cubed, along) = (diagonal.map(|a: f64| a.powi(3)), &diagonal);
        let t = cubed.dot(along) / cubed.norm_squared();
        assert!((step(1) - along * t).norm() < 1e-15);
        let exact = diagonal.map(|a| 1.0 / a);
        assert!((step(3) - &exact).norm() < 1e-13);

        let three = [DMatrix::identity(3, 3) * 2.0, matrix, DMatrix::zeros(3, 3)];
        let mut device = matrices(&three);
        let inner = Inner { iterations: 9, tolerance: 1e-12 };
        let solved = lsmr(&mut device, b.as_slice(), 0.0, inner).expect("a solve");
        for (solved, want) in solved.iter().zip([&b * 0.5, exact, DVector::zeros(3)]) {
            let x = DVector::from_column_slice(solved.x.as_ref().expect("a solution"));
            assert!((&x - &want).norm() < 1e-13, "{x}");
        }
        // A product at the start and two a step, two passes each.
        assert_eq!(solved.iter().map(|s| s.passes).collect::<Vec<_>>(), [6, 14, 2]);
    }
}
