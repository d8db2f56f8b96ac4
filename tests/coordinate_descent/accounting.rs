//! Work, storage and numbers sent of coordinate descent, as a fleet counts them, against the exact counts of paper 002's
//! theorem 2 (with the blocks as they are) and of the replication of its remark 7.

use std::sync::Arc;

use crate::plain::{code, coded, experiment, sparse, tolerance, walk};
use steadfast::coding::{DataCode, Replication, encode_shard};
use steadfast::data::{Matrix, Operand};
use steadfast::fleet::{Counters, Faults, Gather};
use steadfast::method::{Order, Problem};
use steadfast::objective::{LeastSquares, Objective};
use steadfast::oracle::ProductOracle;

/// The paper's code for t = 1..7, and groups of 2t + 1 copies.
fn codes() -> Vec<(usize, Arc<dyn DataCode>)> {
    let mut codes: Vec<(usize, Arc<dyn DataCode>)> = (1..=7).map(|t| (t, code(15, t, 0))).collect();
    for t in [1, 2, 7] {
        codes.push((t, Arc::new(Replication::new(15, tolerance(t, 0), None).expect("a code"))));
    }
    codes
}

fn since(after: Counters, before: Counters) -> [u64; 5] {
    [
        after.rounds - before.rounds,
        after.multiply_adds - before.multiply_adds,
        after.floats_down - before.floats_down,
        after.floats_down_unicast - before.floats_down_unicast,
        after.floats_up - before.floats_up,
    ]
}

/// One iteration on each set of `taken` neighbouring block rows, the last smaller: exact counts.
fn check(data: &Matrix<f64>, code: &Arc<dyn DataCode>, label: &str) {
    let (n, d, m, q) = (data.rows(), data.cols(), code.workers(), code.blocks());
    let (p1, p2) = (n.div_ceil(q), d.div_ceil(q));
    let mut oracle = coded(data, code, Faults::none(m), Gather::All);
    assert_eq!(oracle.counters().stored, (m * (p1 * d + p2 * n)) as u64, "{label}");
    let before = oracle.counters();
    let (mut whole, mut gradient) = (vec![1.0; n], vec![0.0; d]);
    oracle.margins(&vec![1.0; d], &mut whole).unwrap();
    oracle.pullback(&vec![1.0; n], &mut gradient).unwrap();
    let of_gradient = since(oracle.counters(), before)[1];
    for taken in [1, 2, p2].into_iter().filter(|&taken| taken <= p2) {
        let mut all = 0;
        for first in (0..p2).step_by(taken) {
            let rows = first..p2.min(first + taken);
            let tau = rows.len();
            let touched = (rows.end * q).min(d) - rows.start * q;
            let before = oracle.counters();
            let blocks = oracle.blocks().expect("blocks");
            blocks.block_pullback(rows.clone(), &vec![1.0; n], &mut vec![0.0; touched]).unwrap();
            blocks.block_margins(rows, &vec![1.0; touched], &mut whole).unwrap();
            let each = p1 * touched + n * tau;
            let expected = [2, m * each, touched + n, m * (touched + n), m * (p1 + tau)].map(|x| x as u64);
            assert_eq!(since(oracle.counters(), before), expected, "{label}, block rows from {first} on");
            all += (m * each) as u64;
            if d.is_multiple_of(q) {
                // Exactly tau / p2 of a gradient's.
                assert_eq!((m * each * p2) as u64, of_gradient * tau as u64, "{label}");
            }
        }
        // A pass over all blocks costs one gradient.
        assert_eq!(all, of_gradient, "{label}");
    }
}

#[test]
fn an_iteration_costs_what_theorem_2_says() {
    for (n, d) in [(211, 37), (120, 45), (101, 4)] {
        let (data, _) = experiment(n, d, 4);
        for (t, code) in codes() {
            let (m, q) = (code.workers(), code.blocks());
            if code.name().starts_with("replication") {
                // Remark 7: storage grows with 2t + 1.
                assert_eq!(m / q, 2 * t + 1, "{}", code.name());
            } else {
                assert_eq!(q, m - 2 * t, "{}", code.name());
            }
            check(&data, &code, &format!("{}, {n} x {d}", code.name()));
        }
    }
}

