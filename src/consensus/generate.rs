//! Problems that live on a network: each node has a variable of its own, and its function takes those of its neighbours, too.

use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::vector::dot;
use super::{LocalFunction, PartitionedProblem, Shape};
use crate::error::{Error, Result};
use crate::network::{Graph, IEEE_14};
use crate::objective::loss_by_name;
use crate::params::Params;
use crate::seed::{Purpose, Seed};

/// What [`problem_on_network`] knows.
pub const PROBLEM_NAMES: &str = "state-estimation:bad=…,loss=…,ridge=…, localization:dimension=…,noise=…,bad=…,loss=…,ridge=…, \
    matrix-completion:rank=…,rows=…,observed=…,noise=…,ridge=…, utility:ridge=…, game:size=…,convexity=…";

/// Generation minus load of the buses of the IEEE 14-bus case, per unit of 100 MVA; bus 1 balances.
const INJECTIONS: [f64; 14] =
    [0.0, 0.183, -0.942, -0.478, -0.076, -0.112, 0.0, 0.0, -0.295, -0.09, -0.035, -0.061, -0.135, -0.149];
/// Standard deviations of meters: power (per unit) and angle (radians).
const POWER_METER: f64 = 0.01;
const ANGLE_METER: f64 = 0.02;
/// What a bad meter is off by, in standard deviations.
const GROSS: f64 = 30.0;
/// Standard deviation of a position that a node finds by itself.
const OWN_POSITION: f64 = 0.3;

/// A problem by name on a network.
///
/// - `state-estimation` (on the network `ieee14`): the voltage angles of a power system from meters of both ends' line flows,
///   bus injections and angles, in the linear (DC) model. `bad` meters are grossly wrong; `loss=huber` withstands them, beside a `ridge`
///   (a prior about 0, without which it would not be strongly convex).
/// - `localization`: positions from relative positions (range and bearing) of neighbours, and a poor fix of every node.
/// - `matrix-completion`: node i holds some `rows` of a matrix of the given `rank` and knows their factors; variable p are the
///   factors of column p, of which the rows at node p and at its neighbours have some entries (a half step of alternating
///   least squares).
/// - `utility`: rates of flows, each from its node over the neighbours. Node i gains `w_i x_i - x_i^2 / 2` by its own and
///   pays `s^2 / (2 c_i)` for the sum s of rates that pass it (network utility maximization with prices of congestion).
/// - `game`: every node's variable is a pair (x_i, y_i) of `size` numbers each. Node i adds `x_i'B_ij y_j` for itself and its
///   neighbours and `(convexity/2)(|z|^2 in x - |z|^2 in y)` of what it uses; x minimizes the sum and y maximizes it. The
///   equilibrium is drawn first, and the linear terms are made for it.
///
/// # Errors
/// [`Error::Usage`] for an unknown name or parameter, and for `state-estimation` on another network.
///
/// ```
/// use steadfast::{consensus::problem_on_network, network::graph_by_name, seed::Seed};
/// let problem = problem_on_network("state-estimation", &graph_by_name("ieee14", Seed(0))?, Seed(0))?;
/// let angles = problem.optimum()?;
/// // Bus 14 lags bus 1 by some 16 degrees in the published solution of the full model.
/// assert!((angles[0] - angles[13]).to_degrees().clamp(12.0, 20.0) == (angles[0] - angles[13]).to_degrees());
/// # Ok::<(), steadfast::Error>(())
/// ```
pub fn problem_on_network(text: &str, graph: &Graph, seed: Seed) -> Result<PartitionedProblem> {
    let mut given = Params::parse("problem", text)?;
    let rng = |i: usize| seed.stream(Purpose::Data, i as u64, 2);
    match given.name() {
        "state-estimation" => {
            let meters = Meters::take(&mut given)?;
            given.finish()?;
            let lines: Vec<(usize, usize)> = graph.edges().iter().map(|&(i, j)| (i as usize, j as usize)).collect();
            if graph.nodes() != INJECTIONS.len() || lines != IEEE_14.map(|(i, j, _)| (i, j)) {
                return Err(Error::usage("state-estimation on another network", text, "the network ieee14"));
            }
            state_estimation(graph, &meters, rng)
        }
        "localization" => {
            let dimension = given.count("dimension")?.unwrap_or(2);
            let noise = given.positive("noise", 0.02)?;
            let meters = Meters::take(&mut given)?;
            given.finish()?;
            localization(graph, dimension, noise, &meters, rng)
        }
        "matrix-completion" => {
            let (rank, rows) = (given.count("rank")?.unwrap_or(4), given.count("rows")?.unwrap_or(8));
            let allowed = "a number above 0, at most 1";
            let observed = given.take_within("observed", allowed, |p: &f64| *p > 0.0 && *p <= 1.0)?.unwrap_or(0.5);
            let (noise, ridge) = (given.positive("noise", 0.1)?, given.positive("ridge", 0.1)?);
            given.finish()?;
            matrix_completion(graph, (rank, rows), observed, noise, ridge, rng)
        }
        "utility" => {
            let ridge = given.positive("ridge", 0.01)?;
            given.finish()?;
            utility(graph, ridge, rng)
        }
        "game" => {
            let size = given.count("size")?.unwrap_or(2);
            let convexity = given.positive("convexity", 0.1)?;
            given.finish()?;
            game(graph, size, convexity, rng)
        }
        _ => Err(given.unknown(format!("a JSON file, random:kind=…,block=…,mu=…, {PROBLEM_NAMES}").as_str())),
    }
}

