//! MUSIC: liars' columns lie in the signal space; workers are ordered by their distance to it.

use super::dense::{dot, energy};
use super::locate::Problem;

/// Tries the workers in the order of their distance to the first `rank` signal directions.
pub(super) fn search(problem: &Problem<'_>, rank: usize, limit: usize, noise: f64) -> Option<Vec<usize>> {
    let workers = problem.live.len();
    let mut distances = vec![f64::INFINITY; workers];
    for (i, distance) in distances.iter_mut().enumerate().filter(|(i, _)| problem.live[*i]) {
        let column = problem.column(i);
        let inside: f64 = (0..rank).map(|s| dot(problem.direction(s), column).powi(2)).sum();
        *distance = 1.0 - inside / energy(column);
    }
    let order = nearest(&distances, problem.live);
    problem.shortest_prefix(&order, limit, noise).map(|set| problem.prune(set, noise))
}

/// Live workers, nearest first.
pub(super) fn nearest(distances: &[f64], live: &[bool]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..live.len()).filter(|&i| live[i]).collect();
    order.sort_unstable_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(a.cmp(&b)));
    order
}
