//! Hessian blocks on the device beside the same blocks by the kernels' twins.

use std::collections::BTreeSet;
use std::ops::Range;

use rand::RngExt;
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::device::HessianDevice;
use steadfast::device::gpu::{GpuElement, GpuHessian, GpuOptions};
use steadfast::kernel::weighted_gram::{self, Split};
use steadfast::kernel::{
    BucketIndex, Curvature, SketchBlock, SketchKind, count_sketch, count_sketch_csr, expand_rows, gram, sum_segments,
};
use steadfast::seed::{Purpose, Seed};

use crate::workload::adapter;

/// Data, a curvature, and blocks of their Hessian.
#[derive(Debug, Clone, Copy)]
pub struct Blocks {
    pub rows: usize,
    pub cols: usize,
    /// Stored values a row on average; `None` is dense.
    pub sparse: Option<usize>,
    /// K; more than 1 is softmax.
    pub classes: usize,
    pub kind: SketchKind,
    pub buckets: usize,
    pub count: usize,
}

/// Roundings of a term before it is added, at most: scale times p, its root, the block's scale, 1 - p, their product, the value's
/// product with it; or scale, p, 1 - p, and the values'.
const TERM: usize = 6;

impl Blocks {
    pub fn dense(rows: usize, cols: usize, buckets: usize, count: usize) -> Self {
        Blocks { rows, cols, sparse: None, classes: 1, kind: SketchKind::CountSketch, buckets, count }
    }

    pub fn sparse(rows: usize, cols: usize, mean: usize, buckets: usize, count: usize) -> Self {
        Blocks { sparse: Some(mean), ..Blocks::dense(rows, cols, buckets, count) }
    }

    pub fn softmax(self, classes: usize) -> Self {
        Blocks { classes, ..self }
    }

    fn side(&self) -> usize {
        self.cols * self.classes
    }

    pub fn blocks(&self, iteration: u64) -> Vec<SketchBlock> {
        let Blocks { kind, buckets, .. } = *self;
        (0..self.count as u64).map(|block| SketchBlock { kind, seed: 5, iteration, block, buckets }).collect()
    }

    pub fn data<T: GpuElement>(&self) -> Matrix<T> {
        let mut random = Seed(7).stream(Purpose::Experiment, self.rows as u64, self.cols as u64);
        let mut values =
            |count: usize| -> Vec<T> { (0..count).map(|_| T::from_f64(random.random_range(-1.0..1.0))).collect() };
        let Some(mean) = self.sparse else {
            return Matrix::Dense(Dense::new(self.rows, self.cols, values(self.rows * self.cols)).unwrap());
        };
        let mut random = Seed(8).stream(Purpose::Experiment, self.rows as u64, self.cols as u64);
        let (mut offsets, mut indices) = (vec![0], Vec::new());
        for row in 0..self.rows {
            // Empty rows, one row with every column, and others with about the mean.
            let columns: BTreeSet<usize> = match row {
                r if r % 5 == 3 => BTreeSet::new(),
                17 => (0..self.cols).collect(),
                _ => (0..mean).map(|_| random.random_range(0..self.cols)).collect(),
            };
            indices.extend(columns.into_iter().map(|column| column as u32));
            offsets.push(indices.len());
        }
        let values = values(indices.len());
        Matrix::Csr(Csr::new(self.rows, self.cols, offsets, indices, values).unwrap())
    }

