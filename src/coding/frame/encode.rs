//! From data to the shards of the workers.

use std::collections::BTreeMap;

use rayon::prelude::*;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::Encoding;
use crate::data::{Csr, Dense, Matrix};
use crate::error::{Error, Result};

/// Columns that are transformed together: a row of a tile fills four cache lines.
const TILE: usize = 32;
/// Tiles at a time: beside data and shards there is no third copy of either.
const TILES: usize = 16;

/// What a worker holds: `S_i X`, or both factors of it where these are fewer numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum EncodedShard {
    /// `S_i X`.
    Whole(Matrix<f64>),
    /// `S_i` as the worker applies it, and the rows of X that it touches.
    Factors {
        /// Rows of the shard x rows touched.
        mix: Csr<f64>,
        /// Rows touched x d.
        raw: Matrix<f64>,
    },
}

impl EncodedShard {
    /// Numbers stored.
    pub fn stored(&self) -> usize {
        match self {
            EncodedShard::Whole(matrix) => matrix.stored(),
            EncodedShard::Factors { mix, raw } => mix.values().len() + raw.stored(),
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        match self {
            EncodedShard::Whole(matrix) => matrix.rows(),
            EncodedShard::Factors { mix, .. } => mix.rows(),
        }
    }

    /// `out = S_i X v`: one multiply-add a number stored, as in the other direction.
    pub fn multiply(&self, vector: &[f64], out: &mut [f64]) {
        match self {
            EncodedShard::Whole(matrix) => product(matrix, vector, out),
            EncodedShard::Factors { mix, raw } => {
                let mut between = vec![0.0; raw.rows()];
                product(raw, vector, &mut between);
                for (i, to) in out.iter_mut().enumerate() {
                    let (columns, values) = mix.row(i);
                    let mut sums = [0.0; 4];
                    columns
                        .iter()
                        .zip(values)
                        .enumerate()
                        .for_each(|(at, (&j, x))| sums[at & 3] += x * between[j as usize]);
                    *to = (sums[0] + sums[1]) + (sums[2] + sums[3]);
                }
            }
        }
    }

    /// `out = X' S_i' u`.
    pub fn multiply_transposed(&self, vector: &[f64], out: &mut [f64]) {
        match self {
            EncodedShard::Whole(matrix) => product_transposed(matrix, vector, out),
            EncodedShard::Factors { mix, raw } => {
                let mut between = vec![0.0; raw.rows()];
                for (i, u) in vector.iter().enumerate() {
                    let (columns, values) = mix.row(i);
                    columns.iter().zip(values).for_each(|(&j, x)| between[j as usize] += x * u);
                }
                product_transposed(raw, &between, out);
            }
        }
    }
}

/// Rows of a dense product at a time, so that partial sums stay short whatever faer's order.
const ROWS: usize = 256;

fn product(matrix: &Matrix<f64>, vector: &[f64], out: &mut [f64]) {
    let Matrix::Dense(dense) = matrix else { return matrix.multiply(vector, 1, out) };
    let (rows, cols) = (dense.rows(), dense.cols());
    let left = MatRef::from_row_major_slice(dense.values(), rows, cols);
    let vector = MatRef::from_column_major_slice(vector, cols, 1);
    matmul(MatMut::from_column_major_slice_mut(out, rows, 1), Accum::Replace, left, vector, 1.0, Par::Seq);
}

fn product_transposed(matrix: &Matrix<f64>, vector: &[f64], out: &mut [f64]) {
    let Matrix::Dense(dense) = matrix else { return matrix.multiply_transposed(vector, 1, out) };
    let cols = dense.cols();
    out.fill(0.0);
    let mut partial = vec![0.0; cols];
    for (values, u) in dense.values().chunks(ROWS * cols).zip(vector.chunks(ROWS)) {
        let left = MatRef::from_row_major_slice(values, u.len(), cols).transpose();
        let u = MatRef::from_column_major_slice(u, u.len(), 1);
        matmul(MatMut::from_column_major_slice_mut(&mut partial, cols, 1), Accum::Replace, left, u, 1.0, Par::Seq);
        out.iter_mut().zip(&partial).for_each(|(to, x)| *to += x);
    }
}

/// The shards of all workers, rows in the order of [`Encoding::rows_of`]. Sparse data stay sparse where the frame's rows are: each worker
/// then has the encoded rows, or the raw rows that it touches beside its part of S, whichever are fewer numbers.
///
/// # Errors
/// [`Error::Usage`] when the data have another number of rows than the frame has columns, or no columns; those of a sparse matrix that is
/// too large.
pub fn encode_rows(encoding: &Encoding, data: &Matrix<f64>) -> Result<Vec<EncodedShard>> {
    let frame = encoding.frame();
    if data.rows() != frame.columns() {
        let allowed = format!("{}, the columns of the frame", frame.columns());
        return Err(Error::usage("rows of the data to encode", data.rows(), allowed));
    }
    if data.cols() == 0 {
        return Err(Error::usage("columns of the data to encode", 0, "at least 1"));
    }
    if let Matrix::Csr(sparse) = data
        && frame.sparse_row(0).is_some()
    {
        return (0..encoding.workers()).into_par_iter().map(|i| sparse_shard(encoding, i, sparse)).collect();
    }
    // Columns of sparse data are the rows of the transpose.
    let turned = if data.is_sparse() { Some(data.transposed()?) } else { None };
    let (n, d, count) = (data.rows(), data.cols(), frame.rows());
    let mut shards: Vec<Vec<f64>> = (0..encoding.workers()).map(|i| vec![0.0; encoding.rows_of(i).len() * d]).collect();
    let starts: Vec<usize> = (0..d).step_by(TILE).collect();
    for starts in starts.chunks(TILES) {
        let transformed = |&start: &usize| {
            let width = TILE.min(d - start);
            let mut tile = vec![0.0; n * width];
            match (&turned, data) {
                (None, Matrix::Dense(dense)) => tile
                    .chunks_exact_mut(width)
                    .enumerate()
                    .for_each(|(i, to)| to.copy_from_slice(&dense.row(i)[start..start + width])),
                (Some(turned), _) => {
                    (0..width).for_each(|at| turned.for_each_in_row(start + at, |i, x| tile[i * width + at] = x))
                }
                (None, Matrix::Csr(_)) => {}
            }
            let mut out = vec![0.0; count * width];
            frame.apply(width, &tile, &mut out);
            out
        };
        let tiles: Vec<Vec<f64>> = starts.par_iter().map(transformed).collect();
        shards.par_iter_mut().enumerate().for_each(|(i, shard)| {
            for (to, &row) in shard.chunks_exact_mut(d).zip(encoding.rows_of(i)) {
                for (&start, tile) in starts.iter().zip(&tiles) {
                    let width = TILE.min(d - start);
                    to[start..start + width].copy_from_slice(&tile[row * width..(row + 1) * width]);
                }
            }
        });
    }
    let whole = |(i, values)| Ok(EncodedShard::Whole(Matrix::Dense(Dense::new(encoding.rows_of(i).len(), d, values)?)));
    shards.into_iter().enumerate().map(whole).collect()
}

fn sparse_shard(encoding: &Encoding, worker: usize, data: &Csr<f64>) -> Result<EncodedShard> {
    let rows: Vec<Vec<(u32, f64)>> =
        encoding.rows_of(worker).iter().map(|&row| encoding.frame().sparse_row(row).unwrap_or_default()).collect();
    let mut touched: BTreeMap<u32, u32> = rows.iter().flatten().map(|&(at, _)| (at, 0)).collect();
    touched.values_mut().zip(0..).for_each(|(place, at)| *place = at);
    let raw: Vec<usize> = touched.keys().map(|&at| at as usize).collect();
    let apart: usize =
        raw.iter().map(|&at| data.row(at).0.len()).sum::<usize>() + rows.iter().map(Vec::len).sum::<usize>();
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    let mut sums = vec![0.0; data.cols()];
    let mut met = vec![false; data.cols()];
    for row in &rows {
        let mut columns: Vec<u32> = Vec::new();
        for &(at, entry) in row {
            let (places, numbers) = data.row(at as usize);
            for (&j, x) in places.iter().zip(numbers) {
                if !std::mem::replace(&mut met[j as usize], true) {
                    columns.push(j);
                }
                // As many terms as the frame's row has non-zeros, at most.
                sums[j as usize] += entry * x;
            }
        }
        columns.sort_unstable();
        for j in columns {
            met[j as usize] = false;
            values.push(std::mem::take(&mut sums[j as usize]));
            indices.push(j);
        }
        offsets.push(values.len());
        if values.len() > apart {
            let raw = Matrix::Csr(data.clone()).select_rows(&raw);
            return Ok(EncodedShard::Factors { mix: mix(&rows, &touched)?, raw });
        }
    }
    Ok(EncodedShard::Whole(Matrix::Csr(Csr::new(rows.len(), data.cols(), offsets, indices, values)?)))
}

/// The rows of S over the rows touched.
fn mix(rows: &[Vec<(u32, f64)>], touched: &BTreeMap<u32, u32>) -> Result<Csr<f64>> {
    let mut offsets = vec![0];
    for row in rows {
        offsets.push(offsets[offsets.len() - 1] + row.len());
    }
    let entries = || rows.iter().flatten();
    let indices = entries().filter_map(|(at, _)| touched.get(at).copied()).collect();
    Csr::new(rows.len(), touched.len(), offsets, indices, entries().map(|&(_, x)| x).collect())
}
