//! The near-code attack: rank-one lies whose parity check nearly equals one that innocent workers could have caused.

use nalgebra::{DMatrix, DVector};

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

/// Up to so many workers the innocents are chosen by trying each: one small singular value decomposition a try.
const TRY_EACH: usize = 32;

/// One coefficient a liar, for the check of `workers` numbers a row: the combination of the liars' columns that is smallest
/// once all that the blamed innocents could have caused is taken out of it.
fn coefficients(check: &[f64], liars: &[usize], workers: usize) -> Vec<f64> {
    let check = DMatrix::from_row_slice(check.len() / workers, workers, check);
    let mut left = check.clone();
    for worker in if workers <= TRY_EACH { blame_each(&check, liars) } else { blame_nearest(&check, liars) } {
        take_out(&mut left, worker);
    }
    let (_, mut best) = smallest_combination(&left.select_columns(liars));
    let scale = (liars.len() as f64).sqrt();
    best.iter_mut().for_each(|x| *x *= scale);
    best
}

/// As many innocents as liars, each the one that brings the liars' smallest combination down furthest. (For 15 workers it
/// finds the best set of all.)
fn blame_each(check: &DMatrix<f64>, liars: &[usize]) -> Vec<usize> {
    let mut left = check.clone();
    let mut blamed = Vec::new();
    // Where the liars' columns are dependent by themselves there is nobody to blame.
    while blamed.len() < liars.len() && smallest_combination(&left.select_columns(liars)).0 > 1e-12 {
        let with = |worker: usize| {
            let mut columns = left.select_columns(liars);
            if let Some(axis) = axis(&left, worker) {
                let shares = columns.tr_mul(&axis);
                columns.ger(-1.0, &axis, &shares, 1.0);
            }
            smallest_combination(&columns).0
        };
        let candidates = (0..check.ncols()).filter(|w| !liars.contains(w) && !blamed.contains(w));
        let Some((_, worker)) = candidates.map(|w| (with(w), w)).min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        take_out(&mut left, worker);
        blamed.push(worker);
    }
    blamed
}

/// As many innocents as liars, each the one whose column is nearest to the span of the liars' columns and those before it.
fn blame_nearest(check: &DMatrix<f64>, liars: &[usize]) -> Vec<usize> {
    let mut left = check.clone();
    liars.iter().for_each(|&liar| take_out(&mut left, liar));
    let mut blamed = Vec::new();
    while blamed.len() < liars.len() {
        let candidates = (0..check.ncols()).filter(|w| !liars.contains(w) && !blamed.contains(w));
        let Some((_, worker)) = candidates.map(|w| (left.column(w).norm(), w)).min_by(|a, b| a.0.total_cmp(&b.0))
        else {
            break;
        };
        take_out(&mut left, worker);
        blamed.push(worker);
    }
    blamed
}

/// The direction of a worker's column; `None` where earlier ones explain it already and only rounding is left.
fn axis(left: &DMatrix<f64>, worker: usize) -> Option<DVector<f64>> {
    let column = left.column(worker);
    (column.norm() > 1e-12).then(|| column.normalize())
}

/// Projects all columns off a worker's column.
fn take_out(left: &mut DMatrix<f64>, worker: usize) {
    if let Some(axis) = axis(left, worker) {
        let shares = left.tr_mul(&axis);
        left.ger(-1.0, &axis, &shares, 1.0);
    }
}

/// The smallest singular value, and the unit combination of the columns that has this length.
fn smallest_combination(columns: &DMatrix<f64>) -> (f64, Vec<f64>) {
    let (k, t) = columns.shape();
    // Rows of zeros make the matrix at least square, so that a null space is among the singular vectors.
    let square = columns.clone().resize_vertically(k.max(t), 0.0);
    let equal = || (f64::INFINITY, vec![(t as f64).sqrt().recip(); t]);
    let Some(svd) = square.try_svd(false, true, f64::EPSILON, 10_000) else { return equal() };
    let smallest = svd.singular_values.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
    match (svd.v_t, smallest) {
        (Some(v_t), Some((at, value))) => (value, v_t.row(at).iter().copied().collect()),
        _ => equal(),
    }
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

    /// `distance` for the best coefficients there are.
    fn least_distance(check: &DMatrix<f64>, honest: &[usize], liars: &[usize]) -> f64 {
        let mut least = f64::INFINITY;
        for a in 0..honest.len() {
            for b in 0..a {
                for c in 0..b {
                    let mut left = check.clone();
                    [a, b, c].iter().for_each(|&at| take_out(&mut left, honest[at]));
                    least = least.min(left.select_columns(liars).singular_values().min());
                }
            }
        }
        least
    }

    #[test]
    fn innocents_look_as_guilty_as_the_code_allows() {
        let (m, k) = (15, 6);
        let check = fourier_check(m, k);
        let h = DMatrix::from_row_slice(k, m, &check);
        for liars in [[3, 4, 5], [1, 6, 11], [0, 5, 6], [2, 7, 9]] {
            let honest: Vec<usize> = (0..m).filter(|w| !liars.contains(w)).collect();
            let z = coefficients(&check, &liars, m);
            let (got, best) = (distance(&check, m, &liars, &z), least_distance(&h, &honest, &liars));
            // Both are right to a few round-offs of numbers of size 1, and are of size 1e-3 and more.
            assert!((got / best - 1.0).abs() < 1e-9, "{liars:?}: {got:e}, not {best:e}");
            assert!((z.iter().map(|x| x * x).sum::<f64>() - 3.0).abs() < 1e-12);
        }
    }

    #[test]
    fn among_many_workers_the_nearest_are_blamed() {
        // 60 workers, 20 liars: random coefficients stay at 1e-1 to 1 from what the same innocents can cause.
        let mut stream = Seed(4).stream(Purpose::Experiment, 0, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut stream) };
        let h = DMatrix::from_fn(60, 60, |_, _| normal()).qr().q().columns(0, 40).transpose();
        let liars: Vec<usize> = (0..60).step_by(3).collect();
        let rows: Vec<f64> = h.row_iter().flat_map(|row| row.iter().copied().collect::<Vec<_>>()).collect();
        let mut left = h.clone();
        blame_nearest(&h, &liars).into_iter().for_each(|w| take_out(&mut left, w));
        let columns = left.select_columns(&liars);
        let length = |z: Vec<f64>| (&columns * DVector::from_vec(z)).norm();
        let attack = length(coefficients(&rows, &liars, 60));
        let random = length((0..20).map(|_| normal()).collect());
        assert!(attack < 1e-3 * random, "{attack:e} against {random:e}");
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