/// Sparse data: the stored values that the block rows touch, counted here one by one.
#[test]
fn a_sparse_iteration_costs_its_non_zeros() {
    let (n, d) = (97, 31);
    let (data, _) = sparse(n, d, 6);
    for (_, code) in codes() {
        let (m, q) = (code.workers(), code.blocks());
        let mut oracle = coded(&data, &code, Faults::none(m), Gather::All);
        let shard = |worker: usize, operand| match encode_shard(&data, operand, code.combination(worker)).unwrap().0 {
            Matrix::Csr(a) => a,
            Matrix::Dense(_) => unreachable!("sparse data stay sparse"),
        };
        for b in 0..d.div_ceil(q) {
            let touched = b * q..d.min((b + 1) * q);
            let expected: usize = (0..m)
                .map(|worker| {
                    let rows = shard(worker, Operand::ROWS);
                    let in_columns = rows.indices().iter().filter(|&&j| touched.contains(&(j as usize))).count();
                    in_columns + shard(worker, Operand::COLUMNS).row(b).0.len()
                })
                .sum();
            let before = oracle.counters();
            let blocks = oracle.blocks().expect("blocks");
            blocks.block_pullback(b..b + 1, &vec![1.0; n], &mut vec![0.0; touched.len()]).unwrap();
            blocks.block_margins(b..b + 1, &vec![1.0; touched.len()], &mut vec![0.0; n]).unwrap();
            assert_eq!(since(oracle.counters(), before)[1], expected as u64, "{}, block row {b}", code.name());
        }
    }
}

/// A run's rounds: the start's three whole products and its margins, two of a block an iteration, and the margins in full
/// after every ceil(p2 / tau) of them.
#[test]
fn a_run_costs_its_blocks_and_the_margins_in_full() {
    let (n, d, t) = (120, 90, 3);
    let (data, labels) = experiment(n, d, 8);
    let code = code(15, t, 0);
    let (m, q) = (15u64, code.blocks());
    let (p1, p2, tau) = (n.div_ceil(q) as u64, d.div_ceil(q), 2u64);
    assert_eq!((q, p2), (9, 10));
    let objective = Objective { loss: Arc::new(LeastSquares), l2: 1e-2, regularizer: None, intercept: false };
    // From 0: the gradient falls slowly enough that no whole one is due within two passes.
    let cost = |iterations: usize| {
        let mut oracle = coded(&data, &code, Faults::none(15), Gather::All);
        let before = oracle.counters();
        walk(&mut oracle, &objective, &labels, Order::Cyclic, 0.2, iterations).unwrap();
        since(oracle.counters(), before)
    };
    let (four, three) = (cost(4), cost(3));
    // Rejected steps are further rounds of the margins' kind alone; the fourth block's trials are told from the counts.
    let trials = four[0] - three[0] - 1;
    let each = m * (trials * p1 * tau * q as u64 + n as u64 * tau);
    assert_eq!(four[1] - three[1], each);
    assert_eq!(four[2] - three[2], trials * tau * q as u64 + n as u64);
    assert_eq!(four[4] - three[4], m * (trials * p1 + tau));
    let start = cost(0);
    // Margins of 0, the gradient, the margins along it.
    assert_eq!(start[0], 3);
    assert_eq!(start[1], m * (2 * p1 * d as u64 + p2 as u64 * n as u64));
}

/// The labels are the problem's, the blocks the oracle's: a plain oracle of products says that it has none.
#[test]
fn an_oracle_without_blocks_says_so() {
    let (data, labels) = experiment(30, 12, 1);
    let code = code(15, 3, 0);
    let device = Box::new(steadfast::device::CpuDevice::new(Some(1)).unwrap());
    let fleet = steadfast::fleet::SimulatedFleet::new(device, Faults::none(15), steadfast::fleet::Clock::default());
    let options = steadfast::oracle::OracleOptions { gather: Gather::All, keys: 0, seed: steadfast::seed::Seed(1) };
    let data = std::borrow::Cow::Borrowed(&data);
    let mut oracle = steadfast::oracle::CodedOracle::new(data, code, fleet, &options).unwrap();
    let objective = Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: None, intercept: false };
    let mut problem = Problem::new(&mut oracle, &objective, &labels).unwrap();
    let error = problem.block_shape().unwrap_err().to_string();
    assert!(error.contains("with_blocks"), "{error}");
}
