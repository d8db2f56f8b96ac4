//! Products on the device beside the same products by the kernels' twins.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::gpu::{Adapter, GpuDevice, GpuElement, GpuOptions};
use steadfast::device::{Batch, Device};
use steadfast::kernel::{Launch, matvec_csr, matvec_dense, matvec_transposed_dense};
use steadfast::seed::{Purpose, Seed};

/// The adapter under test: a software one, or the one that `STEADFAST_TEST_ADAPTER` names.
pub fn adapter() -> Adapter {
    match std::env::var("STEADFAST_TEST_ADAPTER") {
        Ok(name) => Adapter::Named(name),
        Err(_) => Adapter::Software,
    }
}

/// A device on the adapter under test. No adapter is a failure.
pub fn open<T: GpuElement>(options: GpuOptions) -> GpuDevice<T> {
    GpuDevice::open(&adapter(), options)
        .expect("a Vulkan driver: these tests need an adapter, a software one is enough")
}

/// Shards of equal form at several workers.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    pub rows: usize,
    pub cols: usize,
    /// Stored values a row on average; `None` is dense.
    pub sparse: Option<usize>,
    pub workers: usize,
    pub r: usize,
    pub transposed: bool,
}

impl Workload {
    pub fn dense(rows: usize, cols: usize, workers: usize, r: usize) -> Self {
        Workload { rows, cols, sparse: None, workers, r, transposed: false }
    }

    pub fn sparse(rows: usize, cols: usize, mean: usize, workers: usize, r: usize) -> Self {
        Workload { sparse: Some(mean), ..Workload::dense(rows, cols, workers, r) }
    }

    pub fn transposed(self) -> Self {
        Workload { transposed: true, ..self }
    }

    /// The same shards at every call.
    pub fn shards<T: GpuElement>(&self) -> Vec<Matrix<T>> {
        let mut random = Seed(1).stream(Purpose::Experiment, self.rows as u64, self.cols as u64);
        let number = |random: &mut ChaCha8Rng| T::from_f64(random.random_range(-1.0..1.0));
        (0..self.workers)
            .map(|_| match self.sparse {
                None => {
                    let values = (0..self.rows * self.cols).map(|_| number(&mut random)).collect();
                    Matrix::Dense(Dense::new(self.rows, self.cols, values).unwrap())
                }
                Some(mean) => {
                    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
                    for row in 0..self.rows {
                        // Empty rows, one row with every column, and others with about the mean.
                        let columns: BTreeSet<usize> = match row {
                            r if r % 5 == 3 => BTreeSet::new(),
                            17 => (0..self.cols).collect(),
                            _ => (0..mean).map(|_| random.random_range(0..self.cols)).collect(),
                        };
                        for column in columns {
                            indices.push(column as u32);
                            values.push(number(&mut random));
                        }
                        offsets.push(values.len());
                    }
                    Matrix::Csr(Csr::new(self.rows, self.cols, offsets, indices, values).unwrap())
                }
            })
            .collect()
    }

    /// (numbers of a vector, rows of a reply)
    pub fn sizes(&self) -> (usize, usize) {
        if self.transposed { (self.rows, self.cols) } else { (self.cols, self.rows) }
    }

