//! From the kept replies to the value: plain rows are copied, lost ones repaired, and the parity check taken in full.

use super::dense::{LARGE, axpy, energy, product, transposed};
use super::svd::LeftSvd;
use faer::MatRef;

/// What one set of faulty workers needs: which replies are kept, and the rows that act on them.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The workers left out, ascending; the key.
    pub faulty: Vec<usize>,
    /// The workers whose replies are used, ascending.
    pub kept: Vec<usize>,
    /// Blocks whose plain worker is left out, ascending.
    pub repaired: Vec<usize>,
    /// Rows over the kept workers: one for each repaired block, then the checks that the faulty workers leave.
    rows: Vec<f64>,
    /// What the kept replies say the faulty workers should have sent: one row for each faulty worker over the kept.
    estimates: Vec<f64>,
    /// Number of those checks.
    pub checks: usize,
    /// Smallest singular value of the faulty workers' columns of the check (1 without any).
    pub smallest: f64,
}

impl Plan {
    /// For the orthonormal `check` (k x m, row-major) and the plain workers, ascending. At most k workers may be faulty.
    pub(super) fn new(check: &[f64], k: usize, m: usize, plain: &[usize], faulty: Vec<usize>) -> Self {
        let kept: Vec<usize> = (0..m).filter(|i| !faulty.contains(i)).collect();
        let (e, n) = (faulty.len(), kept.len());
        if e == 0 {
            let rows = check.to_vec();
            return Plan { faulty, kept, repaired: Vec::new(), rows, estimates: Vec::new(), checks: k, smallest: 1.0 };
        }
        let columns = |set: &[usize]| transposed_columns(check, k, m, set);
        let lost = columns(&faulty);
        let qr = MatRef::from_column_major_slice(&lost, k, e).qr();
        let held = columns(&kept);
        let q = qr.compute_Q();
        let turned = q.transpose() * MatRef::from_column_major_slice(&held, k, n);
        let r = qr.thin_R();
        // inv(R) Q1' H_T from the bottom row up.
        let mut solution = vec![0.0; e * n];
        for a in (0..e).rev() {
            for t in 0..n {
                let sum: f64 = (a + 1..e).map(|b| r[(a, b)] * solution[b * n + t]).sum();
                solution[a * n + t] = (turned[(a, t)] - sum) / r[(a, a)];
            }
        }
        solution.iter_mut().for_each(|x| *x = -*x);
        let mut rows = Vec::new();
        let mut repaired = Vec::new();
        for (block, worker) in plain.iter().enumerate() {
            if let Ok(at) = faulty.binary_search(worker) {
                repaired.push(block);
                rows.extend_from_slice(&solution[at * n..(at + 1) * n]);
            }
        }
        rows.extend((e..k).flat_map(|a| (0..n).map(|t| turned[(a, t)]).collect::<Vec<_>>()));
        let smallest = super::bound::smallest_singular(&lost, e, k, &mut LeftSvd::default());
        Plan { faulty, kept, repaired, rows, estimates: solution, checks: k - e, smallest }
    }

    /// The lies of `liars` (ascending, some of the faulty), in combined columns: what they sent, `sent` (one row of `width`
    /// each), less what the kept replies, in `words` (m rows), say.
    pub(super) fn lies(&self, liars: &[usize], sent: &[f64], words: &[f64], width: usize) -> Vec<f64> {
        let mut lies = sent.to_vec();
        for (lie, liar) in lies.chunks_exact_mut(width).zip(liars) {
            let Ok(at) = self.faulty.binary_search(liar) else { continue };
            let estimate = &self.estimates[at * self.kept.len()..(at + 1) * self.kept.len()];
            for (c, &worker) in estimate.iter().zip(&self.kept) {
                axpy(lie, -c, &words[worker * width..(worker + 1) * width]);
            }
        }
        lies
    }

    /// Applies the rows to the replies (m rows of `columns`): the repaired blocks go to `buffers.lost` (one after another), the
    /// energy of the checks is returned.
    pub(super) fn apply(&self, replies: &[f64], columns: usize, buffers: &mut Buffers) -> f64 {
        buffers.lost.clear();
        buffers.lost.resize(self.repaired.len() * columns, 0.0);
        if self.kept.len() >= LARGE {
            return self.wide_tiles(replies, columns, buffers);
        }
        buffers.tile.resize(self.kept.len() * LANES, 0.0);
        pulp::Arch::new().dispatch(NarrowTiles { plan: self, replies, columns, buffers })
    }

    /// Few workers: tiles of [`LANES`] columns, four rows at a time in registers.
    #[inline(always)]
    fn narrow_tiles(&self, replies: &[f64], columns: usize, tile: &mut [f64], lost: &mut [f64]) -> f64 {
        let n = self.kept.len();
        let (repaired, rows) = (self.repaired.len(), self.repaired.len() + self.checks);
        let mut energies = [0.0; LANES];
        let mut at = 0;
        while at < columns {
            let width = (columns - at).min(LANES);
            for t in 0..n {
                let from = self.kept[t] * columns + at;
                let packed = &mut tile[t * LANES..(t + 1) * LANES];
                // The common case has its length in the code, for a copy in registers.
                if width == LANES {
                    packed[..LANES].copy_from_slice(&replies[from..from + LANES]);
                } else {
                    for l in 0..LANES {
                        packed[l] = if l < width { replies[from + l] } else { 0.0 };
                    }
                }
            }
            let mut row = 0;
            while row < rows {
                // Past the last row the rows before it are taken again, and not used.
                let first = row.min(rows.saturating_sub(4));
                let sums =
                    if rows >= 4 { four_rows(&self.rows, first, tile, n) } else { few_rows(&self.rows, rows, tile, n) };
                for (offset, sums) in sums.iter().enumerate() {
                    let target = first + offset;
                    if target < row || target >= rows {
                        continue;
                    }
                    if target >= repaired {
                        for l in 0..LANES {
                            energies[l] += sums[l] * sums[l];
                        }
                    } else {
                        lost[target * columns + at..][..width].copy_from_slice(&sums[..width]);
                    }
                }
                row = first + 4;
            }
            at += LANES;
        }
        energies.iter().sum()
    }

