//! The communication matrix: W of paper 004, equation (3), and `L(G) (x) I` beside it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Graph, Laplacian, Spectrum};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// Neighbours whose terms are added up before they join a row's sum.
const BLOCK: usize = 16;

/// Which matrix couples the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatrixKind {
    /// W: a node has copies of the variables that its function uses, and those of one variable are coupled over the edges
    /// between nodes that both use it.
    Partitioned,
    /// `L(G) (x) I`: every node has a copy of every variable, coupled over every edge.
    Laplacian,
}

impl MatrixKind {
    /// The kebab-case name.
    pub fn name(self) -> &'static str {
        match self {
            MatrixKind::Partitioned => "partitioned",
            MatrixKind::Laplacian => "laplacian",
        }
    }
}

/// The weights of the Laplacians.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// 1 on every edge, as in the paper's examples.
    #[default]
    Unit,
    /// Every Laplacian over its largest eigenvalue (remark 2.3): then chi(W) is the largest condition number of a variable's
    /// subnetwork.
    Normalized,
    /// Metropolis weights, `I - L` of which is a mixing matrix.
    Metropolis,
}

/// What one product sends over an edge of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct EdgeTraffic {
    /// The smaller end.
    pub from: u32,
    /// The larger end.
    pub to: u32,
    /// Numbers sent, both directions together.
    pub floats: u64,
}

/// A symmetric positive semidefinite matrix over the stored copies of variables, whose kernel are the copies that agree. One
/// product is one round: every node sends each neighbour the copies that both have.
///
/// Copies are kept node by node, and those of a node by variable, ascending; [`Communication::place`] says where.
/// Nothing of `Nd x Nd` is ever made.
///
/// ```
/// use steadfast::network::{Communication, Graph, MatrixKind, Weighting};
/// use steadfast::seed::Seed;
/// // Paper 004, section 2.2: variable 0 at nodes 0, 1, 2 of a path of five, variable 1 at 2, 3, 4.
/// let path = Graph::new(5, &[(0, 1), (1, 2), (2, 3), (3, 4)])?;
/// let uses = [vec![0], vec![0], vec![0, 1], vec![1], vec![1]];
/// let make = |kind| Communication::new(&path, &uses, &[1, 1], kind, Weighting::Unit, Seed(0));
/// let (w, l) = (make(MatrixKind::Partitioned)?, make(MatrixKind::Laplacian)?);
/// assert!((w.spectrum().condition() - 3.0).abs() < 1e-12);
/// assert!((l.spectrum().condition() - 9.472136).abs() < 5e-7);
/// assert_eq!((w.floats(), l.floats()), (8, 16));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Communication {
    kind: MatrixKind,
    /// Over rows: a row is a stored copy of a variable, or (`Laplacian`) a node's copies of all of them.
    rows: Laplacian,
    /// Row r has the numbers `starts[r]..starts[r + 1]`.
    starts: Vec<usize>,
    /// Edge of the network behind each edge between rows.
    carriers: Vec<u32>,
    /// Node i stores its k-th variable from `places[i][k]` on; its variables are `stored[i]`.
    places: Vec<Vec<usize>>,
    stored: Vec<Vec<usize>>,
    spectrum: Spectrum,
    traffic: Vec<EdgeTraffic>,
}

/// The nodes and edges of each variable.
struct Subnetworks {
    /// V_p, ascending.
    nodes: Vec<Vec<u32>>,
    /// E_p by positions in V_p, with the number of the edge in G.
    edges: Vec<Vec<(u32, u32, u32)>>,
}

impl Communication {
    /// The matrix for a network, the variables `uses[i]` (ascending) of each node i, and the `sizes` of the variables' blocks.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the variable that no node uses, or whose nodes have no way to each other over nodes that use it;
    /// for a network that is not connected, and for a problem that shares no variable.
    pub fn new(
        graph: &Graph,
        uses: &[Vec<usize>],
        sizes: &[usize],
        kind: MatrixKind,
        weighting: Weighting,
        seed: Seed,
    ) -> Result<Self> {
        check(graph, uses, sizes)?;
        let subnetworks = subnetworks(graph, uses, sizes.len())?;
        if subnetworks.edges.iter().all(Vec::is_empty) {
            return Err(Error::usage("problem", "no variable that two nodes share", "one that needs a network"));
        }
        match kind {
            MatrixKind::Partitioned => partitioned(graph, uses, sizes, &subnetworks, weighting, seed),
            MatrixKind::Laplacian => plain(graph, sizes, weighting, seed),
        }
    }

