//! A shard is the combination of the data that its worker was given, in every storage and both directions.

use half::f16;
use proptest::prelude::*;
use steadfast::coding::{Layout, encode_shard, encode_shards};
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::error::Error;
use steadfast::scalar::{Element, Precision};

/// Half the distance from 1 to the next number that can be stored.
fn storage_unit(precision: Precision) -> f64 {
    match precision {
        Precision::F64 => 2f64.powi(-53),
        Precision::F32 => 2f64.powi(-24),
        Precision::F16 => 2f64.powi(-11),
    }
}

/// A dense and a sparse matrix with the same entries: about `percent` of them are not zero.
fn matrices<T: Element>(rows: usize, cols: usize, percent: u64, seed: u64) -> (Matrix<T>, Matrix<T>) {
    let mut dense = Dense::zeros(rows, cols);
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..rows {
        for j in 0..cols {
            let word = steadfast::seed::mix(seed ^ ((i as u64) << 32) ^ j as u64);
            if word % 100 < percent {
                let x = T::from_f64((word >> 11) as f64 / 2f64.powi(50) - 4.0);
                dense.row_mut(i)[j] = x;
                indices.push(j as u32);
                values.push(x);
            }
        }
        offsets.push(values.len());
    }
    (Matrix::Dense(dense), Matrix::Csr(Csr::new(rows, cols, offsets, indices, values).expect("a valid matrix")))
}

fn entries<T: Element>(matrix: &Matrix<T>) -> Vec<Vec<f64>> {
    (0..matrix.rows())
        .map(|i| {
            let mut row = vec![0.0; matrix.cols()];
            matrix.for_each_in_row(i, |j, x| row[j] = x.to_f64());
            row
        })
        .collect()
}

/// The shard by its definition, with a bound on the error of each entry that rounding explains.
fn expected<T: Element>(data: &Matrix<T>, operand: Operand, g: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let x = entries(data);
    let layout = Layout::of_operand(data.rows(), data.cols(), operand, g.len()).expect("a known operand");
    let at = |row: usize, col: usize| if operand == Operand::ROWS { x[row][col] } else { x[col][row] };
    let entry = |b: usize, col: usize| {
        let terms: Vec<f64> =
            (0..g.len()).filter(|j| b * g.len() + j < layout.rows).map(|j| g[j] * at(b * g.len() + j, col)).collect();
        let sum: f64 = terms.iter().sum();
        let size: f64 = terms.iter().map(|t| t.abs()).sum();
        // The plain sum here errs by at most q roundings of f64, the encoder's by 4 (one product, a sum of four), and the
        // result is rounded to T once (f16 has a coarsest step of 2^-24 near zero).
        let slack = (g.len() as f64 + 5.0) * f64::EPSILON * size + 1.01 * storage_unit(T::PRECISION) * sum.abs();
        (sum, slack + if T::PRECISION == Precision::F16 { 2f64.powi(-25) } else { 0.0 })
    };
    (0..layout.shard_rows).map(|b| (0..layout.cols).map(|col| entry(b, col)).collect()).collect()
}

fn check<T: Element>(rows: usize, cols: usize, percent: u64, seed: u64, g: &[f64]) -> Result<(), TestCaseError> {
    let (dense, sparse) = matrices::<T>(rows, cols, percent, seed);
    for operand in [Operand::ROWS, Operand::COLUMNS] {
        let wanted = expected(&dense, operand, g);
        for data in [&dense, &sparse] {
            let (shard, stats) = encode_shard(data, operand, g).expect("an encodable matrix");
            prop_assert_eq!(shard.is_sparse(), data.is_sparse());
            prop_assert_eq!((shard.rows(), shard.stored()), (stats.rows, stats.stored));
            let got = entries(&shard);
            prop_assert_eq!(got.len(), wanted.len());
            let (mut square, mut largest) = (0.0, 0.0f64);
            for (got, wanted) in got.iter().zip(&wanted) {
                prop_assert_eq!(got.len(), wanted.len());
                for (got, (wanted, slack)) in got.iter().zip(wanted) {
                    prop_assert!((got - wanted).abs() <= *slack, "{got} for {wanted} +- {slack} in {operand:?}");
                    square += got * got;
                    largest = largest.max(got.abs());
                }
            }
            prop_assert_eq!(stats.max_abs, largest);
            // Two sums of the same squares in different orders.
            let unit = f64::EPSILON * (got.len() * cols.max(rows)) as f64;
            prop_assert!((stats.frobenius().powi(2) - square).abs() <= unit * square);
        }
    }
    Ok(())
}

/// Coefficients as codes have them: zeros, ones and others.
fn combination() -> impl Strategy<Value = Vec<f64>> {
    let coefficient = prop_oneof![2 => Just(0.0), 1 => Just(1.0), 4 => -2.0..2.0f64];
    let unit =
        (1usize..12).prop_flat_map(|q| (0..q).prop_map(move |j| (0..q).map(|k| f64::from(u8::from(k == j))).collect()));
    prop_oneof![3 => prop::collection::vec(coefficient, 1..12), 1 => unit]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shards_are_combinations(
        rows in 0usize..90, cols in 0usize..150, percent in 0u64..=100, seed: u64, g in combination(),
    ) {
        check::<f64>(rows, cols, percent, seed, &g)?;
        check::<f32>(rows, cols, percent, seed, &g)?;
        check::<f16>(rows, cols, percent, seed, &g)?;
    }

    #[test]
    fn a_unit_combination_copies(rows in 1usize..60, cols in 1usize..60, q in 1usize..8, pick: prop::sample::Index, seed: u64) {
        let j = pick.index(q);
        let g: Vec<f64> = (0..q).map(|k| if k == j { 1.0 } else { 0.0 }).collect();
        let (dense, sparse) = matrices::<f32>(rows, cols, 40, seed);
        for data in [&dense, &sparse] {
            let x = entries(data);
            let shard = entries(&encode_shard(data, Operand::ROWS, &g).expect("rows").0);
            for (b, row) in shard.iter().enumerate() {
                let wanted = x.get(b * q + j).cloned().unwrap_or(vec![0.0; cols]);
                prop_assert_eq!(row, &wanted);
            }
            let shard = entries(&encode_shard(data, Operand::COLUMNS, &g).expect("columns").0);
            for (b, row) in shard.iter().enumerate() {
                let column: Vec<f64> = x.iter().map(|r| r.get(b * q + j).copied().unwrap_or(0.0)).collect();
                prop_assert_eq!(row, &column);
            }
        }
    }
}

