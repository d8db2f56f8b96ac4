//! Rows stored in f32: the run ends where the rounded rows' optimum is, at a distance that the rounding bounds.

use steadfast::run::{TrainConfig, Trained, Training};
use steadfast::scalar::Precision;

use crate::problems::config;

/// Unit round-off of f32.
const U32: f64 = f32::EPSILON as f64 / 2.0;
const L2: f64 = 1.0 / 60.0;
const TOLERANCE: f64 = 1e-9;
/// The least value, by exact Newton steps of the independent implementation.
const OPTIMUM: f64 = 0.393_214_311_600_568;

/// With features off by u of themselves, a margin is off by `u |x| |W|`, softmax's residual by half of that (the norm of its second
/// derivative), and the gradient by `u |x| (|r| + |x| |W| / 2)`, where |r| <= sqrt 2 and |x| <= sqrt 6.
#[test]
fn rounded_rows_end_within_the_stated_bound() {
    for method in ["dino", "hessian-free-giant", "dingo", "disco", "coded-dino"] {
        let (base, data) = config("softmax", method, 2000);
        let exact = Training::new(base.clone()).run(data.clone()).expect("a run");
        let config = TrainConfig { precision: Some(Precision::F32), tolerance: TOLERANCE, ..base };
        let products = method == "coded-dino";
        // Products of f32 shards end at f32's rounding, which the run knows.
        let trained = Training::new(config).run(data).expect("a run");
        assert_eq!(trained.exit_status, 0, "{method}: {:?} {}", trained.error, trained.record.end.status);
        let end = &trained.record.end;
        let weights = |trained: &Trained| trained.model.as_ref().map(|model| model.weights.clone());
        assert_ne!(weights(&trained), weights(&exact), "{method}: nothing was rounded");
        let off = U32 * (12f64.sqrt() + 3.0 * end.weights_norm);
        let gradient = if products { end.gradient_norm } else { TOLERANCE };
        let bound = (gradient + off).powi(2) / (2.0 * L2);
        let above = end.objective - OPTIMUM;
        println!("{method}: {above:.1e} above the optimum, of at most {bound:.1e}");
        // F itself is computed to a few round-offs of f64.
        assert!(above <= bound + 1e-15 && above >= -1e-15, "{method}: {above:e} above {bound:e}");
    }
}
