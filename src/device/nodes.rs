//! The nodes of a network: vectors of all stored copies, and what every node does with its own.

use super::DeviceInfo;
use crate::error::{Error, Result};

/// A vector that a [`NodeDevice`] keeps: one number for each stored copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeVector(pub(crate) usize);

/// Holds the functions of all nodes of a network, the matrix that couples their copies, and vectors of the copies. The vectors
/// stay where they are computed with; only [`NodeDevice::read`] brings numbers out.
///
/// Coefficients are given in f64 and rounded once to what the device computes in.
pub trait NodeDevice: std::fmt::Debug + Send {
    /// What it is.
    fn info(&self) -> DeviceInfo;

    /// A new vector of zeros.
    ///
    /// # Errors
    /// [`Error::Device`] when it does not fit or the device failed, as for all that follows.
    fn vector(&mut self) -> Result<NodeVector>;

    /// `out = sum of scale * vector` over one to six terms, of which `out` may be one.
    ///
    /// # Errors
    /// As [`NodeDevice::vector`].
    fn combine(&mut self, terms: &[(f64, NodeVector)], out: NodeVector) -> Result<()>;

    /// `out = grad F(x)`, into another vector.
    ///
    /// # Errors
    /// As [`NodeDevice::vector`].
    fn gradient(&mut self, x: NodeVector, out: NodeVector) -> Result<()>;

    /// Moves x to `argmin F(z) + sum weight_k (z_k - x_k)^2 / 2 - y'z` (no weights: 0), each node its own copies. y is another
    /// vector.
    ///
    /// # Errors
    /// As [`NodeDevice::vector`]; [`Error::Numerical`] where a node has no single minimum; [`Error::Usage`] on a device that can't
    /// find it.
    fn minimize(&mut self, y: NodeVector, weight: Option<&[f64]>, x: NodeVector) -> Result<()>;

    /// `out = W x`, into another vector; edges of the network that are `down` are left out of the sums at both their ends.
    ///
    /// # Errors
    /// As [`NodeDevice::vector`].
    fn multiply(&mut self, x: NodeVector, down: Option<&[bool]>, out: NodeVector) -> Result<()>;

    /// Lets `nodes` act one after the other: each moves its copies in x to `argmin F(z) - y'z` and then, over its edges that are
    /// not down, `eta w_ij (x_i - x_j)` from its share of y to the neighbour's. Gives the numbers that were sent.
    ///
    /// # Errors
    /// As [`NodeDevice::minimize`].
    fn wake(&mut self, eta: f64, nodes: &[usize], down: Option<&[bool]>, x: NodeVector, y: NodeVector) -> Result<u64> {
        let _ = (eta, nodes, down, x, y);
        Err(Error::usage("device for nodes that act one after the other", self.info().kind, "cpu"))
    }

    /// Copies a vector out.
    ///
    /// # Errors
    /// As [`NodeDevice::vector`].
    fn read(&mut self, x: NodeVector, out: &mut [f64]) -> Result<()>;
}
