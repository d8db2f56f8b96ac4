//! Short-Dot: what its workers hold, that any K of them decode, and that it trains.

use super::word::Word;
use proptest::prelude::*;
use steadfast::coding::{DataCode, Plan, RealParity, ShortDot, Tolerance, Workspace, encode_for};
use steadfast::data::{Csr, Dataset, LoadOptions, Matrix, Operand, Source, load};
use steadfast::error::Error;
use steadfast::run::{TrainConfig, Training};
use steadfast::seed::Seed;

fn code(workers: usize, liars: usize, stragglers: usize, blocks: usize) -> ShortDot {
    ShortDot::new(workers, Tolerance { liars, stragglers }, Some(blocks), Seed(3)).expect("a code")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any s missing and any t lying: named, and the value within its bound.
    #[test]
    fn any_that_are_enough_decode(
        (workers, liars, stragglers) in (9usize..24, 0usize..3, 0usize..4).prop_filter("faults", |x| x.1 + x.2 > 0),
        share in 0.0..1.0f64, order in Just((0..24).collect::<Vec<usize>>()).prop_shuffle(), vectors in 1usize..3, seed: u64,
    ) {
        let most = workers - 2 * liars - stragglers;
        let code = code(workers, liars, stragglers, 1 + (share * (most - 1) as f64) as usize);
        let faulty: Vec<usize> = order.into_iter().filter(|&i| i < workers).take(liars + stragglers).collect();
        let (late, lying) = faulty.split_at(stragglers);
        let mut word = Word::honest::<f64>(&code, 60, 41, vectors, seed);
        for &worker in lying {
            word.of(worker).iter_mut().enumerate().for_each(|(at, x)| *x += 1.0 + at as f64 + worker as f64);
        }
        for &worker in late {
            word.present[worker] = false;
            word.of(worker).fill(f64::NAN);
        }
        let mut value = vec![f64::NAN; word.truth.len()];
        let report = code.decode(&word.replies(), &mut Workspace::default(), &mut value).expect("within the tolerance");
        let sorted = |workers: &[usize]| {
            let mut sorted = workers.to_vec();
            sorted.sort_unstable();
            sorted
        };
        prop_assert_eq!((report.erased, report.liars), (sorted(late), sorted(lying)));
        prop_assert!(word.error(&value) <= report.bound, "{} above {}", word.error(&value), report.bound);
    }
}

/// K - M workers of 15 do without each column, in order of the columns; what is stored and done is what the plan says.
#[test]
fn workers_hold_short_rows() {
    let x = Word::honest::<f64>(&code(15, 0, 3, 6), 77, 40, 1, 1).data;
    let tolerance = Tolerance { liars: 0, stragglers: 3 };
    let code = code(15, 0, 3, 6);
    let mut stored = 0;
    let mut largest = 0;
    let both = [Operand::ROWS, Operand::COLUMNS].map(|operand| encode_for(&code, &x, operand, 0..15).expect("shards"));
    for (worker, shards) in both[0].iter().zip(&both[1]).enumerate() {
        let (rows, columns) = (&shards.0.0, &shards.1.0);
        assert_eq!((rows.rows(), columns.rows()), (13, 7));
        let Matrix::Csr(rows) = rows else { panic!("a sparse shard") };
        let held: Vec<usize> = rows.row(0).0.iter().map(|&c| c as usize).collect();
        let expected: Vec<usize> = (0..40).filter(|c| (worker + 15 - c % 15) % 15 >= 6).collect();
        assert_eq!(held, expected, "worker {worker}");
        stored += rows.values().len() + columns.stored();
        largest = largest.max(rows.values().len() + columns.stored());
    }
    let plan = Plan::new(77, 40, None, 15, tolerance).expect("a plan");
    let cost = plan.code("short-dot").and_then(|code| code.cost).expect("it carries three stragglers");
    assert_eq!((cost.blocks, cost.stored, cost.multiply_adds), (6, stored as u64, largest as u64));
    // Nine of fifteen workers hold each column of six blocks, the last row of which is filled up.
    let padded = (78 * 40 + 42 * 77) as f64;
    assert_eq!((code.redundancy() * padded).round() as u64, cost.stored);
    assert_eq!((cost.floats_up, cost.floats_down_unicast), (20, 9 * 117));
}

/// With as many blocks as the code has room for, nothing is short and the redundancy that of the code itself.
#[test]
fn without_room_it_is_the_code_itself() {
    let code = code(15, 2, 1, 10);
    assert_eq!((code.zeros(), code.blocks()), (0, RealParity::new(15, code.tolerance()).expect("a code").blocks()));
    assert!((0..15).all(|i| (0..15).all(|group| code.combination_in(i, group).iter().all(|x| *x != 0.0))));
}

#[test]
fn unusable_codes_name_what_is_allowed() {
    let refused = |workers, liars, stragglers, blocks| {
        let error = ShortDot::new(workers, Tolerance { liars, stragglers }, blocks, Seed(0)).expect_err("refused");
        assert!(matches!(error, Error::Usage { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(15, 0, 3, Some(13)).contains("1 to 12: 15 workers less 3 checks"));
    assert!(refused(15, 0, 3, Some(0)).contains("1 to 12"));
    assert!(refused(15, 0, 0, None).contains("at least one liar or straggler"));
    assert!(refused(15, 8, 0, None).contains("at most 7 liars"));
    assert!(refused(2000, 0, 10, Some(500)).contains("67108864"));
}

/// Dense and sparse data, late, dead and lying workers: the optimum that the plain code finds.
#[test]
fn it_trains_to_the_same_optimum() {
    let source: Source = "examples/data/heart_scale.svm".parse().expect("a source");
    let data: Dataset<f64> = load(&source, &LoadOptions::default()).expect("data").data;
    let sparse = {
        let dense = match &data.features {
            Matrix::Dense(x) => x.clone(),
            Matrix::Csr(x) => x.to_dense(),
        };
        let kept = |i: usize| (0..dense.cols()).filter(move |c| !(i + c).is_multiple_of(3)).map(|c| c as u32);
        let offsets = (0..=dense.rows()).map(|i| (0..i).map(|i| kept(i).count()).sum()).collect();
        let indices: Vec<u32> = (0..dense.rows()).flat_map(kept).collect();
        let values = (0..dense.rows()).flat_map(|i| kept(i).map(|c| dense.row(i)[c as usize]).collect::<Vec<_>>());
        let csr = Csr::new(dense.rows(), dense.cols(), offsets, indices, values.collect()).expect("a matrix");
        Dataset { features: Matrix::Csr(csr), ..data.clone() }
    };
    for data in [data, sparse] {
        let train = |code: &str, method: &str| {
            let config = TrainConfig {
                method: method.into(),
                iterations: 20_000,
                l2: 1e-2,
                tolerance: 1e-9,
                code: Some(code.into()),
                liars: 2,
                stragglers: 2,
                inject_liars: 2,
                inject_slow: 1,
                inject_dead: 1,
                ..TrainConfig::default()
            };
            let trained = Training::new(config).run(data.clone()).expect("a run that begins");
            assert!(trained.error.is_none() && trained.exit_status == 0, "{code}: {:?}", trained.error);
            trained.record.end.objective
        };
        // Both gradients are at most 1e-9, so both are within 1e-18 / (2 l2) of the optimum.
        let best = train("real-parity", "lbfgs");
        let methods = if data.features.is_sparse() { &["lbfgs"][..] } else { &["lbfgs", "coordinate-descent"] };
        for method in methods {
            assert!((train("short-dot:blocks=5", method) - best).abs() <= 1e-15, "{method}");
        }
    }
}
