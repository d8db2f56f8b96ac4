//! One problem, many codes: curves against virtual time, and their table and figure.

use std::borrow::Cow;

use steadfast::coding::{CodeOptions, Encoding, Tolerance, code_by_name, frame_by_name};
use steadfast::data::Matrix;
use steadfast::device::CpuDevice;
use steadfast::fleet::{BlockFleet, Clock, Delay, Faults, Gather, SimulatedFleet};
use steadfast::method::{Iterate, Method, Problem, Step, by_name};
use steadfast::objective::Objective;
use steadfast::oracle::{CodedOracle, EncodedLeastSquares, LiftedBlocks, MasterProducts, OracleOptions, ProductOracle};
use steadfast::seed::Seed;
use steadfast::{Error, Result};

use super::orderings::{DERIVED, Estimate, Ordering};
use crate::args::ReproduceArgs;
use crate::reproduce::oversketched::chart::{Panel, Series, check_folder, write_curves};
use crate::reproduce::{line, median};

/// What workers hold and who is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Encoded rows or columns, the first k replies.
    First,
    /// The same, all replies.
    All,
    /// A code that decodes, as soon as it can with m - k stragglers.
    Exact,
}

/// A contestant.
#[derive(Debug, Clone, Copy)]
pub struct Scheme {
    pub name: &'static str,
    pub code: &'static str,
    pub kind: Kind,
    pub method: &'static str,
}

impl Scheme {
    /// With the method of its kind: `exact` where a code decodes, else `encoded`.
    pub const fn new(
        name: &'static str,
        code: &'static str,
        kind: Kind,
        exact: &'static str,
        encoded: &'static str,
    ) -> Self {
        Scheme { name, code, kind, method: if matches!(kind, Kind::Exact) { exact } else { encoded } }
    }
}

/// A problem and the fleet that it is solved on.
pub struct Contest<'a> {
    pub features: &'a Matrix<f64>,
    pub labels: &'a [f64],
    pub objective: &'a Objective,
    pub workers: usize,
    pub first: usize,
    pub delay: &'static str,
    pub iterations: usize,
}

/// Virtual seconds and a measure, at the start and after each iteration.
pub type Curve = Vec<(f64, f64)>;

/// The curve of one run, and numbers stored over those of X; nothing where the code can't be had on this fleet.
pub struct Run {
    pub curve: Curve,
    pub redundancy: f64,
    pub rounds: u64,
}

impl Contest<'_> {
    fn encoding(&self, code: &str, columns: usize, seed: Seed) -> Result<Encoding> {
        frame_by_name(code, columns, self.workers, seed)
    }

    /// Runs one scheme with one seed; `measure` of the iterate is recorded.
    pub fn run(&self, scheme: &Scheme, seed: u64, measure: &dyn Fn(&Iterate) -> f64) -> Result<Run> {
        let seed = Seed(seed);
        let clock = Clock { delay: Delay::parse(self.delay)?, seed, ..Clock::default() };
        let first = if scheme.kind == Kind::All { self.workers } else { self.first };
        let fleet = BlockFleet::new(Faults::none(self.workers), clock.clone());
        let mut method = by_name(scheme.method)?;
        method.check(self.objective)?;
        if scheme.kind == Kind::Exact {
            // A product code promises three; more are peeled where they allow it.
            let most = if scheme.code == "product" { 3 } else { self.workers };
            let tolerance = Tolerance { liars: 0, stragglers: most.min(self.workers - first) };
            let code =
                code_by_name(scheme.code, self.workers, tolerance, CodeOptions { seed, ..CodeOptions::default() })?;
            let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(None)?), Faults::none(self.workers), clock);
            let options = OracleOptions { gather: Gather::Decodable, keys: 0, seed };
            let mut oracle = CodedOracle::new(Cow::Borrowed(self.features), code, fleet, &options)?;
            let problem = Problem::new(&mut oracle, self.objective, self.labels)?;
            return self.follow(&mut *method, problem, measure);
        }
        let mut products = MasterProducts::new(Cow::Borrowed(self.features));
        if scheme.method == "encoded-coordinate-descent" {
            let encoding = self.encoding(scheme.code, self.features.cols(), seed)?;
            let mut blocks = LiftedBlocks::new(self.features, encoding, fleet, first)?;
            let problem = Problem::new(&mut products, self.objective, self.labels)?.with_lifted(&mut blocks);
            return self.follow(&mut *method, problem, measure);
        }
        let encoding = self.encoding(scheme.code, self.features.rows(), seed)?;
        let mut oracle = EncodedLeastSquares::new(self.features, self.labels, encoding, fleet, first, seed)?;
        let problem = Problem::new(&mut products, self.objective, self.labels)?.with_encoded(&mut oracle);
        self.follow(&mut *method, problem, measure)
    }

    fn follow(
        &self,
        method: &mut dyn Method,
        mut problem: Problem<'_>,
        measure: &dyn Fn(&Iterate) -> f64,
    ) -> Result<Run> {
        let start = vec![0.0; problem.dimension()];
        let mut iterate = Iterate::new(&mut problem, start)?;
        method.start(&mut problem, &mut iterate)?;
        let mut seconds = problem.take_tally().seconds;
        let mut curve = vec![(seconds, measure(&iterate))];
        for _ in 0..self.iterations {
            if !matches!(method.step(&mut problem, &mut iterate)?, Step::Moved { .. }) {
                break;
            }
            seconds += problem.take_tally().seconds;
            curve.push((seconds, measure(&iterate)));
        }
        let counters = problem.counters();
        let redundancy = counters.stored as f64 / self.features.stored() as f64;
        Ok(Run { curve, redundancy, rounds: counters.rounds })
    }
}

