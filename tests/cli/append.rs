//! `train FILE --append MORE`: rows that join the encoded data.

use crate::program::{Folder, record, refused, shipped, solved, weights};

/// A shipped set, its first 200 rows, and the others.
fn parts(folder: &Folder) -> (String, String, String) {
    let all = shipped("heart_scale.svm");
    let text = std::fs::read_to_string(&all).expect("readable");
    let lines: Vec<&str> = text.lines().collect();
    let (first, more) = lines.split_at(200);
    (all, folder.file("first.svm", &first.join("\n")), folder.file("more.svm", &more.join("\n")))
}

#[test]
fn appended_rows_give_the_model_of_one_file() {
    let folder = Folder::new();
    let (all, first, more) = parts(&folder);
    let train = |name: &str, data: &str, extra: &[&str]| {
        let (model, kept) = (folder.path(name), folder.path("record.json"));
        let mut arguments = vec!["train", data, "--l2", "0.01", "--liars", "2", "--inject-liars", "2", "--intercept"];
        arguments.extend(["--workers", "9", "--quiet", "--model", &model, "--record", &kept]);
        arguments.extend(extra);
        solved(&arguments);
        let kept = record(&kept);
        assert_eq!(kept.end.naming.map(|n| (n.misses, n.innocents_accused)), Some((0, 0)));
        (weights(&model), kept.data, kept.end.objective)
    };
    let whole = train("whole.json", &all, &[]);
    let appended = train("appended.json", &first, &["--append", &more]);
    assert_eq!(appended, whole, "the same bits");
    if cfg!(target_os = "linux") {
        // A real worker's reply may be late, but none is missing: the same bits here, too.
        assert_eq!(train("tcp.json", &first, &["--append", &more, "--fleet", "tcp"]), whole);
    }
}

#[test]
fn what_can_not_be_appended_is_refused() {
    let folder = Folder::new();
    let (_, first, more) = parts(&folder);
    let wide = folder.file("wide.svm", "1 1:0.5 14:1\n");
    refused(&["train", &first, "--l2", "0.01", "--append", &wide], &["14", "13"]);
    refused(&["train", &first, "--l2", "0.01", "--append", "no-such-file.svm"], &["no-such-file.svm"]);
    let table = folder.file("table.csv", "a,b,label\n1,2,1\n3,5,-1\n2,2,1\n");
    let renamed = folder.file("renamed.csv", "a,c,label\n1,2,1\n");
    refused(&["train", &table, "--label", "label", "--workers", "2", "--append", &renamed], &["c"]);
    for (option, value, says) in [
        ("--partition", "shuffled", "contiguous"),
        ("--task", "hinge", "hinge"),
        ("--method", "coordinate-descent", "whole shards"),
        ("--code", "draco", "code for products"),
    ] {
        let liars = ["--liars", "1"];
        let mut arguments = vec!["train", &first, "--l2", "0.01", "--append", &more, option, value];
        arguments.extend(liars);
        refused(&arguments, &["--append", says]);
    }
    for name in ["dino", "coded-dino", "encoded-lbfgs"] {
        refused(&["train", &first, "--l2", "0.01", "--append", &more, "--method", name], &["--append", name, "grow"]);
    }
    let short = ["--code", "short-dot", "--stragglers", "2"];
    refused(&[&["train", &first, "--l2", "0.01", "--append", &more], &short[..]].concat(), &["grow", "short-dot"]);
    refused(&["train", &first, "--l2", "0.01", "--append", &more, "--standardize"], &["--append", "--standardize"]);
}
