//! `E[S S'] = I` for every sketch, within bounds that hold with a stated probability.

use nalgebra::DMatrix;
use steadfast::seed::Seed;
use steadfast::sketch::{BlockSketch, FactorRows, Gaussian, Leverage, Sketch, Srht};

use super::inputs::orthonormal;

/// Rows of S, and m.
const ROWS: usize = 24;
const DIMENSION: usize = 8;
const REPEATS: usize = 4000;
/// How likely one of a test's entries leaves its bound by chance, at most.
const FAILURE: f64 = 1e-9;

/// Some columns of the unit matrix: their sketch is a part of S' itself.
struct Unit {
    first: usize,
    cols: usize,
}

impl FactorRows for Unit {
    fn rows(&self) -> usize {
        ROWS
    }

    fn cols(&self) -> usize {
        self.cols
    }

    fn add_row(&self, row: usize, scale: f64, out: &mut [f64]) {
        if (self.first..self.first + self.cols).contains(&row) {
            out[row - self.first] += scale;
        }
    }
}

/// S of an iteration, of a sketch that takes no account of A.
fn matrix(apply: impl Fn(&Unit) -> Vec<f64>) -> DMatrix<f64> {
    let mut s = DMatrix::zeros(ROWS, 0);
    for first in (0..ROWS).step_by(DIMENSION) {
        let values = apply(&Unit { first, cols: DIMENSION });
        let m = values.len() / DIMENSION;
        s = s.resize_horizontally(m, 0.0);
        for (at, x) in values.into_iter().enumerate() {
            s[(first + at % DIMENSION, at / DIMENSION)] = x;
        }
    }
    s
}

fn of(sketch: &dyn Sketch, iteration: u64) -> DMatrix<f64> {
    matrix(|unit| sketch.apply(unit, iteration).unwrap().values().to_vec())
}

/// The mean of `term` over the iterations.
fn mean(term: impl Fn(u64) -> DMatrix<f64>) -> DMatrix<f64> {
    (0..REPEATS as u64).map(term).reduce(|a, b| a + b).unwrap() / REPEATS as f64
}

/// The largest distance from the unit matrix.
fn off(mean: &DMatrix<f64>) -> f64 {
    (mean - DMatrix::identity(mean.nrows(), mean.ncols())).amax()
}

/// -ln of each entry's chance, on either side, for all entries to keep to their bounds.
fn exponent(entries: usize) -> f64 {
    (2.0 * entries as f64 / FAILURE).ln()
}

/// Bernstein's inequality: the mean of `count` independent numbers of at most this variance and this far from their mean.
fn bernstein(variance: f64, range: f64, count: usize, entries: usize) -> f64 {
    let (x, count) = (exponent(entries), count as f64);
    (2.0 * variance * x / count).sqrt() + range * x / (3.0 * count)
}

fn sampled(sketch: &dyn Sketch) -> DMatrix<f64> {
    mean(|iteration| {
        let s = of(sketch, iteration);
        &s * s.transpose()
    })
}

/// An entry of `S S'` off the diagonal is a mean of signs of which one in b is not zero: variance 1/m. The diagonal is 1.
fn signs_bound() -> f64 {
    bernstein(1.0 / DIMENSION as f64, 1.0, REPEATS, ROWS * ROWS)
}

#[test]
fn count_sketches_and_oversketch() {
    let count = BlockSketch::count_sketch(Seed(1), DIMENSION).unwrap();
    let over = BlockSketch::oversketch(Seed(2), 4, 2, DIMENSION / 4).unwrap();
    for sketch in [count, over] {
        let off = off(&sampled(&sketch));
        assert!(off <= signs_bound(), "{}: {off}, {}", sketch.name(), signs_bound());
    }
}

