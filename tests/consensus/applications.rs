//! The problems that live on a network, and nodes that wake up when they like.

use steadfast::consensus::{
    Answer, LinkFaults, LocalFunction, Options, PartitionedProblem, Ridge, Shape, Status, System, method_by_name,
    problem_on_network, random_problem, solve,
};
use steadfast::network::{Graph, MatrixKind, Weighting, crown_users, graph_by_name};
use steadfast::seed::Seed;

fn graph(text: &str) -> Graph {
    graph_by_name(text, Seed(1)).expect("a graph")
}

fn run(problem: &PartitionedProblem, graph: &Graph, method: &str, faults: LinkFaults, tolerance: f64) -> Answer {
    let (kind, weighting) = (MatrixKind::Partitioned, Weighting::Unit);
    let optimum = problem.optimum().expect("an optimum");
    let mut system = System::new(problem, graph, kind, weighting, Ridge::Same, faults, Seed(1)).expect("a system");
    let mut method = method_by_name(method, &mut system).expect("a method");
    let options = Options { tolerance, rounds: 400_000, ..Options::default() };
    solve(&mut system, method.as_mut(), &optimum, &options).expect("a run")
}

#[test]
fn the_nodes_of_a_network_solve_what_it_asks() {
    for (network, text) in [
        ("ieee14", "state-estimation"),
        ("ieee14", "state-estimation:bad=3,loss=huber"),
        ("random-geometric:nodes=30,radius=0.35", "localization"),
        ("grid:rows=4,cols=5", "localization:dimension=3,noise=0.1,loss=huber,bad=4"),
        ("erdos-renyi:nodes=20,probability=0.3", "matrix-completion:rank=3"),
        ("grid:rows=6,cols=6", "utility"),
    ] {
        let graph = graph(network);
        let problem = problem_on_network(text, &graph, Seed(1)).expect("a problem");
        for method in ["opapc", "msda"] {
            let answer = run(&problem, &graph, method, LinkFaults::default(), 1e-8);
            let rounds = answer.iterations.last().map_or(0, |last| last.counters.rounds);
            println!("{network} {text} {method}: {rounds} rounds");
            assert_eq!(answer.status, Status::Converged, "{network} {text} {method}");
        }
    }
}

#[test]
fn hubers_loss_withstands_bad_meters() {
    let graph = graph("ieee14");
    let estimate = |text: &str| problem_on_network(text, &graph, Seed(1)).expect("a problem").optimum().expect("one");
    let clean = estimate("state-estimation");
    let off = |text: &str| {
        let found = estimate(text);
        found.iter().zip(&clean).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
    };
    let (squared, huber) = (off("state-estimation:bad=3"), off("state-estimation:bad=3,loss=huber"));
    // An error enters the squared loss's estimate in proportion, Huber's at 1.5 of its 30 deviations.
    assert!(huber < squared / 3.0, "{huber:e} against {squared:e}");
}

#[test]
fn nodes_that_wake_up_at_random_reach_the_optimum_over_links_that_fail() {
    let (c, n) = (4, 4);
    let graph = graph(&format!("ring-of-cliques:cliques={c},size={n}"));
    let problem = random_problem("random:kind=quadratic,block=2,mu=0.05", &crown_users(c, n), Seed(1)).expect("one");
    let rounds = |method: &str, faults| {
        let answer = run(&problem, &graph, method, faults, 1e-6);
        assert_eq!(answer.status, Status::Converged, "{method}");
        answer.iterations.last().expect("an iteration").counters
    };
    let together = rounds("dual-decomposition", LinkFaults::default());
    let alone = rounds("asynchronous-dual", LinkFaults::default());
    let failing = rounds("asynchronous-dual", LinkFaults { drop: 0.2, delay: 0.0 });
    println!("together {together:?}, alone {alone:?}, failing {failing:?}");
    // A random node sends what a node sends on average: floats per round agree to 6 standard deviations of a node's share, which
    // is at most the mean times the number of nodes in one of 16 R draws.
    let per = |c: steadfast::consensus::Counters| c.floats as f64 / c.rounds as f64;
    let bound = 6.0 * 4.0 / (16.0 * alone.rounds as f64).sqrt();
    assert!((per(alone) / per(together) - 1.0).abs() < bound, "{} and {}", per(alone), per(together));
    assert!(failing.dropped > 0 && failing.rounds > alone.rounds);
}

