//! The codes themselves: an orthonormal parity check H (k x m) and a basis of its null space (m x q).

use super::dense::{axpy, dot, energy, transposed};
use crate::seed::{Purpose, Seed};
use faer::MatRef;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;

use crate::error::{Error, Result};

/// Which parity check the code has. All are codes of distance k + 1: any k columns of the check are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Half-integer frequencies of the discrete Fourier transform, a Vandermonde matrix whose nodes lie on the unit
    /// circle. Best conditioned of all for few workers, and its structure separates colluders; the default up to 20.
    UnitCircle,
    /// Rows of a seeded random orthogonal matrix (Haar measure). The default from 21 workers on.
    RandomOrthogonal,
    /// The unit-circle code for any number of workers, named so that its limits are chosen knowingly.
    Vandermonde,
    /// The matrices of paper 002 itself: a Vandermonde matrix in monomials on the real nodes 1, 2, ..., m (eq. (14)) and the
    /// basis of its null space that reduced row echelon form gives. Exact in exact arithmetic only: with 15 workers
    /// in f32 it misses one liar set in five from t = 3 on, because the basis has entries up to 1.6e4 at t = 3.
    Plain,
}

impl std::str::FromStr for Basis {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Basis::UnitCircle, Basis::RandomOrthogonal, Basis::Vandermonde, Basis::Plain];
        let allowed = || all.map(Basis::name).join(", ");
        all.into_iter().find(|b| b.name() == text).ok_or_else(|| Error::usage("real-parity: basis", text, allowed()))
    }
}

impl Basis {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Basis::UnitCircle => "unit-circle",
            Basis::RandomOrthogonal => "random-orthogonal",
            Basis::Vandermonde => "vandermonde",
            Basis::Plain => "plain",
        }
    }

    /// The default for `workers`: the unit circle up to 20 workers, else random orthogonal.
    ///
    /// Chosen by the least singular value that a search (runs of neighbours, greedy sets from every worker, exchanges) finds
    /// among sets of t and of 2t columns, which bound what a located and an unlocated lie can cost:
    ///
    /// | m, t | t columns: circle, random | 2t columns: circle, random |
    /// |---|---|---|
    /// | 17, 4 | 8e-2, 9e-2 | 6e-4, 1e-4 |
    /// | 18, 6 | 1e-1, 1e-1 | 7e-4, 1e-4 |
    /// | 20, 5 | 4e-2, 1e-1 | 1e-4, 1e-5 |
    /// | 22, 5 | 3e-2, 1e-1 | 4e-5, 3e-4 |
    /// | 24, 6 | 2e-2, 1e-1 | 1e-5, 3e-5 |
    /// | 28, 7 | 8e-3, 8e-2 | 1e-6, 3e-6 |
    /// | 60, 20 | 5e-5, 7e-2 | 2e-13, 2e-6 |
    pub fn default_for(workers: usize) -> Self {
        if workers <= 20 { Basis::UnitCircle } else { Basis::RandomOrthogonal }
    }

    /// The default where it can have just k parity rows, and else the random orthogonal basis, which has any number.
    pub(in crate::coding) fn with_rows(workers: usize, k: usize) -> Self {
        let default = Basis::default_for(workers);
        if k <= workers && default.parity_rows(workers, k) == k { default } else { Basis::RandomOrthogonal }
    }

    /// True for the codes on the unit circle, whose structure separates colluders.
    pub(super) fn on_unit_circle(self) -> bool {
        matches!(self, Basis::UnitCircle | Basis::Vandermonde)
    }

    /// The number of parity rows this basis can have that is at least `k`: on the unit circle with an even number of
    /// workers frequencies come in pairs, so an odd k becomes k + 1.
    pub(in crate::coding) fn parity_rows(self, workers: usize, k: usize) -> usize {
        if self.on_unit_circle() && workers.is_multiple_of(2) { k + k % 2 } else { k }
    }
}

/// Orthonormal parity check (k x m, row-major) and null-space basis (m x q, row-major).
pub(super) struct Matrices {
    pub check: Vec<f64>,
    pub null: Vec<f64>,
}

