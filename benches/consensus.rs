//! Networks of 10,000 nodes: making the matrix with its spectrum, and iterations: `cargo bench --bench consensus`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use steadfast::consensus::{
    LinkFaults, Options, PartitionedProblem, Ridge, System, method_by_name, random_problem, solve,
};
use steadfast::network::{Communication, Graph, MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::Seed;

const CLIQUES: usize = 1000;
const SIZE: usize = 10;

fn system<'a>(problem: &'a PartitionedProblem, graph: &Graph) -> System<'a> {
    let (kind, weighting, faults) = (MatrixKind::Partitioned, Weighting::Unit, LinkFaults::default());
    System::new(problem, graph, kind, weighting, Ridge::Same, faults, Seed(0)).expect("a system")
}

fn consensus(criterion: &mut Criterion) {
    let text = format!("ring-of-cliques:cliques={CLIQUES},size={SIZE}");
    let graph = graph_by_name(&text, Seed(0)).expect("a graph");
    let uses = crown_users(CLIQUES, SIZE);
    let problem = random_problem("random:block=4", &uses, Seed(0)).expect("a problem");
    let optimum = problem.optimum().expect("an optimum");
    let mut group = criterion.benchmark_group("10000 nodes");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2));
    group.bench_function("matrix and spectrum", |b| {
        let sizes = vec![4; CLIQUES];
        let (kind, weighting) = (MatrixKind::Partitioned, Weighting::Unit);
        b.iter(|| black_box(Communication::new(&graph, &uses, &sizes, kind, weighting, Seed(0)).expect("a matrix")));
    });
    for name in ["opapc", "msda", "papc"] {
        group.bench_function(BenchmarkId::new("30 rounds", name), |b| {
            b.iter(|| {
                let mut system = system(&problem, &graph);
                let mut method = method_by_name(name, &mut system).expect("a method");
                let options = Options { rounds: 30, ..Options::default() };
                black_box(solve(&mut system, method.as_mut(), &optimum, &options).expect("a run"))
            });
        });
    }
    group.finish();
}

/// A grid whose every node has a variable of 100 numbers that its neighbours use, too.
fn grid(rows: usize, cols: usize) -> (Graph, PartitionedProblem) {
    let graph = graph_by_name(&format!("grid:rows={rows},cols={cols}"), Seed(0)).expect("a graph");
    let uses: Vec<Vec<usize>> = (0..graph.nodes()).map(|i| graph.around(i)).collect();
    let problem = random_problem("random:kind=separable,block=100", &uses, Seed(0)).expect("a problem");
    (graph, problem)
}

/// Up to 10,000 nodes and 1e6 variables: an iteration's cost over the edges.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("iteration by edges");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2));
    for (rows, cols) in [(50, 50), (50, 100), (100, 100)] {
        let (graph, problem) = grid(rows, cols);
        let mut system = system(&problem, &graph);
        group.throughput(Throughput::Elements(graph.edges().len() as u64));
        for name in ["papc", "ssda"] {
            let mut method = method_by_name(name, &mut system).expect("a method");
            group.bench_function(BenchmarkId::new(name, graph.edges().len()), |b| {
                b.iter(|| method.step(&mut system).expect("an iteration"));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, consensus, growth);
criterion_main!(benches);
