//! The codes for stragglers alone: `product` and `mds`. What can be decoded, how often it can, and that it is right.

use super::word::Word;
use half::f16;
use proptest::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;
use steadfast::coding::{Certainty, CodeOptions, DataCode, Mds, Product, Report, Tolerance, Workspace, code_by_name};
use steadfast::error::Error;
use steadfast::seed::{Purpose, Seed};

fn stragglers(stragglers: usize) -> Tolerance {
    Tolerance { liars: 0, stragglers }
}

fn product(rows: usize, cols: usize) -> Product {
    Product::new((rows + 1) * (cols + 1), stragglers(3), Some((rows, cols))).expect("a grid")
}

fn mds(workers: usize, missing: usize) -> Mds {
    Mds::new(workers, stragglers(missing), Seed(5)).expect("a code")
}

/// The workers 0..m in a random order.
fn order(m: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..m).collect::<Vec<_>>()).prop_shuffle()
}

fn decode(code: &dyn DataCode, word: &Word, workspace: &mut Workspace) -> (steadfast::Result<Report>, Vec<f64>) {
    let mut out = vec![f64::NAN; word.truth.len()];
    (code.decode(&word.replies(), workspace, &mut out), out)
}

fn lose(word: &mut Word, missing: &[usize]) {
    word.present.fill(true);
    for &worker in missing {
        word.present[worker] = false;
        word.of(worker).fill(f64::NAN);
    }
}

/// What the decoded value must be: within the bound of the exact product, and the bound no more than `most` times its length.
fn assert_right(code: &dyn DataCode, word: &Word, missing: &[usize], most: f64) {
    let (report, value) = decode(code, word, &mut Workspace::default());
    let report = report.unwrap_or_else(|e| panic!("{} without {missing:?}: {e}", code.name()));
    let mut sorted = missing.to_vec();
    sorted.sort_unstable();
    assert_eq!((&report.erased, report.liars.len(), report.certainty), (&sorted, 0, Certainty::Certified));
    let error = word.error(&value);
    assert!(error <= report.bound, "{} without {missing:?}: {error} above {}", code.name(), report.bound);
    let length = word.truth.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!(report.bound <= most * length, "{} without {missing:?}: {} of {length}", code.name(), report.bound);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_product_code_decodes_without_any_three(
        (rows, cols) in (1usize..6, 1usize..6), order in order(36), lost in 0usize..=3,
        n in 40usize..90, vectors in 1usize..4, precision in 0usize..3, seed: u64,
    ) {
        let code = product(rows, cols);
        let missing: Vec<usize> = order.into_iter().filter(|&i| i < code.workers()).take(lost).collect();
        // A bound of 36 cells at most, 36 round-offs each, and the rows of the matrix are as long as their products.
        let (mut word, most) = match precision {
            0 => (Word::honest::<f64>(&code, n, 30, vectors, seed), 1e-11),
            1 => (Word::honest::<f32>(&code, n, 30, vectors, seed), 1e-2),
            _ => (Word::honest::<f16>(&code, n, 30, vectors, seed), 20.0),
        };
        lose(&mut word, &missing);
        prop_assert!(code.decodable(&word.present, &word.implausible));
        assert_right(&code, &word, &missing, most);
    }

    /// Whatever is missing: `decodable` says what `decode` does.
    #[test]
    fn a_product_code_decodes_what_can_be_peeled(order in order(20), lost in 0usize..=9, seed: u64) {
        let code = product(4, 3);
        let mut word = Word::honest::<f64>(&code, 24, 20, 1, seed);
        lose(&mut word, &order[..lost]);
        if code.decodable(&word.present, &word.implausible) {
            assert_right(&code, &word, &order[..lost], 1e-10);
        } else {
            let refused = decode(&code, &word, &mut Workspace::default()).0;
            prop_assert!(matches!(refused, Err(Error::TooManyFaults { .. })), "{refused:?}");
        }
    }

    #[test]
    fn an_mds_code_decodes_from_any_that_are_enough(
        (m, lost) in (2usize..26).prop_flat_map(|m| (Just(m), 1..m)), order in order(26), spare in 0usize..3, seed: u64,
    ) {
        let code = mds(m, lost);
        prop_assert_eq!((code.blocks(), code.tolerance()), (m - lost, stragglers(lost)));
        let all: Vec<usize> = order.into_iter().filter(|&i| i < m).collect();
        let missing = &all[..lost.saturating_sub(spare)];
        let mut word = Word::honest::<f64>(&code, 30, 12, 2, seed);
        lose(&mut word, missing);
        prop_assert!(code.decodable(&word.present, &word.implausible));
        // Of the worst of all sets of up to 12 columns the smallest singular value may be 1e-7 or so.
        let (report, value) = decode(&code, &word, &mut Workspace::default());
        let report = report.expect("enough");
        prop_assert!(word.error(&value) <= report.bound, "{} above {}", word.error(&value), report.bound);
        prop_assert_eq!(report.certainty, Certainty::Certified);
        lose(&mut word, &all[..(lost + 1).min(m)]);
        prop_assert!(!code.decodable(&word.present, &word.implausible));
        prop_assert!(decode(&code, &word, &mut Workspace::default()).0.is_err());
    }

    /// One wrong reply where a check is left: refused, whoever it is. A lie of 1e-6 an entry is 1e9 round-offs. (Of a product code
    /// no line is left to check the fourth corner of a rectangle once the other three are missing.)
    #[test]
    fn a_lie_is_refused_while_something_is_left_to_check(
        order in order(77), lost in 0usize..=3, scale in -6..12i32, seed: u64,
    ) {
        for code in [&product(10, 6) as &dyn DataCode, &mds(15, 4)] {
            let all: Vec<usize> = order.iter().copied().filter(|&i| i < code.workers()).collect();
            let side = |i: usize, by: fn(usize) -> usize| all[..=lost].iter().filter(|&&j| by(i) == by(j)).count();
            let rectangle = lost == 3 && all[..4].iter().all(|&i| side(i, |i| i / 7) == 2 && side(i, |i| i % 7) == 2);
            if code.workers() == 77 && rectangle {
                continue;
            }
            let mut word = Word::honest::<f64>(code, 61, 9, 1, seed);
            lose(&mut word, &all[..lost]);
            word.of(all[lost]).iter_mut().for_each(|x| *x += 10f64.powi(scale));
            let refused = decode(code, &word, &mut Workspace::default()).0;
            prop_assert!(matches!(refused, Err(Error::TooManyFaults { .. })), "{}: {refused:?}", code.name());
        }
    }
}

