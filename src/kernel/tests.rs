//! The twins against f64, within the rounding that their order of sums allows.

use half::f16;
use rand::RngExt;

use super::*;
use crate::scalar::Element;
use crate::seed::{Purpose, Seed};

/// One random matrix, dense with about a third of zeros, and vectors.
struct Case<T> {
    rows: usize,
    cols: usize,
    r: usize,
    matrix: Vec<T>,
    vectors: Vec<f32>,
}

impl<T: Element<Acc = f32>> Case<T> {
    fn new(rows: usize, cols: usize, r: usize, transposed: bool) -> Self {
        let mut random = Seed(3).stream(Purpose::Experiment, rows as u64, cols as u64);
        let matrix =
            (0..rows * cols)
                .map(|_| {
                    if random.random_bool(0.3) { T::from_f64(0.0) } else { T::from_f64(random.random_range(-1.0..1.0)) }
                })
                .collect();
        let length = if transposed { rows } else { cols };
        let vectors = (0..r * length).map(|_| random.random_range(-1.0..1.0)).collect();
        Case { rows, cols, r, matrix, vectors }
    }

    fn sparse(&self) -> (Vec<usize>, Vec<u32>, Vec<T>) {
        let (mut offsets, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in self.matrix.chunks(self.cols) {
            for (column, &value) in row.iter().enumerate().filter(|(_, v)| v.to_f64() != 0.0) {
                columns.push(u32::try_from(column).unwrap());
                values.push(value);
            }
            offsets.push(values.len());
        }
        (offsets, columns, values)
    }

    /// `terms` is the number of roundings that a term meets on its way to its sum, at most: its product, and each addition.
    fn check(&self, transposed: bool, got: &[f32], terms: usize) {
        let (length, out_rows) = if transposed { (self.rows, self.cols) } else { (self.cols, self.rows) };
        for out in 0..out_rows {
            for v in 0..self.r {
                let (mut sum, mut weight) = (0.0, 0.0);
                for from in 0..length {
                    let at = if transposed { from * self.cols + out } else { out * self.cols + from };
                    let term = self.matrix[at].to_f64() * f64::from(self.vectors[v * length + from]);
                    sum += term;
                    weight += term.abs();
                }
                let n = terms as f64 * f64::from(f32::EPSILON) / 2.0;
                let bound = n / (1.0 - n) * weight;
                let got = f64::from(got[out * self.r + v]);
                assert!((got - sum).abs() <= bound, "{} x {}: {got} against {sum}", self.rows, self.cols);
            }
        }
    }
}

/// Additions of a lane, a tree, a fold of four, and the joining of the pieces (four sums, then in pairs).
fn depth(launch: &Launch, length: usize, units_of_four: usize) -> usize {
    let lane = launch.segment_length.min(length).div_ceil(launch.lanes) * units_of_four;
    1 + lane + 2 + launch.lanes.ilog2() as usize + launch.segments(length).div_ceil(4) + 2
}

fn all_twins<T: Element<Acc = f32>>(bounds: &Bounds) {
    let width = 16 / size_of::<T>();
    for (rows, cols) in [(1_usize, 1_usize), (7, 3), (40, 33), (5, 3001), (1500, 5)] {
        for r in [1, 3, 6] {
            let units = cols.div_ceil(width);
            let case = Case::<T>::new(rows, cols, r, false);
            let mut out = vec![f32::NAN; rows * r];
            let launch = Launch::dense(units, r, bounds);
            matvec_dense::twin(&case.matrix, cols, &case.vectors, &launch, &mut out);
            case.check(false, &out, depth(&launch, units, width / 4));

            let (offsets, columns, values) = case.sparse();
            let longest = offsets.windows(2).map(|w| w[1] - w[0]).max().unwrap();
            let launch = Launch::csr(values.len() / rows, longest, r, bounds);
            let mut out = vec![f32::NAN; rows * r];
            let arrays = (&offsets[..], &columns[..], &values[..]);
            matvec_csr::twin(arrays, cols, &case.vectors, &launch, launch.segments(longest), &mut out);
            case.check(false, &out, depth(&launch, longest, 1));

            let case = Case::<T>::new(rows, cols, r, true);
            let mut out = vec![f32::NAN; cols * r];
            let launch = Launch::transposed_dense(rows, units, width, r, bounds);
            matvec_transposed_dense::twin(&case.matrix, cols, &case.vectors, &launch, &mut out);
            case.check(true, &out, depth(&launch, rows, 1));
        }
    }
}

#[test]
fn twins_agree_with_f64() {
    all_twins::<f32>(&Bounds::default());
    all_twins::<f16>(&Bounds::default());
}

/// With few iterations allowed, sums are cut into many pieces.
#[test]
fn twins_in_pieces_agree_with_f64() {
    let few = Bounds { iterations: 40, binding_bytes: 4096, ..Bounds::default() };
    assert!(Launch::dense(751, 1, &few).segments(751) == 1 && Launch::csr(2, 3001, 1, &few).segments(3001) > 8);
    assert!(Launch::transposed_dense(1500, 2, 4, 1, &few).segments(1500) > 8);
    all_twins::<f32>(&few);
    all_twins::<f16>(&few);
}

/// A lying worker sends what is not a number: it must come out where it went in.
#[test]
fn what_is_not_finite_comes_out() {
    let matrix = [1.0f32, f32::NAN, 1.0, 1.0, f32::INFINITY, 1.0];
    let launch = Launch::dense(1, 1, &Bounds::default());
    let mut out = [0.0; 3];
    matvec_dense::twin(&matrix, 2, &[1.0, 1.0], &launch, &mut out);
    assert!(out[0].is_nan() && out[1] == 2.0 && out[2] == f32::INFINITY);
}

#[test]
fn a_tree_adds_every_lane_once() {
    for lanes in [1, 2, 8, 256] {
        let mut values: Vec<f32> = (0..lanes).map(|i| i as f32).collect();
        assert_eq!(tree::tree_sum(&mut values), (lanes * (lanes - 1) / 2) as f32);
    }
}

/// The maps of nodes by hand, in numbers that f32 has: a quadratic of two numbers beside one that it does not use, and two rows
/// of Huber's loss.
#[test]
fn twins_of_nodes_are_what_they_say() {
    let quadratic = NodeMap { width: 2, terms: 2, ..NodeMap::default() };
    let huber =
        NodeMap { values: 4, width: 1, terms: 2, places: 2, loss: NodeMap::HUBER, delta: 1.0, scale: 0.5, ..quadratic };
    let maps = NodeMaps {
        owners: vec![[0, 0], [0, u32::MAX], [0, 1], [1, 0]],
        lines: vec![[1.0, 5.0], [3.0, 0.0], [1.0, -1.0], [0.0, 0.25]],
        maps: vec![quadratic, huber],
        values: vec![1.0, 2.0, 4.0, 8.0, 3.0, -2.0],
        places: vec![0, 2, 3],
    };
    let rows = NodeRows { owners: vec![[1, 0], [1, 1]], targets: vec![2.0, 3.0] };
    let x = [1.0, 2.0, -1.0, 1.0];
    let (mut slopes, mut out) = ([0.0; 2], [0.0; 4]);
    row_slopes::twin(&maps, &rows, &x, &mut slopes);
    // Margins 3 and -2: residuals 1 and -5, of which the second is cut off.
    assert_eq!(slopes, [0.5, -0.5]);
    node_affine::twin(&maps, &slopes, &x, &mut out);
    assert_eq!(out, [1.0 + 5.0 + 1.0 - 4.0, 6.0, -1.0 - 1.0 + 2.0 - 8.0, 0.25 + 1.5 + 1.0]);
    let logistic = NodeMaps { maps: vec![quadratic, NodeMap { loss: NodeMap::LOGISTIC, ..huber }], ..maps };
    row_slopes::twin(&logistic, &NodeRows { targets: vec![1.0, -1.0], ..rows }, &x, &mut slopes);
    for (slope, wanted) in slopes.iter().zip([-0.5 / (1.0 + 3f64.exp()), 0.5 / (1.0 + 2f64.exp())]) {
        // An exponential, a sum, a quotient and two products.
        assert!((f64::from(*slope) - wanted).abs() <= 5.0 * f64::from(f32::EPSILON) * wanted.abs(), "{slope} {wanted}");
    }
    // A row of two numbers between two others, over the edges 0 and 1.
    let matrix = MixRows {
        owners: vec![[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]],
        offsets: vec![0, 1, 3, 4],
        links: vec![[2, 0], [0, 0], [4, 1], [2, 1]],
        weights: vec![1.0, 1.0, 2.0, 2.0],
        edges: 2,
    };
    let (x, mut out) = ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [0.0; 6]);
    mix_copies::twin(&matrix, None, &x, &mut out);
    assert_eq!(out, [-3.0, -6.0, 3.0 - 24.0, 6.0 - 48.0, 24.0, 48.0]);
    mix_copies::twin(&matrix, Some(&[true, false]), &x, &mut out);
    assert_eq!(out, [0.0, 0.0, -24.0, -48.0, 24.0, 48.0]);
    let other = out;
    scaled_sum::twin(&[(2.0, &x), (-1.0, &other)], &mut out);
    assert_eq!(out, [2.0, 4.0, 32.0, 64.0, 8.0, 16.0]);
}
