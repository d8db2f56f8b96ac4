//! DINO's promise: every direction descends by theta, and F never rises, whatever theta, phi and the curvature are.

use std::sync::Arc;

use steadfast::data::Matrix;
use steadfast::fleet::{BlockFleet, Clock, Faults};
use steadfast::objective::{NonlinearLeastSquares, Objective, Softmax};
use steadfast::oracle::{Conjugate, Inner, LocalOracle, LocalTask, LocalWorkers, STEPS, Safeguard, candidate};
use steadfast::seed::Seed;

use crate::problems::{ROWS, features, train};

/// Unit round-off.
const U: f64 = f64::EPSILON / 2.0;

fn norm(a: &[f64]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Iterates by hand from `start`, asking the workers as the method does.
fn check(objective: &Objective, labels: &[f64], start: f64, theta: f64, phi: f64, conjugate: Conjugate) {
    let fleet = BlockFleet::new(Faults::none(6), Clock::default());
    let data = Matrix::Dense(features());
    let mut workers = LocalWorkers::new(&data, labels, objective, fleet, Seed(0)).expect("workers");
    let width = 6 * objective.loss.outputs();
    let mut weights = vec![start; width];
    let safeguard = Safeguard { theta, phi, inner: Inner::default(), conjugate };
    let mut before = f64::INFINITY;
    for _ in 0..25 {
        let mut at = vec![0.0; width + 1];
        workers.mean(&LocalTask::Gradient { weights: &weights, sent: 1 }, &mut at).expect("a gradient");
        let (gradient, value) = (at[..width].to_vec(), at[width]);
        assert!(value <= before + 8.0 * U * value.abs(), "theta {theta:e} phi {phi:e}: {before} to {value}");
        before = value;
        let square: f64 = gradient.iter().map(|g| g * g).sum();
        if square.sqrt() < 1e-9 {
            return;
        }
        let mut direction = vec![0.0; width];
        workers
            .mean(&LocalTask::Dino { weights: None, gradient: &gradient, safeguard }, &mut direction)
            .expect("a direction");
        let slope: f64 = direction.iter().zip(&gradient).map(|(p, g)| p * g).sum();
        let slack = 8.0 * U * norm(&direction) * square.sqrt();
        assert!(slope <= -theta * square + slack, "theta {theta:e} phi {phi:e}: {slope:e} above {:e}", -theta * square);
        let mut values = vec![0.0; 2 * STEPS];
        workers.mean(&LocalTask::Values { weights: &weights, direction: &direction }, &mut values).expect("values");
        let Some(k) = (0..STEPS).find(|&k| values[k] <= value + 1e-4 * candidate(k) * slope) else { return };
        weights.iter_mut().zip(&direction).for_each(|(w, p)| *w += candidate(k) * p);
    }
}

#[test]
fn every_direction_descends_by_theta() {
    let nonlinear = Objective { loss: Arc::new(NonlinearLeastSquares), l2: 0.0, regularizer: None, intercept: false };
    let classes = Arc::new(Softmax::new(3).expect("classes"));
    let softmax = Objective { loss: classes, l2: 0.01, regularizer: None, intercept: true };
    let numbers: Vec<f64> = (0..ROWS).map(|j| (7 * j % 5) as f64).collect();
    let three: Vec<f64> = (0..ROWS).map(|j| (7 * j % 3) as f64).collect();
    for conjugate in [Conjugate::Residuals, Conjugate::Gradients] {
        for theta in [1e-4, 1e-2, 1.0, 10.0] {
            for phi in [1e-6, 1e-4, 1e-2, 1.0] {
                check(&nonlinear, &numbers, 0.0, theta, phi, conjugate);
                check(&nonlinear, &numbers, 0.3, theta, phi, conjugate);
                check(&softmax, &three, 0.1, theta, phi, conjugate);
            }
        }
    }
}

/// The situation of Figure 2: curvature that is negative at workers stops GIANT and DiSCO at once, and both say so.
#[test]
fn dino_goes_on_where_giant_and_disco_stop() {
    for (method, said) in [("hessian-free-giant", "3 of 3 workers"), ("disco", "curvature")] {
        let trained = train("nls", method, 20);
        assert_eq!(trained.exit_status, 1);
        let message = trained.error.expect(method).to_string();
        assert!(message.contains("curvature") && message.contains(said) && message.contains("dino"), "{message}");
        assert_eq!(trained.record.end.iterations, 0);
    }
    let preconditioned = train("nls", "disco:preconditioner=first,mu=1e-3", 20);
    assert_eq!((preconditioned.exit_status, preconditioned.record.end.iterations), (1, 0));
    let message = preconditioned.error.expect("it stops").to_string();
    assert!(message.contains("not positive definite for mu = 1e-3"), "{message}");
    let dino = train("nls", "dino:theta=1,phi=0.1", 2000);
    assert!(dino.error.is_none() && dino.exit_status == 0, "{:?} {}", dino.error, dino.record.end.status);
    assert!(dino.record.end.gradient_norm <= 1e-9, "{:e}", dino.record.end.gradient_norm);
    for pair in dino.record.iterations.windows(2) {
        let (before, after) = (pair[0].objective, pair[1].objective);
        assert!(after <= before + 8.0 * U * before.abs(), "{before} to {after}");
    }
    println!("{} iterations to {:.12}", dino.record.end.iterations, dino.record.end.objective);
}
