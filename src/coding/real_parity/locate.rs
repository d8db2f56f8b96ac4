//! Who lied: from the sketched syndrome to the smallest set of workers that explains it.

use super::dense::{Peel, axpy, dot, energy};
use super::noise::{Shape, allowed};
use super::{exhaustive, music, omp, structured};

/// A sketched syndrome and the columns that can explain it. Erased workers' columns have been removed from both, in place.
pub(super) struct Problem<'a> {
    /// k, length of a column.
    pub length: usize,
    /// Degrees of freedom and the noise they may show.
    pub shape: Shape,
    /// Column of each worker, m x k.
    pub columns: &'a [f64],
    /// Which workers' columns may be used.
    pub live: &'a [bool],
    /// The syndrome, k x r, row-major.
    pub syndrome: &'a [f64],
    /// Left singular vectors of the syndrome and their values, the leading ones.
    pub signal: Signal<'a>,
    /// What the unit-circle code adds: see [`structured`].
    pub structure: Option<structured::Structure<'a>>,
}

/// Leading left singular vectors.
#[derive(Clone, Copy)]
pub(super) struct Signal<'a> {
    /// Singular values, descending.
    pub values: &'a [f64],
    /// Vectors of length k, contiguous.
    pub vectors: &'a [f64],
}

impl Problem<'_> {
    /// Column of worker `i`.
    pub(super) fn column(&self, i: usize) -> &[f64] {
        &self.columns[i * self.length..(i + 1) * self.length]
    }

    /// Signal direction `s`.
    pub(super) fn direction(&self, s: usize) -> &[f64] {
        &self.signal.vectors[s * self.length..(s + 1) * self.length]
    }

    /// Energy that may remain once `n` columns are removed.
    pub(super) fn allowed(&self, noise: f64, n: usize) -> f64 {
        allowed(noise, self.shape.checks.saturating_sub(n) * self.shape.width)
    }

    /// Energy that remains once the columns of `set` are removed.
    pub(super) fn residual(&self, set: &[usize]) -> f64 {
        let mut peel = self.peel();
        set.iter().for_each(|&i| {
            peel.remove(self.column(i));
        });
        peel.energy()
    }

    /// A fresh [`Peel`] of the syndrome.
    pub(super) fn peel(&self) -> Peel {
        let mut peel = Peel::default();
        peel.start(self.syndrome, self.length, self.shape.width);
        peel
    }

    /// The shortest prefix of `order`, of at most `limit` columns, that explains the syndrome.
    pub(super) fn shortest_prefix(&self, order: &[usize], limit: usize, noise: f64) -> Option<Vec<usize>> {
        let mut peel = self.peel();
        let mut chosen = Vec::with_capacity(limit);
        for &i in order {
            if chosen.len() >= limit {
                return None;
            }
            if peel.remove(self.column(i)) {
                chosen.push(i);
                if peel.energy() <= self.allowed(noise, chosen.len()) {
                    return Some(chosen);
                }
            }
        }
        None
    }

    /// Removes, one after another, the workers that are not needed to explain the syndrome.
    pub(super) fn prune(&self, mut set: Vec<usize>, noise: f64) -> Vec<usize> {
        while !set.is_empty() {
            let Some((base, needs)) = self.needs(&set) else { break };
            let (least, need) = smallest(&needs);
            if base + need > self.allowed(noise, set.len() - 1) {
                break;
            }
            set.remove(least);
        }
        set
    }

    /// Removes the least needed workers until `size` are left; `None` when the columns are dependent.
    pub(super) fn reduce_to(&self, mut set: Vec<usize>, size: usize) -> Option<Vec<usize>> {
        while set.len() > size {
            let (_, needs) = self.needs(&set)?;
            set.remove(smallest(&needs).0);
        }
        Some(set)
    }

    /// The residual of `set`, and by how much it grows when each one member is left out: `|x_i|^2 / (H'H)^-1_ii`.
    pub(super) fn needs(&self, set: &[usize]) -> Option<(f64, Vec<f64>)> {
        let (n, k, r) = (set.len(), self.length, self.shape.width);
        let mut peel = self.peel();
        for &i in set {
            if !peel.remove(self.column(i)) {
                return None;
            }
        }
        let direction = |a: usize| &peel.directions[a * k..(a + 1) * k];
        // Rows of R X = Q'Y and R Z = I, solved from the bottom, side by side.
        let mut rows = vec![0.0; n * (r + n)];
        for a in 0..n {
            let row = &mut rows[a * (r + n)..(a + 1) * (r + n)];
            for (y, &q) in self.syndrome.chunks_exact(r).zip(direction(a)) {
                axpy(&mut row[..r], q, y);
            }
            row[r + a] = 1.0;
        }
        let mut needs = vec![0.0; n];
        for a in (0..n).rev() {
            let (head, tail) = rows.split_at_mut((a + 1) * (r + n));
            let row = &mut head[a * (r + n)..];
            for b in a + 1..n {
                let factor = dot(direction(a), self.column(set[b]));
                axpy(row, -factor, &tail[(b - a - 1) * (r + n)..(b - a) * (r + n)]);
            }
            let pivot = 1.0 / dot(direction(a), self.column(set[a]));
            row.iter_mut().for_each(|x| *x *= pivot);
            needs[a] = energy(&row[..r]) / energy(&row[r..]);
        }
        Some((peel.energy(), needs))
    }
}

fn smallest(values: &[f64]) -> (usize, f64) {
    values.iter().copied().enumerate().fold((0, f64::INFINITY), |best, item| if item.1 < best.1 { item } else { best })
}

/// The smallest explanation found at one noise level, with up to `limit` liars and `rank` signal directions.
pub(super) fn search(problem: &Problem<'_>, rank: usize, limit: usize, noise: f64) -> Option<Vec<usize>> {
    let better = |best: Option<Vec<usize>>, found: Option<Vec<usize>>| match (best, found) {
        (Some(b), Some(f)) => Some(if f.len() < b.len() { f } else { b }),
        (b, f) => b.or(f),
    };
    let mut best = None;
    if rank < problem.shape.checks {
        best = music::search(problem, rank, limit, noise);
        if best.as_ref().is_some_and(|set| set.len() <= rank) {
            return best;
        }
    }
    best = better(best.take(), structured::search(problem, rank, best.as_ref().map_or(limit, |b| b.len() - 1), noise));
    if best.as_ref().is_some_and(|set| set.len() <= rank) {
        return best;
    }
    best = better(best, omp::search(problem, rank, limit, noise));
    if best.is_none() {
        best = exhaustive::search(problem, limit, noise);
    }
    best
}
