//! Training on encoded data, and what `plan` says of frames.

use crate::program::{json, refused, run};

const DATA: &str = "synthetic:regression,rows=120,cols=8";

#[test]
fn a_run_says_what_it_gives_up() {
    let options = ["--code", "steiner", "--gather", "first:k=6", "--workers", "8", "--delay", "exponential"];
    let text = run(&[&["train", DATA, "--l2", "0.01", "--iterations", "200", "--true-gap"], &options[..]].concat());
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    for part in ["plateau", "approximate: the first 6 of 8 replies, never decoded", "above the optimum", "steiner on 8"]
    {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
    refused(&["train", DATA, "--code", "paley:size=120", "--l2", "0.01"], &["paley", "117 and 121"]);
    refused(&["train", DATA, "--code", "steiner", "--gather", "first:k=16"], &["16", "1 to 15"]);
    refused(&["train", DATA, "--true-gap"], &["--true-gap", "approximate"]);
}

#[test]
fn plans_have_frames() {
    let options = ["plan", "--rows", "496", "--cols", "50", "--workers", "8", "--stragglers", "1"];
    let text = run(&options);
    assert_eq!((text.status, text.err.as_str()), (0, ""));
    assert!(text.out.contains("steiner                  redundancy 2.065; k = 7: 0."), "{}", text.out);
    let value = json(&run(&[&options[..], &["--json"]].concat()).out);
    assert_eq!(value["frames"][0]["spectrum"]["subsets"], 8);
    // Frames find no liars.
    let liars = run(&["plan", "--rows", "496", "--cols", "50", "--workers", "8", "--liars", "1"]);
    assert!(!liars.out.contains("steiner"));
}
