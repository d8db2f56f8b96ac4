//! Sketched Gram blocks on the device beside the kernels' twins, and what is refused.

use half::f16;
use rand::RngExt;
use steadfast::Error;
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::Device;
use steadfast::device::gpu::{GpuDevice, GpuElement, GpuOptions};
use steadfast::kernel::{Bounds, BucketIndex, Curvature, SketchBlock, SketchKind, count_sketch, gram};
use steadfast::seed::{Purpose, Seed};

use crate::workload::open;

/// Blocks on one of several equal shards.
#[derive(Debug, Clone, Copy)]
pub struct Blocks {
    pub rows: usize,
    pub cols: usize,
    pub kind: SketchKind,
    pub buckets: usize,
    pub count: usize,
}

/// Of three workers with shards, the one whose shard is sketched.
const WORKER: usize = 1;

impl Blocks {
    pub fn new(rows: usize, cols: usize, buckets: usize, count: usize) -> Self {
        Blocks { rows, cols, kind: SketchKind::CountSketch, buckets, count }
    }

    fn blocks(&self, iteration: u64) -> Vec<SketchBlock> {
        let Blocks { kind, buckets, .. } = *self;
        (0..self.count as u64).map(|block| SketchBlock { kind, seed: 5, iteration, block, buckets }).collect()
    }

    fn numbers<T: GpuElement>(&self, count: usize, worker: usize) -> Vec<T> {
        let mut random = Seed(7).stream(Purpose::Experiment, worker as u64, 0);
        (0..count).map(|_| T::from_f64(random.random_range(-1.0..1.0))).collect()
    }

    fn values<T: GpuElement>(&self, worker: usize) -> Vec<T> {
        self.numbers(self.rows * self.cols, worker)
    }

    fn roots(&self) -> Vec<f32> {
        self.numbers(self.rows, 99)
    }

    pub fn loaded<T: GpuElement>(&self, options: GpuOptions) -> GpuDevice<T> {
        let mut device = open::<T>(options);
        for worker in 0..3 {
            let shard = Dense::new(self.rows, self.cols, self.values(worker)).unwrap();
            device.upload(worker, Operand::ROWS, Matrix::Dense(shard)).unwrap();
        }
        device
    }

    fn run<T: GpuElement>(&self, device: &mut GpuDevice<T>, iteration: u64) -> steadfast::Result<Vec<f32>> {
        let roots = self.roots();
        let mut out = vec![f32::NAN; self.count * self.cols * self.cols];
        let curvature = Curvature::Scalar(&roots);
        device.sketched_gram(WORKER, Operand::ROWS, &curvature, &self.blocks(iteration), &mut out)?;
        Ok(out)
    }

    /// What is wrong with the device's blocks, in the second of two iterations.
    pub fn mismatch<T: GpuElement>(&self, options: GpuOptions) -> Option<String> {
        let mut device = self.loaded::<T>(options);
        self.run(&mut device, 0).unwrap();
        let got = self.run(&mut device, 1).unwrap();
        let exact = device.info().software;
        let side = self.cols * self.cols;
        self.blocks(1).iter().zip(got.chunks(side)).find_map(|(block, got)| self.compare::<T>(block, got, exact))
    }

    fn compare<T: GpuElement>(&self, block: &SketchBlock, got: &[f32], exact: bool) -> Option<String> {
        let Blocks { rows, cols, buckets, .. } = *self;
        let (values, roots) = (self.values::<T>(WORKER), self.roots());
        let mut index = BucketIndex::default();
        block.index(rows, &mut index).unwrap();
        let mut sketch = vec![0.0; buckets * cols];
        count_sketch::twin(&values, cols, &Curvature::Scalar(&roots), &index, &mut sketch);
        let mut twin = vec![0.0; cols * cols];
        gram::twin(&sketch, cols, &mut twin);

        // The same in f64, with magnitudes in place of numbers for the bound.
        let (mut wide, mut size) = (vec![0.0; buckets * cols], vec![0.0; buckets * cols]);
        for b in 0..buckets {
            for entry in index.bucket(b) {
                let factor = f64::from(roots[entry.row()]) * index.scale() * if entry.minus() { -1.0 } else { 1.0 };
                for j in 0..cols {
                    let term = factor * values[entry.row() * cols + j].to_f64();
                    wide[b * cols + j] += term;
                    size[b * cols + j] += term.abs();
                }
            }
        }
        let product =
            |a: &[f64], i: usize, j: usize| (0..buckets).map(|b| a[b * cols + i] * a[b * cols + j]).sum::<f64>();
        // Roundings of a term, at most: scale, root and product, the additions of one of four sums and their joining, for
        // both factors; then the product, a panel, and the panels.
        let depth = 2 * (3 + index.longest().div_ceil(4) + 2) + 1 + gram::PANEL + buckets.div_ceil(gram::PANEL);
        let unit = 1.01 * depth as f64 * f64::from(f32::EPSILON) / 2.0;
        for (k, (&g, &t)) in got.iter().zip(&twin).enumerate() {
            let (i, j) = (k / cols, k % cols);
            let weight = product(&size, i, j);
            // The software adapter neither contracts nor reorders. Hardware may contract.
            let bound = if exact { 0.0 } else { 2.0 * unit * weight };
            let distance = (f64::from(g) - f64::from(t)).abs();
            if distance.is_nan() || distance > bound {
                return Some(format!("{self:?}, block {}: ({i}, {j}): {g} against the twin's {t}", block.block));
            }
            let error = (f64::from(g) - product(&wide, i, j)).abs();
            if error.is_nan() || error > unit * weight {
                return Some(format!("{self:?}, block {}: ({i}, {j}) is off by {error}", block.block));
            }
        }
        None
    }
}

