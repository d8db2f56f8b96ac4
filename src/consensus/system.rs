//! The consensus reformulation: copies, the sum F over them, and the exchange that couples them.

use std::sync::Arc;

use super::cpu::{Copies, CpuNodes};
use super::{Exchange, LinkFaults, PartitionedProblem};
#[cfg(feature = "gpu")]
use crate::device::gpu;
use crate::device::{DeviceInfo, NodeDevice, NodeVector};
use crate::error::{Error, Result};
use crate::network::{Communication, Graph, MatrixKind, Weighting};
use crate::seed::Seed;

/// Under the plain Laplacian a node has copies of variables that its function does not use, in which F has no curvature. What is
/// done about the ridges then (the paper leaves it open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ridge {
    /// Each variable's ridges are summed and spread evenly over all nodes: the same problem.
    #[default]
    Same,
    /// Copies that are not used get the node's ridge, too: another problem, as hard at every node as before.
    Matched,
    /// Nothing: F is not strongly convex.
    Plain,
}

/// `min F(X)` subject to `W X = 0` (paper 004, equation (4)), X being all stored copies. Vectors of copies are kept by a
/// [`NodeDevice`], the CPU in f64 unless [`System::on_gpu`] says otherwise.
#[derive(Debug)]
pub struct System<'a> {
    problem: &'a PartitionedProblem,
    exchange: Exchange,
    copies: Arc<Copies>,
    device: Box<dyn NodeDevice + 'a>,
    /// Of Chebyshev gossip, once there was some.
    scratch: Option<[NodeVector; 3]>,
    smoothness: f64,
    convexity: f64,
    gradients: u64,
}

impl<'a> System<'a> {
    /// Of a problem on a network. `ridge` matters under the plain Laplacian alone.
    ///
    /// # Errors
    /// Those of [`Communication::new`]; [`Error::Usage`] for faults that are no probabilities.
    pub fn new(
        problem: &'a PartitionedProblem,
        graph: &Graph,
        kind: MatrixKind,
        weighting: Weighting,
        ridge: Ridge,
        faults: LinkFaults,
        seed: Seed,
    ) -> Result<Self> {
        let matrix = Communication::new(graph, &problem.uses(), problem.sizes(), kind, weighting, seed)?;
        let places: Vec<Vec<usize>> = (0..graph.nodes())
            .map(|i| {
                let blocks = problem.nodes()[i].variables.iter();
                blocks.filter_map(|&p| matrix.place(i, p).map(|at| at..at + problem.sizes()[p])).flatten().collect()
            })
            .collect();
        let ridge = ridges(problem, &matrix, kind, ridge);
        let (mut smoothness, mut convexity) = (0.0f64, f64::INFINITY);
        let mut used = vec![false; matrix.len()];
        for (i, (node, at)) in problem.nodes().iter().zip(&places).enumerate() {
            let (least, most) = node.curvature(problem.width(i))?;
            let of = at.iter().map(|&k| ridge[k]);
            smoothness = smoothness.max(most + of.clone().fold(0.0, f64::max));
            convexity = convexity.min(least.max(0.0) + of.fold(f64::INFINITY, f64::min));
            at.iter().for_each(|&k| used[k] = true);
        }
        for (r, _) in ridge.iter().zip(&used).filter(|(_, used)| !**used) {
            (smoothness, convexity) = (smoothness.max(*r), convexity.min(*r));
        }
        let starts = (0..graph.nodes()).map(|i| matrix.range(i).start).chain([matrix.len()]).collect();
        let copies = Arc::new(Copies { matrix, ridge, starts, places, used });
        let exchange = Exchange::new(graph, copies.clone(), faults, seed)?;
        let device = Box::new(CpuNodes::new(problem, copies.clone()));
        Ok(System { problem, exchange, copies, device, scratch: None, smoothness, convexity, gradients: 0 })
    }

    /// The same with vectors and arithmetic on a GPU, in f32: gradients, minima of quadratics, and products with W. To be called
    /// before a method is made for the system.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such adapter, or for a loss that is not squared, logistic or huber; [`Error::Device`]
    /// where the network does not fit.
    #[cfg(feature = "gpu")]
    pub fn on_gpu(self, adapter: &gpu::Adapter, options: gpu::GpuOptions) -> Result<Self> {
        let work = super::pack::node_work(self.problem, &self.copies)?;
        let device = Box::new(gpu::GpuNodes::open(adapter, options, &work)?);
        Ok(System { device, scratch: None, ..self })
    }