    /// Roots, or probabilities.
    pub fn numbers(&self) -> Vec<f32> {
        let mut random = Seed(9).stream(Purpose::Experiment, 0, 0);
        let mut numbers: Vec<f32> = (0..self.rows * self.classes).map(|_| random.random_range(0.1..1.0)).collect();
        if self.classes > 1 {
            for row in numbers.chunks_mut(self.classes) {
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|p| *p /= sum);
            }
        }
        numbers
    }

    pub fn curvature<'a, A: Copy + From<f32>>(&self, numbers: &'a [A]) -> Curvature<'a, A> {
        match self.classes {
            1 => Curvature::Scalar(numbers),
            classes => Curvature::Softmax { probabilities: numbers, classes, scale: A::from(0.37) },
        }
    }

    pub fn open<T: GpuElement>(&self, options: GpuOptions) -> GpuHessian<T> {
        GpuHessian::open(&adapter(), options, &self.data()).expect("a Vulkan driver and memory for the data")
    }

    pub fn sketched<T: GpuElement>(&self, device: &mut GpuHessian<T>, iteration: u64) -> steadfast::Result<Vec<f32>> {
        let (numbers, mut out) = (self.numbers(), Vec::new());
        let mut take = |number: usize, block: &[f32]| {
            assert_eq!(out.len(), number * block.len());
            out.extend_from_slice(block);
        };
        device.sketched_gram(&self.curvature(&numbers), &self.blocks(iteration), &mut take)?;
        assert_eq!(out.len(), self.count * self.side() * self.side());
        Ok(out)
    }

    pub fn exact<T: GpuElement>(
        &self,
        device: &mut GpuHessian<T>,
        examples: Range<usize>,
    ) -> steadfast::Result<Vec<f32>> {
        let (numbers, mut out) = (self.numbers(), vec![f32::NAN; self.side() * self.side()]);
        device.exact_gram(&self.curvature(&numbers), examples, &mut out)?;
        Ok(out)
    }

    /// What is wrong with the device's blocks: sketched ones in the second of two iterations, and exact ones.
    pub fn mismatch<T: GpuElement>(&self, options: GpuOptions) -> Option<String> {
        let mut device = self.open::<T>(options);
        self.sketched(&mut device, 0).unwrap();
        let got = self.sketched(&mut device, 1).unwrap();
        let side = self.side() * self.side();
        let sketched =
            self.blocks(1).iter().zip(got.chunks(side)).find_map(|(block, got)| self.compare(&device, block, got));
        let (some, all) = (self.rows / 5..self.rows, 0..self.rows);
        sketched.or_else(|| [all, some].into_iter().find_map(|examples| self.compare_exact(&mut device, examples)))
    }

    fn compare<T: GpuElement>(&self, device: &GpuHessian<T>, block: &SketchBlock, got: &[f32]) -> Option<String> {
        let Blocks { rows, cols, classes, buckets, .. } = *self;
        let (data, numbers, bounds, side) = (self.data::<T>(), self.numbers(), device.bounds(), self.side());
        let curvature = self.curvature(&numbers);
        let mut index = BucketIndex::default();
        block.index(rows * classes, &mut index).unwrap();
        let longest = longest(&data);
        let per_dispatch = match self.kind {
            SketchKind::CountSketch => {
                let steps = if data.is_sparse() { 1 + longest.div_ceil(count_sketch_csr::LANES) } else { 1 };
                count_sketch::rows_of_dispatch(buckets, classes, steps, &bounds)
            }
            SketchKind::UniformRows => rows,
        };
        let mut sketch = vec![0.0; buckets * side];
        let mut dispatches = 0;
        for binding in device.bindings() {
            for begin in binding.clone().step_by(per_dispatch) {
                let examples = begin..binding.end.min(begin + per_dispatch);
                dispatches += 1;
                match &data {
                    Matrix::Dense(a) => {
                        count_sketch::twin(a.values(), cols, &curvature, &index, examples, &mut sketch);
                    }
                    Matrix::Csr(a) => {
                        let arrays = (a.offsets(), a.indices(), a.values());
                        count_sketch_csr::twin(arrays, cols, &curvature, &index, examples, &mut sketch);
                    }
                }
            }
        }
        let mut twin = vec![0.0; side * side];
        let range = gram::rows_of_dispatch(buckets, side.next_multiple_of(4), &bounds);
        sketch.chunks(range * side).for_each(|rows| gram::twin(rows, side, &mut twin));

        // The same in f64, with magnitudes in place of numbers for the bound.
        let wide_numbers: Vec<f64> = numbers.iter().map(|&x| f64::from(x)).collect();
        let wide_curvature = self.curvature(&wide_numbers);
        let (mut wide, mut size) = (vec![0.0; buckets * side], vec![0.0; buckets * side]);
        for b in 0..buckets {
            for entry in index.bucket(b) {
                let (example, r) = (entry.row() / classes, entry.row() % classes);
                for k in 0..classes {
                    let sign = if entry.minus() { -1.0 } else { 1.0 };
                    let factor = wide_curvature.coefficient(example, r, k) * index.scale() * sign;
                    data.for_each_in_row(example, |j, x| {
                        let term = factor * x.to_f64();
                        wide[b * side + k * cols + j] += term;
                        size[b * side + k * cols + j] += term.abs();
                    });
                }
            }
        }
        let product =
            |a: &[f64], i: usize, j: usize| (0..buckets).map(|b| a[b * side + i] * a[b * side + j]).sum::<f64>();
        // Of both factors: a term, the additions of one of four sums, their joining, and the bindings'; then the product, a
        // panel, the panels, and the ranges of buckets.
        let depth = 2 * (TERM + index.longest().div_ceil(4) + 2 + dispatches)
            + 1
            + gram::PANEL
            + buckets.div_ceil(gram::PANEL)
            + buckets.div_ceil(range);
        let what = format!("{self:?}, block {}", block.block);
        compare(&what, side, got, &twin, depth, device.info().software, |i, j| {
            (product(&wide, i, j), product(&size, i, j))
        })
    }

    fn compare_exact<T: GpuElement>(&self, device: &mut GpuHessian<T>, examples: Range<usize>) -> Option<String> {
        let Blocks { cols, classes, .. } = *self;
        let got = self.exact(device, examples.clone()).unwrap();
        let (data, numbers, bounds, side) = (self.data::<T>(), self.numbers(), device.bounds(), self.side());
        let curvature = self.curvature(&numbers);
        let pairs: Vec<(usize, usize)> = (0..classes).flat_map(|k| (0..=k).map(move |l| (k, l))).collect();
        let split = Split::new(examples.len(), pairs.len() * cols * cols * 4, &bounds);
        let mut twin = vec![f32::NAN; side * side];
        let mut waves = 0;
        for &(k, l) in &pairs {
            let mut sums = vec![0.0; split.sums * cols * cols];
            for binding in device.bindings() {
                let piece = examples.start.max(binding.start)..examples.end.min(binding.end);
                for wave in split.waves(piece) {
                    waves += 1;
                    match &data {
                        Matrix::Dense(a) => {
                            weighted_gram::twin(a.values(), cols, &curvature, (k, l), wave, &split, &mut sums);
                        }
                        Matrix::Csr(a) => {
                            let mut rows = vec![f32::NAN; self.rows * cols];
                            expand_rows::twin((a.offsets(), a.indices(), a.values()), cols, &mut rows);
                            weighted_gram::twin(&rows, cols, &curvature, (k, l), wave, &split, &mut sums);
                        }
                    }
                }
            }
            let mut joined = vec![0.0; cols * cols];
            sum_segments::twin(&sums, split.sums, &mut joined);
            for (at, &sum) in joined.iter().enumerate() {
                let (i, j) = (at / cols, at % cols);
                twin[(k * cols + i) * side + l * cols + j] = sum;
                twin[(l * cols + i) * side + k * cols + j] = sum;
            }
        }
        let wide_numbers: Vec<f64> = numbers.iter().map(|&x| f64::from(x)).collect();
        let wide_curvature = self.curvature(&wide_numbers);
        let mut rows = vec![0.0; self.rows * cols];
        (0..self.rows).for_each(|i| data.for_each_in_row(i, |j, x| rows[i * cols + j] = x.to_f64()));
        let depth = TERM + gram::PANEL + split.length / gram::PANEL + waves / pairs.len() + split.sums.div_ceil(4) + 2;
        compare(&format!("{self:?}, {examples:?}"), side, &got, &twin, depth, device.info().software, |a, b| {
            examples.clone().fold((0.0, 0.0), |(sum, size), i| {
                let product = rows[i * cols + a % cols] * rows[i * cols + b % cols];
                let term = wide_curvature.weight(i, a / cols, b / cols) * product;
                (sum + term, size + term.abs())
            })
        })
    }
}

