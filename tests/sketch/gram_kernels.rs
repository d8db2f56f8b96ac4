//! Gram blocks: the twins and the fast kernels against sums in twice the precision.

use std::borrow::Cow;
use std::ops::Range;

use half::f16;
use steadfast::data::{Dense, Matrix};
use steadfast::device::{CpuHessian, HessianDevice, HessianScratch, gram, sketch_rows};
use steadfast::kernel::weighted_gram::{self, Split};
use steadfast::kernel::{Curvature, SketchBlock, SketchKind, gram as twins};
use steadfast::scalar::{Accumulator, Element};

use super::inputs::{Curved, Sum, dense, numbers, on_threads, sparse};

/// Roundings of a term before it is added, at most: scale times p, 1 - p, the weight, the weighted value, the product; and
/// the last one, of the whole sum.
const TERM: usize = 6;
/// Additions that a panel's product makes one after the other.
const PANEL: usize = 512;

fn wrong<T: Element>(got: &[T::Acc], exact: &[Sum], chain: usize, wide: usize) -> Option<usize> {
    got.iter().zip(exact).position(|(x, e)| !e.agrees::<T>(x.to_f64(), chain + TERM, wide + TERM))
}

fn rows_of<T: Element>(matrix: &Matrix<T>) -> Vec<Vec<f64>> {
    let mut rows = vec![vec![0.0; matrix.cols()]; matrix.rows()];
    for (i, row) in rows.iter_mut().enumerate() {
        matrix.for_each_in_row(i, |j, x| row[j] = x.to_f64());
    }
    rows
}

/// `A_I'A_I`, from the weights or, with `factored`, from the rows of A.
fn exact<T: Element>(matrix: &Matrix<T>, curved: &Curved<f64>, examples: Range<usize>, factored: bool) -> Vec<Sum> {
    let (curvature, cols) = (curved.curvature(), matrix.cols());
    let (classes, width) = (curvature.classes(), cols * curvature.classes());
    let rows = rows_of(matrix);
    let mut out = vec![Sum::default(); width * width];
    for i in examples {
        for (at, out) in out.iter_mut().enumerate() {
            let (a, b) = (at / width, at % width);
            let (k, l) = (a / cols, b / cols);
            let product = rows[i][a % cols] * rows[i][b % cols];
            if factored {
                for r in 0..classes {
                    out.add(curvature.coefficient(i, r, k) * curvature.coefficient(i, r, l), product);
                }
            } else {
                out.add(curvature.weight(i, k, l), product);
            }
        }
    }
    out
}

fn fast<T: Element>(matrix: &Matrix<T>, curved: &Curved<T::Acc>, examples: Range<usize>) -> Vec<T::Acc> {
    on_threads(|| {
        let side = matrix.cols() * curved.curvature().classes();
        let mut out = vec![T::Acc::from_f64(f64::NAN); side * side];
        let mut device = CpuHessian::new(Cow::Borrowed(matrix));
        device.exact_gram(&curved.curvature(), examples.clone(), &mut out).unwrap();
        out
    })
}

fn symmetric<A: Element>(block: &[A], side: usize) -> bool {
    (0..side).all(|a| (0..a).all(|b| block[a * side + b] == block[b * side + a]))
}

fn check<T: Element>(matrix: &Matrix<T>, classes: usize) {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let curved = Curved::<T::Acc>::new(rows, classes, 5);
    let examples = rows / 5..rows;
    let what = format!("{} {rows} x {cols}, {classes} classes", T::PRECISION);
    let expected = exact(matrix, &curved.widened(), examples.clone(), false);
    let got = fast(matrix, &curved, examples.clone());
    assert_eq!(wrong::<T>(&got, &expected, PANEL, rows.div_ceil(PANEL)), None, "fast, {what}");
    assert!(symmetric(&got, cols * classes), "{what}");
}

