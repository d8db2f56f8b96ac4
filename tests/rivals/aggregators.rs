//! Each aggregator by hand, at its breakdown, and under permutations.

use proptest::prelude::*;
use steadfast::coding::{AGGREGATORS, aggregator_by_name};
use steadfast::error::Error;

fn aggregate(name: &str, vectors: &[&[f64]], liars: usize) -> Vec<f64> {
    let rule = aggregator_by_name(name).expect("a known name");
    rule.check(vectors.len(), liars).expect("enough vectors");
    let mut out = vec![0.0; vectors[0].len()];
    rule.aggregate(vectors, liars, &vec![0.0; out.len()], &mut out);
    out
}

fn names() -> impl Iterator<Item = &'static str> {
    AGGREGATORS.iter().map(|name| name.split(':').next().unwrap())
}

#[test]
fn by_hand() {
    let vectors: [&[f64]; 5] = [&[1.0, 0.0], &[2.0, 1.0], &[3.0, -1.0], &[2.0, 0.0], &[100.0, -100.0]];
    assert_eq!(aggregate("mean", &vectors, 1), [21.6, -20.0]);
    assert_eq!(aggregate("median", &vectors, 1), [2.0, 0.0]);
    assert_eq!(aggregate("median", &vectors[..4], 1), [2.0, 0.0]);
    // Without one at each end: (2 + 2 + 3) / 3 and (-1 + 0 + 0) / 3.
    assert_eq!(aggregate("trimmed-mean", &vectors, 1), [7.0 / 3.0, -1.0 / 3.0]);
    // Two neighbours each: (2, 0) is at 1 and 1; the others of the four at 1 + 2, and the liar far off.
    assert_eq!(aggregate("krum", &vectors, 1), [2.0, 0.0]);
    // The two best: (2, 0), and of the ties at 3 the first, (1, 0).
    assert_eq!(aggregate("multi-krum", &vectors, 1), [1.5, 0.0]);
    assert_eq!(aggregate("multi-krum:select=1", &vectors, 1), [2.0, 0.0]);
    // From 0 with radius 10 the liar is 141.42 away and counts for 10: direction (1, -1) / sqrt 2.
    let clipped = aggregate("centered-clipping", &vectors, 1);
    let pull = 10.0 / 2f64.sqrt();
    assert!((clipped[0] - (8.0 + pull) / 5.0).abs() < 1e-14 && (clipped[1] + pull / 5.0).abs() < 1e-14, "{clipped:?}");
}

#[test]
fn bulyan_by_hand() {
    // n = 7, f = 1: Krum drops two of seven; of five values the three closest to their median count.
    let values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 1000.0];
    let vectors: Vec<&[f64]> = values.iter().map(std::slice::from_ref).collect();
    // Scores of four neighbours: 2 has 1 + 1 + 4 + 4 = 10, as has 3; then of 0, 1, 3, 4, 5, 1000 three neighbours; and so on. By hand the
    // order is 2, 4, 3, then of 0, 1, 5, 1000 (one neighbour) 0, then of 1, 5, 1000 (one neighbour) 1.
    assert_eq!(aggregate("bulyan", &vectors, 1), [2.0]);
}

#[test]
fn the_geometric_median_is_where_unit_vectors_cancel() {
    // Three points around the fourth: the median is there (the sum of unit vectors is 0 and the point's own share 1).
    let vectors: [&[f64]; 4] = [&[1.0, 0.0], &[-0.5, 0.75f64.sqrt()], &[-0.5, -(0.75f64.sqrt())], &[0.0, 0.0]];
    let median = aggregate("geometric-median:iterations=50", &vectors, 1);
    // Weiszfeld from the mean, which is 0 here up to rounding of numbers of size 1.
    assert!(median.iter().all(|x| x.abs() < 1e-14), "{median:?}");
    // The corners of a convex quadrangle: their median is where its diagonals cross, whatever their lengths.
    let vectors: [&[f64]; 4] = [&[3.0, 0.0], &[0.0, 1.0], &[-1.0, 0.0], &[0.0, -2.0]];
    let median = aggregate("geometric-median:iterations=2000", &vectors, 1);
    // Linear convergence: after 2000 steps only rounding is left, and the smoothing does not act at a distance of 1.
    assert!(median.iter().all(|x| x.abs() < 1e-13), "{median:?}");
}

