//! Tests of the GPU device. They need a Vulkan adapter, a software one is enough, and fail without one.
#![cfg(feature = "gpu")]

#[path = "gpu/blocks.rs"]
mod blocks;
#[path = "gpu/breaks.rs"]
mod breaks;
#[path = "gpu/broken.rs"]
mod broken;
#[path = "gpu/consensus.rs"]
mod consensus;
#[path = "gpu/dino.rs"]
mod dino;
#[path = "gpu/failures.rs"]
mod failures;
#[path = "gpu/hadamard.rs"]
mod hadamard;
#[path = "gpu/hessian.rs"]
mod hessian;
#[path = "gpu/local.rs"]
mod local;
#[path = "gpu/local_broken.rs"]
mod local_broken;
#[path = "gpu/local_svrg.rs"]
mod local_svrg;
#[path = "gpu/newton.rs"]
mod newton;
#[path = "gpu/nodes.rs"]
mod nodes;
#[path = "gpu/workload.rs"]
mod workload;

use half::f16;
use steadfast::data::{Dense, Matrix, Operand};
use steadfast::device::Device;
use steadfast::device::gpu::{GpuElement, GpuOptions, Streams};
use steadfast::kernel::Bounds;
use workload::{Workload, open};

fn check_with(workload: Workload, options: &GpuOptions, workers: &[usize]) {
    assert_eq!(workload.mismatch::<f32>(options.clone(), workers), None);
    assert_eq!(workload.mismatch::<f16>(options.clone(), workers), None);
}

fn check(workload: Workload) {
    let all: Vec<usize> = (0..workload.workers).collect();
    check_with(workload, &GpuOptions::default(), &all);
}

fn bounded(binding_bytes: usize, groups: usize) -> GpuOptions {
    GpuOptions { bounds: Some(Bounds { binding_bytes, groups, ..Bounds::default() }), ..GpuOptions::default() }
}

#[test]
fn dense_matches_its_twin() {
    for (rows, cols) in [(1, 1), (5, 3), (37, 250), (130, 4100)] {
        for r in [1, 3, 10] {
            check(Workload::dense(rows, cols, 3, r));
            check(Workload::dense(rows, cols, 3, r).transposed());
        }
    }
}

#[test]
fn sparse_matches_its_twin() {
    for (rows, cols, mean) in [(1, 1, 1), (40, 30, 3), (300, 700, 20), (60, 5000, 400)] {
        for r in [1, 3, 10] {
            check(Workload::sparse(rows, cols, mean, 3, r));
            check(Workload::sparse(rows, cols, mean, 3, r).transposed());
        }
    }
}

#[test]
fn a_thousand_tiny_workers() {
    check(Workload::dense(3, 5, 1000, 2));
    check(Workload::sparse(3, 5, 2, 1000, 1).transposed());
}

/// Mesa's software adapter ends a loop after 65,535 iterations and says nothing. Each of these would pass that in one
/// invocation if sums and vectors were not split.
#[test]
fn long_sums_are_split() {
    check(Workload::dense(3, 45_000, 1, 1));
    check(Workload::dense(45_000, 3, 1, 1).transposed());
    check(Workload::dense(600_000, 3, 1, 1).transposed());
    // Two values a row on average and one row of 200,000: two lanes would take 100,000 each.
    check(Workload::sparse(120_000, 200_000, 1, 1, 1));
    // Eight units a lane and twenty steps of trees for each of 3,000 tiles of vectors.
    check(Workload::dense(1, 1024, 1, 12_000));
}

/// A shard that passes the largest binding is spread over several, by whole rows or whole workers.
#[test]
fn large_shards_take_several_bindings() {
    // One worker is 40 x 100 x 4 bytes = 16,000: several workers a binding, then several bindings a worker, then one row.
    for bytes in [40_000, 16_128, 6_144, 512] {
        for r in [1, 3] {
            check_with(Workload::dense(40, 100, 5, r), &bounded(bytes, 65_535), &[0, 1, 2, 3, 4]);
            check_with(Workload::sparse(40, 100, 30, 5, r), &bounded(bytes, 65_535), &[0, 1, 2, 3, 4]);
        }
    }
    for bytes in [40_000, 16_128, 8_192] {
        check_with(Workload::dense(40, 100, 5, 3).transposed(), &bounded(bytes, 65_535), &[0, 1, 2, 3, 4]);
        check_with(Workload::sparse(40, 100, 30, 5, 3).transposed(), &bounded(bytes, 65_535), &[0, 1, 2, 3, 4]);
    }
    check_with(Workload::dense(3000, 20, 3, 2).transposed(), &bounded(100_000, 65_535), &[0, 2]);
}

