//! Whatever fails is an error that says what was wrong; nothing panics, and the device goes on.

use std::sync::Arc;

use steadfast::Error;
use steadfast::data::{Csr, Dense, Matrix, Operand};
use steadfast::device::gpu::{Adapter, GpuDevice, GpuOptions, adapters};
use steadfast::device::{Batch, Device};
use steadfast::kernel::Bounds;

use crate::workload::{Workload, open};

fn loaded(options: GpuOptions) -> GpuDevice<f32> {
    let mut device = open::<f32>(options);
    for (worker, shard) in Workload::dense(10, 20, 3, 1).shards().into_iter().enumerate() {
        device.upload(worker, Operand::ROWS, shard).unwrap();
    }
    device
}

#[test]
fn adapters_are_listed_and_chosen_by_name() {
    let found = adapters();
    let software = found.iter().find(|info| info.software);
    assert!(found.iter().all(|info| info.kind == "gpu" && !info.name.is_empty() && !info.detail.is_empty()));
    // Hardware comes first, so that `Auto` and `Any` take it.
    assert!(found.is_sorted_by_key(|info| info.software));
    if let Some(info) = software {
        let device = GpuDevice::<f32>::open(&Adapter::Named(info.name.to_uppercase()), GpuOptions::default()).unwrap();
        assert_eq!(device.info().name, info.name);
        assert_eq!(GpuDevice::<f32>::open(&Adapter::Software, GpuOptions::default()).unwrap().info(), *info);
    }
    // The emulated adapter is never taken unless named.
    match GpuDevice::<f32>::open(&Adapter::Auto, GpuOptions::default()) {
        Ok(device) => assert!(!device.info().software),
        Err(error) => {
            assert!(found.iter().all(|info| info.software));
            assert_eq!((error.kind(), error.exit_status()), ("usage", 2));
        }
    }
}

#[test]
fn an_unknown_adapter_is_an_error_that_names_those_found() {
    let error = GpuDevice::<f32>::open(&Adapter::Named("no such card".into()), GpuOptions::default()).err().unwrap();
    assert_eq!(error.exit_status(), 2);
    let text = error.to_string();
    assert!(text.contains("no such card"), "{text}");
    for info in adapters() {
        assert!(text.contains(&info.name), "{text}");
    }
}

#[test]
fn bounds_that_nothing_fits_are_refused() {
    let bounds = Bounds { binding_bytes: 100, ..Bounds::default() };
    let options = GpuOptions { bounds: Some(bounds), ..GpuOptions::default() };
    let error = GpuDevice::<f32>::open(&Adapter::Any, options).err().unwrap();
    assert_eq!(error.kind(), "usage");
}

#[test]
fn a_row_or_an_output_beyond_a_binding_is_an_error() {
    let bounds = Bounds { binding_bytes: 1024, ..Bounds::default() };
    let mut device = open::<f32>(GpuOptions { bounds: Some(bounds), ..GpuOptions::default() });
    let wide = |cols| Matrix::Dense(Dense::zeros(2, cols));
    let error = device.upload(0, Operand::ROWS, wide(257)).unwrap_err();
    assert!(matches!(&error, Error::Device { message, .. } if message.contains("257 columns")), "{error}");
    let sparse = Csr::new(1, 300, vec![0, 300], (0..300).collect(), vec![1.0; 300]).unwrap();
    let error = device.upload(0, Operand::ROWS, Matrix::Csr(sparse)).unwrap_err();
    assert!(matches!(&error, Error::Device { message, .. } if message.contains("300 values")), "{error}");
    // What fits goes on; 200 vectors of two numbers a reply do not fit.
    device.upload(0, Operand::ROWS, wide(4)).unwrap();
    let mut product = |vectors| {
        let batch = Batch { operand: Operand::ROWS, transposed: false, vectors, workers: &[0] };
        device.run(&batch, &vec![1.0; 4 * vectors], &mut vec![0.0; 2 * vectors])
    };
    product(3).unwrap();
    let error = product(200).unwrap_err();
    assert!(matches!(&error, Error::Device { message, .. } if message.contains("1600 bytes")), "{error}");
    product(3).unwrap();
}

/// 10 GB of copy buffers: more than a buffer may have.
#[test]
fn a_buffer_beyond_the_devices_limit_is_an_error() {
    let device = open::<f32>(GpuOptions::default());
    let error = device.copy_bandwidth(1 << 50).unwrap_err();
    assert_eq!((error.kind(), error.exit_status()), ("device", 1));
    assert!(device.copy_bandwidth(1 << 16).unwrap() > 0.0);
}

