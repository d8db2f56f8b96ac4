//! Runs of the method: its iterates, its costs, where it gets, and what it refuses.

use std::sync::Arc;

use super::plain::{Plain, run, signs, smooth};
use super::{dense, distance, number, open, parity};
use steadfast::data::{Dense, Labels, LoadOptions, Matrix, Source, load};
use steadfast::error::{Error, Result};
use steadfast::fleet::{Attack, Counters, FaultPlan, PRODUCT_ATTACKS};
use steadfast::method::Status;
use steadfast::objective::{L1, LeastSquares, Logistic, NonlinearLeastSquares, Objective, Penalized, Softmax};
use steadfast::oracle::{ProductOracle, Rounds, SampleOracle};
use steadfast::run::{DeviceKind, TrainConfig, Training};
use steadfast::seed::Seed;
use steadfast::trace::IterationRecord;

/// Steps of at most 1 / L, L the curvature of any single loss, never drive two iterates apart (the loss is convex), so that the
/// errors of the gradients add up: `|w - w'| <= sum_k a_k |error of g_k|`. A batch whose rows are off by E (Frobenius, at most the
/// certificate's bound b) has a gradient off by at most `(max|f'| + c |w| R) E / sqrt(B)` with c = 1/4, |f'| <= 1 for the
/// logistic loss.
#[test]
fn lies_do_not_change_the_iterates() {
    let (n, d, batch, epochs) = (60, 37, 8, 3);
    let (data, labels) = (dense(n, d), signs(n));
    let objective = smooth(Logistic, 1e-2);
    let method = format!("sgd:batch={batch}");
    let mut plain = Plain { data: &data, counters: Counters::default() };
    let (wanted, _) = run(&mut plain, &objective, &labels, &method, epochs).expect("plain data");
    let longest = plain.longest_row();
    let step = 1.0 / (0.25 * longest.powi(2) + 1e-2);
    let mut worst = 0.0f64;
    for t in 1..=4 {
        for attack in PRODUCT_ATTACKS {
            let attack = Attack::parse(attack).expect("an attack");
            let plan = FaultPlan::new(15, Seed(5)).changing(true).liars(t, attack.clone());
            let (mut oracle, _) = open(&data, parity(15, t, 0), plan, 0);
            let (got, records) = run(&mut oracle, &objective, &labels, &method, epochs).expect("within the tolerance");
            let bound = records.iter().map(|r| r.bound).fold(0.0, f64::max);
            let steps = (epochs * n.div_ceil(batch)) as f64;
            // The smallest batch has n mod B rows.
            let per_row = bound / ((n % batch) as f64).sqrt();
            let norm = distance(&got.weights, &vec![0.0; d]);
            let size = 2.0 * norm.max(1.0);
            // And the master's own rounding: d + B + 4 operations an entry of numbers no larger than |w| + a |g|.
            let rounding = (d + batch + 4) as f64 * f64::EPSILON * (size + step * longest);
            let tolerance = steps * (step * (1.0 + 0.25 * size * longest) * per_row + rounding);
            let off = distance(&got.weights, &wanted.weights);
            assert!(off <= tolerance, "{attack}, t = {t}: {off:e} above {tolerance:e}");
            assert!(tolerance < 1e-6 * norm, "the tolerance says something: {tolerance:e} against {norm}");
            assert!(records.iter().all(|r| r.certified));
            worst = worst.max(off);
        }
    }
    println!("{} runs of {epochs} epochs: farthest from plain SGD {worst:.1e}", 4 * PRODUCT_ATTACKS.len());
}

/// A whole run counts its products and its samples, and nothing else.
#[test]
fn a_run_costs_its_rounds() {
    let (n, d, batch) = (50, 22, 8);
    let data = dense(n, d);
    let code = parity(15, 2, 0);
    let q = code.blocks();
    let (p1, p2) = (n.div_ceil(q), d.div_ceil(q));
    let (mut oracle, _) = open(&data, code, FaultPlan::new(15, Seed(1)), 0);
    let (outcome, records) =
        run(&mut oracle, &smooth(Logistic, 1e-2), &signs(n), &format!("sgd:batch={batch}"), 2).expect("a run");
    assert_eq!(outcome.status, Status::IterationLimit);
    let counters = oracle.counters();
    // Three measurements of two products each; two epochs of seven steps.
    assert_eq!(counters.rounds, 3 * 2 + 2 * 7);
    assert_eq!(counters.multiply_adds, 3 * 15 * (p1 * d + p2 * n) as u64);
    assert_eq!(counters.floats_up, 15 * (3 * (p1 + p2) + 2 * n * p2) as u64);
    assert_eq!(counters.floats_down, (3 * (n + d) + 2 * n) as u64);
    assert_eq!(records.iter().map(|r| r.rounds).collect::<Vec<_>>(), [2, 11, 20]);
    // Recorded one step at a time.
    let (mut oracle, _) = open(&data, parity(15, 2, 0), FaultPlan::new(15, Seed(1)), 0);
    let (_, records) = run(&mut oracle, &smooth(Logistic, 1e-2), &signs(n), "sgd:batch=1,steps=1", 3).expect("a run");
    assert_eq!(records.iter().map(|r| r.rounds).collect::<Vec<_>>(), [2, 5, 8, 11]);
}

