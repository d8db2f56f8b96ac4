//! The sketch of one block: the twin and the fast kernel against sums in twice the precision.

use half::f16;
use steadfast::data::Matrix;
use steadfast::device::{HessianScratch, sketch_rows};
use steadfast::kernel::{BucketIndex, SketchBlock, SketchKind, count_sketch, count_sketch_csr};
use steadfast::scalar::Element;

use super::inputs::{Curved, Sum, dense, on_threads, sparse};

fn block(kind: SketchKind, buckets: usize) -> SketchBlock {
    SketchBlock { kind, seed: 11, iteration: 4, block: 1, buckets }
}

fn values<T: Element>(matrix: &Matrix<T>) -> Vec<T> {
    match matrix {
        Matrix::Dense(a) => a.values().to_vec(),
        Matrix::Csr(a) => a.to_dense().values().to_vec(),
    }
}

/// `S'A` straight from the definition: the row of A, at its bucket, with its sign.
fn exact<T: Element>(matrix: &Matrix<T>, curved: &Curved<f64>, block: &SketchBlock) -> Vec<Sum> {
    let (curvature, cols) = (curved.curvature(), matrix.cols());
    let (classes, width) = (curvature.classes(), cols * curvature.classes());
    let rows = matrix.rows() * classes;
    let mut out = vec![Sum::default(); block.buckets * width];
    let mut add = |row: usize, bucket: usize, scale: f64| {
        for k in 0..classes {
            let factor = curvature.coefficient(row / classes, row % classes, k) * scale;
            matrix.for_each_in_row(row / classes, |j, x| {
                out[bucket * width + k * cols + j].add(factor, x.to_f64());
            });
        }
    };
    match block.kind {
        SketchKind::CountSketch => (0..rows).for_each(|row| {
            let (bucket, minus) = block.bucket(row as u64);
            add(row, bucket, if minus { -1.0 } else { 1.0 });
        }),
        SketchKind::UniformRows => {
            let scale = (rows as f64 / block.buckets as f64).sqrt();
            let drawn = SketchBlock { buckets: rows, ..*block };
            (0..if rows > 0 { block.buckets } else { 0 })
                .for_each(|bucket| add(drawn.bucket(bucket as u64).0, bucket, scale));
        }
    }
    out
}

fn index(matrix_rows: usize, classes: usize, block: &SketchBlock) -> BucketIndex {
    let mut index = BucketIndex::default();
    block.index(matrix_rows * classes, &mut index).unwrap();
    index
}

/// Roundings of a term before it is added, at most: scale times p, its root, 1 - p, the factor, the sign and scale, the product.
const TERM: usize = 6;
/// The same for the reference, in f64.
const WIDE: usize = 8;

fn wrong<T: Element>(got: &[T::Acc], exact: &[Sum], chain: usize) -> Option<usize> {
    got.iter().zip(exact).position(|(x, e)| !e.agrees::<T>(x.to_f64(), chain + TERM, WIDE))
}

fn fast<T: Element>(matrix: &Matrix<T>, curved: &Curved<T::Acc>, block: &SketchBlock) -> Vec<T::Acc> {
    on_threads(|| {
        let curvature = curved.curvature();
        let mut out = vec![T::Acc::from_f64(f64::NAN); block.buckets * matrix.cols() * curvature.classes()];
        let mut scratch = HessianScratch::default();
        // A larger block first: what it leaves behind must not matter.
        let before = SketchBlock { buckets: block.buckets + 3, ..*block };
        let mut other = vec![T::Acc::from_f64(0.0); before.buckets * matrix.cols() * curvature.classes()];
        sketch_rows(matrix, &curvature, &before, &mut scratch, &mut other).unwrap();
        sketch_rows(matrix, &curvature, block, &mut scratch, &mut out).unwrap();
        out
    })
}

fn check<T: Element>(matrix: &Matrix<T>, classes: usize, block: &SketchBlock) {
    let curved = Curved::<T::Acc>::new(matrix.rows(), classes, 5);
    let exact = exact(matrix, &curved.widened(), block);
    let (rows, cols) = (matrix.rows(), matrix.cols());
    let what = format!("{} {rows} x {cols}, {classes} classes, {block:?}", T::PRECISION);

    let index = index(rows, classes, block);
    let got = fast(matrix, &curved, block);
    let blocks = index.longest().div_ceil(64).max(1).next_power_of_two();
    assert_eq!(wrong::<T>(&got, &exact, 64 + blocks.ilog2() as usize), None, "fast, {what}");

    let mut twin = vec![T::Acc::from_f64(0.0); got.len()];
    count_sketch::twin(&values(matrix), cols, &curved.curvature(), &index, 0..rows, &mut twin);
    assert_eq!(wrong::<T>(&twin, &exact, index.longest().div_ceil(4) + 2), None, "twin, {what}");
    if let Matrix::Csr(a) = matrix {
        let mut sparse = vec![T::Acc::from_f64(0.0); got.len()];
        let arrays = (a.offsets(), a.indices(), a.values());
        count_sketch_csr::twin(arrays, cols, &curved.curvature(), &index, 0..rows, &mut sparse);
        assert!(sparse == twin, "sparse twin, {what}");
        // In two pieces of the rows, each sum is that of both.
        let mut pieces = vec![T::Acc::from_f64(0.0); got.len()];
        for examples in [0..rows / 3, rows / 3..rows] {
            count_sketch_csr::twin(arrays, cols, &curved.curvature(), &index, examples, &mut pieces);
        }
        assert_eq!(wrong::<T>(&pieces, &exact, index.longest().div_ceil(4) + 3), None, "pieces, {what}");
    }
}

