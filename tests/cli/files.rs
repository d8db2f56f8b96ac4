//! Record, plot and table of a run, as DESIGN says.

use crate::program::{Folder, json, json_file, record, run, shipped, solved};

fn faulty(path: &Folder, extra: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "train",
        &shipped("heart_scale.svm"),
        "--l2",
        "0.01",
        "--liars",
        "3",
        "--stragglers",
        "2",
        "--inject-liars",
        "3",
        "--inject-dead",
        "1",
        "--inject-slow",
        "1",
        "--record",
        &path.path("record.json"),
        "--plot",
        &path.path("plot.svg"),
        "--model",
        &path.path("model.json"),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    arguments.extend(extra.iter().map(ToString::to_string));
    arguments
}

fn solve(arguments: &[String]) -> String {
    solved(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn record_and_json() {
    let folder = Folder::new();
    let arguments = faulty(&folder, &["--json"]);
    let printed = json(&solve(&arguments));
    let file = json_file(&folder.path("record.json"));
    assert_eq!(file["schema"], 1);
    assert_eq!(file["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(file["command"], format!("steadfast {}", arguments.join(" ")));
    assert_eq!(file["config"]["liars"], 3);
    assert_eq!(file["config"]["inject-dead"], 1);
    assert_eq!(file["data"], serde_json::json!({"rows": 270, "cols": 13, "nnz": 3510}));
    assert_eq!(file["code"]["workers"], 15);
    assert!(file["code"]["name"].as_str().unwrap().starts_with("real-parity"));
    assert_eq!(printed["final"], file["final"]);
    let written: Vec<&str> = printed["written"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    assert_eq!(written, [folder.path("record.json"), folder.path("model.json"), folder.path("plot.svg")]);
    assert_eq!(folder.names(), ["model.json", "plot.svg", "record.json"]);

    let kept = record(&folder.path("record.json"));
    let (its, end) = (&kept.iterations, &kept.end);
    for (number, i) in its.iter().enumerate() {
        assert_eq!(i.iteration, number);
        assert!(i.certified && i.bound.is_finite() && i.objective.is_finite());
        let injected = i.injected.as_ref().expect("known");
        assert_eq!(i.liars, injected.liars, "who lied is named, and nobody else");
        assert!(injected.dead.iter().all(|w| i.late.contains(w)), "the dead are silent");
    }
    for pair in its.windows(2) {
        assert!(pair[1].rounds > pair[0].rounds && pair[1].floats_up > pair[0].floats_up);
        assert!(pair[1].virtual_seconds > pair[0].virtual_seconds && pair[1].wall_seconds >= pair[0].wall_seconds);
        assert!(pair[1].objective <= pair[0].objective);
    }
    let last = its.last().unwrap();
    assert_eq!((end.iterations, end.rounds), (last.iteration, last.rounds));
    assert_eq!(end.status, "converged");
    assert!(end.gradient_norm <= 1e-8 && end.certified);
    // Computed from the data alone; the last iteration's came from the workers.
    assert!((end.objective - last.objective).abs() <= 1e-12 * end.objective);
    let naming = end.naming.expect("faults were injected");
    assert_eq!((naming.misses, naming.innocents_accused), (0, 0));
    assert!(naming.hits >= 3 * its.len());
}

#[test]
fn a_record_without_a_bound_reads_back() {
    let folder = Folder::new();
    let path = folder.path("record.json");
    solved(&["train", &shipped("heart_scale.svm"), "--l2", "0.1", "--record", &path, "--quiet"]);
    assert!(json_file(&path)["final"]["bound"].is_null());
    let kept = record(&path);
    assert!(kept.end.bound.is_infinite() && !kept.end.certified);
    assert!(kept.iterations.iter().all(|i| i.bound.is_infinite()));
}

#[test]
fn plot() {
    let folder = Folder::new();
    solve(&faulty(&folder, &["--quiet"]));
    let svg = std::fs::read_to_string(folder.path("plot.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    let texts: Vec<&str> = svg
        .split("<text ")
        .skip(1)
        .filter_map(|t| t.split_once('>')?.1.split("</text>").next())
        .map(str::trim)
        .collect();
    for name in ["gradient norm", "rounds", "virtual seconds", "F(w) - min F"] {
        assert_eq!(texts.iter().filter(|t| **t == name).count(), 2, "{name}: {texts:?}");
    }
    assert_eq!(svg.matches("stroke-width=\"2\"").count(), 4, "one curve a panel");
    // Powers of ten on the vertical axes, whole numbers of rounds on the horizontal ones.
    assert!(texts.iter().any(|t| t.starts_with("1e-")), "{texts:?}");
    assert!(texts.iter().any(|t| t.parse::<u32>().is_ok_and(|x| x >= 5)), "{texts:?}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

/// The line of the final table that begins with `name`.
fn line<'a>(table: &'a str, name: &str) -> &'a str {
    let mut lines = table.lines().filter_map(|l| l.trim_start().strip_prefix(name));
    lines.next().unwrap_or_else(|| panic!("no {name} in {table}")).trim()
}

#[test]
fn the_table_says_who_and_what() {
    let folder = Folder::new();
    let table = solve(&faulty(&folder, &["--fixed-liars"]));
    let kept = record(&folder.path("record.json"));
    let (liars, iterations) = (&kept.end.liars, kept.iterations.len());
    assert_eq!(liars.len(), 3);
    let expected: Vec<String> = liars.iter().map(|w| format!("{w} ({iterations})")).collect();
    assert_eq!(line(&table, "named liars (iterations)"), expected.join(", "));
    let dead = kept.iterations[0].injected.as_ref().unwrap().dead[0];
    assert!(line(&table, "late or silent (iterations)").contains(&format!("{dead} ({iterations})")), "{table}");
    assert!(line(&table, "against the injected").ends_with("0 missed, 0 innocents accused"));
    assert!(line(&table, "certificate").starts_with("certified: with up to 3 liars and 2 stragglers, no "));
    for name in ["plot.svg", "record.json", "model.json"] {
        assert!(table.contains(&format!("wrote {}", folder.path(name))));
    }
}

#[test]
fn the_certificate_is_what_the_code_can_give() {
    let heart = shipped("heart_scale.svm");
    let certificate = |extra: &[&str]| {
        let mut arguments = vec!["train", &heart, "--l2", "0.1"];
        arguments.extend_from_slice(extra);
        let ran = run(&arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
        line(&ran.out, "certificate").to_owned()
    };
    assert_eq!(certificate(&[]), "NOT certified: a code without redundancy can't detect lies");
    let bound =
        |t: usize, s: usize| format!("with up to {t} liars and {s} stragglers, no decoded value is off by more than ");
    let replicated = certificate(&["--code", "replication", "--liars", "2", "--inject-liars", "2"]);
    assert!(replicated.starts_with(&format!("certified: {}", bound(2, 0))), "{replicated}");
    let late = certificate(&["--stragglers", "2", "--inject-dead", "2"]);
    assert!(late.starts_with(&format!("certified: {}", bound(0, 2))), "{late}");
    let over = certificate(&["--liars", "4", "--inject-liars", "5", "--uncertified"]);
    assert!(over.starts_with("NOT certified in ") && over.ends_with("as --uncertified allows"), "{over}");
    let keyed = certificate(&["--liars", "4", "--inject-liars", "5", "--keys", "2"]);
    assert!(keyed.starts_with("certified by the secret keys (the code alone could not in "), "{keyed}");
    assert!(keyed.contains(&bound(4, 0)), "{keyed}");
}
