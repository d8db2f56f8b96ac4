//! The nodes of a network on the device: each kernel beside its twin, and what can't be computed is refused.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use steadfast::device::gpu::{GpuNodes, GpuOptions};
use steadfast::device::{NodeDevice, NodeVector};
use steadfast::kernel::{
    Bounds, MixRows, NodeMap, NodeMaps, NodeRows, NodeWork, mix_copies, node_affine, row_slopes, scaled_sum,
};
use steadfast::seed::{Purpose, Seed};

use crate::workload::adapter;

/// The unit round-off.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;
/// Edges of the network.
const EDGES: usize = 40;

/// So many nodes with random maps of all kinds, and a random matrix.
#[derive(Debug, Clone, Copy)]
pub struct Nodes(pub usize);

fn number(random: &mut ChaCha8Rng) -> f32 {
    random.random_range(-1.0f32..1.0)
}

impl Nodes {
    fn random(self, part: u64) -> ChaCha8Rng {
        Seed(11).stream(Purpose::Experiment, self.0 as u64, part)
    }

    /// Node i has 1 to 9 numbers, one in nine nodes 70; one in three does not use its first.
    fn widths(self) -> Vec<(u32, u32)> {
        let count = |i: usize| if i % 9 == 4 { 70 } else { 1 + i as u32 % 9 };
        (0..self.0).map(|i| (count(i), u32::from(i % 3 == 2))).collect()
    }

    /// Maps of the numbers themselves, and of slopes where `losses`.
    fn maps(self, losses: bool) -> (NodeMaps, NodeRows) {
        let mut random = self.random(u64::from(losses));
        let (mut maps, mut rows) = (NodeMaps::default(), NodeRows::default());
        for (i, (count, unused)) in self.widths().into_iter().enumerate() {
            let first = maps.owners.len() as u32;
            let width = count - unused;
            let loss = if losses { i as u32 % 4 } else { 0 };
            let terms = if loss == 0 { width } else { 3 + i as u32 % 6 };
            let map = NodeMap {
                values: maps.values.len() as u32,
                width,
                terms,
                places: maps.places.len() as u32,
                slopes: rows.targets.len() as u32,
                loss,
                delta: 0.3,
                scale: 1.0 / terms as f32,
            };
            maps.maps.push(map);
            maps.values.extend((0..width * terms).map(|_| number(&mut random)));
            maps.places.extend(first + unused..first + count);
            let own = (0..count).map(|k| [i as u32, k.checked_sub(unused).unwrap_or(u32::MAX)]);
            maps.owners.extend(own);
            maps.lines.extend((0..count).map(|_| [number(&mut random), number(&mut random)]));
            if loss != 0 {
                let label = |y: f32| if loss == NodeMap::LOGISTIC { y.signum() } else { y };
                rows.targets.extend((0..terms).map(|_| label(number(&mut random))));
                rows.owners.extend((0..terms).map(|row| [i as u32, row]));
            }
        }
        (maps, rows)
    }

    /// Blocks of three numbers and a rest of single ones; a row has up to ten entries, the first 150.
    fn matrix(self, length: usize) -> MixRows {
        let mut random = self.random(2);
        let mut made = MixRows { offsets: vec![0], edges: EDGES, ..MixRows::default() };
        let blocks = length / 3;
        for row in 0..blocks + length % 3 {
            let width = if row < blocks { 3 } else { 1 };
            made.owners.extend((0..width).map(|place| [row as u32, place]));
            for _ in 0..if row == 0 { 150 } else { row % 11 } {
                let other =
                    if width == 3 { 3 * random.random_range(0..blocks) } else { random.random_range(0..length) };
                made.links.push([other as u32, random.random_range(0..EDGES) as u32]);
                made.weights.push(number(&mut random));
            }
            made.offsets.push(made.links.len() as u32);
        }
        made
    }

    pub fn work(self) -> NodeWork {
        let (gradients, rows) = self.maps(true);
        let matrix = self.matrix(gradients.owners.len());
        NodeWork { gradients, rows, minima: Some(self.maps(false).0), matrix }
    }

