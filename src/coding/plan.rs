//! What each code would cost before anything is encoded: the exact counts of storage, work and communication of a gradient
//! (one product with X and one with X').

mod frames;
mod gradients;
mod short_dot;

pub use frames::FramePlan;

use super::encode_csr::{class_entries, merged_entries};
use super::mds;
use super::{Basis, DataCode, Product, Replication, Tolerance, Uncoded};
use crate::data::Matrix;
use crate::error::{Error, Result};
use crate::scalar::Element;

/// The costs of all codes for one matrix and one fleet.
///
/// ```
/// use steadfast::coding::{Plan, Tolerance};
/// let plan = Plan::new(4000, 4000, None, 1000, Tolerance { liars: 100, stragglers: 0 })?;
/// let redundancy = |code: &str| plan.code(code).and_then(|c| c.cost).map(|c| c.redundancy);
/// // Paper 002, footnote 12.
/// assert_eq!((redundancy("real-parity"), redundancy("draco")), (Some(2.5), Some(201.0)));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// n.
    pub rows: usize,
    /// d.
    pub cols: usize,
    /// Stored numbers of X: n d, or its non-zeros.
    pub stored: usize,
    /// True for a sparse X.
    pub sparse: bool,
    /// m.
    pub workers: usize,
    /// What is to be tolerated.
    pub tolerance: Tolerance,
    /// Every code, those that can't among them.
    pub codes: Vec<CodePlan>,
}

/// One code's part of a [`Plan`]: a cost, or why it can't be used.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CodePlan {
    /// Name on the command line.
    pub name: String,
    /// The cost, if the code carries the tolerance.
    pub cost: Option<Cost>,
    /// Why it does not.
    pub refused: Option<String>,
    /// True for a rival whose workers send gradients: no data code, but compared with them.
    pub comparison: bool,
}

/// Counts of one code. Numbers, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// q, data blocks.
    pub blocks: usize,
    /// p1 and p2: rows of a worker's shard of X and of X'.
    pub shard_rows: [usize; 2],
    /// Numbers stored at the workers, all together: m (p1 d + p2 n) for dense data.
    pub stored: u64,
    /// `stored` over the numbers of X itself; 2 means that X and X' are stored once each.
    pub redundancy: f64,
    /// Multiply-adds of the worker that has most to do.
    pub multiply_adds: u64,
    /// Numbers a worker sends.
    pub floats_up: u64,
    /// Numbers the master broadcasts, each counted once.
    pub floats_down: u64,
    /// The same, counted once a worker.
    pub floats_down_unicast: u64,
    /// Multiply-adds of encoding; plain copies cost none.
    pub encoding_multiply_adds: u64,
    /// Numbers in a combined shard over those in the average plain one: 1 for dense data, at most q for sparse.
    pub fill: f64,
    /// False where `stored`, `redundancy`, `multiply_adds` and `fill` are upper bounds, because the pattern of sparse data
    /// is not known.
    pub exact: bool,
}

/// How a code spreads the blocks: `copies` plain workers a block, workers with a combination of all blocks, and for a product
/// code workers with one of each row and each column of the blocks' grid.
struct Spread {
    blocks: usize,
    copies: usize,
    combining: usize,
    grid: Option<(usize, usize)>,
}

impl Spread {
    /// Without a grid.
    fn plain(blocks: usize, copies: usize) -> Self {
        Spread { blocks, copies, combining: 0, grid: None }
    }

    /// q plain workers and the others with a combination of all blocks.
    fn combined(workers: usize, combining: usize) -> Self {
        Spread { blocks: workers - combining, copies: 1, combining, grid: None }
    }

    /// The classes that the rows and that the columns of the grid put the blocks in: of each, their number and the class of
    /// every block. Each class is combined at one worker.
    fn classes(&self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        let grid = self.grid.into_iter();
        let blocks = self.blocks;
        grid.flat_map(move |(rows, cols)| {
            [(rows, (0..blocks).map(|j| j / cols).collect()), (cols, (0..blocks).map(|j| j % cols).collect())]
        })
    }
}

