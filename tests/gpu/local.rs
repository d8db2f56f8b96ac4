//! Chains of inner solves on the device beside the same operations by the kernels' twins.

use std::sync::Arc;

use half::f16;
use rand::RngExt;
use steadfast::data::{Csr, Dense, Matrix};
use steadfast::device::gpu::{GpuElement, GpuLocal, GpuOptions};
use steadfast::device::{Factor, LocalCurvature, LocalDevice, LocalForm, Op, SCALARS, Scalar, Scalars, Vector};
use steadfast::kernel::combine_vectors::{OVERWRITE, factor_code};
use steadfast::kernel::{
    Bounds, Launch, add_ridge, bend_margins, combine_vectors, dot_vectors, matvec_csr, matvec_dense,
    matvec_transposed_dense,
};
use steadfast::seed::{Purpose, Seed};

use crate::workload::adapter;

/// Workers with rows of their own: every other one has a row less.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    pub rows: usize,
    pub cols: usize,
    pub workers: usize,
    pub classes: usize,
    pub softmax: bool,
    /// Of so many entries one is stored; dense without.
    pub sparse: Option<usize>,
}

/// Unit round-off.
const U: f64 = f32::EPSILON as f64 / 2.0;
pub const L2: f32 = 0.25;
const SCALE: f32 = 0.375;

/// Every operation, with factors of all forms, one with a denominator of 0; vectors differ from worker to worker after the first.
const CHAIN: [Op; 8] = [
    Op::Product { from: Vector(0), to: Vector(1) },
    Op::Norm { a: Vector(1), to: Scalar(0) },
    Op::Product { from: Vector(1), to: Vector(2) },
    Op::Dot { a: Vector(1), b: Vector(2), to: Scalar(1) },
    Op::Combine {
        to: Vector(1),
        keep: Some(Factor::ratio(Scalar(1), Scalar(0)).minus()),
        from: Vector(2),
        times: Factor::inverse(Scalar(0)),
    },
    Op::Combine { to: Vector(3), keep: None, from: Vector(1), times: Factor::of(Scalar(7)) },
    Op::Combine { to: Vector(3), keep: Some(Factor::ONE), from: Vector(2), times: Factor::ratio(Scalar(1), Scalar(5)) },
    Op::Norm { a: Vector(3), to: Scalar(2) },
];

impl Local {
    pub fn dense(rows: usize, cols: usize, workers: usize, classes: usize) -> Self {
        Local { rows, cols, workers, classes, softmax: false, sparse: None }
    }

    pub fn softmax(self) -> Self {
        Local { softmax: true, ..self }
    }

    pub fn sparse(self, among: usize) -> Self {
        Local { sparse: Some(among), ..self }
    }

    fn own_rows(&self, worker: usize) -> usize {
        self.rows - if self.rows > 1 { worker % 2 } else { 0 }
    }

    fn form(&self) -> LocalForm {
        let (scale, l2) = (f64::from(SCALE), f64::from(L2));
        LocalForm { classes: self.classes, scale, l2, penalized: self.cols - 1 }
    }

    /// The rows of each worker; the same at every call.
    pub fn parts<T: GpuElement>(&self) -> Vec<Arc<Matrix<T>>> {
        let mut random = Seed(4).stream(Purpose::Experiment, self.rows as u64, self.cols as u64);
        let mut part = |rows: usize| {
            let mut number = || T::from_f64(random.random_range(-1.0..1.0));
            let values: Vec<T> = (0..rows * self.cols).map(|_| number()).collect();
            let Some(among) = self.sparse else {
                return Matrix::Dense(Dense::new(rows, self.cols, values).unwrap());
            };
            let (mut offsets, mut indices, mut stored) = (vec![0], Vec::new(), Vec::new());
            for (row, values) in values.chunks(self.cols).enumerate() {
                for (column, value) in values.iter().enumerate().filter(|(j, _)| (row * 7 + j * 3) % among == 0) {
                    indices.push(column as u32);
                    stored.push(*value);
                }
                offsets.push(stored.len());
            }
            Matrix::Csr(Csr::new(rows, self.cols, offsets, indices, stored).unwrap())
        };
        (0..self.workers).map(|worker| Arc::new(part(self.own_rows(worker)))).collect()
    }

