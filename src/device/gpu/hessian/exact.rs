//! Exact blocks: the data's rows in segments, a sum for each and for each pair of classes, joined at the end. Sparse rows are
//! written out first, binding by binding.

use std::ops::Range;

use super::Resident;
use crate::device::gpu::element::GpuElement;
use crate::device::gpu::plan::{number, too_large};
use crate::device::gpu::steps::Steps;
use crate::device::gpu::store::Body;
use crate::error::Result;
use crate::kernel::weighted_gram::Split;
use crate::kernel::{
    Curvature, ExpandParams, INVOCATIONS, Kernel, SumParams, WeightedGramParams, expand_rows, gram, sum_segments,
    weighted_gram,
};
use crate::scalar::Precision;

/// What fixes the sizes of all buffers and the order of the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    cols: usize,
    classes: usize,
    softmax: bool,
    examples: Range<usize>,
}

impl Form {
    pub fn new(data: &Resident, curvature: &Curvature<'_, f32>, examples: Range<usize>) -> Form {
        let softmax = matches!(curvature, Curvature::Softmax { .. });
        Form { cols: data.cols, classes: curvature.classes(), softmax, examples }
    }

    /// Pairs of classes.
    fn pairs(&self) -> usize {
        self.classes * (self.classes + 1) / 2
    }

    /// Numbers of one sum.
    fn length(&self) -> usize {
        self.pairs() * self.cols * self.cols
    }
}

/// Kernels one after the other, with what differs between their dispatches.
enum Stage {
    /// Writes the rows of a chunk out.
    Expand { chunk: usize },
    /// Adds some rows of a chunk, counted in it.
    Add { chunk: usize, rows: Range<usize> },
    /// Joins the sums.
    Join,
}

/// What the blocks of one form need, made once.
pub(super) struct Plan {
    form: Form,
    split: Split,
    stages: Vec<Stage>,
    steps: Steps,
    numbers: wgpu::Buffer,
    /// Softmax's, in the parameters as they are.
    scale: f32,
}

impl Plan {
    /// For blocks of `form`.
    pub fn new<T: GpuElement>(data: &Resident, form: Form) -> Result<Plan> {
        let Resident { context, options, bounds, .. } = data;
        let split = Split::new(form.examples.len(), form.length() * 4, bounds);
        let given = data.rows * form.classes * 4;
        for (what, bytes) in [("a Hessian block", form.length() * 4), ("the curvature", given)] {
            if bytes > bounds.binding_bytes {
                return Err(too_large(context, what, bytes, bounds));
            }
        }
        let mut stages = Vec::new();
        for (chunk, piece) in data.chunks.iter().enumerate() {
            let own = form.examples.start.max(piece.rows.start)..form.examples.end.min(piece.rows.end);
            if own.is_empty() {
                continue;
            }
            if data.longest.is_some() {
                stages.push(Stage::Expand { chunk });
            }
            let local = own.start - piece.rows.start..own.end - piece.rows.start;
            stages.extend(split.waves(local).map(|rows| Stage::Add { chunk, rows }));
        }
        if split.sums > 1 {
            stages.push(Stage::Join);
        }

        use wgpu::BufferUsages as Usage;
        let buffer = |label, bytes, usage| context.buffer(label, bytes, usage, false);
        let numbers = buffer("curvature", given, Usage::STORAGE | Usage::COPY_DST)?;
        let mut steps = Steps::new(context, options, stages.len(), form.length() * 4)?;
        let results = steps.results();
        // A sum alone needs no joining.
        let sums = match split.sums {
            1 => results.clone(),
            sums => buffer("sums", sums * form.length() * 4, Usage::STORAGE)?,
        };
        let expanded = match data.longest {
            Some(_) => {
                let rows = data.chunks.iter().map(|chunk| chunk.rows.len()).max().unwrap_or(0);
                Some(buffer("rows written out", rows * form.cols.div_ceil(4) * 16, Usage::STORAGE)?)
            }
            None => None,
        };
        let pipeline =
            |kernel: &Kernel, precision| context.pipeline(kernel.name, &options.source(kernel, precision), None);
        // Rows written out are f32, whatever is stored.
        let precision = if expanded.is_some() { Precision::F32 } else { T::PRECISION };
        let adding = pipeline(&weighted_gram::KERNEL, precision)?;
        for stage in &stages {
            match stage {
                Stage::Expand { chunk } => {
                    if let (Body::Sparse { offsets, columns, values, .. }, Some(rows)) =
                        (&data.chunks[*chunk].body, &expanded)
                    {
                        let expanding = pipeline(&expand_rows::KERNEL, T::PRECISION)?;
                        steps.add(context, &expanding, &[(1, rows), (2, offsets), (3, columns), (4, values)])?;
                    }
                }
                Stage::Add { chunk, .. } => {
                    let matrix = match (&expanded, &data.chunks[*chunk].body) {
                        (Some(rows), _) => rows,
                        (None, Body::Dense { matrix } | Body::Sparse { values: matrix, .. }) => matrix,
                    };
                    steps.add(context, &adding, &[(1, &numbers), (2, &sums), (4, matrix)])?;
                }
                Stage::Join => {
                    let joining = pipeline(&sum_segments::KERNEL, T::PRECISION)?;
                    steps.add(context, &joining, &[(1, &sums), (2, &results)])?;
                }
            }
        }
        // No scale is set yet, so that the first call fills in the parameters.
        Ok(Plan { form, split, stages, steps, numbers, scale: f32::NAN })
    }

