//! Sketched Gram blocks on the device: the sketches of several blocks in one dispatch, their Gram blocks in another, one
//! submission and one read-back; buffers and bind groups are made once.

use super::GpuOptions;
use super::context::Context;
use super::element::GpuElement;
use super::plan::{bind, grid, number, too_large};
use super::store::{Body, Store};
use crate::error::{Error, Result};
use crate::kernel::{
    Bounds, BucketIndex, Curvature, GramParams, INVOCATIONS, Kernel, SketchBlock, SketchKind, SketchParams,
    count_sketch, gram,
};

/// What the blocks of one form on one worker's shard need, made once.
pub(super) struct HessianPlan {
    form: Form,
    row_begin: usize,
    /// Blocks of one submission.
    most: usize,
    sketch: Stage,
    gram: Stage,
    starts: wgpu::Buffer,
    entries: wgpu::Buffer,
    roots: wgpu::Buffer,
    results: wgpu::Buffer,
    staging: wgpu::Buffer,
    index: BucketIndex,
    /// What goes to the buffers of the same names.
    listed_starts: Vec<u32>,
    listed_entries: Vec<u32>,
    scaled_roots: Vec<f32>,
}

/// One kernel and what it is bound to.
struct Stage {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    params: wgpu::Buffer,
}

/// What fixes the sizes of all buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    rows: usize,
    cols: usize,
    /// 16-byte storage units of a row of data, and units of four columns of a row of the sketch.
    units: usize,
    fours: usize,
    kind: SketchKind,
    buckets: usize,
    blocks: usize,
}

impl Form {
    /// Of `blocks` on a dense shard.
    pub fn new<T: GpuElement>((rows, cols): (usize, usize), blocks: &[SketchBlock]) -> Result<Form> {
        let Some(first) = blocks.first() else {
            return Err(Error::usage("sketch blocks", 0, "at least one block"));
        };
        let (kind, buckets) = (first.kind, first.buckets);
        if let Some(other) = blocks.iter().find(|b| (b.kind, b.buckets) != (kind, buckets)) {
            let got = format!("{kind:?} of {buckets} buckets and {:?} of {}", other.kind, other.buckets);
            return Err(Error::usage("sketch blocks", got, "blocks of one kind and size"));
        }
        let units = cols.div_ceil(T::WIDTH);
        Ok(Form { rows, cols, units, fours: units * T::WIDTH / 4, kind, buckets, blocks: blocks.len() })
    }

    /// Entries of one block's index.
    fn entries(&self) -> usize {
        match self.kind {
            SketchKind::CountSketch => self.rows,
            SketchKind::UniformRows => self.buckets,
        }
    }

    /// Tiles along the columns of a Gram block, and all on and below its diagonal.
    fn tiles(&self) -> (usize, usize) {
        let along = self.cols.div_ceil(gram::TILE);
        (along, along * (along + 1) / 2)
    }

    /// Bytes of one block: starts, entries, sketch, Gram block.
    fn bytes(&self) -> [usize; 4] {
        [(self.buckets + 1) * 4, self.entries() * 4, self.buckets * self.fours * 16, self.cols * self.cols * 4]
    }

    /// Blocks that one binding of each kind holds.
    fn most(&self, context: &Context, bounds: &Bounds) -> Result<usize> {
        for (what, bytes) in ["the index of a block", "the index of a block", "a sketch", "a Gram block"]
            .into_iter()
            .zip(self.bytes())
            .chain([("the roots", self.rows * 4)])
        {
            if bytes > bounds.binding_bytes {
                return Err(too_large(context, what, bytes, bounds));
            }
        }
        // An invocation walks all rows of a sketch, in panels.
        let loops = self.buckets.next_multiple_of(gram::PANEL) + self.buckets.div_ceil(gram::PANEL);
        if loops > bounds.iterations {
            let text = format!("{} buckets: {loops} loop iterations; at most {}", self.buckets, bounds.iterations);
            return Err(context.error(text));
        }
        let fitting = self.bytes().map(|bytes| bounds.binding_bytes / bytes.max(1));
        let most = fitting.into_iter().fold(self.blocks, usize::min);
        // Kernels count sums of all blocks in 32 bits.
        grid(context, (most * self.buckets * self.units).div_ceil(INVOCATIONS), bounds)?;
        grid(context, most * self.tiles().1, bounds)?;
        number(context, most * self.buckets * self.units + INVOCATIONS * bounds.groups)?;
        Ok(most)
    }
}

