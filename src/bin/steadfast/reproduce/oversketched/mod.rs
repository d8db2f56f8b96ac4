//! `oversketched-fig1` and `-fig4` to `-fig8`: the experiments of paper 001 in virtual time, against correct baselines.
//!
//! **The model.** Every round, every worker draws its delay from Figure 1's distribution, which the paper measured for whole jobs;
//! work and transfer at the rates of [`steadfast::fleet::CostModel`] come on top. Loading data into a worker is in nobody's time: the paper
//! blames gradient coding's poor showing on it. All methods get exact gradients from coded or waited-for products and an
//! Armijo search; where the paper takes mini-batch gradients to ignore stragglers, the first m - s replies of an `mds` code
//! give the exact one at the same time. All take three rounds an iteration but gradient descent, which takes two.

pub mod chart;
mod contest;
mod delays;
mod problems;
mod roster;

use std::path::PathBuf;

use steadfast::Result;

use super::line;
use crate::args::ReproduceArgs;
use crate::output;
use chart::{Panel, Series};
use contest::{Contest, Curve, Entrant};
pub use delays::run as fig1;
use problems::{Split, Task};
use roster::Fleets;

/// Relative gaps that the tables give times for.
const GAPS: [f64; 2] = [1e-4, 1e-8];
/// The paper's method, by its name in the tables.
const OURS: &str = "oversketched-newton";

/// Where a figure goes, if anywhere: `NAME.svg` in the folder of `--output`.
pub fn figure(args: &ReproduceArgs, name: &str) -> Result<Option<PathBuf>> {
    let Some(folder) = &args.output else { return Ok(None) };
    chart::check_folder(folder)?;
    let path = folder.join(format!("{name}.svg"));
    steadfast::trace::check_writable(&path)?;
    Ok(Some(path))
}

/// What a figure of curves is about.
struct Figure {
    name: &'static str,
    /// The paper's sentence that the result stands beside.
    claim: &'static str,
    /// Most iterations of anybody.
    iterations: usize,
}

/// All curves of a figure, as JSON has them.
#[derive(serde::Serialize)]
struct Outcome<'a> {
    figure: &'a str,
    rows: usize,
    cols: usize,
    optimum: f64,
    curves: &'a [Curve],
    /// For each gap of the tables and each curve: virtual seconds of the paper's method over that curve's; nothing where
    /// either does not reach the gap.
    ratios: Vec<Vec<Option<f64>>>,
}

/// Runs all entrants on a problem; prints the table, the claim beside what came out, and draws the figure.
fn compare(args: &ReproduceArgs, figure_of: &Figure, task: &Task, entrants: &[Entrant]) -> Result<Vec<Curve>> {
    let path = figure(args, figure_of.name)?;
    let (rows, cols) = (task.features.rows(), task.features.cols());
    let optimum = contest::optimum(&task.features, &task.labels, &task.objective)?;
    line(args, "model: a draw of figure 1 for every worker and round, work on top; loading data is in nobody's time");
    line(args, format!("{}: {rows} x {cols} trained on, l2 = {:e}, F* = {optimum:.12}", task.name, task.objective.l2));
    line(
        args,
        format!(
            "{:28} {:>7} {:>9} | {:>4} {:>9} | {:>4} {:>9} | {:>9}",
            "virtual seconds to a gap of", "workers", "s/iter", "it", "1e-4", "it", "1e-8", "last gap"
        ),
    );
    let contest = Contest {
        features: &task.features,
        labels: &task.labels,
        objective: &task.objective,
        optimum,
        iterations: figure_of.iterations,
        seed: steadfast::seed::Seed(args.seed),
    };
    let mut curves = Vec::with_capacity(entrants.len());
    for entrant in entrants {
        let curve = contest.run(entrant)?;
        line(args, row(&curve));
        curves.push(curve);
    }
    line(args, format!("paper: {}", figure_of.claim));
    let ratios: Vec<Vec<Option<f64>>> = GAPS.iter().map(|gap| ratios(&curves, *gap)).collect();
    for (gap, ratios) in GAPS.iter().zip(&ratios) {
        let others = curves.iter().zip(ratios).filter(|(curve, _)| curve.name != OURS);
        let each = others.map(|(curve, ratio)| match ratio {
            Some(ratio) => format!("{ratio:.2} of {}", curve.name),
            None => format!("- of {}", curve.name),
        });
        let each: Vec<String> = each.collect();
        line(args, format!("here:  {OURS}'s time to {gap:.0e}: {}", each.join("; ")));
    }
    if let Some(path) = path {
        chart::write_curves(&path, &panels(task, &curves))?;
        line(args, format!("wrote {}", path.display()));
    }
    if args.json {
        output::json(&Outcome { figure: figure_of.name, rows, cols, optimum, curves: &curves, ratios })?;
    }
    Ok(curves)
}