/// The first time at which a curve is at or below a level; infinite if never.
pub fn time_to(curve: &Curve, level: f64) -> f64 {
    curve.iter().find(|point| point.1 <= level).map_or(f64::INFINITY, |point| point.0)
}

/// The mean over the last fifth of a curve: its plateau.
pub fn plateau(curve: &Curve) -> f64 {
    let tail = &curve[curve.len() - curve.len().div_ceil(5)..];
    tail.iter().map(|point| point.1).sum::<f64>() / tail.len() as f64
}

/// A number of seconds, or that it never came.
pub fn seconds(value: f64) -> String {
    if value.is_finite() { format!("{value:8.2}") } else { "   never".into() }
}

/// One line of a table and of `--json`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Row {
    pub scheme: String,
    /// Why there is none.
    pub refused: Option<String>,
    pub redundancy: f64,
    pub seconds_a_round: f64,
    /// At the end.
    pub end: Estimate,
    /// Seconds to each level.
    pub seconds_to: Vec<Estimate>,
    /// Seed by seed: the ends, and the seconds to each level.
    #[serde(skip)]
    samples: (Vec<f64>, Vec<Vec<f64>>),
}

/// An ordering that is looked at: one scheme's end, or its times to all levels, below another's.
#[derive(Debug, Clone, Copy)]
pub enum Claim {
    Lower(&'static str, &'static str),
    Sooner(&'static str, &'static str),
}

/// What a comparison leaves.
#[derive(Debug, Default, serde::Serialize)]
pub struct Compared {
    pub rows: Vec<Row>,
    pub orderings: Vec<Ordering>,
}

impl Compared {
    pub fn extend(&mut self, other: Compared) {
        self.rows.extend(other.rows);
        self.orderings.extend(other.orderings);
    }
}

/// What a table is made of.
pub struct Levels<'l> {
    pub title: &'l str,
    pub measure: &'static str,
    pub levels: &'l [f64],
    pub claims: &'l [Claim],
}

/// Runs all schemes with so many seeds, prints the table, writes the figure of the first seed.
pub fn compare(
    args: &ReproduceArgs,
    file: &str,
    contest: &Contest<'_>,
    schemes: &[Scheme],
    seeds: usize,
    levels: &Levels<'_>,
    measure: &dyn Fn(&Iterate) -> f64,
) -> Result<Compared> {
    if let Some(folder) = &args.output {
        check_folder(folder)?;
    }
    line(args, levels.title);
    let heads: Vec<String> = levels.levels.iter().map(|level| format!("{:>26}", format!("s to {level}"))).collect();
    line(args, format!("{:24} {:>7} {:>8} {:>32}{}", "scheme", "redun.", "s/round", levels.measure, heads.join("")));
    let (mut rows, mut series) = (Vec::new(), Vec::new());
    for scheme in schemes {
        let runs: Result<Vec<Run>> = (0..seeds).map(|at| contest.run(scheme, args.seed + at as u64, measure)).collect();
        let row = match runs {
            Ok(runs) => {
                series.push(Series { name: scheme.name.into(), points: runs[0].curve.clone(), failed: false });
                row(scheme, &runs, levels.levels)
            }
            // What a code can't carry on this fleet is part of the comparison.
            Err(error @ (Error::Usage { .. } | Error::TooManyFaults { .. })) => refused(scheme, &error),
            Err(error) => return Err(error),
        };
        line(args, describe(&row));
        rows.push(row);
    }
    for (at, level) in levels.levels.iter().enumerate() {
        let times = rows.iter().filter_map(|row| row.seconds_to.get(at).map(|time| (time.median, &row.scheme)));
        if let Some((time, scheme)) = times.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|first| first.0.is_finite()) {
            line(args, format!("first at {level}: {scheme}, {time:.2} s"));
        }
    }
    let orderings: Vec<Ordering> = levels.claims.iter().flat_map(|claim| judge(claim, &rows, levels)).collect();
    orderings.iter().for_each(|ordering| ordering.print(args));
    line(args, format!("{DERIVED}; {seeds} seeds"));
    if let Some(folder) = &args.output {
        let path = folder.join(format!("{file}.svg"));
        let panel = Panel { title: levels.title.into(), x_name: "virtual seconds", y_name: levels.measure, series };
        write_curves(&path, &[panel])?;
        line(args, format!("wrote {}", path.display()));
    }
    Ok(Compared { rows, orderings })
}

