//! Codes over the real numbers. A *data code* turns the q row blocks of a matrix A (n x c) into m shards, one a worker;
//! a round multiplies every shard with the same broadcast vectors, and the decoder recovers `A V'` from the replies that
//! came, naming who lied. A code is testable without a fleet.

mod assignment;
mod encode;
mod encode_csr;
mod encode_dense;
mod encode_for;
mod envelope;
mod frame;
mod keys;
mod lagrange;
mod locator;
mod mds;
mod open_block;
mod plan;
mod product;
mod real_parity;
mod registry;
mod replication;
mod short_dot;
mod uncoded;

pub use assignment::{
    AGGREGATORS, ASSIGNMENT_CODES, Aggregated, Aggregator, AssignmentCode, Bulyan, CenteredClipping, Detox,
    DracoCyclic, DracoRepetition, GeometricMedian, GradientCoding, GradientReplies, Krum, Mean, Median, TrimmedMean,
    aggregator_by_name, assignment_by_name,
};
pub use encode::{Layout, encode_shard, encode_shards};
pub use encode_for::encode_for;
pub use envelope::{Cell, EncodedProduct, HonestRound, Lie, envelope};
pub use frame::{
    Copies, EncodedShard, Encoding, FRAMES, FastFrame, Frame, GaussianFrame, Paley, Steiner, SubsetSpectrum,
    encode_rows, encode_rows_on, frame_by_name, is_frame,
};
pub use keys::{KeyedCheck, Keys, honest_noise};
pub use lagrange::Lagrange;
pub use mds::Mds;
pub use open_block::OpenBlock;
pub use plan::{CodePlan, Cost, FramePlan, Plan};
pub use product::Product;
pub use real_parity::{Basis, ParityOptions, RealParity};
pub use registry::{CODES, CodeOptions, code_by_name};
pub use replication::Replication;
pub use short_dot::ShortDot;
pub use uncoded::Uncoded;

use crate::data::ShardStats;
use crate::error::Result;
use crate::scalar::Precision;

/// How many faulty workers a code was built to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Tolerance {
    /// Workers that may send anything.
    pub liars: usize,
    /// Workers whose reply may be missing.
    pub stragglers: usize,
}

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        write!(
            f,
            "{} liar{} and {} straggler{}",
            self.liars,
            plural(self.liars),
            self.stragglers,
            plural(self.stragglers)
        )
    }
}

/// What is known of one round's replies to one encoded product `A V'`, with V of r vectors.
#[derive(Debug, Clone, Copy)]
pub struct Replies<'a> {
    /// m rows of `shard_rows * vectors` numbers: worker i's reply, shard rows by vectors, row-major. The row of an
    /// absent worker holds anything.
    pub values: &'a [f64],
    /// Which workers' replies are there in time.
    pub present: &'a [bool],
    /// Workers already known to lie from their reply alone: NaN, infinity, or a norm above what the shard can give.
    pub implausible: &'a [bool],
    /// Shape of the encoded matrix.
    pub layout: Layout,
    /// r, the number of vectors.
    pub vectors: usize,
    /// Storage precision at the workers, which sets the round-off of an honest reply.
    pub precision: Precision,
    /// The broadcast vectors as the workers got them (rounded), r x c, each contiguous.
    pub broadcast: &'a [f64],
    /// Facts about each worker's shard.
    pub stats: &'a [ShardStats],
    /// Counts the rounds of a run: a new number makes the decoder draw new random combinations.
    pub round: u64,
    /// A check of single replies against secrets of the master that belong to this operand; `None` without keys.
    pub check: Option<&'a dyn ReplyCheck>,
}

/// Judges replies one by one from what only the master knows (secret keys). What it catches becomes an erasure, which
/// costs the code one unit of redundancy where a lie that the code has to locate costs two.
pub trait ReplyCheck: Send + Sync + std::fmt::Debug {
    /// Workers whose reply can't be honest. `sigma0[i]` is the expected round-off of one entry of worker i's honest reply
    /// to the longest of the broadcast vectors. Absent or implausible workers may be listed or not.
    fn caught(&self, replies: &Replies<'_>, sigma0: &[f64]) -> Vec<usize>;
}

/// How far the value of a round can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Within `bound`, for every pattern of faults the code tolerates.
    Certified,
    /// Within `bound` as long as every lie that the secret keys did not catch lies in what the parity check can see: more
    /// replies are missing or caught than the code alone could vouch for.
    Keyed,
    /// Located beyond the code's guarantee (asked for by the user), or nothing was left to check against.
    Uncertified,
    /// Not decoded at all: an approximate code.
    Approximate,
}

