//! DINO and GIANT beside a code: liars among those who send products and directions change neither the gradient nor a value of F.

use steadfast::data::Matrix;
use steadfast::fleet::{Attack, BlockFleet, Clock, FaultPlan, Faults};
use steadfast::objective::{NonlinearLeastSquares, Objective};
use steadfast::oracle::{Conjugate, Inner, LocalOracle, LocalTask, LocalWorkers, Safeguard};
use steadfast::run::{TrainConfig, Trained, Training};
use steadfast::seed::Seed;

use crate::problems::{ROWS, config, features};

/// Unit round-off.
const U: f64 = f64::EPSILON / 2.0;
const WORKERS: usize = 15;
const LIARS: usize = 4;
/// The least value, by exact Newton steps of the independent implementation.
const OPTIMUM: f64 = 0.393_214_311_600_568;

fn run(problem: &str, method: &str, change: impl FnOnce(TrainConfig) -> TrainConfig) -> Trained {
    let (base, data) = config(problem, method, 400);
    let base = TrainConfig { workers: WORKERS, liars: LIARS, tolerance: 1e-8, ..base };
    Training::new(change(base)).run(data).expect("a run that begins")
}

/// A random vector far longer than any direction is as good as orthogonal to the gradient.
#[test]
fn the_optimum_is_the_one_without_faults() {
    for method in ["coded-dino", "coded-giant"] {
        for attack in
            ["gaussian:sigma=1e6", "collude:amplitude=1e3", "sign-flip", "scale:factor=-50", "nan", "mimic", "alie"]
        {
            let trained = run("softmax", method, |c| TrainConfig { inject_liars: LIARS, attack: attack.into(), ..c });
            assert_eq!(trained.exit_status, 0, "{method} {attack}: {:?}", trained.error);
            let end = &trained.record.end;
            // |g|^2 / (2 l2) above it at most, and as many round-offs as F has rows.
            let above = end.objective - OPTIMUM;
            let allowed = 1e-16 * 30.0 + ROWS as f64 * U;
            println!("{method} {attack}: {} iterations, {above:.1e} above the optimum", end.iterations);
            assert!(above.abs() <= allowed, "{method} {attack}: {above:e}");
            for pair in trained.record.iterations.windows(2) {
                let (before, after) = (&pair[0], &pair[1]);
                assert!(after.objective <= before.objective * (1.0 + 8.0 * U) + before.bound, "{method} {attack}");
            }
        }
    }
}

/// The same round from the workers and from the master's side: who lies is not among those who are kept.
#[test]
fn long_directions_and_those_that_ascend_are_left_out() {
    let objective =
        Objective { loss: std::sync::Arc::new(NonlinearLeastSquares), l2: 0.0, regularizer: None, intercept: false };
    let labels: Vec<f64> = (0..ROWS).map(|j| (7 * j % 5) as f64).collect();
    let data = Matrix::Dense(features());
    let open = |faults: Faults| {
        let fleet = BlockFleet::new(faults, Clock::default());
        LocalWorkers::new(&data, &labels, &objective, fleet, Seed(3)).expect("workers")
    };
    let weights = vec![0.3; 6];
    let mut at = vec![0.0; 7];
    open(Faults::none(WORKERS)).mean(&LocalTask::Gradient { weights: &weights, sent: 6 }, &mut at).expect("a gradient");
    let gradient = &at[..6];
    let theta = 0.5;
    let safeguard = Safeguard { theta, phi: 0.1, inner: Inner::default(), conjugate: Conjugate::Residuals };
    let task = LocalTask::Dino { weights: Some(&weights), gradient, safeguard };
    let mut honest = vec![0.0; 6];
    let all = open(Faults::none(WORKERS)).kept_mean(&task, theta, &mut honest).expect("directions");
    // Nobody's direction is ten times the median's here, and all descend by theta: nobody honest is left out.
    assert_eq!(all.kept, (0..WORKERS).collect::<Vec<_>>());
    for attack in ["gaussian:sigma=1e6", "sign-flip", "nan", "zero", "scale:factor=100"] {
        let attack = Attack::parse(attack).expect("an attack");
        let plan = FaultPlan::new(WORKERS, Seed(9)).liars(LIARS, attack).changing(false);
        let (faults, witness) = plan.split().expect("a plan");
        let mut mean = vec![0.0; 6];
        let round = open(faults).kept_mean(&task, theta, &mut mean).expect("directions");
        let liars = witness.take().liars;
        assert_eq!(liars.len(), LIARS);
        assert!(round.kept.iter().all(|worker| !liars.contains(worker)), "{liars:?} in {:?}", round.kept);
        assert_eq!(round.kept.len(), WORKERS - LIARS);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (slope, square) = (dot(&mean, gradient), dot(gradient, gradient));
        assert!(slope <= -theta * square + 8.0 * U * (dot(&mean, &mean) * square).sqrt());
    }
}

/// Where curvature is negative nobody has a direction for GIANT, and it says so; DINO ends where the gradient does.
#[test]
fn negative_curvature_stops_giant_alone() {
    let lie = |c: TrainConfig| TrainConfig { inject_liars: LIARS, attack: "gaussian:sigma=1e6".into(), ..c };
    let giant = run("nls", "coded-giant", lie);
    assert_eq!(giant.exit_status, 3);
    assert!(giant.error.is_some_and(|error| error.to_string().contains("coded-dino")));
    let dino = run("nls", "coded-dino:theta=1,phi=0.1", |c| lie(TrainConfig { iterations: 4000, ..c }));
    assert_eq!(dino.exit_status, 0, "{:?} {}", dino.error, dino.record.end.status);
    assert!(dino.record.end.gradient_norm <= 1e-8);
}

/// Late and dead workers are done without, up to what the code tolerates; six communications an iteration.
#[test]
fn stragglers_are_not_waited_for() {
    let slow = |c| TrainConfig { liars: 1, stragglers: 3, inject_slow: 2, inject_dead: 1, ..c };
    let trained = run("softmax", "coded-dino", slow);
    assert_eq!(trained.exit_status, 0, "{:?}", trained.error);
    assert!((trained.record.end.objective - OPTIMUM).abs() <= 1e-16 * 30.0 + ROWS as f64 * U);
    let its = &trained.record.iterations;
    assert!(its.iter().skip(1).all(|it| it.late.len() >= 3), "{:?}", its[1].late);
    let waiting = run("softmax", "coded-dino", |c| TrainConfig { liars: 1, stragglers: 0, inject_slow: 2, ..c });
    let seconds = |trained: &Trained| trained.record.iterations[1].virtual_seconds;
    assert!(seconds(&trained) < seconds(&waiting), "{} {}", seconds(&trained), seconds(&waiting));
    // Margins in full every 30 iterations and at the end are two more.
    assert_eq!(its[5].communications - its[4].communications, 6);
}
