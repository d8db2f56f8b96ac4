//! `steadfast network` and `steadfast consensus`.

use crate::program::{Folder, json, refused, run};

const NETWORK: &str = "ring-of-cliques:cliques=4,size=4";

#[test]
fn a_network_with_its_condition_numbers() {
    let text = run(&["network", NETWORK]);
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    assert!(text.out.contains("16 nodes, 28 edges") && text.out.contains("chi_partitioned"), "{}", text.out);
    let value = json(&run(&["network", NETWORK, "--json"]).out);
    // The table's three decimals.
    assert!((value["chi_laplacian"].as_f64().unwrap() - 21.070).abs() < 5.001e-4);
    assert!((value["chi_partitioned"].as_f64().unwrap() - 6.0).abs() < 1e-10);
    refused(&["network", "rings:nodes=4"], &["`rings`", "ring-of-cliques"]);
}

#[test]
fn a_run_with_both_matrices() {
    let folder = Folder::new();
    let (record, plot) = (folder.path("r.json"), folder.path("p.svg"));
    let problem = "random:kind=quadratic,block=2";
    let text =
        run(&["consensus", problem, "--network", NETWORK, "--method", "msda", "--record", &record, "--plot", &plot]);
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    assert!(text.out.contains("converged") && text.out.contains("6.000000 (partitioned)"), "{}", text.out);
    let kept = json(&std::fs::read_to_string(&record).unwrap());
    let rounds = kept["final"]["rounds"].as_u64().unwrap();
    assert_eq!(kept["iterations"].as_array().unwrap().last().unwrap()["rounds"].as_u64().unwrap(), rounds);
    let sent: u64 = kept["edges"].as_array().unwrap().iter().map(|edge| edge["floats"].as_u64().unwrap()).sum();
    assert_eq!(sent, kept["final"]["floats"].as_u64().unwrap());
    assert!(std::fs::read_to_string(&plot).unwrap().starts_with("<svg"));
    let of = |matrix: &str| {
        json(&run(&["consensus", problem, "--network", NETWORK, "--method", "msda", "--matrix", matrix, "--json"]).out)
    };
    for matrix in ["laplacian", "laplacian:ridge=matched,weights=normalized"] {
        let value = of(matrix);
        assert_eq!(value["final"]["status"], "converged");
        assert!(value["final"]["rounds"].as_u64().unwrap() > rounds);
    }
}

#[test]
fn a_power_system_on_its_network() {
    let value = json(&run(&["consensus", "state-estimation", "--network", "ieee14", "--method", "msda", "--json"]).out);
    assert_eq!(value["final"]["status"], "converged");
    refused(&["consensus", "state-estimation", "--network", NETWORK], &["state-estimation", "ieee14"]);
    refused(&["consensus", "knapsack", "--network", NETWORK], &["`knapsack`", "localization", "JSON"]);
}

#[test]
fn limits_and_refusals() {
    let base = ["consensus", "random:block=1", "--network", NETWORK];
    let with = |more: &[&'static str]| [&base[..], more].concat();
    assert_eq!(run(&with(&["--rounds", "10"])).status, 4);
    refused(&with(&["--method", "newton"]), &["`newton`", "opapc"]);
    refused(&with(&["--matrix", "identity"]), &["`identity`", "laplacian"]);
    refused(&with(&["--matrix", "laplacian:ridge=plain"]), &["opapc", "papc"]);
    refused(&with(&["--drop", "1"]), &["drop", "below 1"]);
    let twice = ["--record", "answer.svg", "--plot", "answer.svg"];
    refused(&with(&twice), &["--plot", "another file than that of --record"]);
    refused(&with(&["--every", "0"]), &["--every", "1 or more"]);
    refused(&with(&["--tolerance", "-1"]), &["--tolerance", "-1"]);
    refused(&["consensus", "random:kinds=1", "--network", NETWORK], &["kinds=1"]);
}

#[test]
fn looks_are_as_far_apart_as_asked() {
    let folder = Folder::new();
    let record = folder.path("r.json");
    let base =
        ["consensus", "random:block=1", "--network", NETWORK, "--every", "4", "--rounds", "20", "--record", &record];
    assert_eq!(run(&base).status, 4);
    let kept = json(&std::fs::read_to_string(&record).unwrap());
    // Two rounds an iteration, and a last look at the limit.
    let looks = kept["iterations"].as_array().unwrap().iter();
    let seen: Vec<_> = looks.map(|it| (it["iteration"].as_u64().unwrap(), it["rounds"].as_u64().unwrap())).collect();
    assert_eq!(seen, [(4, 8), (8, 16), (10, 20)]);
    assert_eq!(kept["device"]["kind"], "cpu");
}
