//! Runs the program and reads what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use steadfast::trace::RunRecord;

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// The program with these arguments, in a folder of its own choice.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steadfast"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn finish(mut command: Command) -> Ran {
    let done = command.output().expect("the program runs");
    Ran {
        // 0 to 255, or a signal: no test expects one.
        status: done.status.code().unwrap_or(-1),
        out: String::from_utf8(done.stdout).expect("UTF-8"),
        err: String::from_utf8(done.stderr).expect("UTF-8"),
    }
}

pub fn run(arguments: &[&str]) -> Ran {
    finish(command(arguments))
}

/// A run that must be solved without a word on standard error; what it printed.
pub fn solved(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{arguments:?}: {}", ran.out);
    ran.out
}

/// A shipped data set.
pub fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name);
    assert!(path.exists(), "{} is part of the project", path.display());
    path.to_str().expect("UTF-8").into()
}

/// A folder that is removed at the end, and paths in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").into()
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("writable");
        path
    }

    /// Names of what lies in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("readable");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

pub fn json_file(path: &str) -> Value {
    json(&std::fs::read_to_string(path).expect("readable"))
}

pub fn record(path: &str) -> RunRecord {
    RunRecord::read(&PathBuf::from(path)).expect("a record that reads back")
}

/// The weights of a model file.
pub fn weights(path: &str) -> Vec<f64> {
    serde_json::from_value(json_file(path)["weights"].clone()).expect("numbers")
}

/// The program must refuse this with exit status 2: one line on standard error that holds each of `needles`, nothing on
/// standard output; with `--json` the same as an object on standard output, nothing on standard error.
pub fn refused(arguments: &[&str], needles: &[&str]) {
    refused_with(arguments, needles, |_| {});
}

/// As [`refused`], in an environment that `prepare` makes.
pub fn refused_with(arguments: &[&str], needles: &[&str], prepare: impl Fn(&mut Command)) {
    let mut plain = command(arguments);
    prepare(&mut plain);
    let plain = finish(plain);
    assert_eq!(plain.status, 2, "{arguments:?}: {plain:?}");
    assert_eq!(plain.out, "", "{arguments:?}");
    assert!(plain.err.starts_with("steadfast: ") && plain.err.ends_with('\n'), "{arguments:?}: {}", plain.err);
    assert_eq!(plain.err.lines().count(), 1, "{arguments:?}: {}", plain.err);
    for needle in needles {
        assert!(plain.err.contains(needle), "{arguments:?}: no `{needle}` in {}", plain.err);
    }

    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let mut machine = command(&arguments);
    prepare(&mut machine);
    let machine = finish(machine);
    assert_eq!((machine.status, machine.err.as_str()), (2, ""), "{arguments:?}: {}", machine.out);
    let error = &json(&machine.out)["error"];
    assert_eq!(format!("steadfast: {}\n", error["message"].as_str().expect("a message")), plain.err);
    assert!(["usage", "input", "io"].contains(&error["kind"].as_str().expect("a kind")), "{error}");
    for key in ["got", "allowed"] {
        assert!(error[key].as_str().is_some_and(|text| !text.is_empty()), "{arguments:?}: no {key} in {error}");
    }
}
