//! Consensus optimization of partitioned problems (paper 004): `min sum_i f_i(x)` where f_i, at node i of a network, depends on
//! some blocks of x only, and nodes exchange numbers with their neighbours alone.
//!
//! Every node keeps copies of the variables that it needs, and the copies must agree: `min F(X)` subject to `W X = 0`, where W
//! is a [`Communication`](crate::network::Communication) matrix. One product with W is one round. The methods are the same for
//! the partitioned W and for the plain Laplacian, under which every node keeps all variables.
//!
//! | `--method` | needs of a node | rounds an iteration | reaches the optimum |
//! | --- | --- | --- | --- |
//! | `opapc` | gradient | `floor(sqrt(chi))`, Chebyshev gossip | linearly |
//! | `apapc`, `papc` | gradient | 1 | linearly |
//! | `msda` | exact minimum | `floor(sqrt(chi))`, Chebyshev gossip | linearly |
//! | `ssda`, `dual-decomposition`, `asynchronous-dual` | exact minimum | 1 | linearly |
//! | `extra:step=…`, `nids:step=…` | gradient | 1 | linearly |
//! | `gradient-tracking:step=…`, `extragradient` | gradient | 2 | linearly, for small steps |
//! | `admm:penalty=…` | exact minimum | 1 | linearly |
//! | `dgd:step=…` | gradient | 1 | up to a bias that grows with the step |
//!
//! Numbers are kept and computed with by a [`NodeDevice`](crate::device::NodeDevice): the CPU in f64, or a GPU in f32
//! ([`System::on_gpu`], with the feature `gpu`).

mod admm;
mod cpu;
mod dual;
mod exchange;
mod function;
mod generate;
mod json;
mod mixing;
mod optimum;
#[cfg(feature = "gpu")]
mod pack;
mod primal_dual;
mod problem;
mod random;
mod registry;
mod solve;
mod system;
mod vector;

pub use exchange::{Counters, Exchange, LinkFaults};
pub use function::{LocalFunction, Shape};
pub use generate::{PROBLEM_NAMES, problem_on_network};
pub use json::read_problem;
pub use problem::PartitionedProblem;
pub use random::random_problem;
pub use registry::{Algorithm, METHOD_NAMES, method_by_name};
pub use solve::{Answer, ConsensusIteration, Options, Status, solve};
pub use system::{Ridge, System};

use std::path::Path;

use crate::data::read_graph;
use crate::error::{Error, Result};
use crate::network::{GRAPH_NAMES, Graph, graph_by_name};
use crate::seed::Seed;

/// A graph by name ([`graph_by_name`]), or from a file with an edge list: `from to` a line, every edge once or every edge in
/// both directions; nodes are numbered in the order of the numbers that stand for them.
///
/// # Errors
/// Those of [`graph_by_name`] and [`read_graph`]; [`Error::Input`] naming an edge without its reverse where others have theirs.
pub fn load_network(text: &str, seed: Seed) -> Result<Graph> {
    let name = text.split(':').next().unwrap_or(text);
    if GRAPH_NAMES.split(", ").any(|known| known.split(':').next() == Some(name)) || !Path::new(text).exists() {
        return graph_by_name(text, seed);
    }
    let read = read_graph(Path::new(text))?;
    let (names, links) = (&read.names, &read.links);
    let mut pairs: Vec<(usize, usize)> = Vec::with_capacity(links.values().len());
    for (i, name) in names.iter().enumerate() {
        let range = links.offsets()[i]..links.offsets()[i + 1];
        for (&j, &times) in links.indices()[range.clone()].iter().zip(&links.values()[range]) {
            let j = j as usize;
            let edge = format!("edge {name} {}", names[j]);
            if i == j || times != 1.0 {
                return Err(Error::input(
                    text,
                    format!("{edge}, a loop or given twice"),
                    "each edge once, without loops",
                ));
            }
            pairs.push((i, j));
        }
    }
    // By their names in the file.
    if let (true, Some((i, j))) = Graph::one_way(&pairs) {
        let got = format!("edge {} {} without {1} {0}", names[i], names[j]);
        return Err(Error::input(text, got, "every edge once, or every edge in both directions"));
    }
    Graph::from_links(names.len(), &pairs)
}
