//! Assignment codes without a fleet: exact under what they claim, refusing what they can't carry.

use proptest::prelude::*;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use steadfast::coding::{
    AssignmentCode, Certainty, Detox, DracoCyclic, DracoRepetition, GradientCoding, GradientReplies, Median, Report,
    Tolerance, assignment_by_name,
};
use steadfast::error::{Error, Result};
use steadfast::seed::{Purpose, Seed};

const D: usize = 9;

fn liars(count: usize) -> Tolerance {
    Tolerance { liars: count, stragglers: 0 }
}

fn normals(count: usize, seed: u64) -> Vec<f64> {
    let stream = Seed(seed).stream(Purpose::Experiment, 0, 0);
    Distribution::<f64>::sample_iter(StandardNormal, stream).take(count).collect()
}

/// Honest replies, and the mean that is wanted.
fn honest(code: &dyn AssignmentCode, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let parts = normals(code.parts() * D, seed);
    let width = code.planes() * D;
    let mut values = vec![0.0; code.workers() * width];
    for (worker, reply) in values.chunks_exact_mut(width).enumerate() {
        code.encode(worker, &parts, reply);
    }
    let mean = (0..D).map(|at| parts.iter().skip(at).step_by(D).sum::<f64>() / code.parts() as f64).collect();
    (values, mean)
}

