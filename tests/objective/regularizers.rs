//! Proximal operators: what defines each, checked at random points.

use proptest::prelude::*;
use std::sync::Arc;
use steadfast::objective::{Penalized, Penalty, Regularizer};

pub const NAMES: [&str; 7] = [
    "l1:weight=0.3",
    "box:lo=-0.5,hi=1",
    "box:lo=0.25,hi=0.25",
    "non-negative",
    "simplex:radius=2",
    "l2-ball:radius=0.7",
    "box:lo=-inf,hi=0",
];

pub fn make(name: &str, cols: usize, intercept: bool) -> Arc<dyn Regularizer> {
    Penalty::parse(name, Penalized::new(cols, intercept).unwrap()).unwrap().regularizer.unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

proptest! {
    // u = prox_{step h}(w) exactly when step (h(x) - h(u)) >= <w - u, x - u> for all x: for a set, the projection's
    // inequality. Any feasible x will do as a witness; numbers are below 100 in sums of 12.
    #[test]
    fn prox_meets_the_subgradient_inequality(
        w in prop::collection::vec(-4.0..4.0f64, 12),
        other in prop::collection::vec(-4.0..4.0f64, 12),
        step in 0.01..5.0f64,
        intercept: bool,
    ) {
        for name in NAMES {
            let h = make(name, 4, intercept);
            let mut u = w.clone();
            h.prox(step, &mut u);
            prop_assert!(h.value(&u).is_finite(), "{name}: {u:?}");
            // The other point, made feasible where h is a constraint; l1 takes it as it is.
            let mut x = other.clone();
            if !name.starts_with("l1") {
                h.prox(step, &mut x);
            }
            let mut fixed = true;
            for j in 0..12 {
                if intercept && j % 4 == 3 {
                    fixed &= u[j] == w[j];
                    x[j] = u[j];
                }
            }
            prop_assert!(fixed, "{name} moved the intercept");
            let to_w: Vec<f64> = w.iter().zip(&u).map(|(a, b)| a - b).collect();
            let to_x: Vec<f64> = x.iter().zip(&u).map(|(a, b)| a - b).collect();
            let slack = step * (h.value(&x) - h.value(&u)) - dot(&to_w, &to_x);
            prop_assert!(slack >= -1e-13, "{name}: {slack}");
            // Projecting twice moves nothing but the last places.
            if !name.starts_with("l1") {
                let mut again = u.clone();
                h.prox(step, &mut again);
                prop_assert!(u.iter().zip(&again).all(|(a, b)| (a - b).abs() <= 1e-14));
            }
        }
    }

    #[test]
    fn fenchel_gap_is_never_negative_and_0_at_a_subgradient(
        w in prop::collection::vec(-4.0..4.0f64, 12),
        v in prop::collection::vec(-4.0..4.0f64, 12),
        intercept: bool,
    ) {
        for name in NAMES {
            let h = make(name, 4, intercept);
            let mut u = w.clone();
            h.prox(1.0, &mut u);
            let mut dual = v.clone();
            let scale = h.dual_scale(&dual);
            prop_assert!((0.0..=1.0).contains(&scale));
            dual.iter_mut().for_each(|x| *x *= scale);
            let gap = h.fenchel_gap(&u, &dual).unwrap();
            prop_assert!(gap >= -1e-13, "{name}: {gap}");
            // w - prox_h(w) is a subgradient of h at prox_h(w).
            let subgradient: Vec<f64> = w.iter().zip(&u).map(|(w, u)| w - u).collect();
            let tight = h.fenchel_gap(&u, &subgradient).unwrap();
            // Rounding of the threshold: 12 numbers below 10 times their last place.
            prop_assert!(tight.abs() <= 1e-12, "{name}: {tight}");
        }
    }

    #[test]
    fn simplex_projection_is_the_bisection_one(w in prop::collection::vec(-1e3..1e3f64, 1..40), radius in 0.1..10.0f64) {
        let mut u = w.clone();
        make(&format!("simplex:radius={radius}"), w.len(), false).prox(1.0, &mut u);
        // The threshold solves sum_j max(0, w_j - t) = radius; 200 halvings reach the last place.
        let largest = w.iter().copied().fold(f64::MIN, f64::max);
        let (mut lo, mut hi) = (largest - radius, largest);
        for _ in 0..200 {
            let t = 0.5 * (lo + hi);
            let sum: f64 = w.iter().map(|w| (w - t).max(0.0)).sum();
            if sum > radius { lo = t } else { hi = t }
        }
        for (w, u) in w.iter().zip(&u) {
            // 40 numbers of magnitude 1e3, rounded at 1e-13 each.
            prop_assert!(((w - lo).max(0.0) - u).abs() <= 1e-11);
        }
    }
}

#[test]
fn extreme_weights_project_to_the_set() {
    for name in ["box:lo=-0.5,hi=1", "simplex:radius=2", "l2-ball:radius=0.7", "non-negative"] {
        let h = make(name, 3, false);
        for start in [[1e300, -1e300, 1.0], [1e-300, -1e-300, 0.0], [1e16, 1e16, -3.0], [0.0; 3], [-1e300; 3]] {
            let mut u = start;
            h.prox(1.0, &mut u);
            assert!(h.value(&u) == 0.0, "{name} of {start:?}: {u:?}");
        }
    }
    // NaN is not hidden, so that a failed run is seen.
    for name in NAMES {
        let mut u = [f64::NAN, 1.0];
        make(name, 2, false).prox(1.0, &mut u);
        let hidden = name == "box:lo=0.25,hi=0.25" && u[0] == 0.25;
        assert!(u[0].is_nan() || hidden, "{name}: {u:?}");
    }
}

#[test]
fn values_outside_a_set_are_infinite() {
    for (name, inside, outside) in [
        ("box:lo=-0.5,hi=1", [1.0, -0.5], [1.0 + 1e-12, 0.0]),
        ("non-negative", [0.0, 1e9], [-1e-300, 0.0]),
        ("simplex:radius=2", [0.5, 1.5], [0.5, 1.5 + 1e-12]),
        ("l2-ball:radius=0.7", [0.7, 0.0], [0.7 + 1e-12, 0.0]),
    ] {
        let h = make(name, 2, false);
        assert_eq!((h.value(&inside), h.value(&outside)), (0.0, f64::INFINITY), "{name}");
        assert_eq!(h.name(), name);
    }
}

#[test]
fn names_map_to_l1_and_l2() {
    let on = Penalized::new(3, false).unwrap();
    let parse = |text: &str| Penalty::parse(text, on);
    let net = parse("elastic-net:weight=2,ratio=0.25").unwrap();
    assert_eq!((net.l2, net.regularizer.unwrap().name()), (1.5, "l1:weight=0.5".into()));
    let ridge = parse("elastic-net:weight=2,ratio=0").unwrap();
    assert!(ridge.l2 == 2.0 && ridge.regularizer.is_none());
    assert!(parse("none").unwrap().regularizer.is_none());

    let message = |text: &str| parse(text).unwrap_err().to_string();
    assert!(message("l3").starts_with("regularizer: got `l3`; allowed: none, l1:weight=X"));
    assert_eq!(message("l1:weight=-1"), "l1: got -1; allowed: a finite number of at least 0");
    assert_eq!(message("box:lo=2,hi=1"), "box: got lo=2,hi=1; allowed: lo <= hi");
    assert_eq!(message("box:lo=nan,hi=1"), "box: got lo=NaN,hi=1; allowed: lo <= hi");
    assert_eq!(message("simplex:radius=0"), "simplex: radius: got 0; allowed: a positive finite number");
    assert_eq!(message("l2-ball:r=1"), "regularizer l2-ball: got `r=1`; allowed: radius=…");
    assert_eq!(message("elastic-net:weight=1,ratio=2"), "elastic-net: ratio: got 2; allowed: 0 (all l2) to 1 (all l1)");
    assert!(Penalized::new(0, false).is_err());
}
