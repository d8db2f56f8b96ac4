//! The CPU device's kernels against sums in twice the precision, with the bounds that their order of summation promises.

mod inputs;
mod reference;

use half::f16;
use inputs::{dense, numbers, sparse, stored};
use reference::{bound, depth, reference};
use steadfast::Error;
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::{Batch, CpuDevice, Device, SimdLevel, multiply_one};
use steadfast::scalar::Element;

fn levels() -> Vec<SimdLevel> {
    let mut levels = vec![SimdLevel::Portable, SimdLevel::Avx2, SimdLevel::Avx512];
    levels.retain(|&level| level <= SimdLevel::detect());
    levels
}

/// Runs one worker's product on a device.
fn run<T: Element>(device: &mut CpuDevice<T>, transposed: bool, r: usize, vectors: &[T::Acc]) -> Vec<T::Acc> {
    let (rows, cols) = device.shape(0, Operand::ROWS).unwrap();
    let mut out = vec![T::Acc::from_f64(f64::NAN); if transposed { cols } else { rows } * r];
    let batch = Batch { operand: Operand::ROWS, transposed, vectors: r, workers: &[0] };
    device.run(&batch, vectors, &mut out).unwrap();
    out
}

fn bits<A: Element>(values: &[A]) -> &[u8] {
    bytemuck::cast_slice(values)
}

/// Within the bound of the reference at every level, and the same bits for several threads and in `multiply_one`.
fn check<T: Element>(matrix: &Matrix<T>, r: usize, transposed: bool) {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let n = if transposed { rows } else { cols };
    let vectors: Vec<T::Acc> = stored(&numbers(r * n, 7));
    let expected = reference(matrix, &vectors, r, transposed);
    let k = depth(matrix, r, transposed);
    let what = format!("{} {rows} x {cols}, r = {r}, transposed {transposed}", T::PRECISION);
    let mut first: Option<Vec<T::Acc>> = None;
    for level in levels() {
        for threads in [1, 2, 5] {
            let mut device = CpuDevice::<T>::with_level(Some(threads), level).unwrap();
            device.upload(0, Operand::ROWS, matrix.clone()).unwrap();
            let got = run(&mut device, transposed, r, &vectors);
            for (entry, (x, e)) in got.iter().zip(&expected).enumerate() {
                let (distance, bound) = (e.distance(x.to_f64()), bound::<T>(k, n, e));
                assert!(distance <= bound, "{what}, {level:?}, entry {entry}: off by {distance:e}, bound {bound:e}");
            }
            assert_eq!(bits(&run(&mut device, transposed, r, &vectors)), bits(&got), "{what}: a second run");
            let first = first.get_or_insert_with(|| got.clone());
            assert_eq!(bits(first), bits(&got), "{what}: {level:?} with {threads} threads");
        }
    }
    if !transposed {
        let mut out = vec![T::Acc::from_f64(f64::NAN); rows * r];
        multiply_one(matrix, &vectors, r, &mut out).unwrap();
        assert_eq!(bits(first.as_ref().unwrap()), bits(&out), "{what}: multiply_one");
    }
}

fn check_precisions(make: impl Fn() -> Matrix<f64>, r: usize, transposed: bool) {
    let matrix = make();
    check::<f64>(&matrix, r, transposed);
    check::<f32>(&matrix.convert(), r, transposed);
    check::<f16>(&matrix.convert(), r, transposed);
}

/// Around the lengths of a pack, a step, a block and a chain of both arithmetic types, and nothing at all.
const LENGTHS: [usize; 22] =
    [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 250, 255, 257, 1023, 1025, 2048, 2049];

#[test]
fn dense_rows_of_all_lengths_keep_the_bound() {
    for (i, &cols) in LENGTHS.iter().enumerate() {
        let rows = [0, 1, 2, 3, 4, 5, 6, 7, 9, 13][i % 10];
        for r in [0, 1, 2, 3, 8, 9] {
            check_precisions(|| dense(rows, cols, 1), r, false);
        }
    }
    for rows in 1..=9 {
        check_precisions(|| dense(rows, 37, 2), 1, false);
    }
}

#[test]
fn dense_columns_of_all_lengths_keep_the_bound() {
    for (i, &rows) in LENGTHS.iter().enumerate() {
        let cols = [0, 1, 2, 7, 8, 15, 16, 17, 33, 100][i % 10];
        for r in [0, 1, 2, 7, 8, 9] {
            check_precisions(|| dense(rows, cols, 3), r, true);
        }
    }
}

#[test]
fn large_products_run_in_parallel_tiles_with_the_same_bits() {
    check::<f32>(&dense(770, 250, 4), 1, false);
    check::<f32>(&dense(500, 250, 4), 12, false);
    check::<f16>(&dense(401, 300, 4), 20, false);
    check::<f64>(&dense(300, 2100, 4), 3, false);
    check::<f32>(&dense(300, 3000, 4), 1, true);
    check::<f16>(&dense(150, 1200, 4), 11, true);
    check::<f64>(&dense(700, 900, 4), 2, true);
}

