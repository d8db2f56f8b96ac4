//! What a worker of a second-order round computes: blocks of a Hessian, from the data and the curvature it was sent.

use std::ops::Range;

use crate::data::Matrix;
use crate::device::{HessianScratch, exact_gram, sketched_gram};
use crate::error::Result;
use crate::kernel::{Curvature, SketchBlock};
use crate::objective::CurvatureForm;
use crate::scalar::{Accumulator, Element};

/// The kernels of Hessian blocks with their buffers, reused from round to round.
#[derive(Debug)]
pub struct HessianKernel<T: Element> {
    scratch: HessianScratch<T::Acc>,
    block: Vec<T::Acc>,
}

impl<T: Element> Default for HessianKernel<T> {
    fn default() -> Self {
        HessianKernel { scratch: HessianScratch::default(), block: Vec::new() }
    }
}

impl<T: Element> HessianKernel<T> {
    /// `A'A` over all rows into `out` (d K x d K), `numbers` being what `form` asks for: roots of the second derivatives
    /// over n, or probabilities.
    ///
    /// # Errors
    /// Lengths that don't fit.
    pub fn exact(&mut self, data: &Matrix<T>, form: CurvatureForm, numbers: &[T::Acc], out: &mut [f64]) -> Result<()> {
        self.exact_of_rows(data, form, numbers, 0..data.rows(), out)
    }

    /// What the rows `rows` contribute to [`HessianKernel::exact`].
    ///
    /// # Errors
    /// Lengths that don't fit, or rows that there are not.
    pub fn exact_of_rows(
        &mut self,
        data: &Matrix<T>,
        form: CurvatureForm,
        numbers: &[T::Acc],
        rows: Range<usize>,
        out: &mut [f64],
    ) -> Result<()> {
        self.block.resize(out.len(), T::Acc::ZERO);
        let curvature = curvature::<T>(data, form, numbers);
        exact_gram(data, &curvature, rows, &mut self.scratch, &mut self.block)?;
        out.iter_mut().zip(&self.block).for_each(|(to, from)| *to = from.to_f64());
        Ok(())
    }

    /// `(S'A)'(S'A)` for one sketch block, d K x d K; valid until the next call.
    ///
    /// # Errors
    /// Lengths that don't fit.
    pub fn sketched(
        &mut self,
        data: &Matrix<T>,
        form: CurvatureForm,
        numbers: &[T::Acc],
        block: &SketchBlock,
    ) -> Result<&[T::Acc]> {
        let curvature = curvature::<T>(data, form, numbers);
        let width = curvature.classes() * data.cols();
        self.block.resize(width * width, T::Acc::ZERO);
        sketched_gram(data, &curvature, block, &mut self.scratch, &mut self.block)?;
        Ok(&self.block)
    }
}

fn curvature<'a, T: Element>(data: &Matrix<T>, form: CurvatureForm, numbers: &'a [T::Acc]) -> Curvature<'a, T::Acc> {
    match form {
        CurvatureForm::Scalar => Curvature::Scalar(numbers),
        CurvatureForm::Softmax => Curvature::Softmax {
            probabilities: numbers,
            classes: numbers.len() / data.rows().max(1),
            scale: T::Acc::from_f64(1.0 / data.rows().max(1) as f64),
        },
    }
}