    /// Many workers: tiles wide enough for a blocked product.
    fn wide_tiles(&self, replies: &[f64], columns: usize, buffers: &mut Buffers) -> f64 {
        const TILE: usize = 256;
        let n = self.kept.len();
        let rows = self.repaired.len() + self.checks;
        let mut checked = 0.0;
        for at in (0..columns).step_by(TILE) {
            let width = (columns - at).min(TILE);
            buffers.tile.clear();
            for &worker in &self.kept {
                buffers.tile.extend_from_slice(&replies[worker * columns + at..][..width]);
            }
            buffers.wide.resize(rows * width, 0.0);
            product(&self.rows, &buffers.tile, &mut buffers.wide, rows, n, width);
            let (repaired, checks) = buffers.wide.split_at(self.repaired.len() * width);
            for (lost, found) in buffers.lost.chunks_exact_mut(columns).zip(repaired.chunks_exact(width)) {
                lost[at..at + width].copy_from_slice(found);
            }
            checked += energy(checks);
        }
        checked
    }
}

/// Columns of a narrow tile.
const LANES: usize = 8;

/// Scratch memory of [`Plan::apply`].
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The repaired blocks, one row each.
    pub lost: Vec<f64>,
    tile: Vec<f64>,
    wide: Vec<f64>,
}

/// [`Plan::narrow_tiles`] compiled for the vector unit at hand.
struct NarrowTiles<'a> {
    plan: &'a Plan,
    replies: &'a [f64],
    columns: usize,
    buffers: &'a mut Buffers,
}

impl pulp::WithSimd for NarrowTiles<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        self.plan.narrow_tiles(self.replies, self.columns, &mut self.buffers.tile, &mut self.buffers.lost)
    }
}

/// Products of the rows `first..first + 4` of n coefficients with a packed tile (n x LANES).
#[inline(always)]
fn four_rows(rows: &[f64], first: usize, tile: &[f64], n: usize) -> [[f64; LANES]; 4] {
    let rows = &rows[first * n..(first + 4) * n];
    let tile = &tile[..n * LANES];
    let mut sums = [[0.0; LANES]; 4];
    for t in 0..n {
        let x = &tile[t * LANES..(t + 1) * LANES];
        let (a, b, c, d) = (rows[t], rows[n + t], rows[2 * n + t], rows[3 * n + t]);
        for l in 0..LANES {
            sums[0][l] += a * x[l];
            sums[1][l] += b * x[l];
            sums[2][l] += c * x[l];
            sums[3][l] += d * x[l];
        }
    }
    sums
}

/// The same for all of one to three rows.
#[inline(always)]
fn few_rows(rows: &[f64], count: usize, tile: &[f64], n: usize) -> [[f64; LANES]; 4] {
    let mut sums = [[0.0; LANES]; 4];
    for t in 0..n {
        let x = &tile[t * LANES..(t + 1) * LANES];
        for (row, sums) in sums.iter_mut().enumerate().take(count) {
            let c = rows[row * n + t];
            for l in 0..LANES {
                sums[l] += c * x[l];
            }
        }
    }
    sums
}

/// The columns `set` of a row-major `k x m` matrix, contiguous one after another.
fn transposed_columns(matrix: &[f64], k: usize, m: usize, set: &[usize]) -> Vec<f64> {
    let picked: Vec<f64> = matrix.chunks_exact(m).flat_map(|row| set.iter().map(|&i| row[i])).collect();
    transposed(&picked, k, set.len())
}

/// Writes the value: row `b q + j` of the n x r output is row b of block j, read from its plain worker or from `lost`.
pub(super) fn interleave(
    replies: &[f64],
    lost: &[f64],
    plain: &[usize],
    plan: &Plan,
    columns: usize,
    vectors: usize,
    out: &mut [f64],
) {
    /// Rows of the blocks written at a time: their part of the output stays in the first-level cache.
    const TILE: usize = 64;
    let q = plain.len();
    for (tile, out) in out.chunks_mut(TILE * q * vectors).enumerate() {
        let mut next_lost = 0;
        for (block, &worker) in plain.iter().enumerate() {
            let source = if plan.repaired.get(next_lost) == Some(&block) {
                next_lost += 1;
                &lost[(next_lost - 1) * columns..next_lost * columns]
            } else {
                &replies[worker * columns..(worker + 1) * columns]
            };
            let source = &source[tile * TILE * vectors..];
            if q == 1 {
                out.copy_from_slice(&source[..out.len()]);
            } else if vectors == 1 {
                for (to, from) in out.iter_mut().skip(block).step_by(q).zip(source) {
                    *to = *from;
                }
            } else {
                let rows = out.chunks_exact_mut(vectors).skip(block).step_by(q);
                rows.zip(source.chunks_exact(vectors)).for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
    }
}