/// 8192 x 8192 in f32 is twice the 128 MiB of a binding on the software adapter.
#[test]
fn a_shard_beyond_the_adapters_own_binding() {
    let workload = Workload::dense(8192, 8192, 1, 1);
    let bounds = open::<f32>(GpuOptions::default()).bounds();
    assert!(bounds.binding_bytes < 8192 * 8192 * 4 || std::env::var("STEADFAST_TEST_ADAPTER").is_ok());
    assert_eq!(workload.mismatch::<f32>(GpuOptions::default(), &[0]), None);
    assert_eq!(workload.transposed().mismatch::<f32>(GpuOptions::default(), &[0]), None);
}

#[test]
fn a_wide_grid_is_folded() {
    for groups in [4, 50] {
        check_with(Workload::dense(300, 30, 4, 3), &bounded(1 << 20, groups), &[0, 1, 2, 3]);
        check_with(Workload::dense(2000, 30, 4, 3).transposed(), &bounded(1 << 20, groups), &[0, 1, 3]);
        check_with(Workload::sparse(300, 30, 4, 4, 3), &bounded(1 << 20, groups), &[0, 1, 2, 3]);
    }
    // Beyond the adapter's own 65,535: 128 rows a workgroup, 9 million rows.
    assert_eq!(Workload::dense(9_000_000, 1, 1, 1).mismatch::<f32>(GpuOptions::default(), &[0]), None);
}

#[test]
fn workers_left_out_cost_nothing_and_change_nothing() {
    for workload in [Workload::dense(33, 70, 6, 3), Workload::sparse(33, 70, 9, 6, 3)] {
        for workload in [workload, workload.transposed()] {
            for workers in [&[0, 1, 2, 3, 4, 5][..], &[5], &[1, 4], &[0, 2, 3]] {
                check_with(workload, &GpuOptions::default(), workers);
                check_with(workload, &bounded(8_192, 65_535), workers);
            }
        }
    }
}

/// The same device, one product after the other with changing workers, directions and numbers of vectors: what is reused
/// between products must not show.
fn a_sequence<T: GpuElement>(options: GpuOptions) {
    let base = Workload::dense(50, 90, 5, 1);
    let mut used = open::<T>(options.clone());
    for (worker, shard) in base.shards::<T>().into_iter().enumerate() {
        used.upload(worker, Operand::ROWS, shard).unwrap();
    }
    let mut again = Vec::new();
    for workers in [&[0, 1, 2, 3, 4][..], &[2], &[], &[0, 4], &[0, 1, 2, 3, 4]] {
        for r in [1, 3] {
            for transposed in [false, true] {
                let product = Workload { r, transposed, ..base };
                let mut fresh = open::<T>(options.clone());
                for (worker, shard) in base.shards::<T>().into_iter().enumerate() {
                    fresh.upload(worker, Operand::ROWS, shard).unwrap();
                }
                let got = product.multiply(&mut used, workers).unwrap();
                assert_eq!(got, product.multiply(&mut fresh, workers).unwrap());
                if workers.len() == 5 {
                    again.push(got);
                }
            }
        }
    }
    assert_eq!(again[..4], again[4..]);
}

#[test]
fn products_in_sequence_are_independent() {
    a_sequence::<f32>(GpuOptions::default());
    a_sequence::<f16>(GpuOptions { timestamps: true, ..bounded(8192, 65_535) });
    a_sequence::<f32>(GpuOptions { streams: Streams::Separate, ..GpuOptions::default() });
}

