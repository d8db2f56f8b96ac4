//! From data to the shards of the workers.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::Encoding;
use super::transformer::Transformer;
use crate::data::{Csr, Dense, Matrix};
use crate::error::{Error, Result};
use crate::kernel::HadamardDevice;

/// Columns that are transformed together: a row of a tile fills four cache lines.
pub(super) const TILE: usize = 32;
/// Tiles at a time: beside data and shards there is no third copy of either.
pub(super) const TILES: usize = 16;

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
    encode_rows_on(None, encoding, data)
}

/// [`encode_rows`], with the columns transformed on a device where one is given: in f32, which rounds the data once and each of the
/// `log2(N)` additions that an encoded number takes. With `u = 2^-24` a column's encoded numbers then err by at most
/// `(1 + log2(N)) u` (to first order) times the sum of its magnitudes over `sqrt(n)`.
///
/// # Errors
/// As [`encode_rows`]; [`Error::Usage`] for a device with a frame other than the subsampled Hadamard one; the device's own;
/// [`Error::Numerical`] where numbers leave the range of f32.
pub fn encode_rows_on(
    device: Option<&mut dyn HadamardDevice>,
    encoding: &Encoding,
    data: &Matrix<f64>,
) -> Result<Vec<EncodedShard>> {
    let frame = encoding.frame();
    if data.rows() != frame.columns() {
        let allowed = format!("{}, the columns of the frame", frame.columns());
        return Err(Error::usage("rows of the data to encode", data.rows(), allowed));
    }
    if data.cols() == 0 {
        return Err(Error::usage("columns of the data to encode", 0, "at least 1"));
    }
    let mut device = match device {
        None => None,
        Some(device) => Some(Transformer::new(device, encoding)?),
    };
    if let Matrix::Csr(sparse) = data
        && frame.sparse_row(0).is_some()
    {
        return (0..encoding.workers()).into_par_iter().map(|i| sparse_shard(encoding, i, sparse)).collect();
    }
    // Columns of sparse data are the rows of the transpose.
    let turned = if data.is_sparse() { Some(data.transposed()?) } else { None };
    let (d, count) = (data.cols(), frame.rows());
    let mut shards: Vec<Vec<f64>> = (0..encoding.workers()).map(|i| vec![0.0; encoding.rows_of(i).len() * d]).collect();
    let widest = device.as_ref().map_or(TILE, |device| device.widest);
    // A device takes the columns of one call together.
    let at_a_time = if device.is_some() { 1 } else { TILES };
    let tiles: Vec<Range<usize>> = (0..d).step_by(widest).map(|start| start..(start + widest).min(d)).collect();
    for tiles in tiles.chunks(at_a_time) {
        let transformed: Vec<Vec<f64>> = match &mut device {
            Some(device) => {
                let each = |tile: &Range<usize>| device.transform(tile.len(), &columns(data, turned.as_ref(), tile));
                tiles.iter().map(each).collect::<Result<_>>()?
            }
            None => {
                let each = |tile: &Range<usize>| {
                    let mut out = vec![0.0; count * tile.len()];
                    frame.apply(tile.len(), &columns(data, turned.as_ref(), tile), &mut out);
                    out
                };
                tiles.par_iter().map(each).collect()
            }
        };
        shards.par_iter_mut().enumerate().for_each(|(i, shard)| {
            for (to, &row) in shard.chunks_exact_mut(d).zip(encoding.rows_of(i)) {
                for (tile, values) in tiles.iter().zip(&transformed) {
                    to[tile.clone()].copy_from_slice(&values[row * tile.len()..(row + 1) * tile.len()]);
                }
            }
        });
    }
    let whole = |(i, values)| Ok(EncodedShard::Whole(Matrix::Dense(Dense::new(encoding.rows_of(i).len(), d, values)?)));
    shards.into_iter().enumerate().map(whole).collect()
}

/// Some columns of the data, row-major; `turned` is the transpose of sparse ones.
fn columns(data: &Matrix<f64>, turned: Option<&Matrix<f64>>, tile: &Range<usize>) -> Vec<f64> {
    let width = tile.len();
    let mut out = vec![0.0; data.rows() * width];
    match (turned, data) {
        (None, Matrix::Dense(dense)) => {
            out.chunks_exact_mut(width).enumerate().for_each(|(i, to)| to.copy_from_slice(&dense.row(i)[tile.clone()]))
        }
        (Some(turned), _) => {
            (0..width).for_each(|at| turned.for_each_in_row(tile.start + at, |i, x| out[i * width + at] = x))
        }
        (None, Matrix::Csr(_)) => {}
    }
    out
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
