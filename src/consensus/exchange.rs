//! The simulated network: every product with the communication matrix is one exchange between neighbours.
//!
//! It lives here and not in `oracle`, because there replies meet codes: in an exchange nothing is encoded, nobody is asked
//! by a master, and there is nothing to decode.

use std::sync::Arc;

use rand::RngExt;

use super::cpu::Copies;
use crate::device::{NodeDevice, NodeVector};
use crate::error::{Error, Result};
use crate::network::{Communication, EdgeTraffic, Graph};
use crate::seed::{Purpose, Seed};

/// What links do to messages, drawn for every link and round.
///
/// A link that drops its messages is out for the round: both ends notice and leave each other out of their sums, so that the sum
/// of all copies is kept. Late messages are waited for, and cost time.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct LinkFaults {
    /// Probability that a link is out.
    pub drop: f64,
    /// Probability that a message takes one round's time more (again and again).
    pub delay: f64,
}

impl LinkFaults {
    fn check(self) -> Result<()> {
        for (what, value) in [("drop", self.drop), ("delay", self.delay)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::usage(what, value, "a probability: 0 or more, below 1"));
            }
        }
        Ok(())
    }
}

/// What has been sent so far.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Counters {
    /// Products with the matrix.
    pub rounds: u64,
    /// Numbers sent over all links, both directions.
    pub floats: u64,
    /// Rounds' times that passed: `rounds` and one more for each wait.
    pub time: u64,
    /// Links that were out, summed over rounds.
    pub dropped: u64,
}

/// A communication matrix whose products are counted and may meet faults.
#[derive(Debug)]
pub struct Exchange {
    copies: Arc<Copies>,
    faults: LinkFaults,
    seed: Seed,
    nodes: usize,
    edges: usize,
    down: Vec<bool>,
    counters: Counters,
}

impl Exchange {
    /// Over the links of `graph`.
    ///
    /// # Errors
    /// [`Error::Usage`] for faults that are no probabilities below 1.
    pub(super) fn new(graph: &Graph, copies: Arc<Copies>, faults: LinkFaults, seed: Seed) -> Result<Self> {
        faults.check()?;
        let (nodes, edges) = (graph.nodes(), graph.edges().len());
        Ok(Exchange { copies, faults, seed, nodes, edges, down: vec![false; edges], counters: Counters::default() })
    }

    /// The matrix.
    pub fn matrix(&self) -> &Communication {
        &self.copies.matrix
    }

    /// What was sent so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Numbers sent over every link so far, had none been out, and had all nodes been awake equally often.
    pub fn sent(&self) -> Vec<EdgeTraffic> {
        let each = self.matrix().traffic().iter();
        each.map(|edge| EdgeTraffic { floats: edge.floats * self.counters.rounds, ..*edge }).collect()
    }

    /// One round: `out = W x`.
    pub(super) fn multiply(&mut self, device: &mut dyn NodeDevice, x: NodeVector, out: NodeVector) -> Result<()> {
        let faulty = self.begin();
        self.counters.floats += self.matrix().floats();
        device.multiply(x, faulty.then_some(&self.down), out)
    }

    /// A round's time in which N nodes, drawn at random, are awake one after the other ([`NodeDevice::wake`]).
    pub(super) fn wake(&mut self, device: &mut dyn NodeDevice, eta: f64, x: NodeVector, y: NodeVector) -> Result<()> {
        let faulty = self.begin();
        let mut rng = self.seed.stream(Purpose::Method, 0, self.counters.rounds);
        let awake: Vec<usize> = (0..self.nodes).map(|_| rng.random_range(0..self.nodes)).collect();
        self.counters.floats += device.wake(eta, &awake, faulty.then_some(&self.down), x, y)?;
        Ok(())
    }

    /// Counts a round and draws which links are out; false where none can be.
    fn begin(&mut self) -> bool {
        self.counters.rounds += 1;
        self.counters.time += 1;
        if self.faults == LinkFaults::default() {
            return false;
        }
        let mut rng = self.seed.stream(Purpose::Delay, 0, self.counters.rounds);
        let (mut out_now, mut waits) = (0, 0);
        for edge in 0..self.edges {
            self.down[edge] = rng.random::<f64>() < self.faults.drop;
            out_now += u64::from(self.down[edge]);
            let mut wait = 0;
            while rng.random::<f64>() < self.faults.delay {
                wait += 1;
            }
            waits = waits.max(wait);
        }
        self.counters.time += waits;
        self.counters.dropped += out_now;
        true
    }
}