#[test]
fn separate_streams_give_the_same_bits() {
    for workload in [Workload::dense(40, 300, 7, 3), Workload::sparse(40, 300, 20, 7, 3)] {
        for workload in [workload, workload.transposed()] {
            let separate = GpuOptions { streams: Streams::Separate, timestamps: true, ..GpuOptions::default() };
            check_with(workload, &separate, &[0, 1, 2, 3, 4, 5, 6]);
            check_with(workload, &separate, &[1, 5]);
            check_with(workload, &GpuOptions { streams: Streams::Separate, ..bounded(32_768, 20) }, &[1, 5]);
        }
    }
}

/// Shards can be replaced, by others of the same form and of another one.
#[test]
fn a_replaced_shard_is_the_one_multiplied() {
    for sparse in [None, Some(6)] {
        for transposed in [false, true] {
            let old = Workload { rows: 20, cols: 31, sparse, workers: 4, r: 2, transposed };
            let new = Workload { rows: 23, ..old };
            let loaded = |shards: Vec<Matrix<f32>>| {
                let mut device = open::<f32>(bounded(6000, 65_535));
                for (worker, shard) in shards.into_iter().enumerate() {
                    device.upload(worker, Operand::ROWS, shard).unwrap();
                }
                device
            };
            let mut device = loaded(old.shards());
            old.multiply(&mut device, &[0, 1, 2, 3]).unwrap();
            // Worker 1 gets worker 3's shard: the same form when dense, another pattern when sparse.
            let mut shards = old.shards::<f32>();
            shards[1] = shards[3].clone();
            device.upload(1, Operand::ROWS, shards[1].clone()).unwrap();
            let mut fresh = loaded(shards);
            let expected = old.multiply(&mut fresh, &[0, 1, 2, 3]).unwrap();
            assert_eq!(old.multiply(&mut device, &[0, 1, 2, 3]).unwrap(), expected);
            let reply = expected.len() / 4;
            assert_eq!(expected[reply..2 * reply], expected[3 * reply..]);
            // All get longer shards; until the last has its own, forms differ and a product is refused.
            for (worker, shard) in new.shards::<f32>().into_iter().enumerate() {
                device.upload(worker, Operand::ROWS, shard).unwrap();
                assert_eq!(new.multiply(&mut device, &[0]).is_err(), worker < 3);
            }
            let expected = new.multiply(&mut loaded(new.shards()), &[0, 1, 2, 3]).unwrap();
            assert_eq!(new.multiply(&mut device, &[0, 1, 2, 3]).unwrap(), expected);
        }
    }
}

/// A NaN or an infinity in the data or in a vector reaches the replies it belongs to and no others.
#[test]
fn what_is_not_finite_stays_visible() {
    let mut values = vec![1.0f32; 6 * 5];
    values[2 * 5 + 4] = f32::NAN;
    values[3 * 5] = f32::INFINITY;
    let mut device = open::<f32>(GpuOptions::default());
    device.upload(0, Operand::ROWS, Matrix::Dense(Dense::new(6, 5, values).unwrap())).unwrap();
    let mut replies = vec![0.0; 6];
    let batch = Workload::dense(6, 5, 1, 1);
    device.run(&batch.batch(&[0]), &[1.0; 5], &mut replies).unwrap();
    assert!(replies[2].is_nan());
    assert_eq!(replies[3], f32::INFINITY);
    assert_eq!([replies[0], replies[1], replies[4], replies[5]], [5.0; 4]);
    device.run(&batch.batch(&[0]), &[1.0, f32::NAN, 1.0, 1.0, 1.0], &mut replies).unwrap();
    assert!(replies.iter().all(|x| x.is_nan()));
}

#[test]
fn kernels_are_timed_on_the_device() {
    let workload = Workload::dense(512, 512, 4, 1);
    let mut device = open::<f32>(GpuOptions { timestamps: true, ..GpuOptions::default() });
    for (worker, shard) in workload.shards::<f32>().into_iter().enumerate() {
        device.upload(worker, Operand::ROWS, shard).unwrap();
    }
    let start = std::time::Instant::now();
    workload.multiply(&mut device, &[0, 1, 2, 3]).unwrap();
    let wall = start.elapsed().as_secs_f64();
    // An adapter may have no timestamps; one that has them can't have taken longer than the whole call.
    if let Some(seconds) = device.last_kernel_seconds() {
        assert!(seconds > 0.0 && seconds < wall, "{seconds} of {wall} s");
    }
}