#[test]
fn sparse_products_keep_the_bound() {
    for (rows, cols, share) in
        [(2, 1, 0.5), (2, 0, 0.0), (5, 17, 0.3), (40, 700, 0.05), (1000, 300, 0.1), (3, 5000, 0.4)]
    {
        for r in [0, 1, 2, 8, 9] {
            check_precisions(|| sparse(rows, cols, share, 5), r, false);
            check_precisions(|| sparse(rows, cols, share, 5), r, true);
        }
    }
    check_precisions(|| Matrix::Csr(Csr::new(0, 3, vec![0], vec![], vec![]).unwrap()), 2, true);
}

/// Results do not depend on how many vectors share a walk (up to 8 for dense rows; beyond, faer computes).
#[test]
fn a_vector_gives_the_same_bits_alone_and_among_others() {
    for (matrix, transposed, r) in [
        (dense::<f32>(23, 2500, 6), false, 7),
        (dense::<f32>(200, 90, 6), true, 11),
        (sparse::<f32>(23, 2500, 0.3, 6), false, 11),
        (sparse::<f32>(90, 40, 0.3, 6), true, 11),
    ] {
        let inner = if transposed { matrix.rows() } else { matrix.cols() };
        let vectors: Vec<f32> = stored(&numbers(r * inner, 8));
        let mut device = CpuDevice::new(Some(1)).unwrap();
        device.upload(0, Operand::ROWS, matrix).unwrap();
        let together = run(&mut device, transposed, r, &vectors);
        for v in 0..r {
            let alone = run(&mut device, transposed, 1, &vectors[v * inner..(v + 1) * inner]);
            let column: Vec<f32> = together.iter().skip(v).step_by(r).copied().collect();
            assert_eq!(bits(&alone), bits(&column), "vector {v} of {r}, transposed {transposed}");
        }
    }
}

#[test]
fn alignment_changes_no_bit() {
    let matrix = dense::<f32>(9, 333, 9);
    let padded: Vec<f32> = stored(&numbers(333 + 16, 10));
    let mut expected = vec![0.0; 9];
    multiply_one(&matrix, &padded[..333], 1, &mut expected).unwrap();
    for shift in 1..16 {
        let mut moved = padded.clone();
        moved.copy_within(..333, shift);
        let mut out = vec![0.0; 9];
        multiply_one(&matrix, &moved[shift..shift + 333], 1, &mut out).unwrap();
        assert_eq!(bits(&out), bits(&expected), "vector moved by {shift}");
    }
}

/// 65,543 equal positive products: a single accumulator drifts by far more than a tree's bound allows.
#[test]
fn long_sums_round_like_a_tree() {
    let n = 65_543;
    for (matrix, transposed) in [
        (Matrix::Dense(Dense::new(1, n, vec![0.1_f32; n]).unwrap()), false),
        (Matrix::Dense(Dense::new(n, 1, vec![0.1_f32; n]).unwrap()), true),
        (Matrix::Csr(Csr::new(1, n, vec![0, n], (0..n as u32).collect(), vec![0.1_f32; n]).unwrap()), false),
        (Matrix::Csr(Csr::new(n, 1, (0..=n).collect(), vec![0; n], vec![0.1_f32; n]).unwrap()), true),
    ] {
        for r in [1, 2, 9] {
            let ones = vec![1.0_f32; r * n];
            let expected = reference(&matrix, &ones, r, transposed);
            let allowed = bound::<f32>(depth(&matrix, r, transposed), n, &expected[0]);
            let single = (0..n).fold(0.0_f32, |sum, _| 0.1_f32.mul_add(1.0, sum));
            assert!(
                expected[0].distance(f64::from(single)) > allowed,
                "the input does not tell a tree from one accumulator"
            );
        }
        check(&matrix, 1, transposed);
        check(&matrix, 9, transposed);
    }
}

