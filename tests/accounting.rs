//! Storage, multiply-adds and numbers sent, as a fleet counts them over whole gradients, against the exact counts of paper
//! 002's theorems and against [`Plan`].

use std::borrow::Cow;
use std::sync::Arc;

use steadfast::coding::{DataCode, Mds, Plan, Product, RealParity, Replication, Tolerance, Uncoded, encode_shard};
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::CpuDevice;
use steadfast::fleet::{Attack, Clock, Counters, FaultPlan, Faults, Gather, SimulatedFleet};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle};
use steadfast::seed::{Seed, mix};

fn tolerance(liars: usize, stragglers: usize) -> Tolerance {
    Tolerance { liars, stragglers }
}

fn number(word: u64) -> f64 {
    (mix(word) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn dense(n: usize, d: usize) -> Matrix<f64> {
    let values = (0..n * d).map(|i| number(i as u64)).collect();
    Matrix::Dense(Dense::new(n, d, values).expect("n x d values"))
}

/// About one entry in seven, in rows of unequal length, some of them empty.
fn sparse(n: usize, d: usize) -> Matrix<f64> {
    let (mut offsets, mut indices) = (vec![0], Vec::new());
    for i in 0..n {
        let share = mix(i as u64) % 4;
        let kept = |j: &u32| mix(((i as u64) << 32) ^ u64::from(*j)) % 14 < share;
        indices.extend((0..u32::try_from(d).expect("few columns")).filter(kept));
        offsets.push(indices.len());
    }
    let values = (0..indices.len()).map(|i| number(i as u64)).collect();
    Matrix::Csr(Csr::new(n, d, offsets, indices, values).expect("ascending columns"))
}

fn oracle(data: &Matrix<f64>, code: Arc<dyn DataCode>, faults: Faults) -> CodedOracle<'_, SimulatedFleet<f64>> {
    let device = Box::new(CpuDevice::new(Some(1)).expect("a thread"));
    let fleet = SimulatedFleet::new(device, faults, Clock::default());
    let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(3) };
    CodedOracle::new(Cow::Borrowed(data), code, fleet, &options).expect("a loaded fleet")
}

/// `gradients` gradients of r outputs; the counts before and after.
fn count(data: &Matrix<f64>, code: Arc<dyn DataCode>, r: usize, gradients: u64) -> (Counters, Counters) {
    let mut oracle = oracle(data, code.clone(), Faults::none(code.workers()));
    let before = oracle.counters();
    let (n, d) = (data.rows(), data.cols());
    let weights: Vec<f64> = (0..r * d).map(|i| number(!(i as u64))).collect();
    let (mut margins, mut gradient) = (vec![0.0; n * r], vec![0.0; r * d]);
    for _ in 0..gradients {
        oracle.margins(&weights, &mut margins).expect("honest workers");
        oracle.pullback(&margins, &mut gradient).expect("honest workers");
    }
    (before, oracle.counters())
}

/// Every code here with 15 or 16 workers, with its name in a plan and its tolerance.
fn codes() -> Vec<(&'static str, Arc<dyn DataCode>)> {
    let mut codes: Vec<(&str, Arc<dyn DataCode>)> = Vec::new();
    // The last one is even m and odd k, where the unit-circle check needs a row more.
    for (m, t, s) in [(15, 1, 0), (15, 3, 0), (15, 7, 0), (15, 4, 1), (15, 0, 3), (15, 2, 5), (16, 3, 1)] {
        codes.push(("real-parity", Arc::new(RealParity::new(m, tolerance(t, s)).expect("a code"))));
    }
    for (t, s) in [(1, 0), (2, 0), (1, 2), (7, 0)] {
        codes.push(("replication", Arc::new(Replication::new(15, tolerance(t, s), None).expect("a code"))));
    }
    codes.push(("uncoded", Arc::new(Uncoded::new(15).expect("a code"))));
    for (m, s) in [(15, 3), (16, 3)] {
        codes.push(("mds", Arc::new(Mds::new(m, tolerance(0, s), Seed(1)).expect("a code"))));
        codes.push(("product", Arc::new(Product::new(m, tolerance(0, s), None).expect("a grid"))));
    }
    codes
}

