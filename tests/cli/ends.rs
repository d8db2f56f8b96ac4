//! How a run ends: exit status, what is said, what is written.

use crate::program::{Folder, json, record, run, shipped, solved};

#[test]
fn limits_end_with_status_4() {
    let folder = Folder::new();
    let heart = shipped("heart_scale.svm");
    let (path, model) = (folder.path("record.json"), folder.path("model.json"));
    let ran = run(&["train", &heart, "--l2", "0.01", "--iterations", "3", "--record", &path, "--model", &model]);
    assert_eq!((ran.status, ran.err.as_str()), (4, ""));
    assert!(ran.out.contains("iteration-limit"), "{}", ran.out);
    let kept = record(&path);
    assert_eq!((kept.end.status.as_str(), kept.end.iterations, kept.iterations.len()), ("iteration-limit", 3, 4));
    assert_eq!(folder.names(), ["model.json", "record.json"]);

    // Rounding would end it at some point: long before that, time does.
    let data = "synthetic:logistic,rows=4000,cols=200,condition=1e8";
    let ran = run(&[
        "train",
        data,
        "--tolerance",
        "0",
        "--method",
        "gradient-descent",
        "--iterations",
        "100000000",
        "--time-limit",
        "0.3",
        "--json",
    ]);
    assert_eq!((ran.status, ran.err.as_str()), (4, ""), "{}", ran.out);
    let end = &json(&ran.out)["final"];
    assert_eq!(end["status"], "time-limit");
    assert!(end["wall_seconds"].as_f64().unwrap() >= 0.3);
}

#[test]
fn too_many_liars_end_with_status_3() {
    let folder = Folder::new();
    let heart = shipped("heart_scale.svm");
    let (path, model) = (folder.path("record.json"), folder.path("model.json"));
    let mut arguments =
        vec!["train", &heart, "--liars", "4", "--inject-liars", "5", "--record", &path, "--model", &model];
    let ran = run(&arguments);
    assert_eq!((ran.status, ran.out.as_str()), (3, ""));
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.starts_with("steadfast: too many faults: "), "{}", ran.err);
    assert!(ran.err.contains("the code tolerates 4 liars and 0 stragglers of 15 workers"), "{}", ran.err);
    let kept = record(&path);
    assert_eq!(kept.end.status, "too-many-faults");
    assert!(kept.end.error.is_some_and(|e| ran.err.contains(&e)));
    assert!(!kept.end.certified, "nothing was certified: there was no iteration");
    assert_eq!(folder.names(), ["record.json"], "a model that can't be certified is none");

    arguments.push("--json");
    let ran = run(&arguments);
    assert_eq!((ran.status, ran.err.as_str()), (3, ""));
    let error = &json(&ran.out)["error"];
    assert_eq!(error["kind"], "too-many-faults");
    assert!(error["allowed"].as_str().unwrap().contains("4 liars"), "{error}");
}

#[test]
fn dead_workers_beyond_the_code_end_with_status_3() {
    let heart = shipped("heart_scale.svm");
    let ran = run(&["train", &heart, "--stragglers", "2", "--inject-dead", "3"]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert!(ran.err.contains("2 stragglers"), "{}", ran.err);
    // Without a code every worker is needed.
    let ran = run(&["train", &heart, "--inject-dead", "1"]);
    assert_eq!(ran.status, 3, "{ran:?}");
}

#[test]
fn quiet_and_piped_runs() {
    let heart = shipped("heart_scale.svm");
    assert_eq!(solved(&["train", &heart, "--l2", "0.1", "--quiet"]), "");
    let out = solved(&["train", &heart, "--l2", "0.1"]);
    assert!(!out.contains(['\r', '\u{1b}', '[']), "no progress bar in a pipe: {out}");
    let devices = solved(&["devices"]);
    assert!(devices.starts_with("cpu  ") && devices.contains("<- --device auto"), "{devices}");
}

/// `steadfast predict … | head -1`: the reader goes, the program ends without a word.
#[test]
fn a_reader_that_leaves() {
    use std::io::Read;
    let folder = Folder::new();
    let model = folder.path("model.json");
    // More predictions than a pipe holds.
    let data = "synthetic:regression,rows=20000,cols=2";
    solved(&["train", data, "--model", &model, "--quiet"]);
    let mut child = crate::program::command(&["predict", &model, data]).spawn().expect("the program runs");
    let mut one = [0u8; 1];
    child.stdout.take().expect("piped").read_exact(&mut one).expect("a byte");
    let done = child.wait_with_output().expect("it ends");
    let err = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{err}");
    assert!(!err.contains("panicked") && err.lines().count() <= 1, "{err}");
}
