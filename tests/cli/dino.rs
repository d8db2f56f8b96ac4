//! The methods of paper 003 by their names, and its second table.

use serde_json::Value;

use crate::program::{run, shipped, solved};

#[test]
fn a_model_is_trained_without_a_hessian() {
    let data = shipped("heart_scale.svm");
    for method in ["dino", "hessian-free-giant"] {
        let out = solved(&["train", &data, "--task", "logistic", "--l2", "1e-2", "--workers", "5", "--method", method]);
        assert!(out.contains("converged") && out.contains("rows of their own"), "{out}");
    }
    // No code stands behind it.
    let ran = run(&["train", &data, "--task", "logistic", "--method", "dino", "--liars", "2"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no liar is found"), "{}", ran.err);
}

#[test]
fn liars_beside_a_code_change_nothing() {
    let data = shipped("heart_scale.svm");
    let base =
        ["train", &data, "--task", "logistic", "--l2", "1e-2", "--method", "coded-dino", "--liars", "4", "--json"];
    let objective = |more: &[&str]| {
        let record: Value = serde_json::from_str(&solved(&[&base[..], more].concat())).expect("JSON");
        record["final"]["objective"].as_f64().expect("a number")
    };
    let clean = objective(&[]);
    let lied = objective(&["--inject-liars", "4", "--attack", "gaussian:sigma=1e6"]);
    // Both gradients are at most 1e-8: |g|^2 / (2 l2) above the optimum, and rounding of 270 terms.
    assert!((clean - lied).abs() <= 1e-14 + 270.0 * f64::EPSILON, "{clean} {lied}");
}

#[test]
fn table_2_is_counted() {
    let ran = run(&["reproduce", "dino-table2", "--json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let rows: Value = serde_json::from_str(&ran.out).expect("JSON");
    let found = |at: usize| rows[at]["found"].as_str().expect("a count").to_string();
    assert_eq!([found(0), found(2), found(4), found(5), found(6)], ["6", "6", "4", "4", "2"]);
}
