//! From the kept replies to the value: plain rows are copied, lost ones repaired, and the parity check taken in full.

use super::dense::{LeftSvd, axpy, transposed};
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

    /// Applies the rows to the replies (m rows of `columns`): the repaired blocks go to `lost` (one after another), the
    /// energy of the checks is returned.
    pub(super) fn apply(&self, replies: &[f64], columns: usize, lost: &mut Vec<f64>) -> f64 {
        lost.clear();
        lost.resize(self.repaired.len() * columns, 0.0);
        let tiles = pulp::Arch::new();
        tiles.dispatch(|| self.tiles(replies, columns, lost))
    }

    #[inline(always)]
    fn tiles(&self, replies: &[f64], columns: usize, lost: &mut [f64]) -> f64 {
        /// Columns of a tile: the kept replies of up to 30 workers then stay in the first-level cache.
        const TILE: usize = 128;
        let n = self.kept.len();
        let rows = self.repaired.len() + self.checks;
        let mut energy = 0.0;
        for start in (0..columns).step_by(TILE) {
            let end = columns.min(start + TILE);
            let mut row = 0;
            while row < rows {
                let step = if row + 4 <= rows { 4 } else { 1 };
                let coefficients = &self.rows[row * n..(row + step) * n];
                let mut at = start;
                while at < end {
                    let width = (end - at).min(LANES);
                    let mut sums = [[0.0; LANES]; 4];
                    if step == 4 && width == LANES {
                        self.block::<4>(replies, columns, at, coefficients, &mut sums);
                    } else {
                        self.edge(replies, columns, at, width, coefficients, &mut sums);
                    }
                    for (offset, sums) in sums.iter().enumerate().take(step) {
                        let target = row + offset;
                        if target < self.repaired.len() {
                            lost[target * columns + at..][..width].copy_from_slice(&sums[..width]);
                        } else {
                            let mut squares = 0.0;
                            sums.iter().for_each(|x| squares += x * x);
                            energy += squares;
                        }
                    }
                    at += width;
                }
                row += step;
            }
        }
        energy
    }

    #[inline(always)]
    fn block<const R: usize>(
        &self,
        replies: &[f64],
        columns: usize,
        at: usize,
        coefficients: &[f64],
        sums: &mut [[f64; LANES]; 4],
    ) {
        let n = self.kept.len();
        let mut local = [[0.0; LANES]; R];
        for (t, &worker) in self.kept.iter().enumerate() {
            let from = worker * columns + at;
            let x = &replies[from..from + LANES];
            for (row, sums) in local.iter_mut().enumerate() {
                let c = coefficients[row * n + t];
                for l in 0..LANES {
                    sums[l] += c * x[l];
                }
            }
        }
        sums[..R].copy_from_slice(&local);
    }

    #[inline(always)]
    fn edge(
        &self,
        replies: &[f64],
        columns: usize,
        at: usize,
        width: usize,
        coefficients: &[f64],
        sums: &mut [[f64; LANES]; 4],
    ) {
        let n = self.kept.len();
        for (t, &worker) in self.kept.iter().enumerate() {
            let x = &replies[worker * columns + at..][..width];
            for (row, sums) in coefficients.chunks_exact(n).zip(sums.iter_mut()) {
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum += row[t] * x;
                }
            }
        }
    }
}

/// Columns of a register block.
const LANES: usize = 16;

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
    let q = plain.len();
    let mut next_lost = 0;
    for (block, &worker) in plain.iter().enumerate() {
        let source = if plan.repaired.get(next_lost) == Some(&block) {
            next_lost += 1;
            &lost[(next_lost - 1) * columns..next_lost * columns]
        } else {
            &replies[worker * columns..(worker + 1) * columns]
        };
        if vectors == 1 {
            for (to, from) in out.iter_mut().skip(block).step_by(q).zip(source) {
                *to = *from;
            }
        } else {
            let rows = out.chunks_exact_mut(vectors).skip(block).step_by(q);
            rows.zip(source.chunks_exact(vectors)).for_each(|(to, from)| to.copy_from_slice(from));
        }
    }
}
