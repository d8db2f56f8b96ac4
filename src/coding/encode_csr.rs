//! Sparse encoding: the work is that of reading the non-zeros, the result is CSR with ascending columns. Two passes, one
//! that counts and one that fills, so that nothing but the shard is allocated (and one row of sums a task).

use super::Layout;
use super::encode::{Term, present};
use super::encode_dense::add;
use crate::data::Csr;
use crate::error::Result;
use crate::scalar::Element;
use rayon::prelude::*;
use std::ops::Range;

/// Fewest stored values a task should have.
const TASK_VALUES: usize = 1 << 16;

/// Most tasks.
const TASKS: usize = 64;

/// `S X`: row b merges rows `b q + j` of X.
pub(super) fn rows<T: Element>(x: &Csr<T>, layout: Layout, terms: &[Term]) -> Result<Csr<T>> {
    let Layout { rows, cols, blocks, shard_rows } = layout;
    let tasks = (x.values().len() / TASK_VALUES.max(cols)).clamp(1, TASKS).min(shard_rows.max(1));
    let sources = |b: usize| {
        let base = b * blocks;
        present(terms, blocks.min(rows - base)).iter().map(move |t| (base + t.block, t.factor))
    };
    let cut = |task: usize| task * shard_rows / tasks..(task + 1) * shard_rows / tasks;

    let counts: Vec<Vec<usize>> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let mut row = MergedRow::new(cols);
            cut(task).map(|b| row.count(sources(b).map(|(i, _)| x.row(i).0))).collect()
        })
        .collect();
    let lengths: Vec<usize> = counts.iter().map(|count| count.iter().sum()).collect();
    let mut shard = Unfilled::new(counts.into_iter().flatten());
    let pieces: Vec<Piece<'_, T>> = shard.pieces(lengths.into_iter()).collect();
    pieces.into_par_iter().enumerate().for_each(|(task, mut piece)| {
        let mut row = MergedRow::new(cols);
        for b in cut(task) {
            for (i, factor) in sources(b) {
                let (columns, entries) = x.row(i);
                columns.iter().zip(entries).for_each(|(&c, &v)| row.add::<T>(c, factor * v.to_f64()));
            }
            row.drain(|column, value| piece.push(column, value));
        }
    });
    shard.finish(cols)
}

/// `S X'`: row b merges columns `b q + j` of X, which are neighbours in every row of X.
pub(super) fn columns<T: Element>(x: &Csr<T>, layout: Layout, terms: &[Term]) -> Result<Csr<T>> {
    let Layout { cols: n, blocks, shard_rows, .. } = layout;
    let mut factors = vec![0.0; blocks];
    terms.iter().for_each(|t| factors[t.block] = t.factor);
    // A task is a range of the rows of X, so of the columns of the shard. Its entries of each shard row follow those of
    // the task before. The bookkeeping of a task is a few words a shard row: it must stay small beside the shard.
    let stored = x.values().len();
    let most = (stored / (16 * shard_rows.max(1))).min(TASKS);
    let tasks = (stored / TASK_VALUES).clamp(1, most.max(1)).min(n.max(1));
    let cut = |task: usize| task * n / tasks..(task + 1) * n / tasks;

    let counts: Vec<Vec<u32>> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let mut counts = vec![0; shard_rows];
            for_each_merged(x, cut(task), &factors, |b, _, _| counts[b] += 1);
            counts
        })
        .collect();
    let of_row = |b: usize| counts.iter().map(move |count| count[b] as usize);
    let mut shard = Unfilled::new((0..shard_rows).map(|b| of_row(b).sum()));
    let mut pieces: Vec<Vec<Piece<'_, T>>> = counts.iter().map(|_| Vec::with_capacity(shard_rows)).collect();
    for (k, piece) in shard.pieces((0..shard_rows).flat_map(of_row)).enumerate() {
        pieces[k % tasks].push(piece);
    }
    pieces.into_par_iter().enumerate().for_each(|(task, mut rows)| {
        for_each_merged(x, cut(task), &factors, |b, column, value| rows[b].push(column, value));
    });
    shard.finish(n)
}

/// Calls `visit(b, column, value)` for every entry of columns `range` of `S X'`, that is by the rows of X.
fn for_each_merged<T: Element>(
    x: &Csr<T>,
    range: Range<usize>,
    factors: &[f64],
    mut visit: impl FnMut(usize, u32, f64),
) {
    // A column number is a u32, and dividing those is fast; with more blocks than that all columns are in block 0.
    let blocks = u32::try_from(factors.len()).unwrap_or(u32::MAX);
    for i in range {
        let (columns, values) = x.row(i);
        let (mut block, mut sum, mut low, mut stored) = (0, 0.0, 0.0, false);
        for (&c, v) in columns.iter().zip(values) {
            let factor = factors[(c % blocks) as usize];
            if factor == 0.0 {
                continue;
            }
            if stored && c / blocks != block {
                visit(block as usize, i as u32, sum + low);
                (sum, low) = (0.0, 0.0);
            }
            (block, stored) = (c / blocks, true);
            add::<T>(&mut sum, &mut low, factor * v.to_f64());
        }
        if stored {
            visit(block as usize, i as u32, sum + low);
        }
    }
}

/// A CSR matrix whose row lengths are known and whose entries are not yet.
struct Unfilled<T> {
    offsets: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<T>,
}

/// Consecutive entries of an [`Unfilled`] matrix.
struct Piece<'a, T> {
    indices: &'a mut [u32],
    values: &'a mut [T],
    filled: usize,
}

