//! Ctrl-C: the run stops after its iteration, and the record is written.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::program::{Folder, command, record};

/// Long enough that nothing but a signal ends it within a test.
pub const LONG: [&str; 8] = [
    "train",
    "synthetic:logistic,rows=2000,cols=100,condition=1e8",
    "--method",
    "gradient-descent",
    "--tolerance",
    "0",
    "--iterations",
    "100000000",
];

pub fn signal(name: &str, process: &str) {
    let done = Command::new("kill").args([name, "--", process]).status().expect("kill runs");
    assert!(done.success(), "kill {name} {process}");
}

/// Children of a process.
pub fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    // Nothing to read once it is gone.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(|id| id.parse().expect("a number")).collect()
}

/// Waits for what comes within a minute.
pub fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !there() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the run is under way: it handles SIGINT; with workers, all of them do and answer.
pub fn under_way(child: &Child, workers: usize) {
    let fact = |process: u32, name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        status.lines().find_map(|l| l.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let handles = |process: u32| {
        let caught = fact(process, "SigCgt:");
        // SIGINT is signal 2: bit 1.
        caught.and_then(|mask| u64::from_str_radix(&mask, 16).ok()).is_some_and(|mask| mask & 2 != 0)
    };
    // A worker goes to sleep once or more a round; taking its shard costs it fewer sleeps than this, by far.
    let works = |process: u32| {
        let slept = fact(process, "voluntary_ctxt_switches:");
        slept.and_then(|times| times.parse::<u64>().ok()).is_some_and(|times| times >= 600)
    };
    // The data is made and encoded in a fraction of this, of the process's own time: a busy machine makes no difference.
    let computes = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The program's name, in brackets, is the second field; user and system time are the 14th and the 15th.
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ')).into_iter().flatten();
        // Linux counts it in hundredths of a second on every machine.
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() >= 70
    };
    wait_until("it does not get under way", || {
        let all = children(child.id());
        let ready = workers > 0 || computes(child.id());
        ready && handles(child.id()) && all.len() == workers && all.iter().all(|&c| handles(c) && works(c))
    });
}

pub fn gone(process: u32) -> bool {
    !std::path::Path::new(&format!("/proc/{process}")).exists()
}

/// Interrupts a command without workers of its own once it is under way; what it printed.
pub fn interrupt(arguments: &[&str]) -> String {
    let child = command(arguments).spawn().expect("the program runs");
    under_way(&child, 0);
    signal("-INT", &child.id().to_string());
    let done = child.wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!((done.status.code(), err.as_str()), (Some(130), ""), "{out}");
    out
}

fn interrupted(name: &str, extra: &[&str], workers: usize) {
    use std::os::unix::process::CommandExt;
    let folder = Folder::new();
    let (path, model) = (folder.path("record.json"), folder.path("model.json"));
    let mut arguments = LONG.to_vec();
    arguments.extend_from_slice(extra);
    arguments.extend_from_slice(&["--record", &path, "--model", &model, "--json"]);
    // A group of its own, as a terminal gives: the signal goes to every process of it.
    let child = command(&arguments).process_group(0).spawn().expect("the program runs");
    under_way(&child, workers);
    let family = children(child.id());
    let id = child.id();
    signal(name, &format!("-{id}"));
    let told = Instant::now();
    let done = child.wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert_eq!((done.status.code(), err.as_str()), (Some(130), ""), "{out}");
    assert!(told.elapsed() < Duration::from_secs(20), "{:?}", told.elapsed());
    assert_eq!(crate::program::json(&out)["final"]["status"], "interrupted");
    let kept = record(&path);
    assert_eq!(kept.end.status, "interrupted");
    assert!(kept.iterations.len() > 2 && kept.end.iterations == kept.iterations.len() - 1);
    assert!(kept.iterations.iter().all(|i| i.late.is_empty()), "no worker died of the signal");
    assert_eq!(folder.names(), ["model.json", "record.json"]);
    assert!(family.iter().all(|&c| gone(c)), "no orphans");
}

#[test]
fn ctrl_c() {
    interrupted("-INT", &[], 0);
}

#[test]
fn a_polite_kill() {
    interrupted("-TERM", &[], 0);
}

#[test]
fn ctrl_c_with_worker_processes() {
    interrupted("-INT", &["--fleet", "tcp", "--workers", "4"], 4);
}
