//! A twin test counts only if a broken kernel fails it: here each kernel is broken in many ways, one at a time, and the
//! comparison with the twin must notice each.

use std::sync::Arc;

use half::f16;
use steadfast::device::gpu::{GpuOptions, Rewrite};
use steadfast::kernel::{Bounds, KERNELS};

use crate::blocks::Blocks;
use crate::breaks::BREAKS;
use crate::hadamard::Transform;
use crate::nodes::Nodes;
use crate::workload::Workload;

/// The kernels of networks.
const NODES: [&str; 4] = ["node_affine", "row_slopes", "mix_copies", "scaled_sum"];

/// Products that together run every line of a kernel: lanes beyond a subgroup, tiles of vectors with a rest and in several
/// passes, rows and columns that do not fill the last unit, pieces, several bindings with several workers each, a folded
/// grid, and workers left out.
fn products(kernel: &str) -> Vec<Workload> {
    match kernel {
        "matvec_dense" => vec![
            Workload::dense(700, 10, 12, 2),
            Workload::dense(20, 10, 2, 110),
            Workload::dense(2, 400_000, 3, 1),
            Workload::dense(70, 4099, 4, 1),
            Workload::dense(70, 1030, 4, 7),
        ],
        "matvec_csr" => vec![
            Workload::sparse(60, 300, 150, 12, 2),
            Workload::sparse(400, 5000, 3, 4, 2),
            Workload::sparse(60, 900, 200, 4, 1),
            Workload::sparse(60, 900, 200, 4, 7),
            Workload::sparse(60, 900, 200, 4, 7).transposed(),
        ],
        _ => vec![
            Workload::dense(18, 300, 12, 2).transposed(),
            Workload::dense(18, 40, 2, 110).transposed(),
            Workload::dense(2300, 43, 4, 1).transposed(),
            Workload::dense(1030, 43, 4, 7).transposed(),
        ],
    }
}

/// Small bounds, so that these products take the paths of large ones; a binding holds a row at least.
fn bounds(product: &Workload) -> Bounds {
    Bounds { iterations: 300, binding_bytes: (160 << 10).max(product.cols * 4), groups: 13 }
}

/// The same for Hessian blocks, with bounds that put the data into several bindings, sketches into several ranges, segments into
/// several waves, and fold the grids: one, two and three tiles along the columns, sums longer than a few panels.
fn blocks(kernel: &str) -> Option<Vec<(Blocks, Bounds)>> {
    let bounds = |binding_bytes, iterations, groups| Bounds { iterations, binding_bytes, groups };
    let dense = || {
        vec![
            (Blocks::dense(300, 70, 160, 2), bounds(41_216, 300, 13)),
            (Blocks::dense(200, 22, 160, 2).softmax(3), bounds(40_960, 300, 20)),
            (Blocks::dense(90, 131, 16, 2), bounds(1 << 20, 300, 4)),
        ]
    };
    match kernel {
        "count_sketch" | "gram" | "weighted_gram" => Some(dense()),
        "count_sketch_csr" | "expand_rows" => Some(vec![
            (Blocks::sparse(300, 70, 9, 160, 2), bounds(41_216, 300, 20)),
            (Blocks::sparse(200, 22, 5, 160, 2).softmax(3), bounds(40_960, 300, 30)),
            (Blocks::sparse(20, 1100, 60, 2, 2), bounds(16 << 20, 3000, 200)),
        ]),
        _ => None,
    }
}

/// The same for transforms: part of a tile, several tiles with a folded grid, two passes and three.
fn transforms() -> [(Transform, Bounds); 3] {
    let transform =
        |rows, given, cols, groups| (Transform { rows, given, cols }, Bounds { groups, ..Bounds::default() });
    [transform(32, 20, 19, 65_535), transform(1024, 1000, 33, 7), transform(131_072, 70_000, 3, 65_535)]
}