    /// What is wrong with the device's vectors.
    pub fn mismatch(self, options: GpuOptions) -> Option<String> {
        let work = self.work();
        let mut nodes = GpuNodes::open(&adapter(), options, &work).expect("an adapter, a software one is enough");
        let length = work.gradients.owners.len();
        let exact = nodes.info().software;
        // More vectors than there is room for at first.
        let vectors: Vec<NodeVector> = (0..13).map(|_| nodes.vector().unwrap()).collect();
        let [zero, x, y, slope, minimum, image, broken, ref sums @ ..] = vectors[..] else { panic!("thirteen") };
        nodes.gradient(zero, x).unwrap();
        nodes.minimize(x, None, y).unwrap();
        let down: Vec<bool> = (0..EDGES).map(|edge| edge % 3 == 1).collect();
        // Recorded together, but for the list of edges.
        nodes.gradient(x, slope).unwrap();
        nodes.minimize(y, None, minimum).unwrap();
        nodes.multiply(y, Some(&down), broken).unwrap();
        nodes.multiply(x, None, image).unwrap();
        let scales = [0.7, -1.3, 2.0, 0.01, -0.6, 1.9];
        let terms: Vec<(f64, NodeVector)> = scales.into_iter().zip([x, y, slope, minimum, image, broken]).collect();
        for count in 1..=6 {
            nodes.combine(&terms[..count], sums[count - 1]).unwrap();
        }
        let read = |nodes: &mut GpuNodes, from: NodeVector| -> Vec<f32> {
            let mut out = vec![0.0; length];
            nodes.read(from, &mut out).unwrap();
            out.iter().map(|x| *x as f32).collect()
        };
        let all: Vec<Vec<f32>> = vectors.iter().map(|&v| read(&mut nodes, v)).collect();
        let of = |v: NodeVector| &all[vectors.iter().position(|&other| other == v).unwrap()];
        let mut combined = vec![0.0; length];
        let check = |what: &str, got: &[f32], twin: &[f32], allowed: &dyn Fn(usize) -> f64| {
            let off = |k: usize| (f64::from(got[k]) - f64::from(twin[k])).abs();
            // Written so that a NaN fails.
            let wrong = (0..length).find(|&k| off(k).is_nan() || off(k) > allowed(k));
            wrong.map(|k| format!("{what}, number {k}: {} against the twin's {}", got[k], twin[k]))
        };
        let mut found = None;
        for (out, from) in [(x, zero), (slope, x)] {
            let (twin, bound) = gradient(&work, of(from), exact);
            found = found.or_else(|| check("gradient", of(out), &twin, &|k| bound[k]));
        }
        for (out, from) in [(y, x), (minimum, y)] {
            let maps = work.minima.as_ref().unwrap();
            let mut twin = vec![0.0; length];
            node_affine::twin(maps, &[], of(from), &mut twin);
            let bound = affine_bound(maps, &[], &[], of(from), exact);
            found = found.or_else(|| check("minimum", of(out), &twin, &|k| bound[k]));
        }
        for (out, from, down) in [(image, x, None), (broken, y, Some(&down[..]))] {
            let mut twin = vec![0.0; length];
            mix_copies::twin(&work.matrix, down, of(from), &mut twin);
            let bound = mix_bound(&work.matrix, of(from), exact);
            found = found.or_else(|| check("product", of(out), &twin, &|k| bound[k]));
        }
        for count in 1..=6 {
            let terms: Vec<(f32, &[f32])> =
                terms[..count].iter().map(|&(scale, v)| (scale as f32, &of(v)[..])).collect();
            scaled_sum::twin(&terms, &mut combined);
            // Each of six products and five sums may round once more or less where a device contracts.
            let weight = |k: usize| -> f64 { terms.iter().map(|(s, v)| f64::from(s * v[k]).abs()).sum() };
            let allowed = |k: usize| if exact { 0.0 } else { 2.0 * 11.0 * UNIT * weight(k) };
            found = found.or_else(|| check("sum", of(sums[count - 1]), &combined, &allowed));
        }
        found
    }
}

