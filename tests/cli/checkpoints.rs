//! What a run leaves that is killed, or whose fleet dies: the model of its last iterations, from which another goes on.

use std::path::Path;

use steadfast::run::Model;

use crate::program::{Folder, command, json, record, refused, run, shipped};
use crate::signals::{LONG, children, signal, under_way, wait_until};

#[test]
fn a_killed_run_goes_on_from_its_checkpoint() {
    let folder = Folder::new();
    let path = folder.path("so_far.json");
    let mut arguments = LONG.to_vec();
    arguments.extend_from_slice(&["--liars", "2", "--inject-liars", "2", "--checkpoint", &path]);
    let mut child = command(&arguments).spawn().expect("the program runs");
    wait_until("no checkpoint", || Path::new(&path).exists());
    signal("-KILL", &child.id().to_string());
    child.wait().expect("it ends");
    let kept = Model::read(Path::new(&path)).expect("a whole model, whenever the signal came");
    let at: usize = kept.provenance.status.strip_prefix("checkpoint, iteration ").unwrap().parse().unwrap();
    assert!(at >= 10 && at.is_multiple_of(10) && kept.provenance.certified, "{:?}", kept.provenance);

    // It predicts, and is a start; the checkpoint of the next run takes its place.
    let predicted = run(&["predict", &path, LONG[1]]);
    assert_eq!((predicted.status, predicted.out.lines().count()), (0, 2000), "{}", predicted.err);
    let mut arguments = vec!["train", LONG[1], "--method", "gradient-descent", "--init", &path, "--json"];
    let start = run(&[&arguments[..], &["--iterations", "0"]].concat());
    let start = json(&start.out)["final"]["objective"].as_f64().unwrap();
    // Margins are carried along for 30 steps at most, each within the certificate of its product, of some 1e-12.
    assert!((start - kept.provenance.objective).abs() <= 1e-10 * start, "{start} {:?}", kept.provenance);
    arguments.extend_from_slice(&["--iterations", "3", "--checkpoint", &path, "--checkpoint-every", "2"]);
    let more = run(&arguments);
    assert_eq!((more.status, more.err.as_str()), (4, ""));
    let end = Model::read(Path::new(&path)).expect("the model");
    assert_eq!(end.provenance.status, "iteration-limit");
    assert!(end.provenance.objective < start);
    assert!(json(&more.out)["written"].as_array().unwrap().contains(&path.as_str().into()), "{}", more.out);
}

#[test]
fn a_fleet_that_dies_leaves_the_last_certified_model() {
    let folder = Folder::new();
    let (path, kept) = (folder.path("so_far.json"), folder.path("record.json"));
    let mut arguments = LONG.to_vec();
    let more = ["--fleet", "tcp", "--workers", "5", "--stragglers", "1", "--checkpoint-every", "1000000"];
    arguments.extend_from_slice(&more);
    arguments.extend_from_slice(&["--checkpoint", &path, "--record", &kept]);
    let child = command(&arguments).spawn().expect("the program runs");
    under_way(&child, 5);
    for worker in &children(child.id())[..2] {
        signal("-KILL", &worker.to_string());
    }
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    let (record, model) = (record(&kept), Model::read(Path::new(&path)).expect("a model"));
    assert_eq!(record.end.status, "too-many-faults");
    let last = record.iterations.last().unwrap();
    assert!(last.iteration > 0);
    assert_eq!(model.provenance.status, format!("checkpoint, iteration {}", last.iteration));
    assert_eq!((model.provenance.objective, model.provenance.certified), (last.objective, record.end.certified));
}

#[test]
fn what_is_asked_for_is_checked_first() {
    let folder = Folder::new();
    let (heart, path) = (shipped("heart_scale.svm"), folder.path("so_far.json"));
    refused(
        &["train", &heart, "--checkpoint", &path, "--checkpoint-every", "0"],
        &["--checkpoint-every", "got 0", "at least 1"],
    );
    refused(&["train", &heart, "--checkpoint", &path, "--model", &path], &["--model", "--checkpoint"]);
    refused(&["train", &heart, "--checkpoint-every", "5"], &["--checkpoint"]);
    assert!(folder.names().is_empty());
}
