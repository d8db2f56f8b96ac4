//! The problem: a function for every node.

use super::LocalFunction;
use crate::error::{Error, Result};

/// `min sum_i f_i(x)`, where x is made of blocks and f_i depends on some of them (paper 004, equation (1)).
///
/// ```
/// use steadfast::consensus::{LocalFunction, PartitionedProblem, Shape};
/// // Two nodes share variable 1; each has one of its own.
/// let node = |variables: &[usize], linear: &[f64]| LocalFunction {
///     variables: variables.to_vec(),
///     shape: Shape::Quadratic { hessian: vec![2.0, 0.0, 0.0, 2.0], linear: linear.to_vec() },
///     ridge: 0.0,
/// };
/// let problem = PartitionedProblem::new(vec![1, 1, 1], vec![node(&[0, 1], &[2.0, 1.0]), node(&[1, 2], &[3.0, 4.0])])?;
/// let optimum = problem.optimum()?;
/// for (found, wanted) in optimum.iter().zip([1.0, 1.0, 2.0]) {
///     assert!((found - wanted).abs() < 1e-14);
/// }
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PartitionedProblem {
    sizes: Vec<usize>,
    /// Where each block begins in x.
    starts: Vec<usize>,
    nodes: Vec<LocalFunction>,
}

impl PartitionedProblem {
    /// Of blocks of the `sizes` given and a function for each node.
    ///
    /// # Errors
    /// [`Error::Input`] naming the node whose function has variables that there are not or not in ascending order, or numbers
    /// that do not fit.
    pub fn new(sizes: Vec<usize>, nodes: Vec<LocalFunction>) -> Result<Self> {
        let mut starts = vec![0];
        for (p, size) in sizes.iter().enumerate() {
            if *size == 0 {
                return Err(Error::input("problem", format!("variable {p} of size 0"), "1 or more numbers a variable"));
            }
            starts.push(starts[p] + size);
        }
        for (i, node) in nodes.iter().enumerate() {
            let place = format!("problem, node {i}");
            let of = &node.variables;
            if of.is_empty() || of.windows(2).any(|pair| pair[0] >= pair[1]) || of.last() >= Some(&sizes.len()) {
                let allowed = format!("one or more of 0 to {}, ascending", sizes.len().saturating_sub(1));
                return Err(Error::input(place, format!("variables {of:?}"), allowed));
            }
            node.check(of.iter().map(|&p| sizes[p]).sum(), &place)?;
        }
        Ok(PartitionedProblem { sizes, starts, nodes })
    }

    /// Numbers in each block.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Where each block begins in x, and the length of x.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The nodes' functions.
    pub fn nodes(&self) -> &[LocalFunction] {
        &self.nodes
    }

    /// M_i: the variables of each node.
    pub fn uses(&self) -> Vec<Vec<usize>> {
        self.nodes.iter().map(|node| node.variables.clone()).collect()
    }

    /// Numbers that node i's function takes.
    pub(super) fn width(&self, i: usize) -> usize {
        self.nodes[i].variables.iter().map(|&p| self.sizes[p]).sum()
    }

    /// The part of x that node i's function takes.
    pub(super) fn restrict(&self, i: usize, x: &[f64]) -> Vec<f64> {
        let of = self.nodes[i].variables.iter();
        of.flat_map(|&p| x[self.starts[p]..self.starts[p + 1]].iter().copied()).collect()
    }

    /// Where each number of node i's function stands in x.
    pub(super) fn columns(&self, i: usize) -> Vec<usize> {
        self.nodes[i].variables.iter().flat_map(|&p| self.starts[p]..self.starts[p + 1]).collect()
    }
}
