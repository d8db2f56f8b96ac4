//! Networks and problems that are refused, and what the errors name.

use steadfast::consensus::load_network;
use steadfast::network::{Communication, Graph, MatrixKind, Weighting, graph_by_name};
use steadfast::seed::Seed;

fn refusal(graph: &Graph, uses: &[Vec<usize>], variables: usize) -> String {
    let sizes = vec![1; variables];
    let made = Communication::new(graph, uses, &sizes, MatrixKind::Partitioned, Weighting::Unit, Seed(0));
    let error = made.expect_err("a refusal");
    assert_eq!(error.exit_status(), 2);
    error.to_string()
}

#[test]
fn variables_that_can_not_agree_are_named() {
    let path = Graph::new(3, &[(0, 1), (1, 2)]).expect("a graph");
    let apart = refusal(&path, &[vec![0, 1], vec![0], vec![0, 1]], 2);
    assert!(apart.contains("variable 1 at nodes 0 and 2"), "{apart}");
    assert!(apart.contains("nodes [1] would connect"), "{apart}");
    // Two ways around a ring of seven, over nodes 1 and 2 or over 5 alone: node 4 and 6 have the variable.
    let ring = graph_by_name("ring:nodes=7", Seed(0)).expect("a graph");
    let uses: Vec<Vec<usize>> = [true, false, false, true, true, false, true]
        .into_iter()
        .map(|has| if has { vec![0, 1] } else { vec![0] })
        .collect();
    let relay = refusal(&ring, &uses, 2);
    assert!(relay.contains("variable 1 at nodes 0 and 3") && relay.contains("nodes [5] would connect"), "{relay}");
    let unused = refusal(&path, &[vec![0], vec![0], vec![0, 2]], 3);
    assert!(unused.contains("variable 1, which no node uses"), "{unused}");
    let alone = refusal(&path, &[vec![0], vec![1], vec![2]], 3);
    assert!(alone.contains("no variable that two nodes share"), "{alone}");
    let split = refusal(&Graph::new(3, &[(0, 1)]).expect("a graph"), &[vec![0], vec![0], vec![0]], 1);
    assert!(split.contains("no way from node 0 to node 2"), "{split}");
}

#[test]
fn edge_lists_are_whole_or_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let load = |text: &str| {
        let path = dir.path().join("net.txt");
        std::fs::write(&path, text).expect("written");
        load_network(path.to_str().expect("a path"), Seed(0))
    };
    let graph = load("# a path\n10 20\n20 30\n").expect("a graph");
    assert_eq!(graph, load("10 20\n20 10\n20 30\n30 20\n").expect("both directions"));
    assert_eq!(graph.neighbours(1), [0, 2]);
    for (text, named) in [
        ("10 20\n20 10\n30 20\n", "edge 30 20 without 20 30"),
        ("10 20\n20 20\n", "edge 20 20"),
        ("10 20\n10 20\n", "edge 10 20"),
    ] {
        let error = load(text).expect_err("refused").to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn graphs_by_name_are_what_they_say() {
    let of = |text: &str| graph_by_name(text, Seed(5)).expect("a graph");
    let size = |text: &str| (of(text).nodes(), of(text).edges().len());
    assert_eq!(size("ring:nodes=7"), (7, 7));
    assert_eq!(size("path:nodes=7"), (7, 6));
    assert_eq!(size("star:nodes=7"), (7, 6));
    assert_eq!(size("complete:nodes=7"), (7, 21));
    assert_eq!(size("grid:rows=3,cols=4"), (12, 17));
    assert_eq!(size("ring-of-cliques:cliques=5,size=3"), (15, 20));
    for random in ["erdos-renyi:nodes=30,probability=0.3", "random-geometric:nodes=40,radius=0.4"] {
        assert_eq!(of(random), of(random));
        assert_ne!(of(random), graph_by_name(random, Seed(6)).expect("a graph"));
        assert!(of(random).split().is_none());
    }
    for (bad, named) in [
        ("rings:nodes=7", "`rings`"),
        ("ring:nodes=2", "3 or more"),
        ("ring", "no nodes"),
        ("erdos-renyi:nodes=9,probability=0", "probability"),
        ("erdos-renyi:nodes=50,probability=0.001", "never connected"),
        ("star:nodes=5,size=2", "`size=2`"),
    ] {
        let error = graph_by_name(bad, Seed(0)).expect_err("refused").to_string();
        assert!(error.contains(named), "{error}");
    }
}
