//! Graphs by name: `ring:nodes=8`, `ring-of-cliques:cliques=8,size=8`, ...

use rand::RngExt;

use super::Graph;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::seed::{Purpose, Seed};

/// What [`graph_by_name`] knows.
pub const GRAPH_NAMES: &str = "ring:nodes=N, path:nodes=N, star:nodes=N, complete:nodes=N, grid:rows=R,cols=C, \
    ring-of-cliques:cliques=C,size=N, erdos-renyi:nodes=N,probability=P, random-geometric:nodes=N,radius=R";

/// Draws of a random graph before it is given up as hardly ever connected.
const DRAWS: u64 = 100;

/// The graph that `text` names. Random graphs are drawn again, up to a hundred times, until they are connected.
///
/// A ring of cliques (paper 004, section 3) has node `p size + k` for member k of clique p; member 0, the negotiator, has an
/// edge to those of the cliques before and after. `erdos-renyi` has each edge with the probability given;
/// `random-geometric` has points in the unit square and edges up to the radius.
///
/// # Errors
/// [`Error::Usage`] for an unknown name or parameter, for sizes that no such graph has, and for random graphs that were never
/// connected.
///
/// ```
/// use steadfast::{network::graph_by_name, seed::Seed};
/// let graph = graph_by_name("ring-of-cliques:cliques=4,size=3", Seed(0))?;
/// assert_eq!((graph.nodes(), graph.edges().len()), (12, 4 * 3 + 4));
/// assert_eq!(graph.neighbours(0), [1, 2, 3, 9]);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn graph_by_name(text: &str, seed: Seed) -> Result<Graph> {
    let mut given = Params::parse("network", text)?;
    match given.name() {
        "ring" => {
            let nodes = size(&mut given, "nodes", 3)?;
            given.finish()?;
            Graph::new(nodes, &(0..nodes).map(|i| (i, (i + 1) % nodes)).collect::<Vec<_>>())
        }
        "path" => {
            let nodes = size(&mut given, "nodes", 2)?;
            given.finish()?;
            Graph::new(nodes, &(1..nodes).map(|i| (i - 1, i)).collect::<Vec<_>>())
        }
        "star" => {
            let nodes = size(&mut given, "nodes", 2)?;
            given.finish()?;
            Graph::new(nodes, &(1..nodes).map(|i| (0, i)).collect::<Vec<_>>())
        }
        "complete" => {
            let nodes = size(&mut given, "nodes", 2)?;
            given.finish()?;
            Graph::new(nodes, &clique(0, nodes).collect::<Vec<_>>())
        }
        "grid" => {
            let (rows, cols) = (size(&mut given, "rows", 1)?, size(&mut given, "cols", 2)?);
            given.finish()?;
            grid(rows, cols)
        }
        "ring-of-cliques" => {
            let (cliques, members) = (size(&mut given, "cliques", 3)?, size(&mut given, "size", 2)?);
            given.finish()?;
            let inside = (0..cliques).flat_map(|p| clique(p * members, members));
            let ring = (0..cliques).map(|p| (p * members, (p + 1) % cliques * members));
            Graph::new(cliques * members, &inside.chain(ring).collect::<Vec<_>>())
        }
        "erdos-renyi" => {
            let nodes = size(&mut given, "nodes", 2)?;
            let allowed = "a number above 0, at most 1";
            let probability = given.take_within("probability", allowed, |p: &f64| *p > 0.0 && *p <= 1.0)?;
            let probability = probability.ok_or_else(|| given.missing("probability"))?;
            given.finish()?;
            connected(text, |draw| {
                let mut rng = seed.stream(Purpose::Data, 0, draw);
                Graph::new(nodes, &clique(0, nodes).filter(|_| rng.random::<f64>() < probability).collect::<Vec<_>>())
            })
        }
        "random-geometric" => {
            let (nodes, radius) = (size(&mut given, "nodes", 2)?, given.require::<f64>("radius")?);
            if !(radius.is_finite() && radius > 0.0) {
                return Err(given.refuse("radius", radius, "a finite number above 0"));
            }
            given.finish()?;
            connected(text, |draw| {
                let mut rng = seed.stream(Purpose::Data, 0, draw);
                let points: Vec<(f64, f64)> = (0..nodes).map(|_| (rng.random(), rng.random())).collect();
                let near = |&(i, j): &(usize, usize)| {
                    let (a, b): ((f64, f64), (f64, f64)) = (points[i], points[j]);
                    (a.0 - b.0).hypot(a.1 - b.1) <= radius
                };
                Graph::new(nodes, &clique(0, nodes).filter(near).collect::<Vec<_>>())
            })
        }
        _ => Err(given.unknown(GRAPH_NAMES)),
    }
}

/// A whole number, `least` or more.
fn size(given: &mut Params, key: &'static str, least: usize) -> Result<usize> {
    let found = given.take_within(key, &format!("a whole number, {least} or more"), |&x: &usize| x >= least)?;
    found.ok_or_else(|| given.missing(key))
}

/// All pairs of `size` nodes from `first` on.
fn clique(first: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (first..first + size).flat_map(move |i| (i + 1..first + size).map(move |j| (i, j)))
}

fn grid(rows: usize, cols: usize) -> Result<Graph> {
    let across = (0..rows).flat_map(|r| (1..cols).map(move |c| (r * cols + c - 1, r * cols + c)));
    let down = (1..rows).flat_map(|r| (0..cols).map(move |c| ((r - 1) * cols + c, r * cols + c)));
    Graph::new(rows * cols, &across.chain(down).collect::<Vec<_>>())
}

fn connected(text: &str, mut draw: impl FnMut(u64) -> Result<Graph>) -> Result<Graph> {
    for number in 0..DRAWS {
        let graph = draw(number)?;
        if graph.split().is_none() {
            return Ok(graph);
        }
    }
    let got = format!("`{text}`, never connected in {DRAWS} draws");
    Err(Error::usage("network", got, "more edges: a larger probability or radius"))
}