    /// Which matrix it is.
    pub fn kind(&self) -> MatrixKind {
        self.kind
    }

    /// Numbers stored in all nodes: the length of the vectors it multiplies.
    pub fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Never true: a problem has a variable.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The variables that node i has copies of, ascending.
    pub fn stored(&self, i: usize) -> &[usize] {
        &self.stored[i]
    }

    /// Where node i's copy of a variable begins, if it has one.
    pub fn place(&self, i: usize, variable: usize) -> Option<usize> {
        self.stored[i].binary_search(&variable).ok().map(|k| self.places[i][k])
    }

    /// Its extreme positive eigenvalues; by lemma 2.2 those of the variables' Laplacians.
    pub fn spectrum(&self) -> Spectrum {
        self.spectrum
    }

    /// What one product sends, edge by edge; edges over which nothing is sent are left out.
    pub fn traffic(&self) -> &[EdgeTraffic] {
        &self.traffic
    }

    /// Numbers that one product sends over all edges, both directions.
    pub fn floats(&self) -> u64 {
        self.traffic.iter().map(|edge| edge.floats).sum()
    }

    /// `out = W x`; edges of the network that are `down` (where such a list, one an edge of the graph, is given) are left out of
    /// the sums at both their ends.
    pub fn multiply(&self, x: &[f64], down: Option<&[bool]>, out: &mut [f64]) {
        for r in 0..self.rows.nodes() {
            let own = &x[self.starts[r]..self.starts[r + 1]];
            let sum = &mut out[self.starts[r]..self.starts[r + 1]];
            self.row(r, own, x, down, sum);
        }
    }

    /// One row: the differences to the neighbours' copies, in blocks of neighbours.
    fn row(&self, r: usize, own: &[f64], x: &[f64], down: Option<&[bool]>, sum: &mut [f64]) {
        sum.fill(0.0);
        let range = self.rows.offsets[r]..self.rows.offsets[r + 1];
        let mut at = range.start;
        while at < range.end {
            let block = at..range.end.min(at + BLOCK);
            at = block.end;
            for (k, (sum, own)) in sum.iter_mut().zip(own).enumerate() {
                let mut part = 0.0;
                for entry in block.clone() {
                    let carrier = self.carriers[self.rows.links[entry] as usize] as usize;
                    if down.is_none_or(|down| !down[carrier]) {
                        let other = x[self.starts[self.rows.neighbours[entry] as usize] + k];
                        part += self.rows.weights[entry] * (own - other);
                    }
                }
                *sum += part;
            }
        }
    }

    /// The sum of the weights at each stored number: the diagonal of W.
    pub fn diagonal(&self) -> Vec<f64> {
        let widths = self.starts.windows(2).map(|pair| pair[1] - pair[0]);
        self.rows.degrees.iter().zip(widths).flat_map(|(&d, width)| std::iter::repeat_n(d, width)).collect()
    }
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

/// V_p and the subgraph of G that it induces, for each variable; each must be connected.
fn subnetworks(graph: &Graph, uses: &[Vec<usize>], variables: usize) -> Result<Subnetworks> {
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
            return Err(Error::usage("problem", format!("variable {p}, which no node uses"), "used variables only"));
        }
        let pairs: Vec<(usize, usize)> = between.iter().map(|&(a, b, _)| (a as usize, b as usize)).collect();
        if let Some((a, b)) = Graph::new(of.len(), &pairs)?.split() {
            let got = format!("variable {p} at nodes {} and {}, apart from each other", of[a], of[b]);
            let allowed = "nodes of a variable that are connected by edges between such nodes; give the nodes between \
                           them the variable, too";
            return Err(Error::usage("problem", got, allowed));
        }
    }
    Ok(Subnetworks { nodes, edges })
}

