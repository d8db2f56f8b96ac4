//! What these methods refuse, and what runs do not depend on.

use steadfast::data::{Dataset, Dense, Labels, Matrix};
use steadfast::run::{TrainConfig, Training};

use crate::problems::{config, train};

#[test]
fn what_can_not_be_used_is_said() {
    let (base, _) = config("softmax", "dino", 5);
    for (change, named) in [
        (TrainConfig { method: "dino:theta=0".into(), ..base.clone() }, "above 0"),
        (TrainConfig { method: "dino:theta=inf".into(), ..base.clone() }, "above 0"),
        (TrainConfig { method: "dino:phi=-1e-6".into(), ..base.clone() }, "above 0"),
        (TrainConfig { method: "dino:tolerance=1".into(), ..base.clone() }, "below 1"),
        (TrainConfig { method: "dino:conjugate=x".into(), ..base.clone() }, "residuals or gradients"),
        (TrainConfig { method: "disco:preconditioner=jacobi".into(), ..base.clone() }, "none or first"),
        (TrainConfig { method: "disco:preconditioner=first,mu=-1".into(), ..base.clone() }, "at least 0"),
        (TrainConfig { method: "disco:mu=1".into(), ..base.clone() }, "mu"),
        (TrainConfig { method: "aide:tau=0".into(), ..base.clone() }, "above 0"),
        (TrainConfig { workers: 61, ..base.clone() }, "60 rows"),
        (TrainConfig { l1: 0.1, ..base.clone() }, "fista"),
        (TrainConfig { liars: 1, ..base.clone() }, "no liar is found"),
        (TrainConfig { code: Some("real-parity".into()), ..base.clone() }, "rows of its own"),
        (TrainConfig { method: "coded-dino:theta=0".into(), ..base.clone() }, "above 0"),
        (TrainConfig { method: "coded-giant".into(), aggregator: Some("mean".into()), ..base.clone() }, "robust-gd"),
    ] {
        let (_, data) = config("softmax", "dino", 5);
        let error = Training::new(change).run(data).expect_err(named);
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// A dead worker's rows are nobody else's.
#[test]
fn a_dead_worker_ends_the_run() {
    let (base, data) = config("softmax", "dino", 5);
    let trained = Training::new(TrainConfig { inject_dead: 1, ..base }).run(data).expect("a run that begins");
    assert_eq!(trained.exit_status, 3);
}

/// A step that is far too long: the loss leaves the finite numbers, and the run says so.
#[test]
fn a_loss_that_overflows_is_an_error() {
    let data = Dataset::new(
        Matrix::Dense(Dense::new(4, 1, vec![1e200, -1e200, 1e200, 2e200]).expect("a shape")),
        Labels::Real(vec![1.0, 2.0, 3.0, 4.0]),
        Vec::new(),
    )
    .expect("data");
    let (base, _) = config("nls", "synchronous-sgd:step=1", 5);
    let trained = Training::new(TrainConfig { workers: 2, ..base }).run(data).expect("a run that begins");
    assert_eq!(trained.exit_status, 1);
    assert!(trained.error.is_some_and(|error| error.to_string().contains("finite")));
}

/// Unequal parts are means over all rows; delays cost time alone; runs repeat to the bit.
#[test]
fn the_number_of_workers_does_not_change_the_objective() {
    let one = train("softmax", "dino", 40).record.end.objective;
    for workers in [1, 7, 60] {
        let (base, data) = config("softmax", "dino", 300);
        let trained = Training::new(TrainConfig { workers, tolerance: 1e-7, ..base }).run(data).expect("a run");
        assert_eq!(trained.exit_status, 0, "{workers}: {:?}", trained.error);
        // Strong convexity: |g|^2 / (2 l2) above the optimum at most, which is 0.393214311600568.
        let above = trained.record.end.objective - 0.393_214_311_600_568;
        assert!(above.abs() <= 1e-14 * 30.0 + 1e-14, "{workers}: {above:e}");
    }
    assert_eq!(one.to_bits(), train("softmax", "dino", 40).record.end.objective.to_bits());
}
