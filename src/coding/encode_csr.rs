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
    let mut shard = Unfilled::new(counts);
    let pieces = shard.pieces((0..tasks).map(cut));
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
    // A task is a range of shard rows, so of data columns: it finds its part of each data row by bisection and writes
    // into its own part of the result.
    let tasks = (x.values().len() / TASK_VALUES.max(n)).clamp(1, TASKS).min(shard_rows.max(1));
    let cut = |task: usize| task * shard_rows / tasks..(task + 1) * shard_rows / tasks;

    let counts: Vec<Vec<usize>> = (0..tasks)
        .into_par_iter()
        .map(|task| {
            let mut counts = vec![0usize; cut(task).len()];
            for_each_merged(x, blocks, &factors, cut(task), |b, _, _| counts[b] += 1);
            counts
        })
        .collect();
    let mut shard = Unfilled::new(counts);
    let starts = shard.offsets.clone();
    let pieces = shard.pieces((0..tasks).map(cut));
    pieces.into_par_iter().enumerate().for_each(|(task, piece)| {
        let range = cut(task);
        let mut next: Vec<usize> = starts[range.clone()].iter().map(|&at| at - starts[range.start]).collect();
        for_each_merged(x, blocks, &factors, range, |b, row, value| {
            piece.indices[next[b]] = row;
            piece.values[next[b]] = T::from_f64(value);
            next[b] += 1;
        });
    });
    shard.finish(n)
}

/// Calls `visit(b - range.start, row of X, value)` for every entry of shard rows `range` of `S X'`, by rows of X.
fn for_each_merged<T: Element>(
    x: &Csr<T>,
    blocks: usize,
    factors: &[f64],
    range: Range<usize>,
    mut visit: impl FnMut(usize, u32, f64),
) {
    let (left, right) = (range.start * blocks, range.end * blocks);
    for i in 0..x.rows() {
        let (columns, values) = x.row(i);
        let from = columns.partition_point(|&c| (c as usize) < left);
        let (mut block, mut end, mut sum, mut low, mut stored) = (0, left, 0.0, 0.0, false);
        for (&c, v) in columns[from..].iter().zip(&values[from..]) {
            let c = c as usize;
            if c >= end {
                if stored {
                    visit(block, i as u32, sum + low);
                }
                if c >= right {
                    stored = false;
                    break;
                }
                block = c / blocks - range.start;
                end = (block + range.start + 1) * blocks;
                (sum, low, stored) = (0.0, 0.0, false);
            }
            let factor = factors[blocks - (end - c)];
            if factor != 0.0 {
                add::<T>(&mut sum, &mut low, factor * v.to_f64());
                stored = true;
            }
        }
        if stored {
            visit(block, i as u32, sum + low);
        }
    }
}

/// A CSR matrix whose row lengths are known and whose entries are not yet.
struct Unfilled<T> {
    offsets: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<T>,
}

/// One task's rows of an [`Unfilled`] matrix.
struct Piece<'a, T> {
    indices: &'a mut [u32],
    values: &'a mut [T],
    filled: usize,
}

impl<T: Element> Unfilled<T> {
    /// With the row lengths that each task counted, in the order of the tasks.
    fn new(counts: Vec<Vec<usize>>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for count in counts.into_iter().flatten() {
            end += count;
            offsets.push(end);
        }
        Unfilled { offsets, indices: vec![0; end], values: vec![T::from_f64(0.0); end] }
    }

    /// Cuts it into the ranges of rows, which follow each other.
    fn pieces(&mut self, ranges: impl Iterator<Item = Range<usize>>) -> Vec<Piece<'_, T>> {
        let (mut indices, mut values) = (&mut self.indices[..], &mut self.values[..]);
        let mut pieces = Vec::new();
        for range in ranges {
            let len = self.offsets[range.end] - self.offsets[range.start];
            let (head, tail) = indices.split_at_mut(len);
            let (numbers, rest) = values.split_at_mut(len);
            pieces.push(Piece { indices: head, values: numbers, filled: 0 });
            (indices, values) = (tail, rest);
        }
        pieces
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
