//! `encoded-ridge`: ridge regression by encoded L-BFGS (Karakus et al. 2017: n = 4096, p = 6000, l2 = .05, m = 32, k = 12; here an
//! eighth of both sizes unless `--full`).

use std::sync::Arc;

use rand::RngExt;
use rand_distr::StandardNormal;
use steadfast::Result;
use steadfast::data::{Dense, Matrix};
use steadfast::objective::{LeastSquares, Objective};
use steadfast::seed::{Purpose, Seed};

use super::contest::{Claim, Compared, Contest, Kind, Levels, Scheme, compare, optimum};
use super::orderings::seeds;
use crate::args::ReproduceArgs;
use crate::output;
use crate::reproduce::line;

const fn scheme(name: &'static str, code: &'static str, kind: Kind) -> Scheme {
    Scheme::new(name, code, kind, "lbfgs", "encoded-lbfgs")
}

const SCHEMES: [Scheme; 10] = [
    scheme("uncoded, all", "uncoded", Kind::All),
    scheme("uncoded, first k", "uncoded", Kind::First),
    scheme("replication, first k", "replication", Kind::First),
    scheme("gaussian, first k", "gaussian", Kind::First),
    scheme("hadamard, first k", "hadamard", Kind::First),
    scheme("steiner, first k", "steiner", Kind::First),
    scheme("paley, first k", "paley", Kind::First),
    scheme("hadamard, all", "hadamard", Kind::All),
    scheme("mds (exact)", "mds", Kind::Exact),
    scheme("product (exact)", "product", Kind::Exact),
];

/// Of paper 000 and the spec: tight frames settle below plain rows and below random ones, within reach sooner than who waits for all.
const CLAIMS: [Claim; 8] = [
    Claim::Lower("hadamard, first k", "uncoded, first k"),
    Claim::Lower("steiner, first k", "uncoded, first k"),
    Claim::Lower("paley, first k", "uncoded, first k"),
    Claim::Lower("steiner, first k", "gaussian, first k"),
    Claim::Lower("uncoded, first k", "gaussian, first k"),
    Claim::Lower("steiner, first k", "replication, first k"),
    Claim::Sooner("steiner, first k", "uncoded, all"),
    Claim::Sooner("mds (exact)", "steiner, first k"),
];

/// Normal data and labels with noise 1.
pub fn problem(rows: usize, cols: usize, seed: u64) -> Result<(Matrix<f64>, Vec<f64>)> {
    let mut stream = Seed(seed).stream(Purpose::Experiment, 0, 0);
    let mut normal = || -> f64 { stream.sample(StandardNormal) };
    let truth: Vec<f64> = (0..cols).map(|_| normal()).collect();
    let values: Vec<f64> = (0..rows * cols).map(|_| normal()).collect();
    let labels = values
        .chunks_exact(cols)
        .map(|row| {
            row.chunks(256)
                .zip(truth.chunks(256))
                .map(|(x, w)| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>())
                .sum::<f64>()
                + normal()
        })
        .collect();
    Ok((Matrix::Dense(Dense::new(rows, cols, values)?), labels))
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let scale = if args.full { 1 } else { 8 };
    let (n, p) = (4096 / scale, 6000 / scale);
    let (features, labels) = problem(n, p, args.seed)?;
    let objective = Objective { loss: Arc::new(LeastSquares), l2: 0.05, regularizer: None, intercept: false };
    let contest = |first, iterations| Contest {
        features: &features,
        labels: &labels,
        objective: &objective,
        workers: 32,
        first,
        delay: "exponential:shift=0.05,mean=0.2",
        iterations,
    };
    let best = optimum(&contest(32, 0), "lbfgs", 1000)?;
    let mut all = Compared::default();
    for first in [12, 24] {
        let title = format!("ridge {n} x {p}, l2 = .05, m = 32, k = {first}, exponential delays");
        let levels = Levels { title: &title, measure: "F / F* - 1", levels: &[1.0, 0.1, 0.01], claims: &CLAIMS };
        let gap = move |iterate: &steadfast::method::Iterate| iterate.value / best - 1.0;
        let file = format!("encoded-ridge-k{first}");
        all.extend(compare(args, &file, &contest(first, 40), &SCHEMES, seeds(args)?, &levels, &gap)?);
    }
    line(
        args,
        "paper: with k = 12 of 32 and redundancy 2 Hadamard encoding converges stably near the optimum and uncoded first-k",
    );
    line(
        args,
        "stays far above it; numbers are medians over seeds of relative gaps at the end and of seconds to reach a gap",
    );
    if args.json {
        output::json(&all)?;
    }
    Ok(0)
}