/// The worst case for a chain of additions: after a 1, numbers just below half of its last place, every one of which is lost to
/// an accumulator that holds the 1. A chain of k then errs by k units, so a chain longer than promised breaks the bound. With
/// as many ones as a kernel has partial sums, each of these has its own.
#[test]
fn no_chain_of_additions_is_longer_than_promised() {
    fn check_worst<T: Element>() {
        let n = 20_011;
        for ones in [1, 4, 16, 32] {
            let mut values = vec![T::from_f64(0.99 * T::PRECISION.unit_roundoff()); n];
            values[..ones].fill(T::from_f64(1.0));
            let row = Matrix::Dense(Dense::new(1, n, values.clone()).unwrap());
            let column = Matrix::Dense(Dense::new(n, 1, values.clone()).unwrap());
            let sparse = Matrix::Csr(Csr::new(1, n, vec![0, n], (0..n as u32).collect(), values).unwrap());
            for (matrix, transposed, r) in [
                (&row, false, 1),
                (&row, false, 2),
                (&row, false, 9),
                (&column, true, 1),
                (&sparse, false, 1),
                (&sparse, false, 2),
            ] {
                let vectors = vec![T::Acc::from_f64(1.0); r * n];
                let mut device = CpuDevice::new(Some(1)).unwrap();
                device.upload(0, Operand::ROWS, matrix.clone()).unwrap();
                let got = run(&mut device, transposed, r, &vectors)[0].to_f64();
                let expected = reference(matrix, &vectors, r, transposed)[0];
                let k = depth(matrix, r, transposed);
                let (distance, bound) = (expected.distance(got), bound::<T>(k, n, &expected));
                assert!(
                    distance <= bound,
                    "{ones} ones, r = {r}, transposed {transposed}: off by {distance:e}, bound {bound:e}"
                );
            }
        }
    }
    check_worst::<f64>();
    check_worst::<f32>();
}

#[test]
fn a_nan_or_an_infinity_reaches_its_entry_and_no_other() {
    let (rows, cols) = (5, 75);
    for at in [0, 15, 16, 31, 32, 63, 64, 73, 74] {
        for (bad, expect_nan) in [(f32::NAN, true), (f32::INFINITY, false)] {
            for r in [1, 2, 9] {
                let mut values = vec![1.0_f32; rows * cols];
                values[2 * cols + at] = bad;
                let matrix = Matrix::Dense(Dense::new(rows, cols, values).unwrap());
                let ones = vec![1.0; r * cols];
                for level in levels() {
                    let mut device = CpuDevice::with_level(Some(1), level).unwrap();
                    device.upload(0, Operand::ROWS, matrix.clone()).unwrap();
                    for (i, row) in run(&mut device, false, r, &ones).chunks_exact(r).enumerate() {
                        for &x in row {
                            let right = if i != 2 {
                                x == 75.0
                            } else if expect_nan {
                                x.is_nan()
                            } else {
                                x == f32::INFINITY
                            };
                            assert!(right, "{bad} in column {at}, {level:?}: row {i} gave {x}");
                        }
                    }
                    for (j, &x) in run(&mut device, true, 1, &ones[..rows]).iter().enumerate() {
                        let right = if j != at {
                            x == 5.0
                        } else if expect_nan {
                            x.is_nan()
                        } else {
                            x == f32::INFINITY
                        };
                        assert!(right, "{bad} in row 2, {level:?}: column {j} gave {x}");
                    }
                }
            }
        }
    }
    // A broadcast NaN times a stored zero is a NaN too.
    let zeros = Matrix::Dense(Dense::<f64>::zeros(3, 20));
    let mut vector = vec![0.0; 20];
    vector[19] = f64::NAN;
    let mut out = vec![0.0; 3];
    multiply_one(&zeros, &vector, 1, &mut out).unwrap();
    assert!(out.iter().all(|x| x.is_nan()));
}

/// Every f16 there is, denormals and infinities included, widens exactly, at every place in a pack.
#[test]
fn every_half_float_is_exact() {
    let values: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    for cols in [1, 16, 32] {
        let matrix = Matrix::Dense(Dense::new(65_536 / cols, cols, values.clone()).unwrap());
        for lane in 0..cols {
            let mut unit = vec![0.0_f32; cols];
            unit[lane] = 1.0;
            for level in levels() {
                let mut device = CpuDevice::with_level(Some(1), level).unwrap();
                device.upload(0, Operand::ROWS, matrix.clone()).unwrap();
                for (row, &x) in values.chunks_exact(cols).zip(&run(&mut device, false, 1, &unit)) {
                    // 0 * inf and 0 * NaN in the other places are NaN.
                    if row.iter().enumerate().all(|(j, h)| j == lane || h.is_finite()) {
                        let h = row[lane];
                        assert!(x == h.to_f32() || (x.is_nan() && h.is_nan()), "{h:?} became {x} ({level:?})");
                    } else {
                        assert!(x.is_nan());
                    }
                }
            }
        }
    }
}

#[test]
fn denormals_are_not_flushed() {
    // 37 times 3 times the smallest f32 (f64): exact, as every partial sum is a small multiple of it.
    let tiny = f32::from_bits(3);
    let matrix = Matrix::Dense(Dense::new(1, 37, vec![tiny; 37]).unwrap());
    for r in [1, 2, 9] {
        let mut out = vec![0.0; r];
        multiply_one(&matrix, &vec![1.0; 37 * r], r, &mut out).unwrap();
        assert!(out.iter().all(|x| x.to_bits() == 111), "{out:?}");
    }
    let matrix = Matrix::Dense(Dense::new(1, 37, vec![f64::from_bits(3); 37]).unwrap());
    let mut out = [0.0];
    multiply_one(&matrix, &[1.0; 37], 1, &mut out).unwrap();
    assert_eq!(out[0].to_bits(), 111);
}

