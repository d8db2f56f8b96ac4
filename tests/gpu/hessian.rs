//! Hessian blocks on the device: they match their twins, and what can't be computed is refused.

use std::ops::Range;

use half::f16;
use steadfast::Error;
use steadfast::device::HessianDevice;
use steadfast::device::gpu::GpuOptions;
use steadfast::kernel::{Bounds, Curvature, SketchBlock, SketchKind};

use crate::blocks::Blocks;

fn check(blocks: Blocks, options: &GpuOptions) {
    for kind in [SketchKind::CountSketch, SketchKind::UniformRows] {
        assert_eq!(Blocks { kind, ..blocks }.mismatch::<f32>(options.clone()), None);
        assert_eq!(Blocks { kind, ..blocks }.mismatch::<f16>(options.clone()), None);
    }
}

fn bounded(binding_bytes: usize, iterations: usize, groups: usize) -> GpuOptions {
    GpuOptions { bounds: Some(Bounds { iterations, binding_bytes, groups }), ..GpuOptions::default() }
}

/// One tile, an even and an odd number of tiles, buckets that do not fill a panel, empty buckets, several blocks.
#[test]
fn dense_blocks_match_their_twins() {
    for (rows, cols, buckets, count) in
        [(1, 1, 1, 1), (50, 3, 7, 2), (300, 70, 33, 3), (90, 131, 16, 2), (10, 5, 90, 1), (1200, 9, 12, 2)]
    {
        check(Blocks::dense(rows, cols, buckets, count), &GpuOptions::default());
    }
}

#[test]
fn sparse_blocks_match_their_twins() {
    for (rows, cols, mean, buckets, count) in
        [(1, 1, 1, 1, 1), (50, 3, 2, 7, 2), (300, 70, 9, 33, 3), (1200, 9, 3, 12, 2), (40, 1100, 60, 9, 1)]
    {
        check(Blocks::sparse(rows, cols, mean, buckets, count), &GpuOptions::default());
    }
}

#[test]
fn softmax_blocks_match_their_twins() {
    for classes in [2, 3, 5] {
        check(Blocks::dense(60, 5, 11, 2).softmax(classes), &GpuOptions::default());
        check(Blocks::dense(300, 30, 40, 2).softmax(classes), &GpuOptions::default());
        check(Blocks::sparse(300, 30, 5, 40, 2).softmax(classes), &GpuOptions::default());
    }
}

/// The data in several bindings, few blocks a submission, sketches in several ranges, buckets in several dispatches, segments
/// that share a sum, and folded grids.
#[test]
fn small_bounds_take_the_paths_of_large_data() {
    // A Gram block is 19,600 bytes, the data 86,400 and the index of a block 1,200.
    for options in [bounded(41_000, 32_768, 60), bounded(20_480, 32_768, 65_535), bounded(41_000, 300, 65_535)] {
        check(Blocks::dense(300, 70, 33, 5), &options);
        check(Blocks::sparse(300, 70, 9, 33, 5), &options);
        check(Blocks::dense(300, 23, 200, 2).softmax(3), &options);
    }
    check(Blocks::dense(4000, 9, 2, 2), &bounded(65_536, 300, 65_535));
    check(Blocks::sparse(4000, 9, 2, 2, 2), &bounded(65_536, 300, 65_535));
}

