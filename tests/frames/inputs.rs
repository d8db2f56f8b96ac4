use rand::RngExt;
use rand_distr::StandardNormal;
use steadfast::data::{Dataset, Dense, Labels, Matrix};
use steadfast::seed::{Purpose, Seed};

/// `y = X w + noise` with normal X and w.
pub fn regression(rows: usize, cols: usize, noise: f64, seed: u64) -> Dataset<f64> {
    let mut stream = Seed(seed).stream(Purpose::Experiment, 0, 0);
    let mut normal = || -> f64 { stream.sample(StandardNormal) };
    let truth: Vec<f64> = (0..cols).map(|_| normal()).collect();
    let values: Vec<f64> = (0..rows * cols).map(|_| normal()).collect();
    let labels = values
        .chunks_exact(cols)
        .map(|row| row.iter().zip(&truth).map(|(x, w)| x * w).sum::<f64>() + noise * normal())
        .collect();
    Dataset {
        features: Matrix::Dense(Dense::new(rows, cols, values).unwrap()),
        labels: Labels::Real(labels),
        columns: vec![],
    }
}

/// The 99 % confidence interval of the mean of 20 independent values: Student's t with 19 degrees of freedom is 2.861.
pub fn interval(values: &[f64]) -> (f64, f64) {
    assert_eq!(values.len(), 20);
    let mean = values.iter().sum::<f64>() / 20.0;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 19.0;
    let half = 2.861 * (variance / 20.0).sqrt();
    (mean - half, mean + half)
}