/// How meters err and what is done about it.
struct Meters {
    huber: bool,
    bad: usize,
    ridge: f64,
}

impl Meters {
    fn take(given: &mut Params) -> Result<Self> {
        let loss: String = given.take("loss", "squared".into())?;
        if loss != "squared" && loss != "huber" {
            return Err(given.refuse("loss", format!("`{loss}`"), "squared, huber"));
        }
        let huber = loss == "huber";
        let allowed = "a finite number, at least 0";
        let ridge = given.take_within("ridge", allowed, |r: &f64| r.is_finite() && *r >= 0.0)?;
        // Huber's loss alone has no curvature where all meters are far off.
        Ok(Meters { huber, bad: given.take("bad", 0)?, ridge: ridge.unwrap_or(if huber { 1.0 } else { 0.0 }) })
    }

    /// One meter a row, each with noise of standard deviation 1; the first meter of `bad` nodes, evenly spread, is off.
    fn read(&self, node: usize, nodes: usize, rows: &[Vec<f64>], truth: &[f64], rng: &mut ChaCha8Rng) -> Result<Shape> {
        let is_bad = (node * self.bad) % nodes < self.bad;
        let mut targets = Vec::with_capacity(rows.len());
        for (k, row) in rows.iter().enumerate() {
            let noise: f64 = StandardNormal.sample(rng);
            let gross = if k == 0 && is_bad { GROSS } else { 0.0 };
            targets.push(dot(row, truth) + noise + gross);
        }
        if !self.huber {
            return Ok(least_squares(&rows.concat(), &targets));
        }
        Ok(Shape::Rows { loss: loss_by_name("huber:delta=1.5")?, rows: rows.concat(), targets })
    }
}

/// `|A z - y|^2 / (2 m)` as a quadratic, which is as convex as A says; A is m x d, row-major.
fn least_squares(rows: &[f64], targets: &[f64]) -> Shape {
    let m = targets.len();
    let a = DMatrix::from_row_slice(m, rows.len() / m, rows) / (m as f64).sqrt();
    let y = DVector::from_column_slice(targets) / (m as f64).sqrt();
    let hessian = a.tr_mul(&a);
    Shape::Quadratic { hessian: hessian.as_slice().to_vec(), linear: a.tr_mul(&y).as_slice().to_vec() }
}

