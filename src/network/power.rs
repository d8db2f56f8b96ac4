//! The power method as the nodes of a network run it (paper 004, remark 2.3).

use super::{Graph, Laplacian};
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};
use rand::RngExt;

/// What the nodes found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerEstimate {
    /// The largest eigenvalue, approached from below.
    pub largest: f64,
    /// No eigenvalue is larger: [`Laplacian::largest_bound`], which one exchange of degrees and one flood give.
    pub bound: f64,
    /// Exchanges with neighbours it took.
    pub rounds: usize,
}

/// The largest eigenvalue of a connected graph's Laplacian with nothing but exchanges between neighbours: `v <- L v`, scaled by
/// the largest modulus of an entry, which the nodes find by flooding (as many rounds as the graph is wide). Every node ends with
/// the same numbers. It stops when two estimates differ by `tolerance`, relatively, or after `iterations`.
///
/// # Errors
/// [`Error::Usage`] for a graph that is not connected, or a tolerance that is none.
pub fn power_method(graph: &Graph, tolerance: f64, iterations: usize, seed: Seed) -> Result<PowerEstimate> {
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        return Err(Error::usage("tolerance", tolerance, "a finite number, at least 0"));
    }
    if let Some((i, j)) = graph.split() {
        return Err(Error::usage("network", format!("no way from node {i} to node {j}"), "a connected graph"));
    }
    let laplacian = Laplacian::of(graph);
    let bound = laplacian.largest_bound();
    let mut rounds = 1;
    let mut v: Vec<f64> =
        (0..graph.nodes()).map(|i| seed.stream(Purpose::Method, i as u64, 0).random_range(-1.0..1.0)).collect();
    let mut image = vec![0.0; v.len()];
    let mut largest = 0.0;
    for _ in 0..iterations {
        laplacian.multiply(&v, &mut image);
        rounds += 1;
        let (top, flood) = flood_largest(graph, &image);
        rounds += flood;
        // v has a largest modulus of 1 from the second iteration on, when `top` is the ratio of two in a row.
        let before = std::mem::replace(&mut largest, top);
        if top == 0.0 {
            break;
        }
        v.iter_mut().zip(&image).for_each(|(v, x)| *v = x / top);
        if (largest - before).abs() <= tolerance * largest {
            break;
        }
    }
    Ok(PowerEstimate { largest: largest.min(bound), bound, rounds })
}

/// The largest modulus, once every node knows it, and the rounds that took.
fn flood_largest(graph: &Graph, values: &[f64]) -> (f64, usize) {
    let mut known: Vec<f64> = values.iter().map(|x| x.abs()).collect();
    let mut rounds = 0;
    loop {
        let heard: Vec<f64> = (0..known.len())
            .map(|i| graph.neighbours(i).iter().fold(known[i], |top, &j| top.max(known[j as usize])))
            .collect();
        if heard == known {
            return (known[0], rounds);
        }
        known = heard;
        rounds += 1;
    }
}