impl<T: Element> Unfilled<T> {
    /// With so many entries in each row.
    fn new(lengths: impl Iterator<Item = usize>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for length in lengths {
            end += length;
            offsets.push(end);
        }
        Unfilled { offsets, indices: vec![0; end], values: vec![T::from_f64(0.0); end] }
    }

    /// Cuts its entries into pieces of these lengths, which follow each other.
    fn pieces(&mut self, lengths: impl Iterator<Item = usize>) -> impl Iterator<Item = Piece<'_, T>> {
        let (mut indices, mut values) = (&mut self.indices[..], &mut self.values[..]);
        lengths.map(move |length| {
            let head = indices.split_off_mut(..length).unwrap_or_default();
            let numbers = values.split_off_mut(..length).unwrap_or_default();
            Piece { indices: head, values: numbers, filled: 0 }
        })
    }

    fn finish(self, cols: usize) -> Result<Csr<T>> {
        Csr::new(self.offsets.len() - 1, cols, self.offsets, self.indices, self.values)
    }
}

impl<T: Element> Piece<'_, T> {
    fn push(&mut self, column: u32, value: f64) {
        self.indices[self.filled] = column;
        self.values[self.filled] = T::from_f64(value);
        self.filled += 1;
    }
}

/// One row being merged: a sum for every column, and which columns have one.
struct MergedRow {
    sums: Vec<[f64; 2]>,
    marks: Vec<u64>,
    touched: Vec<u32>,
}

impl MergedRow {
    fn new(cols: usize) -> Self {
        MergedRow { sums: vec![[0.0; 2]; cols], marks: vec![0; cols.div_ceil(64)], touched: Vec::new() }
    }

    fn mark(&mut self, column: u32) {
        let (word, bit) = (column as usize / 64, 1u64 << (column % 64));
        if self.marks[word] & bit == 0 {
            self.marks[word] |= bit;
            self.touched.push(column);
        }
    }

    /// The number of different columns in `rows`.
    fn count<'a>(&mut self, mut rows: impl Iterator<Item = &'a [u32]>) -> usize {
        let Some(first) = rows.next() else { return 0 };
        let Some(second) = rows.next() else { return first.len() };
        [first, second].into_iter().chain(rows).flatten().for_each(|&c| self.mark(c));
        for &c in &self.touched {
            self.marks[c as usize / 64] = 0;
        }
        let count = self.touched.len();
        self.touched.clear();
        count
    }

    fn add<T: Element>(&mut self, column: u32, term: f64) {
        self.mark(column);
        let [sum, low] = &mut self.sums[column as usize];
        add::<T>(sum, low, term);
    }

    /// Hands out the sums by ascending column and forgets them.
    fn drain(&mut self, mut take: impl FnMut(u32, f64)) {
        let sums = &mut self.sums;
        let mut out = |column: u32| {
            let [sum, low] = std::mem::take(&mut sums[column as usize]);
            take(column, sum + low);
        };
        // Sorting k columns takes about k log k steps, walking all marks one step a word.
        let k = self.touched.len();
        if k * (k.max(2).ilog2() as usize) < self.marks.len() {
            self.touched.sort_unstable();
            for &c in &self.touched {
                out(c);
                self.marks[c as usize / 64] = 0;
            }
        } else {
            for (word, marks) in self.marks.iter_mut().enumerate() {
                let mut left = std::mem::take(marks);
                while left != 0 {
                    out((word * 64) as u32 + left.trailing_zeros());
                    left &= left - 1;
                }
            }
        }
        self.touched.clear();
    }
}

/// Entries of the shard of a combination without zero coefficients, over all blocks: `S X`, then `S X'`.
pub(super) fn merged_entries<T: Element>(x: &Csr<T>, blocks: usize) -> [usize; 2] {
    let mut row = MergedRow::new(x.cols());
    let starts = (0..x.rows()).step_by(blocks);
    let rows = starts.map(|base| row.count((base..x.rows().min(base + blocks)).map(|i| x.row(i).0))).sum();
    let mut columns = 0;
    for_each_merged(x, 0..x.rows(), &vec![1.0; blocks], |_, _, _| columns += 1);
    [rows, columns]
}

/// Entries of the shards of `count` plain sums, over all of them: the rows of a block are summed with those of its class.
/// `S X` and `S X'` together.
pub(super) fn class_entries<T: Element>(x: &Csr<T>, count: usize, classes: &[usize]) -> usize {
    let blocks = classes.len();
    let mut row = MergedRow::new(x.cols());
    let members = |base: usize, class: usize| {
        (base..x.rows().min(base + blocks)).filter(move |i| classes[i - base] == class).map(|i| x.row(i).0)
    };
    let starts = (0..x.rows()).step_by(blocks);
    let rows: usize = starts
        .flat_map(|base| (0..count).map(move |class| (base, class)))
        .map(|(base, class)| row.count(members(base, class)))
        .sum();
    // Column j of X is row j of X': entry i of its shard's row j / q.
    let mut transposed = MergedRow::new(x.cols().div_ceil(blocks) * count);
    let mut keys = Vec::new();
    let columns: usize = (0..x.rows())
        .map(|i| {
            keys.clear();
            keys.extend(
                x.row(i).0.iter().map(|&j| (j as usize / blocks * count + classes[j as usize % blocks]) as u32),
            );
            transposed.count(std::iter::once(&keys[..]).chain(std::iter::once(&[][..])))
        })
        .sum();
    rows + columns
}
