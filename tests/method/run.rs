//! The loop: observers, limits, interrupts, errors, names.

use crate::losses::{L1, Logistic, Squared, smooth, with_regularizer};
use crate::oracle::DenseOracle;
use crate::{Records, gaussian, run, signs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use steadfast::Result;
use steadfast::error::Error;
use steadfast::method::{Outcome, Problem, SolveOptions, Status, by_name, for_objective, solve};
use steadfast::trace::{IterationRecord, Observer};

fn logistic_problem() -> (Vec<f64>, Vec<f64>) {
    let (values, labels) = gaussian(200, 30, 0.01, 31);
    (values, signs(&labels))
}

/// A run on it, seen by observers.
fn watched(
    method: &str,
    refuse_after: Option<u64>,
    options: &SolveOptions,
    observers: &mut [&mut dyn Observer],
    cancel: &AtomicBool,
) -> Result<Outcome> {
    let (values, labels) = logistic_problem();
    let mut oracle = DenseOracle::new(200, 30, values);
    oracle.refuse_after = refuse_after;
    let objective = smooth(Logistic, 1e-5);
    let mut problem = Problem::new(&mut oracle, &objective, &labels)?;
    solve(by_name(method)?.as_mut(), &mut problem, vec![0.0; 30], options, observers, cancel)
}

/// Sets the flag at an iteration, as Ctrl-C would.
struct InterruptAt<'a>(usize, &'a AtomicBool);

