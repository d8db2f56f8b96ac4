//! The door to Hessian blocks: what workers of second-order methods compute.

use std::ops::Range;

use super::DeviceInfo;
use crate::error::{Error, Result};
use crate::kernel::{Curvature, SketchBlock};
use crate::scalar::Element;

/// An n x d matrix on a device, of which Hessian blocks are made: the Hessian is `A'A`, with the rows of A those of the matrix
/// times the factors of a curvature (see [`Curvature`]), K classes, index `k d + j`. Blocks are (dK x dK), row-major, both halves
/// filled.
///
/// ```
/// use std::borrow::Cow;
/// use steadfast::data::{Dense, Matrix};
/// use steadfast::device::{CpuHessian, HessianDevice};
/// use steadfast::kernel::{Curvature, SketchBlock, SketchKind};
/// let data = Matrix::Dense(Dense::new(3, 1, vec![1.0f32, 2.0, -1.0])?);
/// let mut device = CpuHessian::new(Cow::Borrowed(&data));
/// let mut exact = [0.0];
/// device.exact_gram(&Curvature::Scalar(&[1.0; 3]), 0..2, &mut exact)?;
/// assert_eq!(exact, [5.0]);
/// // No two of the three rows share one of the 64 buckets here, so the sketch loses nothing.
/// let block = SketchBlock { kind: SketchKind::CountSketch, seed: 2, iteration: 0, block: 0, buckets: 64 };
/// let mut sketched = 0.0;
/// device.sketched_gram(&Curvature::Scalar(&[1.0; 3]), &[block], &mut |_, block| sketched = block[0])?;
/// assert_eq!(sketched, 6.0);
/// # Ok::<(), steadfast::Error>(())
/// ```
pub trait HessianDevice<T: Element>: Send {
    /// What it is.
    fn info(&self) -> DeviceInfo;

    /// n and d.
    fn shape(&self) -> (usize, usize);

    /// Stored values of the matrix.
    fn stored(&self) -> usize;

    /// `(S'A)'(S'A)` for each of the blocks S, of one kind and size: what workers of OverSketched Newton reply (paper 001,
    /// Algorithm 2). The mean over blocks estimates the Hessian without its `l2` term. `take` gets them in order, with their
    /// places in `blocks`. On a GPU one submission and one read-back, or several where a buffer holds fewer blocks.
    ///
    /// # Errors
    /// [`Error::Usage`] for a curvature of other lengths or blocks of different form, [`Error::Device`] for what does not fit
    /// the device, or its failure.
    fn sketched_gram(
        &mut self,
        curvature: &Curvature<'_, T::Acc>,
        blocks: &[SketchBlock],
        take: &mut dyn FnMut(usize, &[T::Acc]),
    ) -> Result<()>;

    /// `out = A_I'A_I`, the part of the exact Hessian that the examples I contribute. Sums over parts of the data add up to the
    /// Hessian without its `l2` term.
    ///
    /// # Errors
    /// [`Error::Usage`] when a length does not fit or I reaches beyond the rows; [`Error::Device`] as above.
    fn exact_gram(
        &mut self,
        curvature: &Curvature<'_, T::Acc>,
        examples: Range<usize>,
        out: &mut [T::Acc],
    ) -> Result<()>;
}

/// Numbers of a (side x side) block.
pub(super) fn check_square(len: usize, side: usize) -> Result<()> {
    if side.checked_mul(side) != Some(len) {
        return Err(Error::usage(
            "Hessian block",
            format!("room for {len} numbers"),
            format!("{side} x {side} numbers"),
        ));
    }
    Ok(())
}

/// Examples of a matrix of `rows` rows.
pub(super) fn check_examples(examples: &Range<usize>, rows: usize) -> Result<()> {
    if examples.start > examples.end || examples.end > rows {
        return Err(Error::usage("examples", format!("{examples:?}"), format!("a range within 0..{rows}")));
    }
    Ok(())
}

/// Blocks of an A of `rows` rows that one call may make: of one kind and size.
pub(super) fn check_blocks(blocks: &[SketchBlock], rows: usize) -> Result<()> {
    blocks.iter().try_for_each(|block| block.check(rows))?;
    let form = |block: &SketchBlock| (block.kind, block.buckets);
    if let Some(pair) = blocks.windows(2).find(|pair| form(&pair[0]) != form(&pair[1])) {
        let of = |block: &SketchBlock| format!("{:?} of {}", block.kind, block.buckets);
        let got = format!("{} buckets and {}", of(&pair[0]), of(&pair[1]));
        return Err(Error::usage("sketch blocks", got, "blocks of one kind and size"));
    }
    Ok(())
}
