//! Weighted Laplacians, sparse.

use super::Graph;

/// Neighbours whose terms are added up before they join a row's sum: rounding grows with the number of blocks.
const BLOCK: usize = 16;

/// `L = D - A` of a graph with positive edge weights, where D has the sums of the rows of A: positive semidefinite, and its
/// kernel are the vectors that are constant on every component.
///
/// ```
/// use steadfast::network::{Graph, Laplacian};
/// let laplacian = Laplacian::of(&Graph::new(3, &[(0, 1), (1, 2)])?);
/// let mut image = [0.0; 3];
/// laplacian.multiply(&[1.0, 0.0, 0.0], &mut image);
/// assert_eq!(image, [1.0, -1.0, 0.0]);
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Laplacian {
    pub(super) offsets: Vec<usize>,
    pub(super) neighbours: Vec<u32>,
    pub(super) weights: Vec<f64>,
    /// For each neighbour the number of the edge.
    pub(super) links: Vec<u32>,
    pub(super) degrees: Vec<f64>,
}

impl Laplacian {
    /// Of a graph whose edges weigh 1.
    pub fn of(graph: &Graph) -> Self {
        Laplacian::weighted(graph.nodes(), graph.edges(), &vec![1.0; graph.edges().len()])
    }

    /// Of the Metropolis weights `1 / (1 + max(degree_i, degree_j))`: `I - L` is the Metropolis mixing matrix, symmetric and
    /// doubly stochastic, and every node knows its weights from its neighbours' degrees.
    pub fn metropolis(graph: &Graph) -> Self {
        let degree = |i: u32| graph.neighbours(i as usize).len() as f64;
        let weights: Vec<f64> = graph.edges().iter().map(|&(i, j)| 1.0 / (1.0 + degree(i).max(degree(j)))).collect();
        Laplacian::weighted(graph.nodes(), graph.edges(), &weights)
    }

    /// Of edges with a weight each.
    pub(super) fn weighted(nodes: usize, edges: &[(u32, u32)], weights: &[f64]) -> Self {
        let mut offsets = vec![0; nodes + 1];
        for &(i, j) in edges {
            offsets[i as usize + 1] += 1;
            offsets[j as usize + 1] += 1;
        }
        for i in 0..nodes {
            offsets[i + 1] += offsets[i];
        }
        let mut next = offsets.clone();
        let count = 2 * edges.len();
        let mut made = Laplacian {
            offsets,
            neighbours: vec![0; count],
            weights: vec![0.0; count],
            links: vec![0; count],
            degrees: Vec::new(),
        };
        for (number, (&(i, j), &weight)) in edges.iter().zip(weights).enumerate() {
            for (at, other) in [(i, j), (j, i)] {
                let place = next[at as usize];
                next[at as usize] += 1;
                made.neighbours[place] = other;
                made.weights[place] = weight;
                made.links[place] = number as u32;
            }
        }
        made.degrees = (0..nodes).map(|i| blocked(made.row(i).map(|(_, weight, _)| weight))).collect();
        made
    }

    /// N.
    pub fn nodes(&self) -> usize {
        self.degrees.len()
    }

    /// Neighbour, weight and edge number of the entries of row i.
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64, usize)> {
        let range = self.offsets[i]..self.offsets[i + 1];
        let (neighbours, weights) = (&self.neighbours[range.clone()], &self.weights[range.clone()]);
        neighbours.iter().zip(weights).zip(&self.links[range]).map(|((&j, &w), &e)| (j as usize, w, e as usize))
    }

    /// `out = L x`.
    pub fn multiply(&self, x: &[f64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = blocked(self.row(i).map(|(j, weight, _)| weight * (x[i] - x[j])));
        }
    }

    /// Largest `sum of the weights at i and at j` of an edge: no eigenvalue is larger (Anderson and Morley 1985, for weights).
    pub fn largest_bound(&self) -> f64 {
        let pairs = (0..self.nodes()).flat_map(|i| self.row(i).map(move |(j, ..)| (i, j)));
        pairs.map(|(i, j)| self.degrees[i] + self.degrees[j]).fold(0.0, f64::max)
    }
}

/// A sum in blocks of a fixed length.
pub(super) fn blocked(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut part) = (0.0, 0.0);
    for (number, term) in terms.enumerate() {
        if number.is_multiple_of(BLOCK) {
            total += part;
            part = 0.0;
        }
        part += term;
    }
    total + part
}
