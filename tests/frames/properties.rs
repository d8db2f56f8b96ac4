use proptest::prelude::*;
use steadfast::coding::{Copies, FastFrame, Frame, GaussianFrame, Paley, Steiner};
use steadfast::seed::Seed;

/// S, N x n, row-major, from its product with the identity.
fn matrix(frame: &dyn Frame) -> Vec<f64> {
    let n = frame.columns();
    let mut identity = vec![0.0; n * n];
    identity.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
    let mut out = vec![0.0; frame.rows() * n];
    frame.apply(n, &identity, &mut out);
    out
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The largest deviation of `S'S` from beta I. An entry is a sum of N products of numbers whose squares add up to beta, each number off
/// by some log2(N) roundings: within `beta (N + 2 log2 N) u` for certain; N at most 1100 here makes that 3e-13 beta.
fn deviation(frame: &dyn Frame) -> f64 {
    let (n, beta) = (frame.columns(), frame.redundancy());
    let rows = matrix(frame);
    let mut gram = vec![0.0; n * n];
    for row in rows.chunks_exact(n) {
        for i in 0..n {
            for j in 0..n {
                gram[i * n + j] += row[i] * row[j];
            }
        }
    }
    let wanted = |at: usize| if at.is_multiple_of(n + 1) { beta } else { 0.0 };
    gram.iter().enumerate().map(|(at, x)| (x - wanted(at)).abs() / beta).fold(0.0, f64::max)
}

fn all(columns: usize, seed: Seed) -> Vec<Box<dyn Frame>> {
    vec![
        Box::new(FastFrame::hadamard(columns, seed).unwrap()),
        Box::new(FastFrame::haar(columns, seed).unwrap()),
        Box::new(FastFrame::of_hadamard_etf(columns, seed).unwrap()),
        Box::new(Paley::covering(columns, seed).unwrap()),
        Box::new(Steiner::covering(columns).unwrap()),
        Box::new(Copies::new(columns, 3).unwrap()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_frame_is_tight_at_every_size(columns in 1usize..130, seed in 0u64..1000) {
        for frame in all(columns, Seed(seed)) {
            prop_assert!(frame.is_tight());
            prop_assert_eq!(frame.columns(), columns);
            let off = deviation(&*frame);
            prop_assert!(off < 3e-13, "{} with {columns} columns: off by {off:e}", frame.name());
        }
    }

    #[test]
    fn both_directions_and_single_rows_agree(columns in 1usize..90, vectors in 1usize..4, seed in 0u64..1000) {
        let mut frames = all(columns, Seed(seed));
        frames.push(Box::new(GaussianFrame::new(columns, Seed(seed)).unwrap()));
        for frame in frames {
            let s = matrix(&*frame);
            let (n, count) = (columns, frame.rows());
            // Rows of the transpose's product with unit vectors are rows of S.
            let at = (seed as usize * 7) % count;
            let mut unit = vec![0.0; count * vectors];
            unit[at * vectors + vectors - 1] = 1.0;
            let mut row = vec![9.0; n * vectors];
            frame.apply_transposed(vectors, &unit, &mut row);
            for j in 0..n {
                let entry = row[j * vectors + vectors - 1];
                // Two ways to compute one number of size sqrt(beta), through at most 2 log2(N) < 30 roundings each.
                prop_assert!((entry - s[at * n + j]).abs() < 1e-13, "{}", frame.name());
                prop_assert!((0..vectors - 1).all(|v| row[j * vectors + v] == 0.0));
            }
            if let Some(sparse) = frame.sparse_row(at) {
                let mut full = vec![0.0; n];
                sparse.iter().for_each(|&(j, x)| full[j as usize] = x);
                prop_assert!(sparse.windows(2).all(|w| w[0].0 < w[1].0));
                prop_assert!(full.iter().zip(&s[at * n..]).all(|(a, b)| (a - b).abs() < 1e-15));
            }
        }
    }
}

/// The largest and smallest magnitude of the inner products of two rows, and the largest deviation of a row's square from 1.
fn angles(frame: &dyn Frame) -> (f64, f64, f64) {
    let n = frame.columns();
    let s = matrix(frame);
    let rows: Vec<&[f64]> = s.chunks_exact(n).collect();
    let (mut low, mut high, mut off) = (f64::INFINITY, 0.0f64, 0.0f64);
    for (i, a) in rows.iter().enumerate() {
        off = off.max((dot(a, a) - 1.0).abs());
        for b in &rows[..i] {
            let angle = dot(a, b).abs();
            (low, high) = (low.min(angle), high.max(angle));
        }
    }
    (low, high, off)
}

#[test]
fn whole_frames_are_equiangular() {
    // Primes and the powers 9, 25, 49, 81, 125, 169 among q = 2 n - 1.
    let paley = [3, 5, 7, 9, 13, 15, 25, 37, 41, 63, 85].map(|n| Box::new(Paley::new(n).unwrap()) as Box<dyn Frame>);
    let steiner = [1, 6, 28, 120].map(|n| Box::new(Steiner::new(n).unwrap()) as Box<dyn Frame>);
    let hadamard = [1, 6, 28, 120].map(|n| Box::new(FastFrame::hadamard_etf(n).unwrap()) as Box<dyn Frame>);
    for frame in paley.into_iter().chain(steiner).chain(hadamard) {
        assert!(frame.is_equiangular(), "{}", frame.name());
        let (low, high, off) = angles(&*frame);
        let (count, n) = (frame.rows() as f64, frame.columns() as f64);
        // The Welch bound, which only equiangular tight frames reach.
        let welch = ((count - n) / (n * (count - 1.0))).sqrt();
        let name = format!("{} {count} x {n}: {low} {high} {off:e}", frame.name());
        // Sums of at most 120 products that add up to 1 in magnitude: 120 roundings.
        assert!((low - welch).abs() < 1e-13 && (high - welch).abs() < 1e-13 && off < 1e-13, "{name}");
    }
}

#[test]
fn parts_of_frames_are_not_equiangular_and_do_not_say_so() {
    let parts: [Box<dyn Frame>; 3] = [
        Box::new(Steiner::covering(100).unwrap()),
        Box::new(Paley::covering(17, Seed(1)).unwrap()),
        Box::new(FastFrame::of_hadamard_etf(20, Seed(1)).unwrap()),
    ];
    for part in parts {
        let (low, high, _) = angles(&*part);
        assert!(!part.is_equiangular() && high > 1.5 * low + 0.01, "{}: {low} {high}", part.name());
    }
}

#[test]
fn transforms_keep_lengths() {
    // Parseval: |S x|^2 = beta |x|^2, to N = 4096 products.
    for columns in [1500usize, 2016] {
        let frames: [Box<dyn Frame>; 4] = [
            Box::new(FastFrame::hadamard(columns, Seed(5)).unwrap()),
            Box::new(FastFrame::haar(columns, Seed(5)).unwrap()),
            Box::new(FastFrame::of_hadamard_etf(columns, Seed(5)).unwrap()),
            Box::new(Steiner::covering(columns).unwrap()),
        ];
        let x: Vec<f64> = (0..columns).map(|i| ((i * 37 + 11) % 101) as f64 / 101.0 - 0.3).collect();
        for frame in frames {
            let mut out = vec![0.0; frame.rows()];
            frame.apply(1, &x, &mut out);
            let ratio = dot(&out, &out) / (frame.redundancy() * dot(&x, &x));
            assert!((ratio - 1.0).abs() < 4096.0 * f64::EPSILON, "{}: {ratio}", frame.name());
        }
    }
}

#[test]
fn steiner_rows_have_as_few_entries_as_a_point_has_pairs() {
    let frame = Steiner::new(120).unwrap();
    assert!((0..frame.rows()).all(|row| frame.sparse_row(row).unwrap().len() == 15));
    assert!((frame.redundancy() - 32.0 / 15.0).abs() < 1e-15);
    // Below a power of two the redundancy is near 2, above it near 4.
    let redundancy = |n: usize| Steiner::covering(n).unwrap().redundancy();
    assert!(redundancy(136) < 2.01 && redundancy(153) > 3.7);
}

#[test]
fn sizes_without_a_frame_name_the_nearest() {
    let text = |e: steadfast::Error| {
        assert_eq!(e.exit_status(), 2);
        e.to_string()
    };
    // 2 n - 1 = 33 = 3 * 11, 35 is 3 mod 4; 29 and 37 are primes.
    assert!(text(Paley::new(17).unwrap_err()).ends_with("the nearest are 15 and 19"));
    assert!(text(Paley::new(1).unwrap_err()).ends_with("the nearest is 3"));
    assert!(text(Steiner::new(29).unwrap_err()).ends_with("the nearest are 28 and 120"));
    assert!(text(FastFrame::hadamard_etf(7).unwrap_err()).ends_with("the nearest are 6 and 28"));
    assert!(text(GaussianFrame::new(100_000, Seed(0)).unwrap_err()).contains("at most 4096"));
    assert!(text(Steiner::covering(0).unwrap_err()).contains("1 to"));
}