/// Up to f liars a rule stays within the honest vectors' reach; with the mean one is enough to leave it.
#[test]
fn lies_are_bounded_up_to_the_breakdown_and_not_beyond() {
    let honest: Vec<Vec<f64>> = (0..9).map(|i| vec![f64::from(i % 3), f64::from(i % 2)]).collect();
    for name in names() {
        let reach = |liars: usize, told: usize| {
            let lie = vec![1e12, -1e12];
            let mut vectors: Vec<&[f64]> = honest.iter().map(Vec::as_slice).collect();
            (0..liars).for_each(|_| vectors.push(&lie));
            let rule = aggregator_by_name(name).expect("a known name");
            let mut out = vec![0.0; 2];
            rule.aggregate(&vectors, told, &[0.0; 2], &mut out);
            out.iter().fold(0.0f64, |most, x| most.max(x.abs()))
        };
        match name {
            "mean" => assert!(reach(1, 1) > 1e10),
            // Four steps from a mean that is 1e11 away end where the authors' defaults end: bounded, but far.
            "geometric-median" => assert!(reach(1, 1) < 1e11 && reach(10, 1) > 1e11, "{}", reach(1, 1)),
            "centered-clipping" => assert!(reach(1, 1) <= 10.0 && reach(100, 1) <= 10.0),
            _ => {
                assert!(reach(1, 1) <= 2.0, "{name}: {}", reach(1, 1));
                // Ten of nineteen: a majority that agrees.
                assert!(reach(10, 1) > 1e10, "{name}");
            }
        }
    }
}

#[test]
fn too_few_vectors_are_an_error_that_says_how_many() {
    for (name, liars, least) in
        [("median", 2, 5), ("trimmed-mean", 2, 5), ("krum", 2, 7), ("multi-krum", 2, 7), ("bulyan", 2, 11)]
    {
        let rule = aggregator_by_name(name).expect("a known name");
        rule.check(least, liars).expect("enough");
        let error = rule.check(least - 1, liars).expect_err("one too few");
        let text = error.to_string();
        assert!(
            matches!(error, Error::Usage { .. }) && text.contains(&format!("{least} vectors, or at most 1")),
            "{text}"
        );
    }
    for bad in [
        "",
        "medain",
        "median:k=1",
        "multi-krum:select=0",
        "centered-clipping:radius=0",
        "geometric-median:smoothing=nan",
    ] {
        assert_eq!(aggregator_by_name(bad).expect_err(bad).exit_status(), 2);
    }
}

#[test]
fn names_go_there_and_back() {
    for spec in AGGREGATORS {
        let given = spec.replace("=N", "=7").replace("=X", "=2");
        assert_eq!(aggregator_by_name(&given).expect("a known name").name(), given);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Equal vectors come out as they are; the order of the vectors changes no more than rounding.
    #[test]
    fn order_does_not_matter(values in proptest::collection::vec(-10.0..10.0f64, 22), turn in 0usize..11) {
        let vectors: Vec<&[f64]> = values.chunks_exact(2).collect();
        let mut turned = vectors.clone();
        turned.rotate_left(turn);
        // Bulyan's last picks have one neighbour, the two closest each other's: a tie, which the order decides.
        for name in names().filter(|&name| name != "bulyan") {
            let (a, b) = (aggregate(name, &vectors, 2), aggregate(name, &turned, 2));
            // Sums of 11 numbers of size 10 in another order; four Weiszfeld steps on top.
            let close = a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-11);
            prop_assert!(close, "{name}: {a:?} and {b:?}");
            let same = aggregate(name, &[&values[..2]; 11], 2);
            let within = if name == "centered-clipping" { 15.0 } else { 1e-13 };
            prop_assert!(same.iter().zip(&values).all(|(s, v)| (s - v).abs() < within), "{name}: {same:?}");
        }
    }
}
