//! Options that can't be used: one line that names the option, the value and what is allowed, before anything is read.

use crate::program::{Folder, command, finish, json, refused, refused_with, run, shipped};

/// Options are refused although the data is not there: they are looked at first.
fn option(arguments: &[&str], needles: &[&str]) {
    let mut all = vec!["train", "absent.svm"];
    all.extend_from_slice(arguments);
    refused(&all, needles);
}

#[test]
fn numbers() {
    option(&["--l2", "-1"], &["--l2", "-1", "at least 0"]);
    option(&["--l1", "-0.5"], &["--l1", "-0.5", "at least 0"]);
    option(&["--l2", "nan"], &["--l2", "NaN", "finite"]);
    option(&["--l2", "inf"], &["--l2", "inf", "finite"]);
    option(&["--l2", "much"], &["--l2", "`much`", "a number"]);
    option(&["--tolerance", "-1e-3"], &["--tolerance", "-0.001", "at least 0"]);
    option(&["--time-limit", "0"], &["--time-limit", "0", "above 0"]);
    option(&["--workers", "0"], &["--workers", "0", "at least 1"]);
    option(&["--threads", "0"], &["--threads", "0", "at least 1"]);
    option(&["--workers", "many"], &["--workers", "`many`", "a whole number"]);
    option(&["--iterations", "-3"], &["--iterations", "`-3`", "a whole number"]);
    option(&["--liars", "99999999999999999999999"], &["--liars", "a whole number"]);
}

#[test]
fn faults_beyond_the_code() {
    option(&["--liars", "8"], &["8 liars", "at most 7 liars"]);
    option(&["--liars", "4", "--stragglers", "7"], &["4 liars and 7 stragglers", "allowed: "]);
    option(&["--liars", "8", "--code", "replication"], &["8 liars", "allowed: "]);
    option(&["--liars", "1", "--code", "uncoded"], &["uncoded", "no redundancy"]);
    option(&["--liars", "1", "--workers", "2"], &["1 liar", "allowed: "]);
    option(&["--keys", "2", "--code", "replication"], &["--keys", "replication", "real-parity"]);
    option(&["--inject-liars", "16"], &["16", "at most the 15 workers"]);
    option(&["--inject-liars", "8", "--inject-dead", "8"], &["16", "at most the 15 workers"]);
}

#[test]
fn gather_policies() {
    option(&["--gather", "first:k=16"], &["first:k", "16", "1 to 15"]);
    option(&["--gather", "first:k=0"], &["first:k", "`0`", "a whole number, 1 or more"]);
    option(&["--gather", "first"], &["gather first", "no k"]);
    option(&["--gather", "deadline:s=-1"], &["deadline:s", "`-1`", "above 0"]);
    option(&["--gather", "soon"], &["gather", "`soon`", "all, first:k=K, decodable, deadline:s=S"]);
    option(&["--gather", "speculative:wait=2"], &["speculative:wait", "`2`", "at most 1"]);
    // What can be decoded from is a question to the code: 15 workers, 8 parity checks for 4 liars, 7 blocks.
    let heart = shipped("heart_scale.svm");
    refused(&["train", &heart, "--liars", "4", "--gather", "first:k=6"], &["first:k=6", "real-parity", "4 liars"]);
    refused(&["train", &heart, "--gather", "first:k=14"], &["first:k=14", "uncoded"]);
}

#[test]
fn names() {
    option(&["--method", "simplex"], &["method", "simplex", "auto, gradient-descent"]);
    option(&["--code", "dracula"], &["code", "`dracula`", "uncoded, replication", "draco:layout"]);
    option(&["--code", "mds"], &["mds", "0 stragglers", "1 to 14 stragglers"]);
    option(&["--code", "short-dot:blocks=9", "--liars", "4"], &["short-dot: blocks", "9", "1 to 7"]);
    option(&["--code", "product", "--workers", "13"], &["product", "13", "12 and 14"]);
    option(&["--code", "real-parity:basis=none", "--liars", "1"], &["none", "allowed: "]);
    option(&["--code", "replication:factor=x"], &["code replication:factor", "`x`", "a whole number"]);
    option(&["--attack", "shout"], &["attack", "`shout`", "gaussian"]);
    option(&["--attack", "gaussian:mean=1"], &["attack gaussian", "`mean=1`", "sigma=…"]);
    option(&["--delay", "long"], &["delay", "`long`", "exponential"]);
    option(&["--delay", "trace:absent.txt"], &["can't read", "absent.txt"]);
    option(&["--task", "guess"], &["--task", "guess", "squared, logistic"]);
    option(&["--constraint", "ball"], &["`ball`", "l2-ball"]);
    option(&["--constraint", "box:lo=1,hi=0"], &["box", "lo <= hi"]);
    option(&["--partition", "random"], &["--partition", "`random`", "shuffled, contiguous, sorted"]);
    option(&["--fleet", "mpi"], &["--fleet", "`mpi`", "simulated, tcp"]);
    option(&["--precision", "f128"], &["--precision", "`f128`", "auto, f64, f32, f16"]);
    option(&["--sketch", "gaussian"], &["--sketch", "gaussian", "workers can make alone"]);
    option(&["--threds", "2"], &["--threds", "--threads"]);
}