/// Replies that are small parts of a word (one block, of which few workers hold a large multiple) carry round-off of the code's own
/// that is far above theirs: no reason to refuse a round, and part of the bound.
#[test]
fn short_replies_carry_the_round_off_of_the_code() {
    for (m, here) in [(18, 3), (24, 1), (25, 2)] {
        let code = mds(m, m - 1);
        for seed in 0..1000 {
            let mut word = Word::honest::<f64>(&code, 30, 12, 2, seed);
            let mut workers: Vec<usize> = (0..m).collect();
            workers.shuffle(&mut Seed(seed).stream(Purpose::Experiment, 2, 0));
            lose(&mut word, &workers[here..]);
            let (report, value) = decode(&code, &word, &mut Workspace::default());
            let report = report.unwrap_or_else(|e| panic!("{m} workers, {:?} here: {e}", &workers[..here]));
            assert!(word.error(&value) <= report.bound, "{} above {}", word.error(&value), report.bound);
        }
    }
}

/// Every set of up to 3 missing workers of one code, with one workspace.
#[test]
fn no_three_missing_replies_are_lost() {
    let code = product(3, 2);
    let m = code.workers();
    let mut word = Word::honest::<f64>(&code, 25, 8, 2, 3);
    let honest = word.values.clone();
    let mut workspace = Workspace::default();
    for (a, b, c) in (0..m).flat_map(|a| (a..m).flat_map(move |b| (b..m).map(move |c| (a, b, c)))) {
        word.values.clone_from(&honest);
        lose(&mut word, &[a, b, c]);
        let (report, value) = decode(&code, &word, &mut workspace);
        let report = report.expect("at most three are missing");
        assert!(word.error(&value) <= report.bound);
        let fresh = decode(&code, &word, &mut Workspace::default());
        assert_eq!((report, value), (fresh.0.expect("the same"), fresh.1), "what was in the workspace changes nothing");
    }
}