/// Where `p` stands among the variables of a node, which it is one of.
fn position(variables: &[usize], p: usize) -> usize {
    variables.partition_point(|&q| q < p)
}

fn state_estimation(graph: &Graph, meters: &Meters, rng: impl Fn(usize) -> ChaCha8Rng) -> Result<PartitionedProblem> {
    let nodes = INJECTIONS.len();
    let mut susceptance = DMatrix::<f64>::zeros(nodes, nodes);
    for (i, j, reactance) in IEEE_14 {
        for (a, b) in [(i, j), (j, i)] {
            susceptance[(a, a)] += 1.0 / reactance;
            susceptance[(a, b)] -= 1.0 / reactance;
        }
    }
    // Bus 1 is the reference: its angle is 0.
    let inner = susceptance.view((1, 1), (nodes - 1, nodes - 1)).clone_owned();
    let angles = inner
        .cholesky()
        .ok_or_else(|| Error::Numerical("the susceptance matrix of ieee14 is singular".into()))?
        .solve(&DVector::from_column_slice(&INJECTIONS[1..]));
    let angle = |p: usize| if p == 0 { 0.0 } else { angles[p - 1] };
    let mut functions = Vec::with_capacity(nodes);
    for i in 0..nodes {
        let variables = graph.around(i);
        let own = position(&variables, i);
        let mut rows = Vec::new();
        let mut injection = vec![0.0; variables.len()];
        for (k, &j) in variables.iter().enumerate().filter(|(_, j)| **j != i) {
            let mut flow = vec![0.0; variables.len()];
            flow[k] = susceptance[(i, j)] / POWER_METER;
            flow[own] = -flow[k];
            injection.iter_mut().zip(&flow).for_each(|(sum, f)| *sum += f);
            rows.push(flow);
        }
        rows.push(injection);
        let mut reading = vec![0.0; variables.len()];
        reading[own] = 1.0 / ANGLE_METER;
        rows.push(reading);
        let truth: Vec<f64> = variables.iter().map(|&p| angle(p)).collect();
        let shape = meters.read(i, nodes, &rows, &truth, &mut rng(i))?;
        functions.push(LocalFunction { variables, shape, ridge: meters.ridge });
    }
    PartitionedProblem::new(vec![1; nodes], functions)
}

fn localization(
    graph: &Graph,
    dimension: usize,
    noise: f64,
    meters: &Meters,
    rng: impl Fn(usize) -> ChaCha8Rng,
) -> Result<PartitionedProblem> {
    let nodes = graph.nodes();
    let mut draws: Vec<ChaCha8Rng> = (0..nodes).map(rng).collect();
    let places: Vec<Vec<f64>> =
        draws.iter_mut().map(|rng| (0..dimension).map(|_| rng.random::<f64>()).collect()).collect();
    let mut functions = Vec::with_capacity(nodes);
    for (i, rng) in draws.iter_mut().enumerate() {
        let variables = graph.around(i);
        let own = position(&variables, i);
        let mut rows = Vec::new();
        for axis in 0..dimension {
            for k in (0..variables.len()).filter(|&k| k != own) {
                let mut row = vec![0.0; variables.len() * dimension];
                (row[own * dimension + axis], row[k * dimension + axis]) = (-1.0 / noise, 1.0 / noise);
                rows.push(row);
            }
            let mut fix = vec![0.0; variables.len() * dimension];
            fix[own * dimension + axis] = 1.0 / OWN_POSITION;
            rows.push(fix);
        }
        let truth: Vec<f64> = variables.iter().flat_map(|&p| places[p].iter().copied()).collect();
        let shape = meters.read(i, nodes, &rows, &truth, rng)?;
        functions.push(LocalFunction { variables, shape, ridge: meters.ridge });
    }
    PartitionedProblem::new(vec![dimension; nodes], functions)
}

