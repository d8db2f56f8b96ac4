//! Plans count what encoding then stores.

use proptest::prelude::*;
use steadfast::coding::{CodeOptions, Plan, Tolerance, code_by_name, encode_for, encode_shards};
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::error::Error;
use steadfast::seed::mix;

/// The generator of a code with `copies` plain workers a block and `combining` combinations.
fn generator(blocks: usize, copies: usize, combining: usize) -> Vec<Vec<f64>> {
    let unit = |j: usize| (0..blocks).map(|k| f64::from(u8::from(k == j))).collect();
    let full = |w: usize| (0..blocks).map(|k| ((w * blocks + k) as f64 + 0.5).sin()).collect();
    (0..blocks * copies).map(|i| unit(i % blocks)).chain((0..combining).map(full)).collect()
}

fn sparse(rows: usize, cols: usize, percent: u64, seed: u64) -> Matrix<f32> {
    let (mut offsets, mut indices) = (vec![0], vec![0; 0]);
    for i in 0..rows {
        indices.extend((0..cols as u32).filter(|&j| mix(seed ^ ((i as u64) << 32) ^ u64::from(j)) % 100 < percent));
        offsets.push(indices.len());
    }
    let values = vec![1.5; indices.len()];
    Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).expect("a valid matrix"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn plans_count_what_is_stored(
        m in 1usize..24, t in 0usize..5, s in 0usize..4, rows in 1usize..80, cols in 1usize..80, percent in 1u64..=100, seed: u64,
    ) {
        let tolerance = Tolerance { liars: t, stragglers: s };
        let dense = Matrix::Dense(Dense::new(rows, cols, vec![0.5f32; rows * cols]).expect("rows x cols values"));
        let sparse = sparse(rows, cols, percent, seed);
        for data in [dense, sparse] {
            if data.stored() == 0 {
                continue;
            }
            let plan = Plan::for_data(&data, m, tolerance).expect("a plan");
            let nonzeros = data.is_sparse().then_some(data.stored());
            let blind = Plan::new(rows, cols, nonzeros, m, tolerance).expect("a plan");
            for (code, bound) in plan.codes.iter().zip(&blind.codes).filter(|(c, _)| !c.comparison) {
                prop_assert_eq!(code.cost.is_some(), code.refused.is_none());
                let (Some(cost), Some(bound)) = (code.cost, bound.cost) else { continue };
                // Where the zeros of Short-Dot's rows meet those of sparse data is not in the pattern's counts.
                prop_assert_eq!(cost.exact, code.name != "short-dot" || !data.is_sparse());
                let combines = ["real-parity", "mds"].contains(&code.name.as_str());
                let combining = if combines { m - cost.blocks } else { 0 };
                let generator = generator(cost.blocks, (m - combining) / cost.blocks, combining);
                let combinations: Vec<&[f64]> = generator.iter().map(Vec::as_slice).collect();
                let shards = |operand: Operand| match code.name.as_str() {
                    "product" | "short-dot" => {
                        let code = code_by_name(&code.name, m, tolerance, CodeOptions::default()).expect("a code");
                        encode_for(code.as_ref(), &data, operand, 0..m)
                    }
                    _ => encode_shards(&data, operand, &combinations),
                };
                let mut stored = vec![0; m];
                for (operand, p) in [(Operand::ROWS, cost.shard_rows[0]), (Operand::COLUMNS, cost.shard_rows[1])] {
                    let shards = shards(operand).expect("an encodable matrix");
                    prop_assert_eq!(shards.len(), m);
                    for (total, (_, stats)) in stored.iter_mut().zip(shards) {
                        prop_assert_eq!(stats.rows, p);
                        *total += stats.stored as u64;
                    }
                }
                // A worker does one multiply-add a stored number.
                let (all, most) = (stored.iter().sum::<u64>(), *stored.iter().max().unwrap());
                if cost.exact {
                    prop_assert_eq!((cost.stored, cost.multiply_adds), (all, most), "{}", &code.name);
                } else {
                    prop_assert!(cost.stored >= all && cost.multiply_adds >= most, "{}", &code.name);
                }
                prop_assert_eq!(cost.floats_up as usize, cost.shard_rows[0] + cost.shard_rows[1]);
                prop_assert!(cost.fill <= cost.blocks as f64);
                prop_assert!(bound.stored >= cost.stored && bound.multiply_adds >= cost.multiply_adds);
                prop_assert!(bound.fill >= cost.fill && bound.fill <= cost.blocks as f64);
            }
        }
    }
}

/// Paper 002, footnote 12: redundancy of both products together against DRACO's 2t + 1.
#[test]
fn footnote_12() {
    for (m, t, ours, draco) in [(1000, 100, 2.5, 201.0), (150, 50, 6.0, 101.0)] {
        // Sizes that q = m - 2t divides, so that no block is short.
        let plan = Plan::new(20_000, 4_000, None, m, Tolerance { liars: t, stragglers: 0 }).expect("a plan");
        let redundancy = |name| plan.code(name).and_then(|c| c.cost).expect("a cost").redundancy;
        assert_eq!((redundancy("real-parity"), redundancy("draco")), (ours, draco));
    }
}

/// The exact counts of the accounting, at the paper's size.
#[test]
fn accounting_at_15_workers() {
    let (n, d, m, t) = (20_000u64, 22_000u64, 15, 3);
    let plan = Plan::new(n as usize, d as usize, None, m, Tolerance { liars: t, stragglers: 0 }).expect("a plan");
    let cost = plan.code("real-parity").and_then(|c| c.cost).expect("a cost");
    let (p1, p2) = (2223, 2445);
    assert_eq!((cost.blocks, cost.shard_rows), (9, [p1 as usize, p2 as usize]));
    assert_eq!((cost.stored, cost.multiply_adds), (15 * (p1 * d + p2 * n), p1 * d + p2 * n));
    assert_eq!((cost.floats_up, cost.floats_down, cost.floats_down_unicast), (p1 + p2, n + d, 15 * (n + d)));
    // 2t combining workers for each of both products, every entry once.
    assert_eq!(cost.encoding_multiply_adds, 2 * 6 * n * d);
    assert!(plan.code("uncoded").and_then(|c| c.refused.clone()).is_some_and(|r| r.contains("no liars")));
    assert_eq!(plan.code("replication").and_then(|c| c.cost).expect("15 replicas").blocks, 1);
    let json = serde_json::to_string(&plan).expect("a plan is plain data");
    assert_eq!(serde_json::from_str::<Plan>(&json).expect("what was written"), plan);
}

#[test]
fn impossible_plans_say_why() {
    let plan = Plan::new(100, 100, None, 15, Tolerance { liars: 8, stragglers: 0 }).expect("a plan");
    for code in &plan.codes {
        assert!(code.cost.is_none(), "{code:?}");
    }
    assert!(plan.code("real-parity").and_then(|c| c.refused.clone()).is_some_and(|r| r.contains("at most 7 liars")));
    for bad in [
        Plan::new(0, 5, None, 3, Tolerance::default()),
        Plan::new(5, 5, Some(26), 3, Tolerance::default()),
        Plan::new(5, 5, None, 0, Tolerance::default()),
        Plan::new(usize::MAX, 5, None, 3, Tolerance::default()),
    ] {
        assert!(matches!(bad, Err(Error::Usage { .. })));
    }
}
