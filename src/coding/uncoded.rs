//! No code at all: worker j holds data block j, and every reply is needed and believed.

use super::keys::honest_noise;
use super::{Certainty, DataCode, Layout, Replies, Report, Tolerance, Workspace};
use crate::error::{Error, Result};

/// The uncoded fleet: q = m, redundancy 1, tolerates nothing. A missing or implausible reply is refused; a plausible lie
/// can't be seen, so reports are [`Certainty::Uncertified`] with an infinite bound: exact only where there are no faults.
///
/// ```
/// use steadfast::coding::{DataCode, Uncoded};
/// let code = Uncoded::new(3)?;
/// assert_eq!(code.combination(1), [0.0, 1.0, 0.0]);
/// assert!(!code.decodable(&[true, false, true], &[false; 3]));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Uncoded {
    units: UnitRows,
}

impl Uncoded {
    /// For `workers` workers.
    ///
    /// # Errors
    /// [`Error::Usage`] for no workers.
    pub fn new(workers: usize) -> Result<Self> {
        if workers == 0 {
            return Err(Error::usage("workers", 0, "at least 1"));
        }
        Ok(Uncoded { units: UnitRows::new(workers) })
    }
}

impl DataCode for Uncoded {
    fn name(&self) -> String {
        "uncoded".into()
    }

    fn workers(&self) -> usize {
        self.units.len
    }

    fn blocks(&self) -> usize {
        self.units.len
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance::default()
    }

    fn combination(&self, worker: usize) -> &[f64] {
        self.units.row(worker)
    }

    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        present.iter().zip(implausible).all(|(&there, &implausible)| there && !implausible)
    }

    fn decode(&self, replies: &Replies<'_>, _workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        let m = self.workers();
        check_shape(replies, m, m, out)?;
        if !self.decodable(replies.present, replies.implausible) {
            return Err(Error::TooManyFaults {
                reason: "an uncoded fleet needs a plausible reply of every worker".into(),
                erased: absent(replies),
                suspected: named(replies),
                tolerance: format!("{} of {m} workers", self.tolerance()),
            });
        }
        for worker in 0..m {
            scatter(replies, worker, worker, out);
        }
        let noise = (0..m).map(|i| expected_noise(replies, i)).fold(0.0, f64::max);
        Ok(Report {
            erased: Vec::new(),
            liars: Vec::new(),
            residual: 0.0,
            noise,
            bound: f64::INFINITY,
            certainty: Certainty::Uncertified,
        })
    }
}

/// The rows of an identity matrix, each a window into the same numbers.
#[derive(Debug, Clone)]
pub(super) struct UnitRows {
    len: usize,
    window: Vec<f64>,
}

impl UnitRows {
    /// Of the `len` x `len` identity.
    pub fn new(len: usize) -> Self {
        let mut window = vec![0.0; 2 * len - 1];
        window[len - 1] = 1.0;
        UnitRows { len, window }
    }

    /// Row `j`.
    pub fn row(&self, j: usize) -> &[f64] {
        &self.window[self.len - 1 - j..2 * self.len - 1 - j]
    }
}

/// Checks the lengths of `replies` and `out` for m `workers` and q `blocks`.
pub(super) fn check_shape(replies: &Replies<'_>, workers: usize, blocks: usize, out: &[f64]) -> Result<()> {
    let Layout { rows, cols, blocks: got, shard_rows } = replies.layout;
    let r = replies.vectors;
    let fits = got == blocks
        && shard_rows == rows.div_ceil(blocks)
        && replies.values.len() == workers * shard_rows * r
        && [replies.present.len(), replies.implausible.len(), replies.stats.len()] == [workers; 3]
        && replies.broadcast.len() == cols * r
        && out.len() == rows * r;
    if fits {
        return Ok(());
    }
    Err(Error::usage(
        "replies to decode",
        format!(
            "{} numbers of {} workers for {got} blocks of a {rows} x {cols} matrix, {r} vectors in {} numbers, {} to write",
            replies.values.len(),
            replies.present.len(),
            replies.broadcast.len(),
            out.len()
        ),
        format!("the layout of {workers} workers and {blocks} blocks"),
    ))
}

/// Writes the reply of `worker`, which holds data block `block` plain, to its place: row b is row `b q + block` of the value.
pub(super) fn scatter(replies: &Replies<'_>, worker: usize, block: usize, out: &mut [f64]) {
    scatter_block(replies, reply_of(replies, worker), block, out);
}

/// The same for a product of data block `block` from wherever it comes.
pub(super) fn scatter_block(replies: &Replies<'_>, values: &[f64], block: usize, out: &mut [f64]) {
    let (q, r) = (replies.layout.blocks, replies.vectors);
    for (b, row) in values.chunks_exact(r.max(1)).enumerate() {
        // The last block is short: its missing rows are zero rows of the shard.
        if let Some(place) = out.get_mut((b * q + block) * r..(b * q + block + 1) * r) {
            place.copy_from_slice(row);
        }
    }
}

/// The numbers that `worker` sent.
pub(super) fn reply_of<'a>(replies: &Replies<'a>, worker: usize) -> &'a [f64] {
    let len = replies.layout.shard_rows * replies.vectors;
    &replies.values[worker * len..(worker + 1) * len]
}

/// Workers without a reply.
pub(super) fn absent(replies: &Replies<'_>) -> Vec<usize> {
    (0..replies.present.len()).filter(|&i| !replies.present[i]).collect()
}

/// Workers whose reply names them a liar.
pub(super) fn named(replies: &Replies<'_>) -> Vec<usize> {
    (0..replies.present.len()).filter(|&i| replies.present[i] && replies.implausible[i]).collect()
}

/// Round-off of one entry of an honest reply of `worker`, for the vector where it is largest.
pub(super) fn expected_noise(replies: &Replies<'_>, worker: usize) -> f64 {
    let vectors = replies.broadcast.chunks_exact(replies.layout.cols.max(1));
    vectors.map(|v| honest_noise(&replies.stats[worker], replies.precision, v)).fold(0.0, f64::max)
}
