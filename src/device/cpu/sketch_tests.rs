//! The sketch's order of summation, by its bits.

use super::*;
use crate::data::{Csr, Dense};
use crate::kernel::{SketchBlock, SketchKind};

fn softmax<T: Element>(matrix: &Matrix<T>, level: SimdLevel) -> Vec<T::Acc> {
    let (rows, cols, classes) = (matrix.rows(), matrix.cols(), 3);
    let probabilities: Vec<_> = (0..rows * classes).map(|i| T::Acc::from_f64((i % 7) as f64 / 10.0)).collect();
    let scale = T::Acc::from_f64(0.3);
    let block = SketchBlock { kind: SketchKind::CountSketch, seed: 1, iteration: 2, block: 3, buckets: 6 };
    let mut index = BucketIndex::default();
    block.index(rows * classes, &mut index).unwrap();
    let mut out = vec![T::Acc::ZERO; 6 * classes * cols];
    let len = scratch_len::<T::Acc>(matrix.is_sparse(), cols, classes, index.longest());
    Buckets {
        data: Stored::of(matrix),
        cols,
        curvature: Curvature::Softmax { probabilities: &probabilities, classes, scale },
        index: &index,
        first: 0,
        far: false,
        out: &mut out,
        scratch: &mut vec![T::Acc::from_f64(7.0); len],
    }
    .run(level);
    out
}

fn check<T: Element>() {
    let values: Vec<f64> = (0..300 * 43).map(|i| (f64::from(i) * 0.618).fract() - 0.5).collect();
    let dense = Matrix::Dense(Dense::new(300, 43, values.into_iter().map(T::from_f64).collect()).unwrap());
    let columns = (0..300).map(|i| i % 43).collect();
    let sparse = Csr::new(300, 43, (0..=300).collect(), columns, vec![T::from_f64(0.7); 300]).unwrap();
    for matrix in [dense, Matrix::Csr(sparse)] {
        let portable = softmax(&matrix, SimdLevel::Portable);
        for level in [SimdLevel::Avx2, SimdLevel::Avx512] {
            assert_eq!(portable, softmax(&matrix, level.min(SimdLevel::detect())), "{level:?}");
        }
    }
}

/// Buckets in several tasks, rows asked for ahead of time or not, buckets of several blocks of rows and empty ones.
fn check_tasks<T: Element>() {
    let (rows, cols, buckets) = (1500, 43, 10);
    let values: Vec<T> = (0..rows * cols).map(|i| T::from_f64((i as f64 * 0.618).fract() - 0.5)).collect();
    let roots: Vec<T::Acc> = (0..rows).map(|i| T::Acc::from_f64((i % 7) as f64 / 10.0)).collect();
    let block = SketchBlock { kind: SketchKind::CountSketch, seed: 1, iteration: 2, block: 3, buckets };
    let mut index = BucketIndex::default();
    for listed in [rows, 3] {
        block.index(listed, &mut index).unwrap();
        let sketch = |far, task: usize, level: SimdLevel| {
            let mut out = vec![T::Acc::ZERO; buckets * cols];
            let len = scratch_len::<T::Acc>(false, cols, 1, index.longest());
            for (t, out) in out.chunks_mut(task * cols).enumerate() {
                let scratch = &mut vec![T::Acc::from_f64(7.0); len];
                let (data, curvature) = (Stored::Dense(&values[..]), Curvature::Scalar(&roots[..]));
                Buckets { data, cols, curvature, index: &index, first: t * task, far, out, scratch }.run(level);
            }
            out
        };
        let whole = sketch(false, buckets, SimdLevel::Portable);
        assert!(whole.iter().any(|x| x.to_f64() != 0.0));
        for level in [SimdLevel::Portable, SimdLevel::Avx2, SimdLevel::Avx512] {
            for task in [buckets, 3] {
                assert_eq!(whole, sketch(true, task, level.min(SimdLevel::detect())), "{level:?} {task}");
            }
        }
    }
}

#[test]
fn any_sharing_out_gives_the_same_bits() {
    check_tasks::<f64>();
    check_tasks::<f32>();
    check_tasks::<f16>();
}

#[test]
fn every_level_gives_the_same_bits() {
    check::<f64>();
    check::<f32>();
    check::<f16>();
}
