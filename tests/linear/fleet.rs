//! Matrices, and runs with four of fifteen workers lying in every round, others each round.

use rand_distr::{Distribution, StandardNormal};
use steadfast::Result;
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::linear::{Answer, Products};
use steadfast::run::{Finished, LinearRun, TrainConfig};
use steadfast::seed::{Purpose, Seed};

/// Fifteen workers of which the code tolerates four liars; on one thread.
pub fn config() -> TrainConfig {
    TrainConfig { liars: 4, threads: Some(1), ..TrainConfig::default() }
}

/// The same with four that lie.
pub fn lying(attack: &str) -> TrainConfig {
    TrainConfig { inject_liars: 4, attack: attack.into(), ..config() }
}

/// A run that ends in an answer; every round certified, every lie named, nobody innocent accused.
pub fn answered<V>(
    config: TrainConfig,
    matrix: &Matrix<f64>,
    algorithm: impl FnOnce(&mut Products<'_>) -> Result<Answer<V>>,
) -> Finished<V> {
    let lies = config.inject_liars > 0;
    let coded = config.liars > 0;
    let finished = LinearRun::new(config).run(matrix, algorithm).expect("a run that begins");
    assert!(finished.error.is_none(), "{:?}", finished.error);
    assert_eq!(finished.record.end.certified, coded);
    if lies {
        let naming = finished.record.end.naming.expect("faults were injected");
        assert!(naming.hits > 0 && naming.innocents_accused == 0, "{naming:?}");
        assert_eq!(naming.misses, 0);
    }
    finished
}

pub fn numbers(count: usize, stream: u64) -> Vec<f64> {
    StandardNormal.sample_iter(Seed(23).stream(Purpose::Experiment, stream, 0)).take(count).collect()
}

/// The five-point Laplacian of a side x side grid with zero boundary: 4 on the diagonal, -1 to each neighbour.
pub fn poisson(side: usize) -> Matrix<f64> {
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for i in 0..side {
        for j in 0..side {
            let at = i * side + j;
            let mut row = vec![(at, 4.0)];
            let mut neighbour = |there: bool, to: usize| {
                if there {
                    row.push((to, -1.0));
                }
            };
            neighbour(i > 0, at.wrapping_sub(side));
            neighbour(i + 1 < side, at + side);
            neighbour(j > 0, at.wrapping_sub(1));
            neighbour(j + 1 < side, at + 1);
            row.sort_by_key(|entry| entry.0);
            for (column, value) in row {
                indices.push(u32::try_from(column).expect("few columns"));
                values.push(value);
            }
            offsets.push(indices.len());
        }
    }
    Matrix::Csr(Csr::new(side * side, side * side, offsets, indices, values).expect("ascending columns"))
}

/// A path's graph Laplacian: singular, its null space the constant vectors.
pub fn path(n: usize) -> Matrix<f64> {
    let mut matrix = Dense::zeros(n, n);
    for i in 1..n {
        for (a, b, x) in [(i, i, 1.0), (i - 1, i - 1, 1.0), (i, i - 1, -1.0), (i - 1, i, -1.0)] {
            matrix.row_mut(a)[b] += x;
        }
    }
    Matrix::Dense(matrix)
}
