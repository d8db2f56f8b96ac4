//! Products with parts of shards over real connections.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use crate::plain::{code, coded, experiment, sparse};
use steadfast::Result;
use steadfast::device::{CpuDevice, Device};
use steadfast::fleet::tcp::DeviceFactory;
use steadfast::fleet::{Attack, FaultPlan, Faults, Gather, TcpFleet, TcpOptions, serve_worker};
use steadfast::method::{Outcome, Problem, SolveOptions, for_objective, solve};
use steadfast::objective::{LeastSquares, Objective};
use steadfast::oracle::{CodedOracle, OracleOptions, ProductOracle};
use steadfast::scalar::Element;
use steadfast::seed::Seed;

struct Cpu;

impl DeviceFactory for Cpu {
    fn make<T: Element>(&self) -> Result<Box<dyn Device<T>>> {
        Ok(Box::new(CpuDevice::new(Some(1))?))
    }
}

fn lying() -> Faults {
    let plan = FaultPlan::new(9, Seed(2)).changing(true).liars(2, Attack::SignFlip { scale: 1.0 });
    plan.split().expect("a plan").0
}

fn descend(oracle: &mut dyn ProductOracle, labels: &[f64]) -> Outcome {
    let objective =
        Objective { loss: std::sync::Arc::new(LeastSquares), l2: 1e-2, regularizer: None, intercept: false };
    let mut problem = Problem::new(oracle, &objective, labels).expect("labels that fit");
    let mut method = for_objective("coordinate-descent:fraction=0.3", &objective).expect("a method");
    let (start, options) = (vec![0.0; problem.dimension()], SolveOptions { iterations: 40, ..Default::default() });
    solve(method.as_mut(), &mut problem, start, &options, &mut [], &AtomicBool::new(false)).expect("a run")
}

/// Liars lie about the same parts, too, and every count is that of the simulated fleet.
#[test]
fn coordinate_descent_over_tcp_is_the_simulated_one() {
    for (data, labels) in [experiment(80, 31, 4), sparse(80, 31, 4)] {
        let tcp = TcpFleet::<f64>::start(lying(), TcpOptions::default(), &mut |invitation| {
            let invitation = invitation.clone();
            std::thread::spawn(move || serve_worker(&invitation, &Cpu));
            Ok(None)
        });
        let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(3) };
        let tcp = tcp.expect("workers that join");
        let mut real = CodedOracle::with_blocks(Cow::Borrowed(&data), code(9, 2, 0), tcp, &options).expect("an oracle");
        let mut simulated = coded(&data, &code(9, 2, 0), lying(), Gather::All);
        let (got, wanted) = (descend(&mut real, &labels), descend(&mut simulated, &labels));
        assert_eq!(got.weights, wanted.weights);
        assert_eq!((got.liars.len(), &got.liars), (9, &wanted.liars), "others lie in each round");
        assert_eq!(real.counters(), simulated.counters());
    }
}
