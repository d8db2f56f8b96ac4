//! Products with blocks of columns of X, for coordinate descent on lying workers (paper 002, section 5).
//!
//! With q data blocks, block row b of every worker's shard `S_i X'` combines the coordinates `b q .. (b + 1) q`: the map f of
//! paper 002, eq. (21). A set U of block rows is a set f(U) of coordinates, and both products of an iteration (ibid., section
//! 5.2) touch only their columns of X: the workers' work is `p1 q |U|` and `n |U|` multiply-adds in place of `p1 d` and `p2 n`.
//!
//! Both products are linear in what the master broadcasts and are decoded like any other, each with its own error correction. A
//! worker sends its part of `S_iU X' r` and not the new `v_iU = S_iU w - a S_iU X' r` (eq. (18)): the master knows w, so that the
//! difference says nothing new, and workers keep no state that could grow stale, drift off the code, or be lied about.

use std::ops::Range;

use crate::data::{Matrix, ShardStats};
use crate::error::{Error, Result};
use crate::scalar::Element;

/// Certified products with blocks of columns of X (n x d), one vector at a time. Block row b holds the coordinates
/// `b q .. (b + 1) q`, the last fewer where q does not divide d.
pub trait BlockOracle {
    /// q.
    fn width(&self) -> usize;

    /// p2 = ceil(d / q), the number of block rows.
    fn block_rows(&self) -> usize;

    /// `X_U' u` for the block rows `rows` and n numbers u, into `out`, one number a coordinate: one round.
    ///
    /// # Errors
    /// [`Error::TooManyFaults`] when the round can't be certified; failures of the fleet; [`Error::Usage`] for a device that
    /// only multiplies with whole shards.
    fn block_pullback(&mut self, rows: Range<usize>, residuals: &[f64], out: &mut [f64]) -> Result<()>;

    /// `X_U delta` for the block rows `rows` and `delta`, one number a coordinate, into `out` (n numbers): one round.
    ///
    /// # Errors
    /// As [`BlockOracle::block_pullback`].
    fn block_margins(&mut self, rows: Range<usize>, delta: &[f64], out: &mut [f64]) -> Result<()>;
}

/// The coordinates of block rows of width q among d.
pub(super) fn coordinates(rows: &Range<usize>, width: usize, cols: usize) -> Range<usize> {
    (rows.start * width).min(cols)..(rows.end * width).min(cols)
}

/// What the master keeps of one part of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Facts {
    square: f64,
    max_abs: f64,
    stored: usize,
}

impl Facts {
    fn add(&mut self, more: &Facts) {
        self.square += more.square;
        self.max_abs = self.max_abs.max(more.max_abs);
        self.stored += more.stored;
    }

    fn saw<T: Element>(&mut self, values: &[T]) {
        for values in values.chunks(256) {
            let (mut square, mut max_abs) = (0.0, 0.0f64);
            for value in values {
                let x = value.to_f64();
                square += x * x;
                max_abs = max_abs.max(x.abs());
            }
            self.add(&Facts { square, max_abs, stored: values.len() });
        }
    }
}

/// Rows whose squares are summed before they join the whole.
const ROWS: usize = 64;

/// Facts about the parts of every worker's shard that the block rows touch: p2 for each worker.
#[derive(Debug)]
pub(super) struct BlockFacts {
    parts: usize,
    facts: Vec<Facts>,
}

impl BlockFacts {
    /// For shards in `parts` parts.
    pub(super) fn new(parts: usize) -> Self {
        BlockFacts { parts, facts: Vec::new() }
    }

    /// Takes the next worker's shard of X', whose parts are its rows.
    pub(super) fn push_rows<T: Element>(&mut self, shard: &Matrix<T>) {
        for b in 0..self.parts {
            let mut facts = Facts::default();
            match shard {
                Matrix::Dense(a) => facts.saw(&a.values()[b * a.cols()..(b + 1) * a.cols()]),
                Matrix::Csr(a) => facts.saw(a.row(b).1),
            }
            self.facts.push(facts);
        }
    }

    /// Takes the next worker's shard of X, whose parts are `width` columns each.
    pub(super) fn push_columns<T: Element>(&mut self, shard: &Matrix<T>, width: usize) {
        let begin = self.facts.len();
        self.facts.resize(begin + self.parts, Facts::default());
        let mut group = vec![Facts::default(); self.parts];
        for first in (0..shard.rows()).step_by(ROWS) {
            group.fill(Facts::default());
            for i in first..shard.rows().min(first + ROWS) {
                match shard {
                    Matrix::Dense(a) => a.values()[i * a.cols()..(i + 1) * a.cols()]
                        .chunks(width)
                        .zip(&mut group)
                        .for_each(|(values, facts)| facts.saw(values)),
                    Matrix::Csr(a) => {
                        let (columns, values) = a.row(i);
                        columns
                            .iter()
                            .zip(values)
                            .for_each(|(&j, value)| group[j as usize / width].saw(std::slice::from_ref(value)));
                    }
                }
            }
            self.facts[begin..].iter_mut().zip(&group).for_each(|(sum, facts)| sum.add(facts));
        }
    }

    /// The facts of `blocks` as those of shards of `shard_rows` rows, one a worker, into `out`.
    pub(super) fn stats(&self, blocks: &Range<usize>, shard_rows: usize, out: &mut Vec<ShardStats>) {
        out.clear();
        out.extend(self.facts.chunks_exact(self.parts.max(1)).map(|of_worker| {
            let mut sum = Facts::default();
            of_worker[blocks.clone()].iter().for_each(|facts| sum.add(facts));
            ShardStats {
                rows: shard_rows,
                stored: sum.stored,
                rms_row_norm: (sum.square / shard_rows.max(1) as f64).sqrt(),
                max_abs: sum.max_abs,
            }
        }));
    }

    /// # Errors
    /// [`Error::Usage`] for block rows that do not exist.
    pub(super) fn check(&self, rows: &Range<usize>) -> Result<()> {
        if rows.start < rows.end && rows.end <= self.parts {
            return Ok(());
        }
        Err(Error::usage(
            "block rows",
            format!("{rows:?}"),
            format!("a range that is not empty within 0..{}", self.parts),
        ))
    }
}
