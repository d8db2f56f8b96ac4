//! What Short-Dot costs: every column of the data is at `k + M` of the m workers.

use super::{Cost, Plan};
use crate::coding::short_dot::Shape;
use crate::error::Result;

impl Plan {
    /// With the default number of blocks.
    pub(super) fn short_dot(&self) -> Result<Cost> {
        let (n, d, m) = (self.rows, self.cols, self.workers);
        let shape = Shape::new(m, self.tolerance, None)?;
        let (blocks, zeros) = (shape.blocks, shape.zeros());
        let holders = m - zeros;
        let shard_rows = [n.div_ceil(blocks), d.div_ceil(blocks)];
        // Worker i does without the columns of the groups i - zeros + 1 to i.
        let columns = |worker: usize, all: usize| {
            let without = (0..zeros).map(|back| (worker + m - back) % m);
            all - without.map(|group| all.saturating_sub(group).div_ceil(m)).sum::<usize>()
        };
        let work = |worker: usize| shard_rows[0] * columns(worker, d) + shard_rows[1] * columns(worker, n);
        let dense = holders * (shard_rows[0] * d + shard_rows[1] * n);
        let largest = (0..m).map(work).max().unwrap_or(0);
        let (stored, multiply_adds) = if self.sparse {
            (dense.min(2 * holders * self.stored), largest.min(2 * self.stored))
        } else {
            (dense, largest)
        };
        let fill = if self.sparse { (stored * blocks) as f64 / (2 * m * self.stored) as f64 } else { 1.0 };
        Ok(Cost {
            blocks,
            shard_rows,
            stored: stored as u64,
            redundancy: stored as f64 / self.stored as f64,
            multiply_adds: multiply_adds as u64,
            floats_up: (shard_rows[0] + shard_rows[1]) as u64,
            floats_down: (n + d) as u64,
            floats_down_unicast: (holders * (n + d)) as u64,
            encoding_multiply_adds: (2 * holders * self.stored) as u64,
            fill,
            exact: !self.sparse,
        })
    }
}
