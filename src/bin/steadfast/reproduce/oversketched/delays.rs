//! `oversketched-fig1`: how long 3,000 serverless workers take for the same job, by the model that the other figures use.

use steadfast::Result;
use steadfast::fleet::Delay;
use steadfast::seed::Seed;

use super::{chart, figure};
use crate::args::ReproduceArgs;
use crate::output;
use crate::reproduce::{line, median};

const WORKERS: usize = 3000;
/// Seconds of a bin.
const BIN: f64 = 10.0;

/// What is read off Figure 1.
#[derive(Debug, serde::Serialize)]
struct Summary {
    workers: usize,
    median: f64,
    /// At 100 s or more.
    late_share: f64,
    /// At 300 s or more.
    stuck: usize,
    largest: f64,
}

impl Summary {
    fn of(seconds: &mut [f64]) -> Self {
        let above = |bound: f64, values: &[f64]| values.iter().filter(|s| **s >= bound).count();
        Summary {
            workers: seconds.len(),
            late_share: above(100.0, seconds) as f64 / seconds.len() as f64,
            stuck: above(300.0, seconds),
            largest: seconds.iter().copied().fold(0.0, f64::max),
            median: median(seconds),
        }
    }

    /// Whether 3,000 draws look like the figure: four standard deviations of each statistic (of the median 0.5 s: that of the
    /// logarithm is 1.25 sigma / sqrt n; of the share 0.4 %).
    fn fits(&self) -> bool {
        (self.median - 40.0).abs() < 2.1 && (self.late_share - 0.05).abs() < 0.017
    }
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let figure = figure(args, "oversketched-fig1")?;
    let delay = Delay::parse("lambda")?;
    let mut seconds: Vec<f64> = (0..WORKERS).map(|worker| delay.seconds(Seed(args.seed), worker, 0)).collect();
    let summary = Summary::of(&mut seconds);
    line(args, format!("{:24} {:>10} {:>10}", "job times, 3,000 workers", "paper", "model"));
    line(args, format!("{:24} {:>10} {:>10.1}", "median, s", "40", summary.median));
    line(args, format!("{:24} {:>10} {:>10.1}", "at 100 s or more, %", "5", 100.0 * summary.late_share));
    line(args, format!("{:24} {:>10} {:>10}", "at 300 s or more", "2", summary.stuck));
    line(args, format!("{:24} {:>10} {:>10.0}", "largest, s", "375", summary.largest));
    if let Some(path) = figure {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds from 0, in tens; there are fewer than a thousand"
        )]
        let bin = |s: f64| (s / BIN) as usize;
        let mut counts = vec![0; bin(summary.largest) + 1];
        seconds.iter().for_each(|s| counts[bin(*s)] += 1);
        chart::write_histogram(&path, "Job times of 3,000 workers (paper 001, figure 1)", "seconds", BIN, &counts)?;
        line(args, format!("wrote {}", path.display()));
    }
    if args.json {
        output::json(&summary)?;
    }
    Ok(u8::from(!summary.fits()))
}