/// A Laplacian weighted as asked, the weight of each of its edges, and its spectrum.
fn weigh(nodes: usize, edges: &[(u32, u32)], weighting: Weighting, seed: Seed) -> Result<(Vec<f64>, Spectrum)> {
    let mut degree = vec![0u32; nodes];
    for &(i, j) in edges {
        degree[i as usize] += 1;
        degree[j as usize] += 1;
    }
    let weight = |&(i, j): &(u32, u32)| match weighting {
        Weighting::Metropolis => 1.0 / (1.0 + f64::from(degree[i as usize].max(degree[j as usize]))),
        Weighting::Unit | Weighting::Normalized => 1.0,
    };
    let weights: Vec<f64> = edges.iter().map(weight).collect();
    let found = Spectrum::of(&Laplacian::weighted(nodes, edges, &weights), seed)?;
    if weighting != Weighting::Normalized {
        return Ok((weights, found));
    }
    let scaled = weights.iter().map(|w| w / found.largest).collect();
    Ok((scaled, Spectrum { smallest: found.smallest / found.largest, largest: 1.0 }))
}

fn partitioned(
    graph: &Graph,
    uses: &[Vec<usize>],
    sizes: &[usize],
    subnetworks: &Subnetworks,
    weighting: Weighting,
    seed: Seed,
) -> Result<Communication> {
    // Rows: node by node, by variable.
    let first: Vec<usize> = prefix(uses.iter().map(Vec::len));
    let starts = prefix(uses.iter().flatten().map(|&p| sizes[p]));
    let places = uses.iter().enumerate().map(|(i, of)| starts[first[i]..first[i] + of.len()].to_vec()).collect();
    let row = |p: usize, position: u32| {
        let node = subnetworks.nodes[p][position as usize] as usize;
        // Every node of V_p uses p.
        (first[node] + uses[node].partition_point(|&other| other < p)) as u32
    };
    let mut spectrum = Spectrum { smallest: f64::INFINITY, largest: 0.0 };
    // Subnetworks are often copies of each other.
    let mut known: BTreeMap<(usize, Vec<(u32, u32)>), _> = BTreeMap::new();
    let (mut edges, mut weights, mut carriers) = (Vec::new(), Vec::new(), Vec::new());
    let mut floats = vec![0u64; graph.edges().len()];
    for (p, between) in subnetworks.edges.iter().enumerate().filter(|(_, between)| !between.is_empty()) {
        let key = (subnetworks.nodes[p].len(), between.iter().map(|&(a, b, _)| (a, b)).collect::<Vec<_>>());
        let (each, found) = match known.entry(key) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(place) => {
                let (nodes, edges) = place.key();
                let made = weigh(*nodes, edges, weighting, seed)?;
                place.insert(made)
            }
        };
        spectrum.smallest = spectrum.smallest.min(found.smallest);
        spectrum.largest = spectrum.largest.max(found.largest);
        for (&(a, b, carrier), weight) in between.iter().zip(each.iter()) {
            edges.push((row(p, a), row(p, b)));
            weights.push(*weight);
            carriers.push(carrier);
            floats[carrier as usize] += 2 * sizes[p] as u64;
        }
    }
    Ok(Communication {
        kind: MatrixKind::Partitioned,
        rows: Laplacian::weighted(starts.len() - 1, &edges, &weights),
        starts,
        carriers,
        places,
        stored: uses.to_vec(),
        spectrum,
        traffic: traffic(graph, &floats),
    })
}

fn plain(graph: &Graph, sizes: &[usize], weighting: Weighting, seed: Seed) -> Result<Communication> {
    let (weights, spectrum) = weigh(graph.nodes(), graph.edges(), weighting, seed)?;
    let within = prefix(sizes.iter().copied());
    let width = within[sizes.len()];
    let place = |i: usize| within[..sizes.len()].iter().map(|at| i * width + at).collect();
    Ok(Communication {
        kind: MatrixKind::Laplacian,
        rows: Laplacian::weighted(graph.nodes(), graph.edges(), &weights),
        starts: (0..=graph.nodes()).map(|i| i * width).collect(),
        carriers: (0..graph.edges().len() as u32).collect(),
        places: (0..graph.nodes()).map(place).collect(),
        stored: vec![(0..sizes.len()).collect(); graph.nodes()],
        spectrum,
        traffic: traffic(graph, &vec![2 * width as u64; graph.edges().len()]),
    })
}

fn traffic(graph: &Graph, floats: &[u64]) -> Vec<EdgeTraffic> {
    let all = graph.edges().iter().zip(floats).map(|(&(from, to), &floats)| EdgeTraffic { from, to, floats });
    all.filter(|edge| edge.floats > 0).collect()
}

/// 0 and the sums of the first lengths.
fn prefix(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sums = vec![0];
    let mut total = 0;
    for length in lengths {
        total += length;
        sums.push(total);
    }
    sums
}
