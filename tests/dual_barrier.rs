//! The lasso through its dual barrier: reference optima, more columns than rows with a sketched Hessian, faults, refusals.

use steadfast::data::{Dataset, LoadOptions, ReferenceSets, ReferenceTask, Source, load};
use steadfast::run::{TrainConfig, Trained, Training};

fn data(source: &str) -> Dataset<f64> {
    let source: Source = source.parse().expect("a source");
    load(&source, &LoadOptions::default()).expect("data").data
}

fn config(method: &str, l1: f64) -> TrainConfig {
    TrainConfig { task: Some("squared".into()), method: method.into(), l1, iterations: 300, ..TrainConfig::default() }
}

fn train(config: TrainConfig, data: Dataset<f64>) -> Trained {
    let trained = Training::new(config).run(data).expect("a run that begins");
    assert!(trained.error.is_none() && trained.exit_status == 0, "{:?} {}", trained.error, trained.record.end.status);
    trained
}

#[test]
fn reference_optima_with_their_duality_gaps() {
    let sets = ReferenceSets::open().expect("sets");
    eprintln!("{}", sets.absent_line());
    let mut solved = 0;
    // An n x n factorization a step: larger ones take too long for a test.
    for set in sets.present().iter().filter(|set| set.rows <= 500) {
        for problem in set.problems.iter().filter(|p| p.task == ReferenceTask::Lasso) {
            let code = Some("replication".into());
            let faults = TrainConfig { code, liars: 2, inject_liars: 2, ..config("dual-barrier", problem.l1) };
            let tolerance = 1e-9 * problem.optimum;
            let end = train(TrainConfig { tolerance, ..faults }, set.load().expect("a set")).record.end;
            let gap = end.duality_gap.expect("a lasso has one");
            let above = end.objective - problem.optimum;
            eprintln!(
                "{} l1 = {:.1e}: {} steps, gap {gap:.1e}, above {above:.1e}",
                set.name, problem.l1, end.iterations
            );
            // The gap is computed again from the data; 1e-13 of F covers the rounding of its n or d terms.
            assert!(gap <= 1e-8 * problem.optimum, "{}: {gap:e}", set.name);
            let rounding = problem.gap_bound + 1e-13 * problem.optimum;
            assert!((-rounding..=gap + rounding).contains(&above), "{}: {above:e}, gap {gap:e}", set.name);
            let naming = end.naming.expect("liars were injected");
            assert!(naming.hits > 0 && (naming.misses, naming.innocents_accused) == (0, 0), "{}: {naming:?}", set.name);
            solved += 1;
        }
    }
    assert!(solved >= 2, "diabetes is shipped");
}

#[test]
fn a_sketch_over_many_columns_reaches_fistas_optimum() {
    // Twice as many columns as rows of the sketch, ten times the rows.
    const WIDE: &str = "synthetic:regression,rows=30,cols=600";
    let l1 = 0.1;
    let best = train(TrainConfig { tolerance: 1e-10, iterations: 20_000, ..config("fista", l1) }, data(WIDE));
    let optimum = best.record.end.objective;
    assert!(best.record.end.weights_norm > 0.0, "l1 is below its largest useful value");
    let mut steps = Vec::new();
    for method in ["dual-barrier", "oversketched-dual-barrier"] {
        let faults = TrainConfig { stragglers: 2, inject_dead: 2, delay: "lambda".into(), ..config(method, l1) };
        let trained = train(TrainConfig { tolerance: 1e-9 * optimum, ..faults }, data(WIDE));
        let end = &trained.record.end;
        let gap = end.duality_gap.expect("a lasso has one");
        assert!(gap <= 1e-8 * optimum, "{method}: {gap:e}");
        // Each within its own gap of the optimum, and rounding.
        let allowed = gap.max(best.record.end.duality_gap.expect("a lasso has one")) + 1e-13 * optimum;
        assert!((end.objective - optimum).abs() <= allowed, "{method}: {:e}", end.objective - optimum);
        let sketched = trained.record.iterations[1..].iter().filter(|i| i.sketch_dimension > Some(0)).count();
        let expected = if method == "dual-barrier" { 0 } else { trained.record.iterations.len() - 1 };
        assert_eq!(sketched, expected, "{method}");
        steps.push(end.iterations);
    }
    eprintln!("steps, exact and sketched: {steps:?}");
    // Refined to the same accuracy, systems made with a sketch give the same path.
    assert!(2 * steps[1] <= 3 * steps[0], "{steps:?}");
}

#[test]
fn nothing_but_the_lasso_is_taken() {
    let refused = |config: TrainConfig, source: &str, named: &str| {
        let error = Training::new(config).run(data(source)).expect_err("refused");
        assert!(error.exit_status() == 2 && error.to_string().contains(named), "{error}");
    };
    let wide = "synthetic:regression,rows=40,cols=100";
    refused(config("dual-barrier", 0.0), wide, "l1 > 0");
    refused(TrainConfig { l2: 0.5, ..config("dual-barrier", 0.1) }, wide, "l2 = 0.5");
    refused(TrainConfig { intercept: true, ..config("dual-barrier", 0.1) }, wide, "intercept");
    refused(TrainConfig { task: Some("huber:delta=1".into()), ..config("dual-barrier", 0.1) }, wide, "huber");
    refused(config("dual-barrier", 0.1), "synthetic:regression,rows=5000,cols=3", "at most 4096 rows");
    let sketch = "oversketch:factor=0.5".into();
    refused(TrainConfig { sketch, ..config("oversketched-dual-barrier", 0.1) }, wide, "at least 40");
}
