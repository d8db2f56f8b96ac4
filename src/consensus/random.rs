//! Random partitioned problems, and who uses which variable where the network does not say.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use nalgebra::DMatrix;

use super::{LocalFunction, PartitionedProblem, Shape};
use crate::error::Result;
use crate::objective::loss_by_name;
use crate::params::Params;
use crate::seed::{Purpose, Seed};

const KINDS: &str = "quadratic, ill-conditioned, logistic, robust";
/// Rows of a node's data in the kinds that have data.
const ROWS: usize = 20;

/// `random:kind=quadratic,block=4,mu=0.01`: a function for each node, of smoothness 1 and with a ridge of mu, for the variables
/// `uses[i]`, each of them a block of numbers.
///
/// `quadratic` has Hessians with eigenvalues from 0 to `1 - mu` in random directions; `ill-conditioned` has the same bad scaling at
/// all nodes, so that their sum is badly conditioned, too; `logistic` and `robust` (Huber's loss) have 20 random rows a node,
/// and one target in ten of `robust` is far off.
///
/// # Errors
/// [`Error::Usage`](crate::Error::Usage) for unknown parameters or kinds.
pub fn random_problem(text: &str, uses: &[Vec<usize>], seed: Seed) -> Result<PartitionedProblem> {
    let mut given = Params::parse("problem", text)?;
    if given.name() != "random" {
        return Err(given.unknown("a JSON file, or random:kind=…,block=…,mu=…"));
    }
    let kind: String = given.take("kind", "quadratic".into())?;
    let block = given.count("block")?.unwrap_or(4);
    let allowed = "a number above 0, below 1";
    let mu = given.take_within("mu", allowed, |mu: &f64| *mu > 0.0 && *mu < 1.0)?.unwrap_or(0.01);
    let refused = given.refuse("kind", format!("`{kind}`"), KINDS);
    given.finish()?;
    let variables = uses.iter().flatten().max().map_or(0, |last| last + 1);
    let mut nodes = Vec::with_capacity(uses.len());
    for (i, of) in uses.iter().enumerate() {
        let mut rng = seed.stream(Purpose::Data, i as u64, 1);
        let d = of.len() * block;
        let shape = match kind.as_str() {
            "quadratic" => quadratic(d, mu, &mut rng),
            "ill-conditioned" => ill_conditioned(d, block, mu, &mut rng),
            "logistic" | "robust" => rows(kind == "robust", d, mu, &mut rng)?,
            _ => return Err(refused),
        };
        nodes.push(LocalFunction { variables: of.clone(), shape, ridge: mu });
    }
    PartitionedProblem::new(vec![block; variables], nodes)
}

fn normal(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    StandardNormal.sample_iter(rng).take(count).collect()
}

fn quadratic(d: usize, mu: f64, rng: &mut ChaCha8Rng) -> Shape {
    let q = DMatrix::from_vec(d, d, normal(d * d, rng)).qr().q();
    let mut values: Vec<f64> = (0..d).map(|_| rng.random_range(0.0..1.0 - mu)).collect();
    values[0] = 1.0 - mu;
    if d > 1 {
        values[1] = 0.0;
    }
    let mut scaled = q.clone();
    scaled.column_iter_mut().zip(&values).for_each(|(mut column, value)| column *= *value);
    let hessian = scaled * q.transpose();
    let centre = DMatrix::from_vec(d, 1, normal(d, rng));
    let noise = normal(d, rng);
    let linear = (&hessian * centre).iter().zip(noise).map(|(h, e)| h + 0.1 * e).collect();
    Shape::Quadratic { hessian: symmetric(&hessian), linear }
}

fn ill_conditioned(d: usize, block: usize, mu: f64, rng: &mut ChaCha8Rng) -> Shape {
    let steps = (block.max(2) - 1) as f64;
    // Roots of 1e-4 to 1, evenly in their logarithms.
    let scale: Vec<f64> = (0..d).map(|k| 10f64.powf(-2.0 * (1.0 - (k % block) as f64 / steps))).collect();
    let b = DMatrix::from_vec(2 * d, d, normal(2 * d * d, rng));
    let mut hessian = b.transpose() * b;
    hessian.row_iter_mut().zip(&scale).for_each(|(mut row, s)| row *= *s);
    hessian.column_iter_mut().zip(&scale).for_each(|(mut column, s)| column *= *s);
    hessian *= (1.0 - mu) / hessian.symmetric_eigenvalues().max();
    let linear = normal(d, rng).iter().zip(&scale).map(|(h, s)| h * s).collect();
    Shape::Quadratic { hessian: symmetric(&hessian), linear }
}

fn symmetric(a: &DMatrix<f64>) -> Vec<f64> {
    let d = a.nrows();
    (0..d * d).map(|at| 0.5 * (a[(at / d, at % d)] + a[(at % d, at / d)])).collect()
}

fn rows(robust: bool, d: usize, mu: f64, rng: &mut ChaCha8Rng) -> Result<Shape> {
    let mut a = DMatrix::from_vec(ROWS, d, normal(ROWS * d, rng));
    let loss = loss_by_name(if robust { "huber:delta=0.5" } else { "logistic" })?;
    let bound = loss.curvature_bound().unwrap_or(1.0);
    let top = (a.transpose() * &a).symmetric_eigenvalues().max();
    a *= (ROWS as f64 * (1.0 - mu) / (bound * top)).sqrt();
    let truth = DMatrix::from_vec(d, 1, normal(d, rng));
    let noise = normal(ROWS, rng);
    let margins = &a * truth;
    let target = |(k, (z, e)): (usize, (&f64, f64))| {
        if robust {
            let outlier = if k % 10 == 9 { 20.0 } else { 0.0 };
            z + 0.1 * e + outlier
        } else if z + 0.3 * e > 0.0 {
            1.0
        } else {
            -1.0
        }
    };
    let targets = margins.iter().zip(noise).enumerate().map(target).collect();
    let rows = (0..ROWS * d).map(|at| a[(at / d, at % d)]).collect();
    Ok(Shape::Rows { loss, rows, targets })
}
