//! The product code of paper 001: data blocks on a grid with a parity for every row and column, decoded by peeling.

mod decode;
mod grid;

use super::uncoded::UnitRows;
use super::{DataCode, Replies, Report, Tolerance, Workspace};
use crate::error::{Error, Result};
use grid::{Grid, Peeling};
use std::sync::{Mutex, PoisonError};

/// Missing replies that can always be recovered: the smallest set that can't is the four corners of a rectangle.
const GUARANTEED: usize = 3;

/// q = L P data blocks on an L x P grid, a worker each, with a parity worker for every row and every column and one more for
/// the corner: (L + 1)(P + 1) workers (paper 001, Figure 2 and section 4.1; 60 blocks as 10 x 6 take 77, redundancy 1.283). A
/// parity is the plain sum of its row or column, so both encoding and decoding are sums of few blocks, where [`super::Mds`]
/// combines all of them.
///
/// **Stragglers.** A row or column with one missing reply gives it by subtraction, and so on until none is left. Any three
/// missing replies are recovered, which is what [`DataCode::tolerance`] promises, and far more where no four of them are the
/// corners of a rectangle or close a longer cycle. [`DataCode::decodable`] says of a set whether it can be peeled.
///
/// **Liars.** None is tolerated: a wrong reply is seen, not located. A row or column that was not needed must sum up to
/// its parity within round-off; if one does not, or a reply is implausible, the round is refused. Where every one was
/// needed, nothing is left to see a lie.
///
/// **Bound.** An honest reply errs by at most `4 u rho |V| sqrt(p)`; one recovered from a line by the sum of the line's other
/// errors and the rounding of the sum itself, so the bound grows with every step of the peeling.
///
/// ```
/// use steadfast::coding::{DataCode, Product, Tolerance};
/// let code = Product::new(77, Tolerance { liars: 0, stragglers: 3 }, None)?;
/// assert_eq!((code.name().as_str(), code.blocks()), ("product:rows=10,cols=6", 60));
/// // All of the first row of the grid can be missing, and its parity too: each has its column.
/// let mut present = [true; 77];
/// present[..7].fill(false);
/// assert!(code.decodable(&present, &[false; 77]));
/// // The corners of a rectangle can't.
/// let rectangle: Vec<bool> = (0..77).map(|i| ![0, 1, 7, 8].contains(&i)).collect();
/// assert!(!code.decodable(&rectangle, &[false; 77]));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct Product {
    grid: Grid,
    units: UnitRows,
    /// Rows of the generator of the parity workers, ascending.
    parity_rows: Vec<f64>,
    /// Orthonormal check, (L + P + 1) x m.
    check: Vec<f64>,
    /// Of [`DataCode::decodable`], which is asked at every arrival.
    peeling: Mutex<Peeling>,
}

impl Product {
    /// For m `workers`, on the `grid` of L rows and P columns of data blocks; without one, on that with the most data
    /// blocks.
    ///
    /// # Errors
    /// [`Error::Usage`] when m is not (L + 1)(P + 1) (the nearest numbers that are one are named), for an empty grid, for
    /// any liars and for more than 3 stragglers.
    pub fn new(workers: usize, tolerance: Tolerance, grid: Option<(usize, usize)>) -> Result<Self> {
        if tolerance.liars > 0 {
            let allowed = "no liars: it can't locate them (choose real-parity or replication)";
            return Err(Error::usage("product", tolerance, allowed));
        }
        if tolerance.stragglers > GUARANTEED {
            let allowed = format!(
                "at most {GUARANTEED} stragglers: four at the corners of a rectangle are lost (more are recovered wherever \
                 they can be peeled; mds promises any number)"
            );
            return Err(Error::usage("product", tolerance, allowed));
        }
        let grid = match grid {
            None => Grid::for_workers(workers).ok_or_else(|| without_a_grid(workers))?,
            Some((rows, cols)) => {
                let sides = rows.checked_add(1).zip(cols.checked_add(1));
                let needed = sides.and_then(|(a, b)| a.checked_mul(b));
                if rows == 0 || cols == 0 || needed != Some(workers) {
                    let allowed = match needed {
                        Some(needed) if rows > 0 && cols > 0 => {
                            format!("(rows + 1) x (cols + 1) workers, here {needed}")
                        }
                        _ => "rows and cols from 1, with (rows + 1) x (cols + 1) workers".into(),
                    };
                    return Err(Error::usage(
                        format!("product:rows={rows},cols={cols}"),
                        format!("{workers} workers"),
                        allowed,
                    ));
                }
                Grid { rows, cols }
            }
        };
        let parities = (0..grid.workers()).filter(|&cell| grid.block(cell).is_none());
        let parity_rows = parities.flat_map(|cell| parity_row(grid, cell)).collect();
        Ok(Product {
            grid,
            units: UnitRows::new(grid.blocks()),
            parity_rows,
            check: check(grid),
            peeling: Mutex::new(Peeling::default()),
        })
    }

