//! Rows that come in batches: 569 breast tumours, of which 400 are encoded at first and the others a few at a time, on fifteen
//! workers of which four lie. After each batch the model is trained a little further from where it was, by decoded data
//! points (SGD) and at last by products; the end is compared with encoding everything at once:
//! `cargo run --example streaming_rows`.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use steadfast::coding::{RealParity, Tolerance};
use steadfast::data::{LoadOptions, Matrix, Source, Standardization, load};
use steadfast::device::CpuDevice;
use steadfast::error::Result;
use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
use steadfast::method::{Outcome, Problem, SolveOptions, for_objective, solve};
use steadfast::objective::{Logistic, Objective};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle, StreamingOracle};
use steadfast::run::Task;
use steadfast::seed::Seed;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/breast_cancer.svm.xz");
const OPTIONS: OracleOptions = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(7) };

/// Fifteen workers; others lie in each round.
fn fleet() -> Result<SimulatedFleet<f64>> {
    let plan = FaultPlan::new(15, Seed(7)).changing(true).liars(4, Attack::Gaussian { sigma: 100.0 });
    Ok(SimulatedFleet::new(Box::new(CpuDevice::new(None)?), plan.split()?.0, Clock::default()))
}

fn train(
    oracle: &mut dyn ProductOracle,
    labels: &[f64],
    method: &str,
    start: Vec<f64>,
    iterations: usize,
) -> Result<Outcome> {
    let objective = Objective { loss: Arc::new(Logistic), l2: 1e-3, regularizer: None, intercept: false };
    let mut problem = Problem::new(oracle, &objective, labels)?.with_seed(Seed(7));
    let mut method = for_objective(method, &objective)?;
    let options = SolveOptions { iterations, ..SolveOptions::default() };
    solve(method.as_mut(), &mut problem, start, &options, &mut [], &AtomicBool::new(false))
}

fn main() -> Result<()> {
    let data = load(&DATA.parse::<Source>()?, &LoadOptions::default())?.data;
    let (_, labels) = Task::new(Some("logistic"), &data.labels)?;
    let x = Standardization::fit(&data.features)?.apply(data.features.clone())?;
    let rows = |from: usize, to: usize| -> Matrix<f64> { x.select_rows(&(from..to).collect::<Vec<_>>()) };

    let code = Arc::new(RealParity::new(15, Tolerance { liars: 4, stragglers: 0 })?);
    let (mut n, first) = (400, rows(0, 400));
    let mut stream = StreamingOracle::new(Cow::Borrowed(&first), code.clone(), fleet()?, &OPTIONS)?;
    let mut weights = vec![0.0; x.cols()];
    while n < x.rows() {
        let more = x.rows().min(n + 43);
        stream.append_rows(&rows(n, more))?;
        n = more;
        let outcome = train(stream.oracle_mut(), &labels[..n], "sgd:batch=16", weights, 5)?;
        println!(
            "{n} rows, {} multiply-adds to append them: F = {:.6} after 5 epochs, liars named: {}",
            stream.multiply_adds(),
            outcome.last.objective,
            outcome.liars.len()
        );
        weights = outcome.weights;
    }
    let grown = train(stream.oracle_mut(), &labels, "lbfgs", weights.clone(), 100)?;
    let mut whole = CodedOracle::new(Cow::Borrowed(&x), code, fleet()?, &OPTIONS)?;
    let at_once = train(&mut whole, &labels, "lbfgs", weights, 100)?;
    println!("grown:   {}, F = {:.12}", grown.status, grown.last.objective);
    println!("at once: {}, F = {:.12}", at_once.status, at_once.last.objective);
    Ok(())
}