/// Sizes that are cut into many tasks and tiles in every direction, with ragged ends.
#[test]
fn large_shards_are_combinations() {
    let g: Vec<f64> = (0..7).map(|j| [0.5, 0.0, -1.25, 1.0, 0.75, 2.0, -0.1][j]).collect();
    let long: Vec<f64> = (0..130).map(|j| (f64::from(j) * 0.7).sin()).collect();
    for (rows, cols, percent) in [(1003, 611, 100), (37, 9001, 30), (4000, 33, 100), (911, 801, 5)] {
        check::<f64>(rows, cols, percent, 1, &g).expect("f64");
        check::<f32>(rows, cols, percent, 2, &g).expect("f32");
        check::<f32>(rows, cols, percent, 3, &long).expect("long");
        check::<f16>(rows, cols, percent, 4, &[0.0, 0.0, 1.0]).expect("f16");
    }
}

/// The same bits one by one and together, and for any number of threads.
#[test]
fn batches_and_threads_do_not_change_bits() {
    let combinations: Vec<Vec<f64>> = (0..5)
        .map(|w| (0..6).map(|j| if w < 2 { f64::from(u8::from(j == w)) } else { f64::from(w * 6 + j).cos() }).collect())
        .collect();
    let all: Vec<&[f64]> = combinations.iter().map(Vec::as_slice).collect();
    for (rows, cols) in [(700, 900), (50, 20_000), (20_000, 50)] {
        let (dense, sparse) = matrices::<f64>(rows, cols, 20, 9);
        for data in [&dense, &sparse] {
            for operand in [Operand::ROWS, Operand::COLUMNS] {
                let together = encode_shards(data, operand, &all).expect("all");
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                    let each: Vec<_> =
                        all.iter().map(|g| pool.install(|| encode_shard(data, operand, g)).expect("one")).collect();
                    for ((a, sa), (b, sb)) in together.iter().zip(&each) {
                        assert!(a == b, "shards differ with {threads} threads");
                        // The sums are cut the same way whatever the threads; one by one or together may differ in order.
                        assert_eq!((sa.rows, sa.stored, sa.max_abs), (sb.rows, sb.stored, sb.max_abs));
                        assert_eq!(sa.rms_row_norm, sb.rms_row_norm);
                    }
                }
            }
        }
    }
}

/// A sum of 800 blocks is rounded once: its error must not grow with the number of blocks, or the decoder would take it
/// for noise above the ceiling of 4 units.
#[test]
fn round_off_does_not_grow_with_the_number_of_blocks() {
    let q = 800;
    let g: Vec<f64> = (0..q).map(|j| (j as f64 * 1.3).sin() + 0.2).collect();
    let (wide, _) = matrices::<f64>(q, 64, 100, 5);
    let (shard, stats) = encode_shard(&wide, Operand::ROWS, &g).expect("rows");
    let x = entries(&wide);
    let mut square = 0.0;
    for (col, &got) in entries(&shard)[0].iter().enumerate() {
        // The same sum in twice the digits: products split exactly by fused multiply-add, sums by two-sum.
        let (mut hi, mut lo) = (0.0f64, 0.0f64);
        for j in 0..q {
            let product = g[j] * x[j][col];
            let rest = g[j].mul_add(x[j][col], -product);
            let next = hi + product;
            let back = next - hi;
            lo += (hi - (next - back)) + (product - back) + rest;
            hi = next;
        }
        square += ((got - hi) - lo).powi(2);
    }
    let rms = (square / 64.0).sqrt();
    // One rounding of the sum, one of each product and of each sum of four: below 2 units of the row's rms entry.
    let entry = stats.rms_row_norm / 8.0;
    assert!(rms <= 2.0 * 2f64.powi(-53) * entry, "{} units", rms / (2f64.powi(-53) * entry));
}

#[test]
fn refusals_name_what_is_allowed() {
    let (dense, _) = matrices::<f16>(4, 3, 100, 1);
    let usage = |r: steadfast::Result<_>| match r {
        Err(error @ Error::Usage { .. }) => error.to_string(),
        other => panic!("not a usage error: {other:?}"),
    };
    assert!(usage(encode_shard(&dense, Operand(7), &[1.0])).contains("0 (rows) or 1 (columns)"));
    assert!(usage(encode_shard(&dense, Operand::ROWS, &[])).contains("at least 1"));
    assert!(usage(encode_shard(&dense, Operand::ROWS, &[1e5, 1.0])).contains("f16"));
    let unequal: [&[f64]; 2] = [&[1.0], &[1.0, 2.0]];
    assert!(matches!(encode_shards(&dense, Operand::ROWS, &unequal), Err(Error::Usage { .. })));
}
