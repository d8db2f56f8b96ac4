//! Newton's methods on whole runs: exact and sketched Hessians, faults among the workers that make them, constraints, weakly
//! convex problems, matrices that are not formed. The references are L-BFGS and FISTA runs of the same problem, which share no
//! step with Newton's.

use steadfast::Error;
use steadfast::data::{Dataset, LoadOptions, Source, load};
use steadfast::run::{TrainConfig, Trained, Training};
use steadfast::trace::IterationRecord;

fn data(source: &str) -> Dataset<f64> {
    let source: Source = source.parse().expect("a source");
    load(&source, &LoadOptions::default()).expect("data").data
}

/// 4,000 rows, condition 100: enough rows for a sketch of 10 d.
fn logistic() -> Dataset<f64> {
    data("synthetic:logistic,rows=4000,cols=20,condition=100")
}

fn config(method: &str) -> TrainConfig {
    TrainConfig { method: method.into(), l2: 1e-3, tolerance: 1e-9, iterations: 100, ..TrainConfig::default() }
}

fn train(config: TrainConfig, data: Dataset<f64>) -> Trained {
    let trained = Training::new(config).run(data).expect("a run that begins");
    assert!(trained.error.is_none() && trained.exit_status == 0, "{:?} {}", trained.error, trained.record.end.status);
    trained
}

/// Iterations until F is within a relative 1e-8 of `optimum`.
fn iterations_to(trained: &Trained, optimum: f64) -> usize {
    let close = |i: &&IterationRecord| i.objective - optimum <= 1e-8 * optimum;
    trained.record.iterations.iter().find(close).expect("an iteration that is close").iteration
}

/// The optimum by L-BFGS: with |g| <= 1e-9 and l2 = 1e-3 it is within 1e-18 / (2 l2).
fn optimum(data: Dataset<f64>) -> f64 {
    train(config("lbfgs"), data).record.end.objective
}

#[test]
fn exact_steps_converge_quadratically() {
    let trained = train(config("newton"), logistic());
    let best = optimum(logistic());
    assert!((trained.record.end.objective - best).abs() <= 1e-14);
    // Once the gradient is small each step squares it, but for a factor: digits double.
    let norms: Vec<f64> = trained.record.iterations.iter().map(|i| i.gradient_norm).collect();
    let at = norms.iter().position(|g| *g < 1e-3).expect("a small gradient");
    assert!(norms[at + 1] < 1e2 * norms[at] * norms[at], "{norms:?}");
    assert!(trained.record.iterations[1..].iter().all(|i| i.sketch_dimension == Some(0)));
}

#[test]
fn sketched_steps_take_at_most_half_as_many_again() {
    // 270 x 13, and 1,797 x 64 with 10 classes: at least 20 times as many rows as columns.
    for file in ["examples/data/heart_scale.svm", "examples/data/digits.svm.xz"] {
        for l2 in [1e-2, 1e-4] {
            let run = |method: &str| train(TrainConfig { l2, tolerance: 1e-8, ..config(method) }, data(file));
            let (exact, sketched) = (run("newton"), run("oversketched-newton"));
            let (single, plain) =
                (run("oversketched-newton:average=false"), run("oversketched-newton:average=false,subspace=false"));
            assert!(sketched.record.iterations[1..].iter().all(|i| i.sketch_dimension > Some(0)));
            let best = exact.record.end.objective;
            let (exact, sketched) = (iterations_to(&exact, best), iterations_to(&sketched, best));
            assert!(2 * sketched <= 3 * exact, "{file}, {l2}: {sketched} against {exact}");
            let (single, plain) = (iterations_to(&single, best), iterations_to(&plain, best));
            assert!(sketched <= single && single <= plain, "{file}, {l2}: {sketched}, {single}, {plain}");
        }
    }
}

