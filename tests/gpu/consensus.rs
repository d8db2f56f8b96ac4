//! Consensus on the device: the methods walk as they do on the CPU in f64 and reach the same optimum, as far as f32 goes.

use steadfast::Error;
use steadfast::consensus::{
    Answer, LinkFaults, Options, PartitionedProblem, Ridge, Status, System, method_by_name, random_problem, solve,
};
use steadfast::device::gpu::GpuOptions;
use steadfast::network::{Graph, MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::Seed;

use crate::workload::adapter;

/// The unit round-off.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

fn graph() -> Graph {
    graph_by_name("ring-of-cliques:cliques=4,size=4", Seed(0)).expect("a graph")
}

/// mu is a hundredth of the smoothness.
fn problem(kind: &str) -> PartitionedProblem {
    random_problem(&format!("random:kind={kind},block=2,mu=0.01"), &crown_users(4, 4), Seed(0)).expect("a problem")
}

fn system<'a>(problem: &'a PartitionedProblem, kind: MatrixKind, faults: LinkFaults, gpu: bool) -> System<'a> {
    let made = System::new(problem, &graph(), kind, Weighting::Unit, Ridge::Same, faults, Seed(0)).expect("a system");
    if gpu {
        made.on_gpu(&adapter(), GpuOptions::default()).expect("an adapter, a software one is enough")
    } else {
        made
    }
}

fn run(
    problem: &PartitionedProblem,
    kind: MatrixKind,
    faults: LinkFaults,
    gpu: bool,
    method: &str,
    options: &Options<'_>,
) -> Answer {
    let optimum = problem.optimum().expect("an optimum");
    let mut system = system(problem, kind, faults, gpu);
    assert_eq!(system.device().kind, if gpu { "gpu" } else { "cpu" });
    let mut method = method_by_name(method, &mut system).expect("a method");
    solve(&mut system, method.as_mut(), &optimum, options).expect("a run")
}

/// What an iterate may be off by where all rounding of an iteration is: a sum of d products, and of six vectors, over the least
/// curvature.
fn rounding(problem: &PartitionedProblem, kind: MatrixKind) -> f64 {
    let made = system(problem, kind, LinkFaults::default(), false);
    let widest = problem.nodes().iter().map(|node| 2 * node.variables.len()).max().expect("a node");
    // Gradients and vectors of the size of the optimum, rounded to a share of d / 4 + 5 and of 11 round-offs.
    made.smoothness() / made.convexity() * (widest as f64 / 4.0 + 16.0) * UNIT
}

#[test]
fn methods_reach_the_optimum_as_on_the_cpu() {
    for (kind, method) in [
        ("quadratic", "opapc"),
        ("quadratic", "ssda"),
        ("quadratic", "msda"),
        ("separable", "ssda"),
        ("quadratic", "papc"),
        ("quadratic", "extra"),
        ("logistic", "opapc"),
        ("robust", "papc"),
    ] {
        let problem = problem(kind);
        // Twice: the run stops while its error is still as large as what rounding leaves.
        let tolerance = 2.0 * rounding(&problem, MatrixKind::Partitioned);
        let on = |gpu: bool| {
            let options = Options { tolerance, rounds: 5000, every: if gpu { 10 } else { 1 }, ..Options::default() };
            run(&problem, MatrixKind::Partitioned, LinkFaults::default(), gpu, method, &options)
        };
        let (cpu, gpu) = (on(false), on(true));
        let last = |answer: &Answer| *answer.iterations.last().expect("an iteration");
        let (a, b) = (last(&cpu), last(&gpu));
        println!("{kind} {method}: {} rounds, error {:.2e}; cpu {}", b.counters.rounds, b.error, a.counters.rounds);
        assert_eq!(gpu.status, Status::Converged, "{kind} {method}: {:.3e} of {tolerance:.3e}", b.error);
        // Looks are ten iterations apart, and rounding may put the end off to the next.
        assert!(b.iteration < a.iteration + 20 && b.iteration + 20 > a.iteration, "{kind} {method}: {a:?} {b:?}");
        let each = b.counters.rounds / b.iteration as u64;
        assert_eq!((b.counters.rounds, b.counters.floats), (each * b.iteration as u64, b.counters.rounds * 2 * 64));
    }
}

