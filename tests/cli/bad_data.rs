//! Data that can't be used: one line that names the place, what stands there and what may.

use crate::program::{Folder, refused, shipped};

/// Enough rows for the default fleet, after which a line goes wrong.
fn libsvm(folder: &Folder, last: &str) -> String {
    let mut text: String = (0..20).map(|i| format!("{} 1:{i} 3:0.5\n", i % 2)).collect();
    text += last;
    folder.file("data.svm", &text)
}

#[test]
fn files() {
    let folder = Folder::new();
    refused(&["train", &folder.path("absent.svm")], &["can't read", "absent.svm", "No such file"]);
    refused(&["train", &folder.file("empty.svm", "")], &["empty.svm", "allowed: "]);
    refused(&["train", &folder.file("empty.csv", "")], &["empty.csv", "allowed: "]);
    refused(&["train", &folder.path("")], &["can't read"]);
    refused(&["predict", &folder.path("absent.json"), &shipped("heart_scale.svm")], &["can't read", "absent.json"]);
    let no_model = folder.file("no_model.json", "{}");
    refused(&["predict", &no_model, &shipped("heart_scale.svm")], &["no_model.json", "a model written by --model"]);
}

#[test]
fn libsvm_lines() {
    let folder = Folder::new();
    for (last, got, allowed) in [
        ("1 2:x\n", "`x`", "number"),
        ("1 2\n", "`2`", "index:value"),
        ("1 3:1 2:1\n", "2", "ascending"),
        ("1 2:1 2:1\n", "2", "ascending"),
        ("1 0:1\n", "0", "1"),
        ("1 -1:1\n", "-1", "1"),
        ("1 1:nan\n", "nan", "finite"),
        ("1 1:-inf\n", "inf", "finite"),
        ("nan 1:1\n", "nan", "finite"),
    ] {
        refused(&["train", &libsvm(&folder, last)], &["data.svm, line 21", got, allowed, "allowed: "]);
    }
}

#[test]
fn csv_cells() {
    let folder = Folder::new();
    let csv = |cell: &str| {
        let mut text = String::from("width,colour,y\n");
        text.extend((0..20).map(|i| format!("{i},{},{}\n", i * i, i % 2)));
        folder.file("data.csv", &format!("{text}7,{cell},1\n"))
    };
    refused(&["train", &csv(""), "--label", "y"], &["line 22", "`colour`", "a missing cell", "--one-hot"]);
    refused(&["train", &csv("red"), "--label", "y"], &["line 22", "`colour`", "`red`", "--one-hot"]);
    refused(&["train", &csv("inf"), "--label", "y"], &["line 22", "`colour`", "`inf`", "finite"]);
    refused(&["train", &csv("1"), "--label", "z"], &["`z`", "`width`", "`colour`"]);
    refused(&["train", &csv("1,2"), "--label", "y"], &["line 22", "4 cells", "3 cells"]);
    refused(&["train", &shipped("heart_scale.svm"), "--label", "y"], &["--label", "CSV"]);
}

#[test]
fn labels() {
    let folder = Folder::new();
    let one = folder.file("one.svm", &"1 1:2\n".repeat(20));
    refused(&["train", &one], &["one", "allowed: "]);
    refused(&["train", &one, "--task", "logistic"], &["one", "allowed: "]);
    refused(&["train", &one, "--task", "softmax"], &["one", "allowed: "]);
    refused(&["train", &shipped("heart_scale.svm"), "--task", "poisson"], &["-1", "at least 0"]);
    refused(&["train", &shipped("digits.svm.xz"), "--task", "logistic"], &["10", "two"]);
}

#[test]
fn fleets_that_the_data_can_not_feed() {
    let folder = Folder::new();
    let five = folder.file("five.svm", "1 1:1\n0 1:2\n1 1:3\n0 1:4\n1 1:5\n");
    refused(&["train", &five], &["--workers", "15", "at most the 5 rows"]);
    refused(&["train", "synthetic:cubic,rows=30,cols=2"], &["`cubic`", "regression, sparse-regression"]);
    refused(&["train", "synthetic:regression,rows=30,cols=2,noise=x"], &["noise", "`x`", "a number"]);
    let heart = shipped("heart_scale.svm");
    refused(&["train", &heart, "--test-fraction", "1.5"], &["--test-fraction", "1.5", "above 0 and below 1"]);
    refused(&["train", &heart, "--test-fraction", "nan"], &["--test-fraction", "NaN", "above 0 and below 1"]);
}

#[test]
fn test_data_and_models_of_another_width() {
    let folder = Folder::new();
    let heart = shipped("heart_scale.svm");
    let wide = folder.file("wide.svm", "1 1:1 14:2\n-1 1:2\n");
    refused(&["train", &heart, "--test", &wide], &["wide.svm", "14", "13"]);
    refused(&["train", &heart, "--test", &folder.path("absent.svm")], &["can't read", "absent.svm"]);
    let other_labels = folder.file("other.svm", "3 1:1 13:2\n-1 1:2\n");
    refused(&["train", &heart, "--test", &other_labels], &["`3`", "`-1`"]);

    let model = folder.path("model.json");
    crate::program::solved(&["train", &heart, "--l2", "0.1", "--model", &model, "--quiet"]);
    refused(&["predict", &model, &wide], &["wide.svm", "14", "13"]);
    let diabetes = shipped("diabetes.svm");
    refused(&["train", &diabetes, "--init", &model], &["--init", "logistic", "squared"]);
    refused(&["train", &heart, "--init", &model, "--intercept"], &["--init", "13 columns", "14 columns"]);
    refused(&["train", &heart, "--init", &model, "--standardize"], &["--init", "standardization"]);
    refused(&["train", &heart, "--init", &folder.path("absent.json")], &["can't read", "absent.json"]);
    let regression = folder.path("regression.json");
    crate::program::solved(&["train", &diabetes, "--model", &regression, "--quiet"]);
    refused(&["predict", &regression, &diabetes, "--probabilities"], &["--probabilities", "squared", "logistic"]);
}