fn check(blocks: Blocks, options: &GpuOptions) {
    assert_eq!(blocks.mismatch::<f32>(options.clone()), None);
    assert_eq!(blocks.mismatch::<f16>(options.clone()), None);
}

fn bounded(binding_bytes: usize, groups: usize) -> GpuOptions {
    GpuOptions { bounds: Some(Bounds { binding_bytes, groups, ..Bounds::default() }), ..GpuOptions::default() }
}

/// One tile, an even and an odd number of tiles, buckets that do not fill a panel, empty buckets, several blocks.
#[test]
fn blocks_match_their_twins() {
    for (rows, cols, buckets, count) in
        [(1, 1, 1, 1), (50, 3, 7, 2), (300, 70, 33, 3), (90, 131, 16, 2), (10, 5, 90, 1)]
    {
        check(Blocks::new(rows, cols, buckets, count), &GpuOptions::default());
        let drawn = Blocks { kind: SketchKind::UniformRows, ..Blocks::new(rows, cols, buckets, count) };
        check(drawn, &GpuOptions::default());
    }
}

/// Few blocks a submission, a binding for each worker's shard, and folded grids.
#[test]
fn small_bounds_change_no_bit() {
    // A Gram block is 19,600 bytes, a shard 21,600.
    check(Blocks::new(75, 70, 33, 5), &bounded(41_000, 5));
    check(Blocks::new(75, 70, 33, 5), &bounded(24_064, 65_535));
}

#[test]
fn what_does_not_fit_is_refused() {
    let blocks = Blocks::new(75, 70, 33, 2);
    let error = blocks.run(&mut blocks.loaded::<f32>(bounded(16_384, 65_535)), 0).unwrap_err();
    assert!(matches!(&error, Error::Device { message, .. } if message.contains("21600 bytes")), "{error}");
    let mut device = blocks.loaded::<f32>(GpuOptions::default());
    let (roots, list, mut out) = (blocks.roots(), blocks.blocks(0), vec![0.0; 2 * 70 * 70]);
    let mixed = [list[0], SketchBlock { buckets: 34, ..list[1] }];
    let probabilities = vec![0.5; 150];
    let softmax = Curvature::Softmax { probabilities: &probabilities, classes: 2, scale: 1.0 };
    let plain = Curvature::Scalar(&roots);
    let mut refused = |worker, curvature: &Curvature<'_, f32>, list: &[SketchBlock], len: usize, named: &str| {
        let error = device.sketched_gram(worker, Operand::ROWS, curvature, list, &mut out[..len]).unwrap_err();
        assert_eq!(error.kind(), "usage", "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    refused(3, &plain, &list, 9800, "worker 3");
    refused(1, &softmax, &list, 9800, "2 classes");
    refused(1, &Curvature::Scalar(&roots[1..]), &list, 9800, "74 numbers");
    refused(1, &plain, &list, 9799, "9800 numbers");
    refused(1, &plain, &mixed, 9800, "34");
    refused(1, &plain, &[], 0, "one block");
    refused(1, &plain, &[SketchBlock { buckets: 0, ..list[0] }], 4900, "sketch buckets");
    let sparse = Csr::new(1, 2, vec![0, 1], vec![1], vec![1.0]).unwrap();
    device.upload(1, Operand::COLUMNS, Matrix::Csr(sparse)).unwrap();
    let error =
        device.sketched_gram(1, Operand::COLUMNS, &Curvature::Scalar(&[1.0]), &list, &mut [0.0; 8]).unwrap_err();
    assert!(error.to_string().contains("dense"), "{error}");
    // And goes on.
    assert!(blocks.run(&mut device, 0).is_ok());
}

/// Blocks of another form, and another shard in place of the old one, are the ones computed.
#[test]
fn what_changes_between_calls_is_seen() {
    let first = Blocks::new(75, 20, 33, 2);
    let mut used = first.loaded::<f32>(GpuOptions::default());
    for blocks in [first, Blocks::new(75, 20, 12, 2), Blocks::new(75, 20, 12, 4), first] {
        let got = blocks.run(&mut used, 3).unwrap();
        assert_eq!(got, blocks.run(&mut blocks.loaded::<f32>(GpuOptions::default()), 3).unwrap());
    }
    let before = first.run(&mut used, 3).unwrap();
    let other = Dense::new(75, 20, first.values::<f32>(WORKER).into_iter().map(|x| 2.0 * x).collect()).unwrap();
    used.upload(WORKER, Operand::ROWS, Matrix::Dense(other)).unwrap();
    let after = first.run(&mut used, 3).unwrap();
    assert!(before.iter().zip(&after).all(|(b, a)| 4.0 * b == *a));
}

#[test]
fn a_lost_device_is_an_error() {
    let blocks = Blocks::new(75, 20, 33, 2);
    let mut device = blocks.loaded::<f32>(GpuOptions { own_device: true, ..GpuOptions::default() });
    blocks.run(&mut device, 0).unwrap();
    device.lose();
    assert_eq!(blocks.run(&mut device, 0).unwrap_err().kind(), "device");
}
