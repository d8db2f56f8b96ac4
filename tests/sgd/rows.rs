//! Single rows: what comes back, what it costs, and what is refused.

use std::sync::Arc;

use super::{dense, distance, number, open, parity, rows_of, sparse};
use steadfast::coding::{Certainty, DataCode, Mds, Product, Replication, Tolerance, Uncoded};
use steadfast::data::Matrix;
use steadfast::error::Result;
use steadfast::fleet::{Attack, Counters, FaultPlan, PRODUCT_ATTACKS, SimulatedFleet};
use steadfast::oracle::{CodedOracle, ProductOracle, SampleOracle};
use steadfast::scalar::Element;
use steadfast::seed::Seed;

/// Decoded rows are the stored ones within the certificate's bound, every lie is named, nobody else is.
fn check_rows<T: Element>(data: &Matrix<T>, label: &str) {
    let plan = |liars, attack: &str| {
        FaultPlan::new(15, Seed(5)).changing(true).liars(liars, Attack::parse(attack).expect("an attack"))
    };
    let (mut worst, mut rounds) = (0.0f64, 0);
    for t in 1..=4 {
        for attack in PRODUCT_ATTACKS {
            let (mut oracle, witness) = open(data, parity(15, t, 0), plan(t, attack), 0);
            for rows in [&[3][..], &[0], &[7, 7, 1, 40, 2], &(0..32).collect::<Vec<_>>()] {
                let mut got = vec![0.0; rows.len() * data.cols()];
                oracle.samples(rows, &mut got).unwrap_or_else(|e| panic!("{label}, {attack}, t = {t}: {e}"));
                let round = oracle.drain();
                let off = distance(&got, &rows_of(data, rows));
                assert!(off <= round.bound, "{label}, {attack}, t = {t}: {off:e} above {:e}", round.bound);
                assert_eq!(round.certainty, Certainty::Certified);
                let told = witness.take();
                let innocent: Vec<_> = round.liars.iter().filter(|w| !told.heard.contains(w)).collect();
                assert!(innocent.is_empty(), "{label}, {attack}, t = {t}: {innocent:?} are innocent");
                worst = worst.max(off);
                rounds += 1;
            }
        }
    }
    println!("{label}: {rounds} rounds, largest error of a batch {worst:.1e}");
}

#[test]
fn rows_come_back_as_they_are_stored() {
    check_rows(&dense(60, 37), "dense f64");
    check_rows(&dense(60, 37).convert::<f32>(), "dense f32");
    check_rows(&dense(60, 37).convert::<half::f16>(), "dense f16");
    check_rows(&sparse(60, 37), "sparse f64");
    check_rows(&sparse(60, 37).convert::<f32>(), "sparse f32");
}

/// Workers round equal rows alike, so that a batch of one row, or a product of data that repeat it, shows one round-off many times
/// over. It passes for noise, whoever lies beside it.
fn check_equal_rows<T: Element>(label: &str) {
    let (n, d) = (60, 37);
    let row = dense(1, d).convert::<T>();
    let data = row.select_rows(&vec![0; n]);
    for t in 1..=7 {
        for (liars, attack) in [(0, "zero"), (1, "gaussian"), (1, "sign-flip"), (t, "gaussian"), (t, "zero")] {
            let plan =
                FaultPlan::new(15, Seed(6)).changing(true).liars(liars, Attack::parse(attack).expect("an attack"));
            let (mut oracle, witness) = open(&data, parity(15, t, 0), plan, 0);
            let judge = |oracle: &mut CodedOracle<'_, SimulatedFleet<T>>, done: Result<()>, what: &str| {
                done.unwrap_or_else(|e| panic!("{label}, {attack}, {liars} of t = {t}, {what}: {e}"));
                let (round, told) = (oracle.drain(), witness.take());
                let innocent: Vec<_> = round.liars.iter().filter(|w| !told.heard.contains(w)).collect();
                assert!(
                    innocent.is_empty(),
                    "{label}, {attack}, {liars} of t = {t}, {what}: {innocent:?} are innocent"
                );
                round.bound
            };
            for batch in [2, 5, 8, 32] {
                let rows: Vec<usize> = (0..batch).collect();
                let mut got = vec![0.0; batch * d];
                let done = oracle.samples(&rows, &mut got);
                let bound = judge(&mut oracle, done, &format!("a batch of {batch}"));
                assert!(distance(&got, &rows_of(&data, &rows)) <= bound);
            }
            for round in 0..10 {
                let weights: Vec<f64> = (0..d as u64).map(|j| number(1000 * round + j)).collect();
                let done = oracle.margins(&weights, &mut vec![0.0; n]);
                judge(&mut oracle, done, &format!("product {round}"));
            }
        }
    }
}

