//! The coded oracle against the plain product: every code, precision and attack, within the certificate's bound.

use std::borrow::Cow;
use std::sync::Arc;

use half::f16;
use rand_distr::{Distribution, StandardNormal};
use steadfast::coding::{DataCode, ParityOptions, RealParity, Replication, Tolerance, Uncoded};
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::CpuDevice;
use steadfast::error::Error;
use steadfast::fleet::{
    Arrivals, Attack, Clock, Delay, FaultPlan, Faults, Fleet, Gather, Opcode, PRODUCT_ATTACKS, Request, Round,
    SimulatedFleet, Witness,
};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle, Rounds};
use steadfast::scalar::{Element, Precision};
use steadfast::seed::{Purpose, Seed};

fn tolerance(liars: usize, stragglers: usize) -> Tolerance {
    Tolerance { liars, stragglers }
}

fn parity(m: usize, t: usize, s: usize) -> Arc<dyn DataCode> {
    Arc::new(RealParity::new(m, tolerance(t, s)).expect("a code"))
}

/// Gaussian numbers that every precision can hold as a broadcast.
fn numbers(count: usize, stream: u64) -> Vec<f64> {
    let normal = Seed(17).stream(Purpose::Experiment, stream, 0);
    Distribution::<f64>::sample_iter(StandardNormal, normal).take(count).map(|x| f64::from(x as f32)).collect()
}

fn dense(n: usize, d: usize) -> Matrix<f64> {
    Matrix::Dense(Dense::new(n, d, numbers(n * d, 1)).expect("n x d values"))
}

/// Every third entry.
fn sparse(n: usize, d: usize) -> Matrix<f64> {
    let (mut offsets, mut indices) = (vec![0], Vec::new());
    for i in 0..n {
        indices.extend((0..u32::try_from(d).expect("few columns")).skip(i % 3).step_by(3));
        offsets.push(indices.len());
    }
    let values = numbers(indices.len(), 2);
    Matrix::Csr(Csr::new(n, d, offsets, indices, values).expect("ascending columns"))
}

type Coded<T> = CodedOracle<'static, SimulatedFleet<T>>;

/// An oracle of `data` in precision T, and the witness of `plan`.
fn open<T: Element>(data: &Matrix<f64>, code: Arc<dyn DataCode>, plan: FaultPlan, keys: usize) -> (Coded<T>, Witness) {
    let (faults, witness) = plan.parity_check(code.parity_check()).split().expect("a plan");
    let fleet = SimulatedFleet::new(Box::new(CpuDevice::new(Some(1)).expect("a thread")), faults, Clock::default());
    let options = OracleOptions { gather: Gather::All, keys, seed: Seed(4) };
    (CodedOracle::new(Cow::Owned(data.convert()), code, fleet, &options).expect("a loaded fleet"), witness)
}

fn norm(values: &[f64]) -> f64 {
    values.chunks(64).map(|c| c.iter().map(|x| x * x).sum::<f64>()).sum::<f64>().sqrt()
}

