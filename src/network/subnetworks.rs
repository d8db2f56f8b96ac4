//! Who shares a variable, and over which edges.

use std::collections::VecDeque;

use super::Graph;
use crate::error::{Error, Result};

/// The nodes and edges of each variable.
pub(super) struct Subnetworks {
    /// V_p, ascending.
    pub nodes: Vec<Vec<u32>>,
    /// E_p by positions in V_p, with the number of the edge in G.
    pub edges: Vec<Vec<(u32, u32, u32)>>,
}

impl Subnetworks {
    /// V_p and the subgraph of G that it induces, for each variable; each must be connected.
    ///
    /// # Errors
    /// See [`Communication::new`](super::Communication::new).
    pub fn new(graph: &Graph, uses: &[Vec<usize>], sizes: &[usize]) -> Result<Self> {
        check(graph, uses, sizes)?;
        let variables = sizes.len();
        let (mut nodes, mut edges) = (vec![Vec::new(); variables], vec![Vec::new(); variables]);
        // Position of node i in V_p for each p it uses.
        let mut positions: Vec<Vec<u32>> = Vec::with_capacity(uses.len());
        for (i, of) in uses.iter().enumerate() {
            positions.push(of.iter().map(|&p| nodes[p].len() as u32).collect());
            of.iter().for_each(|&p| nodes[p].push(i as u32));
        }
        for (number, &(i, j)) in graph.edges().iter().enumerate() {
            let (a, b) = (&uses[i as usize], &uses[j as usize]);
            for (k, p) in a.iter().enumerate() {
                if let Ok(other) = b.binary_search(p) {
                    edges[*p].push((positions[i as usize][k], positions[j as usize][other], number as u32));
                }
            }
        }
        for (p, (of, between)) in nodes.iter().zip(&edges).enumerate() {
            if of.is_empty() {
                return Err(Error::usage(
                    "problem",
                    format!("variable {p}, which no node uses"),
                    "used variables only",
                ));
            }
            let pairs: Vec<(usize, usize)> = between.iter().map(|&(a, b, _)| (a as usize, b as usize)).collect();
            if let Some((a, b)) = Graph::new(of.len(), &pairs)?.split() {
                let got = format!("variable {p} at nodes {} and {}, apart from each other", of[a], of[b]);
                let relays = relays(graph, of, of[a], of[b]);
                let allowed = format!(
                    "nodes of a variable that are connected by edges between such nodes; nodes {relays:?} would connect \
                     these two if their functions had variable {p}, too (with a ridge, where they do not depend on it)"
                );
                return Err(Error::usage("problem", got, allowed));
            }
        }
        Ok(Subnetworks { nodes, edges })
    }
}

/// The nodes without the variable on a way from node a to node b that has the fewest of them; the graph is connected, and `of` are
/// the nodes with the variable, ascending.
fn relays(graph: &Graph, of: &[u32], a: u32, b: u32) -> Vec<u32> {
    let lacks = |i: u32| of.binary_search(&i).is_err();
    // For each node how many it takes to get there, and the node before it.
    let mut best = vec![(usize::MAX, a); graph.nodes()];
    best[a as usize].0 = 0;
    let mut reached = VecDeque::from([a]);
    while let Some(i) = reached.pop_front() {
        for &j in graph.neighbours(i as usize) {
            let count = best[i as usize].0 + usize::from(lacks(j));
            if count < best[j as usize].0 {
                best[j as usize] = (count, i);
                // Nearest first: a node that has the variable costs nothing.
                if lacks(j) { reached.push_back(j) } else { reached.push_front(j) }
            }
        }
    }
    let way = std::iter::successors(Some(b), |&i| (i != a).then(|| best[i as usize].1));
    let mut found: Vec<u32> = way.filter(|&i| lacks(i)).collect();
    found.reverse();
    found
}

fn check(graph: &Graph, uses: &[Vec<usize>], sizes: &[usize]) -> Result<()> {
    if uses.len() != graph.nodes() {
        return Err(Error::usage(
            "problem",
            format!("{} nodes", uses.len()),
            format!("{}, as the network has", graph.nodes()),
        ));
    }
    if let Some(p) = sizes.iter().position(|&size| size == 0) {
        return Err(Error::usage("problem", format!("variable {p} of size 0"), "1 or more numbers a variable"));
    }
    for (i, of) in uses.iter().enumerate() {
        let ascending = of.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || of.last().is_some_and(|&p| p >= sizes.len()) {
            let allowed = format!("variables of 0 to {}, ascending", sizes.len().saturating_sub(1));
            return Err(Error::usage("problem", format!("variables {of:?} at node {i}"), allowed));
        }
    }
    match graph.split() {
        Some((i, j)) => {
            Err(Error::usage("network", format!("no way from node {i} to node {j}"), "a connected network"))
        }
        None => Ok(()),
    }
}
