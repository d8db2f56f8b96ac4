//! One round of a product code: peel what is missing, check what was not needed, copy the data blocks.

use super::GUARANTEED;
use super::grid::{Grid, Peeling};
use crate::coding::real_parity::{CEILING, energy, round_off};
use crate::coding::uncoded::{absent, check_shape, named, reply_of, scatter_block};
use crate::coding::{Certainty, Replies, Report, Workspace};
use crate::error::{Error, Result};

/// Numbers of a reply that are summed at a time: those of a line stay in the nearest caches.
const TILE: usize = 256;

/// What is kept from round to round.
#[derive(Debug, Default)]
struct Memory {
    peeling: Peeling,
    /// Bound on the error of every cell, and on the length of its honest reply.
    errors: Vec<f64>,
    sizes: Vec<f64>,
    /// Energy of the sums of the lines that check.
    energies: Vec<f64>,
}

pub(super) fn decode(grid: Grid, replies: &Replies<'_>, workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
    check_shape(replies, grid.workers(), grid.blocks(), out)?;
    let cache = workspace.cache.take().and_then(|cache| cache.downcast::<Memory>().ok());
    let mut memory = cache.unwrap_or_default();
    let result = Round { grid, replies }.decode(&mut memory, &mut workspace.scratch, out);
    workspace.cache = Some(memory);
    result
}

/// One round's input.
struct Round<'a> {
    grid: Grid,
    replies: &'a Replies<'a>,
}

impl Round<'_> {
    fn decode(&self, memory: &mut Memory, recovered: &mut Vec<f64>, out: &mut [f64]) -> Result<Report> {
        let (grid, replies) = (self.grid, self.replies);
        if replies.present.iter().zip(replies.implausible).any(|(here, bad)| *here && *bad) {
            return Err(self.refusal("a worker lied, where the code tolerates none"));
        }
        if !memory.peeling.run(grid, |cell| replies.present[cell]) {
            return Err(self.refusal("the missing replies can't be peeled: they close a cycle of rows and columns"));
        }
        let columns = replies.layout.shard_rows * replies.vectors;
        recovered.resize(memory.peeling.steps.len() * columns, 0.0);
        self.sum(memory, recovered);
        self.bound(memory);
        for line in (0..grid.lines()).filter(|&line| !memory.peeling.spent[line]) {
            let residual = memory.energies[line].sqrt();
            // Replies far beyond honest ones can overflow in their sum, and infinities cancel to what is no number.
            if residual.is_nan() || residual > self.line_error(memory, line, None) {
                return Err(self.refusal("a row or column does not sum up to its parity: a worker lied"));
            }
        }
        let data = || (0..grid.workers()).filter_map(|cell| grid.block(cell).map(|block| (cell, block)));
        for (cell, block) in data() {
            let values = match memory.peeling.step_of[cell] {
                Some(step) => &recovered[step * columns..(step + 1) * columns],
                None => reply_of(replies, cell),
            };
            scatter_block(replies, values, block, out);
        }
        let length = energy(replies.broadcast).sqrt();
        let largest = replies.stats.iter().map(|s| round_off(s, replies.precision)).fold(0.0, f64::max);
        Ok(Report {
            erased: absent(replies),
            liars: Vec::new(),
            residual: memory.energies.iter().sum::<f64>().sqrt(),
            noise: largest * length / (replies.vectors.max(1) as f64).sqrt(),
            bound: data().map(|(cell, _)| memory.errors[cell].powi(2)).sum::<f64>().sqrt(),
            certainty: Certainty::Certified,
        })
    }

    /// Recovers the missing replies, one row of `recovered` a step, and takes the energy of what the other lines sum up to.
    fn sum(&self, memory: &mut Memory, recovered: &mut [f64]) {
        let Memory { peeling, energies, .. } = memory;
        energies.clear();
        energies.resize(self.grid.lines(), 0.0);
        let columns = self.replies.layout.shard_rows * self.replies.vectors;
        let mut tile = [0.0; TILE];
        for at in (0..columns).step_by(TILE) {
            let sum = &mut tile[..TILE.min(columns - at)];
            for (step, &(line, cell)) in peeling.steps.iter().enumerate() {
                let parity = self.add_up(line, Some(cell), peeling, recovered, at, sum);
                let target = &mut recovered[step * columns + at..][..sum.len()];
                // Data and parity cancel in a line: a parity is the sum of the others, data are what the sum lacks.
                target.iter_mut().zip(&*sum).for_each(|(to, x)| *to = if parity { *x } else { -*x });
            }
            for (line, energies) in energies.iter_mut().enumerate().filter(|(line, _)| !peeling.spent[*line]) {
                self.add_up(line, None, peeling, recovered, at, sum);
                *energies += energy(sum);
            }
        }
    }

    /// The sum of a line's data less its parity, without the cell `left_out`, over the columns from `at` on; true when that
    /// is the parity.
    fn add_up(
        &self,
        line: usize,
        left_out: Option<usize>,
        peeling: &Peeling,
        recovered: &[f64],
        at: usize,
        sum: &mut [f64],
    ) -> bool {
        let columns = self.replies.layout.shard_rows * self.replies.vectors;
        sum.fill(0.0);
        let mut without_parity = false;
        for (cell, parity) in self.grid.cells(line) {
            if left_out == Some(cell) {
                without_parity = parity;
                continue;
            }
            let values = match peeling.step_of[cell] {
                Some(step) => &recovered[step * columns + at..][..sum.len()],
                None => &reply_of(self.replies, cell)[at..][..sum.len()],
            };
            if parity {
                sum.iter_mut().zip(values).for_each(|(sum, x)| *sum -= x);
            } else {
                sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
            }
        }
        without_parity
    }

    /// Bounds of the errors of all cells: of replies from their round-off, of recovered ones from their lines, step by step.
    fn bound(&self, memory: &mut Memory) {
        let replies = self.replies;
        let length = energy(replies.broadcast).sqrt();
        let root = (replies.layout.shard_rows as f64).sqrt();
        memory.errors.clear();
        memory.errors.extend(replies.stats.iter().map(|s| CEILING * round_off(s, replies.precision) * length * root));
        memory.sizes.clear();
        memory.sizes.extend(replies.stats.iter().map(|s| s.frobenius() * length));
        for step in 0..memory.peeling.steps.len() {
            let (line, cell) = memory.peeling.steps[step];
            memory.errors[cell] = self.line_error(memory, line, Some(cell));
        }
    }

    /// How far the sum of a line, without the cell `left_out`, can be from that of the exact products. A sum of n numbers in
    /// any order errs by at most `(n - 1) u / (1 - (n - 1) u)` times the sum of their magnitudes (Higham, *Accuracy and
    /// Stability of Numerical Algorithms*, section 4.2), which n u covers, as the replies are no longer than their shards
    /// allow (by more than their own error).
    fn line_error(&self, memory: &Memory, line: usize, left_out: Option<usize>) -> f64 {
        let cells = || self.grid.cells(line).map(|(cell, _)| cell).filter(|&cell| left_out != Some(cell));
        let carried: f64 = cells().map(|cell| memory.errors[cell]).sum();
        let size: f64 = cells().map(|cell| memory.sizes[cell]).sum();
        carried + cells().count() as f64 * f64::EPSILON / 2.0 * (size + carried)
    }

    fn refusal(&self, reason: &str) -> Error {
        Error::TooManyFaults {
            reason: reason.into(),
            erased: absent(self.replies),
            suspected: named(self.replies),
            tolerance: format!(
                "no liars and any {GUARANTEED} stragglers of {} workers, more where they can be peeled",
                self.grid.workers()
            ),
        }
    }
}