impl HessianPlan {
    /// For blocks of `form` on worker's shard, which is resident, dense, and whole in one binding.
    pub fn new<T: GpuElement>(
        context: &Context,
        options: &GpuOptions,
        bounds: &Bounds,
        store: &Store,
        worker: usize,
        form: Form,
    ) -> Result<HessianPlan> {
        let whole = store.chunks.iter().find_map(|chunk| match (&chunk.body, chunk.slot(worker)) {
            (Body::Dense { matrix }, Some(slot)) if chunk.rows.len() == form.rows => Some((matrix, slot)),
            _ => None,
        });
        let Some((matrix, slot)) = whole else {
            return Err(too_large(context, "the shard of a sketch", form.rows * form.units * 16, bounds));
        };
        let most = form.most(context, bounds)?;
        use wgpu::BufferUsages as Usage;
        let buffer = |label, bytes, usage| context.buffer(label, bytes, usage, false);
        let [starts, entries, sketch, results] = form.bytes().map(|bytes| most * bytes);
        let given = Usage::STORAGE | Usage::COPY_DST;
        let starts = buffer("bucket starts", starts, given)?;
        let entries = buffer("bucket entries", entries, given)?;
        let roots = buffer("roots", form.rows * 4, given)?;
        let sketch = buffer("sketches", sketch, Usage::STORAGE)?;
        let staging = buffer("Gram blocks read", results, Usage::MAP_READ | Usage::COPY_DST)?;
        let results = buffer("Gram blocks", results, Usage::STORAGE | Usage::COPY_SRC)?;
        let stage = |kernel: &Kernel, bytes, bound: &[&wgpu::Buffer]| {
            let pipeline = context.pipeline(kernel.name, &options.source(kernel, T::PRECISION), None)?;
            let params = buffer("parameters", bytes, Usage::UNIFORM | Usage::COPY_DST)?;
            let bound = std::iter::once(&params).chain(bound.iter().copied());
            let bind_group = bind(context, &pipeline, bound.map(wgpu::Buffer::as_entire_binding).collect())?;
            Ok(Stage { pipeline, bind_group, params })
        };
        let first =
            stage(&count_sketch::KERNEL, size_of::<SketchParams>(), &[&starts, &entries, &sketch, matrix, &roots])?;
        let second = stage(&gram::KERNEL, size_of::<GramParams>(), &[&sketch, &results])?;
        Ok(HessianPlan {
            form,
            row_begin: slot * form.rows,
            most,
            sketch: first,
            gram: second,
            starts,
            entries,
            roots,
            results,
            staging,
            index: BucketIndex::default(),
            listed_starts: Vec::new(),
            listed_entries: Vec::new(),
            scaled_roots: Vec::new(),
        })
    }

    /// True where it serves blocks of this form.
    pub fn serves(&self, form: &Form) -> bool {
        self.form == *form
    }

    /// `out`: one (cols x cols) block after the other.
    pub fn run(
        &mut self,
        context: &Context,
        bounds: &Bounds,
        roots: &[f32],
        blocks: &[SketchBlock],
        out: &mut [f32],
    ) -> Result<()> {
        let side = self.form.cols * self.form.cols;
        for (blocks, out) in blocks.chunks(self.most).zip(out.chunks_mut(self.most * side)) {
            self.list(context, bounds, roots, blocks)?;
            context.write(&self.starts, 0, bytemuck::cast_slice(&self.listed_starts))?;
            context.write(&self.entries, 0, bytemuck::cast_slice(&self.listed_entries))?;
            context.write(&self.roots, 0, bytemuck::cast_slice(&self.scaled_roots))?;
            self.submit(context, bounds, blocks.len(), out)?;
        }
        Ok(())
    }