/// One product of each kind with r vectors; each error against the plain product over what it may be: the certificate's
/// bound and the rounding of the plain product itself, which sums at most `terms` numbers one after the other, so errs by
/// at most `terms u |X|_F |V|_F`.
fn check<T: Element>(oracle: &mut Coded<T>, data: &Matrix<f64>, r: usize, round: u64, label: &str) -> Vec<Rounds> {
    // What is encoded is the data as stored.
    let stored: Matrix<f64> = data.convert::<T>().convert();
    let (n, d) = (stored.rows(), stored.cols());
    let mut frobenius = Vec::new();
    (0..n).for_each(|i| stored.for_each_in_row(i, |_, x| frobenius.push(x)));
    let frobenius = norm(&frobenius);
    let mut seen = Vec::new();
    for columns in [false, true] {
        let input = numbers(r * if columns { n } else { d }, 10 + 2 * round + u64::from(columns));
        let length = r * if columns { d } else { n };
        let (mut got, mut want) = (vec![0.0; length], vec![0.0; length]);
        let (done, terms) = if columns {
            stored.multiply_transposed(&input, r, &mut want);
            (oracle.pullback(&input, &mut got), n.min(128) + n / 128 + 2)
        } else {
            stored.multiply(&input, r, &mut want);
            (oracle.margins(&input, &mut got), d / 4 + 5)
        };
        match done {
            Ok(()) => {}
            // Lies of rank one can hide their number; then a refusal is an answer.
            Err(Error::TooManyFaults { .. }) if label.contains("collude") || label.contains("all-ones") => continue,
            Err(error) => panic!("{label}: {error}"),
        }
        let rounds = oracle.drain();
        let difference: Vec<f64> = got.iter().zip(&want).map(|(g, w)| g - w).collect();
        let allowed = rounds.bound + terms as f64 * f64::EPSILON / 2.0 * frobenius * norm(&input);
        let error = norm(&difference);
        assert!(error <= allowed, "{label}, columns {columns}: error {error:e}, bound {:e}", rounds.bound);
        // A bound that says nothing would pass. What can hide is at most 905 round-offs (measured over optimised attacks),
        // at a noise level that is raised by 10 at most; a round-off is u |X|_F |V|_F with, for f16, that of the storage.
        let round_off = match T::PRECISION {
            Precision::F64 => 9.0 * Precision::F64.unit_roundoff(),
            Precision::F32 => Precision::F32.unit_roundoff(),
            Precision::F16 => 2f64.powi(-11),
        };
        let round_offs = rounds.bound / (round_off * frobenius * norm(&input));
        assert!(round_offs < 9050.0 || !rounds.certainty.is_certified(), "{label}: a bound of {round_offs} round-offs");
        seen.push(rounds);
    }
    seen
}

fn every_attack<T: Element>(code: &Arc<dyn DataCode>, liars: usize) {
    // Neither 133 nor 31 is a multiple of 6 or 3 or 9.
    for data in [dense(133, 31), sparse(133, 31)] {
        for &attack in PRODUCT_ATTACKS {
            if attack == "near-code" && code.parity_check().is_empty() {
                continue;
            }
            let plan = FaultPlan::new(code.workers(), Seed(8)).changing(true);
            let plan = plan.liars(liars, Attack::parse(attack).expect("an attack"));
            let (mut oracle, witness) = open::<T>(&data, code.clone(), plan, 0);
            for round in 0..3 {
                let label = format!("{} {} {attack}", code.name(), T::PRECISION);
                let seen = check(&mut oracle, &data, 1, round, &label);
                let mut named: Vec<usize> = seen.iter().flat_map(|r| r.liars.iter().copied()).collect();
                named.sort_unstable();
                named.dedup();
                let truth = witness.take().liars;
                match attack {
                    // Made to look like innocents; the bound is what stands.
                    "near-code" => {}
                    // A round-off and a few more: harmless, and now and then found.
                    "threshold" => assert!(named.iter().all(|i| truth.contains(i)), "{label}: {named:?}"),
                    "collude" | "all-ones" => assert!(named.iter().all(|i| truth.contains(i)), "{label}: {named:?}"),
                    _ => assert_eq!(named, truth, "{label}"),
                }
            }
        }
    }
}

#[test]
fn real_parity_decodes_every_attack_within_its_bound() {
    let code = parity(15, 4, 1);
    every_attack::<f64>(&code, 4);
    every_attack::<f32>(&code, 4);
    every_attack::<f16>(&code, 4);
}

#[test]
fn replication_decodes_every_attack_within_its_bound() {
    let code: Arc<dyn DataCode> = Arc::new(Replication::new(15, tolerance(2, 0), None).expect("a code"));
    every_attack::<f64>(&code, 2);
    every_attack::<f32>(&code, 2);
    every_attack::<f16>(&code, 2);
}

