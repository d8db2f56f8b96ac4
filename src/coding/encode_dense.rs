//! Dense encoding. Both directions walk the data in tiles that stay in the cache while every wanted combination is taken
//! of them: reads and writes of memory are long runs, and each number is read once for all shards of a call.

use super::Layout;
use super::encode::{Sums, Term, present};
use crate::data::Dense;
use crate::scalar::{Element, Precision};
use rayon::prelude::*;

/// Numbers a combination is carried for at a time: sums and compensations fill 8 KiB of the first-level cache.
const RUN: usize = 512;

/// Bytes of data that should stay cached while all combinations are taken of them.
const CACHED: usize = 192 << 10;

/// Data rows in one transposing tile: a written run is so many numbers long.
const TILE_ROWS: usize = 64;

/// Data columns (about) in one transposing tile: a read run is so many numbers long.
const TILE_COLS: usize = 512;

/// Fewest tasks that the work is cut into when the matrix allows; fixed, so that sums do not depend on the threads.
const TASKS: usize = 64;

/// `S X` for each combination in `terms`, into `shards`.
pub(super) fn rows<T: Element>(
    x: &Dense<T>,
    layout: Layout,
    terms: &[Vec<Term>],
    shards: &mut [Dense<T>],
) -> Vec<Sums> {
    let Layout { rows, cols, blocks, shard_rows } = layout;
    if shard_rows == 0 || cols == 0 {
        return vec![Sums::default(); shards.len()];
    }
    // Whole shard rows in a task; single rows are cut along the columns when there are few of them.
    let (task_rows, task_cols) = if shard_rows >= TASKS {
        (shard_rows.div_ceil(4 * TASKS), cols)
    } else {
        (1, cols.div_ceil(TASKS.div_ceil(shard_rows)).next_multiple_of(RUN))
    };
    let per_row = cols.div_ceil(task_cols);
    let mut tasks: Vec<Vec<&mut [T]>> = (0..shard_rows.div_ceil(task_rows) * per_row).map(|_| Vec::new()).collect();
    for shard in shards.iter_mut() {
        let rows = shard.values_mut().chunks_mut(task_rows * cols);
        let pieces = rows.flat_map(|rows| rows.chunks_mut(task_rows * task_cols));
        tasks.iter_mut().zip(pieces).for_each(|(task, piece)| task.push(piece));
    }
    let width = (CACHED / (blocks * size_of::<T>())).clamp(128, 4096);
    let sums = tasks.into_par_iter().enumerate().map(|(number, mut pieces)| {
        let (first, left) = (number / per_row * task_rows, number % per_row * task_cols);
        pulp::Arch::new().dispatch(|| {
            let mut sums = vec![Sums::default(); pieces.len()];
            let mut carry = Carry::new();
            let piece_cols = cols.min(task_cols);
            let piece_rows = pieces.first().map_or(0, |p| p.len().div_ceil(piece_cols));
            for b in 0..piece_rows {
                let base = (first + b) * blocks;
                let len = blocks.min(rows - base);
                let end = pieces[0].len().min((b + 1) * piece_cols) - b * piece_cols;
                for start in (0..end).step_by(width) {
                    let stop = end.min(start + width);
                    for ((piece, terms), sums) in pieces.iter_mut().zip(terms).zip(&mut sums) {
                        let out = &mut piece[b * piece_cols + start..b * piece_cols + stop];
                        let source = |j: usize| &x.row(base + j)[left + start..left + stop];
                        combine(present(terms, len), source, &mut carry, out);
                        *sums = sums.and(Sums::of(out));
                    }
                }
            }
            sums
        })
    });
    add_up(sums.collect(), shards.len())
}

/// `S X'` for each combination in `terms`, into `shards`.
pub(super) fn columns<T: Element>(
    x: &Dense<T>,
    layout: Layout,
    terms: &[Vec<Term>],
    shards: &mut [Dense<T>],
) -> Vec<Sums> {
    let Layout { rows: d, cols: n, blocks, shard_rows } = layout;
    if shard_rows == 0 || n == 0 {
        return vec![Sums::default(); shards.len()];
    }
    let task_blocks = (TILE_COLS / blocks).max(1);
    let bands = shard_rows.div_ceil(task_blocks);
    let task_rows = n.div_ceil(TASKS.div_ceil(bands)).next_multiple_of(4 * TILE_ROWS);
    let per_band = n.div_ceil(task_rows);
    // tasks[k][w][b]: the piece of row b of the k-th task's band of shard w.
    let mut tasks: Vec<Vec<Vec<&mut [T]>>> =
        (0..bands * per_band).map(|_| terms.iter().map(|_| Vec::with_capacity(task_blocks)).collect()).collect();
    for (w, shard) in shards.iter_mut().enumerate() {
        for (b, row) in shard.values_mut().chunks_mut(n).enumerate() {
            for (k, piece) in row.chunks_mut(task_rows).enumerate() {
                tasks[b / task_blocks * per_band + k][w].push(piece);
            }
        }
    }
    // Only data columns that some combination takes are transposed: slot[j] is the place of block column j in the tile.
    let mut wanted: Vec<usize> = terms.iter().flatten().map(|t| t.block).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut slot = vec![0; blocks];
    wanted.iter().enumerate().for_each(|(s, &j)| slot[j] = s);

    let sums = tasks.into_par_iter().enumerate().map(|(number, mut pieces)| {
        let (band, top) = (number / per_band * task_blocks, number % per_band * task_rows);
        pulp::Arch::new().dispatch(|| {
            let mut sums = vec![Sums::default(); pieces.len()];
            let mut carry = Carry::new();
            let mut tile = vec![T::from_f64(0.0); task_blocks * wanted.len() * TILE_ROWS];
            let stop = n.min(top + task_rows);
            for r in (top..stop).step_by(TILE_ROWS) {
                let height = TILE_ROWS.min(stop - r);
                let count = task_blocks.min(shard_rows - band);
                transpose(x, r, height, band * blocks, count, blocks, &wanted, &mut tile);
                for ((pieces, terms), sums) in pieces.iter_mut().zip(terms).zip(&mut sums) {
                    for (b, piece) in pieces.iter_mut().enumerate() {
                        let out = &mut piece[r - top..r - top + height];
                        let source = |j: usize| &tile[(b * wanted.len() + slot[j]) * TILE_ROWS..][..height];
                        combine(present(terms, blocks.min(d - (band + b) * blocks)), source, &mut carry, out);
                        *sums = sums.and(Sums::of(out));
                    }
                }
            }
            sums
        })
    });
    add_up(sums.collect(), shards.len())
}

