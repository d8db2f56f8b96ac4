//! Real sets with reference optima, from the folder named by `STEADFAST_DATA`; without it the tests say so and pass.

use crate::losses::{smooth, with_regularizer};
use crate::oracle::DenseOracle;
use crate::run;
use std::io::Read;
use std::path::PathBuf;
use steadfast::method::SolveOptions;
use steadfast::objective::{L1, LeastSquares, Logistic, Objective, Penalized, Softmax};

struct Set {
    rows: usize,
    cols: usize,
    values: Vec<f64>,
    labels: Vec<f64>,
    reference: serde_json::Value,
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("STEADFAST_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: STEADFAST_DATA is not set");
    }
    folder
}

fn load(folder: &std::path::Path, name: &str) -> Option<Set> {
    let reference: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("reference.json")).ok()?).unwrap();
    let mut text = String::new();
    if let Ok(mut file) = std::fs::File::open(folder.join(format!("{name}.svm"))) {
        file.read_to_string(&mut text).unwrap();
    } else if let Ok(file) = std::fs::File::open(folder.join(format!("{name}.svm.xz"))) {
        liblzma::read::XzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        eprintln!("skipped: {name} is not in STEADFAST_DATA");
        return None;
    }
    let set = &reference["sets"][name];
    let cols = set["d"].as_u64().unwrap() as usize;
    let (mut values, mut labels) = (vec![], vec![]);
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        labels.push(words.next().unwrap().parse().unwrap());
        let at = values.len();
        values.resize(at + cols, 0.0);
        for word in words {
            let (index, value) = word.split_once(':').unwrap();
            values[at + index.parse::<usize>().unwrap() - 1] = value.parse().unwrap();
        }
    }
    assert_eq!(labels.len() as u64, set["n"].as_u64().unwrap());
    Some(Set { rows: labels.len(), cols, values, labels, reference: set.clone() })
}

/// Binary labels to -1 and 1 in ascending order.
fn signs(labels: &[f64]) -> Vec<f64> {
    let low = labels.iter().copied().fold(f64::INFINITY, f64::min);
    labels.iter().map(|&y| if y == low { -1.0 } else { 1.0 }).collect()
}

fn optimum(entry: &serde_json::Value) -> f64 {
    entry["f_str"].as_str().map(|s| s.parse().unwrap()).or(entry["f"].as_f64()).expect("a reference optimum")
}

struct Trial {
    first_below: Option<usize>,
    gap: f64,
    summary: String,
}

fn trial(set: &Set, labels: &[f64], objective: &Objective, method: &str, optimum: f64, target: f64) -> Trial {
    let mut oracle = DenseOracle::new(set.rows, set.cols, set.values.clone());
    let options = SolveOptions { tolerance: 0.0, ..SolveOptions::default() };
    let (outcome, records) = run(&mut oracle, objective, labels, method, &options).unwrap();
    let gap = |f: f64| (f - optimum) / optimum;
    let first_below = records.iter().position(|r| gap(r.objective) <= target);
    let summary = format!(
        "{method}: below {target:e} at iteration {first_below:?} ({} rounds); ended {} after {} iterations, {} rounds, gap {:.1e}, |g| {:.1e}, dual gap {:?}, drift {:.1e}",
        first_below.map_or(0, |i| records[i].rounds),
        outcome.status,
        outcome.last.iteration,
        outcome.last.rounds,
        gap(outcome.last.objective),
        outcome.last.gradient_norm,
        outcome.last.duality_gap,
        outcome.margin_drift,
    );
    Trial { first_below, gap: gap(outcome.last.objective), summary }
}

fn entries(set: &Set, task: &str) -> Vec<(f64, serde_json::Value)> {
    let entries = match &set.reference[task] {
        serde_json::Value::Array(entries) => entries.clone(),
        serde_json::Value::Null => vec![],
        one => vec![one.clone()],
    };
    entries.into_iter().map(|e| (e["lambda_"].as_f64().expect("lambda_"), e)).collect()
}

#[test]
fn logistic_and_softmax_reach_the_reference() {
    let Some(folder) = folder() else { return };
    let names = std::env::var("METHOD_SETS").unwrap_or("heart_scale breast_cancer digits".into());
    for name in names.split(' ') {
        let Some(set) = load(&folder, name) else { continue };
        for task in ["logistic", "softmax"] {
            for (l2, entry) in entries(&set, task) {
                let (objective, labels) = match task {
                    "logistic" => (smooth(Logistic, l2), signs(&set.labels)),
                    _ => {
                        let classes = set.labels.iter().copied().fold(0.0, f64::max) as usize + 1;
                        (smooth(Softmax::new(classes).unwrap(), l2), set.labels.clone())
                    }
                };
                let done = trial(&set, &labels, &objective, "auto", optimum(&entry), 1e-8);
                eprintln!("{name} {task} l2={l2}: {}", done.summary);
                assert!(done.first_below.is_some() && done.gap <= 1e-8, "{name} {task}: {}", done.summary);
            }
        }
    }
}

#[test]
fn ridge_reaches_the_reference() {
    let Some(folder) = folder() else { return };
    let names = std::env::var("METHOD_SETS").unwrap_or("diabetes concrete".into());
    for name in names.split(' ') {
        let Some(set) = load(&folder, name) else { continue };
        for (l2, entry) in entries(&set, "ridge") {
            let done = trial(&set, &set.labels, &smooth(LeastSquares, l2), "auto", optimum(&entry), 1e-8);
            eprintln!("{name} ridge l2={l2}: {}", done.summary);
            assert!(done.first_below.is_some() && done.gap <= 1e-8, "{name}: {}", done.summary);
        }
    }
}

#[test]
fn lasso_reaches_the_reference() {
    let Some(folder) = folder() else { return };
    let names = std::env::var("METHOD_SETS").unwrap_or("diabetes concrete".into());
    for name in names.split(' ') {
        let Some(set) = load(&folder, name) else { continue };
        for (l1, entry) in entries(&set, "lasso") {
            let labels =
                if set.labels.iter().all(|&y| y == 1.0 || y == -1.0) { signs(&set.labels) } else { set.labels.clone() };
            let h = L1::new(l1, Penalized::new(set.cols, false).unwrap()).unwrap();
            let done = trial(&set, &labels, &with_regularizer(LeastSquares, 0.0, h), "auto", optimum(&entry), 1e-6);
            eprintln!("{name} lasso l1={l1}: {}", done.summary);
            assert!(done.first_below.is_some() && done.gap <= 1e-6, "{name}: {}", done.summary);
        }
    }
}
