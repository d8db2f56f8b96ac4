//! Singular values and left singular vectors of the decoder's matrices. Those of large matrices are faer's; a dozen workers' are
//! found faster by one-sided Jacobi, which also gives small singular values accurately beside large ones.

use super::dense::{LARGE, axpy, dot, energy, transposed};
use faer::MatRef;

/// The left half of a singular value decomposition, largest value first.
#[derive(Debug, Default, Clone)]
pub(super) struct LeftSvd {
    /// Length of a left singular vector.
    pub rows: usize,
    /// Singular values, descending.
    pub values: Vec<f64>,
    /// Left singular vectors, contiguous, in the order of `values`; those of vanishing values may be zero.
    pub vectors: Vec<f64>,
    work: Vec<f64>,
    factor: Vec<f64>,
    pivots: Vec<usize>,
    order: Vec<usize>,
}

impl LeftSvd {
    /// Left singular vector `i`.
    pub(super) fn vector(&self, i: usize) -> &[f64] {
        &self.vectors[i * self.rows..(i + 1) * self.rows]
    }

    /// Decomposes the row-major `k x r` matrix `y`. Large matrices go to faer; should its iteration fail to converge, and
    /// for small ones, one-sided Jacobi, which always does.
    pub(super) fn decompose(&mut self, y: &[f64], k: usize, r: usize) {
        self.rows = k;
        if k.min(r) >= LARGE {
            let matrix = MatRef::from_row_major_slice(y, k, r);
            if let Ok(svd) = matrix.thin_svd() {
                let n = k.min(r);
                let (u, s) = (svd.U(), svd.S());
                self.values.clear();
                self.values.extend((0..n).map(|i| s[i]));
                self.vectors.clear();
                self.vectors.extend((0..n).flat_map(|c| (0..k).map(move |i| u[(i, c)])));
                return;
            }
        }
        if k <= r { self.of_rows(y, k, r) } else { self.of_columns(y, k, r) }
    }

    /// At most as many rows as columns. With Y' P = Q R (pivoted), rotations J of the rows of R that make them orthogonal give
    /// J R = S V', and Y = P V S (J Q'): the left vectors are the rows of J R, normalized. R has short rows and its small ones
    /// come last, so that few sweeps are needed and no rotation is accumulated (Drmač and Veselić, 2008).
    fn of_rows(&mut self, y: &[f64], k: usize, r: usize) {
        self.work.clear();
        self.work.extend_from_slice(y);
        self.triangle(k, r);
        rotate(&mut self.factor, k, k);
        std::mem::swap(&mut self.work, &mut self.factor);
        self.sort(k, k);
        self.vectors.clear();
        self.vectors.resize(k * k, 0.0);
        for (i, vector) in self.vectors.chunks_exact_mut(k).enumerate() {
            let (at, value) = (self.order[i] * k, self.values[i]);
            let scale = if value > 0.0 { 1.0 / value } else { 0.0 };
            for (pivot, x) in self.pivots.iter().zip(&self.work[at..at + k]) {
                vector[*pivot] = x * scale;
            }
        }
    }

    /// R of the pivoted QR decomposition of the transpose of `work` (k x r), by modified Gram and Schmidt: `factor`, k x k, its
    /// column j belonging to row `pivots[j]` of `work`.
    fn triangle(&mut self, k: usize, r: usize) {
        self.factor.clear();
        self.factor.resize(k * k, 0.0);
        self.pivots.clear();
        self.pivots.extend(0..k);
        for i in 0..k {
            let mut longest = (i, -1.0);
            for j in i..k {
                let length = energy(&self.work[j * r..(j + 1) * r]);
                if length > longest.1 {
                    longest = (j, length);
                }
            }
            let (pivot, length) = (longest.0, longest.1.sqrt());
            // Nothing is left but zeros (or NaN, which the caller has ruled out).
            if length.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
                return;
            }
            if pivot != i {
                self.pivots.swap(i, pivot);
                let (head, tail) = self.work.split_at_mut(pivot * r);
                head[i * r..(i + 1) * r].swap_with_slice(&mut tail[..r]);
                (0..i).for_each(|a| self.factor.swap(a * k + i, a * k + pivot));
            }
            self.factor[i * k + i] = length;
            let (head, tail) = self.work.split_at_mut((i + 1) * r);
            let direction = &mut head[i * r..];
            direction.iter_mut().for_each(|x| *x /= length);
            for (j, row) in tail.chunks_exact_mut(r).enumerate() {
                let along = dot(direction, row);
                self.factor[i * k + i + 1 + j] = along;
                axpy(row, -along, direction);
            }
        }
    }

    /// More rows than columns: the columns are made orthogonal.
    fn of_columns(&mut self, y: &[f64], k: usize, r: usize) {
        self.work.clear();
        self.work.extend_from_slice(&transposed(y, k, r));
        rotate(&mut self.work, r, k);
        self.sort(r, k);
        self.vectors.clear();
        for i in 0..r {
            let (at, norm) = (self.order[i] * k, self.values[i]);
            let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
            self.vectors.extend(self.work[at..at + k].iter().map(|x| x * scale));
        }
    }

    /// Norms of the `n` rows of `work`, descending, and their order.
    fn sort(&mut self, n: usize, length: usize) {
        let norms = |i: usize| energy(&self.work[i * length..(i + 1) * length]).sqrt();
        self.values.clear();
        self.values.extend((0..n).map(norms));
        self.order.clear();
        self.order.extend(0..n);
        let values = &self.values;
        self.order.sort_unstable_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
        self.values.sort_unstable_by(|a, b| b.total_cmp(a));
    }
}