/// The scale makes up for blocks that never came, whichever they are.
#[test]
fn oversketch_of_the_blocks_that_arrived() {
    let over = BlockSketch::oversketch(Seed(2), 4, 3, DIMENSION / 2).unwrap();
    for used in [vec![6, 1], vec![0, 2, 3, 4, 5, 6]] {
        let sampled = mean(|iteration| {
            let s = matrix(|unit| over.apply_blocks(unit, iteration, &used).unwrap().values().to_vec());
            &s * s.transpose()
        });
        let variance = 1.0 / (used.len() * DIMENSION / 2) as f64;
        assert!(off(&sampled) <= bernstein(variance, 1.0, REPEATS, ROWS * ROWS), "{used:?}: {}", off(&sampled));
    }
}

/// A diagonal entry of one drawn row is n with probability 1/n, else 0: variance below n. The rest is 0.
#[test]
fn uniform_rows() {
    let sampled = sampled(&BlockSketch::uniform(Seed(3), DIMENSION).unwrap());
    let n = ROWS as f64;
    let bound = bernstein(n, n, REPEATS * DIMENSION, ROWS);
    assert!(off(&sampled) <= bound, "{}, {bound}", off(&sampled));
}

/// Sums of squares of normals (Laurent and Massart 2000, Lemma 1); a product is a difference of two such squares.
#[test]
fn gaussian() {
    let sampled = sampled(&Gaussian::new(Seed(4), DIMENSION));
    let (x, k) = (exponent(2 * ROWS * ROWS), (DIMENSION * REPEATS) as f64);
    let bound = 2.0 * (x / k).sqrt() + 2.0 * x / k;
    assert!(off(&sampled) <= bound, "{}, {bound}", off(&sampled));
}

/// As the count-sketch's: entries off the diagonal are means of m signs (drawn without replacement, which only lessens their
/// variance).
#[test]
fn hadamard() {
    let sampled = sampled(&Srht::new(Seed(5), DIMENSION));
    assert!(off(&sampled) <= signs_bound(), "{}", off(&sampled));
    // With all rows of the transform S is orthogonal.
    let s = of(&Srht::new(Seed(5), 32), 0);
    assert!(off(&(&s * s.transpose())) <= 1e-14);
}

/// For a U of c orthonormal columns, the term of a drawn row is `u u' / p`: entries of at most c and of variance at most c,
/// since p is `|u|^2 / c`. The trace is c whatever is drawn.
#[test]
fn leverage_scores() {
    let u = orthonormal(60, 5);
    let sampled = mean(|iteration| {
        let rows = Leverage::new(Seed(6), DIMENSION).apply(&u, iteration).unwrap();
        let s = DMatrix::from_row_slice(rows.rows(), rows.cols(), rows.values());
        let gram = s.transpose() * &s;
        assert!((gram.trace() - 5.0).abs() <= 1e-12, "{}", gram.trace());
        gram
    });
    let bound = bernstein(5.0, 6.0, REPEATS * DIMENSION, 25);
    assert!(off(&sampled) <= bound, "{}, {bound}", off(&sampled));
}

/// The bounds are narrow enough to notice sketches with a fault.
#[test]
fn biased_sketches_are_noticed() {
    let count = BlockSketch::count_sketch(Seed(1), DIMENSION).unwrap();
    let over = BlockSketch::oversketch(Seed(2), 4, 2, DIMENSION / 4).unwrap();
    let broken = |term: &dyn Fn(u64) -> DMatrix<f64>| {
        let sampled = mean(|iteration| {
            let s = term(iteration);
            &s * s.transpose()
        });
        off(&sampled) > signs_bound()
    };
    // No signs; a twentieth too long; the same buckets and signs in every iteration; a lost block left zero.
    assert!(broken(&|iteration| of(&count, iteration).abs()));
    assert!(broken(&|iteration| of(&count, iteration) * 1.05));
    assert!(broken(&|_| of(&count, 0)));
    assert!(broken(&|iteration| {
        let mut s = of(&over, iteration);
        s.columns_mut(0, DIMENSION / 4).fill(0.0);
        s
    }));
}