    /// L and P, rows and columns of the grid of data blocks.
    pub fn grid(&self) -> (usize, usize) {
        (self.grid.rows, self.grid.cols)
    }
}

fn without_a_grid(workers: usize) -> Error {
    let fits = |m: &usize| Grid::for_workers(*m).is_some();
    let below = (4..workers).rev().find(fits);
    let above = (workers.max(4)..).find(fits);
    let nearest: Vec<String> = below.into_iter().chain(above).map(|m| m.to_string()).collect();
    let allowed = format!("a product of two numbers from 2, the nearest {}", nearest.join(" and "));
    Error::usage("product: workers", workers, allowed)
}

/// Row of the generator of a parity cell: ones for the blocks of its row, its column, or all.
fn parity_row(grid: Grid, cell: usize) -> impl Iterator<Item = f64> {
    let [row, col] = grid.place(cell);
    (0..grid.blocks()).map(move |block| {
        let (a, c) = (block / grid.cols, block % grid.cols);
        let summed = (row == grid.rows || row == a) && (col == grid.cols || col == c);
        f64::from(u8::from(summed))
    })
}

/// Orthonormal checks. With h the check of one line, ones and a minus one scaled to length 1: h of a column times each unit
/// vector of a row, and each vector orthogonal to h of a column times h of a row.
fn check(grid: Grid) -> Vec<f64> {
    let (across, down) = (reflection(grid.cols + 1), reflection(grid.rows + 1));
    let mut check = Vec::with_capacity((grid.rows + grid.cols + 1) * grid.workers());
    for at in 0..=grid.cols {
        let unit = |c: usize| f64::from(u8::from(c == at));
        check.extend(down[grid.rows].iter().flat_map(|h| (0..=grid.cols).map(move |c| h * unit(c))));
    }
    for beside in &down[..grid.rows] {
        check.extend(beside.iter().flat_map(|g| across[grid.cols].iter().map(move |h| g * h)));
    }
    check
}

/// Orthonormal rows, the last of which is the check of a line of n cells: a Householder reflection of the unit matrix.
fn reflection(n: usize) -> Vec<Vec<f64>> {
    let scale = 1.0 / (n as f64).sqrt();
    let line = |k: usize| if k + 1 == n { -scale } else { scale };
    // Turned by the vector line - e_n, of square length 2 - 2 line(n - 1) > 2: nothing cancels.
    let turned = |k: usize| line(k) - f64::from(u8::from(k + 1 == n));
    let square = 2.0 + 2.0 * scale;
    let entry = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * turned(i) * turned(j) / square;
    (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect()
}

impl DataCode for Product {
    fn name(&self) -> String {
        format!("product:rows={},cols={}", self.grid.rows, self.grid.cols)
    }

    fn workers(&self) -> usize {
        self.grid.workers()
    }

    fn blocks(&self) -> usize {
        self.grid.blocks()
    }

    /// What is recovered whatever the pattern: three missing replies.
    fn tolerance(&self) -> Tolerance {
        Tolerance { liars: 0, stragglers: GUARANTEED }
    }

    fn combination(&self, worker: usize) -> &[f64] {
        if let Some(block) = self.grid.block(worker) {
            return self.units.row(block);
        }
        let [row, col] = self.grid.place(worker);
        // One parity ends each row before this one; the last row is all parities.
        let at = if row < self.grid.rows { row } else { row + col };
        let q = self.grid.blocks();
        &self.parity_rows[at * q..(at + 1) * q]
    }

    fn parity_check(&self) -> &[f64] {
        &self.check
    }

    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        let here = present.iter().filter(|here| **here).count();
        let lies = present.iter().zip(implausible).any(|(here, bad)| *here && *bad);
        // Fewer than q replies have a cycle among the missing; to count them is cheaper than to peel.
        if lies || here < self.grid.blocks() {
            return false;
        }
        let mut peeling = self.peeling.lock().unwrap_or_else(PoisonError::into_inner);
        peeling.run(self.grid, |cell| present[cell])
    }

    fn decode(&self, replies: &Replies<'_>, workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        decode::decode(self.grid, replies, workspace, out)
    }
}
