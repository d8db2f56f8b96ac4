//! The Steiner equiangular tight frame, of few non-zeros a row.

use super::Frame;
use super::sizes::{check_columns, no_such_size};
use crate::error::Result;
use crate::kernel::walsh_hadamard;

/// For v points, a power of two: a column a pair of points, and v rows a point, in which the pairs of that point have distinct columns
/// of the v x v Hadamard matrix (Fickus, Mixon and Tremain, 2012). So it has `v(v - 1)/2` columns, `v^2` rows and `v - 1` non-zeros a
/// row.
///
/// A part of it that has the first p points only is tight, too, with Hadamard matrices of the first power of two from p - 1: for n rows
/// of data p is the least number with `p(p - 1)/2 >= n`, and the last pairs are left out. It is no longer equiangular, and its redundancy
/// is about 2 right below, and 4 right above a power of two.
#[derive(Debug, Clone)]
pub struct Steiner {
    points: usize,
    /// Of the Hadamard matrices.
    order: usize,
    columns: usize,
    /// sqrt(beta / (2 order)).
    scale: f64,
}

/// Pairs before those of point `b` with the points before it.
fn pairs(b: usize) -> usize {
    b * b.saturating_sub(1) / 2
}

impl Steiner {
    /// The whole frame with so many columns.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a number of columns that is not v(v - 1)/2 for a power of two v: the nearest are named.
    ///
    /// ```
    /// use steadfast::coding::{Frame, Steiner};
    /// assert_eq!(Steiner::new(28)?.rows(), 64); // v = 8
    /// assert!(Steiner::new(100).unwrap_err().to_string().ends_with("the nearest are 28 and 120"));
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn new(columns: usize) -> Result<Self> {
        check_columns("steiner", columns)?;
        let orders = || (1..17).map(|k| 1usize << k);
        match orders().find(|&v| pairs(v) == columns) {
            Some(v) => Ok(Self::of(v, v, columns)),
            None => Err(no_such_size("steiner", columns, orders().map(pairs))),
        }
    }

    /// The part of it that has so many columns.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for no columns, or too many.
    pub fn covering(columns: usize) -> Result<Self> {
        check_columns("steiner", columns)?;
        let mut points = (2 * columns).isqrt().max(2);
        while pairs(points) < columns {
            points += 1;
        }
        // The whole frame leaves one column of its Hadamard matrices unused, which a part may take.
        let order = if points.is_power_of_two() { points } else { (points - 1).next_power_of_two() };
        Ok(Self::of(points, order, columns))
    }

    fn of(points: usize, order: usize, columns: usize) -> Self {
        // Columns have 2 order ones, and shall have the square N / n.
        let scale = (points as f64 / (2 * columns) as f64).sqrt();
        Steiner { points, order, columns, scale }
    }

    /// The columns of one point's rows: number of the pair, and the column of the Hadamard matrix that it has there. Ascending.
    fn pairs_of(&self, point: usize) -> impl Iterator<Item = (usize, usize)> {
        let offset = usize::from(self.points == self.order);
        let (columns, points) = (self.columns, self.points);
        let before = (0..point).map(move |a| (pairs(point) + a, a));
        let behind = (point + 1..points).map(move |b| (pairs(b) + point, b - 1));
        before.chain(behind).filter(move |pair| pair.0 < columns).map(move |(pair, at)| (pair, at + offset))
    }
}

impl Frame for Steiner {
    fn name(&self) -> String {
        "steiner".into()
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn rows(&self) -> usize {
        self.points * self.order
    }

    fn is_tight(&self) -> bool {
        true
    }

    fn is_equiangular(&self) -> bool {
        self.points == self.order && pairs(self.points) == self.columns
    }

    fn apply(&self, vectors: usize, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (point, block) in out.chunks_exact_mut(self.order * vectors).enumerate() {
            for (pair, at) in self.pairs_of(point) {
                let from = &x[pair * vectors..(pair + 1) * vectors];
                let to = &mut block[at * vectors..(at + 1) * vectors];
                to.iter_mut().zip(from).for_each(|(to, x)| *to = self.scale * x);
            }
            walsh_hadamard(block, vectors);
        }
    }

    fn apply_transposed(&self, vectors: usize, u: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        let mut block = vec![0.0; self.order * vectors];
        for (point, u) in u.chunks_exact(block.len()).enumerate() {
            block.copy_from_slice(u);
            walsh_hadamard(&mut block, vectors);
            for (pair, at) in self.pairs_of(point) {
                let from = &block[at * vectors..(at + 1) * vectors];
                let to = &mut out[pair * vectors..(pair + 1) * vectors];
                // A pair has two points, so this is a sum of two.
                to.iter_mut().zip(from).for_each(|(to, x)| *to += self.scale * x);
            }
        }
    }

    fn sparse_row(&self, row: usize) -> Option<Vec<(u32, f64)>> {
        let (point, within) = (row / self.order, row % self.order);
        let entry = |(pair, at): (usize, usize)| {
            let sign = if (within & at).count_ones().is_multiple_of(2) { self.scale } else { -self.scale };
            u32::try_from(pair).ok().map(|pair| (pair, sign))
        };
        self.pairs_of(point).map(entry).collect()
    }
}