#[test]
fn a_batch_answers_in_the_order_of_its_workers() {
    for threads in [1, 3] {
        let mut device = CpuDevice::<f64>::new(Some(threads)).unwrap();
        let shards: Vec<Matrix<f64>> =
            (0..6).map(|i| if i == 4 { sparse(120, 130, 0.2, 30) } else { dense(120, 130, 20 + i) }).collect();
        for (worker, shard) in shards.iter().enumerate() {
            device.upload(worker, Operand::COLUMNS, shard.clone()).unwrap();
        }
        let workers = [0, 1, 4, 5];
        let vectors = numbers(3 * 130, 11);
        let mut replies = vec![f64::NAN; workers.len() * 120 * 3];
        let batch = Batch { operand: Operand::COLUMNS, transposed: false, vectors: 3, workers: &workers };
        device.run(&batch, &vectors, &mut replies).unwrap();
        for (reply, &worker) in replies.chunks_exact(360).zip(&workers) {
            let mut alone = vec![0.0; 360];
            multiply_one(&shards[worker], &vectors, 3, &mut alone).unwrap();
            assert_eq!(bits(reply), bits(&alone), "worker {worker}");
        }
        // A new shard takes the place of the old one, and of what was derived from it.
        let transposed = Batch { operand: Operand::COLUMNS, transposed: true, vectors: 1, workers: &[4] };
        let mut before = vec![0.0; 130];
        device.run(&transposed, &vectors[..120], &mut before).unwrap();
        device.upload(4, Operand::COLUMNS, sparse(120, 130, 0.2, 40)).unwrap();
        let mut after = vec![0.0; 130];
        device.run(&transposed, &vectors[..120], &mut after).unwrap();
        assert_ne!(bits(&before), bits(&after));
    }
}

#[test]
fn what_does_not_fit_is_a_usage_error() {
    fn usage<V>(result: Result<V, Error>) -> bool {
        matches!(result, Err(Error::Usage { .. }))
    }
    assert!(usage(CpuDevice::<f32>::new(Some(0))));
    if SimdLevel::detect() < SimdLevel::Avx512 {
        assert!(usage(CpuDevice::<f32>::with_level(None, SimdLevel::Avx512)));
    }
    let mut device = CpuDevice::<f32>::new(Some(1)).unwrap();
    device.upload(0, Operand::ROWS, dense(4, 6, 1)).unwrap();
    device.upload(1, Operand::ROWS, dense(4, 6, 2)).unwrap();
    device.upload(2, Operand::ROWS, dense(4, 7, 3)).unwrap();
    assert_eq!(device.shape(2, Operand::ROWS), Some((4, 7)));
    assert_eq!(device.shape(2, Operand::COLUMNS), None);
    let mut run = |workers: &[usize], transposed, vectors, broadcast: usize, replies: usize| {
        let batch = Batch { operand: Operand::ROWS, transposed, vectors, workers };
        device.run(&batch, &vec![0.0; broadcast], &mut vec![0.0; replies])
    };
    assert!(run(&[0, 1], false, 1, 6, 8).is_ok());
    assert!(run(&[0, 1], true, 2, 8, 24).is_ok());
    assert!(run(&[], false, 1, 0, 0).is_ok());
    assert!(usage(run(&[0, 3], false, 1, 6, 8)), "a worker without a shard");
    assert!(usage(run(&[0, 2], false, 1, 6, 8)), "different shapes");
    assert!(usage(run(&[0, 1], false, 1, 5, 8)), "a short broadcast");
    assert!(usage(run(&[0, 1], false, 1, 6, 9)), "too much room");
    assert!(usage(run(&[0, 1], true, 1, 6, 12)), "columns' length for rows");
    assert!(usage(run(&[], false, 1, 0, 1)), "room for nobody's reply");
    let mut out = [0.0; 4];
    assert!(usage(multiply_one(&dense::<f32>(4, 6, 1), &[0.0; 5], 1, &mut out)));
    assert!(usage(multiply_one(&dense::<f32>(4, 6, 1), &[0.0; 6], 1, &mut out[..3])));
}

#[test]
fn records_name_the_processor_and_the_level() {
    let device = CpuDevice::<f16>::new(Some(2)).unwrap();
    let info = device.info();
    assert_eq!(info.kind, "cpu");
    assert!(!info.name.is_empty() && !info.software);
    assert_eq!(info.detail, format!("{}, 2 threads", SimdLevel::detect().name()));
}