/// The twin's gradients, and how far a device may be off: not at all on the software adapter, but for the exponential of the
/// logistic loss.
fn gradient(work: &NodeWork, x: &[f32], exact: bool) -> (Vec<f32>, Vec<f64>) {
    let (maps, rows) = (&work.gradients, &work.rows);
    let (mut slopes, mut out) = (vec![0.0; rows.targets.len()], vec![0.0; x.len()]);
    row_slopes::twin(maps, rows, x, &mut slopes);
    node_affine::twin(maps, &slopes, x, &mut out);
    let errors: Vec<f64> =
        rows.owners.iter().zip(&rows.targets).map(|(owner, y)| slope_bound(maps, owner, *y, x, exact)).collect();
    (out, affine_bound(maps, &slopes, &errors, x, exact))
}

/// How far a slope may be off.
fn slope_bound(maps: &NodeMaps, &[node, row]: &[u32; 2], y: f32, x: &[f32], exact: bool) -> f64 {
    let map = &maps.maps[node as usize];
    let first = (map.values + row * map.width) as usize;
    let terms = (0..map.width as usize)
        .map(|j| f64::from(maps.values[first + j]) * f64::from(x[maps.places[map.places as usize + j] as usize]));
    let (margin, weight) = terms.fold((0.0, 0.0), |(sum, weight), term| (sum + term, weight + term.abs()));
    // Products, a quarter of the sums, the pairs and y; no loss has a curvature above 1.
    let rounding = 2.0 * (f64::from(map.width) / 4.0 + 5.0) * UNIT * (weight + f64::from(y).abs());
    // WGSL: 3 + 2 |z| units in the last place, and 2.5 of a quotient (a unit is at most twice the round-off); the sum and two
    // products round once. The twin's exponential is off by a unit.
    let exponential = 2.0 * (4.0 + 2.0 * margin.abs() + 2.5 + 3.0) * UNIT;
    f64::from(map.scale)
        * (if exact { 0.0 } else { rounding } + if map.loss == NodeMap::LOGISTIC { exponential } else { 0.0 })
}

/// How far a number of an affine map may be off, given slopes and their errors.
fn affine_bound(maps: &NodeMaps, slopes: &[f32], errors: &[f64], x: &[f32], exact: bool) -> Vec<f64> {
    let bound = |at: usize| {
        let [node, place] = maps.owners[at];
        let map = &maps.maps[node as usize];
        let [by, plus] = maps.lines[at];
        let (mut weight, mut passed) = (f64::from(by * x[at]).abs() + f64::from(plus).abs(), 0.0);
        for j in (0..map.terms as usize).filter(|_| place < map.width) {
            let value = f64::from(maps.values[map.values as usize + j * map.width as usize + place as usize]).abs();
            let term = match map.loss {
                0 => x[maps.places[map.places as usize + j] as usize],
                _ => slopes[map.slopes as usize + j],
            };
            weight += value * f64::from(term).abs();
            passed += if map.loss == 0 { 0.0 } else { value * errors[map.slopes as usize + j] };
        }
        // Products, a quarter of the sums, the pairs, and what is added at the end. Where slopes differ, so do their sums' roundings.
        let rounding = 2.0 * (f64::from(map.terms) / 4.0 + 7.0) * UNIT * weight;
        if exact && passed == 0.0 { 0.0 } else { rounding + passed }
    };
    (0..x.len()).map(bound).collect()
}

fn mix_bound(matrix: &MixRows, x: &[f32], exact: bool) -> Vec<f64> {
    let bound = |at: usize| {
        let [row, place] = matrix.owners[at];
        let entries = matrix.offsets[row as usize] as usize..matrix.offsets[row as usize + 1] as usize;
        let term = |k: usize| {
            let other = x[(matrix.links[k][0] + place) as usize];
            f64::from(matrix.weights[k]).abs() * (f64::from(x[at]).abs() + f64::from(other).abs())
        };
        let depth = entries.len() as f64 / 4.0 + 5.0;
        let weight: f64 = entries.map(term).sum();
        if exact { 0.0 } else { 2.0 * depth * UNIT * weight }
    };
    (0..x.len()).map(bound).collect()
}

fn bounded(binding_bytes: usize, groups: usize) -> GpuOptions {
    GpuOptions { bounds: Some(Bounds { binding_bytes, groups, ..Bounds::default() }), ..GpuOptions::default() }
}