/// The parity check is orthonormal, and every honest word satisfies it.
#[test]
fn the_check_sees_no_honest_word() {
    for (rows, cols) in [(1, 1), (3, 2), (10, 6)] {
        let code = product(rows, cols);
        let (m, q) = (code.workers(), code.blocks());
        let check: Vec<&[f64]> = code.parity_check().chunks_exact(m).collect();
        assert_eq!(check.len(), m - q);
        // Sums of at most 77 numbers of at most 1, and what makes them is rounded too: 4 m units.
        let small = 4.0 * m as f64 * f64::EPSILON;
        for (i, a) in check.iter().enumerate() {
            for (j, b) in check.iter().enumerate() {
                let product: f64 = a.iter().zip(*b).map(|(x, y)| x * y).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() <= small);
            }
            for block in 0..q {
                let word: f64 = (0..m).map(|w| a[w] * code.combination(w)[block]).sum();
                assert!(word.abs() <= small);
            }
        }
    }
}

/// Figure 2 of paper 001: A1, A2 and their sum at three workers, any two of which give A x.
#[test]
fn figure_2() {
    let code = mds(3, 1);
    let rows: Vec<&[f64]> = (0..3).map(|w| code.combination(w)).collect();
    let plain = rows.iter().filter(|g| g.iter().filter(|c| **c != 0.0).count() == 1).count();
    let sum = rows.iter().find(|g| g.iter().all(|c| *c != 0.0)).expect("one combination");
    assert_eq!(plain, 2);
    // A sum or a difference: solved for with a few roundings.
    assert!(sum.iter().all(|c| (c.abs() - 1.0).abs() <= 8.0 * f64::EPSILON), "{sum:?}");
    for lost in 0..3 {
        let mut word = Word::honest::<f64>(&code, 17, 5, 1, 9);
        lose(&mut word, &[lost]);
        assert_right(&code, &word, &[lost], 1e-12);
    }
}

const TRIALS: usize = 20_000;

/// How far two shares may be apart that were both counted in as many trials with a chance of `p` each, one of them printed in
/// units of `unit`: 4 standard deviations of their difference (6e-5) and half a unit.
fn apart(p: f64, unit: f64) -> f64 {
    4.0 * (2.0 * p * (1.0 - p) / TRIALS as f64).sqrt() + unit / 2.0
}

/// Share of trials in which independent erasures of the given rate leave too little.
fn failures(code: &dyn DataCode, rate: f64) -> f64 {
    let mut stream = Seed(11).stream(Purpose::Experiment, code.blocks() as u64, rate.to_bits());
    let (mut present, honest) = (vec![true; code.workers()], vec![false; code.workers()]);
    let failed = (0..TRIALS).filter(|_| {
        present.iter_mut().for_each(|here| *here = stream.random::<f64>() >= rate);
        !code.decodable(&present, &honest)
    });
    failed.count() as f64 / TRIALS as f64
}

/// 60 blocks on 77 workers, against the rates measured for the specification in 20,000 trials of its own.
#[test]
fn independent_erasures_fail_as_often_as_measured() {
    let code = product(10, 6);
    for (rate, expected, unit) in [(0.02, 3e-4, 1e-4), (0.05, 6.9e-3, 1e-4), (0.10, 0.108, 1e-3), (0.15, 0.42, 1e-2)] {
        let got = failures(&code, rate);
        assert!((got - expected).abs() <= apart(expected, unit), "product at {rate}: {got}, not {expected}");
    }
    let code = mds(77, 17);
    for (rate, expected, unit) in [(0.02, 0.0, 1e-4), (0.05, 0.0, 1e-4), (0.10, 5e-4, 1e-4), (0.15, 0.034, 1e-3)] {
        let got = failures(&code, rate);
        assert!((got - expected).abs() <= apart(expected, unit), "mds at {rate}: {got}, not {expected}");
    }
}