    fn curvature(&self) -> LocalCurvature {
        let mut random = Seed(5).stream(Purpose::Experiment, 0, 0);
        let width = if self.softmax { self.classes } else { self.classes * self.classes };
        let mut row = || {
            let mut row: Vec<f64> = (0..width).map(|_| random.random_range(-1.0..1.0)).collect();
            if self.softmax {
                row.iter_mut().for_each(|p| *p = p.exp());
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|p| *p /= sum);
            }
            // What the device stores.
            row.iter().map(|&x| f64::from(x as f32)).collect::<Vec<f64>>()
        };
        let numbers = (0..self.workers).map(|w| (0..self.own_rows(w)).flat_map(|_| row()).collect()).collect();
        if self.softmax { LocalCurvature::Softmax(numbers) } else { LocalCurvature::Full(numbers) }
    }

    pub fn open<T: GpuElement>(&self, options: GpuOptions) -> GpuLocal<T> {
        let mut device = GpuLocal::open(&adapter(), options, &self.parts::<T>(), self.form()).unwrap();
        device.curve(&self.curvature()).unwrap();
        let mut random = Seed(6).stream(Purpose::Experiment, 0, 0);
        let start: Vec<f64> = (0..device.width()).map(|_| random.random_range(-1.0..1.0)).collect();
        for vector in 0..4 {
            device.write(Vector(vector), &start).unwrap();
        }
        device
    }

    pub fn scalars(&self) -> Vec<Scalars> {
        let own = |worker: usize| [1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0, 1.5 + worker as f64];
        (0..self.workers).map(own).collect()
    }

    /// Those that compute: all first, then some.
    fn active(&self, op: usize) -> Vec<usize> {
        (0..self.workers).filter(|worker| op == 0 || self.workers == 1 || worker % 3 != 1).collect()
    }

    /// What is wrong with the device's results, each operation on what the device itself left before.
    pub fn mismatch<T: GpuElement>(&self, options: GpuOptions) -> Option<String> {
        let mut device = self.open::<T>(options);
        let (parts, mut scalars) = (self.parts::<T>(), self.scalars());
        for (number, op) in CHAIN.iter().enumerate() {
            let active = self.active(number);
            let (a, b) = match *op {
                Op::Product { from, to } | Op::Combine { from, to, .. } => (from, to),
                Op::Dot { a, b, .. } => (a, b),
                Op::Norm { a, .. } => (a, a),
            };
            let read = |device: &mut GpuLocal<T>, vector| -> Vec<Vec<f32>> {
                let all = device.read(vector).unwrap();
                all.into_iter().map(|own| own.into_iter().map(|x| x as f32).collect()).collect()
            };
            let (from, before, was) = (read(&mut device, a), read(&mut device, b), scalars.clone());
            device.run(&[*op], &active, &mut scalars).unwrap();
            let after = read(&mut device, b);
            for worker in 0..self.workers {
                let label = format!("{self:?} {op:?} worker {worker}");
                if !active.contains(&worker) {
                    if before[worker] != after[worker] || was[worker] != scalars[worker] {
                        return Some(format!("{label}: changed, but was not asked"));
                    }
                    continue;
                }
                let narrow = was[worker].map(|x| x as f32);
                let exact = device.info().software;
                let found = match *op {
                    Op::Product { .. } => {
                        let (twin, bound) = self.product(&device, &parts, worker, &from[worker]);
                        differ(&after[worker], &twin, &bound, exact)
                    }
                    Op::Combine { keep, times, .. } => {
                        let code = |f: Factor| {
                            let of = |scalar: Option<Scalar>| scalar.map(|scalar| scalar.0 as u32);
                            factor_code(f.negative, of(f.over), of(f.under))
                        };
                        let mut twin = before[worker].clone();
                        let (keep, times) = (keep.map_or(OVERWRITE, code), code(times));
                        combine_vectors::twin(&from[worker], &narrow, keep, times, &mut twin);
                        // Two quotients of at most 2.5 units in the last place, two products and a sum; the sum may cancel.
                        let size = |x: &f32| f64::from(x.abs());
                        let largest = from[worker].iter().chain(&before[worker]).map(size).fold(0.0, f64::max);
                        let factors = 1.0 + narrow.iter().map(size).fold(0.0, f64::max).powi(2);
                        differ(&after[worker], &twin, &vec![12.0 * U * largest * factors; twin.len()], exact)
                    }
                    Op::Dot { to, .. } | Op::Norm { a: _, to } => {
                        let root = matches!(op, Op::Norm { .. });
                        let (a, b) = (self.padded(&from[worker]), self.padded(&before[worker]));
                        let twin = dot_vectors::twin(&a, &b, root);
                        let weight: f64 = a.iter().zip(&b).map(|(a, b)| f64::from((a * b).abs())).sum();
                        // A lane's additions, the tree, the fold; a root halves the relative error and adds at most 4 units.
                        let depth = 1 + a.len().div_ceil(1024) + 8 + 2;
                        let bound = if root {
                            (depth as f64 / 2.0 + 8.0) * U * weight.sqrt()
                        } else {
                            depth as f64 * U * weight
                        };
                        let mut others = was[worker];
                        others[to.0] = scalars[worker][to.0];
                        if others != scalars[worker] {
                            return Some(format!("{label}: another scalar changed"));
                        }
                        differ(&[scalars[worker][to.0] as f32], &[twin], &[bound], exact)
                    }
                };
                if let Some(found) = found {
                    return Some(format!("{label}: {found}"));
                }
            }
        }
        None
    }

    /// A vector as the device lays it out: classes filled up to 64 numbers.
    fn padded(&self, vector: &[f32]) -> Vec<f32> {
        let stride = self.cols.next_multiple_of(64);
        let mut out = vec![0.0; self.classes * stride];
        out.chunks_mut(stride)
            .zip(vector.chunks(self.cols))
            .for_each(|(to, from)| to[..self.cols].copy_from_slice(from));
        out
    }

    /// `H_i v` by the twins, and how far off f64 it may be.
    fn product<T: GpuElement>(
        &self,
        device: &GpuLocal<T>,
        parts: &[Arc<Matrix<T>>],
        worker: usize,
        vector: &[f32],
    ) -> (Vec<f32>, Vec<f64>) {
        let (k, d, rows) = (self.classes, self.cols, self.rows);
        let ([there, back], segments) = (device.launches(), device.segments());
        let own = filled(&parts[worker], rows);
        let mut margins = vec![0.0; rows * k];
        match &own {
            Matrix::Dense(a) => matvec_dense::twin(a.values(), d, vector, &there, &mut margins),
            Matrix::Csr(a) => sparse(a, d, vector, &there, segments[0], &mut margins),
        }
        let curvature = self.curvature();
        let mut numbers: Vec<f32> = curvature.numbers()[worker].iter().map(|&x| x as f32).collect();
        numbers.resize(rows * curvature.width(k), 0.0);
        let (mut bent, mut pulled, mut out) = (vec![0.0; k * rows], vec![0.0; d * k], vec![0.0; k * d]);
        bend_margins::twin(&margins, &numbers, k, self.softmax, SCALE, rows, &mut bent);
        match (&own, own.transposed().unwrap()) {
            (Matrix::Dense(a), _) => matvec_transposed_dense::twin(a.values(), d, &bent, &back, &mut pulled),
            (_, Matrix::Csr(columns)) => sparse(&columns, rows, &bent, &back, segments[1], &mut pulled),
            _ => unreachable!("the transpose of sparse rows is sparse"),
        }
        add_ridge::twin(&pulled, vector, k, d, d - 1, L2, &mut out);
        // Two products and a bend, each with the roundings on the longest path from a term to its sum.
        let depth = 2 * 12 + there.iterations() + back.iterations() + segments.iter().sum::<usize>() + k + 12;
        let bound = self.weights(&own, &numbers, vector).iter().map(|weight| depth as f64 * U * weight).collect();
        (out, bound)
    }

    /// The sums of the magnitudes of all terms of `H_i v`.
    fn weights<T: GpuElement>(&self, own: &Matrix<T>, numbers: &[f32], vector: &[f32]) -> Vec<f64> {
        let (k, d) = (self.classes, self.cols);
        let mut out: Vec<f64> = vector.iter().map(|v| f64::from(L2 * v.abs())).collect();
        for row in 0..own.rows() {
            let mut z = vec![0.0; k];
            own.for_each_in_row(row, |j, x| {
                (0..k).for_each(|c| z[c] += (x.to_f64() * f64::from(vector[c * d + j])).abs());
            });
            let number = |at: usize| f64::from(numbers[at].abs());
            let bent: Vec<f64> = match self.softmax {
                true => {
                    let mean: f64 = (0..k).map(|l| number(row * k + l) * z[l]).sum();
                    (0..k).map(|c| number(row * k + c) * (z[c] + mean)).collect()
                }
                false => (0..k).map(|c| (0..k).map(|l| number((row * k + c) * k + l) * z[l]).sum()).collect(),
            };
            own.for_each_in_row(row, |j, x| {
                (0..k).for_each(|c| out[c * d + j] += f64::from(SCALE) * bent[c] * x.to_f64().abs());
            });
        }
        out
    }
}

