//! Train, write, read, predict, go on.

use serde_json::Value;

use crate::program::{Folder, json, json_file, run, shipped, solved, weights};

/// Trains with `options`, predicts the same data, and holds the score against the run's own.
fn round_trip(data: &str, options: &[&str], label: &[&str]) -> (Value, Value) {
    let folder = Folder::new();
    let model = folder.path("model.json");
    let mut train = vec!["train", data, "--model", &model, "--json"];
    train.extend_from_slice(options);
    train.extend_from_slice(label);
    let trained = json(&solved(&train));
    assert_eq!(trained["written"], serde_json::json!([model]));
    let mut predict = vec!["predict", &model, data, "--json"];
    predict.extend_from_slice(label);
    let predicted = json(&solved(&predict));
    let score =
        predicted["score"].as_object().and_then(|s| s.values().next()).and_then(Value::as_f64).expect("a score");
    let own = trained["final"]["train_score"].as_f64().expect("a score");
    // The same weights on the same rows; standardization folded into the weights rounds differently.
    assert!((score - own).abs() <= 1e-9 * own.abs(), "{score} {own}");
    assert_eq!(predicted["predictions"].as_array().expect("predictions").len(), predicted["rows"]);
    (trained, json_file(&model))
}

#[test]
fn logistic() {
    let (trained, model) = round_trip(&shipped("heart_scale.svm"), &["--l2", "0.01", "--liars", "4"], &[]);
    assert_eq!(trained["final"]["status"], "converged");
    assert_eq!(model["schema"], 1);
    assert_eq!(model["task"], serde_json::json!({"loss": "logistic", "classes": ["-1", "1"]}));
    assert_eq!(model["features"], 13);
    assert_eq!(model["weights"].as_array().unwrap().len(), 13);
    assert_eq!(model["provenance"]["status"], "converged");
    assert_eq!(model["provenance"]["certified"], true);
    assert!(model["provenance"]["command"].as_str().unwrap().starts_with("steadfast train "));
    assert!(model["provenance"]["data"].as_str().unwrap().ends_with("heart_scale.svm"));
}

#[test]
fn softmax_of_a_packed_file() {
    let (trained, model) = round_trip(&shipped("digits.svm.xz"), &["--l2", "0.01"], &[]);
    assert_eq!(model["task"]["loss"].as_str().unwrap().split(':').next(), Some("softmax"));
    assert_eq!(model["task"]["classes"].as_array().unwrap().len(), 10);
    let weights = model["weights"].as_array().unwrap().len() as u64;
    assert_eq!(weights, 10 * model["features"].as_u64().unwrap());
    // Ten classes of handwriting: guessing gets a tenth.
    assert!(trained["final"]["train_score"].as_f64().unwrap() > 0.9);
}

#[test]
fn regression_of_a_csv() {
    let label = ["--label", "progression"];
    let (_, model) = round_trip(&shipped("diabetes.csv"), &["--l2", "0.001", "--intercept", "--standardize"], &label);
    assert_eq!(model["task"]["loss"], "squared");
    assert_eq!(model["columns"].as_array().unwrap().len(), 10);
    assert!(model["standardization"].is_object());
    assert_eq!(model["intercept"].as_array().unwrap().len(), 1);
}

#[test]
fn rows_kept_for_scoring() {
    let folder = Folder::new();
    let (model, record) = (folder.path("model.json"), folder.path("record.json"));
    let options = ["--intercept", "--standardize", "--test-fraction", "0.25", "--partition", "shuffled"];
    let mut train = vec!["train", "synthetic:logistic,rows=400,cols=6", "--l2", "0.01", "--json"];
    train.extend_from_slice(&options);
    train.extend_from_slice(&["--model", &model, "--record", &record]);
    let end = json(&solved(&train))["final"].clone();
    assert_eq!(json_file(&record)["data"]["rows"], 300);
    assert_eq!(json_file(&record)["data"]["cols"], 7);
    assert_eq!(json_file(&model)["features"], 6);
    let score = end["test_score"].as_f64().expect("a score");
    assert!((0.5..=1.0).contains(&score), "{score}");
    // A hundred rows: the score is a hundredth.
    assert!((score * 100.0 - (score * 100.0).round()).abs() < 1e-9, "{score}");
}

