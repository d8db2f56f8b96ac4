//! Sketches by name, and what they refuse.

use steadfast::data::{Dense, Matrix};
use steadfast::kernel::Curvature;
use steadfast::seed::Seed;
use steadfast::sketch::{BlockSketch, HessianCost, HessianFactor, SKETCHES, Sketch, sketch_by_name};

use super::inputs::{dense, orthonormal};

fn refused(spec: &str, rows: usize, cols: usize) -> String {
    let error = sketch_by_name(spec, rows, cols, Seed(1)).unwrap_err();
    assert_eq!(error.exit_status(), 2);
    error.to_string()
}

#[test]
fn names_make_their_sketches() {
    for known in SKETCHES {
        let name = known.split(':').next().unwrap();
        let sketch = sketch_by_name(name, 1000, 20, Seed(1)).unwrap();
        assert_eq!((sketch.name(), sketch.dimension()), (name, 200));
        assert_eq!(sketch_by_name(&format!("{name}:factor=1.01"), 1000, 20, Seed(1)).unwrap().dimension() % 20, {
            // OverSketch rounds up to whole blocks.
            if name == "oversketch" { 0 } else { 1 }
        });
    }
    let over = sketch_by_name("oversketch:factor=10,block=30,extra=0", 1000, 20, Seed(1)).unwrap();
    let blocks = over.blocks().unwrap();
    assert_eq!((blocks.needed(), blocks.made(), blocks.buckets(), over.dimension()), (7, 7, 30, 210));
    assert!(sketch_by_name("gaussian", 1000, 20, Seed(1)).unwrap().blocks().is_none());
}

#[test]
fn errors_say_what_was_got_and_what_is_allowed() {
    assert!(refused("hadamard", 9, 3).contains("got `hadamard`; allowed: oversketch:factor=X"));
    assert!(refused("gaussian:block=3", 9, 3).contains("got `block=3`; allowed: factor=…"));
    assert!(refused("oversketch:factor=0", 9, 3).contains("a finite number above 0"));
    assert!(refused("oversketch:block=0", 9, 3).contains("1 or more"));
    let below = refused("count-sketch:factor=0.9", 900, 100);
    assert!(below.contains("got 90; allowed: at least 100"), "{below}");
    assert!(refused("srht:factor=2", 100, 65).contains("got 130; allowed: at most 128"));
    assert!(refused("uniform:factor=1e12", 9, 3).contains("1000000000000 times 3 columns"));
    assert!(refused("uniform", 9, 0).contains("10 times 0 columns"));
}

#[test]
fn a_singular_sketch_is_refused() {
    let u = orthonormal(40, 5);
    let two = BlockSketch::oversketch(Seed(1), 2, 2, 3).unwrap();
    assert_eq!(two.apply(&u, 0).unwrap().rows(), 6);
    let message = |used: &[u64]| two.apply_blocks(&u, 0, used).unwrap_err().to_string();
    assert!(message(&[2]).contains("got 3; allowed: at least 5"));
    assert!(message(&[2, 4]).contains("different numbers below 4"));
    assert!(message(&[2, 2]).contains("different numbers below 4"));
    assert!(BlockSketch::count_sketch(Seed(1), 0).is_err());
    assert!(BlockSketch::oversketch(Seed(1), usize::MAX, 1, 2).is_err());
}

/// No rows, all zeros, and numbers that are not finite: an answer or an error, never a panic.
#[test]
fn degenerate_factors() {
    let roots = [1.0; 6];
    for name in ["oversketch", "count-sketch", "uniform", "gaussian", "srht", "leverage"] {
        let sketch = sketch_by_name(&format!("{name}:factor=1"), 6, 2, Seed(1)).unwrap();
        for zero in [Dense::<f64>::zeros(6, 2), Dense::zeros(0, 2)] {
            let rows = zero.rows();
            let data = Matrix::Dense(zero);
            let a = HessianFactor::new(&data, Curvature::Scalar(&roots[..rows])).unwrap();
            match sketch.apply(&a, 0) {
                Ok(out) => assert!(out.values().iter().all(|&x| x == 0.0), "{name}"),
                Err(error) => assert!(name == "srht" && rows == 0, "{name}: {error}"),
            }
        }
        let mut data = Dense::<f64>::zeros(6, 2);
        data.row_mut(3)[1] = f64::NAN;
        let data = Matrix::Dense(data);
        let a = HessianFactor::new(&data, Curvature::Scalar(&roots)).unwrap();
        assert_eq!(sketch.apply(&a, 0).is_err(), name == "leverage", "{name}");
    }
    assert!(HessianFactor::new(&dense::<f32>(5, 2, 1), Curvature::Scalar(&roots)).is_err());
}

/// A sketch is taken where A has twice as many rows as it, and a Hessian formed up to 4,096 columns.
#[test]
fn the_cheapest_form() {
    let choice = |rows, cols, classes| HessianCost::new("oversketch", rows, cols, classes, None).unwrap();
    let sketched = choice(20_000, 968, 1);
    assert_eq!(
        (sketched.choice.as_str(), sketched.dimension, sketched.blocks),
        ("sketched", Some(9680), Some([10, 11]))
    );
    assert_eq!(sketched.exact_multiply_adds, 20_000.0 * 968.0 * 969.0 / 2.0);
    // Ten walks over the data, and the Gram blocks of 9,680 rows.
    assert_eq!(sketched.sketched_multiply_adds, Some(10.0 * 20_000.0 * 968.0 + 9680.0 * 968.0 * 969.0 / 2.0));
    assert_eq!(choice(19_359, 968, 1).choice, "exact");
    // Softmax: 10 K d sketched rows beside n K.
    assert_eq!((choice(199, 10, 10).choice.as_str(), choice(200, 10, 10).choice.as_str()), ("exact", "sketched"));
    assert_eq!(choice(1 << 20, 4096, 1).choice, "sketched");
    let wide = choice(1 << 20, 4097, 1);
    assert_eq!((wide.choice.as_str(), wide.dimension), ("products", None));
    assert!(HessianCost::new("srht", 100, 3, 1, None).unwrap_err().to_string().contains("workers can make alone"));
}
