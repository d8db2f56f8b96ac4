use nalgebra::{DMatrix, DVector};
use steadfast::coding::{encode_rows, frame_by_name};
use steadfast::data::{Dense, Labels, Matrix};
use steadfast::seed::Seed;

use crate::inputs::{interval, regression};

const ROWS: usize = 120;
const COLS: usize = 10;
const L2: f64 = 1e-3;

/// Relative suboptimality of the encoded optimum for every set of `dropped` of 8 workers that never answer, median and worst. Three
/// rows are twenty times as long as the others.
fn gaps(code: &str, dropped: u32, seed: u64) -> (f64, f64) {
    let mut data = regression(ROWS, COLS, 1.0, seed);
    let (Matrix::Dense(x), Labels::Real(y)) = (&mut data.features, &data.labels) else { panic!("dense regression") };
    let mut y = y.clone();
    for i in [7, 48, 101] {
        x.row_mut(i).iter_mut().for_each(|x| *x *= 20.0);
        y[i] *= 20.0;
    }
    let encoding = frame_by_name(code, ROWS, 8, Seed(seed)).unwrap();
    let joined: Vec<f64> = (0..ROWS).flat_map(|i| x.row(i).iter().copied().chain([y[i]])).collect();
    let joined = Matrix::Dense(Dense::new(ROWS, COLS + 1, joined).unwrap());
    // (S_i (X, y))' S_i (X, y) of every worker.
    let grams: Vec<DMatrix<f64>> = encode_rows(&encoding, &joined)
        .unwrap()
        .iter()
        .map(|shard| {
            let columns = (0..=COLS).map(|j| {
                let unit: Vec<f64> = (0..=COLS).map(|i| f64::from(u8::from(i == j))).collect();
                let mut column = vec![0.0; shard.rows()];
                shard.multiply(&unit, &mut column);
                DVector::from_vec(column)
            });
            let shard = DMatrix::from_columns(&columns.collect::<Vec<_>>());
            shard.transpose() * shard
        })
        .collect();
    let solve = |weights: &[f64]| {
        let sum = grams.iter().zip(weights).fold(DMatrix::zeros(COLS + 1, COLS + 1), |sum, (gram, c)| sum + gram * *c);
        let sum = sum / ROWS as f64;
        let hessian = sum.view((0, 0), (COLS, COLS)) + DMatrix::identity(COLS, COLS) * L2;
        hessian.cholesky().expect("l2 > 0").solve(&sum.view((0, COLS), (COLS, 1)).into_owned())
    };
    let value = |w: &DMatrix<f64>| {
        let loss: f64 =
            (0..ROWS).map(|i| (x.row(i).iter().zip(w.iter()).map(|(x, w)| x * w).sum::<f64>() - y[i]).powi(2)).sum();
        loss / (2.0 * ROWS as f64) + 0.5 * L2 * w.norm_squared()
    };
    // With all workers every tight encoding has the optimum itself.
    let optimum = value(&solve(&encoding.weights(&[true; 8])));
    let mut found: Vec<f64> = (0u32..256)
        .filter(|set| set.count_ones() == dropped)
        .map(|set| {
            let present: Vec<bool> = (0..8).map(|i| set >> i & 1 == 0).collect();
            (value(&solve(&encoding.weights(&present))) - optimum) / optimum
        })
        .collect();
    found.sort_unstable_by(f64::total_cmp);
    (found[found.len() / 2], found[found.len() - 1])
}

/// What a frame buys is the worst case: over all sets of 2 and of 3 workers that never answer, its worst is far below that of plain rows
/// and of copies.
#[test]
fn the_worst_set_of_lost_workers_costs_a_frame_far_less() {
    for dropped in [2, 3] {
        let mut worst = [vec![], vec![], vec![]];
        let mut median = [0.0; 3];
        for seed in 0..20 {
            for (at, code) in ["steiner", "replication", "uncoded"].into_iter().enumerate() {
                let (middle, most) = gaps(code, dropped, seed);
                worst[at].push(most.ln());
                median[at] += middle / 20.0;
            }
        }
        let mean = |at: usize| (worst[at].iter().sum::<f64>() / 20.0).exp();
        println!(
            "dropped {dropped}: median/worst steiner {:.1e}/{:.1e}, replication {:.1e}/{:.1e}, uncoded {:.1e}/{:.1e}",
            median[0],
            mean(0),
            median[1],
            mean(1),
            median[2],
            mean(2)
        );
        for rival in [1, 2] {
            let ratios: Vec<f64> = worst[rival].iter().zip(&worst[0]).map(|(rival, frame)| rival - frame).collect();
            let (low, high) = interval(&ratios);
            println!("  log of the worst over steiner's: {low:.2} .. {high:.2}");
            assert!(low > 1.0, "dropped {dropped}, rival {rival}: {low} {high}");
        }
    }
}
