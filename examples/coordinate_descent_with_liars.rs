//! Coordinate descent on coded blocks of coordinates (paper 002, section 5): the lasso with 15 workers of which 4 lie, others in
//! every round, in each of three orders; beside it FISTA, which asks for whole products. What each has its workers do.
//!
//! `cargo run --release --example coordinate_descent_with_liars`

use steadfast::Result;
use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{TrainConfig, Training};

fn main() -> Result<()> {
    let source: Source = "examples/data/concrete.svm.xz".parse()?;
    let data = load(&source, &LoadOptions::default())?.data;
    println!("{:48} {:>10} {:>7} {:>16} {:>10} {:>7}", "method", "iterations", "rounds", "objective", "gap", "liars");
    for method in [
        "coordinate-descent:fraction=0.1",
        "coordinate-descent:blocks=random,fraction=0.1",
        "coordinate-descent:blocks=greedy,fraction=0.1",
        "fista",
    ] {
        let config = TrainConfig {
            task: Some("squared".into()),
            l1: 0.005,
            method: method.into(),
            tolerance: 1e-9,
            liars: 4,
            inject_liars: 4,
            attack: "gaussian:sigma=100".into(),
            ..TrainConfig::default()
        };
        let trained = Training::new(config).run(data.clone())?;
        if let Some(error) = trained.error {
            return Err(error);
        }
        let end = &trained.record.end;
        println!(
            "{method:48} {:10} {:7} {:16.12} {:10.1e} {:>7}",
            end.iterations,
            end.rounds,
            end.objective,
            end.duality_gap.unwrap_or(f64::NAN),
            end.naming.as_ref().map_or("-".into(), |n| format!("{}/{}", n.hits, n.hits + n.misses)),
        );
    }
    Ok(())
}
