//! GIANT: its direction against the definition, its three ways with stragglers, and real data's known optimum.

use std::borrow::Cow;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use rand_distr::{Distribution, StandardNormal};
use steadfast::Error;
use steadfast::data::{Dense, Matrix, ReferenceSets, ReferenceTask};
use steadfast::fleet::{BlockFleet, Clock, Delay, FaultPlan};
use steadfast::objective::{Logistic, Objective};
use steadfast::oracle::{DirectionOracle, DirectionPlan, DirectionRound, LocalDirections, PointCurvature};
use steadfast::run::{TrainConfig, Training};
use steadfast::seed::{Purpose, Seed};

const L2: f64 = 0.05;

/// A logistic problem at a point: data, second derivatives, gradient.
struct Point {
    data: Matrix<f64>,
    second: Vec<f64>,
    gradient: Vec<f64>,
}

impl Point {
    fn new(n: usize, d: usize) -> Self {
        let mut rng = Seed(4).stream(Purpose::Experiment, 0, 0);
        let mut normal = |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
        let (x, w) = (normal(n * d), normal(d));
        let labels: Vec<f64> = normal(n).iter().map(|y| y.signum()).collect();
        let data = Matrix::Dense(Dense::new(n, d, x).unwrap());
        let objective = Objective { loss: Arc::new(Logistic), l2: L2, regularizer: None, intercept: false };
        let mut margins = vec![0.0; n];
        data.multiply(&w, 1, &mut margins);
        let (mut second, mut residuals, mut gradient) = (Vec::new(), vec![0.0; n], vec![0.0; d]);
        objective.curvature(&margins, &labels, &mut second).unwrap();
        objective.residuals(&margins, &labels, &mut residuals);
        data.multiply_transposed(&residuals, 1, &mut gradient);
        objective.add_l2_gradient(&w, &mut gradient);
        Point { data, second, gradient }
    }

    fn ask(&self, plan: DirectionPlan, fleet: BlockFleet) -> Result<(Vec<f64>, DirectionRound), Error> {
        let mut oracle = LocalDirections::new(Cow::Borrowed(&self.data), fleet, plan)?;
        let form = steadfast::objective::CurvatureForm::Scalar;
        let curvature = PointCurvature { form, numbers: &self.second, l2: L2, penalized: self.gradient.len() };
        let mut out = vec![0.0; self.gradient.len()];
        let round = oracle.direction(&curvature, &self.gradient, &mut out)?;
        assert_eq!(oracle.counters().rounds, 1);
        Ok((out, round))
    }

    /// `-mean_i H_i^-1 g` by the definition, over the given ranges of rows.
    fn by_definition(&self, ranges: &[std::ops::Range<usize>]) -> DVector<f64> {
        let d = self.gradient.len();
        let gradient = DVector::from_column_slice(&self.gradient);
        let mut sum = DVector::zeros(d);
        for range in ranges {
            let mut hessian = DMatrix::identity(d, d) * L2;
            for i in range.clone() {
                let mut row = DVector::zeros(d);
                self.data.for_each_in_row(i, |j, x| row[j] = x);
                hessian += &row * row.transpose() * (self.second[i] / range.len() as f64);
            }
            sum -= hessian.lu().solve(&gradient).unwrap();
        }
        sum / ranges.len() as f64
    }

    /// Cholesky, LU and sums of n terms each err by a few d or n round-offs times a condition number, here below 100.
    fn assert_close(&self, got: &[f64], want: &DVector<f64>) {
        let error = (DVector::from_column_slice(got) - want).norm();
        let allowed = 100.0 * self.second.len() as f64 * f64::EPSILON * want.norm();
        assert!(error <= allowed, "{error:e} > {allowed:e}");
    }
}

fn fleet(workers: usize, slow: usize, dead: usize, seed: u64) -> BlockFleet {
    let faults = FaultPlan::new(workers, Seed(seed)).slow(slow).dead(dead).split().unwrap().0;
    let delay = Delay::parse("exponential:shift=1,mean=1").unwrap();
    BlockFleet::new(faults, Clock { delay, seed: Seed(seed), ..Clock::default() })
}

#[test]
fn a_direction_is_the_average_of_local_newton_directions() {
    let point = Point::new(203, 6);
    // 203 rows on 4 workers: parts of 50, 51, 51 and 51 rows.
    let (direction, round) = point.ask(DirectionPlan::Wait, fleet(4, 0, 0, 1)).unwrap();
    assert_eq!((round.parts, round.heard.as_slice()), (4, [0, 1, 2, 3].as_slice()));
    point.assert_close(&direction, &point.by_definition(&[0..50, 50..101, 101..152, 152..203]));
    // One worker's is Newton's own.
    let (newton, _) = point.ask(DirectionPlan::Wait, fleet(1, 0, 0, 1)).unwrap();
    point.assert_close(&newton, &point.by_definition(std::slice::from_ref(&(0..203))));
}

