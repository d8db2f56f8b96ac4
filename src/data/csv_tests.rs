//! Tests of the CSV reader.

use super::*;
use crate::data::{CellEncoding, Matrix};

fn plain(text: &str) -> Result<CsvData> {
    parse_csv(text.as_bytes(), "t.csv", &CsvOptions::default())
}

fn one_hot(text: &str) -> Result<CsvData> {
    parse_csv(text.as_bytes(), "t.csv", &CsvOptions { one_hot: true, ..CsvOptions::default() })
}

fn rows(data: &Matrix<f64>) -> Vec<Vec<f64>> {
    let mut out = vec![vec![0.0; data.cols()]; data.rows()];
    for (i, row) in out.iter_mut().enumerate() {
        data.for_each_in_row(i, |j, x| row[j] = x);
    }
    out
}

#[test]
fn the_label_column_is_named_or_found() {
    let read = plain("a,Target,b\n1,5,2\r\n\n 3 , 6 ,4\n").unwrap();
    assert_eq!(read.data.labels, Labels::Real(vec![5.0, 6.0]));
    assert_eq!(rows(&read.data.features), [[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(read.data.columns, ["a", "b"]);
    assert!(read.labelled && read.encoding.is_plain());
    let named = CsvOptions { label: Some("b".into()), ..CsvOptions::default() };
    assert_eq!(parse_csv(b"a,y,b\n1,5,2\n", "t", &named).unwrap().data.labels, Labels::Real(vec![2.0]));
    let message = plain("a,b\n1,2\n").unwrap_err().to_string();
    assert!(message.contains("no label column") && message.contains("`a`, `b`"), "{message}");
    let message = parse_csv(b"a,y\n1,2\n", "t", &named).unwrap_err().to_string();
    assert!(message.contains("no column `b`"), "{message}");
}

#[test]
fn text_labels_are_classes_by_name() {
    let read = plain("x,label\n1,spam\n2,ham\n3,spam\n").unwrap();
    let names = vec!["ham".to_string(), "spam".to_string()];
    assert_eq!(read.data.labels, Labels::Classes { index: vec![1, 0, 1], names });
    let mixed = plain("x,label\n1,2.0\n2,b\n3,10\n").unwrap();
    let names = vec!["10".to_string(), "2".to_string(), "b".to_string()];
    assert_eq!(mixed.data.labels, Labels::Classes { index: vec![1, 2, 0], names });
}

#[test]
fn faults_name_line_and_column() {
    for (text, named) in [
        ("a,y\n1,2\n,3\n", "t.csv, line 3, column `a`: got a missing cell"),
        ("a,y\n1,2\nred,3\n", "t.csv, line 3, column `a`: got the text `red`"),
        ("a,y\ninf,3\n", "column `a`: got `inf`"),
        ("a,y\n1,\n", "column `y`: got a missing label"),
        ("a,y\n1,inf\n", "column `y`: got the label `inf`"),
        ("a,y\n1,2\n1\n", "line 3: got 1 cells; allowed: 2 cells"),
        ("a,y\n\"1\n", "line 2"),
        ("", "no header"),
        ("a,y\n", "no rows"),
        ("1,2\n3,4\n", "numbers in place of column names"),
        ("a,a,y\n1,2,3\n", "`a` twice"),
        ("y\n1\n", "no feature column"),
    ] {
        let error = plain(text).unwrap_err();
        let message = error.to_string().replacen(": ", ": got ", 1);
        assert!(message.contains(named) || error.to_string().contains(named), "{text:?}: {message}");
        assert_eq!((error.exit_status(), message.lines().count()), (2, 1));
    }
    let message = parse_csv(b"a,y\n\xff,1\n", "t.csv", &CsvOptions::default()).unwrap_err().to_string();
    assert!(message.contains("line 2") && message.contains("not UTF-8"), "{message}");
}

#[test]
fn one_hot_keeps_its_encoding_for_later_files() {
    let read = one_hot("colour,size,y\nred,1,0\nblue,,1\n?,3,0\nred,0,1\n").unwrap();
    let columns = ["colour=", "colour=blue", "colour=red", "size", "size=missing"];
    assert_eq!(read.data.columns, columns);
    let expected =
        [[0.0, 0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 3.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]];
    assert_eq!(rows(&read.data.features), expected);
    let CellEncoding::Categories(names) = &read.encoding.columns[0].encoding else { panic!("colour is text") };
    assert_eq!(names, &["", "blue", "red"]);

    // Through JSON, as in a model file; then columns in another order, without labels.
    let json = serde_json::to_string(&read.encoding).unwrap();
    let encoding: OneHot = serde_json::from_str(&json).unwrap();
    assert_eq!(encoding, read.encoding);
    let options = CsvOptions { encoding: Some(encoding), label_optional: true, ..CsvOptions::default() };
    let again = |text: &str| parse_csv(text.as_bytes(), "t.csv", &options);
    let later = again("size,colour\nna,blue\n2,red\n").unwrap();
    assert!(!later.labelled);
    assert_eq!(rows(&later.data.features), [[0.0, 1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 2.0, 0.0]]);
    assert_eq!(later.encoding, read.encoding);
    assert!(again("y,size,colour\n1,2,red\n").unwrap().labelled);
    for (text, named) in [
        ("size,colour\n1,green\n", "category `green`, unseen in training; allowed: one of ``, `blue`, `red`"),
        ("size,colour\nbig,red\n", "the text `big`"),
        ("size\n1\n", "no column `colour`"),
        ("size,colour,shape\n1,red,round\n", "the column `shape`, unknown to the model"),
    ] {
        let message = again(text).unwrap_err().to_string();
        assert!(message.contains(named), "{text:?}: {message}");
    }
}

#[test]
fn categories_found_late_do_not_disturb_earlier_rows() {
    // 40 categories in falling order of appearance beside a second text column: every provisional place moves.
    let mut text = String::from("a,n,b,y\n");
    for i in (0..40).rev() {
        text.push_str(&format!("k{i:02},{i},{},{}\n", if i % 2 == 0 { "even" } else { "odd" }, i % 3));
    }
    let read = one_hot(&text).unwrap();
    assert!(read.data.features.is_sparse());
    assert_eq!(read.data.features.cols(), 40 + 1 + 2);
    for (row, i) in rows(&read.data.features).iter().zip((0..40).rev()) {
        let mut expected = vec![0.0; 43];
        expected[i] = 1.0;
        expected[40] = i as f64;
        expected[41 + i % 2] = 1.0;
        assert_eq!(*row, expected);
    }
}
