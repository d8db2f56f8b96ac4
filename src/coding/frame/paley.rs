//! The Paley equiangular tight frame.

use super::Frame;
use super::field::{maximal_sequence, prime_power};
use super::sizes::{check_columns, choose, no_such_size};
use crate::error::{Error, Result};
use crate::seed::Seed;

/// Numbers of one tile of products: a row of S against so many vectors.
const TERMS: usize = 64;

/// For a prime power q = 1 mod 4: N = q + 1 rows, n = (q + 1)/2 columns, and `S S' = I + C/sqrt(q)` with the conference matrix C of the
/// quadratic residues (Paley 1933). Any two rows have an inner product of magnitude `1/sqrt(q)`.
///
/// Columns are the eigenvectors of C for `sqrt(q)`: the real characters of GF(q) with a frequency that is a square (or none, by the sign
/// of the Gauss sum), and one more for the row at infinity. Entries come from two tables of p numbers; a product takes N n multiply-adds.
#[derive(Debug, Clone)]
pub struct Paley {
    /// q.
    order: usize,
    /// Columns of the whole frame, ascending.
    chosen: Vec<usize>,
    /// `L(g^j)`, j = 0 … q - 2.
    functional: Vec<usize>,
    /// 0 or 1: the parity of the frequencies' logarithms.
    parity: usize,
    cosine: Vec<f64>,
    sine: Vec<f64>,
    /// `sqrt(beta / 2)`, 1 for the whole frame.
    scale: f64,
}

impl Paley {
    /// The whole frame with so many columns.
    ///
    /// # Errors
    /// [`Error::Usage`] where `q = 2 columns - 1` is no prime power that leaves 1 divided by 4: the nearest numbers of columns are named.
    ///
    /// ```
    /// use steadfast::coding::{Frame, Paley};
    /// assert_eq!(Paley::new(15)?.rows(), 30); // q = 29
    /// let refused = Paley::new(16).unwrap_err();
    /// assert!(refused.to_string().ends_with("the nearest are 15 and 19"));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn new(columns: usize) -> Result<Self> {
        check_columns("paley", columns)?;
        if !Self::has(columns) {
            let lowest = (3..columns).rev().find(|&n| Self::has(n));
            return Err(no_such_size(
                "paley",
                columns,
                lowest.into_iter().chain((columns.max(3)..).filter(|&n| Self::has(n))),
            ));
        }
        Ok(Self::of(columns, (0..columns).collect()))
    }

    /// Random columns of the smallest Paley frame that has so many.
    ///
    /// # Errors
    /// [`Error::Usage`] for no columns, or too many.
    pub fn covering(columns: usize, seed: Seed) -> Result<Self> {
        check_columns("paley", columns)?;
        let size = (columns.max(3)..).find(|&n| Self::has(n));
        let size = size.ok_or_else(|| Error::usage("columns of the frame paley", columns, "fewer"))?;
        Ok(Self::of(size, choose(size, columns, seed)))
    }

    fn has(columns: usize) -> bool {
        let q = 2 * columns - 1;
        q % 4 == 1 && prime_power(q).is_some_and(|(p, _)| p > 2)
    }

    fn of(size: usize, chosen: Vec<usize>) -> Self {
        let order = 2 * size - 1;
        let (p, k) = prime_power(order).unwrap_or((order, 1));
        let functional = maximal_sequence(p, k);
        let angle = |j: usize| 2.0 * std::f64::consts::PI * j as f64 / p as f64;
        let cosine: Vec<f64> = (0..p).map(|j| angle(j).cos()).collect();
        // The Gauss sum is +-sqrt(q): the sign says whether squares or others belong to +sqrt(q).
        let gauss: f64 = functional
            .chunks(TERMS)
            .map(|terms| {
                let signed = terms.iter().enumerate().map(|(j, &x)| if j % 2 == 0 { cosine[x] } else { -cosine[x] });
                signed.sum::<f64>()
            })
            .sum();
        Paley {
            order,
            functional,
            parity: usize::from(gauss < 0.0),
            cosine,
            sine: (0..p).map(|j| angle(j).sin()).collect(),
            scale: (size as f64 / chosen.len() as f64).sqrt(),
            chosen,
        }
    }

    /// Entry of the whole frame. Rows: infinity, 0, the powers of g. Columns: that of infinity, then cosine and sine of each frequency.
    fn entry(&self, row: usize, column: usize) -> f64 {
        let q = self.order as f64;
        if column == 0 {
            return if row == 0 { 1.0 } else { q.sqrt().recip() };
        }
        if row == 0 {
            return 0.0;
        }
        // a = g^frequency, one of each pair a, -a.
        let frequency = 2 * ((column - 1) / 2) + self.parity;
        let table = if column % 2 == 1 { &self.cosine } else { &self.sine };
        let phase = if row == 1 { 0 } else { self.functional[(frequency + row - 2) % (self.order - 1)] };
        2.0 / q.sqrt() * table[phase]
    }
}

impl Frame for Paley {
    fn name(&self) -> String {
        "paley".into()
    }

    fn columns(&self) -> usize {
        self.chosen.len()
    }

    fn rows(&self) -> usize {
        self.order + 1
    }

    fn is_tight(&self) -> bool {
        true
    }

    fn is_equiangular(&self) -> bool {
        2 * self.chosen.len() == self.order + 1
    }

    fn apply(&self, vectors: usize, x: &[f64], out: &mut [f64]) {
        let mut partial = vec![0.0; vectors];
        for (row, to) in out.chunks_exact_mut(vectors).enumerate() {
            to.fill(0.0);
            // Partial sums over a few terms each, so that long rows lose no digits.
            for (columns, x) in self.chosen.chunks(TERMS).zip(x.chunks(TERMS * vectors)) {
                partial.fill(0.0);
                for (&column, x) in columns.iter().zip(x.chunks_exact(vectors)) {
                    let entry = self.scale * self.entry(row, column);
                    partial.iter_mut().zip(x).for_each(|(sum, x)| *sum += entry * x);
                }
                to.iter_mut().zip(&partial).for_each(|(to, sum)| *to += sum);
            }
        }
    }

    fn apply_transposed(&self, vectors: usize, u: &[f64], out: &mut [f64]) {
        let mut partial = vec![0.0; vectors];
        for (&column, to) in self.chosen.iter().zip(out.chunks_exact_mut(vectors)) {
            to.fill(0.0);
            for (at, u) in u.chunks(TERMS * vectors).enumerate() {
                partial.fill(0.0);
                for (row, u) in u.chunks_exact(vectors).enumerate() {
                    let entry = self.scale * self.entry(at * TERMS + row, column);
                    partial.iter_mut().zip(u).for_each(|(sum, u)| *sum += entry * u);
                }
                to.iter_mut().zip(&partial).for_each(|(to, sum)| *to += sum);
            }
        }
    }
}