impl Observer for InterruptAt<'_> {
    fn iteration(&mut self, record: &mut IterationRecord) -> Result<()> {
        self.1.store(record.iteration >= self.0, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn an_interrupt_ends_after_the_iteration_it_came_in() {
    let cancel = AtomicBool::new(false);
    let (mut interrupt, mut records) = (InterruptAt(4, &cancel), Records::default());
    let options = SolveOptions::default();
    let outcome = watched("lbfgs", None, &options, &mut [&mut interrupt, &mut records], &cancel).unwrap();
    assert_eq!((outcome.status, outcome.status.exit_status()), (Status::Interrupted, 130));
    assert_eq!(records.0.len(), 5);
    assert_eq!(outcome.last, records.0[4]);
    assert!(outcome.last.objective < records.0[0].objective, "the weights so far come back");
}

#[test]
fn limits_of_time_and_iterations_end_with_status_4() {
    let (values, labels) = logistic_problem();
    let objective = smooth(Logistic, 1e-5);
    let solve = |options: SolveOptions| {
        let mut oracle = DenseOracle::new(200, 30, values.clone());
        run(&mut oracle, &objective, &labels, "auto", &options).unwrap()
    };
    let (outcome, records) = solve(SolveOptions { time_limit: Some(Duration::ZERO), ..SolveOptions::default() });
    assert_eq!((outcome.status, records.len()), (Status::TimeLimit, 1));
    let (outcome, records) = solve(SolveOptions { iterations: 7, ..SolveOptions::default() });
    assert_eq!((outcome.status, outcome.status.exit_status(), records.len()), (Status::IterationLimit, 4, 8));
    assert_eq!(records.iter().map(|r| r.iteration).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    let (outcome, records) = solve(SolveOptions { iterations: 0, ..SolveOptions::default() });
    assert_eq!((outcome.status, records.len()), (Status::IterationLimit, 1));
}

/// Takes its time over a record, as a full disk or a slow terminal would.
struct Slow(Duration);

impl Observer for Slow {
    fn iteration(&mut self, _: &mut IterationRecord) -> Result<()> {
        std::thread::sleep(self.0);
        Ok(())
    }
}

#[test]
fn the_record_of_a_run_that_ended_by_time_shows_it() {
    let limit = Duration::from_millis(50);
    let options = SolveOptions { tolerance: 0.0, time_limit: Some(limit), ..SolveOptions::default() };
    let mut slow = Slow(2 * limit);
    let outcome = watched("gradient-descent", None, &options, &mut [&mut slow], &AtomicBool::new(false)).unwrap();
    assert_eq!(outcome.status, Status::TimeLimit);
    assert!(outcome.last.wall_seconds >= limit.as_secs_f64(), "{}", outcome.last.wall_seconds);
}

#[test]
fn too_many_faults_propagate_after_the_finished_iterations() {
    let (mut records, options) = (Records::default(), SolveOptions::default());
    let error = watched("lbfgs", Some(9), &options, &mut [&mut records], &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, Error::TooManyFaults { .. }), "{error}");
    // Two rounds for the start and two an iteration: three whole iterations fit into nine rounds.
    assert_eq!(records.0.len(), 4);
}

/// Refuses its third record.
struct Refuses(usize);

impl Observer for Refuses {
    fn iteration(&mut self, _: &mut IterationRecord) -> Result<()> {
        self.0 += 1;
        if self.0 == 3 { Err(Error::Fleet("disk full".into())) } else { Ok(()) }
    }
}

#[test]
fn an_observer_can_stop_a_run_and_complete_records_for_the_next() {
    let (mut refuses, options) = (Refuses(0), SolveOptions::default());
    let error = watched("fista", None, &options, &mut [&mut refuses], &AtomicBool::new(false)).unwrap_err();
    assert_eq!(error.to_string(), "fleet: disk full");
    assert_eq!(refuses.0, 3);
}

#[test]
fn names_and_objectives_are_checked() {
    let allowed = by_name("newtron").unwrap_err().allowed();
    for name in steadfast::method::NAMES {
        assert!(allowed.contains(name), "{allowed}");
        assert_eq!(by_name(name).unwrap().name(), name);
    }
    let lasso = with_regularizer(Squared, 0.0, L1(0.1));
    for name in ["lbfgs", "gradient-descent"] {
        let error = for_objective(name, &lasso).unwrap_err();
        assert_eq!(error.exit_status(), 2);
        assert!(error.to_string().contains("fista or proximal-gradient"), "{error}");
    }
    assert_eq!(for_objective("auto", &lasso).unwrap().name(), "fista");
    assert_eq!(for_objective("auto", &smooth(Squared, 0.0)).unwrap().name(), "lbfgs");
}

#[test]
fn bad_input_is_a_usage_error() {
    let (values, labels) = logistic_problem();
    let mut oracle = DenseOracle::new(200, 30, values);
    let negative = smooth(Logistic, -1.0);
    assert_eq!(Problem::new(&mut oracle, &negative, &labels).unwrap_err().exit_status(), 2);
    let objective = smooth(Logistic, 0.1);
    assert_eq!(Problem::new(&mut oracle, &objective, &labels[1..]).unwrap_err().exit_status(), 2);
    let mut broken = labels.clone();
    broken[17] = f64::NAN;
    let error = Problem::new(&mut oracle, &objective, &broken).unwrap_err();
    assert!(error.to_string().contains("row 18"), "{error}");

    for (start, options) in [
        (vec![0.0; 29], SolveOptions::default()),
        (vec![f64::INFINITY; 30], SolveOptions::default()),
        (vec![0.0; 30], SolveOptions { tolerance: -1.0, ..SolveOptions::default() }),
        (vec![0.0; 30], SolveOptions { tolerance: f64::NAN, ..SolveOptions::default() }),
    ] {
        let mut problem = Problem::new(&mut oracle, &objective, &labels).unwrap();
        let mut method = by_name("lbfgs").unwrap();
        let error =
            solve(method.as_mut(), &mut problem, start, &options, &mut [], &AtomicBool::new(false)).unwrap_err();
        assert_eq!(error.exit_status(), 2, "{error}");
    }
    let mut problem = Problem::new(&mut oracle, &objective, &labels).unwrap();
    let mut method = by_name("lbfgs").unwrap();
    let huge = vec![1e308; 30];
    let error = solve(method.as_mut(), &mut problem, huge, &SolveOptions::default(), &mut [], &AtomicBool::new(false));
    assert!(matches!(error.unwrap_err(), Error::Numerical(_)));
}
