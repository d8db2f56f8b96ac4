//! Lagrange coding over the real numbers: exact where it says so, and where its numbers end.

use rand_distr::{Distribution, StandardNormal};
use steadfast::coding::{Lagrange, Tolerance, encode_shard};
use steadfast::data::{Dense, Matrix, Operand};
use steadfast::error::Error;
use steadfast::seed::{Purpose, Seed};

const N: usize = 61;
const D: usize = 7;

fn normals(count: usize, stream: u64) -> Vec<f64> {
    let normal = Seed(11).stream(Purpose::Experiment, stream, 0);
    Distribution::<f64>::sample_iter(StandardNormal, normal).take(count).collect()
}

fn tolerance(liars: usize, stragglers: usize) -> Tolerance {
    Tolerance { liars, stragglers }
}

/// The honest replies, and `X'X w`.
fn honest(code: &Lagrange) -> (Vec<f64>, Vec<f64>) {
    let data = Matrix::Dense(Dense::new(N, D, normals(N * D, 0)).expect("n x d values"));
    let weights = normals(D, 1);
    let product = |matrix: &Matrix<f64>| {
        let mut margins = vec![0.0; matrix.rows()];
        matrix.multiply(&weights, 1, &mut margins);
        let mut out = vec![0.0; D];
        matrix.multiply_transposed(&margins, 1, &mut out);
        out
    };
    let shard = |worker| encode_shard(&data, Operand::ROWS, code.combination(worker)).expect("a shard").0;
    ((0..code.workers()).flat_map(|worker| product(&shard(worker))).collect(), product(&data))
}

fn relative(a: &[f64], b: &[f64]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn exact_under_liars_and_with_stragglers() {
    for (m, t, s) in [(15, 2, 0), (15, 1, 2), (12, 2, 1), (9, 3, 0), (15, 0, 4), (7, 0, 0)] {
        let code = Lagrange::new(m, tolerance(t, s), Seed(1)).expect("a code");
        assert_eq!(code.blocks(), (m - 2 * t - s).div_ceil(2));
        let (clean, wanted) = honest(&code);
        for turn in 0..m {
            let liars: Vec<usize> = (0..t).map(|i| (turn + 4 * i) % m).collect();
            let missing: Vec<usize> = (0..m).filter(|i| !liars.contains(i)).skip(turn % 3).take(s).collect();
            for kind in 0..4 {
                let mut replies = clean.clone();
                for (&liar, stream) in liars.iter().zip(5..) {
                    let noise = normals(D, stream);
                    for (x, e) in replies[liar * D..(liar + 1) * D].iter_mut().zip(noise) {
                        *x = [*x + 100.0 * e, -*x, 0.0, f64::NAN][kind];
                    }
                }
                let mut out = vec![0.0; D];
                let report = code.decode(&replies, &missing, turn as u64, &mut out).expect("within the code");
                let mut named = liars.clone();
                named.sort_unstable();
                assert_eq!((report.liars, report.erased), (named, missing.clone()), "m {m} t {t} s {s}, lie {kind}");
                // Interpolation over the gaps: up to 1e3 round-offs an entry were seen, and bounds are looser.
                let error = relative(&out, &wanted);
                assert!(error < 1e-10, "m {m} t {t} s {s}, lie {kind}: {error:e}");
                let length = wanted.iter().map(|x| x * x).sum::<f64>().sqrt();
                assert!(error * length <= report.bound + 1e-12 * length, "{error:e} against {:e}", report.bound);
            }
        }
    }
}

#[test]
fn more_liars_than_it_carries_are_refused() {
    let code = Lagrange::new(15, tolerance(2, 0), Seed(1)).expect("a code");
    let (mut replies, _) = honest(&code);
    for (stream, liar) in [1, 6, 11].into_iter().enumerate() {
        let noise = normals(D, 20 + stream as u64);
        replies[liar * D..(liar + 1) * D].iter_mut().zip(noise).for_each(|(x, e)| *x += 100.0 * e);
    }
    let refused = code.decode(&replies, &[], 0, &mut [0.0; D]);
    assert!(matches!(refused, Err(Error::TooManyFaults { .. })));
    assert!(matches!(code.decode(&replies, &[3], 0, &mut [0.0; D]), Err(Error::TooManyFaults { .. })));
    assert!(matches!(code.decode(&replies[1..], &[], 0, &mut [0.0; D]), Err(Error::Usage { .. })));
    assert!(Lagrange::new(15, tolerance(8, 0), Seed(0)).expect_err("too many").to_string().contains("at most 7"));
}

/// The limits that the type's documentation states: a clean decode loses no digits at any size, and the bound does with m.
#[test]
fn numerical_limits_are_as_documented() {
    let clean = |m: usize, t: usize| {
        let code = Lagrange::new(m, tolerance(t, 0), Seed(1)).expect("a code");
        let (replies, wanted) = honest(&code);
        let mut out = vec![0.0; D];
        let report = code.decode(&replies, &[], 0, &mut out).expect("a clean round");
        let length = wanted.iter().map(|x| x * x).sum::<f64>().sqrt();
        // Sums of at most 61 terms here and there, and weights that add up to K.
        assert!(relative(&out, &wanted) < 1e-13, "m = {m}, t = {t}");
        let lost = code.amplification() / code.blocks() as f64;
        assert!((lost - 1.0).abs() < 1e-10, "m = {m}, t = {t}: weights {lost} K");
        report.bound / length
    };
    clean(15, 0);
    let bounds = [15, 30, 60].map(|m| clean(m, 2));
    println!("bounds relative to the value: {bounds:?}");
    for (bound, documented) in bounds.into_iter().zip([1e-9, 1e-5, 1e-2]) {
        assert!((0.1..10.0).contains(&(bound / documented)), "{bound:e}, documented {documented:e}");
    }
}