/// Theorem 2.1: far from the optimum a sketched step does what an exact one does; near it the error falls by a constant factor,
/// smaller for larger sketches.
#[test]
fn the_linear_phase_is_faster_with_larger_sketches() {
    let best = optimum(logistic());
    let mut factors = Vec::new();
    for factor in [4, 16] {
        let sketch = format!("oversketch:factor={factor}");
        let trained = train(
            TrainConfig { sketch, ..config("oversketched-newton:step=unit,subspace=false,average=false") },
            logistic(),
        );
        let gaps: Vec<f64> = trained.record.iterations.iter().map(|i| i.objective - best).collect();
        // From 1e-4 to 1e-12 of F, above its rounding: F's error is the square of w's.
        let linear: Vec<f64> = gaps.iter().copied().filter(|g| (1e-12..1e-4).contains(g)).collect();
        let steps = (linear.len() - 1) as f64;
        factors.push((linear[linear.len() - 1] / linear[0]).powf(0.5 / steps));
    }
    // The error of H^-1 H_sketch is about sqrt(d / m): 1/2 and 1/4.
    assert!(factors[0] < 0.75 && factors[1] < 0.75 * factors[0], "{factors:?}");
}

/// Near the optimum, where the Hessian stands still, the mean of k sketches errs like one of k times the rows: steps that a single
/// sketch shortens by a constant factor get shorter and shorter.
#[test]
fn averaged_sketches_converge_superlinearly() {
    let best = optimum(logistic());
    let rate = |method: &str| {
        let config = TrainConfig { sketch: "oversketch:factor=6".into(), ..config(method) };
        let gaps: Vec<f64> = train(config, logistic())
            .record
            .iterations
            .iter()
            .map(|i| i.objective - best)
            .filter(|g| *g > 1e-14)
            .collect();
        let shrunk = |at: usize| gaps[at + 1] / gaps[at];
        (shrunk(gaps.len() / 2), shrunk(gaps.len() - 2), gaps.len())
    };
    let (_, single_last, single_steps) = rate("oversketched-newton:step=unit,subspace=false,average=false");
    let (middle, last, steps) = rate("oversketched-newton:step=unit,subspace=false");
    // Four sketches and more are in the last mean, whose variance is then a quarter and less; a third, for they are drawn.
    assert!(last < middle && 3.0 * last < single_last, "{middle:e} {last:e}, single {single_last:e}");
    assert!(3 * steps <= 2 * single_steps, "{steps} against {single_steps}");
}

#[test]
fn lost_blocks_change_neither_convergence_nor_answer() {
    let best = optimum(logistic());
    let whole = train(config("oversketched-newton"), logistic());
    // 60 blocks as 10 x 6 with their parities; of 77 workers 15 dead is 3 of the 13 that sketch, one more than are spare.
    let faulty = TrainConfig {
        workers: 77,
        code: Some("mds".into()),
        stragglers: 17,
        inject_dead: 15,
        delay: "lambda".into(),
        sketch: "oversketch:factor=10,extra=2".into(),
        ..config("oversketched-newton")
    };
    let lost = train(faulty, logistic());
    assert!(lost.record.iterations[1..].iter().all(|i| i.sketch_dimension == Some(180)));
    assert!((lost.record.end.objective - best).abs() <= 1e-13);
    assert!(iterations_to(&lost, best) <= iterations_to(&whole, best) + 1);
}

#[test]
fn softmax_is_sketched_row_by_row() {
    let source = "synthetic:softmax,rows=3000,cols=10,classes=3,separation=2";
    let exact = train(config("newton"), data(source));
    let sketched = train(config("oversketched-newton"), data(source));
    assert!((exact.record.end.objective - optimum(data(source))).abs() <= 1e-14);
    assert!((sketched.record.end.objective - exact.record.end.objective).abs() <= 1e-14);
    assert!(sketched.record.iterations[1..].iter().all(|i| i.sketch_dimension == Some(300)));
}

#[test]
fn where_a_sketch_would_not_be_smaller_the_hessian_is_exact() {
    let trained = train(config("oversketched-newton"), data("synthetic:logistic,rows=390,cols=20,condition=10"));
    assert!(trained.record.iterations[1..].iter().all(|i| i.sketch_dimension == Some(0)));
}

#[test]
fn too_many_columns_are_left_to_conjugate_gradients() {
    let source = "synthetic:logistic,rows=300,cols=4200,condition=4";
    let loose = |method: &str| TrainConfig { tolerance: 1e-7, l2: 1e-2, ..config(method) };
    let free = train(loose("newton"), data(source));
    assert!(free.record.iterations.iter().all(|i| i.sketch_dimension.is_none()));
    let lbfgs = train(loose("lbfgs"), data(source));
    // Both within |g|^2 / (2 l2) = 5e-13 of the optimum.
    assert!((free.record.end.objective - lbfgs.record.end.objective).abs() <= 1e-12);
}

