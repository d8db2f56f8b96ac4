//! A code of one's own, and everything else unchanged: encoding, fleet, oracle and methods take any [`DataCode`].
//!
//! This one is a checksum: m - 1 workers hold a block of the data each, the last holds the sum of all blocks. It rebuilds
//! the answer of one missing worker, and it notices one lie; but it can't tell whose, so it refuses.
//!
//! Run it: `cargo run --example write_your_own_code`

use std::borrow::Cow;
use std::sync::{Arc, atomic::AtomicBool};
use steadfast::coding::{Certainty, DataCode, Replies, Report, Tolerance, Workspace, honest_noise};
use steadfast::data::{Labels, LoadOptions, Source, load};
use steadfast::device::CpuDevice;
use steadfast::error::{Error, Result};
use steadfast::fleet::{Attack, Clock, FaultPlan, Gather, SimulatedFleet};
use steadfast::method::{Lbfgs, Problem, SolveOptions, solve};
use steadfast::objective::{LeastSquares, Objective};
use steadfast::oracle::{CodedOracle, OracleOptions};
use steadfast::seed::Seed;

/// The generator, one row a worker: an identity matrix, and a row of ones under it.
#[derive(Debug)]
struct Checksum(Vec<Vec<f64>>);

impl Checksum {
    fn new(workers: usize) -> Self {
        let q = workers - 1;
        Checksum((0..workers).map(|i| (0..q).map(|j| f64::from(u8::from(i == q || i == j))).collect()).collect())
    }

    fn refuse(&self, reason: String, erased: Vec<usize>) -> Error {
        Error::TooManyFaults { reason, erased, suspected: Vec::new(), tolerance: self.tolerance().to_string() }
    }
}

impl DataCode for Checksum {
    fn name(&self) -> String {
        "checksum".into()
    }
    fn workers(&self) -> usize {
        self.0.len()
    }
    fn blocks(&self) -> usize {
        self.0.len() - 1
    }
    fn tolerance(&self) -> Tolerance {
        Tolerance { liars: 0, stragglers: 1 }
    }
    fn combination(&self, worker: usize) -> &[f64] {
        &self.0[worker]
    }
    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        present.iter().zip(implausible).filter(|(present, implausible)| !**present || **implausible).count() <= 1
    }
    fn decode(&self, replies: &Replies<'_>, _: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        let (q, r) = (self.blocks(), replies.vectors);
        let len = replies.layout.shard_rows * r;
        let reply = |i: usize| &replies.values[i * len..(i + 1) * len];
        let erased: Vec<usize> = (0..=q).filter(|&i| !replies.present[i] || replies.implausible[i]).collect();
        let sigma = |i: usize| honest_noise(&replies.stats[i], replies.precision, replies.broadcast);
        let noise = 8.0 * (0..=q).map(sigma).sum::<f64>() * (len as f64).sqrt();
        // Every reply but the one to rebuild, with the signs that make the sum 0 when all is well.
        let lost = erased.first().copied().unwrap_or(q);
        let mut sum = vec![0.0; len];
        for i in (0..=q).filter(|&i| i != lost || erased.is_empty()) {
            let sign = if i == q { -1.0 } else { 1.0 };
            sum.iter_mut().zip(reply(i)).for_each(|(s, x)| *s += sign * x);
        }
        let residual = if erased.is_empty() { sum.iter().map(|x| x * x).sum::<f64>().sqrt() } else { 0.0 };
        if erased.len() > 1 || residual.is_nan() || residual > noise {
            return Err(self.refuse(format!("the sum is off by {residual:.1e}, honestly {noise:.1e}"), erased));
        }
        // Row b of worker j's reply is row b q + j of the value.
        for (at, rows) in out.chunks_exact_mut(r).enumerate() {
            let (b, j) = (at / q, at % q);
            for (v, x) in rows.iter_mut().enumerate() {
                *x = if j == lost { -sum[b * r + v] } else { reply(j)[b * r + v] };
            }
        }
        // One lie moves the sum by as much as it moves the value. With a reply missing there is nothing left to check with.
        let (bound, certainty) = match erased.len() {
            0 => (residual + noise, Certainty::Certified),
            _ => (f64::INFINITY, Certainty::Uncertified),
        };
        Ok(Report { erased, liars: Vec::new(), residual, noise, bound, certainty })
    }
}

/// Ridge regression on the diabetes data by L-BFGS, with `dead` and `liars` among 8 workers.
fn train(dead: usize, liars: usize) -> Result<(f64, Vec<usize>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/diabetes.svm");
    let data = load(&path.parse::<Source>()?, &LoadOptions::default())?.data;
    let Labels::Real(y) = &data.labels else { return Err(Error::usage("labels", "classes", "numbers")) };
    let code = Arc::new(Checksum::new(8));
    let (faults, _) = FaultPlan::new(8, Seed(1)).dead(dead).liars(liars, Attack::Gaussian { sigma: 1e-3 }).split()?;
    let fleet = SimulatedFleet::<f64>::new(Box::new(CpuDevice::new(None)?), faults, Clock::default());
    let options = OracleOptions { gather: Gather::All, keys: 0, seed: Seed(1) };
    let mut oracle = CodedOracle::new(Cow::Borrowed(&data.features), code, fleet, &options)?;
    let objective = Objective { loss: Arc::new(LeastSquares), l2: 1e-3, regularizer: None, intercept: false };
    let mut problem = Problem::new(&mut oracle, &objective, y)?;
    let (start, options) = (vec![0.0; data.cols()], SolveOptions::default());
    let outcome = solve(&mut Lbfgs::default(), &mut problem, start, &options, &mut [], &AtomicBool::new(false))?;
    Ok((outcome.last.objective, outcome.late))
}

fn main() -> Result<()> {
    let (objective, _) = train(0, 0)?;
    println!("8 honest workers:     objective {objective:.9}");
    let (objective, late) = train(1, 0)?;
    println!("worker {late:?} is dead:   objective {objective:.9}");
    match train(0, 1) {
        Ok(_) => println!("one liar went unnoticed"),
        Err(refused) => println!("one worker lies:      {refused}"),
    }
    Ok(())
}