fn row(curve: &Curve) -> String {
    let cell = |gap| match curve.reaches(gap) {
        Some((iterations, seconds)) => format!("{iterations:4} {seconds:9.0}"),
        None => format!("{:>4} {:>9}", "-", "-"),
    };
    format!(
        "{:28} {:7} {:9.1} | {} | {} | {:9.1e}",
        curve.name,
        curve.workers,
        curve.seconds_an_iteration(),
        cell(GAPS[0]),
        cell(GAPS[1]),
        curve.points.last().map_or(f64::NAN, |p| p.gap)
    )
}

/// Virtual seconds of the paper's method to a gap, over those of each curve.
fn ratios(curves: &[Curve], gap: f64) -> Vec<Option<f64>> {
    let seconds = |curve: &Curve| curve.reaches(gap).map(|(_, seconds)| seconds);
    let ours = curves.iter().find(|c| c.name == OURS).and_then(seconds);
    curves.iter().map(|curve| ours.zip(seconds(curve)).map(|(ours, other)| ours / other)).collect()
}

/// The gap against virtual time and, where there are test data, the error on them.
fn panels(task: &Task, curves: &[Curve]) -> Vec<Panel> {
    let panel = |title: &str, y_name, y: &dyn Fn(&contest::Point) -> f64| Panel {
        title: format!("{title}: {}", task.name),
        x_name: "virtual seconds",
        y_name,
        series: curves
            .iter()
            .map(|c| Series {
                name: c.name.into(),
                points: c.points.iter().map(|p| (p.seconds, y(p))).collect(),
                failed: false,
            })
            .collect(),
    };
    let mut panels = vec![panel("training", "(F(w) - F*) / F*", &|p| p.gap)];
    if let Some(test) = &task.test {
        panels.push(panel("test", "misclassified share", &|p| test.error(&p.weights)));
    }
    panels
}

/// Figure 4: GIANT in three ways, exact Newton, OverSketched Newton on synthetic data.
pub fn fig4(args: &ReproduceArgs) -> Result<u8> {
    let figure = Figure {
        name: "oversketched-fig4",
        claim: "almost half of exact Newton's time, GIANT slower; of its variants, waiting is the slowest and ignoring 25 % \
                faster than coding",
        iterations: 150,
    };
    let task = problems::synthetic(args, Split::None)?;
    compare(args, &figure, &task, &Fleets::of_figure_4().second_order()?)?;
    Ok(0)
}

/// Figure 5: the same on real data, with the error on test data.
pub fn fig5(args: &ReproduceArgs) -> Result<u8> {
    let figure = Figure {
        name: "oversketched-fig5",
        claim: "significantly faster than GIANT and exact Newton; coding for three stragglers slower than waiting; test error \
                follows training error",
        iterations: 40,
    };
    let task = problems::real(args)?;
    let curves = compare(args, &figure, &task, &Fleets::of_figure_5(&task.features).second_order()?)?;
    if let Some(test) = &task.test {
        for curve in &curves {
            if let Some(last) = curve.points.last() {
                let (train, test) = (task.error(&last.weights), test.error(&last.weights));
                line(args, format!("{:28} misclassified: training {train:.4}, test {test:.4}", curve.name));
            }
        }
    }
    Ok(0)
}