impl Certainty {
    /// The weaker of two.
    #[must_use]
    pub fn worst(self, other: Certainty) -> Certainty {
        use Certainty::{Approximate, Certified, Keyed, Uncertified};
        match (self, other) {
            (Approximate, _) | (_, Approximate) => Approximate,
            (Uncertified, _) | (_, Uncertified) => Uncertified,
            (Keyed, _) | (_, Keyed) => Keyed,
            (Certified, Certified) => Certified,
        }
    }

    /// Whether it rests on the secret keys.
    pub fn is_keyed(self) -> bool {
        self == Certainty::Keyed
    }

    /// Whether the bound stands: certified, if need be with keys that stayed secret.
    pub fn is_certified(self) -> bool {
        matches!(self, Certainty::Certified | Certainty::Keyed)
    }
}

/// The certificate of one decoded product.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// Workers whose replies were missing.
    pub erased: Vec<usize>,
    /// Workers found lying.
    pub liars: Vec<usize>,
    /// Euclidean norm of the parity check over the replies kept (0 where the code has none).
    pub residual: f64,
    /// The noise level of one entry of an honest reply that the decoder worked with.
    pub noise: f64,
    /// Bound on the Euclidean norm of the error of the decoded value, undetected lies included; infinite where the code
    /// can't detect any.
    pub bound: f64,
    /// How far it can be trusted.
    pub certainty: Certainty,
}

/// Working memory of a decoder, reused from round to round. What is in it never changes a result.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Scratch numbers; a code resizes it as it likes.
    pub scratch: Vec<f64>,
    /// What a code has worked out and may need again: buffers, factorizations by set of faulty workers.
    pub cache: Option<Box<dyn std::any::Any + Send>>,
}

/// A linear code that stores one combination of the q row blocks at each of m workers (paper 002, eq. (11)): with
/// `p = ceil(n / q)`, row b of worker i's shard is `sum_j g_ij A[b q + j, :]`, where g is the m x q generator.
///
/// To add a code, give its generator and its decoder; encoding, the fleet and every method then work with it.
pub trait DataCode: Send + Sync + std::fmt::Debug {
    /// Name on the command line, with parameters.
    fn name(&self) -> String;

    /// m, the number of workers.
    fn workers(&self) -> usize;

    /// q, the number of data blocks.
    fn blocks(&self) -> usize;

    /// Numbers stored for one product over those of dense data.
    fn redundancy(&self) -> f64 {
        self.workers() as f64 / self.blocks() as f64
    }

    /// What it was built to carry.
    fn tolerance(&self) -> Tolerance;

    /// Row `worker` of the generator: q coefficients; where there are several groups of columns, that of the first.
    fn combination(&self, worker: usize) -> &[f64];

    /// In how many groups column c of A is number `c mod groups`: each has a generator of its own. One, but for [`ShortDot`].
    fn column_groups(&self) -> usize {
        1
    }

    /// Row `worker` of the generator of a group of columns.
    fn combination_in(&self, worker: usize, group: usize) -> &[f64] {
        debug_assert!(group < self.column_groups(), "group {group} of {}", self.column_groups());
        self.combination(worker)
    }

    /// The parity check, orthonormal rows of m numbers each, that every honest word satisfies; empty where there is none.
    fn parity_check(&self) -> &[f64] {
        &[]
    }

    /// True when the replies that are `present` suffice to decode with the promised certainty, given that the
    /// `implausible` ones are already known to be lies.
    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool;

    /// Recovers the n x r value `A V'` (row-major) into `out` and says who lied.
    ///
    /// # Errors
    /// [`crate::error::Error::TooManyFaults`] when the replies can't be explained within the code's tolerance.
    fn decode(&self, replies: &Replies<'_>, workspace: &mut Workspace, out: &mut [f64]) -> Result<Report>;
}
