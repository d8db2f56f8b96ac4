//! Sketched blocks: the sketches of several blocks in one dispatch a binding, their Gram blocks in another. Sketches beyond what
//! a binding or an invocation takes are made in several ranges of their buckets, whose Gram blocks add up.

use std::ops::Range;

use rayon::prelude::*;

use super::Resident;
use crate::device::gpu::context::Context;
use crate::device::gpu::element::GpuElement;
use crate::device::gpu::plan::{number, too_large};
use crate::device::gpu::steps::Steps;
use crate::device::gpu::store::Body;
use crate::error::Result;
use crate::kernel::{
    BucketIndex, Curvature, GramParams, INVOCATIONS, SketchBlock, SketchKind, SketchParams, count_sketch,
    count_sketch_csr, gram,
};

/// What fixes the sizes of all buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    rows: usize,
    cols: usize,
    classes: usize,
    softmax: bool,
    kind: SketchKind,
    buckets: usize,
    blocks: usize,
}

impl Form {
    pub fn new(data: &Resident, curvature: &Curvature<'_, f32>, first: &SketchBlock, blocks: usize) -> Form {
        let SketchBlock { kind, buckets, .. } = *first;
        let softmax = matches!(curvature, Curvature::Softmax { .. });
        Form { rows: data.rows, cols: data.cols, classes: curvature.classes(), softmax, kind, buckets, blocks }
    }

    /// dK.
    pub fn side(&self) -> usize {
        self.cols * self.classes
    }

    /// Numbers of a row of a sketch: whole units of four.
    fn stride(&self) -> usize {
        self.side().next_multiple_of(4)
    }

    /// Entries of one block's index.
    fn entries(&self) -> usize {
        match self.kind {
            SketchKind::CountSketch => self.rows * self.classes,
            SketchKind::UniformRows => self.buckets,
        }
    }
}

/// Rows of the data that one dispatch adds up.
struct Part {
    chunk: usize,
    rows: Range<usize>,
}

/// What the blocks of one form need, made once.
pub(super) struct Plan {
    form: Form,
    /// Blocks of one submission.
    most: usize,
    parts: Vec<Part>,
    /// Ranges of the buckets, each with a dispatch for every part and one for the Gram blocks.
    ranges: Vec<Range<usize>>,
    steps: Steps,
    starts: wgpu::Buffer,
    entries: wgpu::Buffer,
    roots: wgpu::Buffer,
    probabilities: wgpu::Buffer,
    indices: Vec<BucketIndex>,
    /// What goes to the buffers of the same names.
    listed_starts: Vec<u32>,
    listed_entries: Vec<u32>,
    scaled_roots: Vec<f32>,
}