/// Figure 6: coded or speculative gradients with a sketched or an exact Hessian.
pub fn fig6(args: &ReproduceArgs) -> Result<u8> {
    let figure = Figure {
        name: "oversketched-fig6",
        claim: "coded gradients beat speculative ones with either Hessian, the sketched Hessian the exact one",
        iterations: 60,
    };
    let task = problems::real(args)?;
    compare(args, &figure, &task, &Fleets::of_figure_5(&task.features).combinations()?)?;
    Ok(0)
}

/// Figure 7: against gradient descent.
pub fn fig7(args: &ReproduceArgs) -> Result<u8> {
    let figure = Figure {
        name: "oversketched-fig7",
        claim: "significantly outperforms gradient descent with backtracking",
        iterations: 300,
    };
    let task = problems::real(args)?;
    compare(args, &figure, &task, &Fleets::of_figure_5(&task.features).first_order()?)?;
    Ok(0)
}

/// Figure 8: against GIANT on servers.
pub fn fig8(args: &ReproduceArgs) -> Result<u8> {
    let figure = Figure {
        name: "oversketched-fig8",
        claim: "faster than GIANT on servers, whose rounds take 30 % less",
        iterations: 150,
    };
    line(args, "servers: every job takes the median of Figure 1 less 30 %, 28 s, and nobody straggles");
    let task = problems::synthetic(args, Split::None)?;
    compare(args, &figure, &task, &Fleets::of_figure_4().against_servers()?)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every entrant of every figure on 480 x 8 reaches its optimum, or for gradient descent comes near.
    #[test]
    fn every_entrant_converges_on_the_smallest_size() {
        let task = problems::generated(480, 8, 1e-3, Split::Test, 1).expect("a problem");
        let optimum = contest::optimum(&task.features, &task.labels, &task.objective).expect("an optimum");
        let contest = Contest {
            features: &task.features,
            labels: &task.labels,
            objective: &task.objective,
            optimum,
            iterations: 300,
            seed: steadfast::seed::Seed(1),
        };
        let fleets = Fleets::smallest();
        let lists = [fleets.second_order(), fleets.combinations(), fleets.first_order(), fleets.against_servers()];
        for entrant in lists.into_iter().flat_map(|list| list.expect("entrants")) {
            let curve = contest.run(&entrant).unwrap_or_else(|e| panic!("{}: {e}", entrant.name));
            let gap = if entrant.method == "gradient-descent" { GAPS[0] } else { GAPS[1] };
            let (iterations, seconds) = curve.reaches(gap).unwrap_or_else(|| panic!("{}: {gap:e}", entrant.name));
            // No round is faster than a worker's least delay, far above 1 s by Figure 1.
            assert!(seconds > iterations as f64, "{}: {iterations} in {seconds} s", entrant.name);
            let test = task.test.as_ref().expect("test data");
            assert!(test.error(&curve.points[iterations].weights) < 0.5, "{}", entrant.name);
        }
    }

    #[test]
    fn ratios_are_of_times_to_a_gap() {
        let point = |seconds, gap| contest::Point { seconds, gap, weights: Vec::new() };
        let curve = |name, seconds| Curve { name, workers: 1, points: vec![point(1.0, 1.0), point(seconds, 1e-9)] };
        let curves = [curve(OURS, 30.0), curve("a", 60.0), curve("b", 120.0)];
        assert_eq!(ratios(&curves, 1e-8), [Some(1.0), Some(0.5), Some(0.25)]);
        assert_eq!(ratios(&curves, 1e-10), [None; 3]);
        assert_eq!(curves[1].reaches(1e-4), Some((1, 60.0)));
    }
}
