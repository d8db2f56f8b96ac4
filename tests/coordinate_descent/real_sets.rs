//! Lasso on the reference sets, every worker's lies on, to the promised gap: the folder named by `STEADFAST_DATA`, else the
//! shipped ones; what is absent is printed.

use steadfast::data::{ReferenceSets, ReferenceTask};
use steadfast::run::{TrainConfig, Training};

/// The promise.
const GAP: f64 = 1e-6;

#[test]
fn lasso_reaches_the_reference_with_liars() {
    let sets = ReferenceSets::open().unwrap();
    println!("{}", sets.absent_line());
    let names = std::env::var("LASSO_SETS").unwrap_or("diabetes concrete pd_speech".into());
    for name in names.split(' ') {
        let Ok(set) = sets.get(name) else { continue };
        let data = set.load().unwrap();
        for problem in set.problems.iter().filter(|p| p.task == ReferenceTask::Lasso) {
            let config = TrainConfig {
                task: Some("squared".into()),
                l1: problem.l1,
                method: "coordinate-descent:fraction=0.1".into(),
                iterations: 200_000,
                tolerance: 0.1 * GAP * problem.optimum,
                workers: 15,
                liars: 4,
                inject_liars: 4,
                ..TrainConfig::default()
            };
            let trained = Training::new(config).run(data.clone()).unwrap();
            assert!(trained.error.is_none(), "{name}: {:?}", trained.error);
            let end = &trained.record.end;
            let gap = (end.objective - problem.optimum) / problem.optimum;
            let naming = end.naming.expect("lies were injected");
            println!(
                "{name} l1 {:.3e}: {} in {} iterations, {} rounds, gap {gap:.1e}; {} lies named, {} missed, {} innocents",
                problem.l1,
                end.status,
                end.iterations,
                end.rounds,
                naming.hits,
                naming.misses,
                naming.innocents_accused
            );
            assert!(gap.abs() <= GAP, "{name}, l1 {}: {gap:e}, {}", problem.l1, end.status);
            assert_eq!(naming.innocents_accused, 0, "{name}");
        }
    }
}