#[test]
fn an_epoch_takes_every_row_once() {
    /// Tells which rows were asked for.
    struct Told<'a>(Plain<'a>, Vec<usize>);
    impl ProductOracle for Told<'_> {
        fn rows(&self) -> usize {
            self.0.rows()
        }
        fn cols(&self) -> usize {
            self.0.cols()
        }
        fn margins(&mut self, weights: &[f64], out: &mut [f64]) -> Result<()> {
            self.0.margins(weights, out)
        }
        fn pullback(&mut self, residuals: &[f64], out: &mut [f64]) -> Result<()> {
            self.0.pullback(residuals, out)
        }
        fn drain(&mut self) -> Rounds {
            self.0.drain()
        }
        fn counters(&self) -> Counters {
            self.0.counters()
        }
        fn unit_roundoff(&self) -> f64 {
            self.0.unit_roundoff()
        }
        fn sampler(&mut self) -> Option<&mut dyn SampleOracle> {
            Some(self)
        }
    }
    impl SampleOracle for Told<'_> {
        fn samples(&mut self, rows: &[usize], out: &mut [f64]) -> Result<()> {
            self.1.extend(rows);
            self.0.samples(rows, out)
        }
        fn longest_row(&self) -> f64 {
            self.0.longest_row()
        }
    }
    let (data, labels) = (dense(23, 4), signs(23));
    let told = || {
        let mut oracle = Told(Plain { data: &data, counters: Counters::default() }, Vec::new());
        run(&mut oracle, &smooth(Logistic, 1e-2), &labels, "sgd:batch=5", 3).expect("a run");
        oracle.1
    };
    let all = told();
    assert_eq!(all, told(), "the same seed, the same order");
    let epochs: Vec<Vec<usize>> = all.chunks(23).map(<[usize]>::to_vec).collect();
    assert_eq!(epochs.len(), 3);
    for epoch in &epochs {
        let mut sorted = epoch.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..23).collect::<Vec<_>>());
    }
    assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2], "each epoch has an order of its own");
}

/// With B = n and a constant step SGD is gradient descent, to the rounding of another order of summation.
#[test]
fn a_batch_of_everything_is_gradient_descent() {
    let (n, d, step, steps) = (40, 6, 0.05, 25);
    let (data, labels) = (dense(n, d), signs(n));
    let objective = smooth(LeastSquares, 0.1);
    let mut plain = Plain { data: &data, counters: Counters::default() };
    let method = format!("sgd:batch={n},step={step},schedule=constant");
    let (outcome, _) = run(&mut plain, &objective, &labels, &method, steps).expect("a run");
    let mut w = vec![0.0; d];
    for _ in 0..steps {
        let (mut margins, mut gradient) = (vec![0.0; n], vec![0.0; d]);
        data.multiply(&w, 1, &mut margins);
        let residuals: Vec<f64> = margins.iter().zip(&labels).map(|(z, y)| (z - y) / n as f64).collect();
        data.multiply_transposed(&residuals, 1, &mut gradient);
        w.iter_mut().zip(&gradient).for_each(|(w, g)| *w -= step * (g + 0.1 * *w));
    }
    // Numbers of size 1: n + d operations a gradient, contracted by each of the steps.
    assert!(distance(&outcome.weights, &w) <= (steps * (n + d)) as f64 * f64::EPSILON);
}

/// Losses of several outputs and with l1: every schedule, with and without the average, comes closer to the optimum.
#[test]
fn objectives_fall_towards_the_optimum() {
    let (n, d) = (300, 12);
    let data = dense(n, d);
    let l1 = Arc::new(L1::new(0.02, Penalized::new(d, false).expect("columns")).expect("a penalty"));
    let lasso = Objective { regularizer: Some(l1), ..smooth(LeastSquares, 0.0) };
    let model: Vec<f64> = (0..d as u64).map(|j| if j % 3 == 0 { number(j) } else { 0.0 }).collect();
    let mut targets = vec![0.0; n];
    data.multiply(&model, 1, &mut targets);
    // Labels that the rows say much of, and not all.
    let noisy: Vec<f64> = (0..).zip(&targets).map(|(i, z)| z + number(!i)).collect();
    let signs: Vec<f64> = noisy.iter().map(|z| z.signum()).collect();
    let classes: Vec<f64> = noisy.iter().map(|z| if z.abs() < 0.4 { 0.0 } else { 1.5 + 0.5 * z.signum() }).collect();
    let problems: [(&str, Objective, &[f64]); 3] = [
        ("softmax", smooth(Softmax::new(3).expect("classes"), 1e-2), &classes),
        ("lasso", lasso, &targets),
        ("logistic", smooth(Logistic, 1e-2), &signs),
    ];
    for (name, objective, labels) in &problems {
        let plain = || Plain { data: &data, counters: Counters::default() };
        let (best, _) = run(&mut plain(), objective, labels, "auto", 2_000).expect("a run");
        assert!(best.status.is_solved());
        // No rate is promised for the noise of so few steps; whatever the schedule, most of the way must be gone. (The iterates
        // themselves are held against plain SGD above.)
        for schedule in ["constant", "inverse", "sqrt"] {
            for average in [false, true] {
                let method = format!("sgd:schedule={schedule},average={average}");
                let (outcome, records) = run(&mut plain(), objective, labels, &method, 40).expect("a run");
                let gap = |r: &IterationRecord| r.objective - best.last.objective;
                let share = gap(&outcome.last) / gap(&records[0]);
                println!("{name}, {method}: {share:.1e} of the gap is left");
                assert!((0.0..0.5).contains(&share), "{name}, {method}: {share}");
                assert_eq!(outcome.status, Status::IterationLimit, "nothing claims to have converged");
            }
        }
    }
}

