//! Plain copies of the rows, for comparison: without redundancy, and replication.

use super::Frame;
use super::sizes::check_columns;
use crate::error::{Error, Result};

/// `S = (I; …; I)`, so many times. Whole parts of the rows are copied, and of each part the master takes one copy.
#[derive(Debug, Clone, Copy)]
pub struct Copies {
    columns: usize,
    copies: usize,
}

impl Copies {
    /// So many copies of `columns` rows.
    ///
    /// # Errors
    /// [`Error::Usage`] for no rows or no copies.
    pub fn new(columns: usize, copies: usize) -> Result<Self> {
        check_columns("replication", columns)?;
        if !(1..=64).contains(&copies) {
            return Err(Error::usage("replication: factor", copies, "1 to 64 copies"));
        }
        Ok(Copies { columns, copies })
    }

    /// How many.
    pub fn copies(&self) -> usize {
        self.copies
    }
}

impl Frame for Copies {
    fn name(&self) -> String {
        if self.copies == 1 { "uncoded".into() } else { format!("replication:factor={}", self.copies) }
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn rows(&self) -> usize {
        self.copies * self.columns
    }

    fn is_tight(&self) -> bool {
        true
    }

    fn apply(&self, _vectors: usize, x: &[f64], out: &mut [f64]) {
        out.chunks_exact_mut(x.len()).for_each(|copy| copy.copy_from_slice(x));
    }

    fn apply_transposed(&self, _vectors: usize, u: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        // At most 64 terms a sum.
        let length = out.len();
        for copy in u.chunks_exact(length) {
            out.iter_mut().zip(copy).for_each(|(to, x)| *to += x);
        }
    }

    fn sparse_row(&self, row: usize) -> Option<Vec<(u32, f64)>> {
        u32::try_from(row % self.columns).ok().map(|column| vec![(column, 1.0)])
    }
}
