//! `steadfast eigen`, `pagerank` and `solve`: answers with liars, refusals, exit statuses.

use std::fmt::Write as _;

use crate::program::{Folder, json, record, refused, run};

/// 2 on the diagonal, -1 beside it: eigenvalues 2 - 2 cos(k pi / (n + 1)).
pub fn tridiagonal(n: usize) -> String {
    let mut text = format!("%%MatrixMarket matrix coordinate real symmetric\n{n} {n} {}\n", 2 * n - 1);
    for i in 1..=n {
        let _ = writeln!(text, "{i} {i} 2");
        if i > 1 {
            let _ = writeln!(text, "{i} {} -1", i - 1);
        }
    }
    text
}

pub fn ones(n: usize) -> String {
    format!("%%MatrixMarket matrix array real general\n{n} 1\n{}", "1\n".repeat(n))
}

const LIARS: [&str; 6] = ["--liars", "4", "--inject-liars", "4", "--threads", "1"];

fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, &LIARS, more].concat()
}

#[test]
fn eigenvalues_with_liars() {
    let folder = Folder::new();
    let matrix = folder.file("t.mtx", &tridiagonal(30));
    let (vectors, kept) = (folder.path("vectors.txt"), folder.path("record.json"));
    let more = ["--count", "3", "--output", &vectors, "--record", &kept];
    let ran = run(&with(&["eigen", &matrix], &more));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("0 missed, 0 innocents accused") && ran.out.contains("certified at most"), "{}", ran.out);
    let text = std::fs::read_to_string(&vectors).expect("written");
    assert!(text.lines().count() == 30 && text.lines().all(|line| line.split(' ').count() == 3), "{text}");
    assert_eq!(record(&kept).end.status, "converged");
    let value = json(&run(&with(&["eigen", &matrix], &["--count", "3", "--json"])).out);
    let bound = value["final"]["residual_bound"].as_f64().expect("certified");
    for k in 0..3 {
        let truth = 2.0 + 2.0 * (std::f64::consts::PI * (k + 1) as f64 / 31.0).cos();
        let found = value["answer"][k]["value"].as_f64().expect("a number");
        assert!((found - truth).abs() <= bound + 1e-14 && bound < 1e-9, "{found} {truth} {bound:e}");
    }
    assert_eq!(value["final"]["naming"]["misses"], 0);
}

#[test]
fn pagerank_with_liars() {
    let folder = Folder::new();
    // Everybody links to 100, which links to 101; 102 and all the others are linked to by nobody.
    let graph: String = (101..140).map(|i| format!("{i}\t100\n")).chain(["100 101\n".into()]).collect();
    let graph = folder.file("links.txt", &format!("# from to\n{graph}"));
    let value = json(&run(&with(&["pagerank", &graph], &["--top", "2", "--json"])).out);
    let top = &value["answer"]["top"];
    assert_eq!(
        (&top[0]["node"], &top[1]["node"], top.as_array().expect("a list").len()),
        (&100.into(), &101.into(), 2)
    );
    // x100 = 0.85 (1 - x100) + 0.15 / 40.
    let truth = (0.85 + 0.15 / 40.0) / 1.85;
    assert!((top[0]["score"].as_f64().expect("a number") - truth).abs() < 1e-9, "{value}");
    assert!(value["answer"]["error"].as_f64().expect("a number") < 1e-8);
    let all = folder.path("scores.txt");
    let ran = run(&with(&["pagerank", &graph], &["--output", &all, "--attack", "collude"]));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("node 100") && ran.out.contains("dangling nodes"), "{}", ran.out);
    let scores = std::fs::read_to_string(all).expect("written");
    assert!(scores.starts_with("100 ") && scores.lines().count() == 40, "{scores}");
}

