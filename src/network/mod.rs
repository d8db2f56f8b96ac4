//! Networks of nodes that exchange numbers with their neighbours alone (paper 004): graphs, Laplacians, and the communication
//! matrix of a problem of which every node needs only some variables.
//!
//! | item | is |
//! | --- | --- |
//! | [`Graph`], [`graph_by_name`] | an undirected graph: ring, grid, star, path, complete, ring of cliques, random ones |
//! | [`Laplacian`], [`Spectrum`] | a sparse weighted Laplacian; its largest and smallest positive eigenvalue |
//! | [`Communication`] | W of equation (3) and `L(G) (x) I`, by rows of stored copies; one product is one round |
//! | [`ring_of_cliques_spectrum`] | the eigenvalues of section 3's example in closed form |
//! | [`power_method`] | the largest eigenvalue found by the nodes themselves (remark 2.3) |

mod closed_form;
mod communication;
mod graph;
mod laplacian;
mod power;
mod spectrum;
mod topology;

pub use closed_form::{crown_spectrum, crown_users, ring_of_cliques_spectrum};
pub use communication::{Communication, EdgeTraffic, MatrixKind, Weighting};
pub use graph::Graph;
pub use laplacian::Laplacian;
pub use power::{PowerEstimate, power_method};
pub use spectrum::Spectrum;
pub use topology::{GRAPH_NAMES, graph_by_name};
