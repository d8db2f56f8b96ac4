//! What a worker does with a request: the same code for the simulated workers of one device and for a worker in its own
//! process. And what the master's side knows of the shards it gave away.

use super::request::{Opcode, Request};
use super::round::Round;
use crate::data::{Csr, Growth, Matrix, Operand};
use crate::device::{Batch, Device, Part};
use crate::error::{Error, Result};
use crate::scalar::Element;

/// Computes `request` on the shards of `workers` (ascending), in one batch. `replies` becomes their replies, one after the
/// other.
pub(super) fn compute<T: Element>(
    device: &mut dyn Device<T>,
    workers: &[usize],
    request: &Request,
    payload: &[T::Acc],
    replies: &mut Vec<T::Acc>,
) -> Result<()> {
    let Some(&first) = workers.first() else {
        replies.clear();
        return Ok(());
    };
    let Some((rows, cols)) = device.shape(first, request.operand) else {
        return Err(Error::usage(
            "request",
            format!("operand {} without a shard at worker {first}", request.operand.0),
            "an operand whose shards were loaded",
        ));
    };
    request.check_part(rows, cols)?;
    check_payload(request, payload.len(), rows, cols)?;
    // The device writes all of it; only what is new is filled here.
    replies.resize(workers.len() * request.reply_len(rows, cols), T::from_f64(0.0).widen());
    let batch = Batch {
        operand: request.operand,
        transposed: request.opcode == Opcode::TransposedProduct,
        vectors: request.vectors,
        workers,
    };
    match request.opcode {
        Opcode::Product | Opcode::TransposedProduct => device.run(&batch, payload, replies),
        Opcode::RowsProduct { first, count } => {
            device.run_part(&batch, &Part::Rows(first..first + count), payload, replies)
        }
        Opcode::ColumnsProduct { first, count } => {
            device.run_part(&batch, &Part::Columns(first..first + count), payload, replies)
        }
        Opcode::Columns => device.columns(request.operand, workers, &columns_of(payload, cols)?, replies),
    }
}

/// The columns that a payload names.
fn columns_of<A: Element>(payload: &[A], cols: usize) -> Result<Vec<usize>> {
    let column = |number: &A| {
        let number = number.to_f64();
        let fits = number >= 0.0 && number < cols as f64 && number.fract() == 0.0;
        fits.then_some(number as usize)
            .ok_or_else(|| Error::usage("column of a shard", number, format!("a whole number below {cols}")))
    };
    payload.iter().map(column).collect()
}

/// Refuses a round that was not begun for this request and fleet.
pub(super) fn check_round(round: &Round, request: &Request, workers: usize) -> Result<()> {
    if round.workers() == workers && round.number() == request.round && !round.is_done() {
        return Ok(());
    }
    let state = if round.is_done() { "ended" } else { "begun" };
    Err(Error::usage(
        "round of a fleet",
        format!("round {} of {} workers, {state}", round.number(), round.workers()),
        format!("round {} of {workers} workers, begun", request.round),
    ))
}

fn check_payload(request: &Request, got: usize, rows: usize, cols: usize) -> Result<()> {
    let wanted = request.payload_len(rows, cols);
    if got == wanted {
        return Ok(());
    }
    Err(Error::usage(
        "payload of a request",
        format!("{got} numbers"),
        format!("{wanted} for {} vectors and shards of {rows} x {cols}", request.vectors),
    ))
}

/// Shape and stored values of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardShape {
    rows: usize,
    cols: usize,
    stored: u64,
    sparse: Option<StoredBefore>,
}

/// Of a sparse shard: stored values before each row, and before each column, with the total at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StoredBefore {
    rows: Vec<u64>,
    /// Nothing once rows were replaced, of whose columns nothing is known, nor beyond what 32 bits count: parts are not told
    /// apart then.
    columns: Option<Vec<u32>>,
}