/// Writes the wanted columns of `count` blocks from column `left`, rows `top..top + height`, as rows of the tile.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a private inner loop; a struct would only rename the arguments")]
fn transpose<T: Element>(
    x: &Dense<T>,
    top: usize,
    height: usize,
    left: usize,
    count: usize,
    blocks: usize,
    wanted: &[usize],
    tile: &mut [T],
) {
    // Eight data rows at a time: their eight numbers of a column are one run of the tile.
    for r in (0..height).step_by(8) {
        let lines = 8.min(height - r);
        if wanted.len() == blocks {
            // The last block may be short; its missing columns are never asked for.
            let width = (count * blocks).min(x.cols() - left);
            if lines == 8 {
                let line: [&[T]; 8] = std::array::from_fn(|i| &x.row(top + r + i)[left..left + width]);
                for c in 0..width {
                    let run = &mut tile[c * TILE_ROWS + r..c * TILE_ROWS + r + 8];
                    for (i, t) in run.iter_mut().enumerate() {
                        *t = line[i][c];
                    }
                }
                continue;
            }
            for i in 0..lines {
                let line = &x.row(top + r + i)[left..left + width];
                for (c, &value) in line.iter().enumerate() {
                    tile[c * TILE_ROWS + r + i] = value;
                }
            }
            continue;
        }
        for i in 0..lines {
            let line = &x.row(top + r + i)[left..];
            for b in 0..count {
                for (s, &j) in wanted.iter().enumerate() {
                    if let Some(&value) = line.get(b * blocks + j) {
                        tile[(b * wanted.len() + s) * TILE_ROWS + r + i] = value;
                    }
                }
            }
        }
    }
}

/// Sums and compensations of one run.
struct Carry {
    sum: [f64; RUN],
    low: [f64; RUN],
}

impl Carry {
    fn new() -> Self {
        Carry { sum: [0.0; RUN], low: [0.0; RUN] }
    }
}

/// `out = sum of factor * source(block)`, carried in f64 and rounded once.
#[inline(always)]
fn combine<'a, T: Element>(terms: &[Term], source: impl Fn(usize) -> &'a [T], carry: &mut Carry, out: &mut [T]) {
    match terms {
        [] => return out.fill(T::from_f64(0.0)),
        [only] if only.factor == 1.0 => return out.copy_from_slice(source(only.block)),
        _ => {}
    }
    for start in (0..out.len()).step_by(RUN) {
        let out_run = &mut out[start..];
        let len = out_run.len().min(RUN);
        let out_run = &mut out_run[..len];
        let (sum, low) = (&mut carry.sum[..len], &mut carry.low[..len]);
        sum.fill(0.0);
        low.fill(0.0);
        let run = |t: &Term| &source(t.block)[start..start + len];
        let mut fours = terms.chunks_exact(4);
        for four in fours.by_ref() {
            let g: [f64; 4] = std::array::from_fn(|k| four[k].factor);
            let [a, b, c, d] = [run(&four[0]), run(&four[1]), run(&four[2]), run(&four[3])];
            for i in 0..len {
                let pair = g[0] * a[i].to_f64() + g[1] * b[i].to_f64();
                let other = g[2] * c[i].to_f64() + g[3] * d[i].to_f64();
                add::<T>(&mut sum[i], &mut low[i], pair + other);
            }
        }
        for term in fours.remainder() {
            let a = run(term);
            for i in 0..len {
                add::<T>(&mut sum[i], &mut low[i], term.factor * a[i].to_f64());
            }
        }
        for i in 0..len {
            out_run[i] = T::from_f64(sum[i] + low[i]);
        }
    }
}

/// Adds `term`. For f64 data the error of the addition is kept in `low` (Knuth's two-sum): over hundreds of blocks a plain
/// sum would gather several units of round-off. For narrower data f64 is already far finer than the result.
#[inline(always)]
pub(super) fn add<T: Element>(sum: &mut f64, low: &mut f64, term: f64) {
    let next = *sum + term;
    if T::PRECISION == Precision::F64 {
        let back = next - *sum;
        *low += (*sum - (next - back)) + (term - back);
    }
    *sum = next;
}

/// The tasks' sums, added in the order of the tasks.
fn add_up(tasks: Vec<Vec<Sums>>, shards: usize) -> Vec<Sums> {
    let mut total = vec![Sums::default(); shards];
    for task in tasks {
        total.iter_mut().zip(task).for_each(|(t, s)| *t = t.and(s));
    }
    total
}