fn combine(code: &dyn AssignmentCode, values: &[f64], missing: &[usize], round: u64) -> Result<(Vec<f64>, Report)> {
    let m = code.workers();
    let present: Vec<bool> = (0..m).map(|i| !missing.contains(&i)).collect();
    let rows = values.chunks_exact(values.len() / m).zip(&present);
    let implausible: Vec<bool> = rows.map(|(row, &there)| there && row.iter().any(|x| !x.is_finite())).collect();
    let previous = vec![0.0; D];
    let replies = GradientReplies {
        values,
        present: &present,
        implausible: &implausible,
        dimension: D,
        previous: &previous,
        round,
    };
    let mut out = vec![0.0; D];
    let report = code.combine(&replies, &mut out)?;
    Ok((out, report))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// `count` workers of m, drawn anew for each seed.
fn some(m: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut stream = Seed(seed).stream(Purpose::Experiment, 1, 0);
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let worker = stream.random_range(0..m);
        if !chosen.contains(&worker) {
            chosen.push(worker);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Lies of several kinds at `workers`; true where each is named for certain.
fn lie(values: &mut [f64], m: usize, workers: &[usize], kind: usize, seed: u64) {
    let width = values.len() / m;
    let shared = normals(width, seed + 1000);
    for (at, &worker) in workers.iter().enumerate() {
        let own = normals(width, seed + 2000 + at as u64);
        for (c, x) in values[worker * width..(worker + 1) * width].iter_mut().enumerate() {
            match kind {
                0 => *x += 100.0 * own[c],
                1 => *x = -*x,
                2 => *x = 0.0,
                // Colluders: the same vector, and multiples of one.
                3 => *x += shared[c],
                4 => *x += (1.0 + at as f64) * shared[c],
                5 => *x += if c == 0 { 1.0 } else { 0.0 },
                6 => *x += 1e-6 * own[c],
                _ => *x = if c == 0 { f64::NAN } else { f64::INFINITY },
            }
        }
    }
}

/// The codes that carry t liars exactly, of about m workers.
fn exact_codes(t: usize) -> Vec<Box<dyn AssignmentCode>> {
    vec![
        Box::new(DracoRepetition::new(3 * (2 * t + 1), liars(t)).expect("a code")),
        Box::new(DracoCyclic::new(15, liars(t), Seed(3)).expect("a code")),
        Box::new(DracoCyclic::new(12, liars(t), Seed(4)).expect("a code")),
    ]
}

#[test]
fn draco_is_exact_and_names_the_liars_under_every_lie() {
    for t in 1..=4 {
        for code in exact_codes(t) {
            let m = code.workers();
            assert_eq!(code.redundancy(), (2 * t + 1) as f64);
            for kind in 0..8 {
                for seed in 0..12 {
                    let (mut values, mean) = honest(&*code, seed);
                    // Zero to t liars.
                    let who = some(m, seed as usize % (t + 1), seed);
                    lie(&mut values, m, &who, kind, seed);
                    let label = format!("{} of {m}, t = {t}, lie {kind}, seed {seed}", code.name());
                    let (got, report) = combine(&*code, &values, &[], seed).expect(&label);
                    assert_eq!(report.liars, who, "{label}");
                    assert_eq!(report.certainty, Certainty::Certified);
                    // The mean that the test takes errs by m roundings of numbers of size 1.
                    let rounding = 100.0 * m as f64 * f64::EPSILON;
                    let error = distance(&got, &mean);
                    assert!(error <= report.bound + rounding, "{label}: {error:e}, bound {:e}", report.bound);
                    // A bound that says nothing would pass: four liars of twelve are the worst, at a smallest singular value of
                    // about 1e-4 and a hundred roundings of leave.
                    assert!(report.bound < 1e-7, "{label}: {:e}", report.bound);
                }
            }
        }
    }
}

#[test]
fn draco_counts_missing_replies_as_lies() {
    let tolerance = Tolerance { liars: 1, stragglers: 2 };
    let codes: [Box<dyn AssignmentCode>; 2] = [
        Box::new(DracoRepetition::new(14, tolerance).expect("a code")),
        Box::new(DracoCyclic::new(13, tolerance, Seed(1)).expect("a code")),
    ];
    for code in codes {
        let m = code.workers();
        for seed in 0..20 {
            let (mut values, mean) = honest(&*code, seed);
            let who = some(m, 3, seed);
            lie(&mut values, m, &who[..1], seed as usize % 8, seed);
            let (got, report) =
                combine(&*code, &values, &who[1..], seed).unwrap_or_else(|e| panic!("seed {seed}, who {who:?}: {e}"));
            assert_eq!((report.erased.as_slice(), report.liars.as_slice()), (&who[1..], &who[..1]), "{}", code.name());
            assert!(distance(&got, &mean) <= report.bound + 1e-13);
        }
    }
}

#[test]
fn one_liar_too_many_is_refused() {
    for t in 1..=3 {
        for code in exact_codes(t) {
            let m = code.workers();
            for seed in 0..10 {
                let (mut values, _) = honest(&*code, seed);
                // Independent lies; in repetition t + 1 of one group.
                let who = if code.planes() == 1 { (0..=t).collect() } else { some(m, t + 1, seed) };
                lie(&mut values, m, &who, 0, seed);
                let error = combine(&*code, &values, &[], seed).expect_err("beyond the code");
                assert!(matches!(error, Error::TooManyFaults { .. }), "{error}");
            }
        }
    }
}

#[test]
fn gradient_coding_recovers_from_any_m_minus_s() {
    for (m, s) in [(6, 1), (6, 2), (7, 2), (12, 3), (5, 0), (9, 4)] {
        let tolerance = Tolerance { liars: 0, stragglers: s };
        let cyclic = GradientCoding::cyclic(m, tolerance, Seed(2)).expect("a code");
        let repetition = GradientCoding::repetition(m, tolerance).ok();
        assert_eq!(repetition.is_some(), m % (s + 1) == 0);
        let codes = [Some(cyclic), repetition];
        for code in codes.into_iter().flatten() {
            assert_eq!(code.redundancy(), (s + 1) as f64);
            let (values, mean) = honest(&code, 5);
            // Every set of s workers, as the bits of a number.
            for missing in (0u32..1 << m).filter(|bits| bits.count_ones() as usize == s) {
                let missing: Vec<usize> = (0..m).filter(|i| missing >> i & 1 == 1).collect();
                let (got, report) = combine(&code, &values, &missing, 0).expect("enough");
                // Random vectors of size 1: the decoding weights stay below 1e3 for these draws.
                assert!(distance(&got, &mean) < 1e-11, "{} {m} {s} {missing:?}", code.name());
                assert_eq!((report.certainty, report.bound), (Certainty::Uncertified, f64::INFINITY));
            }
            let too_many: Vec<usize> = (0..=s).collect();
            assert!(matches!(combine(&code, &values, &too_many, 0), Err(Error::TooManyFaults { .. })));
        }
    }
}

#[test]
fn gradient_coding_takes_what_is_no_number_for_missing() {
    let code = GradientCoding::cyclic(8, Tolerance { liars: 0, stragglers: 2 }, Seed(2)).expect("a code");
    let (mut values, mean) = honest(&code, 5);
    lie(&mut values, 8, &[3], 7, 0);
    let (got, report) = combine(&code, &values, &[6], 0).expect("enough");
    assert!(distance(&got, &mean) < 1e-11);
    assert_eq!((report.erased, report.liars), (vec![6], vec![3]));
}

#[test]
fn detox_outvotes_lone_liars_and_names_nobody() {
    let code = Detox::new(15, liars(2), 3, Box::new(Median)).expect("a code");
    // A liar in each of two groups: both are outvoted, and the value is the median of honest groups.
    let (mut values, _) = honest(&code, 7);
    let (clean, _) = combine(&code, &values, &[], 0).expect("a round");
    lie(&mut values, 15, &[1, 13], 0, 7);
    let (got, report) = combine(&code, &values, &[], 0).expect("a round");
    assert_eq!(got, clean);
    assert_eq!((report.certainty, report.liars), (Certainty::Approximate, vec![]));
    // Two in one group take it over, and the median holds: within the honest groups' range.
    lie(&mut values, 15, &[3, 4], 2, 7);
    let (got, _) = combine(&code, &values, &[], 0).expect("a round");
    for (at, x) in got.iter().enumerate() {
        let group = |g: usize| values[(3 * g + 2) * D + at];
        let (low, high) = (0..5).map(group).fold((0.0f64, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        assert!(low <= *x && *x <= high);
    }
}

#[test]
fn what_a_code_cannot_carry_says_why() {
    let refused = |code: &str, aggregator: Option<&str>, m: usize, t: usize, s: usize| {
        let tolerance = Tolerance { liars: t, stragglers: s };
        let error = assignment_by_name(code, aggregator, m, tolerance, Seed(0)).expect_err(code);
        assert!(matches!(error, Error::Usage { .. }), "{error}");
        error.to_string()
    };
    assert!(refused("draco:layout=repetition", None, 15, 3, 0).contains("a size that divides 15 (15 would)"));
    assert!(refused("draco", None, 15, 8, 0).contains("at most 7 of both"));
    assert!(refused("gradient-coding", None, 15, 1, 1).contains("no liars"));
    assert!(refused("detox:group=4", None, 16, 1, 0).contains("odd"));
    assert!(refused("detox", Some("bulyan"), 15, 2, 0).contains("n >= 4f + 3"));
    assert!(refused("detox", None, 15, 0, 3).contains("fewer than the 3 workers of a group"));
    assert!(refused("uncoded", Some("krum"), 15, 7, 0).contains("n >= 2f + 3"));
    assert!(refused("uncoded", Some("median"), 4, 0, 4).contains("fewer than the 4"));
    assert!(refused("draco", Some("krum"), 15, 2, 0).contains("--code detox"));
    assert!(refused("draco:layout=square", None, 15, 2, 0).contains("cyclic or repetition"));
    assert!(refused("draco:size=3", None, 15, 2, 0).contains("layout=…"));
    assert!(refused("detox", None, 0, 0, 0).contains("at least 1"));
    let code = DracoCyclic::new(5, liars(1), Seed(0)).expect("a code");
    assert!(matches!(combine(&code, &[0.0; 5 * D], &[], 0), Err(Error::Usage { .. })));
}

#[test]
fn nothing_is_exact() {
    let idle: Box<dyn AssignmentCode> = Box::new(DracoCyclic::new(5, liars(0), Seed(0)).expect("a code for no liars"));
    for code in exact_codes(2).into_iter().chain([idle]) {
        let values = vec![0.0; code.workers() * code.planes() * D];
        let (got, report) = combine(&*code, &values, &[], 0).expect("a round of zeros");
        assert_eq!((got, report.liars, report.bound), (vec![0.0; D], vec![], 0.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any m, any t that fits, any liars: located, named, corrected.
    #[test]
    fn cyclic_codes_of_any_size(m in 3usize..=24, t in 1usize..=4, kind in 0usize..8, seed in 0u64..1000) {
        prop_assume!(2 * t < m);
        let code = DracoCyclic::new(m, liars(t), Seed(seed)).expect("a code");
        let (mut values, mean) = honest(&code, seed);
        let who = some(m, t, seed);
        lie(&mut values, m, &who, kind, seed);
        let (got, report) = combine(&code, &values, &[], seed).expect("within the code");
        prop_assert_eq!(&report.liars, &who);
        prop_assert!(distance(&got, &mean) <= report.bound + 1e-12);
    }
}
