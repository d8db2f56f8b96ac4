//! `steadfast lp`: an optimum, the two proofs that there is none, and files that can't be read.

use crate::program::{Folder, json, record, refused, run};

const AFIRO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/afiro.mps");
const UNBOUNDED: &str = "NAME u\nROWS\n N c\n G r\nCOLUMNS\n x c -1 r 1\nRHS\n B r 1\nENDATA\n";
const INFEASIBLE: &str = "NAME i\nROWS\n N c\n G r\n L s\nCOLUMNS\n x c 1 r 1\n x s 1\nRHS\n B r 2 s 1\nENDATA\n";

#[test]
fn an_optimum_with_its_gap() {
    let text = run(&["lp", AFIRO]);
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    assert!(text.out.contains("converged") && text.out.contains("-4.6475314") && text.out.contains("barrier gap"));
    let machine = run(&["lp", AFIRO, "--json"]);
    let value = json(&machine.out);
    assert_eq!(value["status"], "converged");
    let (objective, gap) = (value["objective"].as_f64().unwrap(), value["gap"].as_f64().unwrap());
    // Above the known optimum, by the gap at most (and 1e-12 of it for rounding).
    let above = objective + 464.75314285714285;
    assert!(gap <= 1e-9 * 464.76 && above <= gap + 5e-10 && above >= -5e-10, "{above:e}, gap {gap:e}");
    assert_eq!(value["point"].as_object().unwrap().len(), 32);
}

#[test]
fn over_a_fleet_with_liars() {
    let fleet = ["--code", "replication", "--liars", "2", "--inject-liars", "2", "--threads", "1"];
    let text = run(&[&["lp", AFIRO], &fleet[..]].concat());
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    for part in ["converged", "-4.6475314", "0 missed, 0 innocents accused", "certified: with up to 2 liars"] {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
    let value = json(&run(&[&["lp", AFIRO, "--json", "--hessian", "oversketch"], &fleet[..]].concat()).out);
    assert!(value["fleet"]["hessian"].as_str().unwrap().contains("fewer rows than the sketch"), "{value}");
    assert_eq!(value["fleet"]["certified"], true);
    let folder = Folder::new();
    let path = folder.path("afiro.json");
    assert!(run(&["lp", AFIRO, "--record", &path]).out.contains("afiro.json"));
    let written = record(&path);
    assert_eq!((written.end.status.as_str(), written.end.iterations), ("converged", written.iterations.len()));
    refused(&["lp", AFIRO, "--record", "no-such-folder/r.json"], &["no-such-folder"]);
    refused(&["lp", AFIRO, "--hessian", "srht"], &["srht", "oversketch"]);
    refused(&["lp", AFIRO, "--hessian", "oversketch:factor=30"], &["30 + 3 blocks", "15 workers"]);
    refused(&["lp", AFIRO, "--workers", "0"], &["--workers", "0"]);
}

#[test]
fn no_optimum_is_an_answer() {
    let folder = Folder::new();
    for (text, status) in [(UNBOUNDED, "unbounded"), (INFEASIBLE, "infeasible")] {
        let file = folder.file("p.mps", text);
        let plain = run(&["lp", &file]);
        assert!(plain.status == 0 && plain.out.contains(status), "{}", plain.out);
        assert_eq!(json(&run(&["lp", &file, "--json"]).out)["status"], status);
    }
}

#[test]
fn a_limit_of_iterations_is_status_4() {
    let ended = run(&["lp", AFIRO, "--iterations", "30"]);
    assert!(ended.status == 4 && ended.out.contains("iteration-limit"), "{ended:?}");
}

#[test]
fn bad_files_and_options_are_refused() {
    let folder = Folder::new();
    let broken = folder.file("b.mps", &UNBOUNDED.replace("x c -1", "x c one"));
    refused(&["lp", &broken], &["b.mps, line 6", "`one`", "a finite number"]);
    refused(&["lp", "no-such.mps"], &["no-such.mps"]);
    refused(&["lp", AFIRO, "--tolerance", "2"], &["tolerance", "2"]);
}
