//! Blocks of coordinates of a problem: what coordinate descent asks for beside whole products.

use std::ops::Range;

use super::Problem;
use crate::error::{Error, Result};
use crate::method::iterate::Iterate;
use crate::method::vector::norm;
use crate::oracle::BlockOracle;

impl Problem<'_> {
    fn blocks(&mut self) -> Result<&mut dyn BlockOracle> {
        self.oracle.0.blocks().ok_or_else(|| {
            let allowed = "an oracle of blocks of coordinates, as CodedOracle::with_blocks makes";
            Error::usage("oracle for coordinate-descent", "whole products alone", allowed)
        })
    }

    /// q and p2: the coordinates of a block row, and how many block rows there are.
    ///
    /// # Errors
    /// [`Error::Usage`] for an oracle without blocks.
    pub fn block_shape(&mut self) -> Result<(usize, usize)> {
        self.blocks().map(|blocks| (blocks.width(), blocks.block_rows()))
    }

    /// The mean loss's partial derivatives `X_U' r` of the coordinates in block rows, at the iterate's residuals: one round.
    ///
    /// # Errors
    /// As [`BlockOracle::block_pullback`]; [`Error::Usage`] for an oracle without blocks.
    pub fn block_gradient(&mut self, rows: Range<usize>, iterate: &Iterate, out: &mut [f64]) -> Result<()> {
        self.blocks()?.block_pullback(rows, &iterate.residuals, out)?;
        self.count_round();
        self.rounding.saw(norm(&iterate.residuals), norm(out));
        Ok(())
    }

    /// The change `X_U delta` of the margins that a change of the coordinates in block rows makes, into `out`: one round.
    /// Returns the certificate's bound on its error.
    ///
    /// # Errors
    /// As [`BlockOracle::block_margins`]; [`Error::Usage`] for an oracle without blocks.
    pub fn block_margins(&mut self, rows: Range<usize>, delta: &[f64], out: &mut [f64]) -> Result<f64> {
        self.blocks()?.block_margins(rows, delta, out)?;
        let bound = self.count_round();
        self.rounding.saw(norm(delta), norm(out));
        Ok(bound)
    }
}
