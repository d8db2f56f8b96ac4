//! The last resort for few workers: every set of `limit` workers.

use super::dense::Peel;
use super::locate::Problem;

/// Workers up to which every set is tried: 6,435 sets of 7 of 15.
const MOST_WORKERS: usize = 16;

/// The set of `limit` workers that explains the syndrome best, if it does, pruned.
pub(super) fn search(problem: &Problem<'_>, limit: usize, noise: f64) -> Option<Vec<usize>> {
    if problem.live.len() > MOST_WORKERS || limit == 0 {
        return None;
    }
    let live: Vec<usize> = (0..problem.live.len()).filter(|&i| problem.live[i]).collect();
    let size = limit.min(live.len());
    let mut best = (f64::INFINITY, Vec::new());
    descend(problem, &live, size, &problem.peel(), &mut Vec::with_capacity(size), &mut best);
    (best.0 <= problem.allowed(noise, size)).then(|| problem.prune(best.1, noise))
}

fn descend(
    problem: &Problem<'_>,
    live: &[usize],
    left: usize,
    peel: &Peel,
    chosen: &mut Vec<usize>,
    best: &mut (f64, Vec<usize>),
) {
    if left == 0 {
        let energy = peel.energy();
        if energy < best.0 {
            *best = (energy, chosen.clone());
        }
        return;
    }
    for at in 0..=live.len() - left {
        let mut next = peel.clone();
        if next.remove(problem.column(live[at])) {
            chosen.push(live[at]);
            descend(problem, &live[at + 1..], left - 1, &next, chosen, best);
            chosen.pop();
        }
    }
}
