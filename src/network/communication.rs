//! The communication matrix: W of paper 004, equation (3), and `L(G) (x) I` beside it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::parts::for_parts;
use super::subnetworks::Subnetworks;
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
        let subnetworks = Subnetworks::new(graph, uses, sizes)?;
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
        for_parts(&self.starts, out, |rows, out| {
            let mut rest = out;
            for r in rows {
                let own = &x[self.starts[r]..self.starts[r + 1]];
                let (sum, others) = rest.split_at_mut(own.len());
                self.row(r, own, x, down, sum);
                rest = others;
            }
        });
    }

    /// Where the numbers of its rows begin, and the end: a row is a stored copy of a variable or, under the plain Laplacian, a
    /// node's copies of all of them.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The entries of row r beside the diagonal: where the neighbour's numbers begin, the edge of the network behind it, and the
    /// weight.
    pub fn entries(&self, r: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        let carrier = |link: usize| self.carriers[link] as usize;
        self.rows.row(r).map(move |(other, weight, link)| (self.starts[other], carrier(link), weight))
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

    /// Where the numbers stored by node i stand.
    pub fn range(&self, i: usize) -> std::ops::Range<usize> {
        let first = |i: usize| self.places[i..].iter().find_map(|of| of.first().copied()).unwrap_or(self.len());
        first(i)..first(i + 1)
    }

    /// What node i alone can do of `y -= eta W x`: for each edge of its copies, `eta w_ij (x_i - x_j)` goes from its side of y to
    /// the other. Gives the numbers that it sends its neighbours for that.
    pub fn exchange_of(&self, i: usize, eta: f64, x: &[f64], down: Option<&[bool]>, y: &mut [f64]) -> u64 {
        let range = self.range(i);
        let rows = self.starts.partition_point(|&s| s < range.start)..self.starts.partition_point(|&s| s < range.end);
        let mut sent = 0;
        for r in rows {
            let width = self.starts[r + 1] - self.starts[r];
            for entry in self.rows.offsets[r]..self.rows.offsets[r + 1] {
                let carrier = self.carriers[self.rows.links[entry] as usize] as usize;
                sent += width as u64;
                if down.is_some_and(|down| down[carrier]) {
                    continue;
                }
                let other = self.starts[self.rows.neighbours[entry] as usize];
                for k in 0..width {
                    let moved = eta * self.rows.weights[entry] * (x[self.starts[r] + k] - x[other + k]);
                    y[self.starts[r] + k] -= moved;
                    y[other + k] += moved;
                }
            }
        }
        sent
    }

    /// The sum of the weights at each stored number: the diagonal of W.
    pub fn diagonal(&self) -> Vec<f64> {
        let widths = self.starts.windows(2).map(|pair| pair[1] - pair[0]);
        self.rows.degrees.iter().zip(widths).flat_map(|(&d, width)| std::iter::repeat_n(d, width)).collect()
    }
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
