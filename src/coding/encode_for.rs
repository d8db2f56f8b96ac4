//! Shards of a code's workers, also where the coefficients differ from column to column.

use super::encode::Sums;
use super::{DataCode, Layout, encode_shards};
use crate::data::{Csr, Dense, Matrix, Operand, ShardStats};
use crate::error::Result;
use crate::scalar::Element;
use std::ops::Range;

/// The shards of `operand` of X that `code` gives to `workers`, dense data read once for all of them; the numbers are those of
/// [`super::encode_shard`]. With several groups of columns ([`DataCode::column_groups`]) a shard is sparse, also of dense data:
/// what a group's coefficients leave out is not stored.
///
/// ```
/// use steadfast::coding::{ShortDot, Tolerance, encode_for};
/// use steadfast::data::{Dense, Matrix, Operand};
/// use steadfast::seed::Seed;
/// let x = Matrix::Dense(Dense::new(4, 6, (0..24).map(f64::from).collect())?);
/// let code = ShortDot::new(6, Tolerance { liars: 0, stragglers: 2 }, Some(2), Seed(0))?;
/// let shards = encode_for(&code, &x, Operand::ROWS, 0..6)?;
/// // Two rows of six columns, a third of which the worker does without.
/// assert_eq!((shards[0].0.rows(), shards[0].0.stored()), (2, 8));
/// # Ok::<(), steadfast::Error>(())
/// ```
///
/// # Errors
/// As [`super::encode_shard`].
pub fn encode_for<T: Element>(
    code: &dyn DataCode,
    data: &Matrix<T>,
    operand: Operand,
    workers: Range<usize>,
) -> Result<Vec<(Matrix<T>, ShardStats)>> {
    let groups = code.column_groups();
    if groups == 1 {
        let combinations: Vec<&[f64]> = workers.map(|worker| code.combination(worker)).collect();
        return encode_shards(data, operand, &combinations);
    }
    let layout = Layout::of_operand(data.rows(), data.cols(), operand, code.blocks())?;
    // Of every worker, its rows of each group of columns that it holds.
    let mut parts: Vec<Vec<(usize, Matrix<T>)>> = workers.clone().map(|_| Vec::new()).collect();
    for group in 0..groups.min(layout.cols) {
        let columns = columns_of(data, operand, group, groups)?;
        let holding = |worker: &usize| code.combination_in(*worker, group).iter().any(|x| *x != 0.0);
        let holders: Vec<usize> = workers.clone().filter(holding).collect();
        let combinations: Vec<&[f64]> = holders.iter().map(|&worker| code.combination_in(worker, group)).collect();
        for (worker, (part, _)) in holders.iter().zip(encode_shards(&columns, operand, &combinations)?) {
            parts[worker - workers.start].push((group, part));
        }
    }
    let shards = parts.iter().map(|parts| {
        let shard = join(parts, groups, layout)?;
        let sums = Sums::of_long(shard.values());
        let shard = Matrix::Csr(shard);
        let stats = sums.stats(&shard)?;
        Ok((shard, stats))
    });
    shards.collect()
}

/// The part of X in which columns `group`, `group + groups`, … of the operand are.
fn columns_of<T: Element>(data: &Matrix<T>, operand: Operand, group: usize, groups: usize) -> Result<Matrix<T>> {
    if operand == Operand::COLUMNS {
        return Ok(data.select_rows(&(group..data.rows()).step_by(groups).collect::<Vec<_>>()));
    }
    let cols = (data.cols() - group).div_ceil(groups);
    match data {
        Matrix::Dense(x) => {
            let every = |i: usize| x.row(i).iter().skip(group).step_by(groups).copied();
            Ok(Matrix::Dense(Dense::new(x.rows(), cols, (0..x.rows()).flat_map(every).collect())?))
        }
        Matrix::Csr(x) => {
            let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
            for i in 0..x.rows() {
                let (columns, entries) = x.row(i);
                for (&c, &v) in columns.iter().zip(entries).filter(|(c, _)| **c as usize % groups == group) {
                    indices.push(c / groups as u32);
                    values.push(v);
                }
                offsets.push(values.len());
            }
            Ok(Matrix::Csr(Csr::new(x.rows(), cols, offsets, indices, values)?))
        }
    }
}

/// A shard from its groups of columns.
fn join<T: Element>(parts: &[(usize, Matrix<T>)], groups: usize, layout: Layout) -> Result<Csr<T>> {
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    let mut row: Vec<(u32, T)> = Vec::new();
    for b in 0..layout.shard_rows {
        row.clear();
        for (group, part) in parts {
            match part {
                Matrix::Dense(part) => {
                    let columns = (*group..).step_by(groups);
                    row.extend(columns.zip(part.row(b)).map(|(c, &v)| (c as u32, v)));
                }
                Matrix::Csr(part) => {
                    let (columns, entries) = part.row(b);
                    let place = |c: &u32| c * groups as u32 + *group as u32;
                    row.extend(columns.iter().map(place).zip(entries.iter().copied()));
                }
            }
        }
        row.sort_unstable_by_key(|(column, _)| *column);
        indices.extend(row.iter().map(|(column, _)| *column));
        values.extend(row.iter().map(|(_, value)| *value));
        offsets.push(values.len());
    }
    Csr::new(layout.shard_rows, layout.cols, offsets, indices, values)
}
