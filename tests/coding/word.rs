//! One encoded product with all that a decoder is given: honest replies to start from.

use rand::RngExt;
use steadfast::coding::{DataCode, Layout, Replies, encode_for};
use steadfast::data::{Dense, Matrix, Operand, ShardStats};
use steadfast::scalar::{Accumulator, Element};
use steadfast::seed::{Purpose, Seed};

/// Replies of a fleet, before and after faults.
pub struct Word {
    pub values: Vec<f64>,
    pub present: Vec<bool>,
    pub implausible: Vec<bool>,
    pub layout: Layout,
    pub vectors: usize,
    pub broadcast: Vec<f64>,
    pub stats: Vec<ShardStats>,
    /// The data, as rounded for the workers.
    pub data: Matrix<f64>,
    /// Shards, sparse ones filled up.
    pub shards: Vec<Matrix<f64>>,
    /// The exact product A V' (to f64 rounding), n x r.
    pub truth: Vec<f64>,
    precision: steadfast::scalar::Precision,
}

/// Uniform numbers in [-1, 1).
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut stream = Seed(seed).stream(Purpose::Experiment, 0, 0);
    (0..count).map(|_| stream.random_range(-1.0..1.0)).collect()
}

/// A dot product in the arithmetic of A, as a worker computes it: 32 partial sums, added as a tree.
pub fn dot<A: Accumulator>(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [A::ZERO; 32];
    for (k, (&a, &b)) in a.iter().zip(b).enumerate() {
        sums[k % 32] = A::from_f64(a).mul_add(A::from_f64(b), sums[k % 32]);
    }
    let mut width = 16;
    while width > 0 {
        for k in 0..width {
            let upper = sums[k + width];
            sums[k] += upper;
        }
        width /= 2;
    }
    sums[0].to_f64()
}

impl Word {
    /// Honest replies of `code`'s workers, who store and compute in T, to `vectors` vectors.
    pub fn honest<T: Element>(code: &dyn DataCode, rows: usize, cols: usize, vectors: usize, seed: u64) -> Word {
        let dense = Dense::new(rows, cols, numbers(rows * cols, seed)).expect("rows x cols values");
        let data = Matrix::Dense(dense).convert::<T>();
        let m = code.workers();
        let (shards, stats): (Vec<Matrix<f64>>, Vec<_>) = encode_for(code, &data, Operand::ROWS, 0..m)
            .expect("an encodable matrix")
            .into_iter()
            .map(|(shard, stats)| (shard.convert(), stats))
            .unzip();
        let filled = |shard: Matrix<f64>| match shard {
            Matrix::Dense(_) => shard,
            Matrix::Csr(shard) => Matrix::Dense(shard.to_dense()),
        };
        let shards = shards.into_iter().map(filled).collect();
        let broadcast: Vec<f64> =
            numbers(vectors * cols, seed ^ 1).into_iter().map(|v| T::Acc::from_f64(v).to_f64()).collect();
        let mut truth = vec![0.0; rows * vectors];
        data.multiply(&broadcast, vectors, &mut truth);
        let mut word = Word {
            values: Vec::new(),
            present: vec![true; m],
            implausible: vec![false; m],
            layout: Layout::new(rows, cols, code.blocks()),
            vectors,
            broadcast,
            stats,
            data: data.convert(),
            shards,
            truth,
            precision: T::PRECISION,
        };
        word.reply::<T::Acc>();
        word
    }

    /// Lets all workers answer the broadcast honestly.
    pub fn reply<A: Accumulator>(&mut self) {
        self.values.clear();
        for shard in &self.shards {
            let Matrix::Dense(shard) = shard else { unreachable!("filled up") };
            for b in 0..shard.rows() {
                let vectors = self.broadcast.chunks_exact(self.layout.cols);
                self.values.extend(vectors.map(|v| dot::<A>(shard.row(b), v)));
            }
        }
    }

    /// The numbers that `worker` sends.
    pub fn of(&mut self, worker: usize) -> &mut [f64] {
        let len = self.layout.shard_rows * self.vectors;
        &mut self.values[worker * len..(worker + 1) * len]
    }

    pub fn replies(&self) -> Replies<'_> {
        Replies {
            values: &self.values,
            present: &self.present,
            implausible: &self.implausible,
            layout: self.layout,
            vectors: self.vectors,
            precision: self.precision,
            broadcast: &self.broadcast,
            stats: &self.stats,
            round: 0,
            check: None,
        }
    }

    /// Euclidean distance of `value` from the exact product.
    pub fn error(&self, value: &[f64]) -> f64 {
        self.truth.iter().zip(value).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }
}
