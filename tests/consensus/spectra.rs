//! Lemma 2.2, the table of condition numbers, the closed forms and their growth.

use nalgebra::DMatrix;
use proptest::prelude::*;
use steadfast::network::{
    Communication, Graph, Laplacian, MatrixKind, Spectrum, Weighting, crown_spectrum, crown_users, graph_by_name,
    power_method, ring_of_cliques_spectrum,
};
use steadfast::seed::Seed;

/// Cliques, size, condition numbers of W and of L, numbers sent a round under L and under W.
const TABLE: [(usize, usize, f64, f64, u64, u64); 12] = [
    (3, 4, 6.0, 14.263, 126, 54),
    (3, 8, 10.0, 38.307, 522, 186),
    (3, 16, 18.0, 118.325, 2178, 738),
    (4, 4, 6.0, 21.070, 224, 64),
    (4, 8, 10.0, 57.094, 928, 240),
    (4, 32, 34.0, 609.048, 15904, 3984),
    (8, 4, 6.0, 56.756, 896, 128),
    (8, 8, 10.0, 169.484, 3712, 480),
    (8, 32, 34.0, 1995.285, 63616, 7968),
    (16, 16, 18.0, 2099.269, 61952, 3904),
    (32, 8, 10.0, 2436.857, 59392, 1920),
    (32, 32, 34.0, 29918.978, 1017856, 31872),
];

fn make(graph: &Graph, uses: &[Vec<usize>], variables: usize, kind: MatrixKind) -> Communication {
    Communication::new(graph, uses, &vec![1; variables], kind, Weighting::Unit, Seed(0)).expect("a matrix")
}

#[test]
fn condition_numbers_and_traffic_of_the_table() {
    for (c, n, of_w, of_l, floats_l, floats_w) in TABLE {
        let graph = graph_by_name(&format!("ring-of-cliques:cliques={c},size={n}"), Seed(0)).expect("a graph");
        let uses = crown_users(c, n);
        let w = make(&graph, &uses, c, MatrixKind::Partitioned);
        let l = make(&graph, &uses, c, MatrixKind::Laplacian);
        let (found_w, found_l) = (w.spectrum().condition(), l.spectrum().condition());
        let closed = ring_of_cliques_spectrum(c, n);
        println!("{c} {n}: {found_w:.9} {found_l:.9} closed {:.9}", closed.condition());
        // Eigenvalues to rounding, times the condition number.
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b;
        assert!(close(found_w, of_w) && close(found_w, crown_spectrum(n).condition()), "{c} {n}: {found_w}");
        assert!(close(found_l, closed.condition()), "{c} {n}: {found_l} for {}", closed.condition());
        // The table has three decimals.
        assert!((closed.condition() - of_l).abs() <= 5.001e-4, "{c} {n}: {found_l} for {of_l}");
        assert_eq!((l.floats(), w.floats()), (floats_l, floats_w));
    }
}

#[test]
fn theorem_3_1_as_growth_exponents() {
    // Least squares of log chi against log of the side, where c = n / 1 grows alone and n alone.
    let slope = |points: &[(f64, f64)]| {
        let m = points.len() as f64;
        let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0.ln() / m, y + p.1.ln() / m));
        let (num, den) = points
            .iter()
            .fold((0.0, 0.0), |(num, den), p| (num + (p.0.ln() - x) * (p.1.ln() - y), den + (p.0.ln() - x).powi(2)));
        num / den
    };
    let sides = [64usize, 128, 256, 512];
    let over = |value: &dyn Fn(usize) -> f64| -> f64 {
        slope(&sides.iter().map(|&s| (s as f64, value(s))).collect::<Vec<_>>())
    };
    for fixed in sides {
        let (in_n, in_c) = (
            over(&|n| ring_of_cliques_spectrum(fixed, n).condition()),
            over(&|c| ring_of_cliques_spectrum(c, fixed).condition()),
        );
        println!("fixed {fixed}: L grows as n^{in_n:.4}, c^{in_c:.4}");
        assert!((in_n - 2.0).abs() <= 0.05 && (in_c - 2.0).abs() <= 0.05, "{fixed}: {in_n} {in_c}");
    }
    let of_w = over(&|n| crown_spectrum(n).condition());
    println!("W grows as n^{of_w:.4}");
    assert!((of_w - 1.0).abs() <= 0.05);
}

#[test]
fn lanczos_agrees_with_the_closed_form_and_with_a_path() {
    let graph = graph_by_name("ring-of-cliques:cliques=32,size=32", Seed(0)).expect("a graph");
    let found = Spectrum::of(&Laplacian::of(&graph), Seed(1)).expect("converges");
    let closed = ring_of_cliques_spectrum(32, 32);
    assert!((found.condition() / closed.condition() - 1.0).abs() < 1e-8, "{found:?} {closed:?}");
    let path = graph_by_name("path:nodes=1000", Seed(0)).expect("a graph");
    let found = Spectrum::of(&Laplacian::of(&path), Seed(1)).expect("converges");
    let wanted = |k: f64| 4.0 * (std::f64::consts::PI * k / 2000.0).sin().powi(2);
    // Condition 4e5: rounding alone leaves 1e-10 of the smallest.
    assert!((found.smallest / wanted(1.0) - 1.0).abs() < 1e-8, "{found:?}");
    assert!((found.largest / wanted(999.0) - 1.0).abs() < 1e-10, "{found:?}");
}

