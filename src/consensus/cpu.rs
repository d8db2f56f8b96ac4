//! The nodes on the CPU, in f64.

use std::sync::Arc;

use super::vector::{CHUNK, axpy};
use super::{LocalFunction, PartitionedProblem};
use crate::device::{DeviceInfo, NodeDevice, NodeVector};
use crate::error::Result;
use crate::network::{Communication, for_parts};

/// What a system knows of its copies, whatever computes with them.
#[derive(Debug)]
pub(super) struct Copies {
    pub matrix: Communication,
    /// Of every stored number.
    pub ridge: Vec<f64>,
    /// Where each node's copies begin, and their number.
    pub starts: Vec<usize>,
    /// Where the numbers of each node's function stand among the copies.
    pub places: Vec<Vec<usize>>,
    /// Whether a node's function takes the number, or only its ridge does.
    pub used: Vec<bool>,
}

/// [`NodeDevice`] on the CPU.
#[derive(Debug)]
pub(super) struct CpuNodes<'a> {
    problem: &'a PartitionedProblem,
    copies: Arc<Copies>,
    vectors: Vec<Vec<f64>>,
    /// Where a combination is formed, of which its place may be a term.
    spare: Vec<f64>,
}

impl<'a> CpuNodes<'a> {
    pub fn new(problem: &'a PartitionedProblem, copies: Arc<Copies>) -> Self {
        let spare = vec![0.0; copies.ridge.len()];
        CpuNodes { problem, copies, vectors: Vec::new(), spare }
    }

    /// Writes vector `out` with the help of the others.
    fn write<R>(&mut self, out: NodeVector, act: impl FnOnce(&Self, &mut [f64]) -> R) -> R {
        let mut written = std::mem::take(&mut self.vectors[out.0]);
        let result = act(self, &mut written);
        self.vectors[out.0] = written;
        result
    }

    fn of(&self, x: NodeVector) -> &[f64] {
        &self.vectors[x.0]
    }

    /// Moves the copies of node i to the minimum of its function with `sum weight_k (z_k - x_k)^2 / 2 - y'z`.
    fn minimize_node(&self, i: usize, y: &[f64], weight: Option<&[f64]>, x: &mut [f64]) -> Result<()> {
        let Copies { ridge, starts, places, used, .. } = &*self.copies;
        let pull = |at: usize| weight.map_or(0.0, |weight| weight[at]);
        for at in (starts[i]..starts[i + 1]).filter(|&at| !used[at]) {
            x[at] = (y[at] + pull(at) * x[at]) / (ridge[at] + pull(at));
        }
        let places = &places[i];
        let mut z: Vec<f64> = places.iter().map(|&at| x[at]).collect();
        let right: Vec<f64> = places.iter().map(|&at| y[at] + pull(at) * x[at]).collect();
        let weights: Vec<f64> = places.iter().map(|&at| ridge[at] + pull(at)).collect();
        self.node(i).minimize(&right, &weights, &mut z)?;
        places.iter().zip(&z).for_each(|(&at, z)| x[at] = *z);
        Ok(())
    }

    fn node(&self, i: usize) -> &LocalFunction {
        &self.problem.nodes()[i]
    }
}

impl NodeDevice for CpuNodes<'_> {
    fn info(&self) -> DeviceInfo {
        let name = std::env::consts::ARCH.into();
        DeviceInfo { kind: "cpu".into(), name, detail: "f64".into(), software: false }
    }

    fn vector(&mut self) -> Result<NodeVector> {
        self.vectors.push(vec![0.0; self.copies.ridge.len()]);
        Ok(NodeVector(self.vectors.len() - 1))
    }

    fn combine(&mut self, terms: &[(f64, NodeVector)], out: NodeVector) -> Result<()> {
        let mut sum = std::mem::take(&mut self.spare);
        for (k, part) in sum.chunks_mut(CHUNK).enumerate() {
            let range = k * CHUNK..k * CHUNK + part.len();
            part.fill(0.0);
            terms.iter().for_each(|&(scale, x)| axpy(part, scale, &self.of(x)[range.clone()]));
        }
        self.spare = std::mem::replace(&mut self.vectors[out.0], sum);
        Ok(())
    }

    fn gradient(&mut self, x: NodeVector, out: NodeVector) -> Result<()> {
        self.write(out, |nodes, out| {
            let (Copies { ridge, starts, places, .. }, x) = (&*nodes.copies, nodes.of(x));
            for_parts(starts, out, |items, out| {
                let first = starts[items.start];
                for i in items {
                    let range = starts[i]..starts[i + 1];
                    let own = &mut out[range.start - first..range.end - first];
                    own.iter_mut().zip(&ridge[range.clone()]).zip(&x[range]).for_each(|((g, r), x)| *g = r * x);
                    let z: Vec<f64> = places[i].iter().map(|&at| x[at]).collect();
                    let mut slope = vec![0.0; z.len()];
                    nodes.node(i).gradient(&z, &mut slope);
                    places[i].iter().zip(&slope).for_each(|(&at, g)| out[at - first] += g);
                }
            });
        });
        Ok(())
    }

    fn minimize(&mut self, y: NodeVector, weight: Option<&[f64]>, x: NodeVector) -> Result<()> {
        self.write(x, |nodes, x| {
            (0..nodes.copies.places.len()).try_for_each(|i| nodes.minimize_node(i, nodes.of(y), weight, x))
        })
    }

    fn multiply(&mut self, x: NodeVector, down: Option<&[bool]>, out: NodeVector) -> Result<()> {
        self.write(out, |nodes, out| nodes.copies.matrix.multiply(nodes.of(x), down, out));
        Ok(())
    }

    fn wake(&mut self, eta: f64, nodes: &[usize], down: Option<&[bool]>, x: NodeVector, y: NodeVector) -> Result<u64> {
        let mut sent = 0;
        for &i in nodes {
            self.write(x, |nodes, x| nodes.minimize_node(i, nodes.of(y), None, x))?;
            self.write(y, |nodes, y| {
                sent += nodes.copies.matrix.exchange_of(i, eta, nodes.of(x), down, y);
            });
        }
        Ok(sent)
    }

    fn read(&mut self, x: NodeVector, out: &mut [f64]) -> Result<()> {
        out.copy_from_slice(self.of(x));
        Ok(())
    }
}