impl Plan {
    /// For blocks of `form`.
    pub fn new<T: GpuElement>(data: &Resident, form: Form) -> Result<Plan> {
        let Resident { context, options, bounds, .. } = data;
        let parts = parts(data, &form);
        let range = gram::rows_of_dispatch(form.buckets, form.stride(), bounds);
        if range == 0 {
            return Err(too_large(context, "a panel of a sketch", gram::PANEL * form.stride() * 4, bounds));
        }
        let ranges: Vec<_> =
            (0..form.buckets).step_by(range).map(|begin| begin..form.buckets.min(begin + range)).collect();
        let sizes = [
            ("the index of a block", parts.len() * (form.buckets + 1) * 4),
            ("the index of a block", form.entries() * 4),
            ("a sketch", range * form.stride() * 4),
            ("a Gram block", form.side() * form.side() * 4),
        ];
        for (what, bytes) in sizes.into_iter().chain([("the roots", form.rows * form.classes * 4)]) {
            if bytes > bounds.binding_bytes {
                return Err(too_large(context, what, bytes, bounds));
            }
        }
        let fits = sizes.map(|(_, bytes)| bounds.binding_bytes / bytes.max(1));
        let most = fits.into_iter().fold(form.blocks, usize::min);
        // Kernels count sums, and invocations of a folded grid, in 32 bits.
        number(context, most * range * form.stride() + INVOCATIONS * bounds.groups)?;
        let [starts, entries, sketch, results] = sizes.map(|(_, bytes)| most * bytes);

        use wgpu::BufferUsages as Usage;
        let buffer = |label, bytes, usage| context.buffer(label, bytes, usage, false);
        let given = Usage::STORAGE | Usage::COPY_DST;
        let numbers = form.rows * form.classes * 4;
        let starts = buffer("bucket starts", starts, given)?;
        let entries = buffer("bucket entries", entries, given)?;
        let roots = buffer("roots", numbers, given)?;
        let probabilities = buffer("probabilities", if form.softmax { numbers } else { 0 }, given)?;
        // What no kernel writes, up to the next unit of four columns, is zero from the start.
        let sketch = buffer("sketches", sketch, Usage::STORAGE)?;
        let kernel = if data.longest.is_some() { count_sketch_csr::KERNEL } else { count_sketch::KERNEL };
        let sketching = context.pipeline(kernel.name, &options.source(&kernel, T::PRECISION), None)?;
        let squaring = context.pipeline("gram", &options.source(&gram::KERNEL, T::PRECISION), None)?;
        let mut steps = Steps::new(context, options, ranges.len() * (parts.len() + 1), results)?;
        let results = steps.results();
        for _ in &ranges {
            for part in &parts {
                let mut bound = vec![(1, &starts), (2, &entries), (3, &sketch), (5, &roots), (6, &probabilities)];
                match &data.chunks[part.chunk].body {
                    Body::Dense { matrix } => bound.push((4, matrix)),
                    Body::Sparse { offsets, columns, values, .. } => {
                        bound.extend([(4, values), (7, offsets), (8, columns)]);
                    }
                }
                steps.add(context, &sketching, &bound)?;
            }
            steps.add(context, &squaring, &[(1, &sketch), (2, &results)])?;
        }
        Ok(Plan {
            form,
            most,
            parts,
            ranges,
            steps,
            starts,
            entries,
            roots,
            probabilities,
            indices: Vec::new(),
            listed_starts: Vec::new(),
            listed_entries: Vec::new(),
            scaled_roots: Vec::new(),
        })
    }

    /// True where it serves blocks of this form; fewer of them are no other form.
    pub fn serves(&self, form: &Form) -> bool {
        form.blocks <= self.form.blocks && Form { blocks: self.form.blocks, ..*form } == self.form
    }