/// Every method that a device can run, with both matrices, and with links that fail: forty iterations as in f64.
#[test]
fn iterations_are_those_of_the_cpu() {
    let faults = LinkFaults { drop: 0.2, delay: 0.1 };
    for method in [
        "opapc",
        "apapc",
        "papc",
        "msda",
        "ssda",
        "dual-decomposition",
        "extra",
        "nids",
        "gradient-tracking",
        "dgd",
        "extragradient",
    ] {
        let problem = problem("quadratic");
        for (kind, faults) in [
            (MatrixKind::Partitioned, LinkFaults::default()),
            (MatrixKind::Laplacian, LinkFaults::default()),
            (MatrixKind::Partitioned, faults),
        ] {
            let on = |gpu: bool| {
                let options = Options { tolerance: 0.0, rounds: 40, every: 5, ..Options::default() };
                run(&problem, kind, faults, gpu, method, &options)
            };
            let (cpu, gpu) = (on(false), on(true));
            assert_eq!(cpu.iterations.len(), gpu.iterations.len());
            for (a, b) in cpu.iterations.iter().zip(&gpu.iterations) {
                assert_eq!((a.iteration, a.counters, a.gradients), (b.iteration, b.counters, b.gradients));
                // Each iteration adds at most the rounding of one to what is there; iterates may be larger than the optimum.
                let bound = a.iteration as f64 * rounding(&problem, kind) * (1.0 + a.error);
                let (error, apart) = ((a.error - b.error).abs(), (a.disagreement - b.disagreement).abs());
                assert!(error <= bound && apart <= bound, "{method} {}: {a:?} {b:?}", kind.name());
            }
        }
    }
}

#[test]
fn a_game_on_the_device() {
    use steadfast::consensus::problem_on_network;
    let graph = graph_by_name("grid:rows=3,cols=4", Seed(1)).expect("a graph");
    let problem = problem_on_network("game", &graph, Seed(1)).expect("a game");
    let equilibrium = problem.optimum().expect("one");
    let error = |gpu: bool| {
        let (kind, faults) = (MatrixKind::Partitioned, LinkFaults::default());
        let system =
            System::new(&problem, &graph, kind, Weighting::Unit, Ridge::Same, faults, Seed(1)).expect("a system");
        let mut system =
            if gpu { system.on_gpu(&adapter(), GpuOptions::default()).expect("an adapter") } else { system };
        let mut method = method_by_name("extragradient", &mut system).expect("a method");
        let options = Options { tolerance: 0.0, rounds: 400, every: 200, ..Options::default() };
        let answer = solve(&mut system, method.as_mut(), &equilibrium, &options).expect("a run");
        answer.iterations.last().expect("a look").error
    };
    let (cpu, gpu) = (error(false), error(true));
    println!("game: error {gpu:.6e} on the device, {cpu:.6e} on the CPU");
    // 200 contractions, each of which adds the rounding of sums of 20 products and six vectors.
    assert!((cpu - gpu).abs() <= 200.0 * (20.0 / 4.0 + 16.0) * UNIT * (1.0 + cpu), "{cpu:e} {gpu:e}");
}

#[test]
fn what_the_device_can_not_do_is_refused_by_name() {
    let refused = |kind: &str, method: &str| -> String {
        let problem = problem(kind);
        let mut system = system(&problem, MatrixKind::Partitioned, LinkFaults::default(), true);
        let error = method_by_name(method, &mut system).expect_err("refused");
        assert!(matches!(error, Error::Usage { .. }));
        error.to_string()
    };
    for method in ["admm", "asynchronous-dual"] {
        let error = refused("quadratic", method);
        assert!(error.contains(&format!("{method} on a GPU")) && error.contains("gradient-tracking"), "{error}");
    }
    for method in ["msda", "ssda", "dual-decomposition"] {
        let error = refused("logistic", method);
        assert!(error.contains("not quadratic") && error.contains("opapc"), "{error}");
    }
    let text = r#"{"variables": [1], "nodes": [
        {"variables": [0], "ridge": 1, "loss": "squared-hinge", "rows": [[1]], "targets": [1]},
        {"variables": [0], "ridge": 1, "loss": "squared", "rows": [[1]], "targets": [1]}]}"#;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("p.json");
    std::fs::write(&path, text).expect("written");
    let problem = steadfast::consensus::read_problem(&path).expect("a problem");
    let pair = Graph::new(2, &[(0, 1)]).expect("a graph");
    let (kind, faults) = (MatrixKind::Partitioned, LinkFaults::default());
    let made = System::new(&problem, &pair, kind, Weighting::Unit, Ridge::Same, faults, Seed(0)).expect("a system");
    let error = made.on_gpu(&adapter(), GpuOptions::default()).expect_err("refused").to_string();
    assert!(error.contains("squared-hinge") && error.contains("squared, logistic, huber"), "{error}");
}