#[test]
fn uncoded_is_the_plain_product() {
    fn at<T: Element>() {
        for data in [dense(133, 31), sparse(133, 31)] {
            let code: Arc<dyn DataCode> = Arc::new(Uncoded::new(15).expect("a code"));
            let (mut oracle, _) = open::<T>(&data, code, FaultPlan::new(15, Seed(8)), 0);
            for rounds in check(&mut oracle, &data, 1, 0, "uncoded") {
                // It detects nothing and says so.
                assert!(rounds.bound.is_infinite() && !rounds.certainty.is_certified());
            }
            // So the numbers themselves: a dot product of `terms` numbers errs by at most `terms u |x| |v|`.
            let stored: Matrix<f64> = data.convert::<T>().convert();
            let v = numbers(31, 3);
            let (mut got, mut want) = (vec![0.0; 133], vec![0.0; 133]);
            oracle.margins(&v, &mut got).expect("honest workers");
            stored.multiply(&v, 1, &mut want);
            for i in 0..133 {
                let mut row = Vec::new();
                stored.for_each_in_row(i, |_, x| row.push(x));
                let allowed = 2.0 * 31.0 * T::PRECISION.unit_roundoff() * norm(&row) * norm(&v);
                assert!((got[i] - want[i]).abs() <= allowed, "row {i}: {} {}", got[i], want[i]);
            }
        }
    }
    at::<f64>();
    at::<f32>();
    at::<f16>();
}

/// A fleet with delays, and then one without: the same replies, the same bits; and an error where one of them does not come.
#[test]
fn replayed_rounds_take_the_replies_of_the_record() {
    let data = dense(95, 22);
    let open = |delay: &str, dead: usize, arrivals: Arrivals| {
        let plan = FaultPlan::new(15, Seed(8)).liars(2, Attack::parse("gaussian").expect("an attack")).dead(dead);
        let (faults, _) = plan.parity_check(parity(15, 2, 3).parity_check()).split().expect("a plan");
        let device = Box::new(CpuDevice::new(Some(1)).expect("a thread"));
        let fleet = SimulatedFleet::<f64>::new(
            device,
            faults,
            Clock { delay: Delay::parse(delay).expect("a delay"), seed: Seed(2), ..Clock::default() },
        );
        let options = OracleOptions { gather: Gather::Decodable, keys: 0, seed: Seed(4) };
        let oracle =
            CodedOracle::new(Cow::Owned(data.clone()), parity(15, 2, 3), fleet, &options).expect("a loaded fleet");
        oracle.replay(arrivals)
    };
    let products = |oracle: &mut Coded<f64>| {
        let mut all = vec![0.0; 4 * 95];
        for (round, out) in (0..).zip(all.chunks_mut(95)) {
            oracle.margins(&numbers(22, 20 + round), out)?;
        }
        Ok::<_, Error>((all, oracle.arrivals().expect("gathered").clone()))
    };
    let (values, arrivals) = products(&mut open("exponential", 0, Arrivals::default())).expect("decoded");
    assert_eq!((arrivals.rounds(), arrivals.missing().len()), (4, 4));
    // Three stragglers, and liars who are known for what they are are not waited for either.
    assert!(arrivals.missing().iter().all(|(_, missing)| missing.len() <= 5), "{arrivals:?}");
    let (again, same) = products(&mut open("none", 0, arrivals.clone())).expect("decoded");
    assert_eq!((&again, &same), (&values, &arrivals));
    // Without the record all are there at once, and the last bits are others.
    let (plain, all) = products(&mut open("none", 0, Arrivals::default())).expect("decoded");
    assert!(plain != values && all.missing().is_empty());
    // Rounds beyond the record gather as usual.
    let first = arrivals.missing()[..1].to_vec();
    let short = Arrivals::of_record(15, 1, first).expect("a round");
    let (_, mixed) = products(&mut open("none", 0, short)).expect("decoded");
    assert_eq!((mixed.missing(), mixed.rounds()), (&arrivals.missing()[..1], 4));
    // Ten of fifteen or more were taken each time, so somebody is lacking where six are dead.
    let error = products(&mut open("none", 6, arrivals)).unwrap_err();
    assert!(matches!(&error, Error::Fleet(what) if what.contains("replayed round 0 lacks")), "{error}");
}

