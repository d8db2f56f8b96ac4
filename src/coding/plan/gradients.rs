//! What codes cost whose workers send gradients of rows they hold, not products with encoded data.

use super::{CodePlan, Cost, Plan};
use crate::coding::{Detox, Lagrange, Median, Tolerance};
use crate::error::{Error, Result};

impl Plan {
    /// The part of each gradient code, those that can't among them.
    pub(super) fn gradient_codes(&self) -> Vec<CodePlan> {
        [
            ("gradient-coding", self.gradient_coding()),
            ("draco", self.draco()),
            ("detox", self.detox()),
            ("lagrange", self.lagrange()),
        ]
        .into_iter()
        .map(|(name, cost)| CodePlan::new(name, cost, true))
        .collect()
    }

    /// s + 1 copies of every part.
    fn gradient_coding(&self) -> Result<Cost> {
        let Tolerance { liars, stragglers } = self.tolerance;
        if liars > 0 || stragglers >= self.workers {
            let allowed = format!("no liars and at most {} stragglers", self.workers - 1);
            return Err(Error::usage("gradient-coding", self.tolerance, allowed));
        }
        Ok(self.copies(stragglers + 1, 1))
    }

    /// DRACO's cyclic code: every one of m parts of the rows is at 2t + 1 workers (a missing reply counts as a lie), who send complex
    /// gradients.
    fn draco(&self) -> Result<Cost> {
        let Tolerance { liars, stragglers } = self.tolerance;
        let copies = liars.saturating_add(stragglers).saturating_mul(2).saturating_add(1);
        if copies > self.workers {
            let most = (self.workers - 1) / 2;
            let allowed = format!("2 (liars + stragglers) + 1 <= {} workers: at most {most} of both", self.workers);
            return Err(Error::usage("draco", self.tolerance, allowed));
        }
        Ok(self.copies(copies, if copies > 1 { 2 } else { 1 }))
    }

    /// Groups of three, and the median.
    fn detox(&self) -> Result<Cost> {
        Detox::new(self.workers, self.tolerance, 3, Box::new(Median))?;
        Ok(self.copies(3, 1))
    }

    /// Lagrange coding of linear regression: every worker holds one combination of K blocks of rows.
    fn lagrange(&self) -> Result<Cost> {
        let blocks = Lagrange::most_blocks(self.workers, self.tolerance)?;
        let rows = self.rows.div_ceil(blocks);
        let shard = if self.sparse { (rows * self.cols).min(self.stored) } else { rows * self.cols };
        let stored = self.workers * shard;
        Ok(Cost {
            blocks,
            shard_rows: [rows, 0],
            stored: stored as u64,
            redundancy: stored as f64 / self.stored as f64,
            encoding_multiply_adds: (self.workers * self.stored) as u64,
            fill: if self.sparse { (shard * blocks) as f64 / self.stored as f64 } else { 1.0 },
            ..self.copies(1, 1)
        }
        .with_work(2 * shard))
    }

    /// So many copies of the rows in m parts; workers send `planes` real numbers for one of the gradient.
    fn copies(&self, copies: usize, planes: usize) -> Cost {
        let (n, d, m) = (self.rows, self.cols, self.workers);
        let rows = copies * n.div_ceil(m);
        let most = if self.sparse { (rows * d).min(self.stored) } else { rows * d };
        Cost {
            blocks: m,
            shard_rows: [rows, 0],
            stored: (copies * self.stored) as u64,
            redundancy: copies as f64,
            multiply_adds: 2 * most as u64,
            floats_up: (planes * d) as u64,
            floats_down: d as u64,
            floats_down_unicast: (m * d) as u64,
            encoding_multiply_adds: 0,
            fill: 1.0,
            exact: !self.sparse,
        }
    }
}

impl Cost {
    fn with_work(self, multiply_adds: usize) -> Self {
        Cost { multiply_adds: multiply_adds as u64, ..self }
    }
}