/// Mesa's software adapter ends a loop after 65,535 iterations and says nothing: one bucket of as many rows as would take 70,000,
/// and all rows of an exact block.
#[test]
fn long_sums_are_split() {
    assert_eq!(Blocks::dense(280_000, 1, 1, 1).mismatch::<f32>(GpuOptions::default()), None);
    assert_eq!(Blocks::sparse(140_000, 1, 1, 1, 1).mismatch::<f32>(GpuOptions::default()), None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let blocks = Blocks::dense(75, 70, 33, 2);
    // A Gram block takes 19,600 bytes.
    let mut small = blocks.open::<f32>(bounded(16_384, 32_768, 65_535));
    for error in [blocks.sketched(&mut small, 0).unwrap_err(), blocks.exact(&mut small, 0..75).unwrap_err()] {
        assert!(matches!(&error, Error::Device { message, .. } if message.contains("19600 bytes")), "{error}");
    }
    let mut device = blocks.open::<f32>(GpuOptions::default());
    let (numbers, list) = (blocks.numbers(), blocks.blocks(0));
    let plain = Curvature::Scalar(&numbers);
    let mut refused = |curvature: &Curvature<'_, f32>, list: &[SketchBlock], named: &str| {
        let error = device.sketched_gram(curvature, list, &mut |_, _| panic!("a block")).unwrap_err();
        assert_eq!(error.kind(), "usage", "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    refused(&Curvature::Scalar(&numbers[1..]), &list, "74 numbers");
    refused(&plain, &[list[0], SketchBlock { buckets: 34, ..list[1] }], "34");
    refused(&plain, &[SketchBlock { buckets: 0, ..list[0] }], "sketch buckets");
    let mut refused = |examples: Range<usize>, len: usize, named: &str| {
        let error = device.exact_gram(&plain, examples, &mut vec![0.0; len]).unwrap_err();
        assert_eq!(error.kind(), "usage", "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    refused(0..76, 4900, "0..75");
    refused(0..75, 4899, "70 x 70");
    // And goes on.
    assert!(blocks.sketched(&mut device, 0).is_ok());
    assert_eq!(blocks.exact(&mut device, 5..5).unwrap(), vec![0.0; 4900]);
}

/// Blocks of another form, another curvature and other rows are the ones computed.
#[test]
fn what_changes_between_calls_is_seen() {
    let first = Blocks::dense(75, 20, 33, 4);
    let mut used = first.open::<f32>(GpuOptions::default());
    let softmax = Blocks { buckets: 12, ..first.softmax(3) };
    for blocks in [first, Blocks { count: 2, ..first }, Blocks { buckets: 12, ..first }, softmax, first] {
        let fresh = || blocks.open::<f32>(GpuOptions::default());
        let got = blocks.sketched(&mut used, 3).unwrap();
        assert_eq!(got, blocks.sketched(&mut fresh(), 3).unwrap());
        for examples in [0..75, 10..60, 0..75] {
            let got = blocks.exact(&mut used, examples.clone()).unwrap();
            assert_eq!(got, blocks.exact(&mut fresh(), examples).unwrap());
        }
    }
    let (numbers, mut both) = (softmax.numbers(), [Vec::new(), Vec::new()]);
    for (scale, out) in [1.0f32, 2.0].into_iter().zip(&mut both) {
        out.resize(3600, 0.0);
        used.exact_gram(&Curvature::Softmax { probabilities: &numbers, classes: 3, scale }, 0..75, out).unwrap();
    }
    assert!(both[0].iter().zip(&both[1]).all(|(one, two)| 2.0 * one == *two));
}

#[test]
fn a_lost_device_is_an_error() {
    let blocks = Blocks::dense(75, 20, 33, 2);
    let mut device = blocks.open::<f32>(GpuOptions { own_device: true, ..GpuOptions::default() });
    blocks.sketched(&mut device, 0).unwrap();
    device.lose();
    assert_eq!(blocks.sketched(&mut device, 0).unwrap_err().kind(), "device");
    assert_eq!(blocks.exact(&mut device, 0..75).unwrap_err().kind(), "device");
}

#[test]
fn blocks_are_timed_on_the_device() {
    let blocks = Blocks::dense(500, 64, 64, 2);
    let mut device = blocks.open::<f32>(GpuOptions { timestamps: true, ..GpuOptions::default() });
    let start = std::time::Instant::now();
    blocks.sketched(&mut device, 0).unwrap();
    let wall = start.elapsed().as_secs_f64();
    if let Some(seconds) = device.last_kernel_seconds() {
        assert!(seconds > 0.0 && seconds < wall, "{seconds} of {wall} s");
    }
}