/// Builds the matrices of `basis` for m workers and k parity rows, `0 < k < m`, k as [`Basis::parity_rows`] allows.
pub(super) fn matrices(basis: Basis, m: usize, k: usize, seed: Seed) -> Matrices {
    match basis {
        Basis::UnitCircle | Basis::Vandermonde => unit_circle(m, k),
        Basis::RandomOrthogonal => random_orthogonal(m, k, seed),
        Basis::Plain => plain(m, k),
    }
}

/// Splits an orthogonal m x m matrix (rows) into check rows and null-space columns.
fn split(rows: &[Vec<f64>], check: std::ops::Range<usize>) -> Matrices {
    let m = rows.len();
    let inside: Vec<f64> = check.clone().flat_map(|i| rows[i].iter().copied()).collect();
    let outside: Vec<f64> = (0..m).filter(|i| !check.contains(i)).flat_map(|i| rows[i].iter().copied()).collect();
    let q = m - check.len();
    Matrices { check: inside, null: transposed(&outside, q, m) }
}

fn unit_circle(m: usize, k: usize) -> Matrices {
    let mut rows = Vec::with_capacity(m);
    for f in 0..m.div_ceil(2) {
        let angle = |j: usize| 2.0 * PI * (f as f64 + 0.5) * (j as f64 + 0.5) / m as f64;
        if 2 * f + 1 == m {
            let scale = 1.0 / (m as f64).sqrt();
            rows.push((0..m).map(|j| if j % 2 == 0 { scale } else { -scale }).collect());
        } else {
            let scale = (2.0 / m as f64).sqrt();
            rows.push((0..m).map(|j| scale * angle(j).cos()).collect::<Vec<_>>());
            rows.push((0..m).map(|j| scale * angle(j).sin()).collect());
        }
    }
    // An odd k takes the last rows: the single row of the top frequency and the pairs below it are consecutive
    // frequencies, where the first k rows would have singular minors.
    if k.is_multiple_of(2) { split(&rows, 0..k) } else { split(&rows, m - k..m) }
}

fn random_orthogonal(m: usize, k: usize, seed: Seed) -> Matrices {
    let mut stream = seed.stream(Purpose::Code, 0, 0);
    let gaussian: Vec<f64> = (0..m * m).map(|_| StandardNormal.sample(&mut stream)).collect();
    let qr = MatRef::from_row_major_slice(&gaussian, m, m).qr();
    let (q, r) = (qr.compute_Q(), qr.R());
    // Fixing the signs of R's diagonal makes the distribution uniform over the orthogonal matrices.
    let rows: Vec<Vec<f64>> =
        (0..m).map(|i| (0..m).map(|j| if r[(j, j)] < 0.0 { -q[(i, j)] } else { q[(i, j)] }).collect()).collect();
    split(&rows, 0..k)
}

fn plain(m: usize, k: usize) -> Matrices {
    let node = |j: usize| (j + 1) as f64;
    // The row space of the monomials is that of the polynomials orthonormal on the nodes, which has no ill-conditioning.
    let centred = |j: usize| (2.0 * node(j) - (m + 1) as f64) / m as f64;
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(k);
    for f in 0..k {
        let mut row: Vec<f64> = match rows.last() {
            None => vec![1.0; m],
            Some(last) => last.iter().enumerate().map(|(j, x)| centred(j) * x).collect(),
        };
        for _ in 0..3 {
            for earlier in &rows {
                let c = dot(earlier, &row);
                axpy(&mut row, -c, earlier);
            }
        }
        let scale = 1.0 / energy(&row).sqrt();
        row.iter_mut().for_each(|x| *x *= scale);
        debug_assert_eq!(rows.len(), f);
        rows.push(row);
    }
    // Row echelon form of F = [F1 F2] gives F1^-1 F2, whose entries are the Lagrange polynomials of the first k nodes at the
    // other nodes; the null-space basis is that with its sign turned, over the identity.
    let q = m - k;
    let mut null = vec![0.0; m * q];
    for j in 0..q {
        for i in 0..k {
            let others = (0..k).filter(|&l| l != i);
            null[i * q + j] = -others.map(|l| (node(k + j) - node(l)) / (node(i) - node(l))).product::<f64>();
        }
        null[(k + j) * q + j] = 1.0;
    }
    Matrices { check: rows.concat(), null }
}