#[test]
fn equal_rows_are_not_taken_for_lies() {
    check_equal_rows::<f64>("f64");
    check_equal_rows::<f32>("f32");
    check_equal_rows::<half::f16>("f16");
}

/// Without lies, a round is a copy: the same bits.
#[test]
fn honest_rounds_copy() {
    let data = dense(50, 20);
    let tolerance = |liars, stragglers| Tolerance { liars, stragglers };
    let codes: [Arc<dyn DataCode>; 5] = [
        parity(15, 3, 0),
        Arc::new(Uncoded::new(15).expect("a code")),
        Arc::new(Replication::new(15, tolerance(1, 0), None).expect("a code")),
        Arc::new(Mds::new(15, tolerance(0, 3), Seed(1)).expect("a code")),
        Arc::new(Product::new(16, tolerance(0, 3), None).expect("a code")),
    ];
    for code in codes {
        let (mut oracle, _) = open(&data, code.clone(), FaultPlan::new(code.workers(), Seed(1)), 0);
        let rows: Vec<usize> = (0..50).rev().collect();
        let mut got = vec![0.0; 50 * 20];
        oracle.samples(&rows, &mut got).expect("honest workers");
        assert_eq!(got, rows_of(&data, &rows), "{}", code.name());
    }
}

/// Theorem 3: a worker sends p2 numbers an example and computes nothing; the master broadcasts the numbers of the examples.
#[test]
fn a_sample_costs_what_the_theorem_says() {
    let (n, d) = (120, 44);
    let data = dense(n, d);
    for t in 1..=4 {
        let code = parity(15, t, 0);
        let p2 = d.div_ceil(code.blocks()) as u64;
        let (mut oracle, _) = open(&data, code.clone(), FaultPlan::new(15, Seed(1)), 0);
        let before = oracle.counters();
        let p1 = n.div_ceil(code.blocks());
        // Of X', m p2 n; X is there for the products with which runs are measured.
        assert_eq!(before.stored, 15 * (p2 * n as u64 + (p1 * d) as u64));
        for batch in [1, 8] {
            let before = oracle.counters();
            oracle.samples(&vec![5; batch], &mut vec![0.0; batch * d]).expect("honest workers");
            let after = oracle.counters();
            let b = batch as u64;
            let cost = Counters {
                rounds: before.rounds + 1,
                floats_down: before.floats_down + b,
                floats_down_unicast: before.floats_down_unicast + 15 * b,
                floats_up: before.floats_up + 15 * p2 * b,
                ..before
            };
            assert_eq!(after, cost, "t = {t}, {batch} rows");
        }
    }
}

/// With keys: lies of more workers than parity alone could locate are caught, one unit of redundancy each.
#[test]
fn keys_judge_single_rows() {
    let data = dense(60, 30);
    let plan = FaultPlan::new(15, Seed(4)).changing(true).liars(5, Attack::parse("all-ones").expect("an attack"));
    let (mut oracle, witness) = open(&data, parity(15, 5, 0), plan, 2);
    for round in 0..6 {
        let rows = [round, 59 - round];
        let mut got = vec![0.0; 2 * 30];
        oracle.samples(&rows, &mut got).expect("within the tolerance");
        let report = oracle.drain();
        assert_eq!(report.liars, witness.take().heard);
        assert!(distance(&got, &rows_of(&data, &rows)) <= report.bound);
    }
}

#[test]
fn stragglers_are_not_waited_for() {
    let data = dense(60, 30);
    let plan = FaultPlan::new(15, Seed(4)).liars(2, Attack::Zero).slow(1).dead(1);
    let (mut oracle, _) = open(&data, parity(15, 2, 2), plan, 0);
    let mut got = vec![0.0; 30];
    oracle.samples(&[11], &mut got).expect("two of fifteen are missing, two lie");
    let round = oracle.drain();
    assert_eq!((round.late.len(), round.liars.len()), (2, 2));
    assert!(distance(&got, &rows_of(&data, &[11])) <= round.bound);
}

#[test]
fn rows_that_are_not_there_are_refused() {
    let data = dense(20, 16);
    let (mut oracle, _) = open(&data, parity(15, 1, 0), FaultPlan::new(15, Seed(1)), 0);
    let mut refused = |rows: &[usize], room: usize| {
        let error = oracle.samples(rows, &mut vec![0.0; room]).expect_err("nothing to decode");
        assert_eq!(error.exit_status(), 2);
        error.to_string()
    };
    assert_eq!(refused(&[20], 16), "row to sample: got 20; allowed: below 20, the number of rows");
    assert!(refused(&[], 0).contains("at least 1"));
    assert!(refused(&[1, 2], 16).contains("2 x 16 numbers"));
}
