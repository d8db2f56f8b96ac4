//! DINO (paper 003) where GIANT and DiSCO have no direction: `(y - log(1 + exp(x.w)))^2` of random rows, where curvature may be
//! negative; what each ends with, and after how many communications.
//!
//! `cargo run --release --example dino_nonconvex`

use steadfast::Result;
use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{TrainConfig, Training};

fn main() -> Result<()> {
    let source: Source = "synthetic:regression,rows=1750,cols=64".parse()?;
    let data = load(&source, &LoadOptions::default())?.data;
    println!("{:22} {:>10} {:>14} {:>12} {:>10}", "method", "iterations", "communications", "objective", "|gradient|");
    for method in ["dino:theta=1,phi=0.01", "dino", "hessian-free-giant", "disco", "dingo", "synchronous-sgd:step=0.01"]
    {
        let config = TrainConfig {
            task: Some("nonlinear-least-squares".into()),
            method: method.into(),
            workers: 50,
            iterations: 100,
            ..TrainConfig::default()
        };
        let trained = Training::new(config).run(data.clone())?;
        let (end, last) = (&trained.record.end, trained.record.iterations.last());
        println!(
            "{method:22} {:10} {:14} {:12.6} {:10.1e}",
            end.iterations,
            last.map_or(0, |it| it.communications),
            last.map_or(f64::NAN, |it| it.objective),
            end.gradient_norm,
        );
        if let Some(error) = trained.error {
            println!("    {error}");
        }
    }
    Ok(())
}