#[test]
fn nodes_match_their_twins() {
    for count in [1, 2, 9, 40, 700] {
        assert_eq!(Nodes(count).mismatch(GpuOptions::default()), None);
    }
    // 8,700 numbers are 34 workgroups.
    assert_eq!(Nodes(700).mismatch(bounded(1 << 21, 7)), None);
}

/// Dispatches are kept while they are few, and recorded while there is room; neither shows.
#[test]
fn many_different_dispatches_are_all_made() {
    let work = Nodes(20).work();
    let mut nodes = GpuNodes::open(&adapter(), GpuOptions::default(), &work).unwrap();
    let (x, y) = (nodes.vector().unwrap(), nodes.vector().unwrap());
    nodes.gradient(x, y).unwrap();
    let length = work.gradients.owners.len();
    let mut first = vec![0.0; length];
    nodes.read(y, &mut first).unwrap();
    // 3,000 sums, no two alike: x = sum of k / 2^22 y, whose partial sums of whole numbers below 2^24 are exact where y is a power
    // of two, and else off by a rounding each.
    for k in 0..3000 {
        nodes.combine(&[(1.0, x), (f64::from(k) / 4_194_304.0, y)], x).unwrap();
    }
    let mut sum = vec![0.0; length];
    nodes.read(x, &mut sum).unwrap();
    let whole = f64::from(3000 * 2999 / 2) / 4_194_304.0;
    for (sum, y) in sum.iter().zip(&first) {
        // Partial sums grow to the whole one, and each of 3,000 rounds a product and a sum.
        assert!((sum - whole * y).abs() <= 2.0 * 3000.0 * UNIT * (whole * y).abs(), "{sum} for {}", whole * y);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let work = Nodes(40).work();
    let open = |options| GpuNodes::open(&adapter(), options, &work);
    // The matrices of 40 nodes take more than 4 KiB.
    let error = open(bounded(4096, 65_535)).unwrap_err();
    assert!(error.kind() == "device" && error.to_string().contains("a storage binding holds at most 4096"), "{error}");
    let mut nodes = open(GpuOptions::default()).unwrap();
    let x = nodes.vector().unwrap();
    for terms in [0, 7] {
        let error = nodes.combine(&vec![(1.0, x); terms], x).unwrap_err();
        assert!(error.kind() == "usage" && error.to_string().contains("1 to 6"), "{error}");
    }
    let y = nodes.vector().unwrap();
    assert!(nodes.minimize(y, Some(&[1.0]), x).unwrap_err().to_string().contains("weights"));
    assert!(nodes.wake(1.0, &[0], None, x, y).unwrap_err().to_string().contains("cpu"));
    let mut without =
        GpuNodes::open(&adapter(), GpuOptions::default(), &NodeWork { minima: None, ..work.clone() }).unwrap();
    let (x, y) = (without.vector().unwrap(), without.vector().unwrap());
    assert!(without.minimize(y, None, x).unwrap_err().to_string().contains("not quadratic"));
    // Vectors until the binding is full.
    let bytes = work.minima.as_ref().map_or(0, |minima| minima.values.len() * 4);
    let mut nodes = open(bounded(bytes.next_multiple_of(256), 65_535)).unwrap();
    let full = (0..1000).find_map(|_| nodes.vector().err()).expect("a full binding");
    assert!(full.kind() == "device" && full.to_string().contains("the vectors of all copies"), "{full}");
}

#[test]
fn a_lost_device_is_an_error() {
    let options = GpuOptions { own_device: true, ..GpuOptions::default() };
    let work = Nodes(9).work();
    let mut nodes = GpuNodes::open(&adapter(), options, &work).unwrap();
    let (x, y) = (nodes.vector().unwrap(), nodes.vector().unwrap());
    nodes.gradient(x, y).unwrap();
    let mut out = vec![0.0; work.gradients.owners.len()];
    nodes.read(y, &mut out).unwrap();
    nodes.lose();
    nodes.gradient(x, y).unwrap();
    assert_eq!(nodes.read(y, &mut out).unwrap_err().kind(), "device");
}