impl StoredBefore {
    fn of<T: Element>(shard: &Csr<T>) -> Self {
        let mut columns = vec![0u32; shard.cols() + 1];
        shard.indices().iter().for_each(|&j| columns[j as usize + 1] += 1);
        for j in 0..shard.cols() {
            columns[j + 1] = columns[j + 1].saturating_add(columns[j]);
        }
        let counted = shard.values().len() < u32::MAX as usize;
        StoredBefore {
            rows: shard.offsets().iter().map(|&at| at as u64).collect(),
            columns: counted.then_some(columns),
        }
    }
}

impl ShardShape {
    fn of<T: Element>(shard: &Matrix<T>) -> Self {
        let sparse = match shard {
            Matrix::Dense(_) => None,
            Matrix::Csr(a) => Some(StoredBefore::of(a)),
        };
        ShardShape { rows: shard.rows(), cols: shard.cols(), stored: shard.stored() as u64, sparse }
    }

    /// Joins a part that fits.
    fn grow(&mut self, part: &ShardShape, growth: Growth) {
        match growth {
            Growth::Rows { from } => {
                self.rows = from + part.rows;
                match (&mut self.sparse, &part.sparse) {
                    (Some(all), Some(part)) => {
                        all.rows.truncate(from + 1);
                        let stay = all.rows.last().copied().unwrap_or(0);
                        all.rows.extend(part.rows[1..].iter().map(|before| stay + before));
                        all.columns = None;
                        self.stored = all.rows.last().copied().unwrap_or(0);
                    }
                    _ => self.stored = (self.rows * self.cols) as u64,
                }
            }
            Growth::Columns => {
                if let (Some(all), Some(part)) = (&mut self.sparse, &part.sparse) {
                    all.rows.iter_mut().zip(&part.rows).for_each(|(all, more)| *all += more);
                    let total = u32::try_from(self.stored).ok();
                    all.columns =
                        all.columns.take().zip(part.columns.as_ref()).zip(total).map(|((mut all, part), total)| {
                            all.extend(part[1..].iter().map(|before| total.saturating_add(*before)));
                            all
                        });
                }
                self.cols += part.cols;
                self.stored += part.stored;
            }
        }
    }

    /// Stored values that `request` multiplies with.
    fn touched(&self, request: &Request) -> u64 {
        let all = |count: usize, across: usize| ((count * across) as u64).min(self.stored);
        match request.opcode {
            Opcode::Product | Opcode::TransposedProduct => self.stored,
            // Copied, not multiplied.
            Opcode::Columns => 0,
            Opcode::RowsProduct { first, count } => match &self.sparse {
                Some(before) => before.rows[first + count] - before.rows[first],
                None => all(count, self.cols),
            },
            Opcode::ColumnsProduct { first, count } => match self.sparse.as_ref().and_then(|s| s.columns.as_ref()) {
                Some(before) => u64::from(before[first + count] - before[first]),
                None => all(count, self.rows),
            },
        }
    }
}

/// What was loaded where: enough to check requests and to count work exactly.
#[derive(Debug)]
pub(super) struct ShardTable {
    workers: usize,
    operands: Vec<(Operand, Vec<Option<ShardShape>>)>,
    stored: u64,
}

impl ShardTable {
    pub(super) fn new(workers: usize) -> Self {
        ShardTable { workers, operands: Vec::new(), stored: 0 }
    }