/// The blocks of all pairs of classes, whose rows are cut into segments of 16 and two sums.
fn check_twins<T: Element>(matrix: &Matrix<T>, classes: usize) {
    let Matrix::Dense(a) = matrix else { return };
    let (rows, cols) = (a.rows(), a.cols());
    let curved = Curved::<T::Acc>::new(rows, classes, 5);
    let (side, split) = (classes * cols, Split { length: 16, sums: 2 });
    let mut twin = vec![T::Acc::from_f64(f64::NAN); side * side];
    for (k, l) in (0..classes).flat_map(|k| (0..=k).map(move |l| (k, l))) {
        let mut sums = vec![T::Acc::from_f64(0.0); 2 * cols * cols];
        for wave in split.waves(rows / 5..rows) {
            weighted_gram::twin(a.values(), cols, &curved.curvature(), (k, l), wave, &split, &mut sums);
        }
        for at in 0..cols * cols {
            let (i, j) = (at / cols, at % cols);
            let sum = sums[at] + sums[cols * cols + at];
            twin[(k * cols + i) * side + l * cols + j] = sum;
            twin[(l * cols + i) * side + k * cols + j] = sum;
        }
    }
    let expected = exact(matrix, &curved.widened(), rows / 5..rows, true);
    let chain = split.length + rows.div_ceil(split.length) + 1;
    assert_eq!(wrong::<T>(&twin, &expected, chain, 4), None, "{} {rows} x {cols}, {classes}", T::PRECISION);
    assert!(symmetric(&twin, side));
}

#[test]
fn exact_blocks_keep_the_bound_of_their_order() {
    for (rows, cols, classes) in [(1, 1, 1), (10, 5, 1), (700, 33, 1), (300, 7, 4), (600, 20, 3)] {
        check::<f64>(&dense(rows, cols, 1), classes);
        check::<f32>(&dense(rows, cols, 1), classes);
        check::<f16>(&dense(rows, cols, 1), classes);
        check::<f64>(&Matrix::Csr(sparse(rows, cols, 2)), classes);
        check::<f16>(&Matrix::Csr(sparse(rows, cols, 2)), classes);
        check_twins::<f64>(&dense(rows.min(60), cols, 1), classes);
        check_twins::<f32>(&dense(rows.min(60), cols, 1), classes);
        check_twins::<f16>(&dense(rows.min(60), cols, 1), classes);
    }
    // Several stretches of rows.
    check::<f32>(&dense(12_000, 3, 1), 1);
    check::<f64>(&dense(12_000, 2, 1), 2);
    // Several tiles, the last one of which is narrower.
    check::<f32>(&dense(40, 600, 1), 1);
    check::<f64>(&dense(30, 270, 1), 2);
}

#[test]
fn dense_and_sparse_give_the_same_bits() {
    let a = sparse::<f32>(600, 41, 8);
    let curved = Curved::<f32>::new(600, 3, 5);
    let dense = fast(&Matrix::Dense(a.to_dense()), &curved, 0..600);
    let sparse = fast(&Matrix::Csr(a), &curved, 0..600);
    assert_eq!(bytemuck::cast_slice::<f32, u8>(&dense), bytemuck::cast_slice::<f32, u8>(&sparse));
}

fn check_plain<A: Accumulator>(rows: usize, cols: usize) {
    let values: Vec<A> = numbers(rows * cols, 3).into_iter().map(A::from_f64).collect();
    let matrix = Matrix::Dense(Dense::new(rows, cols, values.clone()).unwrap());
    let mut expected = vec![Sum::default(); cols * cols];
    for row in rows_of(&matrix) {
        expected.iter_mut().enumerate().for_each(|(at, sum)| sum.add(row[at / cols], row[at % cols]));
    }
    let got = on_threads(|| {
        let mut out = vec![A::from_f64(f64::NAN); cols * cols];
        gram(&values, cols, &mut HessianScratch::default(), &mut out).unwrap();
        out
    });
    assert_eq!(wrong::<A>(&got, &expected, PANEL, rows.div_ceil(PANEL)), None, "{rows} x {cols}");
    assert!(symmetric(&got, cols));
    let mut twin = vec![A::from_f64(0.0); cols * cols];
    twins::twin(&values, cols, &mut twin);
    let additions = rows.min(twins::PANEL) + rows.div_ceil(twins::PANEL);
    assert_eq!(wrong::<A>(&twin, &expected, additions, 0), None, "twin, {rows} x {cols}");

    // A broken twin: one product too few, and the halves not mirrored.
    if rows > 1 {
        let mut broken = twin.clone();
        broken[cols] = broken[cols] - values[1] * values[0];
        assert!(wrong::<A>(&broken, &expected, additions, 0).is_some());
        let mut broken = twin;
        broken.swap(1, cols + 1);
        assert!(wrong::<A>(&broken, &expected, additions, 0).is_some());
    }
}