    /// The indices of the blocks one after the other, and the roots with the scale that all of them share.
    fn list(&mut self, context: &Context, bounds: &Bounds, roots: &[f32], blocks: &[SketchBlock]) -> Result<()> {
        self.listed_starts.clear();
        self.listed_entries.clear();
        for block in blocks {
            block.index(self.form.rows, &mut self.index)?;
            let longest = self.index.longest();
            // An invocation takes four entries at a time.
            if longest.div_ceil(4) > bounds.iterations {
                let allowed = 4 * bounds.iterations;
                return Err(context.error(format!("a bucket of {longest} rows: at most {allowed}; take more buckets")));
            }
            self.listed_starts.push(number(context, self.listed_entries.len())?);
            for b in 0..block.buckets {
                self.listed_entries.extend(self.index.bucket(b).iter().map(|entry| entry.bits()));
                self.listed_starts.push(number(context, self.listed_entries.len())?);
            }
        }
        #[allow(clippy::cast_possible_truncation, reason = "the arithmetic is f32's")]
        let scale = self.index.scale() as f32;
        self.scaled_roots.clear();
        self.scaled_roots.extend(roots.iter().map(|root| root * scale));
        Ok(())
    }

    fn submit(&self, context: &Context, bounds: &Bounds, blocks: usize, out: &mut [f32]) -> Result<()> {
        let Form { cols, units, fours, buckets, .. } = self.form;
        let (along, tiles) = self.form.tiles();
        let number = |n: usize| number(context, n);
        let sketch = SketchParams {
            buckets: number(buckets)?,
            blocks: number(blocks)?,
            units: number(units)?,
            row_begin: number(self.row_begin)?,
        };
        let gram = GramParams {
            rows: number(buckets)?,
            cols: number(cols)?,
            units: number(fours)?,
            tiles: number(along)?,
            blocks: number(blocks)?,
        };
        context.write(&self.sketch.params, 0, bytemuck::bytes_of(&sketch))?;
        context.write(&self.gram.params, 0, bytemuck::bytes_of(&gram))?;
        let sums = (blocks * buckets * units).div_ceil(INVOCATIONS);
        let stages =
            [(&self.sketch, grid(context, sums, bounds)?), (&self.gram, grid(context, blocks * tiles, bounds)?)];
        let bytes = size_of_val(out) as u64;
        context.guarded("sketched Gram blocks", || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for (stage, (x, y)) in stages {
                pass.set_pipeline(&stage.pipeline);
                pass.set_bind_group(0, &stage.bind_group, &[]);
                pass.dispatch_workgroups(x, y, 1);
            }
            drop(pass);
            encoder.copy_buffer_to_buffer(&self.results, 0, &self.staging, 0, bytes);
            let submission = context.queue.submit([encoder.finish()]);
            self.staging.map_async(wgpu::MapMode::Read, ..bytes, |_| ());
            context.wait(submission)?;
            let view = self.staging.get_mapped_range(..bytes).map_err(|e| context.error(e.to_string()))?;
            bytemuck::cast_slice_mut::<f32, u8>(out).copy_from_slice(&view);
            drop(view);
            self.staging.unmap();
            Ok(())
        })
    }
}

/// The roots of a curvature that the kernels know.
pub(super) fn roots<'a>(curvature: &Curvature<'a, f32>, rows: usize) -> Result<&'a [f32]> {
    curvature.check(rows)?;
    match *curvature {
        Curvature::Scalar(roots) => Ok(roots),
        Curvature::Softmax { classes, .. } => Err(Error::usage(
            "curvature",
            format!("softmax of {classes} classes on a GPU"),
            "a curvature of one number an example; several classes run on the CPU device",
        )),
    }
}
