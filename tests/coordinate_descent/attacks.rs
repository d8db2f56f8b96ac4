//! Under attack coordinate descent takes the iterates of plain coordinate descent without liars.

use std::sync::Arc;

use crate::plain::{Plain, code, coded, experiment, finish, sparse, walk};
use steadfast::Error;
use steadfast::data::Matrix;
use steadfast::fleet::{Attack, FaultPlan, Faults, Gather, PRODUCT_ATTACKS};
use steadfast::method::{Order, SolveOptions};
use steadfast::objective::{BoxConstraint, L1, LeastSquares, Logistic, Objective, Penalized, Regularizer, Simplex};
use steadfast::seed::Seed;

fn lasso(d: usize, weight: f64) -> Objective {
    let h: Arc<dyn Regularizer> = Arc::new(L1::new(weight, Penalized::new(d, false).unwrap()).unwrap());
    Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: Some(h), intercept: false }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let square = |it: &mut dyn Iterator<Item = f64>| it.map(|x| x * x).sum::<f64>().sqrt();
    square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut b.iter().copied()).max(1e-300)
}

/// The largest distance of two runs' iterates, relative to the plain run's.
fn furthest(data: &Matrix<f64>, labels: &[f64], objective: &Objective, attack: &str, t: usize, order: Order) -> f64 {
    let code = code(15, t, 0);
    let plan = FaultPlan::new(15, Seed(9))
        .liars(t, Attack::parse(attack).unwrap())
        .changing(true)
        .parity_check(code.parity_check());
    let (faults, witness) = plan.split().unwrap();
    let mut oracle = coded(data, &code, faults, Gather::All);
    let iterations = 24;
    let lied = walk(&mut oracle, objective, labels, order, 0.25, iterations).unwrap();
    assert!(!witness.take().heard.is_empty(), "{attack}, t = {t}: nobody lied");
    let plain = walk(&mut Plain::new(data, code.blocks()), objective, labels, order, 0.25, iterations).unwrap();
    assert!(lied.drift < 1e-11, "{attack}, t = {t}: drift {:e}", lied.drift);
    lied.weights.iter().zip(&plain.weights).map(|(a, b)| distance(a, b)).fold(0.0, f64::max)
}

#[test]
fn every_attack_leaves_the_iterates_of_plain_coordinate_descent() {
    let (data, labels) = experiment(160, 90, 1);
    let objective = lasso(90, 0.2);
    let mut worst: f64 = 0.0;
    for t in 1..=7 {
        for attack in PRODUCT_ATTACKS {
            let far = furthest(&data, &labels, &objective, attack, t, Order::Cyclic);
            worst = worst.max(far);
            assert!(far <= 1e-9, "{attack}, t = {t}: {far:e}");
        }
    }
    eprintln!("iterates under attack and plain ones: at most {worst:e} apart (relative)");
}

/// Other losses, penalties and orders, and sparse data, under the paper's attack.
#[test]
fn so_it_is_for_other_problems_and_orders() {
    let all = |d| Penalized::new(d, false).unwrap();
    let with = |h: Option<Arc<dyn Regularizer>>, l2| Objective {
        loss: Arc::new(Logistic),
        l2,
        regularizer: h,
        intercept: false,
    };
    let constraint: Arc<dyn Regularizer> = Arc::new(BoxConstraint::new(-0.1, 0.2, all(80)).unwrap());
    let elastic: Arc<dyn Regularizer> = Arc::new(L1::new(0.02, all(80)).unwrap());
    let objectives = [with(None, 1e-2), with(Some(constraint), 0.0), with(Some(elastic), 1e-2), lasso(80, 0.3)];
    for (data, labels) in [experiment(150, 80, 2), sparse(150, 80, 3)] {
        let signs: Vec<f64> = labels.iter().map(|y| if *y >= 0.0 { 1.0 } else { -1.0 }).collect();
        for objective in &objectives {
            for order in [Order::Cyclic, Order::Random(Seed(4)), Order::Greedy] {
                let far = furthest(&data, &signs, objective, "gaussian:sigma=100", 4, order);
                assert!(far <= 1e-9, "{order:?}, {:?}: {far:e}", objective.regularizer);
            }
        }
    }
}

/// Slow workers are left out, and liars among the others found: both rounds have spare checks for both.
#[test]
fn slow_workers_and_liars_together_change_nothing() {
    let (data, labels) = experiment(160, 90, 5);
    let objective = lasso(90, 0.2);
    let code = code(15, 3, 2);
    let attack = Attack::parse("gaussian:sigma=100").unwrap();
    let (faults, _) = FaultPlan::new(15, Seed(2)).liars(3, attack).changing(true).slow(2).split().unwrap();
    let mut oracle = coded(&data, &code, faults, Gather::Decodable);
    let lied = walk(&mut oracle, &objective, &labels, Order::Cyclic, 0.25, 24).unwrap();
    let plain = walk(&mut Plain::new(&data, code.blocks()), &objective, &labels, Order::Cyclic, 0.25, 24).unwrap();
    for (a, b) in lied.weights.iter().zip(&plain.weights) {
        assert!(distance(a, b) <= 1e-9, "{:e}", distance(a, b));
    }
}