/// What the pattern of a sparse matrix says for one number of blocks.
struct Pattern {
    /// Entries of a combined shard of X and of X'.
    merged: [usize; 2],
    /// Entries of the largest plain worker, both shards.
    largest: usize,
    /// Entries of all workers with a class of the grid, both shards.
    classes: usize,
}

impl Plan {
    /// For an n x d matrix, dense or with `nonzeros` stored values whose places are not known.
    ///
    /// # Errors
    /// [`Error::Usage`] for an empty matrix, more non-zeros than entries, and no workers.
    pub fn new(
        rows: usize,
        cols: usize,
        nonzeros: Option<usize>,
        workers: usize,
        tolerance: Tolerance,
    ) -> Result<Self> {
        Self::make(rows, cols, nonzeros, workers, tolerance, &|_| None)
    }

    /// For `data` itself: exact also where it is sparse.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn for_data<T: Element>(data: &Matrix<T>, workers: usize, tolerance: Tolerance) -> Result<Self> {
        let nonzeros = data.is_sparse().then_some(data.stored());
        Self::make(data.rows(), data.cols(), nonzeros, workers, tolerance, &|spread| match data {
            Matrix::Dense(_) => None,
            Matrix::Csr(x) => {
                let blocks = spread.blocks;
                let mut plain = vec![0; blocks];
                for i in 0..x.rows() {
                    let columns = x.row(i).0;
                    plain[i % blocks] += columns.len();
                    columns.iter().for_each(|&c| plain[c as usize % blocks] += 1);
                }
                Some(Pattern {
                    merged: merged_entries(x, blocks),
                    largest: plain.into_iter().max().unwrap_or(0),
                    classes: spread.classes().map(|(count, classes)| class_entries(x, count, &classes)).sum(),
                })
            }
        })
    }

    /// The part of one code.
    pub fn code(&self, name: &str) -> Option<&CodePlan> {
        self.codes.iter().find(|c| c.name == name)
    }

    fn make(
        rows: usize,
        cols: usize,
        nonzeros: Option<usize>,
        workers: usize,
        tolerance: Tolerance,
        pattern: &dyn Fn(&Spread) -> Option<Pattern>,
    ) -> Result<Self> {
        if rows == 0 || cols == 0 || workers == 0 {
            let got = format!("{rows} rows, {cols} columns, {workers} workers");
            return Err(Error::usage("plan", got, "at least 1 of each"));
        }
        let entries = rows.checked_mul(cols).filter(|e| e.checked_mul(workers.saturating_mul(4)).is_some());
        let Some(entries) = entries else {
            return Err(Error::usage("plan", format!("{rows} x {cols} on {workers} workers"), "counts below 2^62"));
        };
        if nonzeros.is_some_and(|z| z == 0 || z > entries) {
            let got = format!("{} non-zeros", nonzeros.unwrap_or(0));
            return Err(Error::usage("plan", got, format!("1 to {entries}, the entries of {rows} x {cols}")));
        }
        let stored = nonzeros.unwrap_or(entries);
        let mut plan = Plan { rows, cols, stored, sparse: nonzeros.is_some(), workers, tolerance, codes: Vec::new() };
        let spreads: [(&str, Result<Spread>); 5] = [
            ("uncoded", plan.uncoded()),
            ("replication", plan.replication()),
            ("real-parity", plan.real_parity()),
            ("mds", plan.mds()),
            ("product", plan.product()),
        ];
        for (name, spread) in spreads {
            let counted = spread.map(|spread| plan.count(&spread, pattern(&spread)));
            plan.codes.push(CodePlan::new(name, counted, false));
        }
        plan.codes.push(CodePlan::new("short-dot", plan.short_dot(), false));
        let others = plan.gradient_codes();
        plan.codes.extend(others);
        Ok(plan)
    }

    fn uncoded(&self) -> Result<Spread> {
        if self.tolerance != Tolerance::default() {
            return Err(Error::usage("uncoded", self.tolerance, "no liars and no stragglers"));
        }
        Ok(Spread::plain(Uncoded::new(self.workers)?.blocks(), 1))
    }

    fn replication(&self) -> Result<Spread> {
        let code = Replication::new(self.workers, self.tolerance, None)?;
        Ok(Spread::plain(code.blocks(), code.factor()))
    }

    /// k = 2t + s combining workers. The half-integer Fourier basis, which is used up to 20 workers, has rows in pairs:
    /// an odd k needs one more where m is even.
    fn real_parity(&self) -> Result<Spread> {
        let (m, Tolerance { liars, stragglers }) = (self.workers, self.tolerance);
        let needed = liars.saturating_mul(2).saturating_add(stragglers);
        let combining = Basis::default_for(m).parity_rows(m, needed.min(m));
        if needed == 0 {
            return Err(Error::usage("real-parity", self.tolerance, "at least one liar or straggler"));
        }
        if combining >= m {
            return Err(Error::usage(
                "real-parity",
                self.tolerance,
                format!("2 liars + stragglers below {m} workers: at most {} liars", (m - 1) / 2),
            ));
        }
        Ok(Spread::combined(m, combining))
    }

    /// s combining workers.
    fn mds(&self) -> Result<Spread> {
        mds::check(self.workers, self.tolerance)?;
        Ok(Spread::combined(self.workers, self.tolerance.stragglers))
    }

    /// The corner combines all blocks; the other parities a row or a column of the grid.
    fn product(&self) -> Result<Spread> {
        let code = Product::new(self.workers, self.tolerance, None)?;
        Ok(Spread { blocks: code.blocks(), copies: 1, combining: 1, grid: Some(code.grid()) })
    }

    fn count(&self, spread: &Spread, pattern: Option<Pattern>) -> Cost {
        let (n, d, m) = (self.rows, self.cols, self.workers);
        let Spread { blocks, copies, combining, .. } = *spread;
        let shard_rows = [n.div_ceil(blocks), d.div_ceil(blocks)];
        let dense = [shard_rows[0] * d, shard_rows[1] * n];
        let exact = !self.sparse || pattern.is_some();
        let (merged, largest, classes) = match pattern {
            Some(pattern) => (pattern.merged, pattern.largest, pattern.classes),
            None => {
                // So many shards together have no more entries than the data, each of which is in one of them.
                let most =
                    |shards: usize| dense.map(|x| if self.sparse { (shards * x).min(self.stored) } else { shards * x });
                let bound = most(1);
                let classes = spread.classes().flat_map(|(count, _)| most(count)).sum();
                (bound, bound[0] + bound[1], classes)
            }
        };
        let merged = merged[0] + merged[1];
        let plain = if self.sparse { 2 * copies * self.stored } else { copies * blocks * (dense[0] + dense[1]) };
        let stored = plain + combining * merged + classes;
        let fill =
            if self.sparse && combining > 0 { merged as f64 * blocks as f64 / (2.0 * self.stored as f64) } else { 1.0 };
        Cost {
            blocks,
            shard_rows,
            stored: stored as u64,
            redundancy: stored as f64 / self.stored as f64,
            // A combined row has the entries of all the rows it combines: no plain worker has more.
            multiply_adds: if combining > 0 { merged } else { largest } as u64,
            floats_up: (shard_rows[0] + shard_rows[1]) as u64,
            floats_down: (n + d) as u64,
            floats_down_unicast: (m * (n + d)) as u64,
            encoding_multiply_adds: (2 * (combining + spread.classes().count()) * self.stored) as u64,
            fill,
            exact,
        }
    }
}

impl CodePlan {
    fn new(name: &str, cost: Result<Cost>, comparison: bool) -> Self {
        let (cost, refused) = match cost {
            Ok(cost) => (Some(cost), None),
            Err(error) => (None, Some(error.to_string())),
        };
        CodePlan { name: name.into(), cost, refused, comparison }
    }
}
