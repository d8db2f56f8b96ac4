//! Worker processes: killed and stopped in the middle of a run, which ends with the model of a run without faults.

use crate::linear::{ones, tridiagonal};
use crate::program::{Folder, command, json, json_file, record, refused, run, shipped, solved, weights};
use crate::signals::{children, gone, signal, under_way};

/// Some seconds of work for a debug build, to an exact end.
const TRAIN: [&str; 11] = [
    "train",
    "synthetic:logistic,rows=3000,cols=60,condition=1000",
    "--l2",
    "0.001",
    "--method",
    "gradient-descent",
    "--iterations",
    "100000",
    "--tolerance",
    "1e-9",
    "--json",
];

#[test]
fn tcp_gives_the_simulated_fleet_s_model() {
    let folder = Folder::new();
    let train = |name: &str, fleet: &str, time: &str| {
        let path = folder.path(name);
        let table = solved(&[
            "train",
            "synthetic:regression,rows=300,cols=8",
            "--l2",
            "0.01",
            "--liars",
            "2",
            "--inject-liars",
            "2",
            "--inject-dead",
            "1",
            "--stragglers",
            "1",
            "--workers",
            "9",
            "--fleet",
            fleet,
            "--model",
            &path,
        ]);
        assert!(table.contains(time), "{table}");
        weights(&path)
    };
    let (real, simulated) =
        (train("tcp.json", "tcp", " in rounds, "), train("simulated.json", "simulated", " simulated, "));
    let far = real.iter().zip(&simulated).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let size = simulated.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    // Both are within tolerance / l2 = 1e-6 of the optimum.
    assert!(far <= 2e-6 * size.max(1.0), "{far}");
}

#[test]
fn killed_and_stopped_workers() {
    let folder = Folder::new();
    let (calm, path, model) = (folder.path("calm.json"), folder.path("record.json"), folder.path("model.json"));
    let mut plain = TRAIN.to_vec();
    plain.extend_from_slice(&["--model", &calm]);
    let reference = json(&solved(&plain))["final"].clone();

    let mut arguments = TRAIN.to_vec();
    arguments.extend_from_slice(&["--fleet", "tcp", "--stragglers", "2", "--record", &path, "--model", &model]);
    let child = command(&arguments).spawn().expect("the program runs");
    under_way(&child, 15);
    let family = children(child.id());
    signal("-KILL", &family[3].to_string());
    signal("-STOP", &family[8].to_string());
    let done = child.wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!((done.status.code(), err.as_str()), (Some(0), ""), "{out}");
    assert!(family.iter().all(|&c| gone(c)), "no orphans");

    let end = &json(&out)["final"];
    let kept = record(&path);
    let last = kept.iterations.last().unwrap();
    assert_eq!(last.late, [3, 8], "killed and stopped in the middle of the run");
    // An unheard deadline would take 60 s; an iteration takes milliseconds.
    let times: Vec<f64> = kept.iterations.iter().map(|i| i.wall_seconds).collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(longest < 55.0, "{longest}");
    // Each round leaves out the two slowest, whoever they are: over some iterations these are not always the same two.
    assert!(kept.iterations[1..6].iter().any(|i| i.late != [3, 8]), "not from the start");
    let objective = |end: &serde_json::Value| end["objective"].as_f64().unwrap();
    assert!((objective(end) - objective(&reference)).abs() <= 1e-10 * objective(&reference));
    // F is 0.001-strongly convex and both gradients are below 1e-9: each is within 1e-6 of the optimum.
    let (calm, model) = (weights(&calm), weights(&model));
    let far = calm.iter().zip(&model).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    assert!(far <= 2e-6, "{far}");
    assert_eq!(json_file(&path)["config"]["fleet"], "tcp");

    // What real processes did, without them: the same replies give the same bits.
    let arrivals = kept.arrivals.clone().unwrap();
    assert_eq!(arrivals.rounds, kept.end.rounds);
    let (again, record_again) = (folder.path("again.json"), folder.path("record2.json"));
    let simulated =
        |more: &[&str]| json(&solved(&[&TRAIN[..], &["--stragglers", "2"], more].concat()))["final"].clone();
    let end_again = simulated(&["--replay", &path, "--model", &again, "--record", &record_again]);
    assert_eq!(weights(&again), model);
    assert_eq!((objective(&end_again), end_again["iterations"].clone()), (objective(end), end["iterations"].clone()));
    assert_eq!(record(&record_again).arrivals.unwrap(), arrivals);
    let other = folder.path("other.json");
    simulated(&["--model", &other]);
    assert_ne!(weights(&other), model, "a fleet without delays takes other replies");
}

