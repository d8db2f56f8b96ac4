//! Every loss: derivatives against central differences, conjugates, extreme margins, labels, names.

use proptest::prelude::*;
use std::sync::Arc;
use steadfast::objective::{LOSS_NAMES, Loss, LossId, loss_by_id, loss_by_name};

/// Every loss with labels it takes.
pub fn losses() -> Vec<(Arc<dyn Loss>, Vec<f64>)> {
    [
        ("squared", vec![-3.5, 0.0, 2.0]),
        ("logistic", vec![-1.0, 1.0]),
        ("softmax:classes=2", vec![0.0, 1.0]),
        ("softmax:classes=11", vec![0.0, 4.0, 10.0]),
        ("softmax:classes=70", vec![0.0, 69.0]),
        ("huber:delta=0.7", vec![-1.0, 0.0, 2.5]),
        ("poisson", vec![0.0, 1.0, 7.0]),
        ("squared-hinge", vec![-1.0, 1.0]),
        ("nonlinear-least-squares", vec![-1.0, 0.0, 4.0]),
    ]
    .into_iter()
    .map(|(name, labels)| (loss_by_name(name).unwrap(), labels))
    .collect()
}

/// Margins of one row in [-6, 6]; a loss takes as many as it has outputs.
pub fn row() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-6.0..6.0f64, 70)
}

/// Where a second derivative jumps no difference quotient has a limit.
fn near_kink(loss: &dyn Loss, margin: f64, label: f64, reach: f64) -> bool {
    match loss.id().name.as_str() {
        "huber" => ((margin - label).abs() - 0.7).abs() < reach,
        "squared-hinge" => (1.0 - label * margin).abs() < reach,
        _ => false,
    }
}

proptest! {
    #[test]
    fn derivatives_are_the_limits_of_differences(margins in row(), direction in row()) {
        // Central differences with step h: truncation h^2/6 times the third derivative along the direction, rounding u |f| / h.
        // With |z| <= 6 and directions of norm 1 the derivatives of order 1 to 4 of every loss here are below 500 and values
        // (Poisson's e^6 and 6 y, squares of up to 110) below 1000. h = 1e-5: 1e-8 + 4 u 1000 / 1e-5 = 1e-8 + 5e-8.
        let (h, tolerance) = (1e-5, 1e-7);
        for (loss, labels) in losses() {
            let k = loss.outputs();
            let z = &margins[..k];
            let norm = direction[..k].iter().map(|x| x * x).sum::<f64>().sqrt();
            prop_assume!(norm > 1e-3);
            let v: Vec<f64> = direction[..k].iter().map(|x| x / norm).collect();
            let at = |t: f64| -> Vec<f64> { z.iter().zip(&v).map(|(z, v)| z + t * v).collect() };
            let slope = |z: &[f64], y: f64| { let mut out = vec![f64::NAN; k]; loss.derivative(z, y, &mut out); out };
            for &y in &labels {
                let first = slope(z, y);
                let along: f64 = first.iter().zip(&v).map(|(a, b)| a * b).sum();
                let quotient = (loss.value(&at(h), y) - loss.value(&at(-h), y)) / (2.0 * h);
                prop_assert!((along - quotient).abs() <= tolerance, "{:?} y={y} z={z:?}: {along} {quotient}", loss.id());

                let mut both = vec![f64::NAN; k];
                let value = loss.value_and_derivative(z, y, &mut both);
                prop_assert_eq!(&both, &first);
                // Two orders of summation of the same exponentials.
                prop_assert!((value - loss.value(z, y)).abs() <= 1e-14 * (1.0 + value.abs()));

                if near_kink(&*loss, z[0], y, 2.0 * h) {
                    continue;
                }
                let mut second = vec![f64::NAN; k];
                loss.second_derivative(z, y, &v, &mut second);
                for ((s, p), m) in second.iter().zip(slope(&at(h), y)).zip(slope(&at(-h), y)) {
                    let quotient = (p - m) / (2.0 * h);
                    prop_assert!((s - quotient).abs() <= tolerance, "{:?} y={y}: {s} {quotient}", loss.id());
                }
                let curvature: f64 = second.iter().zip(&v).map(|(a, b)| a * b).sum();
                if let Some(bound) = loss.curvature_bound() {
                    prop_assert!(curvature <= bound * (1.0 + 1e-14));
                }
                if loss.is_convex() {
                    prop_assert!(curvature >= -1e-15);
                }
            }
        }
    }

    #[test]
    fn conjugates_meet_fenchels_inequality(margins in row(), others in row()) {
        for (loss, labels) in losses() {
            let k = loss.outputs();
            for &y in &labels {
                let mut dual = vec![0.0; k];
                let value = loss.value_and_derivative(&margins[..k], y, &mut dual);
                let Some(conjugate) = loss.conjugate(&dual, y) else {
                    prop_assert!(!loss.is_convex());
                    continue;
                };
                let product = |z: &[f64]| dual.iter().zip(z).map(|(a, b)| a * b).sum::<f64>();
                // Equality at the point whose derivative it is, inequality elsewhere; rounding of numbers below 1e4 in sums
                // of 70 terms, and log of probabilities.
                let equal = value + conjugate - product(&margins[..k]);
                prop_assert!(equal.abs() <= 1e-10, "{:?} y={y}: {equal}", loss.id());
                let other = loss.value(&others[..k], y) + conjugate - product(&others[..k]);
                prop_assert!(other >= -1e-10, "{:?} y={y}: {other}", loss.id());
            }
        }
    }
}

