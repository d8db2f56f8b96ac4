//! Undirected graphs.

use crate::error::{Error, Result};

/// An undirected graph without loops or repeated edges. Its nodes are 0 to `nodes() - 1`.
///
/// ```
/// use steadfast::network::Graph;
/// let path = Graph::new(4, &[(0, 1), (1, 2), (2, 3)])?;
/// assert_eq!(path.neighbours(1), [0, 2]);
/// assert!(path.split().is_none());
/// assert_eq!(Graph::new(3, &[(0, 1)])?.split(), Some((0, 2)));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// `(i, j)` with `i < j`, ascending.
    edges: Vec<(u32, u32)>,
    /// Neighbours of i are `neighbours[offsets[i]..offsets[i + 1]]`, ascending.
    offsets: Vec<usize>,
    neighbours: Vec<u32>,
}

impl Graph {
    /// A graph of `nodes` nodes; each edge is given once, with its ends in either order.
    ///
    /// # Errors
    /// [`Error::Usage`] naming an edge that is a loop, comes twice, or has an end that is no node; for no nodes, or more than
    /// 2^32 of them.
    pub fn new(nodes: usize, edges: &[(usize, usize)]) -> Result<Self> {
        if nodes == 0 || nodes > u32::MAX as usize {
            return Err(Error::usage("network", format!("{nodes} nodes"), format!("1 to {} nodes", u32::MAX)));
        }
        let mut sorted = Vec::with_capacity(edges.len());
        for &(i, j) in edges {
            if i == j || i >= nodes || j >= nodes {
                let allowed = format!("edges between two different nodes of 0 to {}", nodes - 1);
                return Err(Error::usage("network", format!("edge {i} {j}"), allowed));
            }
            // Both ends are below `nodes`, which fits.
            sorted.push((i.min(j) as u32, i.max(j) as u32));
        }
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            let (i, j) = twice[0];
            return Err(Error::usage("network", format!("edge {i} {j} twice"), "each edge once"));
        }
        let mut offsets = vec![0; nodes + 1];
        for &(i, j) in &sorted {
            offsets[i as usize + 1] += 1;
            offsets[j as usize + 1] += 1;
        }
        for i in 0..nodes {
            offsets[i + 1] += offsets[i];
        }
        let mut next = offsets.clone();
        let mut neighbours = vec![0; 2 * sorted.len()];
        // Sorted edges fill each list in ascending order: first all (i, j) with i below the node, then those above.
        let mut fill = |at: u32, value: u32| {
            neighbours[next[at as usize]] = value;
            next[at as usize] += 1;
        };
        sorted.iter().for_each(|&(i, j)| fill(j, i));
        sorted.iter().for_each(|&(i, j)| fill(i, j));
        Ok(Graph { edges: sorted, offsets, neighbours })
    }

    /// A graph from directed links, as an edge list has them: either every edge once, or every edge in both directions.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the link whose reverse is missing while others have theirs; as [`Graph::new`].
    pub fn from_links(nodes: usize, links: &[(usize, usize)]) -> Result<Self> {
        match Graph::one_way(links) {
            (false, _) => Graph::new(nodes, links),
            (true, Some((i, j))) => {
                let got = format!("edge {i} {j} without {j} {i}");
                Err(Error::usage("network", got, "every edge once, or every edge in both directions"))
            }
            (true, None) => {
                let once: Vec<(usize, usize)> = links.iter().copied().filter(|(i, j)| i < j).collect();
                Graph::new(nodes, &once)
            }
        }
    }

    /// Whether some link has its reverse, and the least one that has not.
    pub(crate) fn one_way(links: &[(usize, usize)]) -> (bool, Option<(usize, usize)>) {
        let mut sorted = links.to_vec();
        sorted.sort_unstable();
        let reversed = |&(i, j): &(usize, usize)| sorted.binary_search(&(j, i)).is_ok() && i != j;
        (sorted.iter().any(reversed), sorted.iter().copied().find(|link| !reversed(link)))
    }

    /// N.
    pub fn nodes(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The edges `(i, j)`, `i < j`, ascending.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// Neighbours of node i, ascending.
    pub fn neighbours(&self, i: usize) -> &[u32] {
        &self.neighbours[self.offsets[i]..self.offsets[i + 1]]
    }

    /// Node i and its neighbours, ascending.
    pub fn around(&self, i: usize) -> Vec<usize> {
        let mut all: Vec<usize> = self.neighbours(i).iter().map(|&j| j as usize).collect();
        all.insert(all.partition_point(|&j| j < i), i);
        all
    }

    /// Edges on the shortest way from `from` to every node; `None` where there is no way.
    pub fn distances(&self, from: usize) -> Vec<Option<usize>> {
        let mut distance = vec![None; self.nodes()];
        distance[from] = Some(0);
        let (mut front, mut steps) = (vec![from], 0);
        while !front.is_empty() {
            steps += 1;
            let mut next = Vec::new();
            for &i in &front {
                for &j in self.neighbours(i) {
                    if distance[j as usize].is_none() {
                        distance[j as usize] = Some(steps);
                        next.push(j as usize);
                    }
                }
            }
            front = next;
        }
        distance
    }

    /// Two nodes without a way between them, or `None` for a connected graph.
    pub fn split(&self) -> Option<(usize, usize)> {
        self.distances(0).iter().position(Option::is_none).map(|apart| (0, apart))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_edges_are_named() {
        let refused = |edges: &[(usize, usize)], named: &str| {
            let error = Graph::new(3, edges).expect_err("a bad edge").to_string();
            assert!(error.contains(named), "{error}");
        };
        refused(&[(1, 1)], "edge 1 1");
        refused(&[(0, 1), (1, 3)], "edge 1 3");
        refused(&[(0, 1), (1, 0)], "edge 0 1 twice");
        let error = Graph::from_links(3, &[(0, 1), (1, 0), (2, 1)]).expect_err("one-way").to_string();
        assert!(error.contains("edge 2 1 without 1 2"), "{error}");
        assert_eq!(
            Graph::from_links(3, &[(0, 1), (1, 0), (2, 1), (1, 2)]).expect("symmetric"),
            Graph::from_links(3, &[(1, 0), (1, 2)]).expect("once")
        );
    }
}