#[test]
fn coding_brings_all_rows_whoever_is_missing() {
    let point = Point::new(180, 5);
    let plan = DirectionPlan::Coding { stragglers: 2 };
    let want = point.by_definition(&[0..60, 60..120, 120..180]);
    let mut heard = Vec::new();
    for seed in 0..12 {
        let (direction, round) = point.ask(plan, fleet(9, 1, 1, seed)).unwrap();
        point.assert_close(&direction, &want);
        let mut groups: Vec<usize> = round.heard.iter().map(|worker| worker % 3).collect();
        groups.sort_unstable();
        assert_eq!((round.parts, groups), (3, vec![0, 1, 2]));
        heard.push(round.heard);
    }
    heard.dedup();
    assert!(heard.len() > 1, "others were first in other rounds");
}

#[test]
fn who_ignores_stragglers_averages_over_the_others() {
    let point = Point::new(160, 5);
    let plan = DirectionPlan::Ignore { stragglers: 2 };
    let (direction, round) = point.ask(plan, fleet(8, 2, 0, 3)).unwrap();
    assert_eq!(round.parts, 6);
    let ranges: Vec<_> = round.heard.iter().map(|worker| worker * 20..(worker + 1) * 20).collect();
    point.assert_close(&direction, &point.by_definition(&ranges));
}

/// The same delays in all three, one slow worker: who waits waits longest, and a dead one stops only him.
#[test]
fn only_who_waits_waits_for_stragglers() {
    let point = Point::new(160, 5);
    for seed in 0..8 {
        let seconds = |plan| point.ask(plan, fleet(8, 1, 0, seed)).unwrap().1.seconds;
        let wait = seconds(DirectionPlan::Wait);
        let (coding, ignore) =
            (seconds(DirectionPlan::Coding { stragglers: 1 }), seconds(DirectionPlan::Ignore { stragglers: 1 }));
        // A slow worker comes at ten times the latest of the others.
        assert!(coding < wait / 5.0 && ignore < wait / 5.0, "{wait} {coding} {ignore}");
        // The last group is there once all but one worker are.
        assert!(coding <= 1.01 * ignore, "{coding} {ignore}");
        assert!(matches!(point.ask(DirectionPlan::Wait, fleet(8, 0, 1, seed)), Err(Error::TooManyFaults { .. })));
        for plan in [DirectionPlan::Coding { stragglers: 1 }, DirectionPlan::Ignore { stragglers: 1 }] {
            point.ask(plan, fleet(8, 0, 1, seed)).unwrap();
        }
    }
}

#[test]
fn every_variant_reaches_the_optimum_of_real_data() {
    let sets = ReferenceSets::open().unwrap();
    let set = sets.get("breast_cancer").unwrap();
    let problem = set.problems.iter().find(|p| p.task == ReferenceTask::Logistic && p.l2 >= 1e-3).unwrap();
    let mut seconds = Vec::new();
    for (stragglers, handling) in [(0, "wait"), (1, "coding"), (1, "ignore")] {
        let config = TrainConfig {
            task: Some("logistic".into()),
            l2: problem.l2,
            method: format!("giant:stragglers={handling}"),
            workers: 4,
            stragglers,
            inject_slow: 1,
            delay: "exponential:shift=1,mean=1".into(),
            iterations: 300,
            ..TrainConfig::default()
        };
        let trained = Training::new(config).run(set.load().unwrap()).unwrap();
        assert_eq!(trained.exit_status, 0, "{handling}: {:?}", trained.error);
        let end = &trained.record.end;
        // Both values are within their bounds of the true optimum; sums of 569 terms round by less than 1e-13.
        let allowed = end.gap_bound.unwrap() + problem.gap_bound + 1e-13;
        assert!((end.objective - problem.optimum).abs() <= allowed, "{handling}: {}", end.objective - problem.optimum);
        assert_eq!(
            trained.record.code.name.split(':').next(),
            Some(match handling {
                "wait" => "uncoded",
                "coding" => "replication",
                _ => "real-parity",
            })
        );
        seconds.push(end.virtual_seconds / end.iterations as f64);
    }
    assert!(seconds[1] < seconds[0] && seconds[2] < seconds[0], "an iteration: {seconds:?}");
}

#[test]
fn what_giant_needs_is_said() {
    let data = || ReferenceSets::open().unwrap().get("heart_scale").unwrap().load().unwrap();
    let base = TrainConfig { method: "giant".into(), l2: 0.1, ..TrainConfig::default() };
    for (config, named) in [
        (TrainConfig { l2: 0.0, ..base.clone() }, "above 0"),
        (TrainConfig { l1: 0.1, ..base.clone() }, "fista"),
        (TrainConfig { method: "giant:stragglers=coding".into(), ..base.clone() }, "how many to expect"),
        (TrainConfig { method: "giant:stragglers=ignore".into(), stragglers: 15, ..base.clone() }, "1 to 14"),
        (TrainConfig { method: "giant:stragglers=skip".into(), ..base.clone() }, "wait, coding or ignore"),
        (TrainConfig { method: "giant:s=1".into(), ..base.clone() }, "stragglers"),
    ] {
        let error = Training::new(config).run(data()).expect_err(named);
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains(named), "{error}");
    }
}