#[test]
fn constrained_steps_end_where_fista_does() {
    for constraint in ["box:lo=-0.1,hi=0.1", "l2-ball:radius=0.5", "non-negative", "simplex"] {
        let constrained = |method: &str| TrainConfig {
            constraint: Some(constraint.into()),
            tolerance: 1e-9,
            iterations: 5000,
            ..config(method)
        };
        let fista = train(constrained("fista"), logistic());
        for method in ["newton", "oversketched-newton"] {
            let newton = train(constrained(method), logistic());
            let (a, b) = (newton.record.end.objective, fista.record.end.objective);
            // Both end at a duality gap, or a proximal step with l2 = 1e-3, of 1e-9.
            assert!((a - b).abs() <= 3e-9, "{constraint}, {method}: {a} {b}");
            assert!(newton.record.end.iterations * 2 < fista.record.end.iterations.max(60), "{constraint}, {method}");
        }
    }
}

#[test]
fn the_lasso_is_solved_to_its_duality_gap() {
    let lasso = |method: &str| TrainConfig { l1: 0.05, l2: 0.0, iterations: 5000, ..config(method) };
    let source = "synthetic:regression,rows=2000,cols=30";
    let newton = train(lasso("newton"), data(source));
    let gap = newton.record.end.duality_gap.expect("a gap");
    assert!(gap <= 1e-9, "{gap}");
    let fista = train(lasso("fista"), data(source));
    assert!((newton.record.end.objective - fista.record.end.objective).abs() <= 2e-9);
}

/// Without l2, and with a column twice: no Cholesky factor, one minimum but many minimizers.
#[test]
fn weakly_convex_problems_are_solved_by_the_pseudo_inverse() {
    let plain = data("synthetic:logistic,rows=2000,cols=8,condition=4");
    let steadfast::data::Matrix::Dense(x) = &plain.features else { panic!("dense data") };
    let twice: Vec<f64> = (0..x.rows()).flat_map(|i| [x.row(i), &x.row(i)[..1]].concat()).collect();
    let features = steadfast::data::Matrix::Dense(steadfast::data::Dense::new(x.rows(), 9, twice).expect("a matrix"));
    let doubled = Dataset { features, columns: Vec::new(), ..plain.clone() };
    let free = |method: &str| TrainConfig { l2: 0.0, ..config(method) };
    let best = train(free("lbfgs"), plain).record.end.objective;
    let newton = train(free("newton"), doubled);
    assert!((newton.record.end.objective - best).abs() <= 1e-12);
    assert!(newton.record.end.iterations < 20);
}

#[test]
fn a_growing_sketch_grows() {
    let method = "oversketched-newton:grow=true";
    let trained = train(TrainConfig { sketch: "oversketch:factor=3".into(), ..config(method) }, logistic());
    let sizes: Vec<usize> = trained.record.iterations[1..].iter().filter_map(|i| i.sketch_dimension).collect();
    assert!(sizes.windows(2).all(|w| w[1] >= w[0]) && sizes[sizes.len() - 1] > sizes[0], "{sizes:?}");
}

#[test]
fn what_can_not_be_done_is_refused() {
    let refused = |config: TrainConfig| match Training::new(config).run(logistic()) {
        Err(error @ Error::Usage { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(|t| t.record.end.status)),
    };
    let sketch = |sketch: &str| TrainConfig { sketch: sketch.into(), ..config("oversketched-newton") };
    assert!(refused(sketch("oversketch:factor=0.5")).contains("at least"));
    assert!(refused(sketch("gaussian")).contains("oversketch"));
    assert!(refused(config("newton:step=half")).contains("search or unit"));
    assert!(refused(config("newtron")).contains("oversketched-newton"));
    let everybody = TrainConfig { inject_dead: 15, ..config("oversketched-newton") };
    let dead = Training::new(TrainConfig { code: Some("uncoded".into()), ..everybody }).run(logistic());
    assert!(matches!(dead.expect("a run that begins").error, Some(Error::TooManyFaults { .. })));
}
