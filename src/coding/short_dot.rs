//! Short-Dot (Dutta, Cadambe and Grover, "Short-Dot: computing large linear transforms distributedly using coded short dot products",
//! NIPS 2016): a code whose workers need only a part of every broadcast vector.

use super::real_parity::{energy, product};
use super::{Basis, DataCode, Layout, ParityOptions, RealParity, Replies, Report, Tolerance, Workspace};
use crate::error::{Error, Result};
use crate::seed::{Purpose, Seed};
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef};
use rand_distr::{Distribution, StandardNormal};

/// Most coefficients, m for each worker's each group of columns: 512 MiB.
const MOST: usize = 1 << 26;

/// Random bases that are tried; the one with the smallest coefficients is taken.
const DRAWS: u64 = 8;

/// M data blocks on m workers, of which any K = m - k decode (k checks: 2t + s). The words of a code for K blocks have room for K - M
/// rows beside the data, and these are chosen, for every column of the data, such that K - M workers have a zero there (Algorithm 1
/// of its authors): worker i stores nothing of column c when `(i - c) mod m < K - M`, so its dot products are `(K - M)/m` shorter,
/// and so is the part of the vector that it needs. What it costs is storage: the redundancy of one product is `(m - K + M)/M =
/// 1 + k/M`, where [`super::RealParity`] has `1 + k/K`; at M = K they are the same code.
///
/// Its authors give a code for stragglers. Its words are words of the code of [`RealParity`] for K blocks, which decodes them, so
/// that liars are located, too; the value is `T` times the plain blocks of that word, and errs by `|T|` times its bound at most.
///
/// Coefficients differ from column to column ([`DataCode::column_groups`] is m): data can't be appended, and shards are sparse.
/// A broadcast is counted once, as for all codes: what a worker does not need of it is saved where vectors are sent to each alone.
///
/// ```
/// use steadfast::coding::{DataCode, ShortDot, Tolerance};
/// use steadfast::seed::Seed;
/// let code = ShortDot::new(15, Tolerance { liars: 0, stragglers: 3 }, Some(6), Seed(0))?;
/// assert_eq!((code.name().as_str(), code.blocks(), code.zeros()), ("short-dot:blocks=6", 6, 6));
/// // Column 20 is not at workers 5 to 10.
/// assert!((5..11).all(|worker| code.combination_in(worker, 20 % 15).iter().all(|x| *x == 0.0)));
/// # Ok::<(), steadfast::Error>(())
/// ```
#[derive(Debug)]
pub struct ShortDot {
    /// Of K blocks.
    code: RealParity,
    blocks: usize,
    /// By group of columns and worker, M each.
    coefficients: Vec<f64>,
    /// T, M x K: from the plain blocks of a word to the data.
    decode: Vec<f64>,
    /// |T|, its largest singular value.
    norm: f64,
}

/// What the counts of a code are, before anything is built.
pub(super) struct Shape {
    basis: Basis,
    /// K.
    most: usize,
    /// M.
    pub blocks: usize,
}

impl Shape {
    /// Errors as of [`ShortDot::new`].
    pub fn new(workers: usize, tolerance: Tolerance, blocks: Option<usize>) -> Result<Self> {
        let wanted = tolerance.liars.saturating_mul(2).saturating_add(tolerance.stragglers);
        let basis = Basis::with_rows(workers, wanted);
        let most = workers - RealParity::checks_for(workers, tolerance, basis, false)?;
        let blocks = blocks.unwrap_or(most.div_ceil(2));
        if blocks == 0 || blocks > most {
            let allowed = format!("1 to {most}: {workers} workers less {} checks", workers - most);
            return Err(Error::usage("short-dot: blocks", blocks, allowed));
        }
        if workers.saturating_mul(workers).saturating_mul(blocks) > MOST {
            let allowed = format!("blocks times the square of the workers at most {MOST}");
            return Err(Error::usage("short-dot", format!("{workers} workers, {blocks} blocks"), allowed));
        }
        Ok(Shape { basis, most, blocks })
    }

    /// K - M, the workers that do without a column.
    pub fn zeros(&self) -> usize {
        self.most - self.blocks
    }
}

impl ShortDot {
    /// For m `workers` with M `blocks` (half of K unless given); `seed` is that of the random bases.
    ///
    /// # Errors
    /// [`Error::Usage`] as [`RealParity::new`] for the tolerance, unless `1 <= M <= K`, and for more workers than the coefficients have
    /// room for (m^2 M of them).
    pub fn new(workers: usize, tolerance: Tolerance, blocks: Option<usize>, seed: Seed) -> Result<Self> {
        let Shape { basis, most, blocks } = Shape::new(workers, tolerance, blocks)?;
        let options = ParityOptions { basis: Some(basis), seed, ..ParityOptions::default() };
        let code = RealParity::with_options(workers, tolerance, options)?;
        let generator: Vec<f64> = (0..workers).flat_map(|i| code.combination(i).iter().copied()).collect();
        let generator = MatRef::from_row_major_slice(&generator, workers, most);
        let draws = (0..DRAWS).map(|draw| draw_basis(generator, seed, draw)).map(|basis| {
            let coefficients = shortened(&code, &basis, blocks);
            let largest = coefficients.iter().fold(0.0, |top: f64, x| if x.abs() <= top { top } else { x.abs() });
            (largest, coefficients, basis)
        });
        let best = draws.min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, coefficients, basis)) = best.filter(|(largest, ..)| largest.is_finite()) else {
            return Err(Error::Numerical("short-dot: no basis without singular sets of workers was found".into()));
        };
        // A word is B [A; Z] = G R with R its plain blocks, and B has orthonormal columns.
        let decode = basis.get(.., ..blocks).transpose() * generator;
        let norm = decode.singular_values().map_or(f64::NAN, |values| values.iter().fold(0.0, |a: f64, b| a.max(*b)));
        if !norm.is_finite() {
            return Err(Error::Numerical("short-dot: the singular values of its decoder did not converge".into()));
        }
        let decode = (0..blocks).flat_map(|a| (0..most).map(move |j| (a, j))).map(|at| decode[at]).collect();
        Ok(ShortDot { code, blocks, coefficients, decode, norm })
    }

    /// K - M, the workers that do without a column.
    pub fn zeros(&self) -> usize {
        self.code.blocks() - self.blocks
    }
}

