//! The real-number code on paper: its check, its generator, its worst sets, and the codes that can't be.

use steadfast::Error;
use steadfast::coding::{Basis, DataCode, ParityOptions, RealParity, Tolerance};

fn code(m: usize, t: usize, s: usize) -> RealParity {
    RealParity::new(m, Tolerance { liars: t, stragglers: s }).unwrap()
}

fn with(m: usize, t: usize, s: usize, options: ParityOptions) -> RealParity {
    RealParity::with_options(m, Tolerance { liars: t, stragglers: s }, options).unwrap()
}

#[test]
fn honest_words_pass_the_check() {
    let mut codes = Vec::new();
    for m in 3..=16 {
        for k in 1..m {
            codes.extend(RealParity::new(m, Tolerance { liars: 0, stragglers: k }));
        }
    }
    for (m, k) in [(17, 8), (21, 8), (30, 21), (60, 40)] {
        codes.push(code(m, 0, k));
        codes.push(with(m, 0, k, ParityOptions { basis: Some(Basis::Vandermonde), ..Default::default() }));
    }
    codes.push(with(15, 2, 0, ParityOptions { basis: Some(Basis::Plain), ..Default::default() }));
    for code in &codes {
        let (m, q, k) = (code.workers(), code.blocks(), code.checks());
        assert_eq!(q + k, m);
        let h = code.parity_check();
        // Sums of m products of numbers of size 1 (the plain basis: up to its largest entry), each rounded.
        let entries = (0..m).flat_map(|i| code.combination(i)).fold(1.0, |top: f64, x| top.max(x.abs()));
        let tolerance = 8.0 * m as f64 * f64::EPSILON * entries;
        for a in 0..k {
            for b in 0..k {
                let inner: f64 = (0..m).map(|i| h[a * m + i] * h[b * m + i]).sum();
                assert!((inner - f64::from(u8::from(a == b))).abs() < tolerance, "{} m {m} k {k}", code.name());
            }
            for j in 0..q {
                let inner: f64 = (0..m).map(|i| h[a * m + i] * code.combination(i)[j]).sum();
                assert!(inner.abs() < tolerance, "{} m {m} k {k}: {inner}", code.name());
            }
        }
        if code.basis() != Basis::Plain {
            assert!(entries <= 1.3, "{} m {m} k {k}: largest entry {entries}", code.name());
        }
    }
}

#[test]
fn every_set_of_k_columns_is_independent_up_to_16_workers() {
    for m in 3..=16 {
        for k in 1..m {
            // An even number of workers has no code of m - 1 checks on the circle.
            let Ok(code) = RealParity::new(m, Tolerance { liars: 0, stragglers: k }) else { continue };
            let worst = code.worst_singular_value(code.checks());
            // Repair amplifies round-off by at most its inverse: 1e-4 leaves f32 replies three digits.
            assert!(worst > 1e-4, "m {m} k {}: {worst}", code.checks());
        }
    }
}

#[test]
fn the_worst_set_on_the_circle_is_the_worst_of_all_sets() {
    // The search uses only sets with worker 0; here all sets of 3 of 9 are tried, by the determinant of the Gram matrix.
    let code = code(9, 2, 1);
    let (m, k) = (9, code.checks());
    let h = code.parity_check();
    let inner = |i: usize, j: usize| (0..k).map(|a| h[a * m + i] * h[a * m + j]).sum::<f64>();
    let mut least = f64::INFINITY;
    for i in 0..m {
        for j in i + 1..m {
            for l in j + 1..m {
                let set = [i, j, l];
                let gram = nalgebra::Matrix3::from_fn(|a, b| inner(set[a], set[b]));
                least = least.min(gram.symmetric_eigenvalues().min());
            }
        }
    }
    assert!((least.sqrt() / code.worst_singular_value(3) - 1.0).abs() < 1e-9);
}

#[test]
fn impossible_codes_say_what_is_possible() {
    let refused = |m, liars, stragglers| match RealParity::new(m, Tolerance { liars, stragglers }) {
        Err(Error::Usage { allowed, .. }) => allowed,
        other => panic!("{other:?}"),
    };
    let allowed = refused(15, 8, 0);
    assert!(allowed.contains("at most 7 liars or 14 stragglers of 15 workers"), "{allowed}");
    let allowed = refused(15, 6, 3);
    assert!(allowed.contains("beside 6 liars at most 2 stragglers"), "{allowed}");
    // An even number of workers on the circle has an even number of checks.
    let allowed = refused(16, 7, 1);
    assert!(allowed.contains("beside 7 liars at most 0 stragglers"), "{allowed}");
    refused(15, 0, 0);
}
