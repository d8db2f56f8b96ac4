//! OverSketched Newton (paper 001) beside exact Newton and L-BFGS: 77 product-coded workers with the delays of the paper's Figure 1,
//! three of them dead; what each needs until the gradient's norm is below 1e-9.
//!
//! `cargo run --release --example oversketched_newton`

use steadfast::Result;
use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{TrainConfig, Training};

fn main() -> Result<()> {
    let source: Source = "examples/data/mushrooms.svm.xz".parse()?;
    let data = load(&source, &LoadOptions::default())?.data;
    println!("{:22} {:>10} {:>14} {:>18} {:>16}", "method", "iterations", "simulated s", "objective", "rows of sketch");
    for method in ["oversketched-newton", "newton", "lbfgs"] {
        let config = TrainConfig {
            l2: 1e-3,
            method: method.into(),
            sketch: "oversketch:factor=10".into(),
            tolerance: 1e-9,
            workers: 77,
            code: Some("product".into()),
            stragglers: 3,
            inject_dead: 3,
            delay: "lambda".into(),
            ..TrainConfig::default()
        };
        let record = Training::new(config).run(data.clone())?.record;
        let sketch = record.iterations.last().and_then(|i| i.sketch_dimension);
        println!(
            "{method:22} {:10} {:14.0} {:18.12} {:>16}",
            record.end.iterations,
            record.end.virtual_seconds,
            record.end.objective,
            sketch.map_or("-".into(), |m| if m == 0 { "exact".into() } else { m.to_string() }),
        );
    }
    Ok(())
}
