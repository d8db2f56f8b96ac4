//! Logistic regression on real data while four of fifteen workers lie and two are slow.
//!
//! The data are 569 breast tumours (30 measurements each, benign or malignant), shipped with Steadfast. They are encoded
//! once and spread over 15 simulated workers. In every round four of these, others each time, add noise of size 100 to
//! what they send, and two more answer ten times later than the rest. The master knows none of this: it has a code that
//! carries four liars and two stragglers, and it says in the end who they were.
//!
//! Run it: `cargo run --example logistic_on_real_data`

use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{DeviceKind, TrainConfig, Training};
use steadfast::trace::final_table;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.svm.xz");

fn main() -> steadfast::Result<()> {
    let data = load(&DATA.parse::<Source>()?, &LoadOptions::default())?.data;
    println!("{} rows, {} columns; the labels are two classes, so the loss is logistic\n", data.rows(), data.cols());

    let config = TrainConfig {
        l2: 1e-3,
        intercept: true,
        standardize: true,
        workers: 15,
        // What the code must carry. This alone picks the code: a parity check over the real numbers, redundancy 15 / 5.
        liars: 4,
        stragglers: 2,
        // What the fleet does to us. Drawn from the seed, applied at the workers, never told to the master.
        inject_liars: 4,
        attack: "gaussian:sigma=100".into(),
        inject_slow: 2,
        // In f64, so that the last digits below can be compared.
        device: DeviceKind::Cpu,
        ..TrainConfig::default()
    };
    let trained = Training::new(config.clone()).data_name("breast_cancer").run(data.clone())?;
    if let Some(error) = trained.error {
        return Err(error);
    }
    println!("{}", final_table(&trained.record));

    // Who lied, as the master saw it, beside the truth, which an observer wrote into the record after each iteration.
    println!("iteration  objective   named as liars         really lied in time");
    for i in trained.record.iterations.iter().take(5) {
        let truth = i.injected.clone().unwrap_or_default().liars;
        println!("{:>9}  {:.6}    {:<22} {}", i.iteration, i.objective, list(&i.liars), list(&truth));
    }
    println!("An iteration has two rounds or more, each with its own four liars.\n");

    // The same problem on a fleet without faults and without a code.
    let calm = TrainConfig { liars: 0, stragglers: 0, inject_liars: 0, inject_slow: 0, ..config };
    let calm = Training::new(calm).run(data)?;
    let (with, without) = (trained.record.end, calm.record.end);
    println!("objective with liars     {:.15}", with.objective);
    println!("objective without faults {:.15}", without.objective);
    println!("difference               {:.1e}", (with.objective - without.objective).abs());
    println!("correctly classified     {:.2} %", 100.0 * with.train_score.unwrap_or_default());
    Ok(())
}

fn list(workers: &[usize]) -> String {
    if workers.is_empty() {
        return "nobody".into();
    }
    workers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