/// Replies in random order until the round is decodable: 65.3 on average, 70 in 95 of 100.
#[test]
fn arrivals_needed_in_random_order() {
    let code = product(10, 6);
    let m = code.workers();
    let mut stream = Seed(12).stream(Purpose::Experiment, 0, 0);
    let (mut order, honest): (Vec<usize>, _) = ((0..m).collect(), vec![false; m]);
    let mut needed = Vec::with_capacity(TRIALS);
    for _ in 0..TRIALS {
        order.shuffle(&mut stream);
        let mut present = vec![false; m];
        let last = order.iter().position(|&worker| {
            present[worker] = true;
            code.decodable(&present, &honest)
        });
        needed.push(last.expect("all are enough") + 1);
    }
    let mean = needed.iter().sum::<usize>() as f64 / TRIALS as f64;
    let variance = needed.iter().map(|&k| (k as f64 - mean).powi(2)).sum::<f64>() / TRIALS as f64;
    // 4 standard deviations of the difference of two means, and half of the last digit.
    assert!((mean - 65.3).abs() <= 4.0 * (2.0 * variance / TRIALS as f64).sqrt() + 0.05, "{mean}");
    let within = |k: usize| needed.iter().filter(|&&n| n <= k).count() as f64 / TRIALS as f64;
    assert!(within(69) <= 0.95 + apart(0.95, 0.0) && within(70) >= 0.95 - apart(0.95, 0.0), "{}", within(70));
}

#[test]
fn implausible_replies_are_refused_and_named() {
    let code = product(3, 3);
    let mut word = Word::honest::<f64>(&code, 20, 6, 1, 2);
    word.implausible[5] = true;
    assert!(!code.decodable(&word.present, &word.implausible));
    match decode(&code, &word, &mut Workspace::default()).0 {
        Err(Error::TooManyFaults { suspected, .. }) => assert_eq!(suspected, [5]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn unusable_codes_name_what_is_allowed() {
    let text = |spec: &str, workers, liars, stragglers| {
        let made = code_by_name(spec, workers, Tolerance { liars, stragglers }, CodeOptions::default());
        let error = made.expect_err(spec);
        assert!(matches!(error, Error::Usage { .. }), "{error:?}");
        error.to_string()
    };
    assert!(text("product", 77, 1, 0).contains("real-parity or replication"));
    assert!(text("product", 77, 0, 4).contains("at most 3 stragglers"));
    assert!(text("product", 13, 0, 3).contains("12 and 14"));
    assert!(text("product", 2, 0, 0).contains("nearest 4"));
    assert!(text("product:rows=10,cols=6", 76, 0, 0).contains("here 77"));
    assert!(text("product:rows=0,cols=6", 7, 0, 0).contains("from 1"));
    assert!(text("product:rows=18446744073709551615,cols=2", 7, 0, 0).contains("from 1"));
    assert!(text("product:rows=10", 77, 0, 0).contains("both or none"));
    assert!(text("product:blocks=60", 77, 0, 0).contains("rows=…"));
    assert!(text("mds", 15, 1, 1).contains("real-parity or replication"));
    assert!(text("mds", 15, 0, 0).contains("1 to 14 stragglers"));
    assert!(text("mds", 15, 0, 15).contains("1 to 14 stragglers"));
    assert!(text("mds", 1, 0, 1).contains("at least 2 workers"));
    let code = code_by_name("product:rows=6,cols=10", 77, stragglers(2), CodeOptions::default()).expect("77 workers");
    assert_eq!((code.name().as_str(), code.tolerance()), ("product:rows=6,cols=10", stragglers(3)));
    // An even number of workers and an odd number of stragglers costs no worker more.
    assert_eq!(mds(16, 3).blocks(), 13);
}