/// A shop's sales: words become one column each, and later files with fewer of them are read alike.
#[test]
fn words_of_a_csv() {
    let folder = Folder::new();
    let colours = ["red", "green", "blue"];
    let row = |i: usize| format!("{},{},{}\n", colours[i % 3], i % 7, (i % 3) * 10 + i % 7);
    let text: String = std::iter::once("colour,size,price\n".to_owned()).chain((0..60).map(row)).collect();
    let data = folder.file("sales.csv", &text);
    let model = folder.path("model.json");
    let train = ["train", &data, "--label", "price", "--one-hot", "--task", "squared", "--model", &model, "--quiet"];
    solved(&train);
    assert_eq!(json_file(&model)["features"], 4);
    assert!(json_file(&model)["one_hot"].is_object());
    // price = 10 (0, 1, 2 by colour) + size, exactly: without labels, in another order of columns.
    let later = folder.file("later.csv", "size,colour\n3,blue\n5,red\n");
    let predicted: Vec<f64> = solved(&["predict", &model, &later]).lines().map(|l| l.parse().unwrap()).collect();
    assert_eq!(predicted.len(), 2);
    // The tolerance of the run is 1e-8 on the gradient; the condition of four such columns is below 1,000.
    assert!((predicted[0] - 23.0).abs() < 1e-4 && (predicted[1] - 5.0).abs() < 1e-4, "{predicted:?}");
    let unknown = folder.file("unknown.csv", "size,colour\n3,mauve\n");
    crate::program::refused(&["predict", &model, &unknown], &["line 2", "`colour`", "`mauve`", "`red`"]);
}

#[test]
fn probabilities_and_output_files() {
    let folder = Folder::new();
    let digits = shipped("digits.svm.xz");
    let model = folder.path("model.json");
    solved(&["train", &digits, "--l2", "0.1", "--model", &model, "--quiet"]);
    let out = folder.path("out.txt");
    let ran = run(&["predict", &model, &digits, "--probabilities", "--output", &out]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(ran.err.starts_with("accuracy 0.") && ran.err.lines().count() == 1, "{}", ran.err);
    let text = std::fs::read_to_string(&out).unwrap();
    let rows: Vec<Vec<f64>> = text.lines().map(|line| line.split(' ').map(|p| p.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 1797);
    for row in &rows {
        assert_eq!(row.len(), 10);
        // Ten numbers rounded once each, and their sum.
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-14 && row.iter().all(|p| (0.0..=1.0).contains(p)));
    }
    let classes: Vec<String> = solved_predictions(&model, &digits);
    assert!(classes.iter().all(|c| (0..10).any(|d| *c == d.to_string())));
    assert_eq!(folder.names(), ["model.json", "out.txt"]);
}

fn solved_predictions(model: &str, data: &str) -> Vec<String> {
    run(&["predict", model, data]).out.lines().map(str::to_owned).collect()
}

#[test]
fn a_model_goes_on_where_it_was() {
    let folder = Folder::new();
    let heart = shipped("heart_scale.svm");
    let (first, second) = (folder.path("first.json"), folder.path("second.json"));
    for extra in [&[][..], &["--intercept", "--standardize"]] {
        let mut train = vec!["train", &heart, "--l2", "0.01", "--json", "--model", &first];
        train.extend_from_slice(extra);
        let cold = json(&solved(&train))["final"].clone();
        let mut train = vec!["train", &heart, "--l2", "0.01", "--json", "--model", &second, "--init", &first];
        train.extend_from_slice(extra);
        let warm = json(&solved(&train))["final"].clone();
        assert!(cold["iterations"].as_u64().unwrap() > 5);
        assert_eq!(warm["iterations"], 0);
        assert_eq!(warm["status"], "converged");
        assert_eq!(weights(&first), weights(&second));
    }
}