#[test]
fn combinations() {
    option(&["--delay", "exponential", "--fleet", "tcp"], &["--delay with --fleet tcp", "exponential", "none"]);
    option(
        &["--gather", "speculative", "--fleet", "tcp"],
        &["--fleet tcp", "speculative:wait=0.9", "no fresh workers"],
    );
    option(&["--device", "gpu", "--fleet", "tcp"], &["--fleet tcp", "gpu", "cpu or auto"]);
    option(&["--device", "gpu", "--precision", "f64"], &["--device gpu", "f64", "f32 or f16"]);
    option(&["--l1", "1", "--constraint", "simplex"], &["--l1 with --constraint", "one of the two"]);
    let both = run(&["train", "absent.svm", "--quiet", "--json"]);
    assert_eq!((both.status, both.err.as_str()), (2, ""));
    assert!(json(&both.out)["error"]["message"].as_str().is_some_and(|m| m.contains("--quiet: got with --json")));
    option(&["--test", "a.svm", "--test-fraction", "0.1"], &["--test", "one of the two"]);
    let heart = shipped("heart_scale.svm");
    refused(&["train", &heart, "--l1", "0.1", "--method", "lbfgs"], &["lbfgs", "l1", "fista"]);
    refused(
        &["train", &heart, "--constraint", "simplex", "--method", "gradient-descent"],
        &["gradient-descent", "fista"],
    );
}

#[test]
fn commands() {
    refused(&["trian"], &["trian", "train"]);
    refused(&["train"], &["no <DATA>"]);
    refused(&["reproduce", "nothing"], &["nothing", "byzantine-grid"]);
    refused(&["plan", "--rows", "10"], &["--cols"]);
    refused(&["plan", "--rows", "0", "--cols", "3"], &["0", "allowed: "]);
    refused(&["plan", "--rows", "9", "--cols", "3", "--classes", "0"], &["0", "allowed: "]);
    let alone = run(&["worker"]);
    assert_eq!((alone.status, alone.err.lines().count()), (2, 1));
    assert!(alone.err.contains("--fleet tcp"), "{}", alone.err);
}

#[test]
fn outputs_are_tried_before_the_data_is_read() {
    let folder = Folder::new();
    let nowhere = folder.path("absent/out.json");
    for output in ["--model", "--record", "--plot", "--checkpoint"] {
        option(&[output, &nowhere], &["can't write", "absent/out.json", "No such file"]);
        option(&[output, &folder.path("")], &["can't write"]);
    }
    // The one that could be written is not left behind, and nobody's file is touched.
    let kept = folder.file("kept.json", "old");
    option(&["--model", &folder.path("new.json"), "--record", &kept, "--plot", &nowhere], &["can't write"]);
    assert_eq!(folder.names(), ["kept.json"]);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "old");
    option(&["--model", &kept, "--record", &kept], &["--record", "kept.json", "another file than that of --model"]);
    refused(&["predict", &kept, "absent.svm", "--output", &nowhere], &["can't write", "absent/out.json"]);
}

#[test]
fn a_gpu_that_is_not_there() {
    // A loader that finds no driver.
    let blind = |command: &mut std::process::Command| {
        for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(name, "/nonexistent/driver.json");
        }
        command.env_remove("VK_ADD_DRIVER_FILES");
    };
    let mut devices = command(&["devices", "--json"]);
    blind(&mut devices);
    let devices = json(&finish(devices).out);
    if devices["devices"].as_array().is_some_and(|list| list.len() > 1) {
        eprintln!("skipped: this machine's adapters can't be hidden: {devices}");
        return;
    }
    let heart = shipped("heart_scale.svm");
    refused_with(&["train", &heart, "--device", "gpu"], &["--device", "gpu", "cpu, auto"], blind);
    let mut auto = command(&["train", &heart, "--l2", "0.1", "--quiet"]);
    blind(&mut auto);
    let auto = finish(auto);
    assert_eq!((auto.status, auto.err.as_str()), (0, ""));
}