    /// Notes that `part` joins the shard of `operand` at `worker`.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such shard, or the part does not fit it.
    pub(super) fn note_growth<T: Element>(
        &mut self,
        worker: usize,
        operand: Operand,
        part: &Matrix<T>,
        growth: Growth,
    ) -> Result<()> {
        let found = self.operands.iter_mut().find(|(known, _)| *known == operand);
        let Some(Some(shape)) = found.and_then(|(_, shards)| shards.get_mut(worker)) else {
            return Err(Error::usage(
                "shard to grow",
                format!("operand {} of worker {worker}, which has none", operand.0),
                "one that was loaded",
            ));
        };
        let fits = match growth {
            Growth::Rows { from } => from <= shape.rows && part.cols() == shape.cols,
            Growth::Columns => part.rows() == shape.rows,
        };
        if !fits || part.is_sparse() != shape.sparse.is_some() {
            let form = |sparse| if sparse { "sparse" } else { "dense" };
            let (rows, cols) = (shape.rows, shape.cols);
            return Err(Error::usage(
                "part of a shard",
                format!("{} x {}, {}", part.rows(), part.cols(), form(part.is_sparse())),
                format!("one that fits {rows} x {cols}, {}", form(shape.sparse.is_some())),
            ));
        }
        let before = shape.stored;
        shape.grow(&ShardShape::of(part), growth);
        self.stored = self.stored - before + shape.stored;
        Ok(())
    }

    /// Refuses a worker that does not exist.
    pub(super) fn check_worker(&self, worker: usize) -> Result<()> {
        if worker < self.workers {
            return Ok(());
        }
        Err(Error::usage("shard", format!("worker {worker}"), format!("workers below {}", self.workers)))
    }

    /// Notes that `worker` holds `shard` as its part of `operand`, instead of what it held.
    pub(super) fn note<T: Element>(&mut self, worker: usize, operand: Operand, shard: &Matrix<T>) -> Result<()> {
        self.check_worker(worker)?;
        let at = match self.operands.iter().position(|(known, _)| *known == operand) {
            Some(at) => at,
            None => {
                self.operands.push((operand, vec![None; self.workers]));
                self.operands.len() - 1
            }
        };
        let before = self.operands[at].1[worker].replace(ShardShape::of(shard));
        self.stored = self.stored - before.map_or(0, |shape| shape.stored) + shard.stored() as u64;
        Ok(())
    }

    /// The shards that a request is about, one a worker, all of the same rows and columns.
    pub(super) fn shards_of(&self, request: &Request, payload_len: usize, reply_len: usize) -> Result<Shards<'_>> {
        let missing = |who: String| {
            let got = format!("operand {} without a shard at {who}", request.operand.0);
            Error::usage("request", got, "an operand whose shards were loaded at all workers")
        };
        let Some((_, shards)) = self.operands.iter().find(|(operand, _)| *operand == request.operand) else {
            return Err(missing("any worker".into()));
        };
        let mut shape = None;
        for (worker, shard) in shards.iter().enumerate() {
            let Some(shard) = shard else { return Err(missing(format!("worker {worker}"))) };
            let (rows, cols) = *shape.get_or_insert((shard.rows, shard.cols));
            if (shard.rows, shard.cols) != (rows, cols) {
                return Err(Error::usage(
                    "shard",
                    format!("{} x {} at worker {worker}", shard.rows, shard.cols),
                    format!("{rows} x {cols} as at worker 0"),
                ));
            }
        }
        let Some((rows, cols)) = shape else { return Err(missing("any worker".into())) };
        request.check_part(rows, cols)?;
        check_payload(request, payload_len, rows, cols)?;
        let expected = request.reply_len(rows, cols);
        if reply_len != expected {
            return Err(Error::usage(
                "round",
                format!("replies of {reply_len} numbers"),
                format!("{expected} for {} vectors and shards of {rows} x {cols}", request.vectors),
            ));
        }
        Ok(Shards(shards))
    }

    /// Values stored at all workers.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }
}

/// The shards of one operand, complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shards<'a>(&'a [Option<ShardShape>]);

impl Shards<'_> {
    /// Multiply-adds of `request` at `worker`: r times the stored values that it is about; none where they are only copied.
    pub(super) fn multiply_adds(&self, worker: usize, request: &Request) -> u64 {
        self.0[worker].as_ref().map_or(0, |shape| shape.touched(request) * request.vectors as u64)
    }
}