fn check_all(rows: usize, cols: usize, classes: usize, block: &SketchBlock) {
    check::<f64>(&dense(rows, cols, 1), classes, block);
    check::<f32>(&dense(rows, cols, 1), classes, block);
    check::<f16>(&dense(rows, cols, 1), classes, block);
    check::<f64>(&Matrix::Csr(sparse(rows, cols, 2)), classes, block);
    check::<f32>(&Matrix::Csr(sparse(rows, cols, 2)), classes, block);
    check::<f16>(&Matrix::Csr(sparse(rows, cols, 2)), classes, block);
}

#[test]
fn sketches_keep_the_bound_of_their_order() {
    for kind in [SketchKind::CountSketch, SketchKind::UniformRows] {
        for (rows, cols, classes) in [(0, 3, 1), (1, 1, 1), (50, 17, 1), (300, 37, 1), (200, 15, 3), (90, 65, 11)] {
            for buckets in [1, 7, 40] {
                check_all(rows, cols, classes, &block(kind, buckets));
            }
        }
    }
    // Several tiles of columns, and a tree over several blocks of rows.
    check_all(70, 2100, 1, &block(SketchKind::CountSketch, 9));
    check_all(40, 1200, 2, &block(SketchKind::CountSketch, 9));
    check_all(2000, 5, 1, &block(SketchKind::CountSketch, 3));
}

#[test]
fn dense_and_sparse_give_the_same_bits() {
    let block = block(SketchKind::CountSketch, 12);
    for classes in [1, 4] {
        let a = sparse::<f32>(1500, 33, 8);
        let curved = Curved::<f32>::new(1500, classes, 5);
        let dense = fast(&Matrix::Dense(a.to_dense()), &curved, &block);
        let sparse = fast(&Matrix::Csr(a), &curved, &block);
        assert_eq!(bytemuck::cast_slice::<f32, u8>(&dense), bytemuck::cast_slice::<f32, u8>(&sparse));
    }
}

/// Results of kernels with a fault are not within the bound.
#[test]
fn broken_kernels_are_noticed() {
    let block = block(SketchKind::CountSketch, 10);
    let (rows, cols, classes) = (400, 9, 2);
    let matrix = dense::<f32>(rows, cols, 1);
    let curved = Curved::<f32>::new(rows, classes, 5);
    let expected = exact(&matrix, &curved.widened(), &block);
    let chain = index(rows, classes, &block).longest();
    let noticed = |got: &[f32]| wrong::<f32>(got, &expected, chain).is_some();
    let sound = fast(&matrix, &curved, &block);
    assert!(!noticed(&sound));

    // Another iteration's hash; a row that is left out; a row of another sign; classes in the other order; another p.
    assert!(noticed(&fast(&matrix, &curved, &SketchBlock { iteration: 5, ..block })));
    let entry = index(rows, classes, &block).bucket(3)[4];
    let sign = if entry.minus() { -1.0 } else { 1.0 };
    for times in [1.0, 2.0] {
        let mut broken = sound.clone();
        for k in 0..classes {
            let factor = sign * times * curved.curvature().coefficient(entry.row() / classes, entry.row() % classes, k);
            matrix.for_each_in_row(entry.row() / classes, |j, x| broken[(3 * classes + k) * cols + j] -= factor * x);
        }
        assert!(noticed(&broken));
    }
    let mut broken = sound.clone();
    broken.chunks_exact_mut(2 * cols).for_each(|row| row.rotate_left(cols));
    assert!(noticed(&broken));
    assert!(noticed(&fast(&matrix, &Curved::<f32>::new(rows, classes, 6), &block)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let matrix = dense::<f32>(20, 3, 1);
    let (curved, short) = (Curved::<f32>::new(20, 2, 1), Curved::<f32>::new(19, 2, 1));
    let count = block(SketchKind::CountSketch, 5);
    let run = |curved: &Curved<f32>, block: &SketchBlock, len: usize| {
        let mut scratch = HessianScratch::default();
        sketch_rows(&matrix, &curved.curvature(), block, &mut scratch, &mut vec![0.0; len]).unwrap_err().to_string()
    };
    assert!(run(&short, &count, 30).contains("38 numbers for 2 classes"), "{}", run(&short, &count, 30));
    assert!(run(&curved, &count, 29).contains("5 x 6 numbers"));
    assert!(run(&curved, &block(SketchKind::CountSketch, 0), 0).contains("sketch buckets"));
}
