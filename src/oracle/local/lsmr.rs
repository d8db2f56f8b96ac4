//! LSMR on a symmetric matrix that is only multiplied with (Fong and Saunders, 2011).

use nalgebra::DVector;

use super::conjugate::Inner;

/// Singular values' rounding: once `|A'r|` has fallen to this share of its start, further iterations add noise.
const NOTHING_LEFT: f64 = f64::EPSILON / 2.0;

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

/// Turns `vector` into a unit vector and returns its length.
fn normalize(vector: &mut DVector<f64>) -> f64 {
    let length = vector.norm();
    if length > 0.0 {
        *vector /= length;
    }
    length
}

/// `argmin |H x - b|^2 + damp^2 |x|^2` for the symmetric H that `product` multiplies with, from x = 0. Two products an iteration, one
/// more at the start.
///
/// Ends at `inner.iterations`, when the residual of the damped system is at most `inner.tolerance |b|`, or when `H'r` has
/// vanished in rounding: where b is outside H's range the residual alone would never say so.
pub(super) fn lsmr(
    product: &dyn Fn(&DVector<f64>) -> DVector<f64>,
    b: &DVector<f64>,
    damp: f64,
    inner: Inner,
) -> DVector<f64> {
    let mut x = DVector::zeros(b.len());
    let mut u = b.clone();
    let mut beta = normalize(&mut u);
    if beta == 0.0 {
        return x;
    }
    let size = beta;
    let mut v = product(&u);
    let mut alpha = normalize(&mut v);
    if alpha == 0.0 {
        return x;
    }
    // Names as in the paper: a bar is one, a tilde another, of the two factorizations.
    let start = alpha * beta;
    let (mut zeta_bar, mut alpha_bar) = (start, alpha);
    let (mut rho, mut rho_bar, mut c_bar, mut s_bar) = (1.0, 1.0, 1.0, 0.0);
    let mut h = v.clone();
    let mut h_bar = DVector::zeros(b.len());
    let (mut beta_second, mut beta_dot, mut rho_dot, mut tau, mut theta_tilde, mut zeta, mut shed) =
        (beta, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0f64);
    for _ in 0..inner.iterations {
        u *= -alpha;
        u += product(&v);
        beta = normalize(&mut u);
        if beta > 0.0 {
            v *= -beta;
            v += product(&u);
            alpha = normalize(&mut v);
        }
        let (c_hat, s_hat, alpha_hat) = rotation(alpha_bar, damp);
        let rho_before = rho;
        let (c, s, rho_now) = rotation(alpha_hat, beta);
        rho = rho_now;
        let theta = s * alpha;
        alpha_bar = c * alpha;
        let (rho_bar_before, zeta_before) = (rho_bar, zeta);
        let theta_bar = s_bar * rho;
        (c_bar, s_bar, rho_bar) = rotation(c_bar * rho, theta);
        zeta = c_bar * zeta_bar;
        zeta_bar *= -s_bar;
        h_bar *= -theta_bar * rho / (rho_before * rho_bar_before);
        h_bar += &h;
        x.axpy(zeta / (rho * rho_bar), &h_bar, 1.0);
        h *= -theta / rho;
        h += &v;
        // The residual's norm, by the recurrences of the paper's section 3.2.
        let (acute, check) = (c_hat * beta_second, -s_hat * beta_second);
        let hat = c * acute;
        beta_second = -s * acute;
        let theta_tilde_before = theta_tilde;
        let (c_tilde, s_tilde, rho_tilde) = rotation(rho_dot, theta_bar);
        theta_tilde = s_tilde * rho_bar;
        rho_dot = c_tilde * rho_bar;
        beta_dot = -s_tilde * beta_dot + c_tilde * hat;
        tau = (zeta_before - theta_tilde_before * tau) / rho_tilde;
        let tau_dot = (zeta - theta_tilde * tau) / rho_dot;
        shed += check * check;
        let residual = (shed + (beta_dot - tau_dot).powi(2) + beta_second * beta_second).sqrt();
        if residual <= inner.tolerance * size || zeta_bar.abs() <= NOTHING_LEFT * start {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;

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
            let x = lsmr(&|v| &matrix * v, &b, 0.5, inner);
            let normal = &matrix * &matrix + DMatrix::identity(8, 8) * 0.25;
            let want = normal.lu().solve(&(&matrix * &b)).expect("definite");
            // Squares of the largest singular value, below 100, over 1/4 condition both; 8 terms a sum.
            let error = (&x - &want).norm();
            assert!(error <= 8.0 * f64::EPSILON * 4e4 * want.norm(), "{error:e}");
        }
    }

    /// The first iterate by its definition, and the last.
    #[test]
    fn its_iterates_are_those_of_the_algorithm() {
        let diagonal = DVector::from_vec(vec![1.0, -2.0, 3.0]);
        let b = DVector::from_vec(vec![1.0, 1.0, 1.0]);
        let step = |iterations| {
            let inner = Inner { iterations, tolerance: 0.0 };
            lsmr(&|v| diagonal.component_mul(v), &b, 0.0, inner)
        };
        // One step minimizes |A'(A x - b)| along A'b = (1, -2, 3): x = t A'b with t = <A^3 b, A b> / |A^3 b|^2.
        let (cubed, along) = (diagonal.map(|a: f64| a.powi(3)), &diagonal);
        let t = cubed.dot(along) / cubed.norm_squared();
        assert!((step(1) - along * t).norm() < 1e-15);
        let exact = diagonal.map(|a| 1.0 / a);
        assert!((step(3) - exact).norm() < 1e-13);
    }
}
