//! The lasso on encoded rows (paper 000): 16 workers with delays, of whose replies a round takes the first k and decodes nothing. How
//! far above the optimum each frame ends, beside plain rows, and what subsets of k workers keep of the data.
//!
//! `cargo run --release --example encoded_lasso`

use steadfast::Result;
use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{TrainConfig, Training};

fn main() -> Result<()> {
    let source: Source = "synthetic:regression,rows=496,cols=60,noise=3".parse()?;
    let data = load(&source, &LoadOptions::default())?.data;
    let lasso = TrainConfig {
        task: Some("squared".into()),
        l1: 0.2,
        workers: 16,
        delay: "trimodal".into(),
        iterations: 400,
        ..TrainConfig::default()
    };
    // Waits for everybody, and is exact.
    let exact = Training::new(lasso.clone()).run(data.clone())?.record.end;
    println!("waiting for all: F = {:.6} after {:.0} simulated seconds", exact.objective, exact.virtual_seconds);
    println!(
        "{:14} {:>3} {:>14} {:>10} {:>9} {:>22}",
        "code", "k", "above optimum", "at most", "seconds", "eigenvalues of subsets"
    );
    for code in ["uncoded", "replication", "hadamard", "steiner"] {
        for first in [15, 12] {
            let config = TrainConfig {
                code: Some(code.into()),
                method: "encoded-proximal-gradient".into(),
                gather: Some(format!("first:k={first}")),
                // Plain rows have no redundancy: what the slowest hold is left out, and this says that it may be.
                uncertified: true,
                true_gap: true,
                ..lasso.clone()
            };
            let record = Training::new(config).run(data.clone())?.record;
            let Some(encoded) = record.code.encoded else { continue };
            println!(
                "{code:14} {first:3} {:14.2e} {:>10} {:9.0} {:>22}",
                record.end.objective / exact.objective - 1.0,
                encoded.true_gap.map_or("-".into(), |gap| format!("{:.1e}", gap / exact.objective)),
                record.end.virtual_seconds,
                format!("{:.3} .. {:.3}", encoded.smallest, encoded.largest)
            );
        }
    }
    Ok(())
}