/// The non-convex least squares of a label in \[0, 1\], on real data and lying workers: F falls far.
#[test]
fn a_loss_that_is_not_convex_improves() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/heart_scale.svm");
    let data = load(&path.parse::<Source>().expect("a path"), &LoadOptions::default()).expect("shipped data").data;
    let Labels::Real(labels) = &data.labels else { panic!("labels are -1 and 1") };
    let labels: Vec<f64> = labels.iter().map(|&y| f64::from(y > 0.0)).collect();
    let objective = smooth(NonlinearLeastSquares, 0.0);
    assert!(!objective.loss.is_convex());
    let plan = FaultPlan::new(15, Seed(2)).changing(true).liars(4, Attack::parse("gaussian").expect("an attack"));
    let (mut oracle, _) = open(&data.features, parity(15, 4, 0), plan, 0);
    let (outcome, records) = run(&mut oracle, &objective, &labels, "sgd:batch=10", 30).expect("a run");
    let (first, last) = (&records[0], &outcome.last);
    println!(
        "F from {:.4} to {:.4}, |g| from {:.1e} to {:.1e}",
        first.objective, last.objective, first.gradient_norm, last.gradient_norm
    );
    assert!(last.objective < 0.5 * first.objective && last.gradient_norm < 0.1 * first.gradient_norm);
    assert_eq!(outcome.liars.len(), 15, "others lie in each round, and all were named");
}

#[test]
fn a_measured_gradient_can_end_a_run() {
    // One row: the batch gradient is the gradient, and SGD converges like gradient descent.
    let data = Matrix::Dense(Dense::new(1, 2, vec![1.0, 2.0]).expect("a row"));
    let mut plain = Plain { data: &data, counters: Counters::default() };
    let (outcome, _) =
        run(&mut plain, &smooth(LeastSquares, 1.0), &[3.0], "sgd:schedule=constant", 200).expect("a run");
    assert!(matches!(outcome.status, Status::Converged { .. }), "{}", outcome.status);
}

#[test]
fn bad_options_are_refused() {
    let (data, labels) = (dense(10, 3), signs(10));
    let refused = |method: &str| {
        let mut plain = Plain { data: &data, counters: Counters::default() };
        let error = run(&mut plain, &smooth(Logistic, 0.0), &labels, method, 1).expect_err(method);
        assert_eq!(error.exit_status(), 2, "{method}");
        error.to_string()
    };
    assert_eq!(refused("sgd:batch=11"), "method sgd:batch: got 11; allowed: 1 to 10, the number of rows");
    for bad in [
        "sgd:batch=0",
        "sgd:batch=x",
        "sgd:step=0",
        "sgd:step=inf",
        "sgd:schedule=cosine",
        "sgd:average=maybe",
        "sgd:steps=0",
        "sgd:momentum=1",
    ] {
        assert!(refused(bad).starts_with("method sgd"), "{bad}");
    }
    // A step far too long leaves the numbers, and the error says what to do.
    let mut plain = Plain { data: &data, counters: Counters::default() };
    let error =
        run(&mut plain, &smooth(LeastSquares, 0.0), &labels, "sgd:batch=1,step=1e200", 5).expect_err("a long step");
    assert!(matches!(error, Error::Numerical(_)) && error.to_string().contains("sgd:step="), "{error}");
}

#[test]
fn the_builder_runs_it_and_refuses_a_gpu() {
    let source: Source = "synthetic:regression,rows=300,cols=12".parse().expect("a source");
    let data = || load(&source, &LoadOptions::default()).expect("generated").data;
    let config = TrainConfig {
        method: "sgd".into(),
        l2: 1e-3,
        liars: 4,
        inject_liars: 4,
        iterations: 10,
        device: DeviceKind::Cpu,
        ..TrainConfig::default()
    };
    let trained = Training::new(config.clone()).run(data()).expect("a run");
    assert!(trained.error.is_none());
    assert_eq!((trained.exit_status, trained.record.end.status.as_str()), (4, "iteration-limit"));
    let naming = trained.record.end.naming.expect("lies were injected");
    assert_eq!((naming.misses, naming.innocents_accused), (0, 0));
    let refused = Training::new(TrainConfig { device: DeviceKind::Gpu, ..config }).run(data()).expect_err("a GPU");
    assert!(refused.to_string().contains("cpu or auto"), "{refused}");
}
