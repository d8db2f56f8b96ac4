//! How well conditioned the worst set of faulty workers is, which bounds what an undetected lie can cost.

use super::dense::{LARGE, axpy, dot, energy, transposed};
use super::svd::LeftSvd;
use faer::MatRef;
use std::sync::Mutex;

/// Workers up to which the worst set of each size is found by trying all.
const EXACT: usize = 16;

/// A greedy search can miss the worst set: what it finds is divided by this, a margin that is chosen and not proven.
const SEARCH_SLACK: f64 = 4.0;

/// Smallest singular values of the check's columns over all sets of a size, found when first asked for.
#[derive(Debug)]
pub(super) struct WorstSets {
    /// Columns of the orthonormal check, m x k.
    columns: Vec<f64>,
    workers: usize,
    checks: usize,
    /// True when turning all workers round by one leaves the singular values as they are, so that sets with worker 0
    /// suffice.
    cyclic: bool,
    found: Mutex<Vec<Option<f64>>>,
}

impl WorstSets {
    pub(super) fn new(check: &[f64], workers: usize, checks: usize, cyclic: bool) -> Self {
        let columns = transposed(check, checks, workers);
        WorstSets { columns, workers, checks, cyclic, found: Mutex::new(vec![None; checks + 1]) }
    }

    /// The smallest singular value that `size` columns of the check can have together; 0 for more columns than rows. Exact
    /// up to 16 workers; beyond, the least that a greedy search finds, over a slack of 4.
    pub(super) fn smallest(&self, size: usize) -> f64 {
        if size == 0 {
            return 1.0;
        }
        if size > self.checks {
            return 0.0;
        }
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(value) = found[size] {
            return value;
        }
        let value = if self.workers <= EXACT { self.over_all_sets(size).0 } else { self.greedy(size).0 / SEARCH_SLACK };
        found[size] = Some(value);
        value
    }

    /// The worst set of `size` workers (at most k), with the combination of their columns that is nearest to zero.
    pub(super) fn worst_combination(&self, size: usize) -> (Vec<usize>, Vec<f64>) {
        let set = if self.workers <= EXACT { self.over_all_sets(size).1 } else { self.greedy(size).1 };
        let rows: Vec<f64> = set.iter().flat_map(|&i| self.column(i).iter().copied()).collect();
        let mut svd = LeftSvd::default();
        svd.decompose(&rows, set.len(), self.checks);
        let weights = svd.vector(set.len() - 1).to_vec();
        (set, weights)
    }

    fn column(&self, i: usize) -> &[f64] {
        &self.columns[i * self.checks..(i + 1) * self.checks]
    }

    fn over_all_sets(&self, size: usize) -> (f64, Vec<usize>) {
        let mut set: Vec<usize> = (0..size).collect();
        let mut svd = LeftSvd::default();
        let mut least = (f64::INFINITY, Vec::new());
        loop {
            let value = self.of_set(&set, &mut svd);
            if value < least.0 {
                least = (value, set.clone());
            }
            // The next set in lexicographic order.
            let Some(at) = (0..size).rev().find(|&a| set[a] != a + self.workers - size) else { break };
            if self.cyclic && at == 0 {
                break;
            }
            set[at] += 1;
            for a in at + 1..size {
                set[a] = set[a - 1] + 1;
            }
        }
        least
    }

    fn of_set(&self, set: &[usize], svd: &mut LeftSvd) -> f64 {
        let rows: Vec<f64> = set.iter().flat_map(|&i| self.column(i).iter().copied()).collect();
        smallest_singular(&rows, set.len(), self.checks, svd)
    }

    /// From several first workers, the worker whose column has least left outside those taken, one after another; and runs of
    /// neighbours, the worst sets of a Vandermonde matrix.
    fn greedy(&self, size: usize) -> (f64, Vec<usize>) {
        let starts = if self.workers <= 64 { self.workers } else { 400_usize.div_ceil(self.workers) };
        let mut svd = LeftSvd::default();
        let neighbours: Vec<usize> = (0..size).collect();
        let mut least = (self.of_set(&neighbours, &mut svd), neighbours);
        for start in 0..starts {
            let set = self.greedy_set(start * self.workers / starts, size);
            let value = self.of_set(&set, &mut svd);
            if value < least.0 {
                least = (value, set);
            }
        }
        least
    }

    fn greedy_set(&self, first: usize, size: usize) -> Vec<usize> {
        let k = self.checks;
        let mut columns = self.columns.clone();
        let mut set = vec![first];
        while set.len() < size {
            let last = set[set.len() - 1];
            let mut direction = columns[last * k..(last + 1) * k].to_vec();
            let scale = 1.0 / energy(&direction).sqrt().max(f64::MIN_POSITIVE);
            direction.iter_mut().for_each(|x| *x *= scale);
            let mut next: Option<(usize, f64)> = None;
            for (i, column) in columns.chunks_exact_mut(k).enumerate() {
                let c = dot(column, &direction);
                axpy(column, -c, &direction);
                let left = energy(column);
                if !set.contains(&i) && next.is_none_or(|(_, least)| left < least) {
                    next = Some((i, left));
                }
            }
            match next {
                Some((i, _)) => set.push(i),
                None => break,
            }
        }
        set
    }
}

/// The smallest singular value of `n` vectors of length `k >= n` (contiguous).
pub(super) fn smallest_singular(vectors: &[f64], n: usize, k: usize, svd: &mut LeftSvd) -> f64 {
    if n < LARGE {
        svd.decompose(vectors, n, k);
        return svd.values.last().copied().unwrap_or(1.0);
    }
    // Inverse iteration on the triangular factor; 20 steps from a vector with all components.
    let qr = MatRef::from_column_major_slice(vectors, k, n).qr();
    let r = qr.thin_R();
    let mut x: Vec<f64> = (0..n).map(|i| 1.0 + 0.5 * (i as f64 * 0.618_034).fract()).collect();
    let mut value = 0.0;
    for _ in 0..20 {
        // x <- inv(R'R) x: forward with R', then backward with R.
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| r[(j, i)] * x[j]).sum();
            x[i] = (x[i] - sum) / r[(i, i)];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| r[(i, j)] * x[j]).sum();
            x[i] = (x[i] - sum) / r[(i, i)];
        }
        let norm = energy(&x).sqrt();
        if !norm.is_finite() {
            return 0.0;
        }
        value = 1.0 / norm.sqrt();
        x.iter_mut().for_each(|x| *x /= norm);
    }
    value
}