#[test]
fn systems_with_liars() {
    let folder = Folder::new();
    let (matrix, right) = (folder.file("t.mtx", &tridiagonal(30)), folder.file("b.mtx", &ones(30)));
    for method in ["cg", "jacobi"] {
        let ran = run(&with(&["solve", &matrix, &right], &["--method", method, "--json"]));
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
        let value = json(&ran.out);
        // x_i = i (n + 1 - i) / 2; the smallest eigenvalue is above 0.01.
        let bound = value["final"]["residual_bound"].as_f64().expect("certified") / 0.01;
        for (i, x) in value["answer"]["solution"].as_array().expect("a list").iter().enumerate() {
            let truth = ((i + 1) * (30 - i)) as f64 / 2.0;
            assert!((x.as_f64().expect("a number") - truth).abs() <= bound, "{method}: {i} {x}");
        }
        assert!(bound < 1e-6);
    }
    let plain = run(&with(&["solve", &matrix, &right], &[]));
    assert!(plain.status == 0 && plain.out.contains("certified: with up to 4 liars"), "{}", plain.out);
    let ended = run(&with(&["solve", &matrix, &right], &["--method", "jacobi", "--iterations", "9"]));
    assert!(ended.status == 4 && ended.out.contains("iteration-limit"), "{ended:?}");
    let many = run(&["solve", &matrix, &right, "--liars", "4", "--inject-liars", "5"]);
    assert!(many.status == 3 && many.err.starts_with("steadfast: too many faults"), "{many:?}");
}

#[test]
fn bad_files_and_options_are_refused() {
    let folder = Folder::new();
    let (matrix, right) = (folder.file("t.mtx", &tridiagonal(30)), folder.file("b.mtx", &ones(30)));
    let market = |rest: &str| format!("%%MatrixMarket matrix coordinate real {rest}");
    let wide = folder.file("wide.mtx", &market("general\n2 3 1\n1 1 1\n"));
    let skew = folder.file("skew.mtx", &market("general\n2 2 3\n1 1 1\n2 2 1\n1 2 1\n"));
    let singular = folder.file("singular.mtx", &market("general\n2 2 4\n1 1 1\n2 2 1\n1 2 -1\n2 1 -1\n"));
    let hollow = folder.file("hollow.mtx", &market("symmetric\n2 2 1\n2 1 1\n"));
    let broken = folder.file("broken.mtx", &market("general\n2 2 1\n1 1 x\n"));
    let two = folder.file("two.mtx", "%%MatrixMarket matrix array real general\n2 1\n1\n2\n");
    let links = folder.file("links.txt", "1 2\n3\n");
    refused(&["eigen", "none.mtx"], &["none.mtx"]);
    refused(&["eigen", &wide], &["2 x 3", "as many rows as columns"]);
    refused(&["eigen", &broken], &["broken.mtx, line 3", "`x`"]);
    refused(&["eigen", &skew, "--count", "2"], &["1, 2", "symmetric"]);
    refused(&["eigen", &matrix, "--count", "31"], &["--count", "31", "30"]);
    refused(&["eigen", &matrix, "--count", "0"], &["--count"]);
    refused(&["pagerank", &links], &["links.txt, line 2", "`3`"]);
    refused(&["pagerank", &links, "--damping", "1"], &["--damping", "below 1"]);
    refused(&["solve", &matrix, &two], &["2 x 1", "30 x 1"]);
    refused(&["solve", &skew, &two], &["skew.mtx", "differ by 1"]);
    refused(&["solve", &hollow, &two], &["not positive in row 1"]);
    refused(&["solve", &hollow, &two, "--method", "jacobi"], &["row 1", "zero on the diagonal"]);
    refused(&["solve", &singular, &two, "--method", "jacobi"], &["row 1", "singular"]);
    refused(&["solve", &singular, &two, "--workers", "2"], &["singular"]);
    refused(&["solve", &matrix, &right, "--tolerance", "-1"], &["--tolerance", "-1"]);
    refused(&["solve", &matrix, &right, "--method", "gauss"], &["--method", "cg, jacobi"]);
    refused(&["solve", &matrix, &right, "--workers", "31"], &["--workers", "31", "30 rows"]);
    refused(&["solve", &matrix, &right, "--liars", "8"], &["liars"]);
}
