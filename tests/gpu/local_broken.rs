//! Each kernel of an inner solve broken, one way at a time: the comparison with the twins must notice.

use std::sync::Arc;

use half::f16;
use steadfast::device::gpu::{GpuOptions, Rewrite};
use steadfast::kernel::{KERNELS, Kernel};

use crate::local::cases;

/// (kernel, what is replaced, by what)
const BREAKS: &[(&str, &str, &str)] = &[
    ("bend_margins", "group.y * grid.x + group.x", "group.x"),
    ("bend_margins", "row >= params.rows", "row + 1u >= params.rows"),
    ("bend_margins", "(position * params.rows + row)", "(worker * params.rows + row)"),
    ("bend_margins", "worker * classes * params.stride", "position * classes * params.stride"),
    (
        "bend_margins",
        "(worker * params.rows + row) * classes * classes",
        "(position * params.rows + row) * classes * classes",
    ),
    ("bend_margins", "(margins[z + k] - mean)", "margins[z + k]"),
    ("bend_margins", "second + k * classes", "second + k"),
    ("bend_margins", "params.scale * ", ""),
    ("bend_margins", "k = k + 4u", "k = k + 5u"),
    ("bend_margins", "(k + 3u < params.classes)", "(k + 4u < params.classes)"),
    ("bend_margins", "(s.x + s.y) + (s.z + s.w)", "(s.x + s.y) + s.z"),
    ("bend_margins", "% params.blocks * 256u", "% params.blocks * 128u"),
    ("add_ridge", "group.y * grid.x + group.x", "group.x"),
    ("add_ridge", "pulled[(position", "pulled[(workers[position]"),
    ("add_ridge", "(workers[position] * params.classes", "(workers[0] * params.classes"),
    ("add_ridge", "column < params.penalized", "column <= params.penalized"),
    ("add_ridge", "params.scale * vector", "vector"),
    ("add_ridge", "* params.classes + k];", "* params.classes];"),
    ("add_ridge", "column < params.cols", "column + 1u < params.cols"),
    ("add_ridge", "entry / params.stride", "entry / params.cols"),
    ("combine_vectors", "group.y * grid.x + group.x", "group.x"),
    ("combine_vectors", "* out[at] + added", "* out[at] - added"),
    ("combine_vectors", "code >> 4u", "code >> 3u"),
    ("combine_vectors", "select(value, -value", "select(value, value"),
    ("combine_vectors", "    if (under == 0.0) {\n        return 0.0;\n    }\n", ""),
    ("combine_vectors", "params.keep == OVERWRITE", "params.keep == 0u"),
    ("combine_vectors", "worker * SCALARS + numerator", "numerator"),
    ("combine_vectors", "worker * params.units", "position * params.units"),
    ("combine_vectors", "let added = factor(params.times", "let added = factor(params.keep"),
    ("dot_vectors", "group.y * grid.x + group.x", "group.x"),
    ("dot_vectors", "unit = unit + LANES", "unit = unit + LANES + 1u"),
    ("dot_vectors", "a[begin + unit] * b[begin + unit]", "a[begin + unit] * b[unit]"),
    ("dot_vectors", "(t.x + t.y) + (t.z + t.w)", "(t.x + t.y) + t.z"),
    ("dot_vectors", "sqrt(sum)", "sum"),
    ("dot_vectors", "worker * params.units", "position * params.units"),
    ("dot_vectors", "worker * SCALARS + params.to", "position * SCALARS + params.to"),
    ("dot_vectors", "        workgroupBarrier();\n", ""),
    ("matvec_dense", "* params.x_worker", "* 0u"),
    ("matvec_transposed_dense", "* params.x_worker", "* 0u"),
    ("matvec_csr", "* params.x_worker", "* 0u"),
];

fn noticed(kernel: &'static str, from: &'static str, to: &'static str) -> bool {
    let rewrite: Rewrite = Arc::new(
        move |own: &Kernel, source: &str| {
            if own.name == kernel { source.replace(from, to) } else { source.to_string() }
        },
    );
    cases().into_iter().any(|(local, bounds)| {
        let options = GpuOptions { bounds, rewrite: Some(rewrite.clone()), ..GpuOptions::default() };
        local.mismatch::<f32>(options.clone()).or_else(|| local.mismatch::<f16>(options)).is_some()
    })
}

#[test]
fn a_broken_step_of_an_inner_solve_fails() {
    for &(kernel, from, to) in BREAKS {
        let whole = KERNELS.iter().find(|own| own.name == kernel).unwrap();
        assert!(whole.f32.contains(from), "{kernel} has no {from}");
        assert!(noticed(kernel, from, to), "{kernel}: {from} -> {to}");
    }
}