    /// The blocks in order, as [`crate::device::HessianDevice::sketched_gram`] has them; the seconds of the last submission.
    pub fn run(
        &mut self,
        data: &Resident,
        curvature: &Curvature<'_, f32>,
        blocks: &[SketchBlock],
        take: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<Option<f64>> {
        let context = &*data.context;
        let block_len = self.form.side() * self.form.side();
        let mut seconds = None;
        for (batch, blocks) in blocks.chunks(self.most).enumerate() {
            self.list(data, blocks)?;
            if batch == 0 {
                self.curve(context, curvature)?;
            }
            context.write(&self.starts, 0, bytemuck::cast_slice(&self.listed_starts))?;
            context.write(&self.entries, 0, bytemuck::cast_slice(&self.listed_entries))?;
            self.direct(data, blocks.len())?;
            let first = batch * self.most;
            seconds = self.steps.submit(context, blocks.len() * block_len * 4, &mut |sums| {
                sums.chunks_exact(block_len).enumerate().for_each(|(number, block)| take(first + number, block));
            })?;
        }
        Ok(seconds)
    }

    /// The indices of the blocks: for each part of the rows, those of its entries one block after the other.
    fn list(&mut self, data: &Resident, blocks: &[SketchBlock]) -> Result<()> {
        let context = &*data.context;
        let (classes, rows) = (self.form.classes, self.form.rows * self.form.classes);
        self.indices.resize_with(self.indices.len().max(blocks.len()), BucketIndex::default);
        let indices = &mut self.indices[..blocks.len()];
        indices.par_iter_mut().zip(blocks).try_for_each(|(index, block)| block.index(rows, index))?;
        let most = most_entries(data);
        self.listed_starts.clear();
        self.listed_entries.clear();
        for part in &self.parts {
            let rows = part.rows.start * classes..part.rows.end * classes;
            for index in &*indices {
                self.listed_starts.push(number(context, self.listed_entries.len())?);
                for b in 0..self.form.buckets {
                    let entries = index.bucket_within(b, rows.clone());
                    if entries.len() > most {
                        let text = format!("a bucket of {} rows: at most {most}; take more buckets", entries.len());
                        return Err(context.error(text));
                    }
                    self.listed_entries.extend(entries.iter().map(|entry| entry.bits()));
                    self.listed_starts.push(number(context, self.listed_entries.len())?);
                }
            }
        }
        Ok(())
    }

    /// The roots, with the scale that all blocks share, and the probabilities.
    fn curve(&mut self, context: &Context, curvature: &Curvature<'_, f32>) -> Result<()> {
        #[allow(clippy::cast_possible_truncation, reason = "the arithmetic is f32's")]
        let scale = self.indices.first().map_or(1.0, |index| index.scale() as f32);
        let classes = self.form.classes;
        let rows = 0..self.form.rows * classes;
        self.scaled_roots.clear();
        self.scaled_roots.extend(rows.map(|row| curvature.root(row / classes, row % classes) * scale));
        context.write(&self.roots, 0, bytemuck::cast_slice(&self.scaled_roots))?;
        match *curvature {
            Curvature::Scalar(_) => Ok(()),
            Curvature::Softmax { probabilities, .. } => {
                context.write(&self.probabilities, 0, bytemuck::cast_slice(probabilities))
            }
        }
    }

    /// Parameters and grids for so many blocks.
    fn direct(&mut self, data: &Resident, blocks: usize) -> Result<()> {
        let Resident { context, bounds, .. } = data;
        let Form { cols, classes, softmax, buckets, .. } = self.form;
        let (side, stride) = (self.form.side(), self.form.stride());
        let number = |n: usize| number(context, n);
        let mut step = 0;
        for (r, range) in self.ranges.iter().enumerate() {
            for (p, part) in self.parts.iter().enumerate() {
                let units = data.units;
                let params = SketchParams {
                    buckets: number(range.len())?,
                    bucket_begin: number(range.start)?,
                    all_buckets: number(buckets)?,
                    blocks: number(blocks)?,
                    units: number(units)?,
                    cols: number(cols)?,
                    classes: number(classes)?,
                    softmax: u32::from(softmax),
                    row_begin: number(data.chunks[part.chunk].rows.start)?,
                    starts_begin: number(p * blocks * (buckets + 1))?,
                    stride: number(stride)?,
                    add: u32::from(p > 0),
                };
                let sums = blocks * range.len() * classes;
                let groups = match data.longest {
                    Some(_) => sums * cols.div_ceil(count_sketch_csr::COLUMNS),
                    None => (sums * units).div_ceil(INVOCATIONS),
                };
                self.steps.set(context, bounds, step, bytemuck::bytes_of(&params), groups)?;
                step += 1;
            }
            let params = GramParams {
                rows: number(range.len())?,
                cols: number(side)?,
                units: number(stride / 4)?,
                tiles: number(side.div_ceil(gram::TILE))?,
                blocks: number(blocks)?,
                add: u32::from(r > 0),
            };
            self.steps.set(context, bounds, step, bytemuck::bytes_of(&params), blocks * gram::tiles(side))?;
            step += 1;
        }
        Ok(())
    }
}

/// Loop iterations that four entries of a bucket take.
fn iterations(data: &Resident) -> usize {
    1 + data.longest.map_or(0, |longest| longest.div_ceil(count_sketch_csr::LANES))
}

/// Entries of a bucket that an invocation walks in one dispatch, at most.
fn most_entries(data: &Resident) -> usize {
    4 * (data.bounds.iterations / iterations(data))
}

/// The rows of each dispatch: those of a binding, or fewer where buckets would be too full.
fn parts(data: &Resident, form: &Form) -> Vec<Part> {
    let most = match form.kind {
        SketchKind::CountSketch => {
            count_sketch::rows_of_dispatch(form.buckets, form.classes, iterations(data), &data.bounds)
        }
        SketchKind::UniformRows => form.rows,
    };
    let mut parts = Vec::new();
    for (chunk, piece) in data.chunks.iter().enumerate() {
        let end = piece.rows.end;
        parts.extend(piece.rows.clone().step_by(most).map(|begin| Part { chunk, rows: begin..end.min(begin + most) }));
    }
    parts
}