#[test]
fn conjugates_are_infinite_outside_their_domain() {
    for (name, dual, label) in [
        ("logistic", vec![0.1], 1.0),
        ("logistic", vec![-1.1], 1.0),
        ("huber:delta=0.7", vec![0.71], 0.0),
        ("poisson", vec![-1.5], 1.0),
        ("squared-hinge", vec![0.5], 1.0),
        ("softmax:classes=2", vec![0.5, 0.5], 0.0),
        ("softmax:classes=2", vec![0.5, -0.5], 0.0),
    ] {
        assert_eq!(loss_by_name(name).unwrap().conjugate(&dual, label), Some(f64::INFINITY), "{name} {dual:?}");
    }
}

#[test]
fn extreme_margins_never_give_nan() {
    for (loss, labels) in losses() {
        let k = loss.outputs();
        for size in [709.0, 710.0, 745.0, 750.0, 1e4, 1e8, 1e154, 1e300] {
            for sign in [1.0, -1.0] {
                for &y in &labels {
                    let margins: Vec<f64> =
                        (0..k).map(|j| if j % 2 == 0 { sign * size } else { -sign * size }).collect();
                    let (mut first, mut second) = (vec![f64::NAN; k], vec![f64::NAN; k]);
                    let value = loss.value_and_derivative(&margins, y, &mut first);
                    loss.second_derivative(&margins, y, &vec![1.0; k], &mut second);
                    let name = loss.id().name;
                    assert!(value >= 0.0 || name == "poisson" && !value.is_nan(), "{name} at {sign}*{size}: {value}");
                    assert_eq!(value, loss.value(&margins, y), "{name}");
                    assert!(first.iter().chain(&second).all(|x| !x.is_nan()), "{name} at {sign}*{size}, {y}");
                    let linear_growth = ["logistic", "softmax", "huber"].contains(&name.as_str());
                    let expected_finite =
                        linear_growth || (name != "poisson" && size <= 1e150) || size <= 1e4 && sign < 0.0;
                    assert!(!expected_finite || value.is_finite(), "{name} at {sign}*{size}, {y}: {value}");
                }
            }
        }
    }
    let logistic = loss_by_name("logistic").unwrap();
    assert_eq!((logistic.value(&[-1e4], 1.0), logistic.value(&[1e4], 1.0)), (1e4, 0.0));
    let mut out = [0.0];
    logistic.derivative(&[-1e300], 1.0, &mut out);
    assert_eq!(out, [-1.0]);
    let softmax = loss_by_name("softmax:classes=3").unwrap();
    assert_eq!(softmax.value(&[1e4, -1e4, 0.0], 1.0), 2e4);
    assert_eq!(softmax.value(&[1e4, -1e4, 0.0], 0.0), 0.0);
    // A sure prediction keeps its small loss: log(1 + 2 e^-40).
    let small = softmax.value(&[40.0, 0.0, 0.0], 0.0);
    assert!((small / (2.0 * (-40f64).exp()) - 1.0).abs() < 1e-14);
}

#[test]
fn ids_and_names_make_the_same_loss() {
    for (loss, labels) in losses() {
        let again = loss_by_id(&loss.id()).unwrap();
        assert_eq!(again.id(), loss.id());
        let margins: Vec<f64> = (0..loss.outputs()).map(|j| (j as f64).sin()).collect();
        assert_eq!(again.value(&margins, labels[0]), loss.value(&margins, labels[0]));
        let wire = serde_json::to_string(&loss.id()).unwrap();
        assert_eq!(serde_json::from_str::<LossId>(&wire).unwrap(), loss.id());
        assert!(LOSS_NAMES.iter().any(|n| n.split(':').next() == Some(loss.id().name.as_str())));
    }
}

#[test]
fn bad_names_and_labels_say_what_is_allowed() {
    let message = |text: &str| loss_by_name(text).unwrap_err().to_string();
    assert!(message("hinge").starts_with("loss: got hinge; allowed: squared, logistic, softmax:classes=K"));
    assert_eq!(message("huber:delta=0"), "huber: delta: got 0; allowed: a positive finite number");
    assert_eq!(message("huber:delta=nan"), "huber: delta: got NaN; allowed: a positive finite number");
    assert_eq!(message("huber:width=2"), "loss huber: got `width=2`; allowed: delta=…");
    assert_eq!(message("softmax"), "loss softmax: got no classes; allowed: softmax:classes=…");
    assert_eq!(message("softmax:classes=1"), "softmax: classes: got 1; allowed: at least 2");
    assert_eq!(message("logistic:c=1"), "loss logistic: got `c=1`; allowed: no parameters");
    let by_id = |name: &str, parameters: Vec<f64>| loss_by_id(&LossId { name: name.into(), parameters }).unwrap_err();
    assert_eq!(by_id("squared", vec![1.0]).to_string(), "squared: got 1 parameters; allowed: 0 parameters");
    assert_eq!(by_id("huber", vec![]).to_string(), "huber: got no parameter; allowed: 1 parameter");
    assert!(by_id("softmax", vec![2.5]).to_string().contains("a whole number of at least 2"));

    for (loss, labels) in losses() {
        assert!(labels.iter().all(|&y| loss.reject_label(y).is_none()), "{:?}", loss.id());
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(loss.reject_label(bad).is_some(), "{:?} takes {bad}", loss.id());
        }
    }
    let reject = |name: &str, label: f64| loss_by_name(name).unwrap().reject_label(label);
    assert_eq!(reject("logistic", 0.0).unwrap(), "-1 or 1");
    assert_eq!(reject("softmax:classes=3", 3.0).unwrap(), "class indices 0 to 2");
    assert!(reject("softmax:classes=3", 1.5).is_some() && reject("softmax:classes=3", -1.0).is_some());
    assert_eq!(reject("poisson", -1.0).unwrap(), "finite numbers of at least 0");
}