#[test]
fn ten_vectors_at_a_time() {
    let replication: Arc<dyn DataCode> = Arc::new(Replication::new(15, tolerance(2, 0), None).expect("a code"));
    for (code, liars) in [(parity(15, 4, 1), 4), (replication, 2)] {
        for attack in ["gaussian", "sign-flip", "replay", "entries"] {
            let plan =
                FaultPlan::new(15, Seed(9)).changing(true).liars(liars, Attack::parse(attack).expect("an attack"));
            let (mut oracle, witness) = open::<f32>(&dense(95, 22), code.clone(), plan, 0);
            for round in 0..3 {
                let label = format!("{} {attack}", code.name());
                let mut named: Vec<usize> =
                    check(&mut oracle, &dense(95, 22), 10, round, &label).into_iter().flat_map(|r| r.liars).collect();
                named.sort_unstable();
                named.dedup();
                assert_eq!(named, witness.take().liars, "{label}");
            }
        }
    }
}

/// With one row a shard there is one number a worker to judge by.
#[test]
fn fewer_columns_or_rows_than_blocks() {
    let code = parity(15, 3, 0);
    assert_eq!(code.blocks(), 9);
    for (n, d) in [(60, 4), (60, 1), (5, 40), (9, 9), (10, 10)] {
        let plan = FaultPlan::new(15, Seed(10)).changing(true).liars(3, Attack::Gaussian { sigma: 100.0 });
        let (mut oracle, witness) = open::<f64>(&dense(n, d), code.clone(), plan, 0);
        for round in 0..5 {
            let seen = check(&mut oracle, &dense(n, d), 1, round, &format!("{n} x {d}"));
            let mut named: Vec<usize> = seen.into_iter().flat_map(|r| r.liars).collect();
            named.sort_unstable();
            named.dedup();
            assert_eq!(named, witness.take().liars, "{n} x {d}");
        }
    }
}

/// A caught worker's keys are replaced, not the worker: with other liars each round all 30 are caught sooner or later, and
/// the last round is as good as the first.
#[test]
fn keys_with_changing_liars_for_fifty_rounds() {
    let (m, t) = (30, 10);
    for attack in ["gaussian", "all-ones", "collude"] {
        let options = ParityOptions { keyed: true, seed: Seed(4), ..ParityOptions::default() };
        let code: Arc<dyn DataCode> = Arc::new(RealParity::with_options(m, tolerance(t, 0), options).expect("a code"));
        let plan = FaultPlan::new(m, Seed(12)).changing(true).liars(t, Attack::parse(attack).expect("an attack"));
        let data = dense(203, 47);
        let (mut oracle, witness) = open::<f32>(&data, code, plan, 2);
        let mut ever = vec![false; m];
        for gradient in 0..25 {
            // Not the label that may be refused: keys catch colluders one by one.
            let seen = check(&mut oracle, &data, 1, gradient, &format!("keys, gradient {gradient}"));
            let mut named: Vec<usize> = seen.into_iter().flat_map(|r| r.liars).collect();
            named.sort_unstable();
            named.dedup();
            named.iter().for_each(|&i| ever[i] = true);
            assert_eq!(named, witness.take().liars, "{attack}, gradient {gradient}");
        }
        assert!(ever.iter().all(|e| *e), "{attack}: {ever:?}");
        assert_eq!(oracle.counters().rounds, 50);
    }
}