#[test]
fn wrong_lengths_and_missing_shards_are_usage_errors() {
    let mut device = loaded(GpuOptions::default());
    let mut product = |operand, workers: &[usize], sent: usize, received: usize| {
        let batch = Batch { operand, transposed: false, vectors: 1, workers };
        device.run(&batch, &vec![1.0; sent], &mut vec![0.0; received])
    };
    for (result, part) in [
        (product(Operand::ROWS, &[0, 1], 19, 20), "20 numbers"),
        (product(Operand::ROWS, &[0, 1], 20, 21), "20 numbers"),
        (product(Operand::ROWS, &[], 20, 1), "0 numbers"),
        (product(Operand::ROWS, &[0, 3], 20, 20), "worker 3"),
        (product(Operand::COLUMNS, &[0], 20, 10), "worker 0"),
        (product(Operand::ROWS, &[1, 0], 20, 20), "ascending"),
        (product(Operand::ROWS, &[1, 1], 20, 20), "ascending"),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), "usage", "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    product(Operand::ROWS, &[0, 1], 20, 20).unwrap();
}

#[test]
fn shards_of_different_forms_are_refused_until_they_agree() {
    let mut device = loaded(GpuOptions::default());
    device.upload(1, Operand::ROWS, Matrix::Dense(Dense::zeros(11, 20))).unwrap();
    let error = Workload::dense(10, 20, 3, 1).multiply(&mut device, &[0, 2]).unwrap_err();
    assert!(error.to_string().contains("11 x 20 dense (worker 1)"), "{error}");
    device.upload(1, Operand::ROWS, Matrix::Dense(Dense::zeros(10, 20))).unwrap();
    let replies = Workload::dense(10, 20, 3, 1).multiply(&mut device, &[0, 1, 2]).unwrap();
    assert_eq!(replies[10..20], [0.0; 10]);
}

/// A kernel that does not compile, or that binds something else, is an error of validation and not a panic.
#[test]
fn an_invalid_kernel_is_an_error() {
    for (from, to) in
        [("fn main(", "fn main(("), ("@binding(4)", "@binding(9)"), ("@workgroup_size(256)", "@workgroup_size(1)")]
    {
        let rewrite = move |_: &steadfast::kernel::Kernel, source: &str| source.replace(from, to);
        let mut device = loaded(GpuOptions { rewrite: Some(Arc::new(rewrite)), ..GpuOptions::default() });
        let result = Workload::dense(10, 20, 3, 1).multiply(&mut device, &[0, 1, 2]);
        if to.contains("workgroup") {
            // Valid, only wrong: nothing to report.
            result.unwrap();
        } else {
            assert_eq!(result.unwrap_err().kind(), "device", "{from} -> {to}");
        }
    }
    // The process's device still works.
    Workload::dense(10, 20, 3, 1).multiply(&mut loaded(GpuOptions::default()), &[0, 1, 2]).unwrap();
}

/// A device that is lost in the middle of a run: an error from then on, at every call, and nobody else's loss.
#[test]
fn a_lost_device_is_an_error() {
    let product = Workload::dense(10, 20, 3, 1);
    let mut device = loaded(GpuOptions { own_device: true, ..GpuOptions::default() });
    let mut other = loaded(GpuOptions::default());
    product.multiply(&mut device, &[0, 1, 2]).unwrap();
    device.lose();
    for _ in 0..3 {
        let error = product.multiply(&mut device, &[0, 1, 2]).unwrap_err();
        assert!(matches!(&error, Error::Device { message, .. } if message.contains("lost")), "{error}");
        let error = device.upload(0, Operand::ROWS, Matrix::Dense(Dense::zeros(10, 20))).unwrap_err();
        assert_eq!((error.kind(), error.exit_status()), ("device", 1));
        assert_eq!(device.copy_bandwidth(1 << 16).unwrap_err().kind(), "device");
    }
    product.multiply(&mut other, &[0, 1, 2]).unwrap();
}

#[test]
fn empty_shards_give_empty_or_zero_replies() {
    for (rows, cols) in [(0, 4), (4, 0)] {
        for transposed in [false, true] {
            let shape = Workload { rows, cols, sparse: None, workers: 2, r: 3, transposed };
            let mut device = open::<f32>(GpuOptions::default());
            for worker in 0..2 {
                device.upload(worker, Operand::ROWS, Matrix::Dense(Dense::zeros(rows, cols))).unwrap();
            }
            assert_eq!(device.shape(1, Operand::ROWS), Some((rows, cols)));
            let replies = shape.multiply(&mut device, &[0, 1]).unwrap();
            assert_eq!(replies, vec![0.0; 2 * shape.sizes().1 * 3]);
        }
    }
    // No stored value at all.
    let mut device = open::<f32>(GpuOptions::default());
    device.upload(0, Operand::ROWS, Matrix::Csr(Csr::new(3, 4, vec![0; 4], vec![], vec![]).unwrap())).unwrap();
    for transposed in [false, true] {
        let shape = Workload { transposed, ..Workload::sparse(3, 4, 0, 1, 2) };
        let replies = shape.multiply(&mut device, &[0]).unwrap();
        assert_eq!(replies, vec![0.0; 2 * shape.sizes().1]);
    }
}