fn sparse<T: GpuElement>(a: &Csr<T>, cols: usize, x: &[f32], launch: &Launch, segments: usize, out: &mut [f32]) {
    matvec_csr::twin((a.offsets(), a.indices(), a.values()), cols, x, launch, segments, out);
}

/// With empty rows after its own.
fn filled<T: GpuElement>(part: &Matrix<T>, rows: usize) -> Matrix<T> {
    match part {
        Matrix::Dense(a) => {
            let mut values = a.values().to_vec();
            values.resize(rows * a.cols(), T::from_f64(0.0));
            Matrix::Dense(Dense::new(rows, a.cols(), values).unwrap())
        }
        Matrix::Csr(a) => {
            let mut offsets = a.offsets().to_vec();
            offsets.resize(rows + 1, a.values().len());
            Matrix::Csr(Csr::new(rows, a.cols(), offsets, a.indices().to_vec(), a.values().to_vec()).unwrap())
        }
    }
}

/// The software adapter neither contracts nor reorders; hardware may contract, and then errs by the bound, as the twin does.
fn differ(got: &[f32], twin: &[f32], bound: &[f64], exact: bool) -> Option<String> {
    let allowed = |bound: f64| if exact { 0.0 } else { 2.0 * bound };
    (0..twin.len()).find_map(|at| {
        // Written so that a NaN fails.
        let distance = (f64::from(got[at]) - f64::from(twin[at])).abs();
        let fits = distance <= allowed(bound[at]);
        (!fits).then(|| format!("number {at}: {} against the twin's {}", got[at], twin[at]))
    })
}

