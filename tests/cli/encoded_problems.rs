//! `steadfast factorize` and `project`: answers on encoded data, files that are written, refusals.

use std::fmt::Write as _;
use std::path::Path;

use steadfast::run::Factors;

use crate::program::{Folder, json, json_file, record, refused, run, solved};
use crate::signals::interrupt;

const LATE: [&str; 6] = ["--workers", "8", "--gather", "first:k=6", "--delay", "exponential"];

fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

fn column(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<String> = values.map(|x| format!("{x}\n")).collect();
    format!("%%MatrixMarket matrix array real general\n{} 1\n{}", values.len(), values.concat())
}

/// `2 x_i` for the first 12 of 20 variables.
fn twelve() -> String {
    let entries: String = (1..=12).map(|i| format!("{i} {i} 2\n")).collect();
    format!("%%MatrixMarket matrix coordinate real general\n12 20 12\n{entries}")
}

/// `2 x_i = i`: the projection has `i/2` there, and the point's own numbers elsewhere, whoever is late.
#[test]
fn onto_an_affine_set() {
    let folder = Folder::new();
    let (matrix, right) = (folder.file("a.mtx", &twelve()), folder.file("b.mtx", &column((1..=12).map(f64::from))));
    let point = folder.file("x.mtx", &column((0..20).map(|_| 7.0)));
    let (out, kept) = (folder.path("out.txt"), folder.path("record.json"));
    let options = ["--point", &point, "--output", &out, "--record", &kept];
    let text = solved(&with(&with(&["project", &matrix, &right], &options), &LATE));
    for part in ["12 equations of 20 variables", "converged", "approximate: the first 6 of 8 replies", "hadamard on 8"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let found: Vec<f64> = std::fs::read_to_string(&out).unwrap().lines().map(|x| x.parse().unwrap()).collect();
    for (j, x) in found.iter().enumerate() {
        let wanted = if j < 12 { (j + 1) as f64 / 2.0 } else { 7.0 };
        // A gradient of 1e-11 over the curvature: 4/12, and a tenth of it on the workers in time at worst.
        assert!((x - wanted).abs() < 1e-9, "{j}: {x} and not {wanted}");
    }
    assert_eq!(found.len(), 20);
    let record = record(&kept);
    assert!(record.code.approximate && record.end.late.len() > 1 && record.iterations.len() > 2);
    assert_eq!(record.code.encoded.map(|encoded| (encoded.first, encoded.subsets)), Some((6, 28)));
    // From the origin.
    let value = json(&solved(&["project", &matrix, &right, "--workers", "4", "--json"]));
    let squares: f64 = (1..=12).map(|i| f64::from(i * i) / 4.0).sum();
    assert!((value["distance"].as_f64().unwrap() - squares.sqrt()).abs() < 1e-8, "{value}");
    assert!(value["violation"].as_f64().unwrap() < 1e-8);
}

/// `2 x_i <= 0`, from ones: zeros there.
#[test]
fn onto_a_polyhedron() {
    let folder = Folder::new();
    let (matrix, right) = (folder.file("a.mtx", &twelve()), folder.file("b.mtx", &column((0..12).map(|_| 0.0))));
    let point = folder.file("x.mtx", &column((0..20).map(|_| 1.0)));
    let options = ["--onto", "polyhedron", "--point", &point, "--workers", "8", "--code", "steiner", "--json"];
    let value = json(&solved(&with(&["project", &matrix, &right], &options)));
    for (j, x) in value["point"].as_array().unwrap().iter().enumerate() {
        // A step of 1e-11 over the curvature, 4/20.
        assert!((x.as_f64().unwrap() - if j < 12 { 0.0 } else { 1.0 }).abs() < 1e-8, "{value}");
    }
}

#[test]
fn projections_refuse_bad_files_and_options() {
    let folder = Folder::new();
    let (matrix, right) = (folder.file("a.mtx", &twelve()), folder.file("b.mtx", &column((0..12).map(|_| 0.0))));
    let short = folder.file("short.mtx", &column((0..3).map(|_| 0.0)));
    let project = |more: &[&'static str], needles: &[&str]| {
        refused(&with(&["project", &matrix, &right], more), needles);
    };
    refused(&["project", "none.mtx", &right], &["none.mtx"]);
    refused(&["project", &matrix, &short], &["short.mtx", "3 x 1", "12 x 1, as the matrix has rows"]);
    refused(&["project", &matrix, &right, "--point", &short], &["20 x 1, as the matrix has columns"]);
    project(&["--onto", "sphere"], &["--onto", "affine, polyhedron"]);
    project(&["--code", "mds"], &["--code with encoded data", "mds", "steiner"]);
    project(&["--gather", "first:k=16"], &["first:k", "16", "1 to 15"]);
    project(&["--gather", "first:k=2"], &["first:k", "--uncertified"]);
    project(&["--liars", "1"], &["--liars", "real-parity finds them"]);
    project(&["--device", "gpu"], &["--device", "cpu"]);
    project(&["--tolerance", "-1"], &["--tolerance", "-1"]);
    project(&["--output", "/nowhere/x"], &["/nowhere/x"]);
    let many = run(&with(&["project", &matrix, &right, "--inject-dead", "3"], &LATE));
    assert!(many.status == 3 && many.err.contains("too many faults"), "{many:?}");
    let ended = run(&with(&["project", &matrix, &right, "--iterations", "1"], &LATE));
    assert!(ended.status == 4 || ended.out.contains("converged"), "{ended:?}");
}

/// What user u gives item i: of rank 1 but for a mean.
fn rating(u: usize, i: usize) -> f64 {
    3.0 + (u % 3) as f64 * (i % 2) as f64
}

#[test]
fn ratings_are_factorized_on_the_workers() {
    let folder = Folder::new();
    let mut entries = String::new();
    let mut rows = String::new();
    for u in 0..30 {
        for i in 0..20 {
            let _ = writeln!(entries, "{} {} {}", u + 1, i + 1, rating(u, i));
            let _ = writeln!(rows, "{} {}:1 {}:1", rating(u, i), u + 1, i + 31);
        }
    }
    let matrix = format!("%%MatrixMarket matrix coordinate real general\n30 20 600\n{entries}");
    let (matrix, rows) = (folder.file("r.mtx", &matrix), folder.file("r.svm", &rows));
    let (model, kept) = (folder.path("model.json"), folder.path("record.json"));
    let options = ["--rank", "2", "--l2", "0.01", "--large", "25", "--test-fraction", "0.1"];
    let files = ["--model", &model, "--record", &kept];
    let text = solved(&with(&with(&["factorize", &matrix], &options), &with(&files, &LATE)));
    for part in
        ["540 ratings of 20 items by 30 users", "RMSE of those held out", "of 60", "the first 6 of 8", "steiner"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A rating errs by what l2 shrinks and late workers disturb, far less than the ratings' standard deviation of .9.
    let factors = Factors::read(Path::new(&model)).expect("a model");
    for (u, i) in [(0, 0), (1, 1), (2, 1), (29, 19)] {
        assert!((factors.predict(u, i).unwrap() - rating(u, i)).abs() < 0.2, "{u} {i}");
    }
    assert!(factors.predict(30, 0).unwrap_err().to_string().contains("below 30 and 20"));
    let record = json_file(&kept);
    assert_eq!(record["sweeps"].as_array().map(Vec::len), Some(5));
    assert!(record["final"]["encoded"].as_u64().unwrap() > 50 && record["data"]["held_out"] == 60, "{record}");
    // The same ratings as rows, and a code that decodes.
    let exact =
        ["factorize", &rows, "--users", "30", "--code", "mds", "--gather", "first:k=6", "--workers", "8", "--json"];
    let value = json(&solved(&with(&exact, &options)));
    assert!(value["final"]["test_rmse"].as_f64().unwrap() < 0.2, "{value}");
}

#[test]
fn factorizations_refuse_bad_files_and_options() {
    let folder = Folder::new();
    let matrix = folder.file("r.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 4\n1 2 3\n2 1 5\n");
    let rows = folder.file("r.svm", "4 1:1 3:1\n3 1:1 2:1\n");
    let factorize = |more: &[&'static str], needles: &[&str]| refused(&with(&["factorize", &matrix], more), needles);
    refused(&["factorize", "none.mtx"], &["none.mtx"]);
    refused(&["factorize", &rows, "--users", "2"], &["row 2", "a rating, a user and an item"]);
    factorize(&["--code", "draco"], &["--code", "draco", "steiner"]);
    factorize(&["--rank", "0"], &["rank 0", "a rank of 1 or more"]);
    factorize(&["--l2", "0"], &["l2 = 0", "l2 above 0"]);
    factorize(&["--sweeps", "0"], &["--sweeps", "at least 1"]);
    factorize(&["--test-fraction", "1"], &["1", "above 0, below 1"]);
    factorize(&["--gather", "first:k=16"], &["first:k", "1 to 15"]);
    factorize(&["--liars", "2"], &["--liars", "2"]);
    factorize(&["--device", "gpu"], &["--device", "cpu"]);
}

/// Nothing that was found is lost.
#[test]
fn ctrl_c_keeps_what_was_found() {
    let folder = Folder::new();
    let entries: String =
        (0..600).map(|at| format!("{} {} {}\n", at / 20 + 1, at % 20 + 1, rating(at / 20, at % 20))).collect();
    let ratings = folder.file("r.mtx", &format!("%%MatrixMarket matrix coordinate real general\n30 20 600\n{entries}"));
    let (model, kept) = (folder.path("model.json"), folder.path("record.json"));
    let endless =
        ["factorize", &ratings, "--rank", "2", "--l2", "0.01", "--large", "25", "--sweeps", "100000000", "--json"];
    let value = json(&interrupt(&with(&endless, &["--model", &model, "--record", &kept])));
    let record = json_file(&kept);
    assert_eq!((&value["status"], &record["status"]), (&"interrupted".into(), &"interrupted".into()), "{value}");
    let sweeps = record["sweeps"].as_array().unwrap();
    assert!(sweeps.last() == Some(&value["final"]), "{record}");
    let factors = Factors::read(Path::new(&model)).expect("a model");
    assert!(factors.provenance.status.starts_with("interrupted, ") && factors.predict(29, 19).unwrap().is_finite());
}