/// Theorem 1, with the blocks as they are: p1 = ceil(n/q), p2 = ceil(d/q).
#[test]
fn a_dense_gradient_costs_what_the_theorem_says() {
    // Neither number is a multiple of any q here; in the second, d is below q for most codes.
    for (n, d) in [(211, 37), (101, 4)] {
        let data = dense(n, d);
        for (name, code) in codes() {
            let (m, q) = (code.workers(), code.blocks());
            let (p1, p2) = (n.div_ceil(q), d.div_ceil(q));
            for r in [1, 3] {
                let gradients = 2;
                let (before, after) = count(&data, code.clone(), r, gradients);
                let label = format!("{} on {n} x {d}, r = {r}", code.name());
                let each = |total: usize| gradients * (r * total) as u64;
                assert_eq!(before.stored, (m * (p1 * d + p2 * n)) as u64, "{label}");
                assert_eq!(after.stored, before.stored, "{label}");
                assert_eq!(after.rounds, 2 * gradients, "{label}");
                assert_eq!(after.multiply_adds, each(m * (p1 * d + p2 * n)), "{label}");
                assert_eq!(after.floats_up, each(m * (p1 + p2)), "{label}");
                assert_eq!(after.floats_down, each(n + d), "{label}");
                assert_eq!(after.floats_down_unicast, each(m * (n + d)), "{label}");
            }
            let plan = Plan::for_data(&data, m, code.tolerance()).expect("a plan");
            let cost = plan.code(name).and_then(|c| c.cost).expect("a cost");
            assert_eq!((cost.blocks, cost.shard_rows), (q, [p1, p2]), "{}", code.name());
            assert_eq!(cost.stored, (m * (p1 * d + p2 * n)) as u64, "{}", code.name());
            assert_eq!(cost.multiply_adds, (p1 * d + p2 * n) as u64, "{}", code.name());
            assert_eq!(cost.floats_up, (p1 + p2) as u64, "{}", code.name());
        }
    }
}

/// Sparse data: from the non-zeros of the shards, counted here one entry at a time.
#[test]
fn a_sparse_gradient_costs_its_non_zeros() {
    let (n, d) = (223, 61);
    let data = sparse(n, d);
    for (name, code) in codes() {
        let (m, q) = (code.workers(), code.blocks());
        // Worker i stores entry (b, c) of a shard where any of the rows b q + j with a coefficient has an entry in column c.
        let mut per_worker = vec![0u64; m];
        for (worker, total) in per_worker.iter_mut().enumerate() {
            let g = code.combination(worker);
            let mut taken = [vec![false; n.div_ceil(q) * d], vec![false; d.div_ceil(q) * n]];
            for i in 0..n {
                data.for_each_in_row(i, |j, _| {
                    taken[0][i / q * d + j] |= g[i % q] != 0.0;
                    taken[1][j / q * n + i] |= g[j % q] != 0.0;
                });
            }
            *total = taken.iter().flatten().filter(|t| **t).count() as u64;
        }
        let stored: u64 = per_worker.iter().sum();
        for r in [1, 3] {
            let (before, after) = count(&data, code.clone(), r, 1);
            assert_eq!(before.stored, stored, "{}", code.name());
            assert_eq!(after.multiply_adds, stored * r as u64, "{}, r = {r}", code.name());
            // What is sent does not depend on zeros.
            let up = r * m * (n.div_ceil(q) + d.div_ceil(q));
            assert_eq!((after.floats_up, after.floats_down), (up as u64, (r * (n + d)) as u64), "{}", code.name());
        }
        let plan = Plan::for_data(&data, m, code.tolerance()).expect("a plan");
        let cost = plan.code(name).and_then(|c| c.cost).expect("a cost");
        assert!(cost.exact && cost.fill <= q as f64);
        assert_eq!((cost.blocks, cost.stored), (q, stored), "{}", code.name());
        assert_eq!(Some(&cost.multiply_adds), per_worker.iter().max(), "{}", code.name());
    }
}