/// What the seeds say of a claim; nothing where one of its schemes was not possible.
fn judge(claim: &Claim, rows: &[Row], levels: &Levels<'_>) -> Vec<Ordering> {
    let (Claim::Lower(less, more) | Claim::Sooner(less, more)) = *claim;
    let find = |name: &str| rows.iter().find(|row| row.scheme == name && row.refused.is_none());
    let (Some(a), Some(b)) = (find(less), find(more)) else { return vec![] };
    match claim {
        Claim::Lower(..) => {
            let text = format!("{} at the end: {less} below {more}", levels.measure);
            vec![Ordering::new(text, &a.samples.0, &b.samples.0)]
        }
        Claim::Sooner(..) => {
            let both = a.samples.1.iter().zip(&b.samples.1).zip(levels.levels);
            let sooner = |((a, b), level): ((&Vec<f64>, &Vec<f64>), &f64)| {
                Ordering::new(format!("s to {level}: {less} before {more}"), a, b)
            };
            both.map(sooner).collect()
        }
    }
}

fn row(scheme: &Scheme, runs: &[Run], levels: &[f64]) -> Row {
    let ends: Vec<f64> = runs.iter().map(|run| plateau(&run.curve)).collect();
    let a_round = |run: &Run| run.curve[run.curve.len() - 1].0 / run.rounds.max(1) as f64;
    let of_level = |level: &f64| runs.iter().map(|run| time_to(&run.curve, *level)).collect::<Vec<_>>();
    let times: Vec<Vec<f64>> = levels.iter().map(of_level).collect();
    Row {
        scheme: scheme.name.into(),
        refused: None,
        redundancy: runs[0].redundancy,
        seconds_a_round: median(&mut runs.iter().map(a_round).collect::<Vec<_>>()),
        end: Estimate::of(&ends),
        seconds_to: times.iter().map(|times| Estimate::of(times)).collect(),
        samples: (ends, times),
    }
}

fn refused(scheme: &Scheme, error: &Error) -> Row {
    Row {
        scheme: scheme.name.into(),
        refused: Some(error.to_string()),
        redundancy: 0.0,
        seconds_a_round: 0.0,
        end: Estimate::of(&[]),
        seconds_to: vec![],
        samples: (vec![], vec![]),
    }
}

fn describe(row: &Row) -> String {
    if let Some(why) = &row.refused {
        return format!("{:24} not possible: {why}", row.scheme);
    }
    let Estimate { median, low, high } = row.end;
    let each = |time: &Estimate| {
        format!("{} {:>17}", seconds(time.median), format!("[{}, {}]", bound(time.low), bound(time.high)))
    };
    let times: Vec<String> = row.seconds_to.iter().map(each).collect();
    format!(
        "{:24} {:7.2} {:8.3} {:>32}{}",
        row.scheme,
        row.redundancy,
        row.seconds_a_round,
        format!("{median:.2e} [{low:.2e}, {high:.2e}]"),
        times.join("")
    )
}

/// An end of an interval of seconds.
fn bound(value: f64) -> String {
    match value {
        f64::INFINITY => "never".into(),
        f64::NEG_INFINITY => "?".into(),
        value => format!("{value:.2}"),
    }
}

/// The optimum, by a method on the master's own products.
pub fn optimum(contest: &Contest<'_>, method: &str, iterations: usize) -> Result<f64> {
    let mut products = MasterProducts::new(Cow::Borrowed(contest.features));
    optimum_of(&mut products, contest, method, iterations)
}

fn optimum_of(oracle: &mut dyn ProductOracle, contest: &Contest<'_>, method: &str, iterations: usize) -> Result<f64> {
    let mut problem = Problem::new(oracle, contest.objective, contest.labels)?;
    let options = steadfast::method::SolveOptions { iterations, tolerance: 1e-10, time_limit: None };
    let start = vec![0.0; problem.dimension()];
    let never = std::sync::atomic::AtomicBool::new(false);
    let mut method = by_name(method)?;
    Ok(steadfast::method::solve(&mut *method, &mut problem, start, &options, &mut [], &never)?.last.objective)
}
