//! Eight cliques of eight nodes in a ring, each clique with a variable of its own that the two next negotiators share: the same
//! problem with the partitioned communication matrix and with the plain Laplacian (paper 004, section 3).
//!
//! Run it: `cargo run --release --example partitioned_consensus`

use steadfast::consensus::{LinkFaults, Options, Ridge, System, method_by_name, random_problem, solve};
use steadfast::network::{MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::Seed;

fn main() -> steadfast::Result<()> {
    let seed = Seed(0);
    let graph = graph_by_name("ring-of-cliques:cliques=8,size=8", seed)?;
    let problem = random_problem("random:kind=logistic,block=4,mu=0.01", &crown_users(8, 8), seed)?;
    // What a master with all the data would find; the nodes never see it.
    let optimum = problem.optimum()?;
    for method in ["opapc", "msda"] {
        for matrix in [MatrixKind::Partitioned, MatrixKind::Laplacian] {
            let faults = LinkFaults::default();
            let mut system = System::new(&problem, &graph, matrix, Weighting::Unit, Ridge::Same, faults, seed)?;
            let (_, chi) = system.spectrum();
            let mut walker = method_by_name(method, &mut system)?;
            let answer = solve(&mut system, walker.as_mut(), &optimum, &Options::default())?;
            let sent = system.exchange().counters();
            println!(
                "{method:5} {:11}  chi {chi:7.2}  {} after {:5} rounds and {:9} numbers",
                matrix.name(),
                answer.status.name(),
                sent.rounds,
                sent.floats
            );
        }
    }
    Ok(())
}
