//! Problems as JSON, and what is refused about them.

use steadfast::Error;
use steadfast::consensus::{PartitionedProblem, random_problem, read_problem};
use steadfast::seed::Seed;

fn read(text: &str) -> Result<PartitionedProblem, Error> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("p.json");
    std::fs::write(&path, text).expect("written");
    read_problem(&path)
}

#[test]
fn quadratics_and_rows() {
    let quadratic = r#"{"variables": [0, 1], "hessian": [[2, 0], [0, 1]], "linear": [2, 3]}"#;
    let rows = r#"{"variables": [1], "ridge": 0.5, "loss": "squared", "rows": [[1], [2]], "targets": [1, 2]}"#;
    let problem = read(&format!(r#"{{"variables": [1, 1], "nodes": [{quadratic}, {rows}]}}"#)).expect("a problem");
    // x_0 = 1; x_1 + 0.5 x_1 + (1 + 4)/2 x_1 = 3 + (1 + 4)/2.
    let found = problem.optimum().expect("an optimum");
    assert!((found[0] - 1.0).abs() < 1e-14 && (found[1] - 5.5 / 4.0).abs() < 1e-14, "{found:?}");
}

#[test]
fn refusals_name_the_node() {
    let node = |fields: &str| format!(r#"{{"variables": [2, 1], "nodes": [{{"variables": [0, 1], {fields}}}]}}"#);
    for (text, named) in [
        (node(r#""hessian": [[1]], "linear": [1]"#), "node 0: a Hessian of 1"),
        (node(r#""hessian": [[1,0,0],[0,1,0],[0,1,1]], "linear": [1,1,1]"#), "node 0: a Hessian with skew"),
        (node(r#""hessian": [[1,0,0],[0,-1,0],[0,0,1]], "linear": [1,1,1]"#), "least eigenvalue -1"),
        (node(r#""hessian": [[1,0,0],[0,1]], "linear": [1,1,1]"#), "row 1 of 2 numbers"),
        (node(r#""loss": "logistic", "rows": [[1,2,3]], "targets": [0.5]"#), "node 0: a target of 0.5"),
        (node(r#""loss": "poisson", "rows": [[1,2,3]], "targets": [1]"#), "the loss poisson"),
        (node(r#""loss": "logistic", "rows": [[1,2]], "targets": [1]"#), "2 numbers in rows"),
        (node(r#""ridge": -1, "hessian": [[1,0,0],[0,1,0],[0,0,1]], "linear": [1,1,1]"#), "a ridge of -1"),
        (node(r#""linear": [1,1,1]"#), "other keys"),
        (
            r#"{"variables": [1], "nodes": [{"variables": [1], "hessian": [[1]], "linear": [1]}]}"#.into(),
            "variables [1]",
        ),
        (r#"{"variables": [1], "nodes": 3}"#.into(), "line 1"),
    ] {
        let error = read(&text).expect_err("refused");
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(error.exit_status(), 2);
    }
    let uses = [vec![0], vec![0]];
    for (text, named) in [("random:kind=cubic", "`cubic`"), ("random:mu=0", "mu"), ("random:blocks=3", "blocks=3")] {
        let error = random_problem(text, &uses, Seed(0)).expect_err("refused").to_string();
        assert!(error.contains(named), "{error}");
    }
}
