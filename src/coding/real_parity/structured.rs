//! MUSIC on a matrix with Hankel structure, for codes on the unit circle: colluders who all send multiples of one vector show
//! one signal direction only, but products of low frequencies spread it into as many as there are colluders.

use super::dense::{axpy, dot, energy};
use super::locate::Problem;
use super::music;
use super::svd::LeftSvd;
use std::f64::consts::PI;

/// What is needed to undo the whitening and return to the frequencies of the code.
#[derive(Clone, Copy)]
pub(super) struct Structure<'a> {
    /// The whitened check with erased columns kept, m x k.
    pub columns: &'a [f64],
    /// Scale of each worker: the whitened check spans the rows of H diag(scale).
    pub scale: &'a [f64],
    /// Number of erased workers.
    pub erased: usize,
    /// True when the check holds the top frequencies (odd k): they are the low ones times (-1)^j.
    pub alternating: bool,
}

/// `rows` trigonometric functions at the m nodes: half-integer frequencies for an even number, integer ones for an odd.
fn functions(m: usize, rows: usize) -> Vec<f64> {
    let mut values = Vec::with_capacity(rows * m);
    let node = |j: usize| 2.0 * PI * (j as f64 + 0.5) / m as f64;
    let scale = (2.0 / m as f64).sqrt();
    let first = if rows.is_multiple_of(2) {
        0.5
    } else {
        values.extend(std::iter::repeat_n(scale / 2f64.sqrt(), m));
        1.0
    };
    for f in 0..rows / 2 {
        let frequency = first + f as f64;
        values.extend((0..m).map(|j| scale * (frequency * node(j)).cos()));
        values.extend((0..m).map(|j| scale * (frequency * node(j)).sin()));
    }
    values
}

/// Looks for `rank` to `limit` liars, fewest first.
pub(super) fn search(problem: &Problem<'_>, rank: usize, limit: usize, noise: f64) -> Option<Vec<usize>> {
    let structure = problem.structure?;
    let (m, k) = (problem.live.len(), problem.length);
    // One word per signal direction that has the direction as its syndrome.
    let mut words = vec![0.0; rank * m];
    for s in 0..rank {
        let word = &mut words[s * m..(s + 1) * m];
        for (i, x) in word.iter_mut().enumerate() {
            let sign = if structure.alternating && i % 2 == 1 { -1.0 } else { 1.0 };
            let column = &structure.columns[i * k..(i + 1) * k];
            *x = sign * structure.scale[i] * problem.signal.values[s] * dot(column, problem.direction(s));
        }
    }
    let mut best: Option<Vec<usize>> = None;
    let mut svd = LeftSvd::default();
    for size in rank..=limit {
        let spanned = size + structure.erased;
        if spanned >= k {
            break;
        }
        let wide = (k + 1).saturating_sub((3 * spanned).div_ceil(2 * rank)).max(spanned + 1);
        let mut heights = vec![spanned + 1, wide];
        heights.dedup();
        for height in heights.into_iter().filter(|&h| h <= k) {
            let (a, b) = (functions(m, height), functions(m, k + 1 - height));
            let width = (k + 1 - height) * rank;
            let mut matrix = vec![0.0; height * width];
            for (row, a) in matrix.chunks_exact_mut(width).zip(a.chunks_exact(m)) {
                let mut weighted = vec![0.0; m];
                for (s, word) in words.chunks_exact(m).enumerate() {
                    weighted.iter_mut().zip(a).zip(word).for_each(|((w, a), x)| *w = a * x);
                    for (c, b) in b.chunks_exact(m).enumerate() {
                        row[s * (k + 1 - height) + c] = dot(&weighted, b);
                    }
                }
            }
            svd.decompose(&matrix, height, width);
            let found = nearest_to_span(problem, &svd, &a, spanned)
                .and_then(|order| problem.shortest_prefix(&order, problem.shape.limit, noise))
                .map(|set| problem.prune(set, noise));
            if let Some(set) = found
                && best.as_ref().is_none_or(|b| set.len() < b.len())
            {
                best = Some(set);
            }
        }
        if best.as_ref().is_some_and(|b| b.len() <= size) {
            break;
        }
    }
    best
}

/// Workers in the order of the distance of their function values to the first `spanned` left singular vectors.
fn nearest_to_span(problem: &Problem<'_>, svd: &LeftSvd, a: &[f64], spanned: usize) -> Option<Vec<usize>> {
    let m = problem.live.len();
    if spanned > svd.values.len() {
        return None;
    }
    let mut norms = vec![0.0; m];
    for row in a.chunks_exact(m) {
        norms.iter_mut().zip(row).for_each(|(n, x)| *n += x * x);
    }
    let mut inside = vec![0.0; m];
    for s in 0..spanned {
        let mut projections = vec![0.0; m];
        for (row, &u) in a.chunks_exact(m).zip(svd.vector(s)) {
            axpy(&mut projections, u, row);
        }
        inside.iter_mut().zip(&projections).for_each(|(i, p)| *i += p * p);
    }
    debug_assert!(energy(&norms) > 0.0);
    let distances: Vec<f64> = inside.iter().zip(&norms).map(|(i, n)| 1.0 - i / n).collect();
    Some(music::nearest(&distances, problem.live))
}