/// The arguments of one line.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn records_that_can_not_be_replayed() {
    let folder = Folder::new();
    let (path, products) = (folder.path("record.json"), folder.path("products.json"));
    let (heart, diabetes) = (shipped("heart_scale.svm"), shipped("diabetes.svm"));
    let line = |data: &str, more: &str| format!("train {data} --l2 0.01 --stragglers 2 --inject-slow 2 {more}");
    let train = |data: &str, more: &str| run(&words(&line(data, more)));
    let refuse = |data: &str, more: &str, needles: &[&str]| refused(&words(&line(data, more)), needles);
    // It ends at the limit of its iterations, with a record.
    assert_eq!(train(&heart, &format!("--iterations 3 --record {path}")).status, 4);
    // As many iterations as anybody likes, with any number of threads.
    assert_eq!(train(&heart, &format!("--threads 1 --replay {path}")).status, 0);
    for (option, needles) in [
        ("--seed 3", ["seed of the record", "allowed: 3"]),
        ("--liars 2", ["liars of the record", "allowed: 2"]),
        ("--standardize", ["standardize of the record", "false"]),
        ("--method robust-gd --aggregator mean", ["--aggregator mean", "a code for products"]),
    ] {
        refuse(&heart, &format!("--replay {path} {option}"), &[&["--replay"][..], &needles].concat());
    }
    // Whose rounds have no sets of replies.
    refused(&words(&format!("train {heart} --method dino --replay {path}")), &["--method dino", "a code for products"]);
    refuse(&diabetes, &format!("--replay {path}"), &["data of the record", "270 x 13", "442 x 10"]);
    refuse(&heart, &format!("--replay {heart}"), &["heart_scale.svm", "a record written by --record"]);
    solved(&words(&format!("train {heart} --l2 0.01 --method dino --record {products} --quiet")));
    refuse(&heart, &format!("--replay {products}"), &["a record without arrivals"]);

    // What the linear algorithms leave is of one of them, with its parameters, and of one matrix.
    let matrix = folder.file("a.mtx", &tridiagonal(6));
    solved(&["eigen", &matrix, "--workers", "2", "--count", "2", "--record", &products]);
    refuse(&heart, &format!("--replay {products}"), &["the record is of", "eigen:count=2", "training, as here"]);
    let eigen = |more: &str, needles: &[&str]| {
        refused(&words(&format!("eigen {matrix} --workers 2 --replay {products} {more}")), needles);
    };
    eigen("--count 1", &["eigen:count=2", "eigen:count=1, as here"]);
    eigen("--count 2 --seed 3", &["seed of the record", "allowed: 3"]);
    let links = folder.file("links.txt", "1 2\n2 1\n");
    refused(&["pagerank", &links, "--workers", "2", "--replay", &products], &["pagerank:damping=0.85, as here"]);
    folder.file("a.mtx", &tridiagonal(7));
    eigen("--count 2", &["data of the record", "6 x 6", "7 x 7"]);
}

/// Products over TCP, of which each round takes whom it hears first; then the same rounds in a simulated fleet.
#[test]
fn products_of_processes_are_replayed() {
    let folder = Folder::new();
    let (matrix, right) = (folder.file("t.mtx", &tridiagonal(60)), folder.file("b.mtx", &ones(60)));
    for problem in [format!("eigen {matrix} --count 2"), format!("solve {matrix} {right}")] {
        let run = |name: &str, more: &str| {
            let (answer, kept) = (folder.path(&format!("{name}.txt")), folder.path(&format!("{name}.json")));
            let line = format!("{problem} --workers 8 --liars 1 --stragglers 2 --inject-liars 1 {more}");
            let end =
                json(&solved(&words(&format!("{line} --json --output {answer} --record {kept}"))))["final"].clone();
            (
                std::fs::read_to_string(&answer).unwrap(),
                record(&kept).arrivals.unwrap(),
                end["iterations"].clone(),
                kept,
            )
        };
        let real = run("real", "--fleet tcp");
        assert!(real.1.missing.iter().any(|missing| !missing.1.is_empty()), "somebody is always last");
        let again = run("again", &format!("--replay {}", real.3));
        assert_eq!((&again.0, &again.1, &again.2), (&real.0, &real.1, &real.2));
        // In simulated time others are last.
        assert_ne!(run("simulated", "--inject-slow 2").1, real.1);
    }
}