/// A random basis of the code's words with orthonormal columns, m x K.
fn draw_basis(generator: MatRef<'_, f64>, seed: Seed, draw: u64) -> Mat<f64> {
    let (m, most) = (generator.nrows(), generator.ncols());
    let mut stream = seed.stream(Purpose::Code, m as u64, draw);
    let turn: Mat<f64> = Mat::from_fn(most, most, |_, _| StandardNormal.sample(&mut stream));
    (generator * turn).qr().compute_thin_Q()
}

/// For every group of columns the words c, M of them, that are zero at the group's workers, and whose data are the unit vectors: `H c
/// = 0` and `B' c = I` with the first M columns of the basis, k + M equations for as many workers. Solved together, because words
/// that are made of the basis leave the code by its condition. Not finite where the equations are singular.
fn shortened(code: &RealParity, basis: &Mat<f64>, blocks: usize) -> Vec<f64> {
    let (m, most) = (basis.nrows(), basis.ncols());
    let check = MatRef::from_row_major_slice(code.parity_check(), m - most, m);
    let mut coefficients = vec![0.0; m * m * blocks];
    for (group, coefficients) in coefficients.chunks_exact_mut(m * blocks).enumerate() {
        let holders: Vec<usize> = (most - blocks..m).map(|at| (group + at) % m).collect();
        let equations = Mat::from_fn(holders.len(), holders.len(), |row, at| match row.checked_sub(m - most) {
            None => check[(row, holders[at])],
            Some(column) => basis[(holders[at], column)],
        });
        let data = Mat::from_fn(holders.len(), blocks, |row, j| if row == m - most + j { 1.0 } else { 0.0 });
        let words = equations.partial_piv_lu().solve(data);
        for (at, worker) in holders.into_iter().enumerate() {
            (0..blocks).for_each(|j| coefficients[worker * blocks + j] = words[(at, j)]);
        }
    }
    coefficients
}

impl DataCode for ShortDot {
    fn name(&self) -> String {
        format!("short-dot:blocks={}", self.blocks)
    }

    fn workers(&self) -> usize {
        self.code.workers()
    }

    fn blocks(&self) -> usize {
        self.blocks
    }

    fn redundancy(&self) -> f64 {
        (self.workers() - self.zeros()) as f64 / self.blocks as f64
    }

    fn tolerance(&self) -> Tolerance {
        self.code.tolerance()
    }

    fn column_groups(&self) -> usize {
        self.code.workers()
    }

    fn combination(&self, worker: usize) -> &[f64] {
        self.combination_in(worker, 0)
    }

    fn combination_in(&self, worker: usize, group: usize) -> &[f64] {
        &self.coefficients[(group * self.workers() + worker) * self.blocks..][..self.blocks]
    }

    fn parity_check(&self) -> &[f64] {
        self.code.parity_check()
    }

    fn decodable(&self, present: &[bool], implausible: &[bool]) -> bool {
        self.code.decodable(present, implausible)
    }

    fn decode(&self, replies: &Replies<'_>, workspace: &mut Workspace, out: &mut [f64]) -> Result<Report> {
        let (layout, r, most) = (replies.layout, replies.vectors, self.code.blocks());
        let rows = layout.rows.div_ceil(self.blocks);
        if (layout.blocks, layout.shard_rows) != (self.blocks, rows) || out.len() != layout.rows * r {
            let got = format!("{} blocks of {} rows, {} numbers of value", layout.blocks, layout.shard_rows, out.len());
            let allowed = format!("{} of {rows}, {}", self.blocks, layout.rows * r);
            return Err(Error::usage("decode", got, allowed));
        }
        let inner = Replies { layout: Layout { rows: rows * most, blocks: most, ..layout }, ..*replies };
        let mut word = std::mem::take(&mut workspace.scratch);
        word.resize((most + self.blocks) * rows * r, 0.0);
        let (plain, value) = word.split_at_mut(most * rows * r);
        let report = self.code.decode(&inner, workspace, plain).map(|mut report| {
            for (plain, value) in plain.chunks_exact(most * r).zip(value.chunks_exact_mut(self.blocks * r)) {
                product(&self.decode, plain, value, self.blocks, most, r);
            }
            out.copy_from_slice(&value[..out.len()]);
            // Beside the word's own error, the rounding of sums of K terms.
            let sums = most as f64 * f64::EPSILON / 2.0 * energy(plain).sqrt();
            report.bound = self.norm * (report.bound + sums);
            report
        });
        workspace.scratch = word;
        report
    }
}
