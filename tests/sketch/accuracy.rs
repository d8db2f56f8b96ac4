//! How far sketched Hessians are from the exact one.

use nalgebra::DMatrix;
use steadfast::device::{HessianScratch, sketch_rows};
use steadfast::seed::Seed;
use steadfast::sketch::{BlockSketch, HessianFactor, Sketch, sketch_by_name};

use super::inputs::{Curved, dense, orthonormal};

const ROWS: usize = 4000;
const COLS: usize = 8;
const REPEATS: usize = 60;

/// `U'(S S' - I)U`.
fn error(sketch: &dyn Sketch, u: &super::inputs::Orthonormal, iteration: u64) -> DMatrix<f64> {
    let rows = sketch.apply(u, iteration).unwrap();
    let s = DMatrix::from_row_slice(rows.rows(), rows.cols(), rows.values());
    s.transpose() * &s - DMatrix::identity(COLS, COLS)
}

/// The slope of the logarithms of the mean operator norms, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let (num, den) =
        points.iter().fold((0.0, 0.0), |(num, den), p| (num + (p.0 - x) * (p.1 - y), den + (p.0 - x) * (p.0 - x)));
    num / den
}

/// From m = 5 d on, the operator norm falls like `1 / sqrt(m)`.
#[test]
fn errors_fall_with_the_root_of_the_dimension() {
    let u = orthonormal(ROWS, COLS);
    for name in ["oversketch", "count-sketch", "uniform", "gaussian", "srht", "leverage"] {
        let points: Vec<(f64, f64)> = [5, 10, 20, 40, 80]
            .into_iter()
            .map(|factor| {
                let sketch = sketch_by_name(&format!("{name}:factor={factor}"), ROWS, COLS, Seed(factor)).unwrap();
                let norm = |i| error(&*sketch, &u, i).symmetric_eigenvalues().amax();
                let mean = (0..REPEATS as u64).map(norm).sum::<f64>() / REPEATS as f64;
                ((sketch.dimension() as f64).ln(), mean.ln())
            })
            .collect();
        let slope = slope(&points);
        assert!((-0.6..=-0.4).contains(&slope), "{name}: slope {slope}, {points:?}");
    }
}

/// For U of d orthonormal columns and count-sketches, `E |U'(SS' - I)U|_F^2 <= (d^2 + d) / m` (Woodruff 2014, Theorem 2.8's
/// proof); by Markov's inequality at most a quarter of all sketches are beyond four times that. That more than this many of 300
/// are has a chance below 1e-9 (Hoeffding).
#[test]
fn count_sketches_are_as_close_as_their_variance_says() {
    let u = orthonormal(ROWS, COLS);
    let allowed = 300.0 * 0.25 + (300.0 * 1e9_f64.ln() / 2.0).sqrt();
    for spec in ["oversketch:factor=10,block=16", "count-sketch:factor=10"] {
        let sketch = sketch_by_name(spec, ROWS, COLS, Seed(9)).unwrap();
        let limit = 4.0 * (COLS * COLS + COLS) as f64 / sketch.dimension() as f64;
        let beyond = (0..300).filter(|&i| error(&*sketch, &u, i).norm_squared() > limit).count();
        assert!(beyond as f64 <= allowed, "{spec}: {beyond} of 300");
    }
}

/// What workers compute, block by block, is the sketch; and A is that of the loss.
#[test]
fn blocks_of_workers_make_the_sketch() {
    let data = dense::<f64>(500, 7, 3);
    let curved = Curved::<f64>::new(500, 3, 4);
    let a = HessianFactor::new(&data, curved.curvature()).unwrap();
    let sketch = BlockSketch::oversketch(Seed(5), 3, 1, 30).unwrap();
    let whole = sketch.apply_blocks(&a, 6, &[3, 0, 2]).unwrap();
    let mut block = vec![0.0; 30 * 21];
    for (i, number) in [3, 0, 2].into_iter().enumerate() {
        let block_spec = sketch.block(number, 6);
        let mut scratch = HessianScratch::default();
        sketch_rows(&data, &curved.curvature(), &block_spec, &mut scratch, &mut block).unwrap();
        let part = &whole.values()[i * block.len()..(i + 1) * block.len()];
        for (x, y) in block.iter().zip(part) {
            // A bucket has some 50 rows of numbers below 1 / sqrt(500): far fewer than 100 roundings of sums below 3.
            assert!((x / 3f64.sqrt() - y).abs() <= 100.0 * 3.0 * f64::EPSILON, "{x} {y}");
        }
    }
}