#[test]
fn what_does_not_fit_is_refused_before_any_round() {
    let data = dense(40, 6);
    let fleet = |workers: usize| {
        let device = Box::new(CpuDevice::<f64>::new(Some(1)).expect("a thread"));
        SimulatedFleet::new(device, Faults::none(workers), Clock::default())
    };
    let options = |gather| OracleOptions { gather, keys: 0, seed: Seed(1) };
    let new = |workers: usize, gather| {
        CodedOracle::new(Cow::Borrowed(&data), parity(15, 2, 1), fleet(workers), &options(gather)).map(|_| ())
    };
    let message = |result: steadfast::Result<()>| {
        let error = result.expect_err("refused");
        assert!(matches!(error, Error::Usage { .. }), "{error}");
        assert_eq!(error.exit_status(), 2);
        error.to_string()
    };
    assert!(message(new(14, Gather::All)).contains("14"));
    // Ten replies decode, but with two unknown liars among them nothing is certain; 14 are needed.
    for k in [0, 10, 13, 16] {
        assert!(message(new(15, Gather::First(k))).contains("first"), "{k}");
    }
    assert!(new(15, Gather::First(14)).is_ok());

    // A vector that is no vector is found before it is sent.
    let made = CodedOracle::new(Cow::Borrowed(&data), parity(15, 2, 1), fleet(15), &options(Gather::All));
    let mut oracle = made.expect("a loaded fleet");
    let error = oracle.margins(&[0.0, 1.0, f64::NAN, 0.0, 0.0, 0.0], &mut [0.0; 40]).expect_err("refused");
    assert!(matches!(error, Error::Numerical(_)), "{error}");
    assert_eq!(oracle.counters().rounds, 0);

    // A fleet without shards refuses a request.
    let mut empty = fleet(15);
    let request = Request { round: 0, opcode: Opcode::Product, operand: Operand::ROWS, vectors: 1 };
    let mut round = Round::new(15);
    round.begin(&request, 4, Gather::All, &[f64::INFINITY; 15]).expect("a round");
    let error = empty.run(&request, &[1.0; 6], &mut round, &|_, _| false).expect_err("refused");
    assert!(error.to_string().contains("shard"), "{error}");
}

/// One liar more than the code carries: refused, with the tolerance in the message.
#[test]
fn one_liar_too_many_is_refused() {
    for attack in ["gaussian", "scale", "constant", "zero", "sign-flip"] {
        let plan = FaultPlan::new(15, Seed(13)).changing(true).liars(5, Attack::parse(attack).expect("an attack"));
        let data = dense(133, 31);
        let (mut oracle, _) = open::<f64>(&data, parity(15, 4, 0), plan, 0);
        let error = oracle.margins(&numbers(31, 4), &mut [0.0; 133]).expect_err("refused");
        assert_eq!(error.exit_status(), 3, "{attack}: {error}");
        assert!(error.to_string().contains("4 liars"), "{attack}: {error}");
    }
}

/// Vectors whose squares over- or underflow, in what workers compute in or here: the same digits at another scale.
#[test]
fn extreme_sizes_change_no_digit() {
    fn run<T: Element>(code: &Arc<dyn DataCode>, scales: &[i32]) {
        let data = dense(60, 7);
        let mut plain = vec![0.0; 60];
        let vector = numbers(7, 9);
        for (at, exponent) in [0].iter().chain(scales).enumerate() {
            let plan = FaultPlan::new(9, Seed(3)).liars(2, Attack::SignFlip { scale: 1.0 }).changing(false);
            let (mut oracle, _) = open::<T>(&data, Arc::clone(code), plan, 0);
            let scale = 2f64.powi(*exponent);
            let scaled: Vec<f64> = vector.iter().map(|x| x * scale).collect();
            let mut out = vec![0.0; 60];
            oracle.margins(&scaled, &mut out).expect("two liars of nine");
            let rounds = oracle.drain();
            assert_eq!(rounds.liars.len(), 2, "2^{exponent}");
            if at == 0 {
                plain.copy_from_slice(&out);
            } else {
                assert!(out.iter().zip(&plain).all(|(x, y)| *x == y * scale), "2^{exponent}");
            }
            assert!(rounds.bound > 0.0 && rounds.bound < 1e-3 * scale, "2^{exponent}: {}", rounds.bound);
        }
    }
    for code in [parity(9, 2, 0), Arc::new(Replication::new(9, tolerance(2, 0), None).unwrap()) as Arc<dyn DataCode>] {
        run::<f64>(&code, &[600, 900, -600, -900]);
        run::<f32>(&code, &[90, 600, -90, -600]);
    }
}