#[test]
fn a_game_over_a_network_is_solved_by_extragradient_alone() {
    let graph = graph("grid:rows=3,cols=4");
    let problem = problem_on_network("game", &graph, Seed(1)).expect("a game");
    let equilibrium = problem.optimum().expect("one");
    // Each node's operator was made to be zero there, which rounding keeps for numbers of order 1 with 20 terms.
    for (i, node) in problem.nodes().iter().enumerate() {
        let Shape::Game { matrix, offset } = &node.shape else { panic!("a game") };
        let z: Vec<f64> = node.variables.iter().flat_map(|&p| equilibrium[4 * p..4 * p + 4].iter().copied()).collect();
        for (row, h) in matrix.chunks_exact(z.len()).zip(offset) {
            let image: f64 = row.iter().zip(&z).map(|(m, z)| m * z).sum();
            assert!((image - h).abs() < 1e-12, "node {i}: {image} for {h}");
        }
    }
    for kind in [MatrixKind::Partitioned, MatrixKind::Laplacian] {
        let faults = LinkFaults::default();
        let mut system =
            System::new(&problem, &graph, kind, Weighting::Unit, Ridge::Same, faults, Seed(1)).expect("a system");
        let refused = method_by_name("opapc", &mut system).unwrap_err().to_string();
        assert!(refused.contains("game") && refused.contains("extragradient"), "{refused}");
        let mut method = method_by_name("extragradient", &mut system).expect("a method");
        let options = Options { rounds: 400_000, ..Options::default() };
        let answer = solve(&mut system, method.as_mut(), &equilibrium, &options).expect("a run");
        println!("{}: {} rounds", kind.name(), system.exchange().counters().rounds);
        assert_eq!(answer.status, Status::Converged, "{}", kind.name());
    }
}

#[test]
fn large_problems_have_an_optimum_too() {
    // 70 x 70 nodes with a number each: more than a stacked Hessian is formed for.
    let graph = graph("grid:rows=70,cols=70");
    let uses: Vec<Vec<usize>> = (0..graph.nodes()).map(|i| graph.around(i)).collect();
    for kind in ["quadratic", "robust"] {
        let problem = random_problem(&format!("random:kind={kind},block=1,mu=0.1"), &uses, Seed(1)).expect("one");
        let optimum = problem.optimum().expect("an optimum");
        // Gradients of order 1 of up to 5 nodes: nothing is left but rounding.
        let worst = problem.stacked_gradient(&optimum).iter().fold(0.0, |top: f64, g| top.max(g.abs()));
        assert!(worst < 1e-12, "{kind}: {worst:e}");
    }
    let nodes: Vec<LocalFunction> = uses
        .iter()
        .enumerate()
        .map(|(i, of)| {
            let (weights, targets) = (vec![1.0 + (i % 3) as f64; of.len()], vec![i as f64; of.len()]);
            LocalFunction { variables: of.clone(), shape: Shape::Separable { weights, targets }, ridge: 0.0 }
        })
        .collect();
    let problem = PartitionedProblem::new(vec![1; graph.nodes()], nodes).expect("one");
    let optimum = problem.optimum().expect("an optimum");
    for (p, x) in optimum.iter().enumerate() {
        let weight = |i: usize| 1.0 + (i % 3) as f64;
        let total: f64 = uses[p].iter().map(|&i| weight(i)).sum();
        let mean: f64 = uses[p].iter().map(|&i| weight(i) * i as f64).sum::<f64>() / total;
        assert!((x - mean).abs() <= 1e-12 * (1.0 + mean), "variable {p}: {x} for {mean}");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let refused =
        |text: &str, network: &str| problem_on_network(text, &graph(network), Seed(0)).unwrap_err().to_string();
    assert!(refused("state-estimation", "ring:nodes=14").contains("ieee14"));
    assert!(refused("localization:loss=cauchy", "ring:nodes=5").contains("squared, huber"));
    assert!(refused("knapsack", "ring:nodes=5").contains("localization"));
    let separable = |weights: Vec<f64>| {
        let shape = Shape::Separable { weights, targets: vec![0.0] };
        let node = LocalFunction { variables: vec![0], shape, ridge: 0.0 };
        PartitionedProblem::new(vec![1], vec![node]).unwrap_err().to_string()
    };
    assert!(separable(vec![-1.0]).contains("-1") && separable(vec![1.0, 1.0]).contains("2 weights"));
}
