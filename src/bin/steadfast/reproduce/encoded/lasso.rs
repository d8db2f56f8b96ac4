//! `encoded-lasso`: support recovery by encoded proximal gradient under trimodal delays (Karakus et al. 2019: 130,000 x 100,000 with 7,695
//! non-zero weights; here 1,128 x 868 with 67, the same shares, and three times that with `--full`).

use std::sync::Arc;

use rand::RngExt;
use rand::seq::index;
use rand_distr::StandardNormal;
use steadfast::Result;
use steadfast::data::{Dense, Matrix};
use steadfast::method::Iterate;
use steadfast::objective::{L1, LeastSquares, Objective, Penalized};
use steadfast::seed::{Purpose, Seed};

use super::contest::{Claim, Contest, Kind, Levels, Scheme, compare};
use super::orderings::seeds;
use crate::args::ReproduceArgs;
use crate::output;
use crate::reproduce::line;

const fn scheme(name: &'static str, code: &'static str, kind: Kind) -> Scheme {
    Scheme::new(name, code, kind, "proximal-gradient", "encoded-proximal-gradient")
}

const SCHEMES: [Scheme; 8] = [
    scheme("uncoded, all", "uncoded", Kind::All),
    scheme("uncoded, first k", "uncoded", Kind::First),
    scheme("replication, first k", "replication", Kind::First),
    scheme("gaussian, first k", "gaussian", Kind::First),
    scheme("hadamard, first k", "hadamard", Kind::First),
    scheme("steiner, first k", "steiner", Kind::First),
    scheme("mds (exact)", "mds", Kind::Exact),
    scheme("product (exact)", "product", Kind::Exact),
];

/// Of paper 000 and the issue of this project: encoded rows find the support before plain ones, copies, random rows and who waits for all.
const CLAIMS: [Claim; 8] = [
    Claim::Sooner("hadamard, first k", "uncoded, all"),
    Claim::Sooner("steiner, first k", "uncoded, all"),
    Claim::Sooner("hadamard, first k", "uncoded, first k"),
    Claim::Sooner("steiner, first k", "uncoded, first k"),
    Claim::Sooner("hadamard, first k", "replication, first k"),
    Claim::Sooner("steiner, first k", "replication, first k"),
    Claim::Sooner("steiner, first k", "gaussian, first k"),
    Claim::Lower("steiner, first k", "gaussian, first k"),
];

/// F1 of the support.
fn f1(weights: &[f64], truth: &[bool]) -> f64 {
    let hits = weights.iter().zip(truth).filter(|(w, in_it)| **w != 0.0 && **in_it).count() as f64;
    let found = weights.iter().filter(|w| **w != 0.0).count() as f64;
    let wanted = truth.iter().filter(|in_it| **in_it).count() as f64;
    2.0 * hits / (found + wanted)
}

/// Normal data, normal weights on a random support with noise a tenth of the signal, and the support.
fn problem(n: usize, d: usize, nonzeros: usize, seed: u64) -> Result<(Matrix<f64>, Vec<f64>, Vec<bool>)> {
    let mut stream = Seed(seed).stream(Purpose::Experiment, 1, 0);
    let mut truth = vec![0.0; d];
    for j in index::sample(&mut stream, d, nonzeros) {
        truth[j] = stream.sample(StandardNormal);
    }
    let mut normal = || -> f64 { stream.sample(StandardNormal) };
    let values: Vec<f64> = (0..n * d).map(|_| normal()).collect();
    let noise = 0.1 * (nonzeros as f64).sqrt();
    let features = Matrix::Dense(Dense::new(n, d, values)?);
    let mut labels = vec![0.0; n];
    features.multiply(&truth, 1, &mut labels);
    labels.iter_mut().for_each(|y| *y += noise * normal());
    Ok((features, labels, truth.iter().map(|w| *w != 0.0).collect()))
}

/// Runs the command.
pub fn run(args: &ReproduceArgs) -> Result<u8> {
    let scale = if args.full { 3 } else { 1 };
    let (n, d, nonzeros) = (1128 * scale, 868 * scale, 67 * scale);
    let (features, labels, support) = problem(n, d, nonzeros, args.seed)?;
    let mut correlations = vec![0.0; d];
    features.multiply_transposed(&labels, 1, &mut correlations);
    let most = correlations.iter().fold(0.0, |most: f64, c| most.max(c.abs())) / n as f64;
    let l1 = 0.08 * most;
    let penalty = L1::new(l1, Penalized::new(d, false)?)?;
    let objective =
        Objective { loss: Arc::new(LeastSquares), l2: 0.0, regularizer: Some(Arc::new(penalty)), intercept: false };
    let contest = Contest {
        features: &features,
        labels: &labels,
        objective: &objective,
        workers: 64,
        first: 40,
        delay: "trimodal",
        iterations: 120,
    };
    let title = format!("lasso {n} x {d}, {nonzeros} non-zero weights, m = 64, k = 40, trimodal delays");
    // A curve that falls: what F1 lacks to 1.
    let lacking = |iterate: &Iterate| 1.0 - f1(&iterate.weights, &support);
    let levels = Levels { title: &title, measure: "1 - F1 of the support", levels: &[0.5, 0.3, 0.2], claims: &CLAIMS };
    let rows = compare(args, "encoded-lasso", &contest, &SCHEMES, seeds(args)?, &levels, &lacking)?;
    line(
        args,
        "paper: with 40 % of the workers not waited for, Steiner and Hadamard encoding reach the F1 of waiting for all in a",
    );
    line(args, "fraction of its time; uncoded and replicated first-k stay below");
    if args.json {
        output::json(&rows)?;
    }
    Ok(0)
}