    /// Numbers in X.
    pub fn len(&self) -> usize {
        self.copies.ridge.len()
    }

    /// Never true: a problem has a variable.
    pub fn is_empty(&self) -> bool {
        self.copies.ridge.is_empty()
    }

    /// L: no node's function has more curvature.
    pub fn smoothness(&self) -> f64 {
        self.smoothness
    }

    /// mu: none has less; 0 where some copy has no curvature.
    pub fn convexity(&self) -> f64 {
        self.convexity
    }

    /// What is solved.
    pub fn problem(&self) -> &PartitionedProblem {
        self.problem
    }

    /// What computes.
    pub fn device(&self) -> DeviceInfo {
        self.device.info()
    }

    /// The network, with what was sent.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Gradients, or minima, that each node has computed.
    pub fn gradients(&self) -> u64 {
        self.gradients
    }

    /// Largest eigenvalue of W and `chi`.
    pub fn spectrum(&self) -> (f64, f64) {
        let spectrum = self.exchange.matrix().spectrum();
        (spectrum.largest, spectrum.condition())
    }

    /// mu, which must be above 0 for `method`.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is 0.
    pub(super) fn strong_convexity(&self, method: &str) -> Result<f64> {
        if self.convexity > 0.0 {
            return Ok(self.convexity);
        }
        let got = format!("{method}, and copies in which no node's function has curvature");
        let allowed =
            "papc, extra, nids, dgd, gradient-tracking or extragradient there; else a ridge for every variable";
        Err(Error::usage("--method", got, allowed))
    }

    /// The copies of one point x of the stacked problem.
    pub fn copies(&self, x: &[f64]) -> Vec<f64> {
        let matrix = self.exchange.matrix();
        let starts = self.problem.starts();
        let nodes = 0..self.copies.places.len();
        nodes.flat_map(|i| matrix.stored(i).iter().flat_map(|&p| x[starts[p]..starts[p + 1]].iter().copied())).collect()
    }

    /// The mean of the copies that nodes use, a point of the stacked problem.
    pub fn mean(&self, copies: &[f64]) -> Vec<f64> {
        let d = self.problem.starts().last().copied().unwrap_or(0);
        let (mut sum, mut count) = (vec![0.0; d], vec![0.0; d]);
        for (i, places) in self.copies.places.iter().enumerate() {
            for (&at, column) in places.iter().zip(self.problem.columns(i)) {
                sum[column] += copies[at];
                count[column] += 1.0;
            }
        }
        sum.iter().zip(&count).map(|(s, c)| s / c).collect()
    }

    /// A new vector of copies, all 0.
    pub(super) fn vector(&mut self) -> Result<NodeVector> {
        self.device.vector()
    }

    /// Copies a vector out of the device.
    pub(super) fn read(&mut self, x: NodeVector, out: &mut [f64]) -> Result<()> {
        self.device.read(x, out)
    }

    /// `out = sum of scale * vector`, of which `out` may be one.
    pub(super) fn combine(&mut self, terms: &[(f64, NodeVector)], out: NodeVector) -> Result<()> {
        self.device.combine(terms, out)
    }

    /// `out = grad F(X)`.
    pub(super) fn gradient(&mut self, x: NodeVector, out: NodeVector) -> Result<()> {
        self.gradients += 1;
        self.device.gradient(x, out)
    }

    /// Moves X to `argmin F(Z) + sum weight_k (Z_k - X_k)^2 / 2 - Y'Z`, each node its own copies.
    pub(super) fn minimize(&mut self, y: NodeVector, weight: Option<&[f64]>, x: NodeVector) -> Result<()> {
        self.gradients += 1;
        self.device.minimize(y, weight, x)
    }

    /// Moves X to the nodes' own minima, which nobody need be told and no counter counts; Y is all 0.
    pub(super) fn minima(&mut self, y: NodeVector, x: NodeVector) -> Result<()> {
        self.device.minimize(y, None, x)
    }

