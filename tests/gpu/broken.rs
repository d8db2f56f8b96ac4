//! A twin test counts only if a broken kernel fails it: here each kernel is broken in many ways, one at a time, and the
//! comparison with the twin must notice each.

use std::sync::Arc;

use half::f16;
use steadfast::device::gpu::{GpuOptions, Rewrite};
use steadfast::kernel::{Bounds, KERNELS};

use crate::blocks::Blocks;
use crate::hadamard::Transform;
use crate::nodes::Nodes;
use crate::workload::Workload;

/// A change to one kernel's source (`*tree`: to every kernel that sums by the tree; `*sketch`: to both count-sketches; `*gram`: to
/// both Gram kernels; `*nodes`: to every kernel of networks).
struct Break {
    kernel: &'static str,
    from: &'static str,
    to: &'static str,
}

const BREAKS: &[Break] = &[
    // The tree: barriers, operation, partner.
    Break { kernel: "*tree", from: "        workgroupBarrier();\n", to: "" },
    Break {
        kernel: "*tree",
        from: "scratch[index] + scratch[index + half",
        to: "scratch[index] - scratch[index + half",
    },
    Break { kernel: "*tree", from: "half * step", to: "(half - 1u) * step" },
    Break { kernel: "*tree", from: "half = LANES / 2u", to: "half = LANES / 4u" },
    // Who computes, and where it goes.
    Break { kernel: "*tree", from: "params.worker_begin + job.position", to: "job.position" },
    Break {
        kernel: "*tree",
        from: "workers[params.worker_begin + job.position]",
        to: "(workers[params.worker_begin] + job.position)",
    },
    Break { kernel: "*tree", from: "let number = group.y * grid.x + group.x", to: "let number = group.x" },
    Break { kernel: "*tree", from: "params.vectors + params.vector_begin", to: "params.vectors" },
    Break { kernel: "*tree", from: "(params.segment_base + job.segment)", to: "params.segment_base" },
    // matvec_dense: sign, tail, strides, rows, vectors, halves.
    Break { kernel: "matvec_dense", from: "s00 = s00 + f0 * u0", to: "s00 = s00 - f0 * u0" },
    Break { kernel: "matvec_dense", from: "unit < end", to: "unit + LANES < end" },
    Break { kernel: "matvec_dense", from: "unit = unit + LANES", to: "unit = unit + LANES + 1u" },
    Break { kernel: "matvec_dense", from: "begin + lane; unit", to: "begin + lane + 1u; unit" },
    Break { kernel: "matvec_dense", from: "min(row + 3u, last)", to: "min(row + 2u, last)" },
    Break { kernel: "matvec_dense", from: "let x2 = min(vector + 2u", to: "let x2 = min(vector + 1u" },
    Break { kernel: "matvec_dense", from: "(s.x + s.y) + (s.z + s.w)", to: "(s.x + s.y) + s.z" },
    Break { kernel: "matvec_dense", from: "if (row + 1u < params.rows)", to: "if (row + 2u < params.rows)" },
    Break { kernel: "matvec_dense", from: "let w0 = x[x0 + at + 1u]", to: "let w0 = x[x0 + at]" },
    Break { kernel: "matvec_dense", from: "unpack2x16float(unit.z)", to: "unpack2x16float(unit.x)" },
    // matvec_transposed_dense.
    Break { kernel: "matvec_transposed_dense", from: "f0 = f0 + a * u0", to: "f0 = f0 - a * u0" },
    Break { kernel: "matvec_transposed_dense", from: "row < end", to: "row + LANES < end" },
    Break { kernel: "matvec_transposed_dense", from: "row = row + LANES", to: "row = row + LANES + 1u" },
    Break { kernel: "matvec_transposed_dense", from: "x_stride + params.row_begin", to: "x_stride" },
    Break { kernel: "matvec_transposed_dense", from: "min(vector + 3u", to: "min(vector + 2u" },
    Break { kernel: "matvec_transposed_dense", from: "index / across", to: "index % LANES" },
    Break { kernel: "matvec_transposed_dense", from: "l0 = l0 + last_four", to: "l0 = l0 - last_four" },
    Break { kernel: "matvec_transposed_dense", from: "if (column + 2u < params", to: "if (column + 3u < params" },
    // matvec_csr.
    Break { kernel: "matvec_csr", from: "s.x = s.x + a", to: "s.x = s.x - a" },
    Break { kernel: "matvec_csr", from: "s = s + a * vec4", to: "s = s - a * vec4" },
    Break { kernel: "matvec_csr", from: "position < end", to: "position + LANES < end" },
    Break { kernel: "matvec_csr", from: "position = position + LANES", to: "position = position + LANES + 1u" },
    Break { kernel: "matvec_csr", from: "(params.rows + 1u) + row", to: "params.rows + row" },
    Break { kernel: "matvec_csr", from: "begin + params.segment_length)", to: "begin + params.segment_length + 1u)" },
    Break { kernel: "matvec_csr", from: "(position & 1u) == 1u", to: "(position & 1u) == 0u" },
    Break {
        kernel: "matvec_csr",
        from: "(left > 2u) { out[at + 2u] = sums.z",
        to: "(left > 2u) { out[at + 2u] = sums.y",
    },
    // sum_segments.
    Break { kernel: "sum_segments", from: "s.x = s.x + pieces", to: "s.x = s.x - pieces" },
    Break { kernel: "sum_segments", from: "segment < params.segments", to: "segment + 1u < params.segments" },
    Break { kernel: "sum_segments", from: "segment = segment + 4u", to: "segment = segment + 5u" },
    Break { kernel: "sum_segments", from: "(s.z + s.w)", to: "s.z" },
    Break { kernel: "sum_segments", from: "(segment + 2u) * params", to: "(segment + 1u) * params" },
    // count_sketch: sign, tail, the place of a bucket and of a row, halves, order of the sums.
    Break { kernel: "*sketch", from: "(entry & 1u) == 1u", to: "(entry & 1u) == 0u && entry > 40u" },
    Break { kernel: "*sketch", from: "- params.row_begin", to: "" },
    Break { kernel: "*sketch", from: "params.starts_begin + block", to: "block" },
    Break { kernel: "*sketch", from: "block * (params.all_buckets + 1u)", to: "block * params.all_buckets" },
    Break { kernel: "*sketch", from: "params.bucket_begin + bucket", to: "bucket" },
    Break { kernel: "*sketch", from: "select(-p, 1.0 - p, r == k)", to: "select(-p, 1.0 - p, r != k)" },
    Break { kernel: "*sketch", from: "probabilities[row - r + k]", to: "probabilities[row]" },
    Break { kernel: "*sketch", from: "factor * select", to: "select" },
    Break { kernel: "*sketch", from: "job.k * params.cols + column", to: "column" },
    Break { kernel: "count_sketch", from: "column >= params.cols", to: "column > params.cols" },
    Break { kernel: "*sketch", from: "out[at] = out[at] + sum", to: "out[at] = sum" },
    Break { kernel: "count_sketch", from: "e + 3u < end", to: "e + 4u < end" },
    Break { kernel: "count_sketch", from: "e = e + 4u", to: "e = e + 5u" },
    Break { kernel: "count_sketch", from: "(group.y * grid.x + group.x)", to: "group.x" },
    Break { kernel: "count_sketch", from: "l2 = l2 + last_four(a2)", to: "l2 = l2 + first_four(a2)" },
    Break { kernel: "count_sketch", from: "unpack2x16float(unit.y)", to: "unpack2x16float(unit.x)" },
    Break { kernel: "count_sketch", from: "(f0 + f1) + (f2 + f3)", to: "((f0 + f1) + f2) + f3" },
    Break { kernel: "count_sketch", from: "put(job, column + 2u, sums.z)", to: "put(job, column + 2u, sums.y)" },
    // count_sketch_csr (the software adapter gives the right sums without its last barrier): tiles, quarters, tails.
    Break { kernel: "count_sketch_csr", from: "number % tiles * COLUMNS", to: "0u * number" },
    Break { kernel: "count_sketch_csr", from: "group.y * grid.x + group.x", to: "group.x" },
    Break { kernel: "count_sketch_csr", from: "sums[at] = 0.0;", to: "" },
    Break { kernel: "count_sketch_csr", from: "e + quarter < job.end", to: "e + quarter + 1u < job.end" },
    Break { kernel: "count_sketch_csr", from: "entries[e + quarter]", to: "entries[e]" },
    Break { kernel: "count_sketch_csr", from: "offsets[row] + lane", to: "offsets[row]" },
    Break { kernel: "count_sketch_csr", from: "position + QUARTER", to: "position + 2u * QUARTER" },
    Break { kernel: "count_sketch_csr", from: "(column < COLUMNS)", to: "(column + 1u < COLUMNS)" },
    Break { kernel: "count_sketch_csr", from: "quarter * COLUMNS + column", to: "column" },
    Break { kernel: "count_sketch_csr", from: "(position & 1u) == 1u", to: "(position & 1u) == 0u" },
    Break { kernel: "count_sketch_csr", from: "sums[3u * COLUMNS + column]", to: "sums[2u * COLUMNS + column]" },
    Break { kernel: "count_sketch_csr", from: "column = column + 256u", to: "column = column + 512u" },
    // gram and weighted_gram: barriers, tiles, panels, mirroring.
    Break { kernel: "*gram", from: "        workgroupBarrier();\n", to: "" },
    Break { kernel: "*gram", from: "first + PANEL", to: "first + PANEL + 1u" },
    Break { kernel: "*gram", from: "row < PANEL;", to: "row + 1u < PANEL;" },
    Break { kernel: "*gram", from: "row - 1u, column", to: "row, column" },
    Break { kernel: "*gram", from: "column - row)", to: "column)" },
    Break { kernel: "*gram", from: "column > row", to: "column >= row" },
    Break { kernel: "*gram", from: "(column < row) {\n        put", to: "(column + 1u < row) {\n        put" },
    Break { kernel: "*gram", from: "base + column * d + row", to: "base + column + row * d" },
    Break { kernel: "*gram", from: "row >= d", to: "row > d" },
    Break { kernel: "*gram", from: "column + 2u, sums.z", to: "column + 2u, sums.y" },
    Break { kernel: "*gram", from: "out[at] = out[at] + sum", to: "out[at] = sum" },
    Break { kernel: "*gram", from: "p3 = p3 + a.w * b", to: "p3 = p3 + a.z * b" },
    Break { kernel: "*gram", from: "s2 = s2 + p2", to: "s2 = p2" },
    Break { kernel: "*gram", from: "group.y * grid.x + group.x", to: "group.x" },
    Break { kernel: "*gram", from: "block * params.cols * params.cols", to: "block * params.cols" },
    Break { kernel: "gram", from: "row < params.rows &&", to: "row + 1u < params.rows &&" },
    Break { kernel: "gram", from: "unit < params.units)", to: "unit + 1u < params.units)" },
    Break { kernel: "gram", from: "let base = block *", to: "let base = 0u *" },
    // weighted_gram: classes, segments, rows of a binding, halves of a unit.
    Break { kernel: "weighted_gram", from: "params.example_begin + row", to: "row" },
    Break { kernel: "weighted_gram", from: "select(-p, 1.0 - p, k == l)", to: "select(-p, 1.0 - p, k != l)" },
    Break { kernel: "weighted_gram", from: "numbers[at + l]", to: "numbers[at + k]" },
    Break { kernel: "weighted_gram", from: "params.scale * ", to: "" },
    Break { kernel: "weighted_gram", from: "numbers[at] * numbers[at]", to: "numbers[at]" },
    Break { kernel: "weighted_gram", from: "row < end &&", to: "row + 1u < end &&" },
    Break { kernel: "weighted_gram", from: "four % WIDTH == 1u", to: "four % WIDTH == 2u" },
    Break { kernel: "weighted_gram", from: "l = l - k;", to: "l = l - 1u;" },
    Break { kernel: "weighted_gram", from: "params.row_begin + block", to: "block" },
    Break {
        kernel: "weighted_gram",
        from: "params.segment_length, params.row_end",
        to: "params.segment_length + 1u, params.row_end",
    },
    Break { kernel: "weighted_gram", from: "params.row_end);", to: "params.row_end - 1u);" },
    Break { kernel: "weighted_gram", from: "* factor;", to: ";" },
    // expand_rows.
    Break { kernel: "expand_rows", from: "index / LANES", to: "index % 4u" },
    Break { kernel: "expand_rows", from: "    storageBarrier();\n", to: "" },
    Break { kernel: "expand_rows", from: "row * params.stride + column] = 0.0", to: "row * params.stride] = 0.0" },
    Break { kernel: "expand_rows", from: "offsets[row] + lane", to: "offsets[row] + lane + 1u" },
    Break { kernel: "expand_rows", from: "position < offsets[row + 1u]", to: "position + 1u < offsets[row + 1u]" },
    Break { kernel: "expand_rows", from: "(group.y * grid.x + group.x)", to: "group.x" },
    Break {
        kernel: "expand_rows",
        from: "unpack2x16float(values[position / 2u])",
        to: "unpack2x16float(values[position])",
    },
    // Kernels of networks: folded grids, where vectors are.
    Break { kernel: "*nodes", from: "(group.y * grid.x + group.x)", to: "group.x" },
    Break { kernel: "*nodes", from: "256u + index", to: "512u + index" },
    Break { kernel: "node_affine", from: "params.x_at + places", to: "places" },
    Break { kernel: "node_affine", from: "params.out_at + at", to: "at" },
    Break { kernel: "node_affine", from: "map.places + j", to: "j" },
    Break { kernel: "node_affine", from: "map.slopes + j", to: "j" },
    Break { kernel: "node_affine", from: "map.values + owner.y", to: "map.values" },
    Break { kernel: "node_affine", from: "owner.y < map.width", to: "owner.y + 1u < map.width" },
    Break { kernel: "node_affine", from: "j * map.width", to: "j * map.terms" },
    Break { kernel: "node_affine", from: "j + 2u < map.terms", to: "j + 3u < map.terms" },
    Break { kernel: "node_affine", from: "term(map, j + 3u)", to: "term(map, j + 2u)" },
    Break { kernel: "node_affine", from: "vectors[params.x_at + at] + line.y", to: "vectors[params.x_at + at]" },
    Break { kernel: "node_affine", from: "(s.x + s.y) + (s.z + s.w)", to: "(s.x + s.y) + s.z" },
    Break { kernel: "node_affine", from: "map.loss == 0u", to: "map.loss <= 1u" },
    Break { kernel: "row_slopes", from: "params.x_at + places", to: "places" },
    Break { kernel: "row_slopes", from: "owner.y * map.width", to: "owner.y" },
    Break { kernel: "row_slopes", from: "j + 1u < map.width", to: "j + 2u < map.width" },
    Break { kernel: "row_slopes", from: "j = j + 4u", to: "j = j + 5u" },
    Break { kernel: "row_slopes", from: "map.scale * ", to: "" },
    Break { kernel: "row_slopes", from: "-y * sigmoid(-y * margin)", to: "-y * sigmoid(y * margin)" },
    Break { kernel: "row_slopes", from: "select(1.0, e, z < 0.0)", to: "select(e, 1.0, z < 0.0)" },
    Break { kernel: "row_slopes", from: "residual < -map.delta", to: "residual < -2.0 * map.delta" },
    Break { kernel: "row_slopes", from: "return map.delta", to: "return residual" },
    Break { kernel: "row_slopes", from: "map.slopes + owner.y", to: "map.slopes" },
    Break { kernel: "mix_copies", from: "params.x_at + link.x + place", to: "params.x_at + link.x" },
    Break { kernel: "mix_copies", from: "params.x_at + link.x", to: "link.x" },
    Break { kernel: "mix_copies", from: "params.faulty == 1u && ", to: "" },
    Break { kernel: "mix_copies", from: "params.faulty == 1u", to: "params.faulty == 2u" },
    Break { kernel: "mix_copies", from: "down[link.y]", to: "down[link.x]" },
    Break { kernel: "mix_copies", from: "(own - vectors", to: "(own + vectors" },
    Break { kernel: "mix_copies", from: "weights[entry]", to: "weights[end - 1u]" },
    Break { kernel: "mix_copies", from: "offsets[owner.x + 1u]", to: "offsets[owner.x + 1u] - 1u" },
    Break { kernel: "mix_copies", from: "difference(entry + 2u", to: "difference(entry + 1u" },
    Break { kernel: "scaled_sum", from: "params.by3", to: "params.by2" },
    Break { kernel: "scaled_sum", from: "params.at5", to: "params.at4" },
    Break { kernel: "scaled_sum", from: "params.terms > 4u", to: "params.terms > 5u" },
    Break { kernel: "scaled_sum", from: "sum + params.by1", to: "sum - params.by1" },
    Break { kernel: "scaled_sum", from: "params.out_at + at", to: "params.at0 + at" },
    // walsh_hadamard: butterflies of each level, the rows of a tile, the way through workgroup memory, placing.
    Break { kernel: "walsh_hadamard", from: "    workgroupBarrier();\n", to: "" },
    Break { kernel: "walsh_hadamard", from: "v.x - v.y", to: "v.y - v.x" },
    Break { kernel: "walsh_hadamard", from: "v.y + v.w", to: "v.y - v.w" },
    Break { kernel: "walsh_hadamard", from: "v.a - v.b, v.c + v.d", to: "v.a - v.b, v.c - v.d" },
    Break { kernel: "walsh_hadamard", from: "v.b + v.d, v.a - v.c", to: "v.a - v.c, v.b + v.d" },
    Break { kernel: "walsh_hadamard", from: "(levels & 4u) != 0u", to: "(levels & 8u) != 0u" },
    Break { kernel: "walsh_hadamard", from: "params.levels >> 4u", to: "params.levels" },
    Break { kernel: "walsh_hadamard", from: "<< 8u | within", to: "<< 7u | within" },
    Break { kernel: "walsh_hadamard", from: "<< params.shift) | below", to: "<< params.shift)" },
    Break { kernel: "walsh_hadamard", from: "(job >> params.shift)", to: "job" },
    Break { kernel: "walsh_hadamard", from: "row < params.rows && column < params.cols", to: "row < params.rows" },
    Break { kernel: "walsh_hadamard", from: "params.given == 0u", to: "params.given != 0u" },
    Break { kernel: "walsh_hadamard", from: "place >= params.given", to: "place + 1u >= params.given" },
    Break { kernel: "walsh_hadamard", from: "let place = places[row]", to: "let place = row" },
    Break { kernel: "walsh_hadamard", from: "number / params.across", to: "number % params.across" },
    Break { kernel: "walsh_hadamard", from: "number % params.across * ACROSS", to: "0u * number" },
    Break { kernel: "walsh_hadamard", from: "group.y * grid.x + group.x", to: "group.x" },
    Break { kernel: "walsh_hadamard", from: "(within + 48u) * ACROSS", to: "(within + 32u) * ACROSS" },
    Break { kernel: "walsh_hadamard", from: "digit + 128u, column", to: "digit + 64u, column" },
    Break { kernel: "walsh_hadamard", from: "first + 12u, here", to: "first + 8u, here" },
];

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