/// What is wrong with a (side x side) block of sums `depth` roundings deep: `reference` gives the sum and the sum of the
/// magnitudes of its terms in f64.
fn compare(
    what: &str,
    side: usize,
    got: &[f32],
    twin: &[f32],
    depth: usize,
    exact: bool,
    reference: impl Fn(usize, usize) -> (f64, f64),
) -> Option<String> {
    let unit = 1.01 * depth as f64 * f64::from(f32::EPSILON) / 2.0;
    for (k, (&g, &t)) in got.iter().zip(twin).enumerate() {
        let (i, j) = (k / side, k % side);
        let (sum, weight) = reference(i, j);
        // The software adapter neither contracts nor reorders. Hardware may contract.
        let bound = if exact { 0.0 } else { 2.0 * unit * weight };
        let distance = (f64::from(g) - f64::from(t)).abs();
        if distance.is_nan() || distance > bound {
            return Some(format!("{what}: ({i}, {j}): {g} against the twin's {t}"));
        }
        let error = (f64::from(g) - sum).abs();
        if error.is_nan() || error > unit * weight {
            return Some(format!("{what}: ({i}, {j}) is off by {error}"));
        }
    }
    None
}

fn longest<T: GpuElement>(data: &Matrix<T>) -> usize {
    match data {
        Matrix::Csr(a) => a.offsets().windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0),
        Matrix::Dense(_) => 0,
    }
}
