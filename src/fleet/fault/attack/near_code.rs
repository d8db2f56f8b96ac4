//! The near-code attack: rank-one lies whose parity check nearly equals one that innocent workers could have caused.

use nalgebra::DMatrix;

use super::Scene;

/// The liars' coefficients for one set of liars, kept while the set stays.
#[derive(Debug, Default)]
pub(super) struct NearCode {
    liars: Vec<usize>,
    coefficients: Vec<f64>,
}

impl NearCode {
    /// The coefficient of this liar; their root mean square over the liars is 1.
    pub(super) fn coefficient(&mut self, scene: &Scene<'_>) -> f64 {
        if self.liars != scene.liars {
            self.liars.clear();
            self.liars.extend_from_slice(scene.liars);
            self.coefficients = coefficients(scene.parity_check, scene.liars, scene.workers);
        }
        self.liars.iter().position(|&liar| liar == scene.worker).map_or(1.0, |at| self.coefficients[at])
    }
}

/// One coefficient a liar, for the check of `workers` numbers a row.
///
/// Greedy: the liars take the combination of their columns of the check that is left smallest, let the innocent worker
/// whose column explains most of what is left be blamed for it, and repeat until as many are blamed as lie.
fn coefficients(check: &[f64], liars: &[usize], workers: usize) -> Vec<f64> {
    let mut left = DMatrix::from_row_slice(check.len() / workers, workers, check);
    let mut innocent = vec![true; workers];
    liars.iter().for_each(|&liar| innocent[liar] = false);
    let mut best = smallest_combination(&left, liars);
    for _ in 0..liars.len() {
        let mut unexplained = nalgebra::DVector::zeros(left.nrows());
        for (&liar, &coefficient) in liars.iter().zip(&best) {
            unexplained.axpy(coefficient, &left.column(liar), 1.0);
        }
        let explains = |worker: usize| -> f64 {
            let column = left.column(worker);
            // A column that earlier ones explain already adds nothing but rounding.
            if column.norm() > 1e-9 { column.dot(&unexplained).abs() / column.norm() } else { 0.0 }
        };
        let scores = (0..workers).filter(|&worker| innocent[worker]).map(|worker| (explains(worker), worker));
        let Some((score, blamed)) = scores.max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        // Nothing but rounding is left to blame anybody for.
        if score < 1e-12 {
            break;
        }
        innocent[blamed] = false;
        let axis = left.column(blamed).normalize();
        let shares = left.tr_mul(&axis);
        left.ger(-1.0, &axis, &shares, 1.0);
        best = smallest_combination(&left, liars);
    }
    let scale = (liars.len() as f64).sqrt();
    best.iter_mut().for_each(|x| *x *= scale);
    best
}

/// The unit combination of the liars' columns that is smallest: the last right singular vector.
fn smallest_combination(left: &DMatrix<f64>, liars: &[usize]) -> Vec<f64> {
    // Rows of zeros make the matrix at least square, so that a null space is among the singular vectors.
    let rows = left.nrows().max(liars.len());
    let columns = DMatrix::from_fn(rows, liars.len(), |i, j| if i < left.nrows() { left[(i, liars[j])] } else { 0.0 });
    let equal = || vec![(liars.len() as f64).sqrt().recip(); liars.len()];
    let Some(svd) = columns.try_svd(false, true, f64::EPSILON, 10_000) else { return equal() };
    let Some(v_t) = svd.v_t else { return equal() };
    let last = svd.singular_values.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    last.map_or_else(equal, |(at, _)| v_t.row(at).iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed};
    use rand_distr::{Distribution, StandardNormal};

    /// Half-integer Fourier rows (unit circle): the code for m <= 16.
    fn fourier_check(m: usize, k: usize) -> Vec<f64> {
        let angle = |f: usize, j: usize| std::f64::consts::TAU * (f as f64 + 0.5) * (j as f64 + 0.5) / m as f64;
        let row = |r: usize, j: usize| if r.is_multiple_of(2) { angle(r / 2, j).cos() } else { angle(r / 2, j).sin() };
        (0..k).flat_map(|r| (0..m).map(move |j| (2.0 / m as f64).sqrt() * row(r, j))).collect()
    }

    /// The least distance of the liars' check from what any `liars.len()` innocents can cause, relative to the liars'
    /// coefficients.
    fn distance(check: &[f64], m: usize, liars: &[usize], z: &[f64]) -> f64 {
        let h = DMatrix::from_row_slice(check.len() / m, m, check);
        let caused = liars.iter().zip(z).map(|(&l, &c)| h.column(l) * c).sum::<nalgebra::DVector<f64>>();
        let honest: Vec<usize> = (0..m).filter(|w| !liars.contains(w)).collect();
        let mut least = f64::INFINITY;
        for a in 0..honest.len() {
            for b in 0..a {
                for c in 0..b {
                    let basis = h.select_columns(&[honest[a], honest[b], honest[c]]).qr().q();
                    least = least.min((&caused - &basis * basis.tr_mul(&caused)).norm());
                }
            }
        }
        least / z.iter().map(|x| x * x).sum::<f64>().sqrt()
    }

    #[test]
    fn innocents_look_as_guilty_as_the_code_allows() {
        let (m, liars) = (15, [3, 4, 5]);
        let check = fourier_check(m, 6);
        let z = coefficients(&check, &liars, m);
        let attack = distance(&check, m, &liars, &z);
        let mut stream = Seed(4).stream(Purpose::Experiment, 0, 0);
        let random: Vec<f64> = (0..50)
            .map(|_| {
                let z: Vec<f64> = StandardNormal.sample_iter(&mut stream).take(3).collect();
                distance(&check, m, &liars, &z)
            })
            .collect();
        let easiest = random.iter().copied().fold(f64::INFINITY, f64::min);
        // The smallest singular value of six neighbouring columns is about 2e-3 for this code; random coefficients are
        // rarely below 1e-1.
        println!("{attack:e} {easiest:e}");
        assert!(attack < 1e-2, "{attack:e}");
        assert!(attack < 0.2 * easiest, "{attack:e} against {easiest:e}");
        assert!((z.iter().map(|x| x * x).sum::<f64>() - 3.0).abs() < 1e-12);
    }

    #[test]
    fn more_liars_than_the_check_can_see_vanish_in_it() {
        // 7 liars, 6 rows: some combination is invisible even with nobody to blame.
        let (m, liars) = (15, [0, 2, 4, 6, 8, 10, 12]);
        let check = fourier_check(m, 6);
        let z = coefficients(&check, &liars, m);
        let h = DMatrix::from_row_slice(6, m, &check);
        let caused = liars.iter().zip(&z).map(|(&l, &c)| h.column(l) * c).sum::<nalgebra::DVector<f64>>();
        // Singular values are exact to a few round-offs of the largest, which is at most 1.
        assert!(caused.norm() < 1e-13, "{:e}", caused.norm());
    }
}