#[test]
fn normalized_laplacians_leave_the_worst_subnetwork() {
    // A path of 10 and a clique of 32 that share a node of no common variable: remark 2.3.
    let path = (1..10).map(|i| (i - 1, i));
    let clique = (9..41).flat_map(|i| (i + 1..41).map(move |j| (i, j)));
    let graph = Graph::new(41, &path.chain(clique).collect::<Vec<_>>()).expect("a graph");
    let uses: Vec<Vec<usize>> =
        (0..41).map(|i| [0, 1].into_iter().filter(|&p| if p == 0 { i < 10 } else { i >= 9 }).collect()).collect();
    let chi = |weighting| {
        let kind = MatrixKind::Partitioned;
        let made = Communication::new(&graph, &uses, &[1, 1], kind, weighting, Seed(0)).expect("a matrix");
        made.spectrum().condition()
    };
    // The reference's two decimals.
    assert!((chi(Weighting::Unit) - 326.91).abs() < 5.1e-3 && (chi(Weighting::Normalized) - 39.86).abs() < 5.1e-3);
}

#[test]
fn the_nodes_find_the_largest_eigenvalue_themselves() {
    let graph = graph_by_name("ring-of-cliques:cliques=5,size=4", Seed(0)).expect("a graph");
    let exact = ring_of_cliques_spectrum(5, 4).largest;
    let found = power_method(&graph, 1e-9, 10_000, Seed(2)).expect("connected");
    // The estimate stops where two in a row differ by 1e-9; the gap of this spectrum leaves a hundred times that at most.
    assert!((found.largest / exact - 1.0).abs() < 1e-7 && found.bound >= exact, "{found:?} {exact}");
    assert!(found.rounds > 10);
}

/// W written out, from products with unit vectors.
fn dense(matrix: &Communication) -> DMatrix<f64> {
    let n = matrix.len();
    let mut columns = Vec::with_capacity(n * n);
    for k in 0..n {
        let mut unit = vec![0.0; n];
        unit[k] = 1.0;
        let mut image = vec![0.0; n];
        matrix.multiply(&unit, None, &mut image);
        columns.extend(image);
    }
    DMatrix::from_vec(n, n, columns)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Lemma 2.2: the eigenvalues of W are those of the variables' Laplacians, and its kernel has one dimension a number of x.
    #[test]
    fn lemma_2_2(seed in 0u64..1000, nodes in 4usize..14, variables in 1usize..4, block in 1usize..3) {
        let graph = graph_by_name(&format!("erdos-renyi:nodes={nodes},probability=0.6"), Seed(seed)).expect("a graph");
        // A variable at a node and its neighbours.
        let uses: Vec<Vec<usize>> = (0..nodes)
            .map(|i| (0..variables).filter(|&p| i == p || graph.neighbours(p).contains(&(i as u32))).collect())
            .collect();
        let sizes = vec![block; variables];
        let kind = MatrixKind::Partitioned;
        let w = Communication::new(&graph, &uses, &sizes, kind, Weighting::Unit, Seed(0)).expect("a matrix");
        let mut found: Vec<f64> = dense(&w).symmetric_eigenvalues().iter().copied().collect();
        found.sort_by(f64::total_cmp);
        let mut wanted = Vec::new();
        for p in 0..variables {
            let of: Vec<usize> = (0..nodes).filter(|&i| uses[i].contains(&p)).collect();
            let laplacian = DMatrix::from_fn(of.len(), of.len(), |a, b| {
                let linked = |i: usize, j: usize| graph.neighbours(i).contains(&(j as u32));
                if a == b {
                    of.iter().filter(|&&j| linked(of[a], j)).count() as f64
                } else {
                    -f64::from(u8::from(linked(of[a], of[b])))
                }
            });
            let values: Vec<f64> = laplacian.symmetric_eigenvalues().iter().copied().collect();
            (0..block).for_each(|_| wanted.extend(&values));
        }
        wanted.sort_by(f64::total_cmp);
        prop_assert_eq!(found.len(), wanted.len());
        // Rounding of two dense eigenvalue problems with entries up to 14.
        for (a, b) in found.iter().zip(&wanted) {
            prop_assert!((a - b).abs() < 1e-11, "{} {}", a, b);
        }
        prop_assert_eq!(found.iter().filter(|x| x.abs() < 1e-9).count(), variables * block);
        let positive: Vec<f64> = wanted.iter().copied().filter(|x| *x > 1e-9).collect();
        prop_assert!((w.spectrum().largest - positive[positive.len() - 1]).abs() < 1e-11);
        prop_assert!((w.spectrum().smallest - positive[0]).abs() < 1e-11);
    }
}
