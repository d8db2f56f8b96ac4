//! One seed, one result: byte for byte, whatever the number of threads.

use serde_json::Value;

use crate::program::{Folder, json_file, shipped, solved};

/// Without what is measured (wall times) or says how it was called.
fn comparable(mut record: Value) -> Value {
    let object = record.as_object_mut().expect("an object");
    for key in ["command", "fleet"] {
        object.remove(key);
    }
    object["config"].as_object_mut().expect("options").remove("threads");
    object["final"].as_object_mut().expect("an end").remove("wall_seconds");
    for iteration in object["iterations"].as_array_mut().expect("iterations") {
        iteration.as_object_mut().expect("a record").remove("wall_seconds");
    }
    record
}

/// The model's text without the command line in it.
fn model(path: &str) -> String {
    let text = std::fs::read_to_string(path).expect("readable");
    text.lines().filter(|l| !l.trim_start().starts_with("\"command\"")).collect()
}

#[test]
fn threads_change_nothing() {
    let (heart, digits) = (shipped("heart_scale.svm"), shipped("digits.svm.xz"));
    let wide = "synthetic:sparse-regression,rows=3000,cols=500,density=0.02";
    let runs: [&[&str]; 4] = [
        &[&heart, "--l2", "0.01", "--liars", "4", "--inject-liars", "4", "--stragglers", "1", "--delay", "exponential"],
        &[&digits, "--l2", "0.01", "--liars", "2", "--inject-liars", "2", "--attack", "collude"],
        &[wide, "--l1", "0.01", "--partition", "shuffled"],
        &[
            "synthetic:regression,rows=5000,cols=40",
            "--precision",
            "f32",
            "--device",
            "cpu",
            "--liars",
            "1",
            "--keys",
            "2",
        ],
    ];
    for options in runs {
        let folder = Folder::new();
        let files: Vec<(String, String)> = ["1", "2", "5", "2"]
            .iter()
            .enumerate()
            .map(|(at, threads)| {
                let (model, record) = (folder.path(&format!("m{at}.json")), folder.path(&format!("r{at}.json")));
                let mut arguments = vec!["train"];
                arguments.extend_from_slice(options);
                arguments.extend_from_slice(&["--threads", threads, "--model", &model, "--record", &record, "--quiet"]);
                solved(&arguments);
                (model, record)
            })
            .collect();
        for (other, record) in &files[1..] {
            assert_eq!(model(&files[0].0), model(other), "{options:?}");
            assert_eq!(comparable(json_file(&files[0].1)), comparable(json_file(record)), "{options:?}");
        }
    }
}