#[test]
fn plain_blocks_keep_the_bound_of_their_order() {
    for (rows, cols) in [(0, 4), (1, 3), (9, 2), (300, 17), (700, 300)] {
        check_plain::<f64>(rows, cols);
        check_plain::<f32>(rows, cols);
    }
}

/// Over many rows the panels' f64 sums keep the round-off of an f32 block at that of one panel.
#[test]
fn long_sums_of_f32_lose_no_digits() {
    let rows = 100_000;
    let matrix = Matrix::Dense(Dense::new(rows, 1, vec![0.1f32; rows]).unwrap());
    let curved = vec![1.0f32; rows];
    let mut out = [0.0];
    let curvature = Curvature::Scalar(&curved);
    CpuHessian::new(Cow::Owned(matrix)).exact_gram(&curvature, 0..rows, &mut out).unwrap();
    let exact = rows as f64 * f64::from(0.1f32) * f64::from(0.1f32);
    let bound = (PANEL + TERM) as f64 * f64::from(f32::EPSILON) / 2.0;
    assert!((f64::from(out[0]) / exact - 1.0).abs() <= bound, "{} of {exact}", out[0]);
}

#[test]
fn parts_add_up_and_a_sketched_block_is_the_product_of_its_sketch() {
    let matrix = dense::<f64>(400, 6, 1);
    let curved = Curved::<f64>::new(400, 2, 5);
    let whole = fast(&matrix, &curved, 0..400);
    let (first, second) = (fast(&matrix, &curved, 0..130), fast(&matrix, &curved, 130..400));
    let magnitude = exact(&matrix, &curved, 0..400, false);
    for (at, sum) in magnitude.iter().enumerate() {
        assert!(sum.agrees::<f64>(whole[at], PANEL + TERM, 2));
        assert!(sum.agrees::<f64>(first[at] + second[at], PANEL + TERM, 3));
    }

    let block = SketchBlock { kind: SketchKind::CountSketch, seed: 2, iteration: 0, block: 3, buckets: 50 };
    let mut scratch = HessianScratch::default();
    let mut rows = vec![0.0; 50 * 12];
    let mut one = vec![0.0; 144];
    sketch_rows(&matrix, &curved.curvature(), &block, &mut scratch, &mut rows).unwrap();
    gram(&rows, 12, &mut scratch, &mut one).unwrap();
    let mut taken = Vec::new();
    let second = SketchBlock { block: 4, ..block };
    let mut device = CpuHessian::new(Cow::Borrowed(&matrix));
    device
        .sketched_gram(&curved.curvature(), &[block, second], &mut |number, block| taken.push((number, block.to_vec())))
        .unwrap();
    assert_eq!((taken.len(), taken[0].0, taken[1].0), (2, 0, 1));
    assert_eq!(one, taken[0].1);
    assert_ne!(one, taken[1].1);
}

#[test]
fn what_does_not_fit_is_refused() {
    let matrix = dense::<f64>(10, 3, 1);
    let curved = Curved::<f64>::new(10, 1, 5);
    let mut scratch = HessianScratch::default();
    let mut device = CpuHessian::new(Cow::Borrowed(&matrix));
    let mut run = |examples, len: usize| {
        device.exact_gram(&curved.curvature(), examples, &mut vec![0.0; len]).unwrap_err().to_string()
    };
    assert!(run(0..10, 8).contains("3 x 3 numbers"));
    assert!(run(5..11, 9).contains("a range within 0..10"));
    assert!(gram(&[1.0; 10], 3, &mut scratch, &mut [0.0; 9]).unwrap_err().to_string().contains("whole rows of 3"));
}
