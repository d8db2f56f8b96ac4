//! `byzantine-refusal`: one liar more than the code was built for. Independent liars must be refused, always; liars who
//! know the code may get through without keys (how often is printed) and never with them.

use steadfast::data::{LoadOptions, Source, load};
use steadfast::run::{DeviceKind, TrainConfig, Training};
use steadfast::seed::Seed;
use steadfast::{Error, Result};

use super::line;
use crate::args::ReproduceArgs;
use crate::output;

/// Liars who do not use the code: refusal is promised.
const INDEPENDENT: [&str; 5] = ["gaussian", "scale", "constant", "zero", "sign-flip"];
/// Liars who know the code: without keys none can be promised (a code of distance k + 1).
const KNOWING: [&str; 3] = ["near-code", "collude", "all-ones"];

/// What came of the runs of one attack.
#[derive(Debug, Clone, serde::Serialize)]
struct Row {
    attack: &'static str,
    keys: usize,
    runs: usize,
    /// Ended with exit status 3 and a message that names the tolerance.
    refused: usize,
    /// Ended solved, with the optimum of the fault-free run within the promised accuracy.
    right: usize,
    /// Ended solved and wrong.
    silent: usize,
    /// Ended in another error; the first is printed.
    other: usize,
}

impl Row {
    /// Independent liars are refused in every run; liars who know the code never get a wrong answer past the keys. Without
    /// keys nothing is promised of them: they may also drive a method to where it has to give up.
    fn breaks_promise(&self) -> bool {
        if INDEPENDENT.contains(&self.attack) {
            self.refused != self.runs
        } else {
            self.keys > 0 && self.silent + self.other > 0
        }
    }
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let runs = args.trials.unwrap_or(1000);
    let source = "synthetic:regression,rows=200,cols=20".parse::<Source>()?;
    let data = load(&source, &LoadOptions { seed: Seed(args.seed), ..LoadOptions::default() })?.data;
    let base = TrainConfig {
        l2: 1e-2,
        iterations: 60,
        tolerance: 1e-9,
        liars: 4,
        device: DeviceKind::Cpu,
        threads: Some(1),
        ..TrainConfig::default()
    };
    let truth =
        Training::new(TrainConfig { liars: 0, code: Some("uncoded".into()), ..base.clone() }).run(data.clone())?;
    let optimum = truth.record.end.objective;
    line(
        args,
        format!(
            "{:10} {:>4} {:>6} {:>8} {:>6} {:>7} {:>6}",
            "attack", "keys", "runs", "refused", "right", "silent", "other"
        ),
    );
    let mut rows = Vec::new();
    let cases = INDEPENDENT.iter().map(|a| (*a, 0)).chain(KNOWING.iter().flat_map(|a| [(*a, 0), (*a, 2)]));
    for (attack, keys) in cases {
        let mut row = Row { attack, keys, runs, refused: 0, right: 0, silent: 0, other: 0 };
        for trial in 0..runs as u64 {
            let config = TrainConfig {
                inject_liars: 5,
                attack: attack.into(),
                keys: Some(keys),
                seed: args.seed.wrapping_add(trial),
                ..base.clone()
            };
            let trained = Training::new(config).run(data.clone())?;
            match &trained.error {
                Some(error @ Error::TooManyFaults { .. })
                    if trained.exit_status == 3 && error.to_string().contains("4 liars") =>
                {
                    row.refused += 1
                }
                Some(error) => {
                    if row.other == 0 {
                        line(args, format!("{attack}, seed {}: {error}", args.seed.wrapping_add(trial)));
                    }
                    row.other += 1;
                }
                // The optimum is good to the square of the gradient's tolerance; this is far above it and far below any lie.
                None if (trained.record.end.objective - optimum).abs() <= 1e-9 * optimum => row.right += 1,
                None => row.silent += 1,
            }
        }
        line(
            args,
            format!(
                "{:10} {:4} {:6} {:8} {:6} {:7} {:6}",
                row.attack, row.keys, row.runs, row.refused, row.right, row.silent, row.other
            ),
        );
        rows.push(row);
    }
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(rows.iter().any(Row::breaks_promise)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_depends_on_attack_and_keys() {
        let row =
            |attack, keys, refused, right, silent, other| Row { attack, keys, runs: 10, refused, right, silent, other };
        assert!(!row("gaussian", 0, 10, 0, 0, 0).breaks_promise());
        // Right by luck is not refused.
        assert!(row("gaussian", 0, 9, 1, 0, 0).breaks_promise());
        assert!(!row("near-code", 0, 0, 0, 9, 1).breaks_promise());
        assert!(!row("near-code", 2, 4, 6, 0, 0).breaks_promise());
        assert!(row("near-code", 2, 4, 5, 1, 0).breaks_promise());
        assert!(row("all-ones", 2, 4, 5, 0, 1).breaks_promise());
    }
}
