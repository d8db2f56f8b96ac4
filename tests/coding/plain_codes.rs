//! Uncoded fleets and replication: exact without faults, the right answer or a refusal with them.

use super::word::Word;
use half::f16;
use proptest::prelude::*;
use steadfast::coding::{
    Certainty, CodeOptions, DataCode, Replication, Report, Tolerance, Uncoded, Workspace, code_by_name,
};
use steadfast::error::Error;

fn decode(code: &dyn DataCode, word: &Word) -> (steadfast::Result<Report>, Vec<f64>) {
    let mut out = vec![f64::NAN; word.truth.len()];
    (code.decode(&word.replies(), &mut Workspace::default(), &mut out), out)
}

fn replication(
    workers: usize,
    liars: usize,
    stragglers: usize,
    factor: Option<usize>,
) -> steadfast::Result<Replication> {
    Replication::new(workers, Tolerance { liars, stragglers }, factor)
}

/// The workers 0..m in a random order.
fn order(m: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..m).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn uncoded_decodes_what_was_sent(m in 1usize..9, rows in 0usize..40, vectors in 1usize..4, seed: u64) {
        let code = Uncoded::new(m).expect("some workers");
        let word = Word::honest::<f64>(&code, rows, 7, vectors, seed);
        let (report, value) = decode(&code, &word);
        let report = report.expect("nothing is missing");
        // Rows of 7 products: at most 7 roundings of at most 7 in f64 in either sum.
        prop_assert!(word.truth.iter().zip(&value).all(|(a, b)| (a - b).abs() <= 49.0 * f64::EPSILON));
        prop_assert_eq!((report.certainty, report.bound), (Certainty::Uncertified, f64::INFINITY));
        // Row b q + j is row b of worker j, to the bit.
        let p = word.layout.shard_rows;
        for (i, row) in value.chunks_exact(vectors).enumerate() {
            prop_assert_eq!(row, &word.values[((i % m) * p + i / m) * vectors..][..vectors]);
        }
    }

    #[test]
    fn replication_survives_its_tolerance_anywhere(
        (t, s, groups) in (0usize..4, 0usize..3, 1usize..4),
        order in order(27), rows in 1usize..30, vectors in 1usize..3, lie in -3.0..3.0f64, scale in 0i32..12, seed: u64,
    ) {
        let m = groups * (2 * t + s + 1);
        let code = replication(m, t, s, Some(2 * t + s + 1)).expect("a factor that divides");
        prop_assert_eq!((code.blocks(), code.factor()), (groups, 2 * t + s + 1));
        let mut word = Word::honest::<f32>(&code, rows, 40, vectors, seed);
        let honest = word.values.clone();
        let faulty: Vec<usize> = order.into_iter().filter(|&i| i < m).take(t + s).collect();
        let (liars, missing) = faulty.split_at(t.min(faulty.len()));
        for (k, &i) in liars.iter().enumerate() {
            // Some shift all numbers the same way, one sends what is not a number and is named by its reply alone.
            word.of(i).iter_mut().for_each(|x| *x += lie * 10f64.powi(scale) + 0.5);
            if k == 2 {
                word.of(i).fill(f64::NAN);
                word.implausible[i] = true;
            }
        }
        for &i in missing {
            word.present[i] = false;
            word.of(i).fill(f64::NAN);
        }
        prop_assert!(code.decodable(&word.present, &word.implausible));
        let (report, value) = decode(&code, &word);
        let report = report.expect("within the tolerance");
        // A lie of exactly -0.5 / 10^scale is none: count those that changed a number by more than honest rounding can.
        let mut expected: Vec<usize> = liars.iter().copied()
            .filter(|&i| word.of(i).is_empty() || word.of(i)[0].is_nan() || (lie * 10f64.powi(scale) + 0.5).abs() > 1e-3)
            .collect();
        expected.sort_unstable();
        if (lie * 10f64.powi(scale) + 0.5).abs() > 1e-3 || t == 0 {
            prop_assert_eq!(&report.liars, &expected);
        }
        prop_assert!(report.liars.iter().all(|i| liars.contains(i)), "nobody innocent is named");
        let mut sorted = missing.to_vec();
        sorted.sort_unstable();
        prop_assert_eq!(&report.erased, &sorted);
        prop_assert_eq!(report.certainty, Certainty::Certified);
        prop_assert!(word.error(&value) <= report.bound, "{} above {}", word.error(&value), report.bound);
        // The same kernel gave the same bits: the value is the honest one.
        let p = word.layout.shard_rows;
        for (i, row) in value.chunks_exact(vectors).enumerate() {
            prop_assert_eq!(row, &honest[((i % groups) * p + i / groups) * vectors..][..vectors]);
        }
    }

    /// t + 1 liars in one group who each say something else.
    #[test]
    fn too_many_liars_are_refused(t in 0usize..4, groups in 1usize..4, target in 0usize..4, seed: u64) {
        let factor = 2 * t + 2;
        let code = replication(groups * factor, t, 1, Some(factor)).expect("a factor that divides");
        let mut word = Word::honest::<f64>(&code, 24, 40, 1, seed);
        for k in 0..=t {
            word.of(target % groups + k * groups).iter_mut().for_each(|x| *x += 1.0 + k as f64);
        }
        match decode(&code, &word).0 {
            Err(Error::TooManyFaults { suspected, .. }) => prop_assert_eq!(suspected.len(), t + 1),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Honest replies from unequal kernels differ by rounding; nobody is named and the value stays within the bound.
    #[test]
    fn round_off_is_not_a_lie(seed: u64, cols in 1usize..400) {
        let code = replication(6, 1, 0, Some(3)).expect("3 divides 6");
        let mut word = Word::honest::<f32>(&code, 20, cols, 2, seed);
        for worker in 0..6 {
            let shard = word.shards[worker].clone();
            let mut exact = vec![0.0; word.of(worker).len()];
            shard.multiply(&word.broadcast, 2, &mut exact);
            if worker >= 4 {
                word.of(worker).copy_from_slice(&exact);
            } else if worker >= 2 {
                // Rounded once.
                word.of(worker).iter_mut().zip(exact).for_each(|(o, x)| *o = f64::from(x as f32));
            }
        }
        let (report, value) = decode(&code, &word);
        let report = report.expect("all are honest");
        prop_assert!(report.liars.is_empty());
        prop_assert!(word.error(&value) <= report.bound);
    }
}

#[test]
fn uncoded_refuses_the_missing_and_the_implausible() {
    let code = Uncoded::new(5).expect("some workers");
    let mut word = Word::honest::<f16>(&code, 12, 6, 1, 3);
    word.present[3] = false;
    word.implausible[1] = true;
    match decode(&code, &word).0 {
        Err(Error::TooManyFaults { erased, suspected, .. }) => assert_eq!((erased, suspected), (vec![3], vec![1])),
        other => panic!("{other:?}"),
    }
    let mut out = vec![0.0; 3];
    assert!(matches!(code.decode(&word.replies(), &mut Workspace::default(), &mut out), Err(Error::Usage { .. })));
}

/// Which replies suffice: 2 t'' + 1 in every group, t'' = t less those named, and never with more than t named.
#[test]
fn replication_waits_for_enough() {
    let code = replication(12, 1, 1, Some(4)).expect("4 divides 12");
    let test = |absent: &[usize], named: &[usize]| {
        let flags = |which: &[usize]| (0..12).map(|i| which.contains(&i)).collect::<Vec<_>>();
        let present: Vec<bool> = flags(absent).into_iter().map(|a| !a).collect();
        code.decodable(&present, &flags(named))
    };
    assert!(test(&[], &[]));
    assert!(test(&[0, 4, 8], &[]), "one of each group");
    assert!(!test(&[0, 3], &[]), "two of the group of 0, 3, 6, 9");
    assert!(test(&[0, 3], &[6]), "no liar is left to fear");
    assert!(!test(&[0, 3, 9], &[6]), "nobody of the group is left");
    assert!(!test(&[], &[1, 2]), "two liars where one is tolerated");
}

#[test]
fn a_liar_can_not_use_the_vote_to_accuse() {
    // The liar stands between honest replies that differ by rounding, at the edge of agreement with one of them.
    let code = replication(3, 1, 0, None).expect("3 workers");
    let mut word = Word::honest::<f32>(&code, 16, 64, 1, 8);
    let noise = steadfast::coding::honest_noise(&word.stats[0], steadfast::scalar::Precision::F32, &word.broadcast);
    word.of(1).iter_mut().for_each(|x| *x += 3.0 * noise);
    word.of(2).iter_mut().for_each(|x| *x -= 3.0 * noise);
    word.of(0).iter_mut().for_each(|x| *x += 10.9 * noise);
    let (report, value) = decode(&code, &word);
    let report = report.expect("two agree whichever is looked at");
    assert!(report.liars.iter().all(|&i| i == 0), "{:?}", report.liars);
    assert!(word.error(&value) <= report.bound);
}

#[test]
fn unusable_codes_name_what_is_allowed() {
    let text = |spec: &str, workers, liars, stragglers| {
        let error =
            code_by_name(spec, workers, Tolerance { liars, stragglers }, CodeOptions::default()).expect_err(spec);
        assert!(matches!(error, Error::Usage { .. }), "{error:?}");
        error.to_string()
    };
    assert!(text("replication", 15, 8, 0).contains("at most 7 liars"));
    assert!(text("replication", 15, 6, 3).contains("with 3 missing at most 5 liars"));
    assert!(text("replication:factor=4", 15, 1, 0).contains("3, 5, 15; or 16 workers"));
    assert!(text("replication:factor=3", 15, 2, 0).contains("5, 15"));
    assert!(text("replication:factor=0", 15, 0, 0).contains("1, 3, 5, 15"));
    assert!(text("replication:factor=18446744073709551615", 15, 0, 0).contains("1, 3, 5, 15"));
    assert!(text("replication:copies=4", 15, 1, 0).contains("factor=…"));
    assert!(text("uncoded", 15, 1, 0).contains("no redundancy"));
    assert!(text("uncoded", 0, 0, 0).contains("at least 1"));
    assert!(text("none", 15, 0, 0).contains("uncoded, replication"));
    // Without a factor: the smallest divisor that carries the tolerance.
    let code = code_by_name("replication", 15, Tolerance { liars: 1, stragglers: 1 }, CodeOptions::default())
        .expect("5 divides 15");
    assert_eq!(code.name(), "replication:factor=5");
}
