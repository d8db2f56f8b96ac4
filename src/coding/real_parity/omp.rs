//! Order-recursive matching pursuit on the signal space, for any code: over-selects columns, then drops those not needed.

use super::dense::{Peel, dot, energy};
use super::locate::Problem;

/// Above this many checks the pursuit would take longer than a round is worth; colluders there need keys.
const MOST_CHECKS: usize = 256;

/// Selects up to k' - 1 columns and prunes them to at most `limit`.
pub(super) fn search(problem: &Problem<'_>, rank: usize, limit: usize, noise: f64) -> Option<Vec<usize>> {
    if problem.shape.checks > MOST_CHECKS || problem.shape.checks == 0 || limit == 0 {
        return None;
    }
    let (chosen, explained) = select(problem, rank, noise);
    if explained {
        let set = problem.prune(chosen.clone(), noise);
        if set.len() <= limit {
            return Some(set);
        }
    }
    let set = problem.reduce_to(chosen, limit)?;
    (problem.residual(&set) <= problem.allowed(noise, set.len())).then(|| problem.prune(set, noise))
}

/// Takes at each step the column that, freed of those taken, lies nearest to what is left of the signal space.
fn select(problem: &Problem<'_>, rank: usize, noise: f64) -> (Vec<usize>, bool) {
    let k = problem.length;
    let mut columns = problem.columns.to_vec();
    let lengths: Vec<f64> = columns.chunks_exact(k).map(energy).collect();
    let mut span: Vec<f64> = problem.signal.vectors[..rank * k].to_vec();
    let mut peel = problem.peel();
    let mut chosen = Vec::new();
    while chosen.len() + 1 < problem.shape.checks {
        let mut best: Option<(usize, f64)> = None;
        for (i, column) in columns.chunks_exact(k).enumerate() {
            let left = energy(column);
            if !problem.live[i] || chosen.contains(&i) || left < 1e-20 * lengths[i] {
                continue;
            }
            let inside: f64 = span.chunks_exact(k).map(|u| dot(u, column).powi(2)).sum::<f64>() / left;
            if best.is_none_or(|(_, score)| inside > score) {
                best = Some((i, inside));
            }
        }
        let Some((i, _)) = best else { break };
        if !peel.remove(problem.column(i)) {
            break;
        }
        chosen.push(i);
        if peel.energy() <= problem.allowed(noise, chosen.len()) {
            return (chosen, true);
        }
        let direction = peel.directions[peel.directions.len() - k..].to_vec();
        remove_direction(&mut columns, &direction);
        remove_direction(&mut span, &direction);
        span = orthonormal(&span, k);
        if span.is_empty() {
            break;
        }
    }
    (chosen, false)
}

fn remove_direction(vectors: &mut [f64], direction: &[f64]) {
    for vector in vectors.chunks_exact_mut(direction.len()) {
        let c = dot(vector, direction);
        super::dense::axpy(vector, -c, direction);
    }
}

/// An orthonormal basis of the span of `vectors`, each of which had length 1: what falls below 1e-6 of that is noise.
fn orthonormal(vectors: &[f64], k: usize) -> Vec<f64> {
    let mut peel = Peel::default();
    peel.start(&[], k, 0);
    for vector in vectors.chunks_exact(k) {
        if energy(vector) > 1e-12 {
            peel.remove(vector);
        }
    }
    peel.directions
}