    /// N nodes, drawn at random, one after the other: each moves its copies to `argmin F(X) - Y'X` and then `Y -= eta W X` for
    /// its edges. As many numbers are sent as in a round, on average.
    pub(super) fn wake(&mut self, eta: f64, x: NodeVector, y: NodeVector) -> Result<()> {
        self.gradients += 1;
        self.exchange.wake(&mut *self.device, eta, x, y)
    }

    /// One round: `out = W X`.
    pub(super) fn multiply(&mut self, x: NodeVector, out: NodeVector) -> Result<()> {
        self.exchange.multiply(&mut *self.device, x, out)
    }

    /// `out = M X` with the mixing matrix `M = I - W / lambda_max`, in one round.
    pub(super) fn mix(&mut self, x: NodeVector, out: NodeVector) -> Result<()> {
        let (largest, _) = self.spectrum();
        self.multiply(x, out)?;
        self.combine(&[(1.0, x), (-1.0 / largest, out)], out)
    }

    /// Chebyshev gossip, `out = P_T(W) X` in T rounds (Scaman et al. 2017, algorithm 2): a polynomial with the kernel of W
    /// whose other eigenvalues lie in `(1 -+ c^T)^2 / (1 + c^2T)`.
    pub(super) fn gossip(&mut self, chebyshev: &Chebyshev, x: NodeVector, out: NodeVector) -> Result<()> {
        let (largest, chi) = self.spectrum();
        if chebyshev.is_flat {
            // All eigenvalues are the same: one scaled product does it.
            self.multiply(x, out)?;
            return self.combine(&[(1.0 / largest, out)], out);
        }
        let (c2, c3) = ((chi + 1.0) / (chi - 1.0), 2.0 * chi / ((1.0 + chi) * largest));
        let (mut a, mut before_a) = (c2, 1.0);
        let [image, mut before, mut point] = self.scratch()?;
        self.multiply(x, image)?;
        self.combine(&[(1.0, x)], before)?;
        self.combine(&[(c2, x), (-c2 * c3, image)], point)?;
        for _ in 1..chebyshev.rounds {
            (a, before_a) = (2.0 * c2 * a - before_a, a);
            self.multiply(point, image)?;
            self.combine(&[(2.0 * c2, point), (-2.0 * c2 * c3, image), (-1.0, before)], before)?;
            std::mem::swap(&mut before, &mut point);
        }
        self.combine(&[(1.0, x), (-1.0 / a, point)], out)
    }

    fn scratch(&mut self) -> Result<[NodeVector; 3]> {
        let made = match self.scratch {
            Some(made) => made,
            None => [self.vector()?, self.vector()?, self.vector()?],
        };
        self.scratch = Some(made);
        Ok(made)
    }
}

/// The constants of Chebyshev gossip for a condition number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chebyshev {
    /// T.
    pub rounds: u32,
    /// `((sqrt(chi) - 1) / (sqrt(chi) + 1))^T`.
    pub power: f64,
    /// chi = 1.
    is_flat: bool,
}

impl Chebyshev {
    pub(super) fn of(chi: f64) -> Self {
        let root = chi.sqrt();
        // The relative rounding of a computed condition number.
        let is_flat = chi < 1.0 + 1e-12;
        let rounds = if is_flat { 1 } else { (root * (1.0 + 1e-12)).floor().max(1.0) as u32 };
        let power = if is_flat { 0.0 } else { ((root - 1.0) / (root + 1.0)).powf(f64::from(rounds)) };
        Chebyshev { rounds, power, is_flat }
    }
}

fn ridges(problem: &PartitionedProblem, matrix: &Communication, kind: MatrixKind, ridge: Ridge) -> Vec<f64> {
    let mut total = vec![0.0; problem.sizes().len()];
    for node in problem.nodes() {
        node.variables.iter().for_each(|&p| total[p] += node.ridge);
    }
    let nodes = problem.nodes().len() as f64;
    let mut all = vec![0.0; matrix.len()];
    for (i, node) in problem.nodes().iter().enumerate() {
        for &p in matrix.stored(i) {
            let used = node.variables.binary_search(&p).is_ok();
            let value = match (kind, ridge) {
                (MatrixKind::Laplacian, Ridge::Same) => total[p] / nodes,
                (MatrixKind::Laplacian, Ridge::Plain) if !used => 0.0,
                _ => node.ridge,
            };
            if let Some(at) = matrix.place(i, p) {
                all[at..at + problem.sizes()[p]].fill(value);
            }
        }
    }
    all
}