fn matrix_completion(
    graph: &Graph,
    (rank, rows): (usize, usize),
    observed: f64,
    noise: f64,
    ridge: f64,
    rng: impl Fn(usize) -> ChaCha8Rng,
) -> Result<PartitionedProblem> {
    let nodes = graph.nodes();
    let mut draws: Vec<ChaCha8Rng> = (0..nodes).map(rng).collect();
    let normal = |rng: &mut ChaCha8Rng| -> Vec<f64> { StandardNormal.sample_iter(rng).take(rank).collect() };
    let columns: Vec<Vec<f64>> = draws.iter_mut().map(normal).collect();
    let mut functions = Vec::with_capacity(nodes);
    for (i, rng) in draws.iter_mut().enumerate() {
        let variables = graph.around(i);
        let (mut entries, mut targets) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let factors = normal(rng);
            for (k, &p) in variables.iter().enumerate() {
                // Every node has an entry, so that it has a function.
                if rng.random::<f64>() < observed || entries.is_empty() {
                    let mut row = vec![0.0; variables.len() * rank];
                    row[k * rank..(k + 1) * rank].copy_from_slice(&factors);
                    entries.extend(row);
                    let error: f64 = StandardNormal.sample(rng);
                    targets.push(dot(&factors, &columns[p]) + noise * error);
                }
            }
        }
        functions.push(LocalFunction { variables, shape: least_squares(&entries, &targets), ridge });
    }
    PartitionedProblem::new(vec![rank; nodes], functions)
}

fn utility(graph: &Graph, ridge: f64, rng: impl Fn(usize) -> ChaCha8Rng) -> Result<PartitionedProblem> {
    let nodes = graph.nodes();
    let function = |i: usize| {
        let variables = graph.around(i);
        let (d, own, mut rng) = (variables.len(), position(&variables, i), rng(i));
        let (gain, capacity): (f64, f64) = (rng.random_range(1.0..2.0), rng.random_range(1.0..4.0));
        let mut hessian = vec![1.0 / capacity; d * d];
        hessian[own * d + own] += 1.0;
        let mut linear = vec![0.0; d];
        linear[own] = gain;
        LocalFunction { variables, shape: Shape::Quadratic { hessian, linear }, ridge }
    };
    PartitionedProblem::new(vec![1; nodes], (0..nodes).map(function).collect())
}

fn game(graph: &Graph, size: usize, convexity: f64, rng: impl Fn(usize) -> ChaCha8Rng) -> Result<PartitionedProblem> {
    let nodes = graph.nodes();
    let mut draws: Vec<ChaCha8Rng> = (0..nodes).map(rng).collect();
    let normal =
        |rng: &mut ChaCha8Rng, count: usize| -> Vec<f64> { StandardNormal.sample_iter(rng).take(count).collect() };
    let equilibrium: Vec<Vec<f64>> = draws.iter_mut().map(|rng| normal(rng, 2 * size)).collect();
    let mut functions = Vec::with_capacity(nodes);
    for (i, rng) in draws.iter_mut().enumerate() {
        let variables = graph.around(i);
        let own = 2 * size * position(&variables, i);
        let d = 2 * size * variables.len();
        let mut matrix = DMatrix::from_diagonal_element(d, d, convexity);
        for k in 0..variables.len() {
            let other = 2 * size * k + size;
            for (at, b) in normal(rng, size * size).into_iter().enumerate() {
                let (row, column) = (own + at / size, other + at % size);
                // The gradient in x is B y; less the gradient in y, -B'x.
                matrix[(row, column)] = b;
                matrix[(column, row)] = -b;
            }
        }
        let place: Vec<f64> = variables.iter().flat_map(|&p| equilibrium[p].iter().copied()).collect();
        let offset = (&matrix * DVector::from_vec(place)).as_slice().to_vec();
        let matrix = matrix.transpose().as_slice().to_vec();
        functions.push(LocalFunction { variables, shape: Shape::Game { matrix, offset }, ridge: 0.0 });
    }
    PartitionedProblem::new(vec![2 * size; nodes], functions)
}