    pub fn vectors(&self) -> Vec<f32> {
        let mut random = Seed(2).stream(Purpose::Experiment, 0, 0);
        (0..self.r * self.sizes().0).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    pub fn batch<'a>(&self, workers: &'a [usize]) -> Batch<'a> {
        Batch { operand: Operand::ROWS, transposed: self.transposed, vectors: self.r, workers }
    }

    /// The replies of the given workers, from a device that holds the shards.
    pub fn multiply<T: GpuElement>(&self, device: &mut GpuDevice<T>, workers: &[usize]) -> steadfast::Result<Vec<f32>> {
        let mut replies = vec![f32::NAN; workers.len() * self.sizes().1 * self.r];
        device.run(&self.batch(workers), &self.vectors(), &mut replies)?;
        Ok(replies)
    }

    /// What is wrong with the device's replies; the twins run on the layout that the device says it used.
    pub fn mismatch<T: GpuElement>(&self, options: GpuOptions, workers: &[usize]) -> Option<String> {
        let mut device = open::<T>(options);
        let shards = self.shards::<T>();
        for (worker, shard) in shards.iter().enumerate() {
            device.upload(worker, Operand::ROWS, shard.clone()).unwrap();
        }
        let got = self.multiply(&mut device, workers).unwrap();
        let launch = device.launch(Operand::ROWS, self.transposed, self.r).expect("the product was run");
        let active: Vec<&Matrix<T>> = workers.iter().map(|&w| &shards[w]).collect();
        self.compare(&got, &launch, &active, &shards, device.info().software)
    }

    fn compare<T: GpuElement>(
        &self,
        got: &[f32],
        launch: &Launch,
        active: &[&Matrix<T>],
        all: &[Matrix<T>],
        exact: bool,
    ) -> Option<String> {
        let vectors = self.vectors();
        let reply = self.sizes().1 * self.r;
        let longest = all.iter().map(|a| longest(&self.oriented(a))).max().unwrap_or(0);
        for (place, shard) in active.iter().enumerate() {
            let mut twin = vec![0.0; reply];
            let oriented = self.oriented(shard);
            match (&oriented, self.transposed) {
                (Matrix::Csr(a), _) => {
                    let arrays = (a.offsets(), a.indices(), a.values());
                    matvec_csr::twin(arrays, a.cols(), &vectors, launch, launch.segments(longest), &mut twin);
                }
                (Matrix::Dense(a), false) => matvec_dense::twin(a.values(), a.cols(), &vectors, launch, &mut twin),
                (Matrix::Dense(a), true) => {
                    matvec_transposed_dense::twin(a.values(), a.cols(), &vectors, launch, &mut twin);
                }
            }
            let (exact64, weight) = self.reference(shard);
            // Each product and each addition on the longest path from a term to its sum rounds once: the chain of a lane,
            // its fold, the tree, and the joining of the pieces.
            let depth = 12 + launch.iterations() + launch.segments(longest.max(self.rows).max(self.cols));
            let unit = f64::from(f32::EPSILON) / 2.0 * depth as f64;
            for k in 0..reply {
                let (g, t) = (got[place * reply + k], twin[k]);
                // The software adapter neither contracts nor reorders. Hardware may contract.
                let bound = if exact { 0.0 } else { 2.0 * unit * weight[k] };
                // Written so that a NaN fails.
                let distance = (f64::from(g) - f64::from(t)).abs();
                if distance.is_nan() || distance > bound {
                    return Some(format!(
                        "{self:?}, {launch:?}: reply {place}, number {k}: {g} against the twin's {t}"
                    ));
                }
                let error = (f64::from(g) - exact64[k]).abs();
                if error.is_nan() || error > unit * weight[k] {
                    return Some(format!(
                        "{self:?}, {launch:?}: reply {place}, number {k}: {g} against {}",
                        exact64[k]
                    ));
                }
            }
        }
        None
    }

    /// The shard as its kernel reads it: a sparse one by its compressed columns when transposed.
    fn oriented<T: GpuElement>(&self, shard: &Matrix<T>) -> Matrix<T> {
        if !(self.transposed && shard.is_sparse()) {
            return shard.clone();
        }
        let mut columns = vec![Vec::new(); shard.cols()];
        for row in 0..shard.rows() {
            shard.for_each_in_row(row, |column, value| columns[column].push((row as u32, value)));
        }
        let mut offsets = vec![0];
        offsets.extend(columns.iter().scan(0, |sum, c| {
            *sum += c.len();
            Some(*sum)
        }));
        let (indices, values) = columns.into_iter().flatten().unzip();
        Matrix::Csr(Csr::new(shard.cols(), shard.rows(), offsets, indices, values).unwrap())
    }

    /// The product in f64, and for each number the sum of the magnitudes of its terms.
    fn reference<T: GpuElement>(&self, shard: &Matrix<T>) -> (Vec<f64>, Vec<f64>) {
        let (length, out_rows) = self.sizes();
        let vectors = self.vectors();
        let (mut sums, mut weights) = (vec![0.0; out_rows * self.r], vec![0.0; out_rows * self.r]);
        for row in 0..shard.rows() {
            shard.for_each_in_row(row, |column, value| {
                let (from, to) = if self.transposed { (row, column) } else { (column, row) };
                for v in 0..self.r {
                    let term = value.to_f64() * f64::from(vectors[v * length + from]);
                    sums[to * self.r + v] += term;
                    weights[to * self.r + v] += term.abs();
                }
            });
        }
        (sums, weights)
    }
}

fn longest<T: GpuElement>(shard: &Matrix<T>) -> usize {
    match shard {
        Matrix::Csr(a) => a.offsets().windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0),
        Matrix::Dense(_) => 0,
    }
}