/// What the twins have to say about a kernel under a rewrite of its source.
fn noticed(kernel: &str, from: &'static str, to: &'static str) -> Option<String> {
    let target = kernel.to_string();
    let rewrite = move |k: &steadfast::kernel::Kernel, source: &str| {
        if k.name == target { source.replace(from, to) } else { source.to_string() }
    };
    let rewrite: Rewrite = Arc::new(rewrite);
    if NODES.contains(&kernel) {
        // 5,000 numbers and 1,400 rows: a folded grid of both.
        let bounds = Bounds { binding_bytes: 1 << 20, groups: 5, ..Bounds::default() };
        return Nodes(400).mismatch(GpuOptions {
            bounds: Some(bounds),
            rewrite: Some(rewrite),
            ..GpuOptions::default()
        });
    }
    if let Some(cases) = blocks(kernel) {
        return cases.iter().find_map(|(blocks, bounds)| {
            let options = GpuOptions { bounds: Some(*bounds), rewrite: Some(rewrite.clone()), ..GpuOptions::default() };
            blocks.mismatch::<f32>(options.clone()).or_else(|| blocks.mismatch::<f16>(options))
        });
    }
    if kernel == "walsh_hadamard" {
        return transforms().iter().find_map(|(transform, bounds)| {
            transform.mismatch(GpuOptions {
                bounds: Some(*bounds),
                rewrite: Some(rewrite.clone()),
                ..GpuOptions::default()
            })
        });
    }
    products(kernel).iter().find_map(|product| {
        let options =
            GpuOptions { bounds: Some(bounds(product)), rewrite: Some(rewrite.clone()), ..GpuOptions::default() };
        let active: Vec<usize> = [0, 2, 3, 9, 11].into_iter().filter(|&w| w < product.workers).collect();
        product.mismatch::<f32>(options.clone(), &active).or_else(|| product.mismatch::<f16>(options.clone(), &active))
    })
}

#[test]
fn whole_kernels_pass() {
    for kernel in KERNELS {
        assert_eq!(noticed(kernel.name, "", ""), None, "{}", kernel.name);
    }
}

fn each_break_is_noticed(kernel: &str) {
    let whole = KERNELS.iter().find(|k| k.name == kernel).unwrap();
    let family = match kernel {
        "gram" | "weighted_gram" => "*gram",
        "count_sketch" | "count_sketch_csr" => "*sketch",
        _ if kernel.starts_with("matvec") => "*tree",
        _ if NODES.contains(&kernel) => "*nodes",
        _ => kernel,
    };
    let mut tried = 0;
    for broken in BREAKS.iter().filter(|b| b.kernel == kernel || b.kernel == family) {
        assert!(whole.f32.contains(broken.from) || whole.f16.contains(broken.from), "{kernel} has no {}", broken.from);
        assert!(noticed(kernel, broken.from, broken.to).is_some(), "{kernel}: {} -> {}", broken.from, broken.to);
        tried += 1;
    }
    assert!(tried >= 5, "{kernel}: only {tried} ways to break it");
}

#[test]
fn a_broken_dense_kernel_fails() {
    each_break_is_noticed("matvec_dense");
}

#[test]
fn a_broken_transposed_kernel_fails() {
    each_break_is_noticed("matvec_transposed_dense");
}

#[test]
fn a_broken_sparse_kernel_fails() {
    each_break_is_noticed("matvec_csr");
}

#[test]
fn a_broken_sum_of_pieces_fails() {
    each_break_is_noticed("sum_segments");
}

#[test]
fn a_broken_sketch_fails() {
    each_break_is_noticed("count_sketch");
}

#[test]
fn a_broken_gram_block_fails() {
    each_break_is_noticed("gram");
}

#[test]
fn a_broken_sparse_sketch_fails() {
    each_break_is_noticed("count_sketch_csr");
}

#[test]
fn a_broken_weighted_gram_block_fails() {
    each_break_is_noticed("weighted_gram");
}

#[test]
fn a_broken_expansion_fails() {
    each_break_is_noticed("expand_rows");
}

#[test]
fn broken_kernels_of_networks_fail() {
    NODES.into_iter().for_each(each_break_is_noticed);
}

#[test]
fn a_broken_transform_fails() {
    each_break_is_noticed("walsh_hadamard");
}