/// Shapes that run every line: rows and columns that do not fill a workgroup or a unit, sums in pieces, several classes, few
/// workgroups a dimension.
pub fn cases() -> Vec<(Local, Option<Bounds>)> {
    let small = |iterations, groups| Some(Bounds { iterations, groups, ..Bounds::default() });
    vec![
        (Local::dense(300, 43, 5, 1), small(300, 6)),
        (Local::dense(20, 30, 4, 4).softmax(), None),
        (Local::dense(300, 7, 4, 5), small(300, 7)),
        (Local::dense(40, 1100, 4, 1), small(300, 20)),
        (Local::dense(600, 90, 5, 1).sparse(9), small(300, 20)),
        (Local::dense(40, 30, 4, 4).sparse(5).softmax(), None),
        (Local::dense(9, 12, 70, 2), small(300, 20)),
    ]
}

#[test]
fn chains_match_their_twins() {
    let more = [(Local::dense(1, 1, 1, 1), None), (Local::dense(1300, 3, 2, 1), None)];
    for (local, bounds) in cases().into_iter().chain(more) {
        let options = GpuOptions { bounds, ..GpuOptions::default() };
        assert_eq!(local.mismatch::<f32>(options.clone()), None);
        assert_eq!(local.mismatch::<f16>(options), None);
    }
}

/// A chain is its operations one after the other, and what a worker gets does not depend on who else computes.
#[test]
fn a_chain_is_its_operations() {
    let local = Local::dense(70, 33, 5, 3).softmax();
    let (mut together, mut apart) =
        (local.open::<f32>(GpuOptions::default()), local.open::<f32>(GpuOptions::default()));
    let (mut all, mut own) = (local.scalars(), local.scalars());
    together.run(&CHAIN, &[0, 1, 2, 3, 4], &mut all).unwrap();
    for worker in 0..5 {
        for op in CHAIN {
            apart.run(&[op], &[worker], &mut own).unwrap();
        }
    }
    assert_eq!(all, own);
    for vector in 0..4 {
        assert_eq!(together.read(Vector(vector)).unwrap(), apart.read(Vector(vector)).unwrap());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let local = Local::dense(20, 6, 3, 2);
    let mut device = local.open::<f32>(GpuOptions::default());
    let mut scalars = local.scalars();
    let (a, b) = (Vector(0), Vector(1));
    for (op, workers) in [
        (Op::Product { from: a, to: a }, vec![0]),
        (Op::Norm { a: Vector(6), to: Scalar(0) }, vec![0]),
        (Op::Norm { a, to: Scalar(SCALARS) }, vec![0]),
        (Op::Product { from: a, to: b }, vec![1, 0]),
        (Op::Product { from: a, to: b }, vec![3]),
    ] {
        assert_eq!(device.run(&[op], &workers, &mut scalars).unwrap_err().kind(), "usage");
    }
    assert_eq!(device.write(a, &[1.0]).unwrap_err().kind(), "usage");
    assert_eq!(device.curve(&LocalCurvature::Full(vec![vec![1.0]; 3])).unwrap_err().kind(), "usage");
    assert!(device.run(&CHAIN, &[0, 1, 2], &mut scalars).is_ok());
    // The rows of three workers take 960 bytes.
    let bounds = Some(Bounds { binding_bytes: 768, ..Bounds::default() });
    let small = GpuOptions { bounds, ..GpuOptions::default() };
    let error = GpuLocal::open(&adapter(), small, &local.parts::<f32>(), local.form()).unwrap_err();
    assert!(error.kind() == "device" && error.to_string().contains("768"), "{error}");
}

#[test]
fn a_lost_device_is_an_error() {
    let local = Local::dense(20, 6, 3, 2);
    let mut device = local.open::<f32>(GpuOptions { own_device: true, ..GpuOptions::default() });
    let mut scalars = local.scalars();
    device.run(&CHAIN, &[0, 2], &mut scalars).unwrap();
    device.lose();
    assert_eq!(device.run(&CHAIN, &[0, 2], &mut scalars).unwrap_err().kind(), "device");
}