/// Rotates pairs of rows until all are orthogonal (Hestenes).
fn rotate(rows: &mut [f64], n: usize, length: usize) {
    /// Rows whose cosine is below this are orthogonal to working accuracy.
    const COSINE: f64 = 1e-15;
    /// Quadratic convergence takes 6 to 10 sweeps; the limit only guards against a cycle in the last bits.
    const SWEEPS: usize = 40;
    let mut energies: Vec<f64> = rows.chunks_exact(length.max(1)).take(n).map(energy).collect();
    let negligible = energies.iter().copied().fold(0.0, f64::max) * 1e-34;
    for _ in 0..SWEEPS {
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (head, tail) = rows.split_at_mut(j * length);
                let (x, y) = (&mut head[i * length..(i + 1) * length], &mut tail[..length]);
                let (a, b, c) = (energies[i], energies[j], dot(x, y));
                if c.abs() <= COSINE * (a * b).sqrt() || a.min(b) <= negligible {
                    continue;
                }
                turned = true;
                let zeta = (b - a) / (2.0 * c);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cos = 1.0 / (1.0 + t * t).sqrt();
                givens(x, y, cos, cos * t);
                energies[i] = energy(x);
                energies[j] = energy(y);
            }
        }
        if !turned {
            return;
        }
    }
}

fn givens(x: &mut [f64], y: &mut [f64], cos: f64, sin: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        let (a, b) = (*x, *y);
        *x = cos * a - sin * b;
        *y = sin * a + cos * b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Seed};
    use rand_distr::{Distribution, StandardNormal};

    /// Row-major k x r with singular values graded over `decades` decades.
    fn graded(k: usize, r: usize, decades: f64) -> Vec<f64> {
        let mut rng = Seed(3).stream(Purpose::Experiment, k as u64, r as u64);
        let rank = k.min(r);
        let mut y = vec![0.0; k * r];
        for a in 0..rank {
            let size = 10f64.powf(-decades * a as f64 / rank as f64);
            let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
            let u: Vec<f64> = (0..k).map(|_| normal()).collect();
            let v: Vec<f64> = (0..r).map(|_| normal()).collect();
            u.iter().zip(y.chunks_exact_mut(r)).for_each(|(u, row)| axpy(row, size * u, &v));
        }
        y
    }

    #[test]
    fn values_and_vectors_are_those_of_a_library() {
        for (k, r, decades) in [(14, 28, 0.0), (14, 28, 12.0), (9, 9, 4.0), (7, 3, 6.0), (1, 5, 0.0), (20, 32, 9.0)] {
            let y = graded(k, r, decades);
            let mut ours = LeftSvd::default();
            ours.decompose(&y, k, r);
            let theirs = MatRef::from_row_major_slice(&y, k, r).thin_svd().expect("a small matrix");
            // Both are backward stable: values within some k r units of the largest one's last place.
            let unit = f64::EPSILON * (k * r) as f64 * ours.values[0];
            for (i, value) in ours.values.iter().enumerate() {
                assert!((value - theirs.S()[i]).abs() <= unit, "{k}x{r}: {value} {}", theirs.S()[i]);
                let projected: Vec<f64> =
                    (0..r).map(|c| (0..k).map(|j| ours.vector(i)[j] * y[j * r + c]).sum()).collect();
                assert!((energy(&projected).sqrt() - value).abs() <= unit, "{k}x{r}: |u'Y| of value {i}");
                for other in 0..i {
                    let cosine = dot(ours.vector(i), ours.vector(other)).abs();
                    assert!(cosine <= 1e-13, "{k}x{r}: vectors {i} and {other}: {cosine}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_of_lower_rank_has_its_rank() {
        let mut y = graded(6, 10, 0.0);
        let copy = y[..10].to_vec();
        y[10..20].copy_from_slice(&copy);
        y[50..60].fill(0.0);
        let mut svd = LeftSvd::default();
        svd.decompose(&y, 6, 10);
        let unit = f64::EPSILON * 60.0 * svd.values[0];
        assert_eq!(svd.values.iter().filter(|v| **v > unit).count(), 4, "{:?}", svd.values);
        svd.decompose(&[0.0; 12], 3, 4);
        assert!(svd.values.iter().all(|v| *v == 0.0));
    }
}