/// Late replies are counted (the work was done); the dead neither compute nor send.
#[test]
fn the_late_cost_and_the_dead_do_not() {
    let data = dense(90, 20);
    let code: Arc<dyn DataCode> = Arc::new(RealParity::new(15, tolerance(2, 5)).expect("a code"));
    let (n, d, q) = (90, 20, code.blocks());
    let (faults, _) = FaultPlan::new(15, Seed(5)).liars(2, Attack::Zero).slow(2).dead(3).split().expect("a plan");
    let device = Box::new(CpuDevice::new(Some(1)).expect("a thread"));
    let fleet = SimulatedFleet::new(device, faults, Clock::default());
    let options = OracleOptions { gather: Gather::First(10), keys: 0, seed: Seed(3) };
    let mut oracle = CodedOracle::new(Cow::Borrowed(&data), code, fleet, &options).expect("a loaded fleet");
    let mut out = vec![0.0; n];
    oracle.margins(&vec![1.0; d], &mut out).expect("five of fifteen are missing, two lie: as the code was built for");
    let counters = oracle.counters();
    assert_eq!(oracle.drain().late.len(), 5);
    let live = 12;
    assert_eq!(counters.floats_up, (live * n.div_ceil(q)) as u64);
    assert_eq!(counters.multiply_adds, (live * n.div_ceil(q) * d) as u64);
    assert_eq!(counters.floats_down, d as u64);
}

/// Encoding: `2k n d` multiply-adds for both products, nothing for plain copies. Counted from the generator: a coefficient of
/// a combining worker meets every entry of its block once.
#[test]
fn encoding_costs_what_the_plan_says() {
    let (n, d) = (130, 52);
    let data = dense(n, d);
    for (m, t, s) in [(15, 1, 0), (15, 3, 0), (15, 4, 1), (30, 10, 0)] {
        let code = RealParity::new(m, tolerance(t, s)).expect("a code");
        let combining: Vec<usize> =
            (0..m).filter(|&i| code.combination(i).iter().filter(|g| **g != 0.0).count() > 1).collect();
        assert_eq!(combining.len(), 2 * t + s);
        let work: usize = combining.iter().map(|&i| n * d * code.combination(i).len() / code.blocks()).sum();
        let cost = Plan::for_data(&data, m, code.tolerance()).expect("a plan").code("real-parity").and_then(|c| c.cost);
        assert_eq!(cost.map(|c| c.encoding_multiply_adds), Some(2 * work as u64));
        // A plain worker's shard holds the data's own bits.
        let plain = (0..m).find(|i| !combining.contains(i)).expect("q plain workers");
        let block = code.combination(plain).iter().position(|g| *g == 1.0).expect("one coefficient, 1");
        let (shard, _) = encode_shard(&data, Operand::ROWS, code.combination(plain)).expect("a shard");
        let (Matrix::Dense(shard), Matrix::Dense(x)) = (&shard, &data) else { panic!("dense data stay dense") };
        for b in 0..shard.rows() {
            let at = b * code.blocks() + block;
            assert!(at >= n || shard.row(b) == x.row(at));
        }
    }
    // A block of a product code is in the sums of its row, its column and the corner.
    let plan = Plan::for_data(&data, 15, tolerance(0, 3)).expect("a plan");
    let work = |name| plan.code(name).and_then(|c| c.cost).map(|c| c.encoding_multiply_adds);
    assert_eq!((work("product"), work("mds")), (Some(2 * 3 * (n * d) as u64), Some(2 * 3 * (n * d) as u64)));
}
