//! The real-number code at work: location of liars, refusal, and the bound of its certificate.

use proptest::prelude::*;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use steadfast::Error;
use steadfast::coding::{
    Basis, Certainty, DataCode, EncodedProduct, HonestRound, Lie, ParityOptions, RealParity, Replies, ReplyCheck,
    Report, Tolerance, Workspace, envelope,
};
use steadfast::scalar::Precision;
use steadfast::seed::{Purpose, Seed};

fn code(m: usize, t: usize, s: usize) -> RealParity {
    RealParity::new(m, Tolerance { liars: t, stragglers: s }).unwrap()
}

fn with(m: usize, t: usize, s: usize, options: ParityOptions) -> RealParity {
    RealParity::with_options(m, Tolerance { liars: t, stragglers: s }, options).unwrap()
}

/// A product of `p` rows a shard, with honest replies.
fn product(code: &RealParity, p: usize, cols: usize, precision: Precision) -> (EncodedProduct, HonestRound) {
    let product = EncodedProduct::new(code, p * code.blocks(), cols, precision, Seed(3));
    let honest = product.answer(Seed(3), 0);
    (product, honest)
}

fn error(out: &[f64], value: &[f64]) -> f64 {
    out.iter().zip(value).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn pick(stream: &mut impl rand::Rng, from: &[usize], count: usize) -> Vec<usize> {
    let mut all = from.to_vec();
    for i in 0..count {
        let j = stream.random_range(i..all.len());
        all.swap(i, j);
    }
    all.truncate(count);
    all.sort_unstable();
    all
}

fn decode(
    code: &RealParity,
    product: &EncodedProduct,
    honest: &HonestRound,
    values: &[f64],
    present: &[bool],
    round: u64,
    workspace: &mut Workspace,
) -> (steadfast::Result<Report>, Vec<f64>) {
    let mut out = vec![f64::NAN; product.layout().rows];
    let implausible = vec![false; code.workers()];
    let replies = product.replies(honest, values, present, &implausible, round);
    (code.decode(&replies, workspace, &mut out), out)
}

#[test]
fn independent_liars_are_always_located() {
    for t in 1..=7 {
        let code = code(15, t, 0);
        for lie in Lie::ALL {
            let cell = envelope(&code, t, lie, 0, 200, Seed(5)).unwrap();
            assert_eq!(cell.above_bound, 0, "{cell:?}");
            if lie.is_independent() {
                assert_eq!((cell.located, cell.refused), (1.0, 0.0), "{cell:?}");
                assert!(cell.worst_error < 15.0, "{cell:?}");
                // A useful certificate: lies this large must have been told by their owners.
                assert!(cell.bound_ratio < 1000.0, "{cell:?}");
            } else if lie != Lie::NearDependent {
                assert!(cell.located >= 0.99 && cell.refused == 0.0, "{cell:?}");
            }
        }
    }
}

#[test]
fn more_workers_more_liars() {
    for (m, t, trials) in [(30, 10, 50), (60, 20, 20), (150, 50, 5)] {
        let code = code(m, t, 0);
        for lie in [Lie::Gaussian, Lie::SignFlip, Lie::Zero, Lie::Scale, Lie::Replay, Lie::ColludeRandom] {
            let cell = envelope(&code, t, lie, 0, trials, Seed(6)).unwrap();
            assert_eq!(cell.above_bound, 0, "{cell:?}");
            if lie.is_independent() {
                assert_eq!((cell.located, cell.refused), (1.0, 0.0), "{cell:?}");
            } else {
                assert_eq!(cell.located + cell.refused, 1.0, "{cell:?}");
            }
        }
    }
}

#[test]
fn erasures_and_errors_fill_the_redundancy() {
    for k in [4, 6, 7, 8, 10, 11, 14] {
        for liars in 0..=k / 2 {
            let missing = k - 2 * liars;
            let code = code(15, liars, missing);
            let (product, honest) = product(&code, 2 * (k + 12), 24, Precision::F32);
            let p = product.layout().shard_rows;
            let mut workspace = Workspace::default();
            for trial in 0..20 {
                let mut stream = Seed(8).stream(Purpose::Attack, k as u64 * 100 + liars as u64, trial);
                let all: Vec<usize> = (0..15).collect();
                let late = pick(&mut stream, &all, missing);
                let rest: Vec<usize> = all.into_iter().filter(|i| !late.contains(i)).collect();
                let lying = pick(&mut stream, &rest, liars);
                let mut values = honest.replies.clone();
                for &i in &lying {
                    values[i * p..(i + 1) * p].iter_mut().for_each(|x| *x = if trial % 2 == 0 { -*x } else { 0.0 });
                }
                late.iter().for_each(|&i| values[i * p..(i + 1) * p].fill(f64::NAN));
                let present: Vec<bool> = (0..15).map(|i| !late.contains(&i)).collect();
                assert!(code.decodable(&present, &[false; 15]));
                let (report, out) = decode(&code, &product, &honest, &values, &present, trial, &mut workspace);
                let report = report.unwrap();
                assert_eq!((&report.liars, &report.erased), (&lying, &late), "k {k}");
                assert_eq!(report.certainty, Certainty::Certified);
                assert!(error(&out, &honest.value) <= report.bound);
                if missing + 1 + 2 * liars > k {
                    let mut fewer = present.clone();
                    fewer[rest[0]] = false;
                    assert!(!code.decodable(&fewer, &[false; 15]));
                    let (report, _) = decode(&code, &product, &honest, &values, &fewer, trial, &mut workspace);
                    assert!(matches!(report, Err(Error::TooManyFaults { .. })), "k {k}");
                }
            }
        }
    }
}

#[test]
fn one_liar_too_many_is_refused() {
    for t in 1..=6 {
        let code = code(15, t, 0);
        for lie in [Lie::SignFlip, Lie::Zero, Lie::Scale, Lie::Replay] {
            let cell = envelope(&code, t + 1, lie, 0, 100, Seed(7)).unwrap();
            assert_eq!(cell.refused, 1.0, "{cell:?}");
        }
        // The paper's attack: N(0, 100^2) added; and a constant.
        let (product, honest) = product(&code, 60, 24, Precision::F32);
        let p = product.layout().shard_rows;
        let mut workspace = Workspace::default();
        for trial in 0..400 {
            let mut stream = Seed(12).stream(Purpose::Attack, t as u64, trial);
            let mut values = honest.replies.clone();
            for i in pick(&mut stream, &(0..15).collect::<Vec<_>>(), t + 1) {
                let constant: f64 = 10.0 * stream.random::<f64>();
                for x in &mut values[i * p..(i + 1) * p] {
                    let noise: f64 = StandardNormal.sample(&mut stream);
                    *x = if trial % 2 == 0 { *x + 100.0 * noise } else { constant };
                }
            }
            let (report, _) = decode(&code, &product, &honest, &values, &[true; 15], trial, &mut workspace);
            assert!(matches!(report, Err(Error::TooManyFaults { .. })), "t {t} trial {trial}: {report:?}");
        }
    }
}

#[test]
fn clean_rounds_are_clean() {
    // Shards of one row up to many; one data block; f64.
    let cases = [
        (1, 40, Precision::F32, 2000),
        (4, 40, Precision::F32, 2000),
        (7, 60, Precision::F32, 2000),
        (4, 40, Precision::F64, 2000),
        (7, 1, Precision::F32, 500),
        (4, 1, Precision::F64, 500),
        (1, 2, Precision::F32, 2000),
        (4, 3, Precision::F32, 2000),
    ];
    for (t, p, precision, rounds) in cases {
        let code = code(15, t, 0);
        let product = EncodedProduct::new(&code, p * code.blocks(), 24, precision, Seed(3));
        let mut workspace = Workspace::default();
        for round in 0..rounds {
            let honest = product.answer(Seed(3), round);
            let (report, out) = decode(&code, &product, &honest, &honest.replies, &[true; 15], round, &mut workspace);
            let report = report.unwrap_or_else(|e| panic!("t {t} p {p} {precision}: {e}"));
            assert!(report.liars.is_empty(), "t {t} p {p} {precision}: {report:?}");
            let error = error(&out, &honest.value);
            assert!(error <= report.bound, "t {t} p {p} {precision}: {error} above {}", report.bound);
        }
    }
}

#[test]
fn rows_of_very_different_length_are_not_taken_for_lies() {
    for (t, p, cols) in [(1, 3, 20), (4, 3, 20), (4, 200, 20), (2, 50, 1)] {
        let code = code(15, t, 1);
        let rows = p * code.blocks();
        let mut stream = Seed(4).stream(Purpose::Experiment, 0, 0);
        let mut data: Vec<f64> = (0..rows * cols).map(|_| StandardNormal.sample(&mut stream)).collect();
        data[5 * cols..6 * cols].iter_mut().for_each(|x| *x *= 1e4);
        let product = EncodedProduct::from_rows(&code, data.chunks_exact(cols), cols, Precision::F32);
        let mut workspace = Workspace::default();
        for round in 0..500 {
            let honest = product.answer(Seed(3), round);
            let mut present = [true; 15];
            present[round as usize % 15] = round % 2 == 0;
            let (report, out) = decode(&code, &product, &honest, &honest.replies, &present, round, &mut workspace);
            let report = report.unwrap_or_else(|e| panic!("t {t} p {p} round {round}: {e}"));
            assert!(report.liars.is_empty(), "t {t} p {p} round {round}: {report:?}");
            assert!(error(&out, &honest.value) <= report.bound);
        }
    }
}

#[test]
fn memory_changes_no_result() {
    let code = code(15, 4, 1);
    let (product, honest) = product(&code, 50, 16, Precision::F32);
    let p = product.layout().shard_rows;
    let mut reused = Workspace::default();
    for round in 0..50 {
        let mut stream = Seed(1).stream(Purpose::Attack, 0, round);
        let mut values = honest.replies.clone();
        let all: Vec<usize> = (0..15).collect();
        for i in pick(&mut stream, &all, 1 + round as usize % 4) {
            values[i * p..(i + 1) * p]
                .iter_mut()
                .for_each(|x| *x += Distribution::<f64>::sample(&StandardNormal, &mut stream));
        }
        let mut present = [true; 15];
        present[round as usize % 15] = false;
        let one = decode(&code, &product, &honest, &values, &present, round, &mut reused);
        let other = decode(&code, &product, &honest, &values, &present, round, &mut Workspace::default());
        assert_eq!((one.0.unwrap(), one.1), (other.0.unwrap(), other.1));
    }
}

#[test]
fn more_independent_liars_only_when_asked_and_labelled() {
    let options = ParityOptions { uncertified: true, ..Default::default() };
    let code = with(15, 3, 0, options);
    let (product, honest) = product(&code, 60, 16, Precision::F32);
    let p = product.layout().shard_rows;
    for trial in 0..50 {
        let mut stream = Seed(2).stream(Purpose::Attack, 0, trial);
        let lying = pick(&mut stream, &(0..15).collect::<Vec<_>>(), 5);
        let mut values = honest.replies.clone();
        for &i in &lying {
            values[i * p..(i + 1) * p]
                .iter_mut()
                .for_each(|x| *x += Distribution::<f64>::sample(&StandardNormal, &mut stream));
        }
        let (report, out) = decode(&code, &product, &honest, &values, &[true; 15], trial, &mut Workspace::default());
        let report = report.unwrap();
        assert_eq!((report.certainty, report.bound), (Certainty::Uncertified, f64::INFINITY));
        assert_eq!(report.liars, lying);
        assert!(error(&out, &honest.value) < 1e-3);
    }
}

#[derive(Debug)]
struct Catches(Vec<usize>);

impl ReplyCheck for Catches {
    fn caught(&self, _: &Replies<'_>, sigma0: &[f64]) -> Vec<usize> {
        assert!(sigma0.iter().all(|s| *s > 0.0));
        self.0.clone()
    }
}

#[test]
fn what_keys_catch_costs_one_unit() {
    let code = with(15, 4, 0, ParityOptions { keyed: true, ..Default::default() });
    let (product, honest) = product(&code, 40, 16, Precision::F32);
    let p = product.layout().shard_rows;
    for caught in [2, 4, 6, 8] {
        let check = Catches((0..caught).collect());
        let mut values = honest.replies.clone();
        values[..caught * p].iter_mut().for_each(|x| *x = -*x);
        let (present, implausible) = ([true; 15], [false; 15]);
        let replies = Replies { check: Some(&check), ..product.replies(&honest, &values, &present, &implausible, 1) };
        let mut out = vec![0.0; product.layout().rows];
        let report = code.decode(&replies, &mut Workspace::default(), &mut out).unwrap();
        assert_eq!(report.liars, check.0);
        let expected = if caught <= 4 { Certainty::Certified } else { Certainty::Keyed };
        assert_eq!(report.certainty, expected);
        assert!(error(&out, &honest.value) <= report.bound);
    }
}

#[test]
fn a_zero_vector_has_a_zero_answer() {
    let code = code(15, 2, 0);
    let (product, mut honest) = product(&code, 10, 16, Precision::F32);
    honest.broadcast.fill(0.0);
    let mut values = vec![0.0; honest.replies.len()];
    let (report, out) = decode(&code, &product, &honest, &values, &[true; 15], 0, &mut Workspace::default());
    assert!(report.unwrap().liars.is_empty() && out.iter().all(|x| *x == 0.0));
    values[3 * 10 + 2] = 1e-30;
    let (report, out) = decode(&code, &product, &honest, &values, &[true; 15], 0, &mut Workspace::default());
    assert!(report.unwrap().liars == [3] && out.iter().all(|x| *x == 0.0));
}

#[test]
fn replies_that_are_not_numbers_are_lies() {
    let code = code(15, 2, 0);
    let (product, honest) = product(&code, 50, 16, Precision::F32);
    for bad in [f64::NAN, f64::INFINITY, 1e300, 1e160] {
        let mut values = honest.replies.clone();
        values[7 * 50 + 3] = bad;
        let (report, out) = decode(&code, &product, &honest, &values, &[true; 15], 0, &mut Workspace::default());
        let report = report.unwrap();
        assert_eq!(report.liars, [7]);
        assert!(error(&out, &honest.value) <= report.bound);
    }
}

#[test]
fn several_vectors_at_once() {
    let code = code(15, 3, 1);
    let (cols, p, r) = (12, 9, 3);
    let product = EncodedProduct::new(&code, p * code.blocks() - 2, cols, Precision::F64, Seed(3));
    let rounds: Vec<HonestRound> = (0..r).map(|v| product.answer(Seed(3), v as u64)).collect();
    let broadcast: Vec<f64> = rounds
        .iter()
        .enumerate()
        .flat_map(|(v, h)| h.broadcast.iter().map(move |x| x * 10f64.powi(3 * v as i32)))
        .collect();
    let scale = |v: usize| 10f64.powi(3 * v as i32);
    let mut values: Vec<f64> = (0..15 * p)
        .flat_map(|at| (0..r).map(move |v| (at, v)))
        .map(|(at, v)| rounds[v].replies[at] * scale(v))
        .collect();
    for i in [2, 9] {
        values[i * p * r..(i + 1) * p * r].iter_mut().for_each(|x| *x *= -1.0);
    }
    let mut present = [true; 15];
    present[4] = false;
    let (implausible, honest) = ([false; 15], &rounds[0]);
    let replies =
        Replies { vectors: r, broadcast: &broadcast, ..product.replies(honest, &values, &present, &implausible, 0) };
    let rows = product.layout().rows;
    let mut out = vec![0.0; rows * r];
    let report = code.decode(&replies, &mut Workspace::default(), &mut out).unwrap();
    assert_eq!((report.liars, report.erased), (vec![2, 9], vec![4]));
    for v in 0..r {
        let size = rounds[v].value.iter().map(|x| x * x).sum::<f64>().sqrt() * scale(v);
        let off: f64 = (0..rows).map(|i| (out[i * r + v] - rounds[v].value[i] * scale(v)).powi(2)).sum::<f64>().sqrt();
        assert!(off <= report.bound.min(1e-12 * size), "vector {v}: {off} of {size}");
    }
}

#[test]
fn the_papers_own_matrices_decode_while_they_can() {
    let code = with(15, 1, 0, ParityOptions { basis: Some(Basis::Plain), ..Default::default() });
    let cell = envelope(&code, 1, Lie::SignFlip, 0, 50, Seed(1)).unwrap();
    assert_eq!((cell.located, cell.above_bound), (1.0, 0), "{cell:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever up to t liars send and up to s leave out: an answer within the bound, or a refusal.
    #[test]
    fn an_answer_is_within_its_bound(
        m in 4usize..=16, t in 0usize..=7, s in 0usize..=4, p in 1usize..40, seed in 0u64..1000, size in -8.0..6.0f64, kind in 0usize..4,
    ) {
        let Ok(code) = RealParity::new(m, Tolerance { liars: t, stragglers: s }) else { return Ok(()) };
        let (product, honest) = product(&code, p, 10, Precision::F32);
        let mut stream = Seed(seed).stream(Purpose::Attack, 0, 0);
        let all: Vec<usize> = (0..m).collect();
        let faulty = pick(&mut stream, &all, t + s);
        let (late, lying): (Vec<usize>, Vec<usize>) = (faulty[..s].to_vec(), faulty[s..].to_vec());
        let mut values = honest.replies.clone();
        for &i in &lying {
            let strength = 10f64.powf(size);
            for (b, x) in values[i * p..(i + 1) * p].iter_mut().enumerate() {
                match kind {
                    0 => *x += strength * Distribution::<f64>::sample(&StandardNormal, &mut stream),
                    1 => *x += strength,
                    2 => *x *= 1.0 + strength,
                    _ => *x += if b == 0 { strength } else { 0.0 },
                }
            }
        }
        let present: Vec<bool> = (0..m).map(|i| !late.contains(&i)).collect();
        match decode(&code, &product, &honest, &values, &present, seed, &mut Workspace::default()) {
            (Ok(report), out) => {
                prop_assert!(error(&out, &honest.value) <= report.bound, "{report:?} {}", error(&out, &honest.value));
                prop_assert_eq!(report.certainty, Certainty::Certified);
                prop_assert_eq!(report.erased, late);
                if size > 0.0 && kind < 3 && p > t {
                    prop_assert_eq!(report.liars, lying);
                }
            }
            (Err(Error::TooManyFaults { .. }), _) => {}
            (Err(other), _) => prop_assert!(false, "{other}"),
        }
    }
}