/// In f32 the iterates follow the plain ones to the workers' precision, and the drift of the running margins is what 24 sums of
/// f32 products may have.
#[test]
fn f32_workers_stay_within_their_rounding() {
    let (data, labels) = experiment(160, 90, 6);
    let objective = lasso(90, 0.2);
    let code = code(15, 4, 0);
    let narrow: Matrix<f32> = data.convert();
    let attack = Attack::parse("sign-flip").unwrap();
    let (faults, _) = FaultPlan::new(15, Seed(2)).liars(4, attack).changing(true).split().unwrap();
    let mut oracle = coded(&narrow, &code, faults, Gather::All);
    let lied = walk(&mut oracle, &objective, &labels, Order::Cyclic, 0.25, 24).unwrap();
    let wide: Matrix<f64> = narrow.convert();
    let plain = walk(&mut Plain::new(&wide, code.blocks()), &objective, &labels, Order::Cyclic, 0.25, 24).unwrap();
    let far = lied.weights.iter().zip(&plain.weights).map(|(a, b)| distance(a, b)).fold(0.0, f64::max);
    println!("f32: iterates {far:e} apart, drift {:e}", lied.drift);
    // 2^-24 an entry, decoders of norm up to 8.4 (t = 4), sums of some products.
    assert!(far <= 1e-4 && lied.drift <= 1e-4, "{far:e}, drift {:e}", lied.drift);
}

/// One liar too many is refused, and no number of the refused round is in the answer.
#[test]
fn too_many_liars_are_refused() {
    let (data, labels) = experiment(160, 90, 7);
    let code = code(15, 3, 0);
    let attack = Attack::parse("gaussian:sigma=100").unwrap();
    let (faults, _) = FaultPlan::new(15, Seed(2)).liars(4, attack).changing(true).split().unwrap();
    let mut oracle = coded(&data, &code, faults, Gather::All);
    let options = SolveOptions::default();
    let error = finish(&mut oracle, &lasso(90, 0.2), &labels, (Order::Cyclic, 0.25), &options).unwrap_err();
    assert!(matches!(error, Error::TooManyFaults { .. }), "{error}");
}

/// A run to the end stops on a whole gradient's gap, from margins computed in full.
#[test]
fn a_run_ends_on_a_real_duality_gap() {
    let (data, labels) = experiment(160, 90, 8);
    for (order, fraction) in
        [(Order::Cyclic, 0.25), (Order::Random(Seed(1)), 0.1), (Order::Greedy, 0.1), (Order::Cyclic, 1.0)]
    {
        let code = code(15, 4, 0);
        let mut oracle = coded(&data, &code, Faults::none(15), Gather::All);
        let options = SolveOptions { tolerance: 1e-8, ..SolveOptions::default() };
        let objective = lasso(90, 0.2);
        let outcome = finish(&mut oracle, &objective, &labels, (order, fraction), &options).unwrap();
        assert!(outcome.status.is_solved(), "{order:?}: {}", outcome.status);
        assert!(outcome.last.duality_gap.is_some_and(|gap| gap <= 1e-8), "{order:?}: {:?}", outcome.last);
        // The gap bounds how far F is above the optimum, here that of a run without workers to a gap 1,000 times smaller.
        let mut plain = Plain::new(&data, 7);
        let options = SolveOptions { tolerance: 1e-11, ..options };
        let optimum = finish(&mut plain, &objective, &labels, (Order::Cyclic, 0.25), &options).unwrap();
        let above = outcome.last.objective - optimum.last.objective;
        println!(
            "{order:?} {fraction}: {} iterations, {} rounds, {above:e} above the optimum, drift {:e}",
            outcome.last.iteration, outcome.last.rounds, outcome.margin_drift
        );
        assert!((-1e-11..=1e-8).contains(&above), "{order:?}: {above:e}");
    }
}

#[test]
fn what_it_can_not_solve_is_refused_by_name() {
    let (data, labels) = experiment(40, 12, 9);
    let code = code(15, 4, 0);
    let h: Arc<dyn Regularizer> = Arc::new(Simplex::new(1.0, Penalized::new(12, false).unwrap()).unwrap());
    let objective = Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: Some(h), intercept: false };
    let mut oracle = coded(&data, &code, Faults::none(15), Gather::All);
    let options = SolveOptions::default();
    let error = finish(&mut oracle, &objective, &labels, (Order::Cyclic, 0.25), &options).unwrap_err().to_string();
    assert!(error.contains("simplex") && error.contains("non-negative"), "{error}");
    for bad in ["coordinate-descent:fraction=0", "coordinate-descent:fraction=2", "coordinate-descent:blocks=best"] {
        assert!(steadfast::method::for_objective(bad, &lasso(12, 0.1)).is_err(), "{bad}");
    }
}