    /// True where it serves blocks of this form.
    pub fn serves(&self, form: &Form) -> bool {
        self.form == *form
    }

    /// The block, as [`crate::device::HessianDevice::exact_gram`] has it; the seconds of the kernels.
    pub fn run(&mut self, data: &Resident, curvature: &Curvature<'_, f32>, out: &mut [f32]) -> Result<Option<f64>> {
        let context = &*data.context;
        let (Curvature::Scalar(numbers) | Curvature::Softmax { probabilities: numbers, .. }) = *curvature;
        context.write(&self.numbers, 0, bytemuck::cast_slice(numbers))?;
        let scale = match *curvature {
            Curvature::Scalar(_) => 1.0,
            Curvature::Softmax { scale, .. } => scale,
        };
        if self.scale != scale {
            self.scale = scale;
            self.direct(data)?;
        }
        let Form { cols, classes, .. } = self.form;
        self.steps.submit(context, self.form.length() * 4, &mut |sums| {
            let pairs = (0..classes).flat_map(|k| (0..=k).map(move |l| (k, l)));
            for ((k, l), block) in pairs.zip(sums.chunks_exact(cols * cols)) {
                for (i, row) in block.chunks_exact(cols).enumerate() {
                    // A pair's block is symmetric, and so is that of the pair in the other order.
                    for (k, l) in [(k, l), (l, k)] {
                        let at = ((k * cols + i) * classes + l) * cols;
                        out[at..at + cols].copy_from_slice(row);
                    }
                }
            }
        })
    }

    /// Parameters and grids.
    fn direct(&mut self, data: &Resident) -> Result<()> {
        let Resident { context, bounds, .. } = data;
        let Form { cols, classes, softmax, .. } = self.form;
        let number = |n: usize| number(context, n);
        let units = if data.longest.is_some() { cols.div_ceil(4) } else { data.units };
        let mut add = 0;
        for (step, stage) in self.stages.iter().enumerate() {
            match stage {
                Stage::Expand { chunk } => {
                    let rows = data.chunks[*chunk].rows.len();
                    let params = ExpandParams { rows: number(rows)?, stride: number(units * 4)? };
                    let groups = rows.div_ceil(expand_rows::ROWS);
                    self.steps.set(context, bounds, step, bytemuck::bytes_of(&params), groups)?;
                }
                Stage::Add { chunk, rows } => {
                    let params = WeightedGramParams {
                        row_begin: number(rows.start)?,
                        row_end: number(rows.end)?,
                        segment_length: number(self.split.length)?,
                        segments: number(self.split.sums)?,
                        example_begin: number(data.chunks[*chunk].rows.start)?,
                        cols: number(cols)?,
                        units: number(units)?,
                        tiles: number(cols.div_ceil(gram::TILE))?,
                        classes: number(classes)?,
                        softmax: u32::from(softmax),
                        scale: self.scale,
                        add,
                    };
                    // The first dispatch writes every sum, the later ones add to them.
                    add = 1;
                    let groups = gram::tiles(cols) * self.form.pairs() * self.split.sums;
                    self.steps.set(context, bounds, step, bytemuck::bytes_of(&params), groups)?;
                }
                Stage::Join => {
                    let length = self.form.length();
                    let params = SumParams { length: number(length)?, segments: number(self.split.sums)? };
                    self.steps.set(context, bounds, step, bytemuck::bytes_of(&params), length.div_ceil(INVOCATIONS))?;
                }
            }
        }
        Ok(())
    }
}
